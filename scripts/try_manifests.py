"""Apply a folder of manifests to the embedded API by `kubectl apply --server-side`, and wait until all is ready.

python scripts/try_manifests.py FOLDER [--kubeconfig FILE] [--timeout SECONDS]

Without a kubeconfig it starts an embedded API of its own, whose workloads are played, in a throw-away folder.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE_SECONDS = 30
# Custom resources wait for their definitions, and objects for their namespaces.
ROUNDS = 3


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="manifests, in folders of any depth")
    parser.add_argument("--kubeconfig", type=Path, help="another cluster than an embedded one")
    parser.add_argument(
        "--timeout", type=int, default=60, help="seconds until all must be ready (%(default)s)"
    )
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        kubeconfig = options.kubeconfig or stack.enter_context(embedded())
        return attempt(Kubectl(kubeconfig), options.folder, options.timeout)


class Kubectl:
    """The command, on one cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a subcommand, and give its outcome whatever it is."""
        argv = ["kubectl", *arguments]
        return subprocess.run(argv, env=self._environment, capture_output=True, text=True, check=False)

    def items(self, *kinds: str) -> list[dict]:
        """All objects of some kinds."""
        done = self("get", ",".join(kinds), "-A", "-o", "json")
        return json.loads(done.stdout)["items"] if done.returncode == 0 else []


def attempt(kubectl: Kubectl, folder: Path, timeout: int) -> int:
    begin = time.monotonic()
    applied, problems, warnings = apply(kubectl, folder)
    kinds = collections.Counter(line.split("/")[0].split(" ")[0] for line in applied)
    print(f"{len(applied)} objects accepted in {time.monotonic() - begin:.1f} s")
    for kind, count in sorted(kinds.items()):
        print(f"  {count:4} {kind}")
    for text, count in collections.Counter(warnings).most_common():
        print(f"  {count}x {text}")
    for problem in problems:
        print(f"REFUSED {problem}")
    waiting = wait(kubectl, timeout)
    for name in waiting:
        print(f"NOT READY {name}")
    ready = [name for name, is_ready in states(kubectl) if is_ready]
    print(f"{len(ready)} ready after {time.monotonic() - begin:.1f} s")
    for name in ready:
        print(f"  {name}")
    return 1 if problems or waiting else 0


def apply(kubectl: Kubectl, folder: Path) -> tuple[list[str], list[str], list[str]]:
    """What was accepted, what was refused, and the server's warnings."""
    accepted: dict[str, None] = {}
    for _ in range(ROUNDS):
        done = kubectl("apply", "--server-side", "--recursive", "--filename", str(folder))
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        problems = [line for line in lines if not line.startswith("Warning:")]
        accepted |= dict.fromkeys(done.stdout.split("\n"))
        if done.returncode == 0:
            break
    return (
        [line for line in accepted if line],
        problems,
        [line for line in lines if line.startswith("Warning:")],
    )


def wait(kubectl: Kubectl, timeout: int) -> list[str]:
    """The names of what is not ready in time."""
    end, pause = time.monotonic() + timeout, threading.Event()
    while waiting := [name for name, is_ready in states(kubectl) if not is_ready]:
        if time.monotonic() > end:
            return waiting
        pause.wait(0.2)
    return []


def states(kubectl: Kubectl) -> Iterator[tuple[str, bool]]:
    """Each workload and definition, and whether it is ready."""
    for obj in kubectl.items(
        "deployments", "statefulsets", "daemonsets", "jobs", "customresourcedefinitions"
    ):
        metadata, status = obj["metadata"], obj.get("status") or {}
        name = f"{obj['kind']} {metadata.get('namespace', '')}/{metadata['name']}".replace(" /", " ")
        yield name, is_ready(obj, status)


def is_ready(obj: dict, status: dict) -> bool:
    spec = obj.get("spec") or {}
    match obj["kind"]:
        case "CustomResourceDefinition":
            return holds(status, "Established")
        case "Job":
            return holds(status, "Complete")
        case "DaemonSet":
            return status.get("numberReady", 0) == status.get("desiredNumberScheduled", -1)
        case _:
            return status.get("readyReplicas", 0) == spec.get("replicas", 1)


def holds(status: dict, kind: str) -> bool:
    return any(one["type"] == kind and one["status"] == "True" for one in status.get("conditions") or ())


@contextlib.contextmanager
def embedded() -> Iterator[Path]:
    """An embedded API with its workloads; gives its kubeconfig."""
    with tempfile.TemporaryDirectory(prefix="try-manifests-") as folder:
        argv = [sys.executable, "-m", "jx.adapters.local.kubernetes", "--dir", folder, "--workloads"]
        kubeconfig = Path(folder, "admin.kubeconfig")
        with subprocess.Popen([*argv, "--namespace", "default"]) as process:
            try:
                kubectl, end, pause = (
                    Kubectl(kubeconfig),
                    time.monotonic() + PATIENCE_SECONDS,
                    threading.Event(),
                )
                while kubectl("get", "--raw", "/readyz").returncode:
                    if time.monotonic() > end or process.poll() is not None:
                        raise SystemExit("the embedded API did not start")
                    pause.wait(0.1)
                yield kubeconfig
            finally:
                process.terminate()
                process.wait(10)


if __name__ == "__main__":
    sys.exit(main())
