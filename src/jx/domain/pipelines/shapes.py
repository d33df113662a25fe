"""Shapes: what may stand in a file, written once beside the fields of a type; read, written and described from there.

A field of a frozen dataclass is declared by `text(...)`, `many(...)` and so on. `read_shape` makes the value from YAML and notes
every mistake with its line, `write_shape` makes plain data of it again, `describe` gives its JSON Schema: so the three agree.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import textwrap
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, ClassVar, Protocol, TypeVar, cast

from jx.domain.errors import Invalid, Problem
from jx.domain.layouts.sections import Mistakes, find_nearest
from jx.domain.texts.yaml_text import Node, to_data

MOST_VALUES = 50_000
"""Of one file, aliases followed: a file of a few lines can otherwise stand for billions of steps."""

_SCALARS = frozenset({"str", "int", "float", "bool", "binary"})


class Kind(Enum):
    """How a field is written."""

    TEXT = "text"
    FLAG = "flag"
    WHOLE = "whole number"
    CHOICE = "choice"
    TEXTS = "list of texts"
    TEXT_MAP = "mapping of texts"
    TEXTS_MAP = "mapping of lists of texts"
    ONE = "mapping"
    MANY = "list of mappings"
    PLAIN = "mapping as Kubernetes has it"
    PLAINS = "list of mappings as Kubernetes has them"


_NEEDED = frozenset({Kind.WHOLE, Kind.CHOICE})
"""What has no value that stands for a mistake."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written, so that a later mistake can be told with its line."""

    where: str = ""
    line: int | None = None
    keys: tuple[tuple[str, int], ...] = ()
    """The lines of what stands in it; what stands in plain data by `key.inner`."""

    def problem(self, what: str, key: str = "") -> Problem:
        """A mistake at a key, or as near to it as can be told."""
        lines = dict(self.keys)
        while key and key not in lines:
            key = key.rpartition(".")[0]
        return Problem(self.where, what, lines.get(key, self.line))


class Shaped(Protocol):
    """A dataclass whose fields are shapes; `place` is set where it was read."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: Kind
    about: str
    of: Callable[[], type[Any]] | None = None
    is_required: bool = False
    keys: frozenset[str] = frozenset()
    """Of plain data: what may stand there."""


def text(about: str, *, required: bool = False, default: str = "") -> Any:
    """A scalar, as it is written."""
    return _field(_Shape(Kind.TEXT, about, is_required=required), default)


def flag(about: str) -> Any:
    """true or false."""
    return _field(_Shape(Kind.FLAG, about), default=False)


def whole(about: str, *, required: bool = False) -> Any:
    """A whole number, or None."""
    return _field(_Shape(Kind.WHOLE, about, is_required=required), None)


def choice(about: str, of: type[StrEnum], *, required: bool = False) -> Any:
    """One of some words, or None."""
    return _field(_Shape(Kind.CHOICE, about, lambda: of, is_required=required), None)


def texts(about: str, *, required: bool = False) -> Any:
    """A list of scalars."""
    return _field(_Shape(Kind.TEXTS, about, is_required=required), ())


def text_map(about: str) -> Any:
    """Names and scalars."""
    return _mapping_field(_Shape(Kind.TEXT_MAP, about))


def texts_map(about: str) -> Any:
    """Names and lists of scalars."""
    return _mapping_field(_Shape(Kind.TEXTS_MAP, about))


def one(about: str, of: Callable[[], type[Any]]) -> Any:
    """A mapping of a shape, or None."""
    return _field(_Shape(Kind.ONE, about, of), None)


def many(about: str, of: Callable[[], type[Any]], *, required: bool = False) -> Any:
    """A list of mappings of a shape."""
    return _field(_Shape(Kind.MANY, about, of, is_required=required), ())


def plain(about: str, keys: frozenset[str]) -> Any:
    """A mapping that belongs to Kubernetes, kept as it is; its keys are known."""
    return _field(_Shape(Kind.PLAIN, about, keys=keys), None)


def plains(about: str, keys: frozenset[str]) -> Any:
    """A list of such mappings."""
    return _field(_Shape(Kind.PLAINS, about, keys=keys), ())


def placed() -> Any:
    """Where it was written; two that say the same are equal wherever they stand."""
    return field(default=Place(), compare=False, repr=False)


def _field(shape: _Shape, default: object) -> Any:
    return field(default=default, metadata={"shape": shape})


def _mapping_field(shape: _Shape) -> Any:
    return field(default_factory=dict, metadata={"shape": shape})


def _shapes(kind: type[Any]) -> Mapping[str, tuple[str, _Shape]]:
    return _find_shapes(cast("Hashable", kind))


@functools.cache
def _find_shapes(kind: Any) -> dict[str, tuple[str, _Shape]]:
    """By the key in the file: the attribute and its shape."""
    return {
        _key(one.name): (one.name, one.metadata["shape"])
        for one in dataclasses.fields(kind)
        if "shape" in one.metadata
    }


_OTHER_KEYS = {"import_": "import", "build_pack_git_url": "buildPackGitURL"}


def _key(name: str) -> str:
    return _OTHER_KEYS.get(name) or re.sub(r"_(\w)", lambda match: match[1].upper(), name)


# reading


def read_shape(
    kind: type[_T], node: Node, where: str, mistakes: Mistakes, spoiled: set[int] | None = None
) -> _T:
    """The value that a mapping stands for; what is wrong is noted, and reading goes on with what can be read: a key that is spelt
    wrongly is read as the one that it must be. The lines of mappings that are not whole are added to `spoiled`."""
    return cast("_T", _Reader(where, mistakes, set() if spoiled is None else spoiled).value(kind, node))


class _Reader:
    def __init__(self, where: str, mistakes: Mistakes, spoiled: set[int]) -> None:
        self._where = where
        self._mistakes = mistakes
        self._spoiled = spoiled
        self._is_whole = True
        """Whether nothing was wrong so far with what belongs to the mapping that is read."""
        self._count = 0
        self._plainly: dict[Kind, Callable[[str, Node], Any]] = {
            Kind.TEXT: self._text,
            Kind.FLAG: self._flag,
            Kind.WHOLE: self._whole,
            Kind.TEXTS: self._texts,
            Kind.TEXT_MAP: lambda key, node: self._map(key, node, self._text),
            Kind.TEXTS_MAP: lambda key, node: self._map(key, node, self._texts),
        }

    def value(self, kind: type[Any], node: Node) -> Any:
        """None for one that cannot be without what it lacks."""
        shapes = _shapes(kind)
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        empty: set[str] = set()
        deeper: dict[str, int] = {}
        around, self._is_whole = self._is_whole, True
        for name, value in self._entries(node.real):
            key = name.real.text
            if key in lines:
                self._note(f"{key} stands here and in line {lines[key]}", name)
                continue
            if key not in shapes:
                key = self._meant(name, shapes, node)
                if not key or key in lines:
                    continue
            lines[key] = name.line
            if value.real.tag == "null":
                empty.add(key)
                continue
            attribute, shape = shapes[key]
            if shape.kind is Kind.PLAIN:
                deeper |= {f"{key}.{one.real.text}": one.line for one, _ in self._entries(value.real)}
            read = self._read(shape, key, value)
            if read is not None:
                found[attribute] = read
        self._end(shapes, node, lines, empty)
        self._is_whole = around
        if any(
            one.kind in _NEEDED and one.is_required and name not in found for name, one in shapes.values()
        ):
            return None
        return kind(**found, place=Place(self._where, node.line, tuple((lines | deeper).items())))

    def _end(
        self, shapes: Mapping[str, tuple[str, _Shape]], node: Node, lines: dict[str, int], empty: set[str]
    ) -> None:
        """Note what a mapping lacks, and where it stands if something is wrong with it."""
        missing = [
            key
            for key, (_, shape) in shapes.items()
            if shape.is_required and (key not in lines or key in empty)
        ]
        for key in missing:
            about = shapes[key][1].about
            self._note(f"{key} is missing: {about[0].lower()}{about[1:].removesuffix('.')}", node)
        if not self._is_whole:
            self._spoiled.update([node.line, *lines.values()])

    def _entries(self, node: Node) -> Iterator[tuple[Node, Node]]:
        """Keys and values, those of merge keys (`<<`) after the ones that go before them."""
        own = {name.real.text for name, _ in node.entries if name.tag != "merge"}
        for name, value in node.entries:
            if name.tag != "merge":
                yield name, value
                continue
            merged = value.real.items if value.real.tag == "seq" else (value,)
            for part in merged:
                if part.real.tag != "map":
                    self._note("`<<` merges mappings only", name)
                    continue
                self._grow(part)
                for key, entry in self._entries(part.real):
                    if key.real.text not in own:
                        own.add(key.real.text)
                        yield key, entry

    def _read(self, shape: _Shape, key: str, node: Node) -> Any:
        self._grow(node)
        kind = shape.kind
        if kind is Kind.CHOICE:
            return self._choice(shape, key, node)
        if kind in self._plainly:
            return self._plainly[kind](key, node)
        if kind in {Kind.MANY, Kind.PLAINS}:
            read = (self._mapping(shape, item) for item in self._mappings(key, node))
            return tuple(item for item in read if item is not None)
        return self._mapping(shape, node) if self._is(node, "map", key) else None

    def _grow(self, node: Node) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            what = f"its aliases stand for more than {MOST_VALUES} values"
            raise Invalid(f"{self._where} is too large", Problem(self._where, what, node.line))

    def _mapping(self, shape: _Shape, node: Node) -> Any:
        self._grow(node)
        return self.value(_type(shape), node) if shape.of else self._plain(shape, node)

    def _text(self, key: str, node: Node) -> str:
        self._grow(node)
        if node.real.tag in _SCALARS:
            return node.real.text
        self._note(f"{key} is a text, not {_found(node)}", node)
        return ""

    def _flag(self, key: str, node: Node) -> bool:
        if node.real.tag != "bool":
            self._note(f"{key} is true or false, not {node.real.text or node.real.tag!r}", node)
            return False
        return bool(to_data(node.real))

    def _whole(self, key: str, node: Node) -> int:
        if node.real.tag != "int":
            self._note(f"{key} is a whole number, not {node.real.text or node.real.tag!r}", node)
            return 0
        return int(to_data(node.real))

    def _choice(self, shape: _Shape, key: str, node: Node) -> StrEnum | None:
        allowed = cast("type[StrEnum]", _type(shape))
        word = self._text(key, node)
        found = next((one for one in allowed if one.value == word), None)
        if found is None and node.real.tag in _SCALARS:
            self._note(
                f"{key} is {word or 'empty'}; it may be {', '.join(one.value for one in allowed)}", node
            )
        return found

    def _texts(self, key: str, node: Node) -> tuple[str, ...]:
        if not self._is(node, "seq", key):
            return ()
        return tuple(self._text(f"an item of {key}", item) for item in node.real.items)

    def _map(self, key: str, node: Node, read: Callable[[str, Node], _T]) -> dict[str, _T]:
        if not self._is(node, "map", key):
            return {}
        return {name.real.text: read(name.real.text, value) for name, value in self._entries(node.real)}

    def _plain(self, shape: _Shape, node: Node) -> dict[str, Any]:
        for name, _ in self._entries(node.real):
            if name.real.text not in shape.keys:
                self._unknown(name, shape.keys)
        data: Any = self._mistakes.attempt(lambda: to_data(node.real, self._where), {}, where=self._where)
        return cast("dict[str, Any]", data)

    def _mappings(self, key: str, node: Node) -> Iterator[Node]:
        for item in node.real.items if self._is(node, "seq", key) else ():
            if item.real.tag == "map":
                yield item.real
            else:
                self._note(f"an item of {key} is a mapping, not {_found(item)}", item)

    def _is(self, node: Node, tag: str, key: str) -> bool:
        if node.real.tag != tag:
            self._note(f"{key} is a {'mapping' if tag == 'map' else 'list'}, not {_found(node)}", node)
        return node.real.tag == tag

    def _meant(self, name: Node, shapes: Mapping[str, Any], node: Node) -> str:
        """The key that a key which is not known must be, unless that is there, too; empty for none."""
        meant = self._unknown(name, shapes)
        return "" if node.real.find(meant) else meant

    def _unknown(self, name: Node, known: Mapping[str, Any] | frozenset[str]) -> str:
        """Note it; which of the known ones was meant, where that can be told."""
        word = name.real.text
        near = [one for one in known if one.lower() == word.lower()] or find_nearest(word, known)
        may = f"did you mean {near[0]}?" if near else f"{', '.join(sorted(known))} are"
        self._mistakes.add(self._where, f"{word} is not known here; {may}", name.line)
        self._spoiled.add(name.line)
        self._is_whole = self._is_whole and bool(near)
        return near[0] if near else ""

    def _note(self, what: str, node: Node) -> None:
        self._is_whole = False
        self._mistakes.add(self._where, what, node.line)


def _found(node: Node) -> str:
    """What stands somewhere, in few words."""
    words = {"map": "a mapping", "seq": "a list", "null": "empty"}
    return words.get(node.real.tag) or textwrap.shorten(f"{node.real.text!r}", 40, placeholder=" …")


def _type(shape: _Shape) -> type[Any]:
    assert shape.of is not None
    return shape.of()


# writing


def write_shape(value: Shaped) -> dict[str, Any]:
    """Plain data that reads as the same value; what is empty is left out."""
    written: dict[str, Any] = {}
    for key, (attribute, _) in _shapes(type(value)).items():
        held = getattr(value, attribute)
        if held is None or held is False or held == () or held == {} or held == "":
            continue
        written[key] = _written(held)
    return written


def _written(held: Any) -> Any:
    if isinstance(held, Enum):
        return held.value
    if isinstance(held, tuple):
        return [_written(item) for item in held]
    if dataclasses.is_dataclass(held):
        return write_shape(cast("Shaped", held))
    if isinstance(held, dict):
        return {key: _written(item) for key, item in held.items()}
    return held


# describing

_TEXT = {"type": ["string", "number", "boolean"]}


def describe(kind: type[Any], title: str) -> dict[str, Any]:
    """The JSON Schema of a type and all that stand in it."""
    found: dict[str, Any] = {}
    _describe(kind, found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": f"#/$defs/{kind.__name__}",
        "$defs": dict(sorted(found.items())),
    }


def _describe(kind: type[Any], found: dict[str, Any]) -> dict[str, Any]:
    if kind.__name__ not in found:
        found[kind.__name__] = {}  # a stage may hold stages
        shapes = _shapes(kind)
        required = [key for key, (_, shape) in shapes.items() if shape.is_required]
        found[kind.__name__] = {
            "type": "object",
            "description": " ".join((kind.__doc__ or "").split()),
            "properties": {key: _property(shape, found) for key, (_, shape) in shapes.items()},
            "additionalProperties": False,
            **({"required": required} if required else {}),
        }
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _property(shape: _Shape, found: dict[str, Any]) -> dict[str, Any]:
    described = _described(shape, found)
    return {"description": shape.about, **(described if shape.is_required else _or_empty(described))}


def _or_empty(described: dict[str, Any]) -> dict[str, Any]:
    """A key with nothing behind it says nothing."""
    if "type" in described:
        kinds = described["type"]
        return {**described, "type": [*(kinds if isinstance(kinds, list) else [kinds]), "null"]}
    if "enum" in described:
        return {**described, "enum": [*described["enum"], None]}
    return {"anyOf": [described, {"type": "null"}]}


def _described(shape: _Shape, found: dict[str, Any]) -> dict[str, Any]:
    many_texts = {"type": "array", "items": _TEXT}
    fixed: dict[Kind, dict[str, Any]] = {
        Kind.TEXT: dict(_TEXT),
        Kind.FLAG: {"type": "boolean"},
        Kind.WHOLE: {"type": "integer"},
        Kind.TEXTS: many_texts,
        Kind.TEXT_MAP: {"type": "object", "additionalProperties": _TEXT},
        Kind.TEXTS_MAP: {"type": "object", "additionalProperties": many_texts},
    }
    if shape.kind in fixed:
        return fixed[shape.kind]
    if shape.kind is Kind.CHOICE:
        return {"enum": [one.value for one in cast("type[StrEnum]", _type(shape))]}
    if shape.of is not None:
        inner = _describe(shape.of(), found)
    else:
        inner = {"type": "object", "propertyNames": {"enum": sorted(shape.keys)}}
    return {"type": "array", "items": inner} if shape.kind in {Kind.MANY, Kind.PLAINS} else inner
