"""The defaults in the schemas of CustomResourceDefinitions: each must itself be a value that the schema accepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from jx.adapters.local.kubernetes.definitions.custom_rules import CustomRules
from jx.adapters.local.kubernetes.definitions.schemas import ValueValidator
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError


def mistakes(schema: Obj, path: str) -> list[FieldError]:
    """What is wrong with the defaults of a structural schema."""
    return list(_mistakes({**schema, "x-kubernetes-embedded-resource": True}, path))


def _mistakes(node: Obj, path: str) -> Iterator[FieldError]:
    if node.get("default") is not None:
        yield from _value_mistakes(node["default"], node, f"{path}.default")
    # Below `additionalProperties` the real server does not look.
    if isinstance(node.get("items"), dict):
        yield from _mistakes(node["items"], f"{path}.items")
    for name, below in (node.get("properties") or {}).items():
        yield from _mistakes(below, f"{path}.properties[{name}]")


def _value_mistakes(value: Any, node: Obj, path: str) -> Iterator[FieldError]:
    validator = ValueValidator(node)
    if validator.prune(value) != value:
        yield invalid.invalid(path, value, "must not have unknown fields")
    found = validator.embedded_mistakes(value, path) or [
        replace(error, path=path if error.path in ("", "<nil>") else f"{path}.{error.path}")
        for error in validator.validate(value)
    ]
    yield from found
    if not found:
        for error in CustomRules(node).judge(value, None, []).errors:
            yield replace(error, path=path if error.path in ("", "<nil>") else f"{path}.{error.path}")
