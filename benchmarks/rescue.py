"""The way back by hand: 50 charts from the ledger, with git server and chart repository down; beside Helm's rollback."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import api_servers
from benchmarks.api_servers import ApiServer
from benchmarks.costs import HELM, Cost, run_command
from benchmarks.environments import OBJECTS_OF_A_CHART, Clone, chart_repository
from benchmarks.report import Report

CHARTS = 50
DIFFERING = 7
"""Objects of a chart that say its tag."""
ROUNDS = 3


def run(report: Report) -> None:
    """350 of 1,000 objects differ between the two states: each way back changes them all."""
    with api_servers.embedded() as server, tempfile.TemporaryDirectory(prefix="bench-") as parent:
        report.say(f"  {CHARTS * OBJECTS_OF_A_CHART:,} objects, by Helm and by jx")
        theirs = _by_helm(Path(parent) / "helm", server)
        ours = _by_jx(Path(parent) / "jx", server)
    seconds = statistics.median(cost.seconds for cost in ours)
    peer = statistics.median(cost.seconds for cost in theirs)
    name = (
        f"{CHARTS} charts, {CHARTS * OBJECTS_OF_A_CHART:,} objects, from the ledger, beside Helm's rollback"
    )
    report.add(name, seconds, "s", peer=peer, aim="< 10")
    report.add("the slowest of those", max(cost.seconds for cost in ours), "s", aim="< 10")
    report.add(
        "processor", min(cost.processor for cost in ours), "s", peer=min(cost.processor for cost in theirs)
    )
    report.add("largest memory", max(cost.megabytes for cost in ours), "MB", aim="< 300")


def _names() -> list[str]:
    return [f"chart-{number:03d}" for number in range(CHARTS)]


def _by_jx(folder: Path, server: ApiServer) -> list[Cost]:
    (folder / "charts").mkdir(parents=True)
    environment = {**os.environ, "JX_HOME": str(folder / "home"), "KUBECONFIG": str(server.kubeconfig)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with chart_repository(folder / "charts", _names()) as url:
        clone = Clone.make(folder, url, "bench-rescue", _names())
        apply = [
            sys.executable,
            "-m",
            "jx",
            "step",
            "env",
            "apply",
            "-b",
            "--no-wait",
            "-d",
            str(clone.folder),
        ]
        run_command(apply, environment)
        clone.commit(_names(), note="worse", tag="2.0")
        run_command(apply, environment)
    rescue = [*apply, "--from-ledger", "~1", "--reason", "2.0 is worse"]
    found, remote = [], folder / "remote.git"
    for _ in range(ROUNDS):
        # What the last one wrote waits in the cluster, and the next one goes back from there.
        remote.rename(folder / "gone.git")
        found.append(run_command(rescue, environment))
        (folder / "gone.git").rename(remote)
        if f"{CHARTS * DIFFERING} to update" not in found[-1].told:
            raise SystemExit(f"that was no way back: {found[-1].told}")
    return found


def _by_helm(folder: Path, server: ApiServer) -> list[Cost]:
    (folder / "charts").mkdir(parents=True)
    with chart_repository(folder / "charts", _names()) as url:
        clone = Clone.make(folder, url, "bench-helm", _names())
    helm = [sys.executable, "-c", HELM]
    place = (str(server.kubeconfig), "bench-helm")
    run_command([*helm, "install", *place, str(clone.umbrella(folder))], dict(os.environ))
    clone.commit(_names(), note="worse", tag="2.0")
    run_command([*helm, "upgrade", *place, str(clone.umbrella(folder))], dict(os.environ))
    return [run_command([*helm, "rollback", *place, ""], dict(os.environ)) for _ in range(ROUNDS)]
