"""Variables of Tekton: `$(params.x)`, `$(tasks.x.results.y)`, `$(workspaces.x.path)`; pure. What nobody knows stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Values: TypeAlias = Mapping[str, str | list[str]]
"""By name; an array has one entry `name[*]`, and one for each of its elements."""

_VARIABLE = re.compile(r"\$\(([^()\s]+)\)")
_BRACKETS = re.compile(r"""\[(?:"([^"]+)"|'([^']+)')\]""")
_RESULT = re.compile(r"^tasks\.([^.\[\]]+)\.results\.([^\[\]]+?)(\[[^\]]*\])?$")


def named(prefix: str, value: Any) -> dict[str, str | list[str]]:
    """One parameter or result as values: a text, an array, or an object."""
    if isinstance(value, list):
        texts = [str(each) for each in value]
        return {f"{prefix}[*]": texts, **{f"{prefix}[{n}]": text for n, text in enumerate(texts)}}
    if isinstance(value, Mapping):
        return {f"{prefix}.{key}": str(text) for key, text in value.items()}
    return {prefix: str(value)}


def substitute(value: Any, values: Values) -> Any:
    """A value with all variables in it that are known; an array that stands alone in a list becomes its elements."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _text(match, values), value)
    if isinstance(value, Mapping):
        return {key: substitute(each, values) for key, each in value.items()}
    if isinstance(value, list):
        found: list[Any] = []
        for each in value:
            array = _array(each, values)
            found += [substitute(each, values)] if array is None else array
        return found
    return value


def substitute_param(value: Any, values: Values) -> Any:
    """The value of a parameter: one that is nothing but an array becomes that array."""
    array = _array(value, values)
    return substitute(value, values) if array is None else array


def names_in(value: Any) -> Iterator[str]:
    """The variables that are named anywhere in a value, written with dots."""
    if isinstance(value, str):
        yield from (_dotted(match[1]) for match in _VARIABLE.finditer(value))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from names_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from names_in(each)


def results_in(value: Any) -> set[tuple[str, str]]:
    """The results of other tasks that are named anywhere in a value: task and result."""
    found = (_RESULT.match(name) for name in names_in(value))
    return {(match[1], match[2].partition(".")[0]) for match in found if match}


def _array(value: Any, values: Values) -> list[str] | None:
    match = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
    found = values.get(_dotted(match[1])) if match else None
    return list(found) if isinstance(found, list) else None


def _text(match: re.Match[str], values: Values) -> str:
    found = values.get(_dotted(match[1]))
    return found if isinstance(found, str) else match[0]


def _dotted(name: str) -> str:
    return _BRACKETS.sub(lambda match: f".{match[1] or match[2]}", name)
