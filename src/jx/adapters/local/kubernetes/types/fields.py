"""Sets of fields, as `metadata.managedFields` stores them (FieldsV1).

A path is a tuple of elements, each in its stored form: `f:<field>`, `k:{"<key>":<value>}` for an item of a
keyed list, `v:<value>` for one of a set, `i:<index>`. A set is a tree: what a node has as members belongs to
the set; what it has as children only leads there.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from jx.adapters.local.kubernetes.types.facts import Schema

Path: TypeAlias = tuple[str, ...]


class FieldSet:
    """A set of fields; treated as a value: operations give new sets (but `insert`, for building)."""

    __slots__ = ("children", "members")

    def __init__(self, *paths: Path) -> None:
        self.members: set[str] = set()
        self.children: dict[str, FieldSet] = {}
        for path in paths:
            self.insert(path)

    def insert(self, path: Path) -> None:
        """Adds one field (not its parents); the empty path, the whole object, belongs to nobody."""
        if not path:
            return
        self.reach(path[:-1]).members.add(path[-1])

    def reach(self, path: Path) -> "FieldSet":
        """The node below a path, made where it is not there; for building."""
        node = self
        for element in path:
            found = node.children.get(element)
            if found is None:
                found = node.children[element] = FieldSet()
            node = found
        return node

    def __bool__(self) -> bool:
        return bool(self.members) or any(self.children.values())

    def __le__(self, other: "FieldSet") -> bool:
        """Whether the other has all fields of this one."""
        if not self.members <= other.members:
            return False
        for element, child in self.children.items():
            beside = other.children.get(element)
            if child and (beside is None or not child <= beside):
                return False
        return True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FieldSet):
            return NotImplemented
        return self.members == other.members and _filled(self.children) == _filled(other.children)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"FieldSet({', '.join(text(path) for path in self)})"

    def __contains__(self, path: Path) -> bool:
        node: FieldSet | None = self
        for element in path[:-1]:
            node = node.children.get(element) if node else None
        return bool(path) and node is not None and path[-1] in node.members

    def __iter__(self) -> Iterator[Path]:
        """All paths: a node's members in order, then what lies below its children."""
        for element in sorted(self.members, key=order):
            yield (element,)
        for element in sorted(self.children, key=order):
            for path in self.children[element]:
                yield (element, *path)

    def below(self, element: str) -> "FieldSet":
        """What the set has under an element."""
        return self.children.get(element, _EMPTY)

    def __or__(self, other: "FieldSet") -> "FieldSet":
        made = FieldSet()
        made.members = self.members | other.members
        made.children = {**self.children, **other.children}
        for element in self.children.keys() & other.children.keys():
            made.children[element] = self.children[element] | other.children[element]
        return made

    def __and__(self, other: "FieldSet") -> "FieldSet":
        made = FieldSet()
        made.members = self.members & other.members
        for element in self.children.keys() & other.children.keys():
            _keep(made, element, self.children[element] & other.children[element])
        return made

    def __sub__(self, other: "FieldSet") -> "FieldSet":
        """Without the fields of the other; a field does not take those below it along."""
        made = FieldSet()
        made.members = self.members - other.members
        for element, child in self.children.items():
            beside = other.children.get(element)
            _keep(made, element, child - beside if beside else child)
        return made

    def without(self, other: "FieldSet") -> "FieldSet":
        """Without the fields of the other and all that lies below them."""
        made = FieldSet()
        made.members = self.members - other.members
        for element, child in self.children.items():
            if element not in other.members:
                beside = other.children.get(element)
                _keep(made, element, child.without(beside) if beside else child)
        return made

    def with_named_parents(self, schema: Schema | None) -> "FieldSet":
        """Plus the declared fields on the way: with `spec.replicas`, `spec` too, but no map's key."""
        made = FieldSet()
        made.members = set(self.members)
        for element, child in self.children.items():
            if element.startswith("f:") and schema is not None and schema.declares(element[2:]):
                made.members.add(element)
            made.children[element] = child.with_named_parents(step(schema, element))
        return made

    def to_json(self) -> dict[str, Any]:
        """The stored form, in the server's order."""
        stored: dict[str, Any] = {}
        for element in _in_order(self.members | self.children.keys()):
            below = self.children.get(element)
            if not below:
                stored[element] = {}
            elif element in self.members:
                stored[element] = {".": {}, **below.to_json()}
            else:
                stored[element] = below.to_json()
        return stored

    @staticmethod
    def from_json(stored: dict[str, Any]) -> "FieldSet":
        """Reads the stored form; elements of unknown kinds are dropped.

        Raises ValueError where it is malformed.
        """
        made = FieldSet()
        for key, below in stored.items():
            if key == ".":
                continue
            element = key if key[:2] == "f:" else _read_element(key)
            if element is None:
                continue
            if not isinstance(below, dict):
                raise TypeError(f"fieldsV1: {key} must hold an object")
            if not below or "." in below:
                made.members.add(element)
            if below:
                _keep(made, element, FieldSet.from_json(below))
        return made


def step(schema: Schema | None, element: str) -> Schema | None:
    """The type below a path element; None where the type ends."""
    if schema is None:
        return None
    if element.startswith("f:"):
        return None if schema.kind in ("list", "scalar") else schema.child(element[2:])
    return schema.item() if schema.kind == "list" else None


def key_element(keys: Mapping[str, Any]) -> str:
    """The element of a keyed list's item."""
    return "k:" + _dump({name: keys[name] for name in sorted(keys)})


def value_element(value: Any) -> str:
    """The element of a set's item."""
    return "v:" + _dump(value)


def text(path: Path) -> str:
    """The path as messages print it: `.spec.containers[name="web"].image`."""
    return "".join(_element_text(element) for element in path)


def _in_order(elements: set[str]) -> list[str]:
    """Elements in the server's order; names of fields, the most of them, need no thought."""
    ordered = sorted(elements)
    if ordered and (ordered[0][0] != "f" or ordered[-1][0] != "f"):
        ordered.sort(key=order)
    return ordered


@lru_cache(maxsize=8192)
def order(element: str) -> tuple[Any, ...]:
    """A sort key that gives the server's order: fields, keys, values, indexes."""
    kind, rest = element[0], element[2:]
    if kind == "f":
        return (0, rest)
    if kind == "k":
        return (1, tuple((name, _value_order(value)) for name, value in json.loads(rest).items()))
    if kind == "v":
        return (2, _value_order(json.loads(rest)))
    return (3, int(rest))


def _value_order(value: Any) -> tuple[int, Any]:
    match value:
        case bool():
            return (2, value)
        case int() | float():
            return (0, value)
        case str():
            return (1, value)
        case None:
            return (5, 0)
        case _:
            return (3, _dump(value))


def _element_text(element: str) -> str:
    kind, rest = element[0], element[2:]
    if kind == "f":
        return "." + rest
    if kind == "k":
        return "[" + ",".join(f"{name}={_dump(value)}" for name, value in json.loads(rest).items()) + "]"
    if kind == "v":
        return f"[={_dump(json.loads(rest))}]"
    return f"[{rest}]"


@lru_cache(maxsize=8192)
def _read_element(key: str) -> str | None:
    if len(key) < 2 or key[1] != ":":
        raise ValueError(f"fieldsV1: {key!r} is no path element")
    kind, rest = key[0], key[2:]
    if kind == "f":
        return key
    if kind == "k":
        keys = json.loads(rest)
        if not isinstance(keys, dict):
            raise ValueError(f"fieldsV1: {key!r} must hold keys")
        return key_element(keys)
    if kind == "v":
        return value_element(json.loads(rest))
    return f"i:{int(rest)}" if kind == "i" else None


def _dump(value: Any) -> str:
    """JSON as Go's encoder writes it, which escapes what HTML would read."""
    try:
        dumped = orjson.dumps(value).decode()
    except TypeError:  # numbers and texts that are none for it
        dumped = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        if character in dumped:
            dumped = dumped.replace(character, f"\\u{ord(character):04x}")
    return dumped


def _keep(into: FieldSet, element: str, child: FieldSet) -> None:
    if child:
        into.children[element] = child


def _filled(children: dict[str, FieldSet]) -> dict[str, FieldSet]:
    return {element: child for element, child in children.items() if child}


_EMPTY = FieldSet()
