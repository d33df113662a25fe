"""Server-side apply over plain JSON, simple but honest: who owns which leaf, what conflicts, what goes when it is given up.

Lists of things with a `name` merge by it, all other lists are taken whole. The embedded Kubernetes API knows the real list types;
this is for tests of what does not depend on them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]
"""FieldsV1 path elements: `f:spec`, `k:{"name":"web"}`."""

_IDENTITY = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace")}
)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf and where it is; what only says which object it is, is none."""
    if path in _IDENTITY or path == ("f:metadata", "f:uid"):
        return
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from leaves(part, (*path, f"f:{key}"))
    elif is_keyed(value):
        for item in value:
            yield from leaves(item, (*path, item_key(item)))
    else:
        yield path, value


def is_keyed(value: Any) -> bool:
    """Whether a list merges by the names of its items."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and "name" in item for item in value)
    )


def item_key(item: Mapping[str, Any]) -> str:
    """The path element of a list item."""
    return f"k:{json.dumps({'name': item['name']}, separators=(',', ':'))}"


def to_fields(paths: frozenset[Path]) -> dict[str, Any]:
    """Paths as FieldsV1."""
    fields: dict[str, Any] = {}
    for path in sorted(paths):
        at = fields
        for part in path:
            at = at.setdefault(part, {})
            if part.startswith("k:"):
                at.setdefault(".", {})
    return fields


def from_fields(fields: Mapping[str, Any], path: Path = ()) -> frozenset[Path]:
    """FieldsV1 as paths of leaves."""
    found: set[Path] = set()
    for part, sub in fields.items():
        if part == ".":
            continue
        below = from_fields(sub, (*path, part))
        found |= below or {(*path, part)}
    return frozenset(found)


def put(body: dict[str, Any], path: Path, value: Any) -> None:
    """Set a leaf, making what lies above it."""
    at: Any = body
    for part, following in zip(path, (*path[1:], None), strict=True):
        if part.startswith("k:"):
            name = json.loads(part[2:])["name"]
            found = next((item for item in at if item.get("name") == name), None)
            if found is None:
                found = {"name": name}
                at.append(found)
            at = found
            continue
        key = part[2:]
        if following is None:
            at[key] = copy.deepcopy(value)
            return
        empty: Any = [] if following.startswith("k:") else {}
        if not isinstance(at.get(key), type(empty)):
            at[key] = empty
        at = at[key]


def get(body: Mapping[str, Any], path: Path) -> Any:
    """A leaf's value, or None where there is none."""
    at: Any = body
    for part in path:
        if part.startswith("k:"):
            name = json.loads(part[2:])["name"]
            items = at if isinstance(at, list) else []
            at = next(
                (item for item in items if isinstance(item, Mapping) and item.get("name") == name), None
            )
        else:
            at = at.get(part[2:]) if isinstance(at, Mapping) else None
        if at is None:
            return None
    return at


def drop(body: Any, path: Path) -> None:
    """Remove a leaf, and what is empty above it afterwards."""
    head, rest = path[0], path[1:]
    if head.startswith("k:"):
        name = json.loads(head[2:])["name"]
        item = (
            next((one for one in body if one.get("name") == name), None) if isinstance(body, list) else None
        )
        if item is None:
            return
        if rest:
            drop(item, rest)
        if not rest or set(item) <= {"name"}:
            body.remove(item)
        return
    if not isinstance(body, dict) or head[2:] not in body:
        return
    if not rest:
        del body[head[2:]]
        return
    drop(body[head[2:]], rest)
    if body[head[2:]] in ({}, []):
        del body[head[2:]]
