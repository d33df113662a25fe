"""Match conditions of webhooks and policies: CEL on a request, its object and the object before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from jx.adapters.local.kubernetes import cel, invalid
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.invalid import FieldError
from jx.adapters.local.kubernetes.matching import Attributes
from jx.adapters.local.kubernetes.registry import Served

VARIABLES: Final[Mapping[str, str]] = {
    "object": cel.ANY,
    "oldObject": cel.ANY,
    "request": cel.ANY,
    "namespaceObject": cel.ANY,
}


class Undecided(ValueError):
    """Conditions that have no value, so that nobody knows whether they hold."""


def variables_of(attributes: Attributes, served: Served) -> dict[str, Any]:
    """What expressions see of a request."""
    asked = attributes.asked(served)
    return {
        "object": asked.pop("object"),
        "oldObject": asked.pop("oldObject"),
        "request": asked,
    }


def hold(
    conditions: Iterable[Obj], variables: Mapping[str, Any], types: Mapping[str, str] = VARIABLES
) -> bool:
    """Whether all conditions hold: one that is false decides, else Undecided where one has no value."""
    problem = ""
    for condition in conditions:
        try:
            value = cel.compiled(condition["expression"].strip(), types).evaluate(variables)
        except (cel.CompilationError, cel.EvaluationError) as error:
            problem = problem or f"expression '{condition['expression']}' resulted in error: {error}"
            continue
        if value is not True:
            return False
    if problem:
        raise Undecided(problem)
    return True


def faults(conditions: Iterable[Obj], path: str, types: Mapping[str, str] = VARIABLES) -> list[FieldError]:
    """What is wrong with conditions, at their place."""
    found, names = [], set()
    for index, condition in enumerate(conditions):
        here = f"{path}[{index}]"
        name = condition.get("name") or ""
        if not name:
            found.append(invalid.required(f"{here}.name"))
        elif name in names:
            found.append(invalid.duplicate(f"{here}.name", name))
        names.add(name)
        found += expression_faults(condition.get("expression") or "", f"{here}.expression", types)
    return found


def expression_faults(
    expression: str, path: str, types: Mapping[str, str], result: str = "bool"
) -> list[FieldError]:
    """What is wrong with an expression that must have a value of a type (`dyn`: of any)."""
    if not expression.strip():
        return [invalid.required(path)]
    try:
        compiled = cel.compiled(expression.strip(), types)
    except cel.CompilationError as error:
        return [invalid.invalid(path, expression, f"compilation failed: {error}")]
    if result != cel.ANY and compiled.type not in (result, cel.ANY):
        return [invalid.invalid(path, expression, f"must evaluate to {result}")]
    return []
