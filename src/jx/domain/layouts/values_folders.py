"""Values folders: `<key>/values.yaml` below the chart, merged below that key of the chart's values.

The order is fixed: the chart's own `values.yaml`, then folders sorted by path. Files add to each other; none overrides another:
one place with two different values is a mistake that names both. In Jenkins X 2 a folder replaced whatever stood at its key, in
random order where folders were nested.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jx.domain.layouts.dependencies import RESERVED
from jx.domain.layouts.sections import Mistakes
from jx.domain.texts.yaml_text import Node, find_line, parse_node, to_data, write_yaml
from jx.domain.trees import Tree

VALUES = "values.yaml"


@dataclass(frozen=True, slots=True)
class _Source:
    """One values file."""

    where: str
    below: tuple[str, ...]
    node: Node | None
    data: dict[str, Any]

    def line(self, path: tuple[str, ...]) -> int | None:
        return find_line(self.node, path[len(self.below) :])


class _Merge:
    """The values so far, and which file said what."""

    def __init__(self, mistakes: Mistakes) -> None:
        self.mistakes = mistakes
        self.values: dict[str, Any] = {}
        self.said: dict[tuple[str, ...], _Source] = {}

    def add(self, source: _Source) -> None:
        at = self.values
        for depth, key in enumerate(source.below):
            below = at.setdefault(key, {})
            if below is None:
                below = at[key] = {}
            if not isinstance(below, dict):
                self._conflict(source.below[: depth + 1], source)
                return
            at = below
        self._mapping(at, source.data, source.below, source)

    def _mapping(
        self, at: dict[str, Any], data: Mapping[str, Any], path: tuple[str, ...], source: _Source
    ) -> None:
        for key, value in data.items():
            here = (*path, key)
            old = at.get(key)
            if isinstance(value, dict) and (old is None or isinstance(old, dict)):
                self.said.setdefault(here, source)
                at[key] = old if old is not None else {}
                self._mapping(at[key], value, here, source)
            elif key not in at:
                at[key] = value
                self.said[here] = source
            elif not (value is None and isinstance(old, dict)) and not _is_same(old, value):
                self._conflict(here, source)

    def _conflict(self, path: tuple[str, ...], source: _Source) -> None:
        other = next((self.said[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.said), None)
        line = other.line(path) if other else None
        place = f"{other.where}:{line}" if other and line else other.where if other else "another file"
        self.mistakes.add(
            source.where,
            f"{'.'.join(path)} has another value in {place}; keep one of them",
            source.line(path),
        )


def list_folders(chart: Tree) -> list[str]:
    """Folders of the chart that hold values, sorted by path."""
    folders = [path.removesuffix(f"/{VALUES}") for path in chart if path.endswith(f"/{VALUES}")]
    return sorted((f for f in folders if f.split("/")[0] not in RESERVED), key=lambda f: f.split("/"))


def merge_values(chart: Tree, place: str, mistakes: Mistakes) -> Tree:
    """The chart with one `values.yaml` of all; untouched where no folder holds values. `place` goes before paths in mistakes."""
    folders = list_folders(chart)
    merge = _Merge(mistakes)
    own = _read(chart, VALUES, (), place, mistakes)
    if not folders:
        return chart
    merge.add(own)
    for folder in folders:
        source = _read(chart, f"{folder}/{VALUES}", tuple(folder.split("/")), place, mistakes)
        merge.add(replace(source, data=_inline(source.data, chart.under(folder))))
    return chart.put(VALUES, write_yaml(merge.values))


def _read(chart: Tree, path: str, below: tuple[str, ...], place: str, mistakes: Mistakes) -> _Source:
    where = place + path
    if path not in chart:
        return _Source(where, below, None, {})
    node = mistakes.attempt(lambda: parse_node(chart.text(path), where), None, where=where)
    data: Any = mistakes.attempt(lambda: to_data(node, where), {})
    if data is not None and not isinstance(data, dict):
        mistakes.add(where, "values are a mapping (`key: value`)", node.line if node else None)
        data = {}
    return _Source(where, below, node, data or {})


def _inline(value: Any, folder: Tree) -> Any:
    """An empty value whose key is the name of a file beside it is that file's text."""
    if isinstance(value, list):
        return [_inline(one, folder) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: folder.text(key)
        if one in (None, "") and key in folder and key != VALUES
        else _inline(one, folder)
        for key, one in value.items()
    }


def _is_same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
