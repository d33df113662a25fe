"""The simple JSONPaths of printer columns: `.spec.a`, `.items[0].b`, `.conditions[?(@.type=="Ready")].status`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

Step: TypeAlias = Callable[[Any], Iterable[Any]]

_TOKEN = re.compile(
    r"""\.(?P<field>(?:\\.|[^.\[\]\\])+)
      | \[(?P<index>-?\d+)\]
      | \[(?P<star>\*)\]
      | \[['"](?P<quoted>[^'"]+)['"]\]
      | \[\?\(\s*@\.(?P<key>[^=!<>\s]+)\s*(?P<operator>==|!=)\s*(?P<value>"[^"]*"|'[^']*'|[^)\s]+)\s*\)\]
    """,
    re.VERBOSE,
)


def parse(path: str) -> tuple[Step, ...]:
    """The steps of a path; one that is not understood finds nothing."""
    steps: list[Step] = []
    position, path = 0, path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    while position < len(path):
        match = _TOKEN.match(path, position)
        if match is None:
            return (lambda _: (),)
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def find(path: tuple[Step, ...], obj: Any) -> list[Any]:
    """The values that a path leads to."""
    values = [obj]
    for step in path:
        values = [found for value in values for found in step(value)]
    return values


def _step(match: re.Match[str]) -> Step:
    parts = match.groupdict()
    if parts["index"] is not None:
        return _at(int(parts["index"]))
    if parts["star"]:
        return lambda value: value if isinstance(value, list) else ()
    if parts["key"]:
        wanted = parts["value"].strip("'\"")
        return _where(parts["key"], wanted, equal=parts["operator"] == "==")
    name = (parts["quoted"] or parts["field"]).replace("\\", "")
    if name == "*":
        return lambda value: value.values() if isinstance(value, dict) else ()
    return lambda value: (value[name],) if isinstance(value, dict) and name in value else ()


def _at(index: int) -> Step:
    def step(value: Any) -> Iterable[Any]:
        if not isinstance(value, list) or not -len(value) <= index < len(value):
            return ()
        return (value[index],)

    return step


def _where(key: str, wanted: str, *, equal: bool) -> Step:
    names = key.split(".")

    def step(value: Any) -> Iterable[Any]:
        if not isinstance(value, list):
            return ()
        return [one for one in value if (_text(_inner(one, names)) == wanted) is equal]

    return step


def _inner(value: Any, names: list[str]) -> Any:
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _text(value: Any) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
