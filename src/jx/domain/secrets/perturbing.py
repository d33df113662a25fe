"""Perturbing: other values and other lines of templates in place of those that are there, to see which fields follow.

What a field depends on is not read off a template, which would be a guess, but tried: a value is changed, the chart is rendered
again, and the fields that changed depend on it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jx.domain.errors import Invalid
from jx.domain.texts.yaml_text import Node, parse_node, read_mapping
from jx.domain.trees import Tree

PROBE = "jxprobe"
_LINE = re.compile(r"^(?P<head>\s*(?:- )?(?P<key>[\"']?[\w./-]+[\"']?):[ ]+)(?P<value>[^|>\s].*)$")
_ITEM = re.compile(r"^(?P<head>\s*- +)(?P<key>)(?P<value>(?!.*: )(?!.*:$)[^|>\s].*)$")
_NEVER = frozenset({"apiVersion", "kind"})
ValuePath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that may be changed: its path below the umbrella chart's values, and where it is written."""

    path: ValuePath
    value: Any
    file: str
    line: int | None
    is_default: bool
    below: int = 0
    """How many keys of the path stand for the file itself."""

    @property
    def name(self) -> str:
        """Dotted, as `--set` takes it."""
        parts = (f"[{one}]" if isinstance(one, int) else f".{one}" for one in self.path)
        return "".join(parts).removeprefix(".")


@dataclass(frozen=True, slots=True)
class ValuesFile:
    """A file of values, and below which keys of the umbrella's values it counts."""

    file: str
    text: str
    below: tuple[str, ...] = ()
    is_default: bool = False


def read_leaves(
    files: Sequence[ValuesFile], keys: frozenset[str] | None
) -> tuple[dict[str, Any], tuple[Leaf, ...]]:
    """All values together, those of earlier files before those of later ones, and every leaf of them below these keys (None: all)
    with the place that it comes from."""
    merged: dict[str, Any] = {}
    places: dict[ValuePath, tuple[ValuesFile, int | None]] = {}
    for one in files:
        try:
            data, node = read_mapping(one.text, one.file), parse_node(one.text, one.file)
        except Invalid:
            continue
        target = merged
        for key in one.below:
            target = target.setdefault(key, {})
            if not isinstance(target, dict):
                break
        else:
            _merge(target, data, node, one, one.below, places)
    leaves = tuple(
        Leaf(path, value, source.file, line, source.is_default, len(source.below))
        for path, value in _leaves(merged, ())
        if (keys is None or path[0] in keys) and (found := _nearest(places, path))
        for source, line in (found,)
    )
    return merged, leaves


def with_changed(values: Mapping[str, Any], leaves: Sequence[Leaf], *, way: int) -> dict[str, Any]:
    """The values with other ones in place of these; `way` tells which of several other ones."""
    changed: dict[str, Any] = copy.deepcopy(dict(values))
    for leaf in leaves:
        _put(changed, leaf.path, another(leaf.value, way))
    return changed


def mark(number: int) -> str:
    """A text that tells one value from all others wherever it shows up."""
    return f"{PROBE}v{number}x"


def with_marks(values: Mapping[str, Any], leaves: Sequence[Leaf]) -> dict[str, Any]:
    """The values with a mark behind each of these texts."""
    changed: dict[str, Any] = copy.deepcopy(dict(values))
    for number, leaf in enumerate(leaves):
        _put(changed, leaf.path, f"{leaf.value}{mark(number)}")
    return changed


def _put(values: dict[str, Any], path: ValuePath, value: Any) -> None:
    at: Any = values
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value


WAYS = 3


def another(value: Any, way: int) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + (1, 7, -1)[way]
        case str():
            return (f"{value}{PROBE}" if value else PROBE, PROBE, "9")[way]
        case dict():
            return {PROBE: PROBE} if way == 0 else {PROBE: {PROBE: PROBE}}
        case list():
            return [PROBE] if way == 0 else [{"name": PROBE}]
    return (PROBE, 9, True)[way]


def may_matter(leaf: Leaf, below: int, texts: str) -> bool:
    """Whether templates speak of a value, by the first word of its path; only the order of trying depends on it."""
    return str(leaf.path[below] if len(leaf.path) > below else leaf.path[-1]) in texts


def only_template(chart: Tree, template: str) -> Tree:
    """The chart with one template, and what templates share."""
    return Tree(
        {
            path: blob
            for path, blob in chart.files.items()
            if not path.startswith("templates/") or path == template or b"define" in blob.data
        }
    )


def without_schemas(chart: Tree) -> Tree:
    """The chart without what keeps values from being others."""
    return chart.remove(*(path for path in chart if path.rpartition("/")[2] == "values.schema.json"))


@dataclass(frozen=True, slots=True)
class Probe:
    """A line of a template in which a word of ours stands in place of the value."""

    file: str
    line: int
    key: str
    word: str


def list_probes(chart: Tree, keys: frozenset[str]) -> tuple[Probe, ...]:
    """The lines of templates that set one of these keys to something on the same line; an empty key is for items of lists."""
    found: list[Probe] = []
    for path, blob in chart.files.items():
        if not path.startswith("templates/"):
            continue
        for number, line in enumerate(blob.data.decode(errors="replace").splitlines(), start=1):
            match = _match(line)
            key = match["key"].strip("\"'") if match else ""
            is_whole = match is not None and match["value"].count("{{") == match["value"].count("}}")
            if is_whole and key in keys and key not in _NEVER:
                found.append(Probe(path, number, key, f"{PROBE}{len(found)}x"))
    return tuple(found)


def _match(line: str) -> re.Match[str] | None:
    return _LINE.match(line) or _ITEM.match(line)


def with_probes(chart: Tree, probes: Sequence[Probe]) -> Tree:
    """The chart with these lines changed."""
    for path in dict.fromkeys(probe.file for probe in probes):
        lines = chart.text(path).splitlines(keepends=True)
        for probe in probes:
            if probe.file != path:
                continue
            line = lines[probe.line - 1]
            match = _match(line.rstrip("\r\n"))
            if match:
                lines[probe.line - 1] = f"{match['head']}{probe.word}\n"
        chart = chart.put(path, "".join(lines))
    return chart


def _merge(
    target: dict[str, Any],
    data: Mapping[str, Any],
    node: Node | None,
    source: ValuesFile,
    path: ValuePath,
    places: dict[ValuePath, tuple[ValuesFile, int | None]],
) -> None:
    for key, value in data.items():
        here = (*path, key)
        entry = next((pair for pair in (node.real.entries if node else ()) if pair[0].real.text == key), None)
        if isinstance(value, dict) and isinstance(target.get(key), dict) and value:
            _merge(target[key], value, entry[1] if entry else None, source, here, places)
            continue
        target[key] = {} if isinstance(value, dict) else copy.deepcopy(value)
        for old in [one for one in places if one[: len(here)] == here]:
            del places[old]
        places[here] = (source, entry[0].line if entry else None)
        if isinstance(value, dict):
            _merge(target[key], value, entry[1] if entry else None, source, here, places)
        elif isinstance(value, list) and entry:
            _place_items(value, entry[1], source, here, places)


def _place_items(
    value: list[Any],
    node: Node,
    source: ValuesFile,
    path: ValuePath,
    places: dict[ValuePath, tuple[ValuesFile, int | None]],
) -> None:
    for number, (item, at) in enumerate(zip(value, node.real.items, strict=False)):
        here = (*path, number)
        places[here] = (source, at.line)
        if isinstance(item, dict):
            for key, _ in at.real.entries:
                places[(*here, key.real.text)] = (source, key.line)
        elif isinstance(item, list):
            _place_items(item, at, source, here, places)


def _leaves(value: Any, path: ValuePath) -> Iterator[tuple[ValuePath, Any]]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(value, list) and value:
        for number, part in enumerate(value):
            yield from _leaves(part, (*path, number))
    elif path:
        yield path, value


def _nearest(
    places: Mapping[ValuePath, tuple[ValuesFile, int | None]], path: ValuePath
) -> tuple[ValuesFile, int | None] | None:
    return next((places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in places), None)
