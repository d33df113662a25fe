"""Changed apps: which apps of an environment a commit is about, by the files that it changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jx.domain.errors import Invalid
from jx.domain.history.history import FileChange
from jx.domain.layouts import dependencies
from jx.domain.texts.yaml_text import read_mapping

_HOLDERS = frozenset({"Chart.yaml", "requirements.yaml"})


def list_changed(files: Iterable[FileChange], chart_dir: str = "env") -> frozenset[str]:
    """Keys of apps whose dependency, values or folder a commit changed."""
    place = f"{chart_dir}/" if chart_dir else ""
    found: set[str] = set()
    for one in files:
        if not one.path.startswith(place):
            continue
        path = one.path.removeprefix(place)
        folder, slash, _ = path.partition("/")
        if path in _HOLDERS:
            found |= _differing(_apps(one.before), _apps(one.after))
        elif path == "values.yaml":
            found |= _differing(_read(one.before), _read(one.after))
        elif slash and folder not in dependencies.RESERVED:
            found.add(folder)
    return frozenset(found)


def _apps(text: str | None) -> Mapping[str, Any]:
    rows = _read(text).get("dependencies") or ()
    return {str(one.get("alias") or one.get("name")): one for one in rows if isinstance(one, dict)}


def _read(text: str | None) -> Mapping[str, Any]:
    try:
        return read_mapping(text or "")
    except Invalid:
        return {}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}
