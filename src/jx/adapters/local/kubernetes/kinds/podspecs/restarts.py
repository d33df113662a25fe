"""When containers are started again."""

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_POLICIES: Final = ("Always", "Never", "OnFailure")
_ACTIONS: Final = ("Restart", "RestartAllContainers")
_OPERATORS: Final = ("In", "NotIn")
_MOST_RULES: Final = 20
_MOST_CODES: Final = 255
_RESIZED: Final = ("cpu", "memory")
_RESIZES: Final = ("NotRequired", "RestartContainer")


def mistakes(container: Obj, path: str) -> Iterator[FieldError]:
    """A container's own policy, and its rules."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    if policy is None:
        if rules:
            detail = "must specify restartPolicy when restart rules are used"
            yield invalid.required(f"{path}.restartPolicy", detail)
    elif policy not in _POLICIES:
        yield invalid.unsupported(f"{path}.restartPolicy", policy, _POLICIES)
    if len(rules) > _MOST_RULES:
        yield invalid.too_many(f"{path}.restartPolicyRules", len(rules), _MOST_RULES)
    for index, rule in enumerate(rules):
        here = f"{path}.restartPolicyRules[{index}]"
        if rule.get("action") not in _ACTIONS:
            yield invalid.unsupported(f"{here}.action", rule.get("action") or "", _ACTIONS)
        codes = rule.get("exitCodes")
        if codes is None:
            yield invalid.required(f"{here}.exitCodes", "must be specified")
            continue
        if codes.get("operator") not in _OPERATORS:
            operator = codes.get("operator") or ""
            yield invalid.unsupported(f"{here}.exitCodes.operator", operator, _OPERATORS)
        if len(codes.get("values") or ()) > _MOST_CODES:
            yield invalid.too_many(f"{here}.exitCodes.values", len(codes["values"]), _MOST_CODES)


def resize_mistakes(policies: list[Obj], path: str, of_pod: str) -> Iterator[FieldError]:
    """Whether a container starts again when its resources change; `of_pod` is the pod's restart policy."""
    taken: set[str] = set()
    for index, policy in enumerate(policies):
        resource, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if resource in taken:
            yield invalid.duplicate(f"{path}[{index}]", resource)
        taken.add(resource)
        for value, supported in ((resource, _RESIZED), (restart, _RESIZES)):
            if not value:
                yield invalid.required(path)
            elif value not in supported:
                yield invalid.unsupported(path, value, supported)
        if of_pod == "Never" and restart != "NotRequired":
            detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            yield invalid.invalid(path, restart, detail)
