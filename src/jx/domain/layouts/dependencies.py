"""Dependencies of an umbrella chart: `dependencies` of Chart.yaml, or Helm 2's requirements.yaml, read and edited in place."""

from __future__ import annotations

from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartRef
from jx.domain.errors import Invalid, NotFound, Problem
from jx.domain.layouts.sections import Mistakes, Section, find_nearest, open_section
from jx.domain.names import AppKey, parse_app_key
from jx.domain.texts.yaml_edit import append_item, remove, set_value
from jx.domain.trees import Tree

RESERVED = frozenset({"templates", "charts", "crds"})
"""Folders of a chart that are Helm's: no app can have such a key."""

_NEW_CHART_API = "v2"


def holder_of(chart: Tree) -> str:
    """The file that holds (or is to hold) the dependencies, relative to the chart."""
    if "requirements.yaml" in chart:
        return "requirements.yaml"
    section = open_section(chart, "Chart.yaml", Mistakes())
    is_new = section.text("apiVersion") == _NEW_CHART_API or section.has("dependencies")
    return "Chart.yaml" if is_new else "requirements.yaml"


def read_dependencies(
    tree: Tree, chart_dir: str, mistakes: Mistakes, *, has_stream: bool = False
) -> tuple[App, ...]:
    """The apps of an environment, in the order of the file. With a version stream, a dependency may leave its version to that."""
    place = f"{chart_dir}/" if chart_dir else ""
    chart = open_section(tree, f"{place}Chart.yaml", mistakes)
    for key in ("name", "version"):
        if not chart.text(key):
            chart.mistake(f"{key} is missing")
    old = open_section(tree, f"{place}requirements.yaml", mistakes)
    if chart.has("dependencies") and old.has("dependencies") and chart.items("dependencies"):
        chart.mistake("dependencies stand in requirements.yaml too; keep one place", "dependencies")
    source = old if old.node is not None else chart
    apps: list[App] = []
    lines: dict[AppKey, int | None] = {}
    for entry in source.items("dependencies"):
        app = _read_app(entry, has_stream=has_stream)
        if app is None:
            continue
        if app.key in lines:
            entry.mistake(
                f"{app.key} is there already (line {lines[app.key]}); give one of them another alias"
            )
            continue
        lines[app.key] = entry.line
        apps.append(app)
    return tuple(apps)


def _read_app(entry: Section, *, has_stream: bool) -> App | None:
    name, alias = entry.text("name"), entry.text("alias")
    if not name:
        entry.mistake("a dependency needs a name")
        return None
    chart = ChartRef(name, entry.text("repository"), entry.version("version"))
    is_open = has_stream and not entry.has("version")
    if chart.repository and not chart.repository.startswith("file:") and not chart.version and not is_open:
        entry.mistake(
            f"{alias or name} has no version; pin one, so that the same commit is the same everywhere"
        )
    key = entry.mistakes.attempt(
        lambda: parse_app_key(alias or name), None, where=entry.where, line=entry.line
    )
    if key is None:
        return None
    if key in RESERVED:
        entry.mistake(f"{key} is a folder of Helm's own; give the app another alias", "name")
        return None
    return App(key, chart, alias=alias, condition=entry.text("condition"), tags=entry.texts("tags"))


def put_dependency(chart: Tree, app: App) -> Tree:
    """With an app among the dependencies, or its entry changed where it differs."""
    if app.key in RESERVED:
        raise Invalid(
            f"{app.key} cannot be the name of an app",
            Problem("", f"{app.key}/ is a folder of Helm's own"),
            hint="give it an alias",
        )
    path = holder_of(chart)
    text = chart.find_text(path) or ""
    index = _find_index(chart, path, app.key)
    entry: dict[str, object] = {"name": app.chart.name}
    optional = {
        "alias": app.alias,
        "version": app.chart.version,
        "repository": app.chart.repository,
        "condition": app.condition,
        "tags": list(app.tags),
    }
    entry |= {key: value for key, value in optional.items() if value}
    if index is None:
        return chart.put(path, append_item(text, ("dependencies",), entry, path))
    for key, value in entry.items():
        text = set_value(text, ("dependencies", index, key), value, path)
    return chart.put(path, text)


def set_version(chart: Tree, key: AppKey, version: str) -> Tree:
    """With another version of an app's chart; NotFound where it is not installed."""
    path = holder_of(chart)
    index = _find_index(chart, path, key)
    if index is None:
        raise not_installed(key, _keys(chart, path))
    return chart.put(path, set_value(chart.text(path), ("dependencies", index, "version"), version, path))


def remove_dependency(chart: Tree, key: AppKey) -> Tree:
    """Without an app among the dependencies."""
    path = holder_of(chart)
    index = _find_index(chart, path, key)
    return (
        chart if index is None else chart.put(path, remove(chart.text(path), ("dependencies", index), path))
    )


def has_dependency(chart: Tree, key: AppKey) -> bool:
    return _find_index(chart, holder_of(chart), key) is not None


def list_keys(chart: Tree) -> list[str]:
    """The keys of all dependencies."""
    return _keys(chart, holder_of(chart))


def not_installed(key: str, known: list[str]) -> NotFound:
    """The error for an app that is not there, with the nearest that are."""
    near = find_nearest(key, known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known) or 'no apps'}"
    return NotFound(f"app {key} is not installed", hint=hint)


def _find_index(chart: Tree, path: str, key: AppKey) -> int | None:
    keys = _keys(chart, path)
    return keys.index(key) if key in keys else None


def _keys(chart: Tree, path: str) -> list[str]:
    mistakes = Mistakes()
    entries = open_section(chart, path, mistakes).items("dependencies")
    mistakes.check(f"{path} cannot be read")
    return [entry.text("alias") or entry.text("name") for entry in entries]
