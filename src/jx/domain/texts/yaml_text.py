"""YAML as Go's parser reads it for Helm and Kubernetes, with the line of everything.

Helm reads YAML 1.1 with a table of its own: `22:22` and dates stay strings, `0o14` is 12, `08` is 8, `1e3` is a number, `y` and
`no` are booleans, keys become strings. Reading a file otherwise than Helm does would plan something else than what is applied.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from jx.domain.errors import Invalid, Problem
from jx.domain.texts.yaml_emitter import emit
from jx.domain.texts.yaml_scalars import BOOLEANS, TAG_PREFIX, find_integer, tag_of, write_float_key
from jx.domain.texts.yaml_write import write_yaml

__all__ = [
    "Node",
    "Yaml",
    "emit",
    "find_line",
    "parse_node",
    "read_documents",
    "read_mapping",
    "read_yaml",
    "to_data",
    "write_yaml",
]

Yaml = Any
"""Plain JSON values: dict with string keys, list, str, int, float, bool, None. `Any` because the files are people's."""

MAX_DEPTH = 200
"""Nesting that no honest file reaches; deeper ones would exhaust a parser's stack."""
MAX_NODES = 2_000_000
"""Nodes after aliases are followed: a file of a few lines can otherwise stand for billions."""


class Node(NamedTuple):
    """A piece of YAML and where it stands; positions count characters from 0."""

    tag: str
    """`str`, `int`, `float`, `bool`, `null`, `merge`, `binary`, `map`, `seq`, or `endless` for what JSON cannot hold."""
    start: int
    end: int
    line: int
    """From 1."""
    column: int
    """From 0."""
    text: str = ""
    """Of a scalar."""
    style: str = ""
    """Of a scalar: empty for plain, `'`, `"`, `|` or `>`."""
    items: tuple[Node, ...] = ()
    """Of a sequence."""
    entries: tuple[tuple[Node, Node], ...] = ()
    """Of a mapping: keys and values in order."""
    is_flow: bool = False
    """Whether a collection is written in brackets."""
    target: Node | None = None
    """Of an alias (`*name`): what it stands for."""
    anchor: str = ""

    @property
    def real(self) -> Node:
        """What an alias stands for; else itself."""
        return self.target or self

    def find(self, key: str) -> Node | None:
        """The value of a key of a mapping, as written here (merge keys are not followed), or None."""
        return next((value for name, value in self.real.entries if name.real.text == key), None)


def read_yaml(text: str, where: str = "", *, allow_duplicates: bool = False) -> Yaml:
    """The one document of a file, None for an empty one. Invalid, with every mistake that can be told, and lines."""
    return to_data(parse_node(text, where), where, allow_duplicates=allow_duplicates)


def read_mapping(text: str, where: str = "") -> dict[str, Yaml]:
    """The one document of a file, which is a mapping; empty for an empty file."""
    node = parse_node(text, where)
    data = to_data(node, where)
    if data is None:
        return {}
    if not isinstance(data, dict):
        line = node.line if node else 1
        raise Invalid(
            f"{where or 'the file'} is not a mapping", Problem(where, "expected `key: value`", line)
        )
    return data


def read_documents(text: str, where: str = "", *, allow_duplicates: bool = True) -> list[Yaml]:
    """All documents of a file (manifests), empty ones left out."""
    nodes = [node for node in _parse(text, where) if node is not None]
    found = [to_data(node, where, allow_duplicates=allow_duplicates) for node in nodes]
    return [data for data in found if data is not None]


def parse_node(text: str, where: str = "") -> Node | None:
    """The one document of a file as nodes, None for an empty file; Invalid where it is not YAML or holds several documents."""
    nodes = _parse(text, where)
    second = next((node for node in nodes[1:] if node is not None), None)
    if second is not None:
        raise Invalid(
            f"{where or 'the file'} holds more than one YAML document",
            Problem(where, "a second document begins here; Helm would read the first one only", second.line),
        )
    return nodes[0] if nodes else None


def to_data(node: Node | None, where: str = "", *, allow_duplicates: bool = False) -> Yaml:
    """Nodes to plain values. Duplicate keys are mistakes, or else the last one counts, as in Helm."""
    if node is None:
        return None
    builder = _Builder(where, allow_duplicates=allow_duplicates)
    data = builder.build(node)
    if builder.problems:
        raise Invalid(f"{where or 'the file'} has mistakes", *builder.problems)
    return data


def find_line(node: Node | None, path: tuple[str, ...]) -> int | None:
    """The line of the key at a path, or of the nearest one above it that is there."""
    line = None
    for part in path:
        if node is None:
            break
        key = next((name for name, _ in node.real.entries if name.real.text == part), None)
        if key is None:
            break
        line, node = key.line, node.find(part)
    return line


def _parse(text: str, where: str) -> list[Node | None]:
    shift = 1 if text.startswith("\ufeff") else 0  # the parser skips a byte order mark and does not count it
    try:
        return list(_Composer(where, shift).documents(yaml.parse(text, Loader=yaml.CSafeLoader)))
    except yaml.YAMLError as error:
        raise _invalid(error, where) from error


def _invalid(error: yaml.YAMLError, where: str) -> Invalid:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).partition("\n")[0]
    context = getattr(error, "context", None)
    what = f"{said} ({context})" if context else str(said)
    return Invalid(
        f"{where or 'the file'} is not YAML", Problem(where, what, mark.line + 1 if mark else None)
    )


class _Composer:
    """Events to nodes, with an explicit stack, so that depth is limited before anything recurses."""

    def __init__(self, where: str, shift: int) -> None:
        self._where = where
        self._shift = shift
        self._anchors: dict[str, Node] = {}
        self._open: list[tuple[Any, list[Node]]] = []
        self._root: Node | None = None

    def documents(self, events: Iterator[yaml.Event]) -> Iterator[Node | None]:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._root = {}, None
            elif isinstance(event, yaml.DocumentEndEvent):
                yield self._root
            elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                self._begin(event)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self._finish(event)
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)

    def _place(self, event: Any, end: Any) -> tuple[int, int, int, int]:
        start = event.start_mark
        return start.index + self._shift, end.index + self._shift, start.line + 1, start.column

    def _put(self, node: Node) -> None:
        if node.anchor:
            self._anchors[node.anchor] = node
        if self._open:
            self._open[-1][1].append(node)
        else:
            self._root = node

    def _begin(self, event: Any) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise Invalid(
                f"{self._where or 'the file'} is nested too deeply",
                Problem(self._where, f"more than {MAX_DEPTH} levels", event.start_mark.line + 1),
            )
        if event.anchor:
            self._anchors.pop(event.anchor, None)
        self._open.append((event, []))

    def _finish(self, event: Any) -> None:
        begun, parts = self._open.pop()
        place, flow = self._place(begun, event.end_mark), bool(begun.flow_style)
        anchor = "" if begun.anchor in self._anchors else begun.anchor or ""  # one that began later stays
        if isinstance(begun, yaml.SequenceStartEvent):
            self._put(Node("seq", *place, items=tuple(parts), is_flow=flow, anchor=anchor))
        else:
            entries = tuple(zip(parts[::2], parts[1::2], strict=True))
            self._put(Node("map", *place, entries=entries, is_flow=flow, anchor=anchor))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = self._place(event, event.end_mark)
        tag = _tag_of_event(event)
        self._put(Node(tag, *place, event.value, event.style or "", anchor=event.anchor or ""))

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event, event.end_mark)
        name = event.anchor or ""
        target = self._anchors.get(name)
        if target is None:
            is_open = any(begun.anchor == name for begun, _ in self._open)
            what = f"&{name} contains itself" if is_open else f"there is no anchor &{name}"
            raise Invalid(
                f"{self._where or 'the file'} is not YAML",
                Problem(self._where, what, place[2]),
            )
        self._put(Node("alias", *place, target=target))


def _tag_of_event(event: yaml.ScalarEvent) -> str:
    plain, _ = event.implicit
    if event.tag is None or event.tag == "!":
        return tag_of(event.value) if plain and event.tag is None else "str"
    short = str(event.tag).removeprefix(TAG_PREFIX)
    if short not in {"int", "float", "bool", "null", "binary"} or short == event.tag:
        return "str"  # `!!str`, `!!timestamp` and every tag that Go does not know
    if short == "binary":
        return short
    found = tag_of(event.value)
    return found if found == short or (short, found) == ("float", "int") else f"not {short}"


class _Builder:
    """Nodes to plain values; collects mistakes. What an anchor names is built once and shared, as it is written once."""

    def __init__(self, where: str, *, allow_duplicates: bool) -> None:
        self.problems: list[Problem] = []
        self._where = where
        self._allow_duplicates = allow_duplicates
        self._built: dict[int, tuple[Yaml, int]] = {}
        self._count = 0

    def build(self, node: Node) -> Yaml:
        if node.target is not None:
            data, size = self._built[id(node.target)]
            self._grow(size, node)
            return data
        before = self._count
        self._grow(1, node)
        if node.tag == "map":
            data = self._mapping(node)
        elif node.tag == "seq":
            data = [self.build(item) for item in node.items]
        else:
            data = self._scalar(node)
        if node.anchor:
            self._built[id(node)] = (data, self._count - before)
        return data

    def _grow(self, size: int, node: Node) -> None:
        self._count += size
        if self._count > MAX_NODES:
            raise Invalid(
                f"{self._where or 'the file'} is too large",
                Problem(self._where, f"its aliases stand for more than {MAX_NODES} values", node.line),
            )

    def _mapping(self, node: Node) -> dict[str, Yaml]:
        data: dict[str, Yaml] = {}
        seen: dict[str, int] = {}
        for name, value_node in node.entries:
            if name.tag == "merge":
                self._merge(data, value_node)
                continue
            key = self._key(name)
            value = self.build(value_node)
            if key in seen and not self._allow_duplicates:
                self._mistake(name, f"the key {key!r} stands here and in line {seen[key]}")
            seen[key] = name.line
            data[key] = value
        return data

    def _merge(self, data: dict[str, Yaml], node: Node) -> None:
        """`<<`: as in Go, over what stands before it and under what stands after it; of a list the first one wins."""
        parts = (
            [self.build(item) for item in node.real.items] if node.real.tag == "seq" else [self.build(node)]
        )
        for part in reversed(parts):
            if isinstance(part, dict):
                data.update(part)
            else:
                self._mistake(node, "`<<` merges mappings only")

    def _key(self, name: Node) -> str:
        value = self.build(name)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (str, int)):
            return str(value)
        if isinstance(value, float):
            return write_float_key(value)
        self._mistake(name, "a key is a text, a number or a boolean")
        return name.text

    def _scalar(self, node: Node) -> Yaml:
        match node.tag:
            case "str" | "merge":
                return node.text
            case "null":
                return None
            case "bool":
                return BOOLEANS[node.text]
            case "int":
                return find_integer(node.text.replace("_", ""))
            case "float":
                return float(node.text.replace("_", ""))
            case "binary":
                return self._binary(node)
            case "endless":
                self._mistake(node, f"{node.text} has no place in JSON")
            case other:
                self._mistake(
                    node, f"{node.text!r} is {other}, which its tag says it is".replace("not ", "no ")
                )
        return None

    def _binary(self, node: Node) -> str:
        try:
            return base64.b64decode("".join(node.text.split()), validate=True).decode()
        except (binascii.Error, ValueError):
            self._mistake(node, "this is not base64 of UTF-8 text")
            return ""

    def _mistake(self, node: Node, what: str) -> None:
        self.problems.append(Problem(self._where, what, node.line))
