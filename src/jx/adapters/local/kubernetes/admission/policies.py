"""ValidatingAdmissionPolicies: CEL that judges requests, with parameters from other objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jx.adapters.local.kubernetes.admission import conditions
from jx.adapters.local.kubernetes.admission.matching import GROUP, Attributes, Matcher
from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.cel import cel, expressions
from jx.adapters.local.kubernetes.errors import ApiError, forbidden
from jx.adapters.local.kubernetes.registry import Registry, Served
from jx.adapters.local.kubernetes.store import Collection, Store, Stored
from jx.adapters.local.kubernetes.types import selectors
from jx.adapters.local.kubernetes.types.facts import Obj

POLICIES: Final[Collection] = (GROUP, "validatingadmissionpolicies")
BINDINGS: Final[Collection] = (GROUP, "validatingadmissionpolicybindings")
_MUTATING: Final = frozenset({"mutatingadmissionpolicies", "mutatingadmissionpolicybindings"})
_CODES: Final = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413, "Invalid": 422}
_LONGEST_MESSAGE: Final = 5 * 1024
_USED: Final = re.compile(r"\bvariables\.(\w+)")


class MutatingPolicies:
    """An admission plugin: policies of the other kind are refused, so that nobody believes in them."""

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        resource = request.served.resource
        if operation != "DELETE" and resource.group == GROUP and resource.plural in _MUTATING:
            why = "this server does not evaluate MutatingAdmissionPolicies; a MutatingWebhookConfiguration is called"
            raise forbidden(resource.group, resource.plural, request.name, why)
        return new


class _Misconfigured(ValueError):
    """A policy or binding that cannot be used as it is."""


@dataclass(frozen=True)
class _Failure:
    """One validation that does not hold."""

    message: str
    reason: str = "Invalid"


class ValidatingPolicies:
    """A judge: what the policies deny is refused, what they only mind is a warning to the caller."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._matcher = Matcher(store, registry)

    def judge(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> None:
        bindings = self._store.entries(BINDINGS)
        if not bindings or request.draft is None:
            return
        attributes = Attributes.of(operation, request, new, old)
        if attributes.is_exempt:
            return
        denials: list[ApiError] = []
        for stored in self._store.entries(POLICIES):
            denials += self._denials(stored.obj, bindings, attributes)
        if denials:
            raise denials[0]

    def _denials(self, policy: Obj, bindings: list[Stored], attributes: Attributes) -> Iterator[ApiError]:
        name, spec = policy["metadata"]["name"], policy["spec"]
        served = self._meant(spec.get("matchConstraints") or {}, attributes)
        if served is None:
            return
        for stored in bindings:
            binding = stored.obj
            wanted = binding["spec"]
            if wanted["policyName"] != name or self._is_left_out(wanted.get("matchResources"), attributes):
                continue
            try:
                failures = list(self._failures(spec, wanted, attributes, served))
            except _Misconfigured as error:
                if spec.get("failurePolicy") == "Ignore":
                    continue
                failures, wanted = (
                    [_Failure(f"failed to configure binding: {error}")],
                    {"validationActions": ["Deny"]},
                )
            place = f"'{name}' with binding '{binding['metadata']['name']}'"
            yield from _consequences(failures, wanted["validationActions"], place, attributes.request)

    def _meant(self, match: Obj, attributes: Attributes) -> Served | None:
        """The version in which a policy speaks of the request; None where it does not mean it."""
        policy = match.get("matchPolicy") or "Equivalent"
        if self._matcher.served_as(match.get("excludeResourceRules") or (), attributes, policy):
            return None
        rules = match.get("resourceRules") or ()
        served = self._matcher.served_as(rules, attributes, policy) if rules else attributes.request.served
        return served if served and self._matcher.selects(match, attributes) else None

    def _is_left_out(self, match: Obj | None, attributes: Attributes) -> bool:
        return bool(match) and self._meant(match or {}, attributes) is None

    def _failures(
        self, spec: Obj, binding: Obj, attributes: Attributes, served: Served
    ) -> Iterator[_Failure]:
        known = conditions.variables_of(attributes, served)
        known["namespaceObject"] = self._matcher.namespace_of(attributes)
        for parameter in self._parameters(spec, binding, attributes):
            yield from _judged(spec, {**known, "params": parameter} if spec.get("paramKind") else known)

    def _parameters(self, spec: Obj, binding: Obj, attributes: Attributes) -> list[Obj | None]:
        kind, reference = spec.get("paramKind"), binding.get("paramRef")
        if not kind or not reference:
            return [None]
        group, _, version = kind["apiVersion"].rpartition("/")
        served = next(
            (
                self._registry.find(group, version, one.plural)
                for one in self._registry.resources()
                if one.gvk == (group, version, kind["kind"]) and "list" in one.verbs
            ),
            None,
        )
        if served is None:
            shown = f"&ParamKind{{APIVersion:{kind['apiVersion']},Kind:{kind['kind']},}}"
            raise _Misconfigured(f"paramKind kind `{shown}` not known")
        found = self._found(served, reference, attributes)
        if not found and reference.get("parameterNotFoundAction") == "Deny":
            raise _Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
        return found

    def _found(self, served: Served, reference: Obj, attributes: Attributes) -> list[Obj | None]:
        namespace = ""
        if served.resource.namespaced:
            namespace = reference.get("namespace") or attributes.namespace
            if not namespace:
                raise _Misconfigured(
                    "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
                )
        elif reference.get("namespace"):
            raise _Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        if name := reference.get("name"):
            one = self._store.find(served.collection, (namespace, name))
            return [served.as_version(one.obj)] if one else []
        selector = reference.get("selector")
        return [
            served.as_version(stored.obj)
            for stored in self._store.entries(served.collection, namespace)
            if selectors.matches_label_selector(selector, stored.obj["metadata"].get("labels") or {})
        ]


def _judged(spec: Obj, known: Mapping[str, Any]) -> Iterator[_Failure]:
    """What a policy has against a request; nothing where its conditions do not hold."""
    is_strict = spec.get("failurePolicy") != "Ignore"
    try:
        if not conditions.hold(
            spec.get("matchConditions") or (), known, expressions.of_policy(spec, variables=False)
        ):
            return
    except conditions.Undecided as error:
        if is_strict:
            yield _Failure(str(error))
        return
    types = expressions.of_policy(spec)
    variables = _Variables(spec, types, known)
    for validation in spec.get("validations") or ():
        source = validation["expression"].strip()
        try:
            holds = cel.compiled(source, types).evaluate(variables.beside(source))
        except (cel.CompilationError, cel.EvaluationError) as error:
            if is_strict:
                yield _Failure(f"expression '{validation['expression']}' resulted in error: {error}")
            continue
        if holds is not True:
            yield _Failure(_message(validation, types, variables), validation.get("reason") or "Invalid")


class _Variables:
    """A policy's own variables, each computed when an expression first names it."""

    def __init__(self, spec: Obj, types: Mapping[str, str], known: Mapping[str, Any]) -> None:
        self._sources = {one["name"]: one["expression"].strip() for one in spec.get("variables") or ()}
        self._types = types
        self._known = known
        self._values: dict[str, Any] = {}

    def beside(self, source: str) -> dict[str, Any]:
        """All that an expression may name; EvaluationError where one of the variables it names has no value."""
        for name in _USED.findall(source):
            if name in self._values or name not in self._sources:
                continue
            below = self._sources[name]
            try:
                self._values[name] = cel.compiled(below, self._types).evaluate(self.beside(below))
            except RecursionError as error:
                raise cel.EvaluationError(f"variable {name!r} refers to itself") from error
            except cel.EvaluationError as error:
                raise cel.EvaluationError(
                    f"composited variable {name!r} fails to evaluate: {error}"
                ) from error
        return {**self._known, "variables": self._values}


def _message(validation: Obj, types: Mapping[str, str], variables: _Variables) -> str:
    text: Any = ""
    if stated := (validation.get("messageExpression") or "").strip():
        try:
            text = cel.compiled(stated, types).evaluate(variables.beside(stated))
        except (cel.CompilationError, cel.EvaluationError):
            text = ""
    text = text.strip() if isinstance(text, str) else ""
    if "\n" in text or len(text) > _LONGEST_MESSAGE:
        text = ""
    own = (validation.get("message") or "").strip()
    return text or own or f"failed expression: {validation['expression'].strip()}"


def _consequences(
    failures: list[_Failure], actions: list[str], place: str, request: Request
) -> Iterator[ApiError]:
    resource = request.served.resource
    for failure in failures:
        if "Warn" in actions:
            request.warnings.append(
                f"Validation failed for ValidatingAdmissionPolicy {place}: {failure.message}"
            )
        if "Deny" in actions:
            message = f"ValidatingAdmissionPolicy {place} denied request: {failure.message}"
            error = forbidden(resource.group, resource.plural, request.name, message)
            code = _CODES.get(failure.reason, 422)
            details = {**error.details, "causes": [{"message": message}]}
            yield ApiError(code, failure.reason, error.message, details)
