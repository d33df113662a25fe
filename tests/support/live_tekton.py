"""Tekton's own controller at work: its programs as processes of this machine, and a node that runs the pods that it makes."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support import tekton
from tests.support.embedded import running_api
from tests.support.running_node import running_node

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig as kubeconfigs
from jx.adapters.kubernetes.api import Api, Resource
from jx.adapters.local.seed import known_images

LEASES = Resource("coordination.k8s.io/v1", "leases", "Lease")
_IMAGES = ("entrypoint", "nop", "workingdirinit")
_SHELL = "tekton/shell"
_START_SECONDS = 60
_CONFIGS = {
    "CONFIG_DEFAULTS_NAME": "config-defaults",
    "CONFIG_LOGGING_NAME": "config-logging",
    "CONFIG_OBSERVABILITY_NAME": "config-observability",
    "CONFIG_FEATURE_FLAGS_NAME": "feature-flags",
    "CONFIG_LEADERELECTION_NAME": "config-leader-election-controller",
    "CONFIG_SPIRE": "config-spire",
}


def images() -> str:
    """What the node is told of Tekton's images and of ours, for its `images.json`."""
    programs = tekton.built()
    listed = [
        {
            "name": f"tekton/{name}",
            "tags": ["latest"],
            "command": [f"/ko-app/{name}"],
            "files": {"/ko-app": str(programs)},
        }
        for name in _IMAGES
    ]
    return json.dumps({"images": [*listed, *known_images()["images"]]})


@contextmanager
def embedded(folder: Path) -> Iterator[Api]:
    """The embedded cluster with its node, and with Tekton at work on it."""
    (folder / "images.json").write_text(images())
    node = "jx.adapters.local.node"
    with (
        running_api(folder, "--namespace", "default", module=node) as api,
        working(api, folder / "admin.kubeconfig", folder),
    ):
        yield api


@contextmanager
def real(kubeconfig: Path, folder: Path) -> Iterator[Api]:
    """The real cluster with the embedded one's node, and with Tekton at work on it."""
    (folder / "images.json").write_text(images())
    api = Api.connect(kubeconfigs.load([kubeconfig]), SystemClock())
    try:
        with running_node(kubeconfig, folder), working(api, kubeconfig, folder):
            yield api
    finally:
        api.close()


@contextmanager
def working(api: Api, kubeconfig: Path, folder: Path) -> Iterator[None]:
    """The cluster with Tekton's definitions, webhook and controller, until the end of the block."""
    with ExitStack() as stack:
        stack.enter_context(tekton.installed(api, kubeconfig, folder))
        log = stack.enter_context((folder / "controller.log").open("wb"))
        process = subprocess.Popen(_argv(), env=_environment(kubeconfig), stdout=log, stderr=log)
        stack.callback(tekton.end, process)
        _wait(api, process, folder / "controller.log")
        yield


def _argv() -> list[str]:
    own = [word for name in _IMAGES for word in (f"-{name}-image", f"tekton/{name}")]
    others = ["-shell-image", _SHELL, "-sidecarlogresults-image", _SHELL, "-shell-image-win", _SHELL]
    return [str(tekton.built() / "controller"), *own, *others]


def _environment(kubeconfig: Path) -> Mapping[str, str]:
    names = ("PROBES_PORT", "METRICS_PROMETHEUS_PORT", "PROFILING_PORT")
    ports = tekton.free_ports(len(names))
    return {
        **os.environ,
        **{name: str(port) for name, port in zip(names, ports, strict=True)},
        **_CONFIGS,
        "KUBECONFIG": str(kubeconfig),
        "SYSTEM_NAMESPACE": tekton.NAMESPACE,
        "POD_NAME": "tekton-pipelines-controller-0",
        "METRICS_DOMAIN": "tekton.dev/pipeline",
    }


def _wait(api: Api, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the controller leads: each of its parts takes a lease before it works."""
    end, pause = time.monotonic() + _START_SECONDS, threading.Event()
    while time.monotonic() < end and process.poll() is None:
        held = [
            each["metadata"]["name"]
            for each in api.list_pages(LEASES, tekton.NAMESPACE)[0]
            if (each.get("spec") or {}).get("holderIdentity")
        ]
        if all(any(kind in name for name in held) for kind in ("taskrun", "pipelinerun")):
            return
        pause.wait(0.1)
    raise AssertionError(f"Tekton's controller does not lead\n{log.read_text()[-3000:]}")
