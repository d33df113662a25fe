"""Field paths as the API server prints them (`.spec.template.spec.containers[name="web"].image`), found in bodies and cut out.

A key may hold dots (`.metadata.annotations.jenkins.io/wave`), so a path is only understood against a body that has it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from jx.domain.objects.manifests import Body

_KEYS = re.compile(r'\[([^=\]"]+=(?:"[^"]*"|[^,\]"]*)(?:,[^=\]"]+=(?:"[^"]*"|[^,\]"]*))*)\]')
_VALUE = re.compile(r'\[=(?:"[^"]*"|[^\]]*)\]')

Step = str | tuple[tuple[str, Any], ...]
"""A key of a mapping, or the keys and values that tell a list's item."""


def normal(path: str) -> str:
    """One way to write a path: no leading dot, no needless quotes."""
    return path.strip().removeprefix(".").replace('"', "")


def covers(rule: str, path: str) -> bool:
    """Whether a path is the rule's, or below it."""
    one, other = normal(rule), normal(path)
    return other == one or (other.startswith(one) and other[len(one)] in ".[")


def resolve(body: Any, path: str) -> tuple[Step, ...] | None:
    """The path as steps through this body; None where it has no such field."""
    text = path.strip()
    if not text.startswith((".", "[")):
        text = f".{text}"
    return _resolve(body, text, ())


def get(body: Any, steps: tuple[Step, ...]) -> Any:
    """The value there; KeyError where there is none."""
    for step in steps:
        body = body[step] if isinstance(step, str) else body[_index(body, step)]
    return body


def without(body: Body, steps: tuple[Step, ...]) -> dict[str, Any]:
    """A copy without that field, and without mappings that are empty then."""
    result: dict[str, Any] = copy.deepcopy(dict(body))
    _drop(result, steps)
    return result


def with_value(body: Body, steps: tuple[Step, ...], value: Any) -> dict[str, Any]:
    """A copy with another value there; the field is in the body already."""
    result: dict[str, Any] = copy.deepcopy(dict(body))
    at = get(result, steps[:-1])
    last = steps[-1]
    at[last if isinstance(last, str) else _index(at, last)] = copy.deepcopy(value)
    return result


def alone(steps: tuple[Step, ...], value: Any) -> dict[str, Any]:
    """A body that has only that field, and what tells the list items on the way to it."""
    result: Any = copy.deepcopy(value)
    for step in reversed(steps):
        match step:
            case str():
                result = {step: result}
            case _:
                result = [{**dict(step), **(result if isinstance(result, Mapping) else {})}]
    return dict(result)


def merged(one: Any, other: Any) -> Any:
    """Two bodies of `alone` as one; items of lists with equal telling keys come together."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        both = {key: merged(one[key], other[key]) for key in one if key in other}
        return {**one, **other, **both}
    if isinstance(one, list) and isinstance(other, list):
        named = {_name(item): item for item in one}
        for item in other:
            name = _name(item)
            named[name] = merged(named[name], item) if name in named else item
        return list(named.values())
    return other


def _name(item: Any) -> str:
    keys = ("name", "containerPort", "port", "mountPath", "ip", "key", "type", "protocol")
    if not isinstance(item, Mapping):
        return json.dumps(item, default=str)
    return json.dumps({key: item[key] for key in keys if key in item}, default=str)


def _resolve(body: Any, text: str, done: tuple[Step, ...]) -> tuple[Step, ...] | None:
    if not text:
        return done
    if text.startswith("["):
        return _resolve_item(body, text, done)
    if not isinstance(body, Mapping):
        return None
    rest = text[1:]
    fitting = [key for key in body if isinstance(key, str) and _begins(rest, key)]
    for key in sorted(fitting, key=len, reverse=True):
        found = _resolve(body[key], rest[len(key) :], (*done, key))
        if found is not None:
            return found
    return None


def _begins(text: str, key: str) -> bool:
    return text == key or (text.startswith(key) and text[len(key)] in ".[")


def _resolve_item(body: Any, text: str, done: tuple[Step, ...]) -> tuple[Step, ...] | None:
    match = _KEYS.match(text)
    if match is None or not isinstance(body, list) or _VALUE.match(text):
        return None
    wanted = dict(part.split("=", 1) for part in match[1].split(","))
    for item in body:
        if isinstance(item, Mapping) and all(
            key in item and str(item[key]) == value.strip('"') for key, value in wanted.items()
        ):
            step = tuple((key, item[key]) for key in wanted)
            return _resolve(item, text[match.end() :], (*done, step))
    return None


def _index(items: list[Any], step: tuple[tuple[str, Any], ...]) -> int:
    for index, item in enumerate(items):
        if isinstance(item, Mapping) and all(item.get(key) == value for key, value in step):
            return index
    raise KeyError(step)


def _drop(body: Any, steps: tuple[Step, ...]) -> None:
    head, rest = steps[0], steps[1:]
    if isinstance(head, tuple):
        at = _index(body, head)
        if rest:
            _drop(body[at], rest)
        else:
            del body[at]
        return
    if not rest:
        del body[head]
        return
    _drop(body[head], rest)
    if body[head] == {}:
        del body[head]
