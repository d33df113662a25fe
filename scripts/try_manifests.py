"""Apply manifests to the embedded API by `kubectl apply --server-side`, and wait until all is ready.

python scripts/try_manifests.py FOLDER [--namespace NAME] [--values YAML_FILE] [--kubeconfig FILE] [--timeout SECONDS]

The folder holds manifests, or is a chart, which is rendered by Helm's engine. Without a kubeconfig it starts an embedded API
of its own, with played workloads, in a throw-away folder. Beside a real API server (`scripts/test_cluster.py`) the same is
applied there, too, and both must accept the same, with the same warnings and the same refusals.
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
from dataclasses import dataclass
from pathlib import Path

import yaml

PATIENCE_SECONDS = 30
# Custom resources wait for their definitions, and objects for their namespaces.
ROUNDS = 3
REAL = "JX_PARITY_KUBECONFIG"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="manifests, in folders of any depth, or a chart")
    parser.add_argument("--namespace", default="default", help="made where it is missing (%(default)s)")
    parser.add_argument("--values", type=Path, help="values of the chart")
    parser.add_argument("--kubeconfig", type=Path, help="another cluster than an embedded one")
    parser.add_argument(
        "--timeout", type=int, default=60, help="seconds until all must be ready (%(default)s)"
    )
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.folder
        if (folder / "Chart.yaml").exists():
            into = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="try-manifests-")))
            render(folder, options.namespace, options.values, into)
            folder = into
        kubeconfig = options.kubeconfig or stack.enter_context(embedded())
        kubectl = Kubectl(kubeconfig, options.namespace)
        begin = time.monotonic()
        ours = apply(kubectl, folder)
        show(ours, time.monotonic() - begin)
        differing = beside_real(ours, folder, options.namespace)
        failed = await_ready(kubectl, options.timeout)
    return 1 if ours.problems or differing or failed else 0


def render(chart: Path, namespace: str, values: Path | None, into: Path) -> None:
    """Write what a chart renders to, named after the chart."""
    from jx.adapters.helm.engine import Engine
    from jx.adapters.local.kubernetes.types import facts
    from jx.adapters.local.kubernetes.views.discovery import GIT_VERSION

    name = yaml.safe_load((chart / "Chart.yaml").read_text())["name"]
    served = sorted({one.api_version for one in facts.load().resources})
    options = {"name": name, "namespace": namespace, "kube_version": GIT_VERSION, "api_versions": served}
    given = yaml.safe_load(values.read_text()) if values else {}
    with contextlib.closing(Engine()) as engine:
        output = engine.render(chart, given or {}, options)
    texts = [*output.files.items(), *output.crds]
    for number, (path, text) in enumerate(texts):
        if text.strip() and not path.endswith(".txt"):
            (into / f"{number:03}.yaml").write_text(text)


@dataclass(frozen=True)
class Applied:
    """What a server said to manifests."""

    accepted: tuple[str, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def show(applied: Applied, seconds: float) -> None:
    kinds = collections.Counter(line.split("/")[0].split(" ")[0] for line in applied.accepted)
    print(f"{len(applied.accepted)} objects accepted in {seconds:.1f} s")
    for kind, count in sorted(kinds.items()):
        print(f"  {count:4} {kind}")
    for text, count in collections.Counter(applied.warnings).most_common():
        print(f"  {count}x {text}")
    for problem in applied.problems:
        print(f"REFUSED {problem}")


def beside_real(ours: Applied, folder: Path, namespace: str) -> bool:
    """Whether a real server, where there is one, says anything else."""
    if REAL not in os.environ:
        return False
    theirs = apply(Kubectl(Path(os.environ[REAL]), namespace), folder)
    print(f"{len(theirs.accepted)} objects accepted by the real server")
    said = (
        (ours.accepted, theirs.accepted),
        (ours.problems, theirs.problems),
        (ours.warnings, theirs.warnings),
    )
    for mine, real in said:
        for line in sorted(set(mine) - set(real)):
            print(f"ONLY HERE {line}")
        for line in sorted(set(real) - set(mine)):
            print(f"ONLY REALLY {line}")
    return any(set(mine) != set(real) for mine, real in said)


def await_ready(kubectl: Kubectl, timeout: int) -> bool:
    """Show what becomes ready, and tell whether anything does not."""
    begin = time.monotonic()
    waiting = wait(kubectl, timeout)
    for name in waiting:
        print(f"NOT READY {name}")
    ready = [name for name, is_ready in states(kubectl) if is_ready]
    print(f"{len(ready)} ready after {time.monotonic() - begin:.1f} s more")
    for name in ready:
        print(f"  {name}")
    return bool(waiting)


class Kubectl:
    """The command, on one cluster."""

    def __init__(self, kubeconfig: Path, namespace: str = "default") -> None:
        """`namespace` is for objects that name none."""
        self.namespace = namespace
        content = yaml.safe_load(kubeconfig.read_text())
        for one in content["contexts"]:
            one["context"]["namespace"] = namespace
        self._folder = tempfile.TemporaryDirectory(prefix="try-manifests-")
        own = Path(self._folder.name, "kubeconfig")
        own.touch(mode=0o600)
        own.write_text(yaml.safe_dump(content))
        self._environment = {**os.environ, "KUBECONFIG": str(own)}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a subcommand, and give its outcome whatever it is."""
        argv = ["kubectl", *arguments]
        return subprocess.run(argv, env=self._environment, capture_output=True, text=True, check=False)

    def items(self, *kinds: str) -> list[dict]:
        """All objects of some kinds."""
        done = self("get", ",".join(kinds), "-A", "-o", "json")
        return json.loads(done.stdout)["items"] if done.returncode == 0 else []


def apply(kubectl: Kubectl, folder: Path) -> Applied:
    """Apply until all is accepted, or nothing more is to be hoped for."""
    kubectl("create", "namespace", kubectl.namespace)
    accepted: dict[str, None] = {}
    for _ in range(ROUNDS):
        done = kubectl("apply", "--server-side", "--recursive", "--filename", str(folder))
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        accepted |= dict.fromkeys(line for line in done.stdout.split("\n") if line)
        if done.returncode == 0:
            break
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=20s")
    return Applied(
        tuple(accepted),
        tuple(line for line in lines if not line.startswith("Warning:")),
        tuple(line for line in lines if line.startswith("Warning:")),
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
                end, pause = time.monotonic() + PATIENCE_SECONDS, threading.Event()
                while not kubeconfig.exists() or Kubectl(kubeconfig)("get", "--raw", "/readyz").returncode:
                    if time.monotonic() > end or process.poll() is not None:
                        raise SystemExit("the embedded API did not start")
                    pause.wait(0.1)
                yield kubeconfig
            finally:
                process.terminate()
                process.wait(10)


if __name__ == "__main__":
    sys.exit(main())
