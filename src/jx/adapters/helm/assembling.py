"""The umbrella chart with its dependencies in place, so that Helm finds each one, and the right one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jx.adapters.helm.archives import unpack
from jx.domain.charts import chart_folders, template_scan
from jx.domain.charts.chart_folders import ChartMetadata, Dependency
from jx.domain.charts.charts import Chart, ChartRef
from jx.domain.charts.version_ranges import find_newest
from jx.domain.errors import Invalid, Problem
from jx.domain.objects.manifests import ChartPin
from jx.domain.texts import yaml_text, yaml_write
from jx.domain.trees import Blob, Tree
from jx.ports.renderer import RenderRequest


@dataclass(frozen=True, slots=True)
class Assembled:
    """A folder that Helm reads, and which charts it was made of."""

    chart: Tree
    metadata: ChartMetadata
    pins: tuple[ChartPin, ...]


def assemble(request: RenderRequest) -> Assembled:
    """Every dependency below `charts/<key>`, from the request or as it lay below `charts/` before.

    Invalid, naming all of them, where a dependency that is not turned off is missing, or what is in hand is another version.
    """
    metadata = chart_folders.read_metadata(request.chart)
    vendored = _vendored(request.chart)
    chosen: list[tuple[Dependency, Chart]] = []
    problems: list[Problem] = []
    values: Mapping[str, Any] | None = None
    for dependency in metadata.dependencies:
        chart = request.dependencies.get(dependency.key) or _find_vendored(dependency, vendored)
        if chart is not None:
            chosen.append((dependency, chart))
            problems += _misfit(dependency, chart, metadata)
            inside = _missing_inside(chart.files, f"charts/{dependency.key}", (request, dependency.key), ())
            problems += inside if inside and _is_on(dependency, _values(request)) else []
            continue
        values = _values(request) if values is None else values
        if _is_on(dependency, values):
            problems.append(_missing(dependency, metadata))
    if problems:
        raise Invalid(
            "the dependencies of the chart are not as it names them",
            *problems,
            hint="check names, versions and repositories of the dependencies; `helm dependency build` of a chart fetches its own",
        )
    tree = _without(request.chart, {dependency.name for dependency in metadata.dependencies}, vendored)
    files = dict(tree.files)
    for dependency, chart in chosen:
        files |= {f"charts/{dependency.key}/{path}": blob for path, blob in chart.files.files.items()}
    tree = Tree(files)
    return Assembled(
        _pin_versions(tree, metadata, chosen),
        metadata,
        tuple(_chart_pin(dependency, chart) for dependency, chart in chosen),
    )


def on_another_day(chart: Tree) -> Tree:
    """The chart with templates, those of its dependencies too, that read another day from the clock."""
    files: dict[str, Blob] = {}
    for path, blob in chart.files.items():
        folder, _, name = path.rpartition("/")
        if name.endswith(".tgz") and folder.endswith("charts"):
            inner = on_another_day(unpack(blob.data, path))
            files |= {f"{path.removesuffix('.tgz')}/{below}": one for below, one in inner.files.items()}
        elif "templates/" in path:
            files[path] = Blob(template_scan.on_another_day(blob.data), blob.executable)
        else:
            files[path] = blob
    return Tree(files)


def _vendored(chart: Tree) -> dict[str, Chart]:
    """What lies below `charts/` already, by its path: folders and archives."""
    folders = {f"charts/{name}": tree for name, tree in chart_folders.vendored_folders(chart).items()}
    archives = {
        path: unpack(blob.data, path)
        for path, blob in chart.files.items()
        if path.startswith("charts/") and path.count("/") == 1 and path.endswith((".tgz", ".tar.gz"))
    }
    found = {}
    for path, files in {**archives, **folders}.items():
        metadata = chart_folders.read_metadata(files, path)
        found[path] = Chart(ChartRef(metadata.name), metadata.version, files, files.digest)
    return found


def _find_vendored(dependency: Dependency, vendored: dict[str, Chart]) -> Chart | None:
    named = {chart.version: chart for chart in vendored.values() if chart.ref.name == dependency.name}
    version = find_newest(named, dependency.version)
    return named[version] if version is not None else None


def _without(chart: Tree, names: set[str], vendored: dict[str, Chart]) -> Tree:
    """Without what lies below `charts/` of the named charts: an older one that was left there must not win."""
    gone = [path for path, one in vendored.items() if one.ref.name in names]
    return Tree(
        {
            path: blob
            for path, blob in chart.files.items()
            if not any(path == prefix or path.startswith(prefix + "/") for prefix in gone)
        }
    )


def _misfit(dependency: Dependency, chart: Chart, metadata: ChartMetadata) -> list[Problem]:
    actual = chart_folders.read_metadata(chart.files, str(dependency.key))
    place = metadata.dependencies_file
    if actual.name != dependency.name:
        return [
            Problem(
                place, f"dependency {dependency.key} is chart {dependency.name}, but {actual.name} is in hand"
            )
        ]
    if find_newest([actual.version], dependency.version) is None:
        return [
            Problem(
                place,
                f"dependency {dependency.key} wants version {dependency.version}, but {actual.version} is in hand",
            )
        ]
    return []


def _missing_inside(
    chart: Tree,
    where: str,
    given: tuple[RenderRequest, str] | Mapping[str, Any],
    holders: tuple[str, ...],
) -> list[Problem]:
    """What a chart needs, and has not below its own `charts/`. Helm passes over that, and installs half of it. `given` are the
    values that the chart gets from above, or where they are found, since they are seldom needed; `holders` the charts that it is
    in."""
    metadata = chart_folders.read_metadata(chart, where)
    holders = (*holders, metadata.name)
    folders = chart_folders.vendored_folders(chart)
    if not metadata.dependencies and not folders:
        return []
    inside = {one.ref.name for one in _vendored(chart).values()} if metadata.dependencies else set()
    problems: list[Problem] = []
    for dependency in metadata.dependencies:
        if dependency.name not in inside:
            given = _below(given)
            if _is_on(dependency, _merged(_own_values(chart), given)):
                missing = _missing(dependency, metadata, holders)
                problems.append(replace(missing, where=f"{where}/{missing.where}"))
    for name, folder in folders.items():
        key = next((str(one.key) for one in metadata.dependencies if one.name == name), name)
        problems += _missing_inside(folder, f"{where}/charts/{name}", _at(_below(given), key), holders)
    return problems


def _below(given: tuple[RenderRequest, str] | Mapping[str, Any]) -> Mapping[str, Any]:
    return _at(_values(given[0]), given[1]) if isinstance(given, tuple) else given


def _at(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def _own_values(chart: Tree) -> Mapping[str, Any]:
    return yaml_text.read_mapping(chart.find_text("values.yaml") or "", "values.yaml")


def _missing(dependency: Dependency, metadata: ChartMetadata, holders: tuple[str, ...] = ()) -> Problem:
    if dependency.name in holders:
        circle = " needs ".join((*holders[holders.index(dependency.name) :], dependency.name))
        return Problem(metadata.dependencies_file, f"{circle}: it would contain itself without end")
    where = f" from {dependency.repository}" if dependency.repository else " below charts/"
    what = f"{dependency.name} {dependency.version}".strip()
    return Problem(metadata.dependencies_file, f"dependency {dependency.key} ({what}{where}) is missing")


def _values(request: RenderRequest) -> Mapping[str, Any]:
    return _merged(_own_values(request.chart), request.values)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Mapping[str, Any]:
    both = {
        key: _merged(under[key], value)
        if isinstance(value, Mapping) and isinstance(under.get(key), Mapping)
        else value
        for key, value in over.items()
    }
    return {**under, **both}


def _is_on(dependency: Dependency, values: Mapping[str, Any]) -> bool:
    """As Helm decides it: the first path of the condition that holds a boolean, else the tags, else on."""
    for path in dependency.condition.split(","):
        value: Any = values
        for part in path.strip().split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, bool):
            return value
    tags = values.get("tags")
    said = [tags.get(tag) for tag in dependency.tags] if isinstance(tags, Mapping) else []
    return True in said or False not in said


def _pin_versions(tree: Tree, metadata: ChartMetadata, chosen: list[tuple[Dependency, Chart]]) -> Tree:
    """Where one chart is there in two versions and a range fits both, Helm would take any: then write which one is meant."""
    versions: dict[str, set[str]] = {}
    for dependency, chart in chosen:
        versions.setdefault(dependency.name, set()).add(chart.version)
    loose = {
        (dependency.key, chart.version)
        for dependency, chart in chosen
        if not dependency.version
        or (len(versions[dependency.name]) > 1 and dependency.version != chart.version)
    }
    if not loose:
        return tree
    pinned = dict(loose)
    path = metadata.dependencies_file
    data = dict(yaml_text.read_mapping(tree.text(path), path))
    data["dependencies"] = [
        {**entry, "version": pinned.get(entry.get("alias") or entry.get("name"), entry.get("version"))}
        for entry in data["dependencies"]
    ]
    return tree.put(path, yaml_write.write_yaml(data))


def _chart_pin(dependency: Dependency, chart: Chart) -> ChartPin:
    return ChartPin(str(dependency.key), dependency.name, chart.version, dependency.repository, chart.digest)
