"""Keys that stand twice in a body: the last one counts, and strict callers want to know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

_KEY: Final = re.compile(rb'"\s*:')


class _Pairs(dict[str, Any]):
    """An object that remembers which of its keys stood twice."""

    repeated: tuple[str, ...] = ()


def duplicates(body: bytes, parsed: Any) -> list[str]:
    """`duplicate field "spec.x"` for each key that stands twice in a JSON body; YAML in its reader's words."""
    if body.lstrip()[:1] != b"{":
        return _yaml_duplicates(body)
    # Counting is cheap, and what is inside of texts only makes it look longer.
    if len(_KEY.findall(body)) == _count(parsed):
        return []
    try:
        read = json.loads(body, object_pairs_hook=_paired)
    except ValueError:
        return []
    return [f'duplicate field "{path}"' for path in dict.fromkeys(_repeated(read, ""))]


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count(child) for child in value.values() if isinstance(child, dict | list))
    if isinstance(value, list):
        return sum(_count(child) for child in value if isinstance(child, dict | list))
    return 0


def _paired(pairs: list[tuple[str, Any]]) -> _Pairs:
    made = _Pairs(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        made.repeated = tuple(name for index, name in enumerate(names) if name in names[:index])
    return made


def _repeated(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _repeated(item, f"{path}[{index}]")
    elif isinstance(value, _Pairs):
        for name in value.repeated:
            yield f"{path}.{name}" if path else name
        for name, child in value.items():
            yield from _repeated(child, f"{path}.{name}" if path else name)


def _yaml_duplicates(body: bytes) -> list[str]:
    try:
        root = yaml.compose(body, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return []
    lines = [f'  line {line}: key "{name}" already set in map' for line, name in _yaml_repeated(root)]
    return ["yaml: unmarshal errors:\n" + "\n".join(lines)] if lines else []


def _yaml_repeated(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key.start_mark.line + 1, key.value
                seen.add(key.value)
            yield from _yaml_repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _yaml_repeated(item)
