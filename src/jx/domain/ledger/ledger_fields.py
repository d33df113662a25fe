"""Ledger fields: what each line of a ledger's file sets. Reads what `yaml_emitter` writes and nothing else, so it is fast.

Paths are those of the API server (`.spec.containers[name="web"].image`): an item of a list is told by what names it, not by its
place, so that one item more above it changes no path below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

_TELLING = (
    ("name",), ("containerPort", "protocol"), ("containerPort",), ("port", "protocol"), ("port",), ("mountPath",), ("key",),
    ("host",), ("path",), ("ip",), ("topologyKey",), ("type",), ("kind", "name"), ("secretRef", "name"), ("apiGroups",),
)  # fmt: skip
"""What tells the items of a list apart, best first: it has to be there in all of them, and to differ."""


class Field(NamedTuple):
    """The value of one field as it is written there, and the line (from 1) that it begins in."""

    text: str
    line: int


class _Leaf(NamedTuple):
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field before and after, as they are written; None where it was not, or is not any more."""

    path: str
    was: str | None
    now: str | None


def read_fields(text: str) -> dict[str, Field]:
    """Every field of a file by its path. ValueError where the file was not written by the emitter."""
    lines = text.removesuffix("\n").split("\n")
    node, end = _Reader(lines).block(0, 0)
    if end != len(lines):
        raise ValueError(f"line {end + 1} is not as the ledger writes it")
    return dict(_flatten(node, ""))


def compare_fields(before: str, after: str) -> tuple[FieldChange, ...]:
    """The fields that differ between two versions of a file, in the order of their lines."""
    old, new = read_fields(before), read_fields(after)
    changed = [
        FieldChange(path, old[path].text if path in old else None, field.text)
        for path, field in new.items()
        if path not in old or old[path].text != field.text
    ]
    gone = [FieldChange(path, field.text, None) for path, field in old.items() if path not in new]
    return (*changed, *gone)


def shown(text: str | None) -> str:
    """A value for people: without quotes that mean nothing to them."""
    if text is None:
        return "not set"
    if text[0] == '"' and "\\" not in text:
        return text[1:-1] or '""'
    return text


class _Reader:
    """Goes through the lines once."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def block(self, at: int, indent: int) -> tuple[Any, int]:
        """The mapping or list that begins at a line, and the line after it."""
        if self.lines[at].startswith("- ", indent):
            return self._list(at, indent)
        return self._mapping(at, indent)

    def _list(self, at: int, indent: int) -> tuple[list[Any], int]:
        lines, pad, items = self.lines, " " * indent, []
        head = f"{pad}- "
        while at < len(lines) and lines[at].startswith(head):
            rest = lines[at][indent + 2 :]
            if _is_scalar(rest):
                item, at = self._scalar(rest, at, indent)
            else:
                lines[at] = f"{pad}  {rest}"
                item, at = self.block(at, indent + 2)
            items.append(item)
        return items, at

    def _mapping(self, at: int, indent: int) -> tuple[dict[str, Any], int]:
        lines, pad = self.lines, " " * indent
        found: dict[str, Any] = {}
        while at < len(lines) and lines[at].startswith(pad):
            line = lines[at][indent:]
            if not line or line[0] == " " or line.startswith("- "):
                break
            is_long = line.startswith("? ")
            if is_long:
                key, at = line[2:], at + 1
                rest = lines[at][indent + 1 :].lstrip(" ")
            else:
                key, rest = _split(line)
            if rest:
                found[_unquoted(key)], at = self._scalar(rest, at, indent)
                continue
            deeper = indent if not is_long and lines[at + 1].startswith("- ", indent) else indent + 2
            found[_unquoted(key)], at = self.block(at + 1, deeper)
        if not found:
            raise ValueError(f"line {at + 1} is not as the ledger writes it")
        return found, at

    def _scalar(self, rest: str, at: int, indent: int) -> tuple[_Leaf, int]:
        if rest not in {"|", "|-", "|+"}:
            return _Leaf(rest, at + 1), at + 1
        lines, pad, end = self.lines, " " * (indent + 2), at + 1
        while end < len(lines) and (not lines[end] or lines[end].startswith(pad)):
            end += 1
        text = "\n".join([rest, *(line[indent + 2 :] for line in lines[at + 1 : end])])
        return _Leaf(text, at + 1), end


def _is_scalar(rest: str) -> bool:
    """Whether what stands behind the dash of an item is all of it."""
    if rest[0] == '"':
        return _end_of_quoted(rest) == len(rest)
    return not (rest.startswith(("- ", "? ")) or ": " in rest or rest[-1] == ":")


def _split(line: str) -> tuple[str, str]:
    end = _end_of_quoted(line) if line[0] == '"' else -1
    if end < 0:
        key, colon, rest = line.partition(": ")
        return (key, rest) if colon else (line[:-1], "")
    return line[:end], line[end + 2 :]


def _end_of_quoted(text: str) -> int:
    at = 1
    while text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _unquoted(key: str) -> str:
    return key[1:-1] if key[:1] == '"' else key


def _flatten(node: Any, path: str) -> Iterator[tuple[str, Field]]:
    if isinstance(node, _Leaf):
        yield path, Field(node.text, node.line)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _flatten(value, f"{path}.{key}")
    else:
        for name, item in zip(_names(node), node, strict=True):
            yield from _flatten(item, f"{path}[{name}]")


def _names(items: list[Any]) -> list[str]:
    """What tells each item of a list: `name="web"`, `="--debug"` for a plain value, and its place where nothing else does."""
    places = [str(number) for number in range(len(items))]
    if all(isinstance(item, _Leaf) for item in items):
        values = [f"={_quoted(item.text)}" for item in items]
        return values if len(set(values)) == len(values) else places
    if not all(isinstance(item, dict) for item in items):
        return places
    for keys in _TELLING:
        if all(isinstance(item.get(key), _Leaf) for item in items for key in keys):
            names = [",".join(f"{key}={_quoted(item[key].text)}" for key in keys) for item in items]
            if len(set(names)) == len(names):
                return names
    return places


def _quoted(text: str) -> str:
    """As the API server writes it: numbers bare, texts in quotes."""
    is_bare = text[0] == '"' or text.lstrip("-").isdigit() or text in {"true", "false", "null"}
    return text if is_bare else f'"{text}"'
