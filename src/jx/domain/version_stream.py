"""Version stream: the repository of versions that are known to work together.

`charts/<prefix>/<chart>.yml` holds `version:`; `charts/repositories.yml` says which chart repository a prefix means;
`docker/<image>.yml` holds the tag of an image.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from jx.domain.charts.charts import ChartRef
from jx.domain.errors import Invalid, Problem
from jx.domain.layouts.sections import Mistakes, open_section
from jx.domain.trees import Tree

REPOSITORIES = "charts/repositories.yml"
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
"""A ref that is a commit, and no branch."""


class PinKind(StrEnum):
    """What a version is of: the top folder of the stream."""

    CHARTS = "charts"
    PACKAGES = "packages"
    DOCKER = "docker"
    GIT = "git"


@dataclass(frozen=True, slots=True, order=True)
class Pin:
    """One version of a stream; `name` is the path of its file below the folder, without `.yml`."""

    kind: PinKind
    name: str
    version: str
    upper_limit: str = ""
    """The first version that is too new; empty: only the version itself is known to work."""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class PinChange:
    """A version that one state of a stream names and another names differently; empty where it names none."""

    kind: PinKind
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name} {self.before or 'not there'} -> {self.after or 'not there'}"


def read_pins(stream: Tree) -> tuple[Pin, ...]:
    """All versions that a stream names. Files that name none are no mistake: streams hold other things beside them."""
    mistakes = Mistakes()
    pins = []
    for path in stream:
        top, _, rest = path.partition("/")
        name, _, suffix = rest.rpartition(".")
        if top not in set(PinKind) or suffix not in {"yml", "yaml"} or path == REPOSITORIES or not name:
            continue
        entry = open_section(stream, path, mistakes)
        if entry.text("version"):
            pins.append(Pin(PinKind(top), name, entry.text("version"), entry.text("upperLimit")))
    mistakes.check("the version stream has mistakes")
    return tuple(sorted(pins))


def compare_pins(before: Iterable[Pin], after: Iterable[Pin]) -> tuple[PinChange, ...]:
    """Every version that is not the same any more, by kind and name."""
    old = {(pin.kind, pin.name): pin.version for pin in before}
    new = {(pin.kind, pin.name): pin.version for pin in after}
    return tuple(
        PinChange(*key, old.get(key, ""), new.get(key, ""))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    )


def find_pin(stream: Tree, chart: ChartRef) -> str | None:
    """Under which name the stream holds a chart, by the prefix of its repository; None where it does not."""
    names = [f"{prefix}/{chart.name}" for prefix in _find_prefixes(stream, chart.repository, Mistakes())]
    return next((name for name in names if f"{PinKind.CHARTS}/{name}.yml" in stream), None)


def find_chart_version(stream: Tree, chart: ChartRef) -> str | None:
    """The version of a chart that the stream names, or None. Invalid where it names different ones under several prefixes."""
    mistakes = Mistakes()
    paths = [
        f"charts/{prefix}/{chart.name}.yml" for prefix in _find_prefixes(stream, chart.repository, mistakes)
    ]
    if not any(path in stream for path in paths):
        paths = [
            path for path in stream if path.startswith("charts/") and path.endswith(f"/{chart.name}.yml")
        ]
    found = {path: open_section(stream, path, mistakes).text("version") for path in paths if path in stream}
    mistakes.check("the version stream has mistakes")
    versions = {version for version in found.values() if version}
    if len(versions) > 1:
        raise Invalid(
            f"the version stream names several versions of {chart.name}",
            *(Problem(path, f"version {version}") for path, version in found.items()),
            hint=f"say in {REPOSITORIES} which prefix {chart.repository} has",
        )
    return versions.pop() if versions else None


def find_chart_repository(stream: Tree, name: str) -> str | None:
    """The chart repository that a chart's prefix stands for, or None where the stream does not know the chart."""
    mistakes = Mistakes()
    entries = open_section(stream, REPOSITORIES, mistakes).items("repositories")
    found = [
        url
        for entry in entries
        if f"charts/{entry.text('prefix')}/{name}.yml" in stream
        for url in entry.texts("urls")
    ]
    mistakes.check("the version stream has mistakes")
    return found[0] if found else None


def resolve_image(stream: Tree, image: str) -> str:
    """An image with the tag that the stream names; one that has a tag or digest, or that the stream does not know, as it is."""
    name = image.removeprefix("docker.io/")
    if "@" in name or ":" in name.rpartition("/")[2]:
        return image
    path = f"docker/{name}.yml"
    if path not in stream:
        return image
    mistakes = Mistakes()
    version = open_section(stream, path, mistakes).text("version")
    mistakes.check("the version stream has mistakes")
    return f"{image}:{version}" if version else image


def _find_prefixes(stream: Tree, repository: str, mistakes: Mistakes) -> list[str]:
    wanted = repository.rstrip("/")
    entries = open_section(stream, REPOSITORIES, mistakes).items("repositories")
    return [
        entry.text("prefix")
        for entry in entries
        if wanted in {url.rstrip("/") for url in entry.texts("urls")}
    ]
