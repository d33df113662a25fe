"""Whole resources inside of custom ones: their metadata are typed, and held to the rules of all metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from jx.adapters.local.kubernetes.definitions.schema_values import Node
from jx.adapters.local.kubernetes.kinds import normalise, object_rules
from jx.adapters.local.kubernetes.types import decoding, facts
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_EMBEDDED = "x-kubernetes-embedded-resource"


def read_metadata(metadata: Obj) -> tuple[Obj, list[str]]:
    """Metadata as the server keeps them, and the names of their fields that it does not know."""
    known = facts.load().definition(facts.OBJECT_META)
    unknown = [key for key in metadata if known.child(key) is None]
    return normalise.tidied(metadata, known), sorted(unknown)


def metadata_problem(metadata: Any) -> str:
    """Why something cannot be read as metadata; "" where it can."""
    return decoding.problem_of(metadata, facts.OBJECT_META)


def has_some(node: Any) -> bool:
    """Whether a schema has embedded resources below its root."""
    inner = (
        node.get("items"),
        node.get("additionalProperties"),
        *(node.get("properties") or {}).values(),
    )
    return any(isinstance(part, dict) and (part.get(_EMBEDDED) or has_some(part)) for part in inner)


def coerced(value: Any, node: Node, path: str = "") -> tuple[Any, list[str]]:
    """The value with its embedded metadata as the server keeps them, and the paths of unknown fields in these.

    Raises ValueError, whose text is the real server's, for metadata that cannot be read.
    """
    unknown: list[str] = []
    if isinstance(value, list):
        items = []
        for index, item in enumerate(value):
            made, more = coerced(item, node.get("items") or {}, f"{path}[{index}]")
            items.append(made)
            unknown += more
        return items, unknown
    if not isinstance(value, dict):
        return value, unknown
    kept: Obj = {}
    for key, child in value.items():
        here = f"{path}.{key}" if path else key
        kept[key] = child
        if node.get(_EMBEDDED):
            kept[key], more = _coerced_head(key, child, here)
            unknown += more
        inner = (node.get("properties") or {}).get(key)
        if inner is None and isinstance(node.get("additionalProperties"), dict):
            inner = node["additionalProperties"]
        if inner is not None:
            kept[key], more = coerced(kept[key], inner, here)
            unknown += more
    return kept, unknown


def _coerced_head(key: str, child: Any, here: str) -> tuple[Any, list[str]]:
    if key in ("apiVersion", "kind") and not isinstance(child, str):
        raise ValueError(str(invalid.invalid(here, child, "must be a string")))
    if key != "metadata":
        return child, []
    if problem := metadata_problem(child):
        raise ValueError(str(invalid.invalid(here, child, problem)))
    if not isinstance(child, dict):
        return child, []
    made, unknown = read_metadata(child)
    return made, [f"{here}.{name}" for name in unknown]


def mistakes(value: Any, node: Node, path: str) -> Iterator[FieldError]:
    """What is wrong with the resources that a value embeds; the value itself is none."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from mistakes(item, node.get("items") or {}, f"{path}[{index}]")
    elif isinstance(value, dict):
        if node.get(_EMBEDDED):
            yield from _resource_mistakes(value, path)
        for key, child in value.items():
            inner = (node.get("properties") or {}).get(key)
            if inner is not None:
                yield from mistakes(child, inner, f"{path}.{key}" if path else key)
            elif isinstance(node.get("additionalProperties"), dict):
                yield from mistakes(child, node["additionalProperties"], f"{path}[{key}]")


def _resource_mistakes(value: Obj, path: str) -> Iterator[FieldError]:
    prefix = f"{path}." if path else ""
    for key in ("apiVersion", "kind"):
        if key not in value:
            yield invalid.required(f"{prefix}{key}")
    for key in ("apiVersion", "kind"):
        if key in value:
            yield from _name_mistakes(key, value[key], f"{prefix}{key}")
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        name = metadata.get("name") or "fakename"
        for problem in names.path_segment_problems(name):
            yield invalid.invalid(f"{prefix}metadata.name", name, problem)
        for error in object_rules.metadata_mistakes(metadata):
            yield replace(error, path=f"{prefix}{error.path}")


def _name_mistakes(key: str, value: Any, path: str) -> Iterator[FieldError]:
    if not isinstance(value, str):
        yield invalid.invalid(path, value, "must be a string")
    elif not value:
        yield invalid.invalid(path, value, "must not be empty")
    elif key == "apiVersion":
        if not re.fullmatch(r"[^/]*(/[^/]*)?", value):
            yield invalid.invalid(path, value, f"unexpected GroupVersion string: {value}")
    elif problems := names.label_1035_problems(value.lower()):
        detail = f"may have mixed case, but should otherwise match: {','.join(problems)}"
        yield invalid.invalid(path, value, detail)
