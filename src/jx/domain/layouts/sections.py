"""Sections: mappings of a YAML file, asked key by key, so that every mistake of a file is found at once, with its line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from jx.domain.errors import Invalid, Problem
from jx.domain.texts.yaml_text import Node, parse_node, to_data
from jx.domain.trees import Tree

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


class Mistakes:
    """Everything that is wrong, collected while reading goes on with what can be read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, where: str, what: str, line: int | None = None) -> None:
        self.problems.append(Problem(where, what, line))

    def attempt(self, work: Callable[[], _T], default: _T, *, where: str = "", line: int | None = None) -> _T:
        """What the work gives; where it is Invalid, its problems are kept and the default is given. Problems without a place get
        the one given."""
        try:
            return work()
        except Invalid as error:
            placed = [problem for problem in error.problems if problem.where]
            self.problems += placed
            if not placed:
                why = [error.message, *(problem.what for problem in error.problems)]
                self.add(where, ": ".join(why), line)
            return default

    def check(self, message: str, *, hint: str = "") -> None:
        """Raise Invalid with all mistakes, ordered by place, if there are any."""
        if self.problems:
            ordered = sorted(dict.fromkeys(self.problems), key=lambda p: (p.where, p.line or 0))
            raise Invalid(message, *ordered, hint=hint)


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of a file, or nothing where the file has none; every question has a default."""

    where: str
    mistakes: Mistakes
    node: Node | None = None

    @property
    def line(self) -> int | None:
        return self.node.line if self.node else None

    def mistake(self, what: str, key: str = "") -> None:
        """Note a mistake at a key, or at the section."""
        value = self.node.find(key) if self.node and key else None
        self.mistakes.add(self.where, what, value.line if value else self.line)

    def has(self, key: str) -> bool:
        return self._value(key) is not None

    def text(self, key: str, default: str = "") -> str:
        """A scalar as it is written."""
        value = self._value(key)
        if value is None:
            return default
        if value.tag in {"map", "seq"}:
            self.mistake(f"{key} is a text", key)
            return default
        return value.text.strip()

    def version(self, key: str) -> str:
        """A text that Helm must not take for a number: 1.10 would become 1.1."""
        value = self._value(key)
        if value is not None and value.tag in {"int", "float"}:
            self.mistake(f"{key} {value.text} is a number to YAML; write it in quotes", key)
        return self.text(key)

    def choice(self, key: str, allowed: type[_E], default: _E) -> _E:
        text = self.text(key)
        if not text:
            return default
        found = next((one for one in allowed if one.value == text), None)
        if found is None:
            self.mistake(f"{key} is {text}; it may be {', '.join(one.value for one in allowed)}", key)
        return found or default

    def boolean(self, key: str, *, default: bool = False) -> bool:
        value = self._data(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.mistake(f"{key} is true or false", key)
            return default
        return value

    def number(self, key: str, default: float, *, at_most: float) -> float:
        """A number from 0 to a limit."""
        value = self._data(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= at_most:
            self.mistake(f"{key} is a number from 0 to {at_most:g}", key)
            return default
        return value

    def integer(self, key: str, default: int) -> int:
        value = self.number(key, default, at_most=2**31 - 1)
        if value != int(value):
            self.mistake(f"{key} is a whole number", key)
        return int(value)

    def section(self, key: str) -> Section:
        value = self._value(key)
        if value is not None and value.tag != "map":
            self.mistake(f"{key} is a mapping", key)
            value = None
        return Section(self.where, self.mistakes, value)

    def items(self, key: str) -> list[Section]:
        """The mappings of a list."""
        found = []
        for item in self._list(key):
            if item.real.tag == "map":
                found.append(Section(self.where, self.mistakes, item.real))
            else:
                self.mistakes.add(self.where, f"an item of {key} is a mapping", item.line)
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """The scalars of a list."""
        return tuple(item.real.text for item in self._list(key))

    def mapping(self, key: str) -> dict[str, Any]:
        """Whatever stands there, as plain values."""
        value = self.section(key).node
        data: Any = self.mistakes.attempt(lambda: to_data(value, self.where), {}) if value else {}
        return data if isinstance(data, dict) else {}

    def expect_only(self, *known: str) -> None:
        """Note every key that is not known, with the nearest one that is."""
        for name, _ in self.node.entries if self.node else ():
            if name.text not in known:
                near = find_nearest(name.text, known)
                self.mistakes.add(
                    self.where,
                    f"{name.text} is not known here"
                    + (f"; did you mean {near[0]}?" if near else f"; {', '.join(known)} are"),
                    name.line,
                )

    def _list(self, key: str) -> tuple[Node, ...]:
        value = self._value(key)
        if value is not None and value.tag != "seq":
            self.mistake(f"{key} is a list", key)
            return ()
        return value.items if value else ()

    def _value(self, key: str) -> Node | None:
        value = self.node.find(key) if self.node else None
        return None if value is None or value.real.tag == "null" else value.real

    def _data(self, key: str) -> Any:
        value = self._value(key)
        return self.mistakes.attempt(lambda: to_data(value, self.where), None) if value else None


def open_section(tree: Tree, path: str, mistakes: Mistakes) -> Section:
    """The mapping that a file is; an empty section where there is no file, it is empty, or it cannot be read (a mistake)."""
    if path not in tree:
        return Section(path, mistakes)
    node = mistakes.attempt(lambda: parse_node(tree.text(path), path), None)
    if node is not None and node.tag == "null":
        node = None
    if node is not None:
        mistakes.attempt(lambda: to_data(node, path), None)
    if node is not None and node.tag != "map":
        mistakes.add(path, "this file is a mapping (`key: value`)", node.line)
        node = None
    return Section(path, mistakes, node)


def find_nearest(name: str, known: Iterable[str]) -> list[str]:
    """Known names that look like one that is not, best first."""
    return difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
