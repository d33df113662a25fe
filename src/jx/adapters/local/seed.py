"""What an embedded platform begins with: the archives of its chart repository, its version stream, and its node's images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from jx import __version__
from jx.adapters.helm.archives import pack
from jx.adapters.helm.folders import read_folder
from jx.domain.charts.apps import PLATFORM_CHART
from jx.domain.charts.chart_folders import drop_ignored
from jx.domain.errors import Failed, Invalid, NotFound, Problem
from jx.domain.texts import yaml_edit, yaml_text
from jx.domain.trees import Blob, Tree

IMAGE = "jx/platform"
"""The image that the platform's chart names; its tags are the chart's versions."""
STREAM_PREFIX = "jx"


@dataclass(frozen=True, slots=True)
class _Version:
    """One version of a chart, as versions.yml has it."""

    version: str
    app_version: str
    values: Mapping[str, Any] = field(default_factory=dict)
    replace: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One chart of versions.yml. `stream` is the version that is recommended."""

    name: str
    stream: str
    versions: tuple[_Version, ...]


def charts_folder() -> Path:
    """Where the shipped charts are: beside the package where it was installed, else in the checkout."""
    packaged = Path(str(resources.files("jx"))) / "charts"
    for folder in (packaged, Path(__file__).parents[4] / "charts"):
        if (folder / "versions.yml").is_file():
            return folder
    raise Failed("the charts of jx are not installed with it", hint="install jx again")


def build_archives(folder: Path | None = None) -> dict[str, bytes]:
    """All versions of all charts by file name (`redis-1.0.0.tgz`); the same each time."""
    return {f"{name}-{version}.tgz": pack(name, tree) for name, version, tree in _charts(folder)}


def build_charts(folder: Path | None = None) -> dict[tuple[str, str], Tree]:
    """All versions of all charts as files, by name and version."""
    return {(name, version): tree for name, version, tree in _charts(folder)}


def version_stream(chart_repository_url: str, platform_version: str = "", folder: Path | None = None) -> Tree:
    """The first commit of a version stream: which version of each chart and program goes with the others.

    `platform_version` is the recommended one of the platform's chart; empty: the one of versions.yml. NotFound where the chart
    repository does not have it.
    """
    entries = _entries(folder or charts_folder())
    files = {
        "README.md": _README,
        "charts/repositories.yml": f"repositories:\n- prefix: {STREAM_PREFIX}\n  urls:\n  - {chart_repository_url}\n",
        "packages/jx.yml": f"version: {__version__}\n",
    }
    for entry in entries:
        is_platform = entry.name == PLATFORM_CHART
        version = (platform_version if is_platform else "") or entry.stream
        known = [one.version for one in entry.versions]
        if version not in known:
            raise NotFound(
                f"there is no version {version} of {entry.name}", hint=f"there are {', '.join(known)}"
            )
        files[f"charts/{STREAM_PREFIX}/{entry.name}.yml"] = f"version: {version}\n"
        if is_platform:
            files[f"docker/{IMAGE}.yml"] = f"version: {version}\n"
    return Tree({path: Blob(text.encode()) for path, text in files.items()})


def known_images(folder: Path | None = None) -> dict[str, Any]:
    """What the node runs as processes of this machine, for its `images.json`; `{python}` is for it to fill in."""
    platform = next(entry for entry in _entries(folder or charts_folder()) if entry.name == PLATFORM_CHART)
    tags = [version.app_version for version in platform.versions]
    return {"images": [{"name": IMAGE, "tags": tags, "command": ["{python}", "-m", "jx"]}]}


_README = """\
# Version stream

Versions that were tried together, as Jenkins X has them.

| path | what |
| --- | --- |
| `charts/repositories.yml` | which chart repository a prefix stands for |
| `charts/<prefix>/<chart>.yml` | the version of a chart that `jx add app` and `jx upgrade` take when none is named |
| `packages/<name>.yml` | versions of programs |
| `docker/<image>.yml` | tags of images |
"""


def _charts(folder: Path | None) -> list[tuple[str, str, Tree]]:
    top = folder or charts_folder()
    found = []
    for entry in _entries(top):
        plain = drop_ignored(read_folder(top / entry.name))
        found += [
            (entry.name, version.version, _build(entry.name, version, plain)) for version in entry.versions
        ]
    return found


def _entries(folder: Path) -> tuple[_Entry, ...]:
    path = folder / "versions.yml"
    data = yaml_text.read_mapping(path.read_text(), str(path))
    return tuple(
        _Entry(name, str(chart["stream"]), tuple(_version(one) for one in chart["versions"]))
        for name, chart in data["charts"].items()
    )


def _version(data: Mapping[str, Any]) -> _Version:
    version = str(data["version"])
    return _Version(
        version,
        str(data.get("appVersion") or version),
        data.get("values") or {},
        data.get("replace") or {},
        tuple(data.get("without") or ()),
    )


def _build(name: str, version: _Version, plain: Tree) -> Tree:
    """A chart's folder as one version has it; every place that is edited must be there, or versions.yml is out of date."""
    tree = plain.remove(*version.without)
    for path, edits in version.replace.items():
        text = tree.text(path)
        for edit in edits:
            if text.count(edit["text"]) != 1:
                where = f"charts/{name}/{path}"
                raise Invalid(
                    f"versions.yml does not fit chart {name} any more",
                    Problem(
                        where,
                        f"for {version.version}, this does not stand there exactly once: {edit['text']!r}",
                    ),
                )
            text = text.replace(edit["text"], edit.get("by", ""))
        tree = tree.put(path, text)
    values = tree.find_text("values.yaml") or ""
    for dotted, value in version.values.items():
        values = yaml_edit.set_value(values, tuple(dotted.split(".")), value, f"charts/{name}/values.yaml")
    metadata = tree.text("Chart.yaml")
    for key, value in (("version", version.version), ("appVersion", version.app_version)):
        metadata = yaml_edit.set_value(metadata, (key,), value, f"charts/{name}/Chart.yaml")
    return tree.put("values.yaml", values).put("Chart.yaml", metadata)
