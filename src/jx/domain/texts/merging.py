"""Merging: three versions of a text as one, line by line as git does it; YAML value by value where lines are in the way."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jx.domain.errors import Invalid
from jx.domain.texts import yaml_edit
from jx.domain.texts.yaml_text import find_line, parse_node, read_mapping

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of it, and where both sides changed the same: `text` then holds our side there."""

    text: str
    conflicts: tuple[str, ...] = ()


def merge_texts(base: str, ours: str, theirs: str, where: str = "") -> Merged:
    """Our text with what theirs changed since the base: by lines; by values, where lines conflict or would mean another thing."""
    if ours in (base, theirs):
        return Merged(theirs)
    if base == theirs:
        return Merged(ours)
    by_lines = merge_lines(base, ours, theirs)
    if not where.endswith((".yaml", ".yml")):
        return by_lines
    try:
        by_values = merge_values(base, ours, theirs, where)
        same = not by_lines.conflicts and _is_same(by_lines.text, by_values.text, where)
    except Invalid:
        return by_lines
    return by_lines if same else by_values


def merge_lines(base: str, ours: str, theirs: str) -> Merged:
    """Three-way by lines; regions that touch are one, as git has it."""
    one, two, three = (text.splitlines(keepends=True) for text in (base, ours, theirs))
    lines: list[str] = []
    conflicts: list[str] = []
    at_base = at_ours = at_theirs = 0
    for begin, their_begin, our_begin, length in _anchors(one, three, two):
        old, mine, new = one[at_base:begin], two[at_ours:our_begin], three[at_theirs:their_begin]
        if mine in (old, new):
            lines += new
        else:
            lines += mine
            if new != old:
                conflicts.append(f"line {at_ours + 1}")
        lines += one[begin : begin + length]
        at_base, at_ours, at_theirs = begin + length, our_begin + length, their_begin + length
    return Merged("".join(lines), tuple(conflicts))


def _anchors(
    base: Sequence[str], theirs: Sequence[str], ours: Sequence[str]
) -> Iterator[tuple[int, int, int, int]]:
    """Stretches that all three have: where they begin in base, theirs, ours, and how many lines; an empty one at the end."""
    one = difflib.SequenceMatcher(None, base, theirs, autojunk=False).get_matching_blocks()
    two = difflib.SequenceMatcher(None, base, ours, autojunk=False).get_matching_blocks()
    at_one = at_two = 0
    while at_one < len(one) and at_two < len(two):
        (base_one, their_begin, length_one), (base_two, our_begin, length_two) = one[at_one], two[at_two]
        begin, end = max(base_one, base_two), min(base_one + length_one, base_two + length_two)
        if begin < end:
            yield begin, their_begin + begin - base_one, our_begin + begin - base_two, end - begin
        if base_one + length_one < base_two + length_two:
            at_one += 1
        else:
            at_two += 1
    yield len(base), len(theirs), len(ours), 0


def merge_values(base: str, ours: str, theirs: str, where: str = "") -> Merged:
    """Our YAML with the values that theirs changed since the base; lists whose items have names are merged item by item. Invalid
    where one of them is no YAML, or cannot be edited."""
    old, new = read_mapping(base, where), read_mapping(theirs, where)
    text, conflicts = ours, []
    for path in _changed(old, new, ()):
        data = read_mapping(text, where)
        was, wanted, now = (_find(one, path) for one in (old, new, data))
        if now == wanted:
            continue
        if now != was:
            conflicts.append(_conflict(text, path, data, where))
            continue
        text = _apply(text, path, data, wanted, where)
    return Merged(text, tuple(conflicts))


def overlap(one: tuple[str, str], other: tuple[str, str], where: str = "") -> bool:
    """Whether two changes of a YAML file, each a text before and after, are about the same values. Invalid for no YAML."""
    paths, others = (
        tuple(_changed(read_mapping(before, where), read_mapping(after, where), ()))
        for before, after in (one, other)
    )
    return any(mine[: len(theirs)] == theirs[: len(mine)] for mine in paths for theirs in others)


def _apply(text: str, path: Path, data: Any, wanted: tuple[bool, Any], where: str) -> str:
    is_there, value = wanted
    place = _place(data, path)
    if not is_there:
        return yaml_edit.remove(text, place, where) if place is not None else text
    if place is None:
        parent = _place(data, path[:-1])
        if parent is None:
            raise Invalid(f"{shown(path[:-1])} is not there any more")
        return yaml_edit.append_item(text, parent, value, where)
    return yaml_edit.set_value(text, place, value, where)


def _conflict(text: str, path: Path, data: Any, where: str) -> str:
    names = tuple(str(part) for part in path)
    line = find_line(parse_node(text, where), names)
    is_there, value = _find(data, path)
    now = f"is {value!r} by now" if is_there else "is not there any more"
    return f"line {line}: {shown(path)} {now}" if line else f"{shown(path)} {now}"


def shown(path: Path) -> str:
    """Dotted, for people."""
    return ".".join(str(part).removeprefix("=") for part in path)


def _changed(old: Any, new: Any, path: Path) -> Iterator[Path]:
    """The places that differ, as deep as both are mappings or lists whose items have names. An item is told by `=NAME`."""
    if old == new and type(old) is type(new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            if key not in old or key not in new:
                yield (*path, key)
            else:
                yield from _changed(old[key], new[key], (*path, key))
        return
    before, after = _by_name(old), _by_name(new)
    if before is None or after is None:
        yield path
        return
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after:
            yield (*path, f"={name}")
        else:
            yield from _changed(before[name], after[name], (*path, f"={name}"))


def _by_name(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        return None
    names = [str(one.get("alias") or one.get("name") or "") for one in value]
    return dict(zip(names, value, strict=True)) if all(names) and len(set(names)) == len(names) else None


def _find(data: Any, path: Path) -> tuple[bool, Any]:
    for part in path:
        if isinstance(part, str) and part.startswith("="):
            items = _by_name(data) or {}
            if part[1:] not in items:
                return False, None
            data = items[part[1:]]
        elif isinstance(data, Mapping) and part in data:
            data = data[part]
        else:
            return False, None
    return True, data


def _place(data: Any, path: Path) -> Path | None:
    """The path with places of items instead of their names; None where an item is not there. What lies below may be missing."""
    place: list[str | int] = []
    for part in path:
        if isinstance(part, str) and part.startswith("="):
            names = list(_by_name(data) or {})
            if part[1:] not in names:
                return None
            place.append(names.index(part[1:]))
            data = data[place[-1]]
        else:
            place.append(part)
            data = data.get(part) if isinstance(data, Mapping) else None
    return tuple(place)


def _is_same(one: str, other: str, where: str) -> bool:
    try:
        return read_mapping(one, where) == read_mapping(other, where)
    except Invalid:
        return False
