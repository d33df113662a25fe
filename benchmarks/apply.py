"""An environment of 1,000 objects applied by jx, kubectl and Helm, each from the start of its process, on the same API server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import api_servers
from benchmarks.api_servers import ApiServer
from benchmarks.costs import HELM, Cost, run_command
from benchmarks.environments import OBJECTS_OF_A_CHART, Clone, chart_repository
from benchmarks.report import Report

CHARTS = 50
GROWTH = (5, 250)
"""Further sizes, by charts, for ours alone."""
KUBECTL = shutil.which("kubectl")
AIMS = {"first apply": "ratio < 0.33", "nothing changed": "< 1 and ratio < 0.05"}


def run(report: Report) -> None:
    """All sizes on the embedded server, then on the real one."""
    with api_servers.embedded() as server:
        _measure(report, server)
    with api_servers.real() as real:
        if real is None:
            report.note(
                "No real API server to measure on: run `make test-cluster` once, or set JX_TEST_KUBECONFIG."
            )
        else:
            _measure(report, real)
    if KUBECTL is None:
        report.note("No kubectl to compare with.")


def _measure(report: Report, server: ApiServer) -> None:
    with _environment(CHARTS) as place:
        report.say(f"  {server.name}: {CHARTS * OBJECTS_OF_A_CHART} objects by jx, kubectl and Helm")
        kubectl = list(_by_kubectl(place, server)) if KUBECTL else []
        helm = list(_by_helm(place, server))
        ours = list(_by_jx(place, server))
    for step, cost in ours:
        words = f"{server.name}: {step}"
        report.add(
            f"{words}, beside kubectl", cost.seconds, "s", peer=_of(kubectl, step), aim=AIMS.get(step, "")
        )
        if _of(helm, step):
            report.add(f"{words}, beside Helm", cost.seconds, "s", peer=_of(helm, step))
    most = max(cost.megabytes for _, cost in ours)
    peers = [cost.megabytes for _, cost in kubectl]
    report.add(f"{server.name}: largest memory", most, "MB", peer=max(peers) if peers else None, aim="< 300")
    for step, cost in ours:
        report.add(f"{server.name}: {step}, processor", cost.processor, "s")
    for charts in GROWTH:
        with _environment(charts) as place:
            report.say(f"  {server.name}: {charts * OBJECTS_OF_A_CHART} objects by jx")
            for step, cost in _by_jx(place, server):
                words = f"{server.name}: {step}, {charts * OBJECTS_OF_A_CHART:,} objects"
                report.add(words, cost.seconds, "s")
                report.add(f"{words}, processor", cost.processor, "s")
                most = max(most, cost.megabytes)
        report.add(f"{server.name}: largest memory up to {charts * OBJECTS_OF_A_CHART:,} objects", most, "MB")


def _of(costs: Sequence[tuple[str, Cost]], step: str) -> float | None:
    return dict(costs)[step].seconds if step in dict(costs) else None


@dataclass(frozen=True)
class Place:
    """A folder for one environment, its charts on offer."""

    folder: Path
    url: str
    names: list[str]

    def clone(self, namespace: str) -> Clone:
        """A fresh environment repository."""
        parent = self.folder / namespace
        parent.mkdir()
        return Clone.make(parent, self.url, namespace, self.names)


@contextmanager
def _environment(charts: int) -> Iterator[Place]:
    names = [f"chart-{number:03d}" for number in range(charts)]
    with tempfile.TemporaryDirectory(prefix="bench-") as parent:
        folder = Path(parent)
        (folder / "charts").mkdir()
        with chart_repository(folder / "charts", names) as url:
            yield Place(folder, url, names)


def _by_jx(place: Place, server: ApiServer) -> Iterator[tuple[str, Cost]]:
    clone = place.clone(f"jx-{len(place.names)}")
    environment = {
        **os.environ,
        "JX_HOME": str(place.folder / "home"),
        "KUBECONFIG": str(server.kubeconfig),
    }
    jx = [sys.executable, "-m", "jx"]
    apply = [*jx, "step", "env", "apply", "-b", "--no-wait", "-d", str(clone.folder)]
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    run_command([*jx, "version"], environment)
    yield "first apply", run_command(apply, environment)
    yield "nothing changed", run_command(apply, environment)
    clone.commit(place.names, note="another")
    yield "one object changed", run_command(apply, environment)
    clone.commit(place.names[:-1], note="another")
    yield "one chart pruned", run_command(apply, environment)
    yield "drift check", run_command([*jx, "diff", "-d", str(clone.folder)], environment)


def _by_kubectl(place: Place, server: ApiServer) -> Iterator[tuple[str, Cost]]:
    assert KUBECTL is not None
    namespace = "kubectl"
    clone = place.clone(namespace)
    environment = {**os.environ, "KUBECONFIG": str(server.kubeconfig), "KUBECTL_APPLYSET": "true"}
    run_command([KUBECTL, "create", "namespace", namespace], environment)
    path = place.folder / "objects.yaml"
    apply = [KUBECTL, "apply", "--server-side", "-n", namespace, "-f", str(path)]
    path.write_text(_manifests(clone))
    yield "first apply", run_command(apply, environment)
    yield "nothing changed", run_command(apply, environment)
    yield (
        "drift check",
        run_command([KUBECTL, "diff", "--server-side", "-n", namespace, "-f", str(path)], environment),
    )
    clone.commit(place.names, note="another")
    path.write_text(_manifests(clone))
    yield "one object changed", run_command(apply, environment)
    # What is to be pruned has to be in a set first.
    prune = [*apply, "--prune", f"--applyset=configmap/{namespace}", "--force-conflicts"]
    run_command(prune, environment)
    clone.commit(place.names[:-1], note="another")
    path.write_text(_manifests(clone))
    yield "one chart pruned", run_command(prune, environment)


def _by_helm(place: Place, server: ApiServer) -> Iterator[tuple[str, Cost]]:
    clone = place.clone("helm")

    def run(do: str) -> Cost:
        chart = clone.umbrella(place.folder)
        return run_command(
            [sys.executable, "-c", HELM, do, str(server.kubeconfig), "helm", str(chart)], dict(os.environ)
        )

    yield "first apply", run("install")
    yield "nothing changed", run("upgrade")
    clone.commit(place.names, note="another")
    yield "one object changed", run("upgrade")
    clone.commit(place.names[:-1], note="another")
    yield "one chart pruned", run("upgrade")


def _manifests(clone: Clone) -> str:
    """The very objects that jx applies, as its own engine renders them."""
    with tempfile.TemporaryDirectory() as folder:
        chart = clone.umbrella(Path(folder))
        code = "import sys; from benchmarks.environments import print_rendered; print_rendered(*sys.argv[1:])"
        argv = [sys.executable, "-c", code, str(chart), clone.namespace]
        return subprocess.run(argv, check=True, capture_output=True, text=True, cwd=api_servers.ROOT).stdout
