"""Does a merge do what its pull request tells? Adds, upgrades and deletes public charts, and asks the API server's audit log.

    PYTHONPATH=. python scripts/tour_charts.py [--real] CLONES [CHART...]

CLONES is a folder of clones of the charts' repositories (see `public_charts.py`). Each chart is added to the staging environment
of an embedded platform at one version, upgraded to another, and deleted, by three pull requests. What each told (operation,
object, field; by the comment that the controllers wrote, or by `jx pr diff` where that says that it is cut) is compared with what
the audit log says that the controllers did. Health is not waited for: nothing runs these images. Exit code 1 where something
differs.

With `--real` the API server is Kubernetes' own, as `scripts/test_cluster.py` starts it, with its audit log. Forge and
repositories are in memory then, and each chart has an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from scripts import public_charts
from scripts.public_charts import Clones
from tests.support import touring as touring_support
from tests.support.places import make_place
from tests.support.platform import Machine, install, machine_at
from tests.support.told import Log, Told, differences
from tests.support.touring import Step
from tests.support.worlds import REPOSITORY, environment_tree

from jx.adapters.files.clock import SystemClock
from jx.adapters.helm.archives import unpack
from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.anchors import KubernetesAnchors
from jx.adapters.kubernetes.api import Api
from jx.adapters.local.forge.client import LocalForge
from jx.domain.charts.charts import Chart, ChartRef
from jx.domain.names import EnvironmentName, Repo

_PATIENCE = 600
_MERGED = re.compile(r"Merged pull request #\d+ as ([0-9a-f]+)")
RULES = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- {level: Metadata, verbs: [get, list, watch]}
- {level: RequestResponse}
"""
CONTROLLERS = "system:serviceaccount:jx:jx-controllers"
CHARTS = (
    "kube-prometheus-stack", "ingress-nginx", "cert-manager", "jenkins", "vault", "argo-cd", "traefik", "grafana",
    "redis", "postgresql", "nats", "metrics-server",
)  # fmt: skip
VALUES: dict[str, object] = {
    "cert-manager": {"crds": {"enabled": True}},
    "ingress-nginx": {"controller": {"admissionWebhooks": {"enabled": False}}},
    "kube-prometheus-stack": {
        "prometheusOperator": {"admissionWebhooks": {"enabled": False}, "tls": {"enabled": False}}
    },
    "metrics-server": {"apiService": {"create": False}},
}
"""What is set. Definitions of cert-manager are off by default. Nothing runs these images, so what waits for what they do is left
out: an API that one of them serves, and pods that wait for the certificates that a Job makes."""
REAL_VALUES = VALUES | {"cert-manager": {"crds": {"enabled": True}, "startupapicheck": {"enabled": False}}}
"""The same where there is no node, so that no Job of a hook ever ends."""


@dataclass
class Tour:
    """An environment that charts come to and go from, and what was found."""

    machine: Machine
    log: Path
    done: Log
    charts: Path
    """Where the platform's chart repository takes archives."""
    forge: LocalForge
    repo: Repo
    anchors: KubernetesAnchors
    told: Told = field(default_factory=Told)
    at: int = 0

    def read_log(self) -> list[bytes]:
        """What the API server has written down since the last call."""
        with self.log.open("rb") as log:
            log.seek(self.at)
            lines = log.readlines()
            self.at = log.tell()
        return lines

    def step(self, *words: str) -> Step:
        """One pull request, merged and applied."""
        self.done.read(self.read_log(), count=False)
        number = int(self.machine.jx(*words, "--env", "staging", "-b", timeout=_PATIENCE).ok().pull)
        comment = self.comment(number)
        is_cut = "… cut here" in comment
        text = (
            self.machine.jx("pr", "diff", str(number), "--env", "staging", timeout=_PATIENCE).ok().out
            if is_cut
            else comment
        )
        before = len(self.told.problems)
        told = self.told.read(text)
        merged = self.machine.jx(
            "pr", "merge", str(number), "--env", "staging", user="bob", timeout=_PATIENCE
        )
        if merged.code:
            return Step(told, {}, [f"exit code {merged.code}: {merged.told}", comment[:2000]], is_cut=is_cut)
        done = self.done.read(self.applied(_MERGED.search(merged.told)[1]))  # type: ignore[index]
        return Step(told, done, self.told.problems[before:] + differences(told, done), is_cut=is_cut)

    def comment(self, number: int) -> str:
        """What the controllers say of a pull request."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            pull = self.forge.observe(self.repo, number)
            if any(check.context == "jx/plan" for check in pull.checks):
                return next(one.body for one in pull.comments if one.key == "jx-plan")
            time.sleep(0.5)
        raise SystemExit(f"nobody has checked pull request #{number}")

    def applied(self, revision: str) -> list[bytes]:
        """The log until that commit is applied, or until that has failed."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            anchor = self.anchors.find(EnvironmentName("staging"))
            if anchor and anchor.applied and (anchor.applied.source.revision or "").startswith(revision):
                return self.read_log()
            time.sleep(0.5)
        raise SystemExit(f"{revision} was not applied; jx get activities told:\n{self.activities()}")

    def activities(self) -> str:
        """What the controllers say of their work."""
        return self.machine.jx("get", "activities", timeout=_PATIENCE).told


def row(step: Step) -> str:
    """For a table: objects and fields told and done, what the server added by itself, differences."""
    operations = Counter(one.what for one in step.told.values())
    listed = ", ".join(f"{count} {what}" for what, count in sorted(operations.items()))
    told, done = (sum(len(one.fields) for one in side.values()) for side in (step.told, step.done))
    defaults = sum(len(one.by_server) for one in step.done.values())
    return f"{listed or 'nothing'} | {told} | {done} | {defaults} | {len(step.differences)}"


def main() -> int:
    """Tour the charts, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--real", action="store_true", help="on Kubernetes' own API server")
    parser.add_argument("clones", type=Path, help="a folder of clones, each named owner+name")
    parser.add_argument("charts", nargs="*", default=CHARTS)
    options = parser.parse_args()
    clones = Clones(options.clones.absolute())
    print("| chart | step | version | operations on objects | fields told | done | defaults | differences |")
    print("| --- | --- | --- | --- | --: | --: | --: | --: |")
    failed = 0
    if options.real:
        return 1 if sum(visit_real(clones, chart) for chart in options.charts or CHARTS) else 0
    with embedded() as tour:
        tour.step("edit", "requirements", "apply.maxDeletions=1000", "apply.maxDeletionShare=1")
        for chart in options.charts or CHARTS:
            failed += visit(tour, clones, chart)
    return 1 if failed else 0


def visit(tour: Tour, clones: Clones, chart: str) -> int:
    """Add, upgrade, delete; how many differences there were."""
    old, new = clones.two_versions(chart)
    for version in (old, new):
        for note in public_charts.package(clones, chart, version, tour.charts):
            print(note, file=sys.stderr)
    values = tour.machine.folder / f"{chart}.yaml"
    values.write_text(yaml.safe_dump(VALUES.get(chart, {})))
    steps = (
        ("add", old, ("add", "app", chart, "--version", old, "--values", str(values))),
        ("upgrade", new, ("upgrade", "app", chart, "--version", new)),
        ("delete", "", ("delete", "app", chart)),
    )
    found = 0
    for name, version, words in steps:
        step = tour.step(*words)
        found += show(chart, name, version, step)
        if not step.done:
            break
    return found


def show(chart: str, name: str, version: str, step: Step) -> int:
    """A line of the table, and the differences beside it; how many there are."""
    print(f"| {chart} | {name} | {version} | {row(step)} |", flush=True)
    for line in step.differences[:60]:
        print(f"    {chart} {name}: {line}", file=sys.stderr, flush=True)
    return len(step.differences)


def visit_real(clones: Clones, chart: str) -> int:
    """The same on Kubernetes' own API server."""
    from scripts import apply_twice, test_cluster

    old, new = clones.two_versions(chart)
    with (
        tempfile.TemporaryDirectory(prefix="tour-") as folder,
        test_cluster.cluster(test_cluster.built()) as first,
        apply_twice.audited(first.parent, RULES) as front,
    ):
        place = make_place(Api.connect(kubeconfig.load([front.kubeconfig]), SystemClock()))
        place.world.renderer = HelmRenderer()
        for version in (old, new):
            public_charts.package(clones, chart, version, Path(folder))
            files = unpack(Path(folder, f"{chart}-{version}.tgz").read_bytes(), chart)
            place.world.catalog.add(Chart(ChartRef(chart, REPOSITORY, version), version, files, files.digest))
        touring = touring_support.Tour(place, front.log)
        limits = {"maxDeletions": 1000, "maxDeletionShare": 1}
        steps: tuple[tuple[str, str, dict[str, str]], ...] = (
            ("add", old, {chart: old}),
            ("upgrade", new, {chart: new}),
            ("delete", "", {}),
        )
        found = 0
        for name, version, apps in steps:
            tree = environment_tree(
                apps,
                name=place.name,
                namespace=place.name,
                values={chart: REAL_VALUES.get(chart, {})},
                apply=limits,
            )
            found += show(chart, name, version, touring.merge(tree))
        place.world.renderer.close()
    return found


@contextmanager
def embedded() -> Iterator[Tour]:
    """An embedded platform whose API keeps an audit log."""
    with tempfile.TemporaryDirectory(prefix="tour-") as folder, machine_at(Path(folder)) as machine:
        machine.jx("local", "start", "--audit-log").ok()
        install(machine)
        platform = machine.platform()
        record = json.loads((platform / "platform.json").read_text())
        forge_url = f"http://127.0.0.1:{record['forge_port']}"
        yield Tour(
            machine,
            platform / "logs" / "audit.log",
            Log({CONTROLLERS}),
            platform / "forge" / "charts",
            LocalForge(forge_url, (platform / "tokens" / record["owner"]).read_text().strip()),
            Repo(record["dev_repo_url"].replace("-dev.git", "-staging.git")),
            KubernetesAnchors(Api.connect(kubeconfig.load([machine.kubeconfig()]), SystemClock())),
        )


if __name__ == "__main__":
    raise SystemExit(main())
