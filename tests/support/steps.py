"""Pods of steps on a cluster whose node runs them, and what is known of them afterwards."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.support.node import RealWorld
from tests.support.workloads import Obj

ANNOTATION = "local.jenkins-x.io/steps"


def steps_pod(*steps: Obj, name: str = "run", pod: Obj | None = None, grace: int = 1) -> Obj:
    """A pod of these containers; `script`, `onError` and `timeoutSeconds` of each go where the node looks for them."""
    wishes = {
        f"step-{number}": {key: step[key] for key in ("script", "onError", "timeoutSeconds") if key in step}
        for number, step in enumerate(steps, 1)
    }
    containers = [
        {
            "name": f"step-{number}",
            "image": "example/tools:1",
            **{key: value for key, value in step.items() if key not in wishes[f"step-{number}"]},
        }
        for number, step in enumerate(steps, 1)
    ]
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": grace, "containers": containers}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": {ANNOTATION: json.dumps(wishes)}},
        "spec": {**spec, **(pod or {})},
    }


def sh(script: str, **more: Any) -> Obj:
    """A step that runs a script of a shell."""
    return {"script": script, **more}


def tries(script: str, **more: Any) -> Obj:
    """A step that goes on whatever fails."""
    return sh(f"set +e\n{script}\ntrue", **more)


def ended(world: RealWorld, name: str = "run") -> Obj:
    """The pod, once it has ended."""
    return world.until_status("Pod", name, lambda status: status.get("phase") in ("Succeeded", "Failed"))


def phase(world: RealWorld, name: str = "run") -> str:
    return str(ended(world, name)["status"]["phase"])


def end_of(pod: Obj, step: int) -> Obj:
    """How a step ended."""
    found: Obj = pod["status"]["containerStatuses"][step - 1]["state"]["terminated"]
    return found


def said(pod: Obj, step: int) -> dict[str, str]:
    """What the end of a step says: results, and why."""
    return {one["key"]: one["value"] for one in json.loads(end_of(pod, step)["message"])}


def until(look: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return once something is true of which nobody tells: what lies on the disk."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not look():
        assert time.monotonic() < end, f"it is not true after {seconds} s"
        pause.wait(0.02)


def log(world: RealWorld, step: int = 1, name: str = "run") -> bytes:
    """What a step printed."""
    path = world.cluster.node.open("default", name, f"step-{step}", previous=False)
    return path.read_bytes() if path else b""
