"""Match conditions of webhooks and policies: CEL on a request, its object and the object before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jx.adapters.local.kubernetes.admission.matching import Attributes
from jx.adapters.local.kubernetes.cel import cel, expressions
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.types.facts import Obj


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
    conditions: Iterable[Obj], variables: Mapping[str, Any], types: Mapping[str, str] = expressions.VARIABLES
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
