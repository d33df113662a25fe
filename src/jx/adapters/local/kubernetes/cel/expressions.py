"""The CEL of admission: what expressions may name, and what is wrong with them where they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from jx.adapters.local.kubernetes.cel import cel
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

VARIABLES: Final[Mapping[str, str]] = {
    "object": cel.ANY,
    "oldObject": cel.ANY,
    "request": cel.ANY,
    "namespaceObject": cel.ANY,
}


def of_policy(spec: Obj, *, variables: bool = True) -> dict[str, str]:
    """What the expressions of a policy may name."""
    types = dict(VARIABLES)
    if spec.get("paramKind"):
        types["params"] = cel.ANY
    if variables:
        types["variables"] = "map(string, dyn)"
    return types


def condition_faults(
    conditions: Iterable[Obj], path: str, types: Mapping[str, str] = VARIABLES
) -> list[FieldError]:
    """What is wrong with match conditions, at their place."""
    found: list[FieldError] = []
    names: set[str] = set()
    for index, condition in enumerate(conditions):
        here = f"{path}[{index}]"
        name = condition.get("name") or ""
        found += faults(condition.get("expression") or "", f"{here}.expression", types, "bool", missing="")
        if not name:
            found.append(invalid.required(f"{here}.name"))
        elif name in names:
            found.append(invalid.duplicate(f"{here}.name", name))
        names.add(name)
    return found


def faults(
    expression: str,
    path: str,
    types: Mapping[str, str],
    result: str,
    *,
    missing: str = "expression is not specified",
) -> list[FieldError]:
    """What is wrong with an expression that must have a value of a type (`dyn`: of any)."""
    if not expression.strip():
        return [invalid.required(path, missing)]
    try:
        compiled = cel.compiled(expression.strip(), types)
    except cel.CompilationError as error:
        return [invalid.invalid(path, expression, f"compilation failed: {error}")]
    if result != cel.ANY and compiled.type not in (result, cel.ANY):
        return [invalid.invalid(path, expression, f"must evaluate to {result} but got {compiled.type}")]
    return []
