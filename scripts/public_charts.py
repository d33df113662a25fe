"""Public charts as archives, from clones of the git repositories that they are developed in. Nothing of them is kept here.

A chart is packaged as it was at a commit, with the charts that it depends on: those beside it, and those of other clones at the
version that it wants. A dependency that no clone has is left out where the chart's own values turn it off.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from jx.domain.charts.version_ranges import find_newest
from jx.domain.charts.versions import Version
from jx.domain.errors import Invalid

_APART = 8
"""How many versions lie between the two that are upgraded across."""
_MOST = 120
"""How many changes of a Chart.yaml are looked at."""


@dataclass(frozen=True)
class Place:
    """Where a chart is developed: `owner/name` of a repository, and the chart's folder in it."""

    repository: str
    folder: str = ""
    tags: str = ""
    """A pattern of tags that are its versions, where its Chart.yaml does not say them."""


PLACES = {
    "argo-cd": Place("argoproj/argo-helm", "charts/argo-cd"),
    "cert-manager": Place("cert-manager/cert-manager", "deploy/charts/cert-manager", tags="v1.*"),
    "common": Place("bitnami/charts", "bitnami/common"),
    "grafana": Place("grafana-community/helm-charts", "charts/grafana"),
    "ingress-nginx": Place("kubernetes/ingress-nginx", "charts/ingress-nginx"),
    "jenkins": Place("jenkinsci/helm-charts", "charts/jenkins"),
    "kube-prometheus-stack": Place("prometheus-community/helm-charts", "charts/kube-prometheus-stack"),
    "kube-state-metrics": Place("prometheus-community/helm-charts", "charts/kube-state-metrics"),
    "metrics-server": Place("kubernetes-sigs/metrics-server", "charts/metrics-server"),
    "nats": Place("nats-io/k8s", "helm/charts/nats"),
    "postgresql": Place("bitnami/charts", "bitnami/postgresql"),
    "prometheus-node-exporter": Place("prometheus-community/helm-charts", "charts/prometheus-node-exporter"),
    "prometheus-windows-exporter": Place("prometheus-community/helm-charts", "charts/prometheus-windows-exporter"),
    "redis": Place("bitnami/charts", "bitnami/redis"),
    "traefik": Place("traefik/traefik-helm-chart", "traefik"),
    "vault": Place("hashicorp/vault-helm"),
}  # fmt: skip


@dataclass(frozen=True)
class Clones:
    """A folder of clones, bare or not, each named `owner+name`."""

    folder: Path

    def versions(self, chart: str) -> dict[str, str]:
        """Commits by the version that a chart had there, newest first; without those before a release."""
        return _versions(self, PLACES[chart])

    def two_versions(self, chart: str) -> tuple[str, str]:
        """Two to upgrade across: the newest, and one some versions before it."""
        known = list(self.versions(chart))
        return known[min(_APART, len(known) - 1)], known[0]

    def git(self, repository: str, *words: str) -> bytes:
        """What git says there."""
        clone = self.folder / repository.replace("/", "+")
        inner = clone / "repo"
        command = ["git", "-C", str(inner if inner.is_dir() else clone), *words]
        return subprocess.run(command, check=True, capture_output=True).stdout


@cache
def _versions(clones: Clones, place: Place) -> dict[str, str]:
    if place.tags:
        tags = clones.git(place.repository, "tag", "--list", place.tags).decode().split()
        released = sorted((tag for tag in tags if _is_release(tag)), key=lambda tag: Version(tag.lstrip("v")))
        return {tag: tag for tag in reversed(released)}
    path = f"{place.folder}/Chart.yaml".lstrip("/")
    log = clones.git(place.repository, "log", "--format=%H", f"-{_MOST}", "--", path).decode().split()
    found: dict[str, str] = {}
    for commit in log:
        chart = yaml.safe_load(clones.git(place.repository, "show", f"{commit}:{path}"))
        version = str(chart["version"])
        if _is_release(version):
            found.setdefault(version, commit)
    return found


def _is_release(text: str) -> bool:
    try:
        return not Version(text.lstrip("v")).prerelease
    except Invalid:
        return False


def package(clones: Clones, chart: str, version: str, into: Path) -> list[str]:
    """Write `into/<chart>-<version>.tgz`; what could not be had, a line each."""
    notes: list[str] = []
    work = into / f".{chart}-{version}"
    root = unpack(clones, chart, version, work, notes)
    with tarfile.open(into / f"{chart}-{version}.tgz", "w:gz") as archive:
        archive.add(root, arcname=chart)
    subprocess.run(["rm", "-rf", str(work)], check=True)
    return notes


def unpack(clones: Clones, chart: str, version: str, into: Path, notes: list[str]) -> Path:
    """A chart's folder below `into`, with the charts that it depends on."""
    place, commit = PLACES[chart], clones.versions(chart)[version]
    root = into / chart
    root.mkdir(parents=True)
    tree = f"{commit}:{place.folder}" if place.folder else commit
    archive = clones.git(place.repository, "archive", "--format=tar", tree)
    subprocess.run(["tar", "-x", "-C", str(root)], input=archive, check=True)
    template = root / "Chart.template.yaml"
    if template.exists():
        template.rename(root / "Chart.yaml")
    _ignore(root)
    metadata = yaml.safe_load((root / "Chart.yaml").read_text())
    if str(metadata["version"]) != version:
        metadata |= {"version": version, "appVersion": version}
    values = yaml.safe_load((root / "values.yaml").read_text()) or {}
    kept = [one for one in metadata.get("dependencies") or () if _has(clones, root, one, values, notes)]
    metadata["dependencies"] = kept
    (root / "Chart.lock").unlink(missing_ok=True)
    (root / "Chart.yaml").write_text(yaml.safe_dump(metadata))
    return root


def _ignore(root: Path) -> None:
    """Leave out what the chart's `.helmignore` names, as Helm does when it packages."""
    listed = root / ".helmignore"
    words = [line.strip() for line in listed.read_text().splitlines()] if listed.exists() else []
    patterns = [word.strip("/") for word in words if word and not word.startswith(("#", "!"))]
    for path in sorted(root.rglob("*"), reverse=True):
        name = str(path.relative_to(root))
        if any(fnmatch(name, one) or fnmatch(path.name, one) for one in patterns) and path.exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _has(
    clones: Clones, root: Path, dependency: dict[str, Any], values: dict[str, Any], notes: list[str]
) -> bool:
    """Whether a dependency is beside the chart, or could be put there."""
    name, wanted = str(dependency["name"]), str(dependency["version"])
    if (root / "charts" / name).is_dir() or list((root / "charts").glob(f"{name}-*.tgz")):
        return True
    known = clones.versions(name) if name in PLACES else {}
    version = find_newest(known, wanted)
    if version:
        unpack(clones, name, version, root / "charts", notes)
        dependency["repository"] = ""
        return True
    condition = str(dependency.get("condition") or "").split(",")[0]
    if condition and not _value_at(values, condition):
        notes.append(f"{root.name}: {name} {wanted} is in no clone; it is left out, as {condition} is off")
        return False
    raise SystemExit(f"{root.name} depends on {name} {wanted}, which no clone has")


def _value_at(values: Any, path: str) -> Any:
    for word in path.split("."):
        values = values.get(word) if isinstance(values, dict) else None
    return values
