"""Rules of the kinds that configure admission: webhooks and policies that could not be used are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from jx.adapters.local.kubernetes.cel import cel, expressions
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_REVIEWS: Final = ("v1", "v1beta1")
_FAILURES: Final = ("Fail", "Ignore")
_MATCHES: Final = ("Equivalent", "Exact")
_SIDE_EFFECTS: Final = ("None", "NoneOnDryRun")
_REINVOCATIONS: Final = ("IfNeeded", "Never")
_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_KNOWN_REASONS: Final = frozenset((*_REASONS, "Unauthorized"))
_ACTIONS: Final = ("Audit", "Deny", "Warn")
_FORM: Final = "; desired format: https://host[/path]"


def webhooks(obj: Obj) -> Iterator[FieldError]:
    """Of both kinds of webhook configurations."""
    names: set[str] = set()
    for index, webhook in enumerate(obj.get("webhooks") or ()):
        here = f"webhooks[{index}]"
        yield from _webhook(webhook, here)
        yield from _reviews(webhook.get("admissionReviewVersions") or [], f"{here}.admissionReviewVersions")
        name = webhook.get("name") or ""
        if name in names:
            yield invalid.duplicate(f"{here}.name", name)
        names.add(name)


def _webhook(webhook: Obj, here: str) -> Iterator[FieldError]:
    name = webhook.get("name") or ""
    if not name:
        yield invalid.required(f"{here}.name")
    elif len(name.split(".")) < 3:
        detail = "should be a domain with at least three segments separated by dots"
        yield invalid.invalid(f"{here}.name", name, detail)
    for index, rule in enumerate(webhook.get("rules") or ()):
        yield from _rule(rule, f"{here}.rules[{index}]")
    yield from _chosen(webhook, "failurePolicy", _FAILURES, here)
    yield from _chosen(webhook, "matchPolicy", _MATCHES, here)
    if not webhook.get("sideEffects"):
        yield invalid.required(f"{here}.sideEffects", f"must specify one of {', '.join(_SIDE_EFFECTS)}")
    yield from _chosen(webhook, "sideEffects", _SIDE_EFFECTS, here)
    seconds = webhook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        detail = "the timeout value must be between 1 and 30 seconds"
        yield invalid.invalid(f"{here}.timeoutSeconds", seconds, detail)
    yield from _chosen(webhook, "reinvocationPolicy", _REINVOCATIONS, here)
    yield from client_mistakes(webhook.get("clientConfig") or {}, f"{here}.clientConfig")
    yield from expressions.condition_faults(webhook.get("matchConditions") or (), f"{here}.matchConditions")


def _chosen(source: Obj, key: str, supported: tuple[str, ...], here: str) -> Iterator[FieldError]:
    if source.get(key) and source[key] not in supported:
        yield invalid.unsupported(f"{here}.{key}", source[key], supported)


def _reviews(versions: list[str], here: str) -> Iterator[FieldError]:
    if not versions:
        yield invalid.required(here, f"must specify one of {', '.join(_REVIEWS)}")
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield invalid.invalid(f"{here}[{index}]", version, "duplicate version")
    if not set(versions) & set(_REVIEWS):
        yield invalid.invalid(here, versions, f"must include at least one of {', '.join(_REVIEWS)}")


def client_mistakes(client: Obj, here: str) -> Iterator[FieldError]:
    """Of the way to call a webhook."""
    url, service = client.get("url"), client.get("service")
    if (url is None) is (service is None):
        yield invalid.required(here, "exactly one of url or service is required")
    elif url is not None:
        yield from _url(url, f"{here}.url")
    elif service is not None:
        for key in ("name", "namespace"):
            if not service.get(key):
                yield invalid.required(f"{here}.service.{key}")
        path = service.get("path")
        if path and not path.startswith("/"):
            yield invalid.invalid(f"{here}.service.path", path, "must start with a '/'")


def _url(url: str, here: str) -> Iterator[FieldError]:
    parts = urlsplit(url)
    if parts.scheme != "https":
        yield invalid.invalid(here, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    if not parts.netloc:
        yield invalid.invalid(here, "", f"host must be specified{_FORM}")
    if "@" in parts.netloc:
        user = parts.netloc.rpartition("@")[0]
        yield invalid.invalid(here, user, "user information is not permitted in the URL")
    if parts.fragment:
        yield invalid.invalid(here, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield invalid.invalid(here, parts.query, "query parameters are not permitted in the URL")


def _rule(rule: Obj, here: str) -> Iterator[FieldError]:
    operations = rule.get("operations") or []
    if not operations:
        yield invalid.required(f"{here}.operations")
    if len(operations) > 1 and "*" in operations:
        detail = "if '*' is present, must not specify other operations"
        yield invalid.invalid(f"{here}.operations", operations, detail)
    for index, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            yield invalid.unsupported(f"{here}.operations[{index}]", operation, _OPERATIONS)
    for key, words in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        listed = rule.get(key) or []
        if not listed:
            yield invalid.required(f"{here}.{key}")
        if len(listed) > 1 and "*" in listed:
            yield invalid.invalid(
                f"{here}.{key}", listed, f"if '*' is present, must not specify other {words}"
            )
    if not rule.get("resources"):
        yield invalid.required(f"{here}.resources")


def policy(obj: Obj) -> Iterator[FieldError]:
    """Of ValidatingAdmissionPolicies."""
    spec = obj.get("spec") or {}
    yield from _chosen(spec, "failurePolicy", _FAILURES, "spec")
    kind = spec.get("paramKind") or {}
    for key in ("apiVersion", "kind") if kind else ():
        if not kind.get(key):
            yield invalid.required(f"spec.paramKind.{key}")
    match: Any = spec.get("matchConstraints")
    if match is None:
        yield invalid.required("spec.matchConstraints")
    else:
        yield from _match(match, "spec.matchConstraints")
        if not match.get("resourceRules"):
            yield invalid.required("spec.matchConstraints.resourceRules")
    yield from expressions.condition_faults(
        spec.get("matchConditions") or (),
        "spec.matchConditions",
        expressions.of_policy(spec, variables=False),
    )
    types = expressions.of_policy(spec)
    for index, variable in enumerate(spec.get("variables") or ()):
        here = f"spec.variables[{index}]"
        if not variable.get("name"):
            yield invalid.required(f"{here}.name", "name is not specified")
        yield from expressions.faults(variable.get("expression") or "", f"{here}.expression", types, cel.ANY)
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        detail = "validations or auditAnnotations must contain at least one item"
        yield invalid.required("spec.validations", detail)
        yield invalid.required("spec.auditAnnotations", detail)
    for index, validation in enumerate(spec.get("validations") or ()):
        yield from _validation(validation, f"spec.validations[{index}]", types)


def _validation(validation: Obj, here: str, types: Mapping[str, str]) -> Iterator[FieldError]:
    yield from expressions.faults(validation.get("expression") or "", f"{here}.expression", types, "bool")
    if stated := validation.get("messageExpression"):
        yield from expressions.faults(stated, f"{here}.messageExpression", types, "string")
    message = validation.get("message") or ""
    if message and not message.strip():
        yield invalid.invalid(f"{here}.message", message, "message must be non-empty if specified")
    elif "\n" in message.strip():
        yield invalid.invalid(f"{here}.message", message, "message must not contain line breaks")
    reason = validation.get("reason")
    if reason and reason not in _KNOWN_REASONS:
        yield invalid.unsupported(f"{here}.reason", reason, _REASONS)


def _match(match: Obj, here: str) -> Iterator[FieldError]:
    yield from _chosen(match, "matchPolicy", _MATCHES, here)
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(match.get(key) or ()):
            yield from _rule(rule, f"{here}.{key}[{index}]")


def binding(obj: Obj) -> Iterator[FieldError]:
    """Of ValidatingAdmissionPolicyBindings."""
    spec = obj.get("spec") or {}
    if not spec.get("policyName"):
        yield invalid.required("spec.policyName")
    yield from _parameters(spec.get("paramRef"))
    if spec.get("matchResources"):
        yield from _match(spec["matchResources"], "spec.matchResources")
    actions = spec.get("validationActions") or []
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            yield invalid.unsupported(f"spec.validationActions[{index}]", action, _ACTIONS)
        if action in actions[:index]:
            yield invalid.duplicate(f"spec.validationActions[{index}]", action)
    if {"Deny", "Warn"} <= set(actions):
        detail = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API"
            " response and headers serves no purpose)"
        )
        yield invalid.invalid("spec.validationActions", actions, detail)
    if not actions:
        yield invalid.required("spec.validationActions", "at least one validation action is required")


def _parameters(reference: Obj | None) -> Iterator[FieldError]:
    if reference is None:
        return
    has_selector = reference.get("selector") is not None
    if reference.get("name") and has_selector:
        for key in ("name", "selector"):
            yield invalid.forbidden(f"spec.paramRef.{key}", "name and selector are mutually exclusive")
    elif not reference.get("name") and not has_selector:
        yield invalid.required("spec.paramRef", "one of name or selector must be specified")
    action = reference.get("parameterNotFoundAction")
    if not action:
        yield invalid.required("spec.paramRef.parameterNotFoundAction")
    elif action not in ("Allow", "Deny"):
        yield invalid.unsupported("spec.paramRef.parameterNotFoundAction", action, ("Deny", "Allow"))
