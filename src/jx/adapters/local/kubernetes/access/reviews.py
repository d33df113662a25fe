"""Questions put as objects: may I, who am I, whose token is this."""

from __future__ import annotations

from collections.abc import Iterator

from jx.adapters.local.kubernetes.access.accounts import ISSUER, Accounts
from jx.adapters.local.kubernetes.access.rbac import Action, Authorizer
from jx.adapters.local.kubernetes.calls import exchange
from jx.adapters.local.kubernetes.calls.exchange import Call, Response
from jx.adapters.local.kubernetes.calls.paths import Target
from jx.adapters.local.kubernetes.calls.requests import Request, User
from jx.adapters.local.kubernetes.errors import ApiError, bad_request
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.resources import request_for
from jx.adapters.local.kubernetes.types import managed
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError
from jx.adapters.local.kubernetes.writes import metadata
from jx.adapters.local.kubernetes.writes.verbs import Verbs


class Reviews:
    """Answers to the kinds that are asked and never stored."""

    def __init__(self, verbs: Verbs, authorizer: Authorizer, accounts: Accounts) -> None:
        self._verbs = verbs
        self._authorizer = authorizer
        self._accounts = accounts

    def answer(self, call: Call, served: Served, target: Target) -> Response:
        request = request_for(call, served, target)
        review = self._shaped(request, exchange.parse_body(call, served.resource.kind))
        _check(request, review)
        kind = served.resource.kind
        spec: Obj = review.get("spec") or {}
        status = self._status(kind, call.user, spec, target)
        body: Obj = {**review, "status": status}
        if kind == "SelfSubjectReview":
            body["metadata"] = {**review["metadata"], "creationTimestamp": self._verbs.now()}
        elif kind == "SelfSubjectRulesReview":
            body.update(metadata={}, spec={})
        return exchange.of_object(body, 201)

    def _shaped(self, request: Request, review: Obj) -> Obj:
        """A review as the server reads it, with the manager of what it says."""
        resource = request.served.resource
        for key, value in (("kind", resource.kind), ("apiVersion", resource.api_version)):
            review[key] = review.get(key) or value
        metadata.check_identity(request, review)
        made = self._verbs.shape(request, review)
        made.pop("status", None)
        if resource.namespaced:
            made["metadata"]["namespace"] = request.namespace
        return managed.update(
            None,
            made,
            manager=request.manager,
            schema=request.served.schema,
            api_version=resource.api_version,
            now=self._verbs.now(),
        )

    def _status(self, kind: str, user: User, spec: Obj, target: Target) -> Obj:
        match kind:
            case "SelfSubjectAccessReview":
                return self._access(user, spec, "")
            case "SubjectAccessReview" | "LocalSubjectAccessReview":
                return self._access(_subject(spec), spec, target.namespace)
            case "SelfSubjectRulesReview":
                return self._rules(user, spec.get("namespace") or "")
            case "SelfSubjectReview":
                return {"userInfo": _shown(user)}
            case "TokenReview":
                return self._token(spec)
            case _:
                raise ApiError(501, "NotImplemented", f"{kind} is not available in this cluster")

    def _access(self, user: User, spec: Obj, namespace: str) -> Obj:
        reason = self._authorizer.reason(user, _action(spec, namespace))
        if reason is None:
            return {"allowed": False}
        return {"allowed": True, "reason": reason} if reason else {"allowed": True}

    def _rules(self, user: User, namespace: str) -> Obj:
        if not namespace:
            raise bad_request("no namespace on request")
        resource_rules: list[Obj] = []
        path_rules: list[Obj] = []
        for rule in self._authorizer.rules(user, namespace):
            (path_rules if rule.get("nonResourceURLs") else resource_rules).append(rule)
        return {"resourceRules": resource_rules, "nonResourceRules": path_rules, "incomplete": False}

    def _token(self, spec: Obj) -> Obj:
        user = self._accounts.user_of(spec.get("token") or "")
        if user is None:
            return {"user": {}, "error": "invalid bearer token"}
        return {"authenticated": True, "user": _shown(user), "audiences": spec.get("audiences") or [ISSUER]}


def _check(request: Request, review: Obj) -> None:
    """Refuse a review of access that asks nothing, or two things at once."""
    resource = request.served.resource
    if resource.group != "authorization.k8s.io" or resource.kind == "SelfSubjectRulesReview":
        return
    mistakes = [*_spec_mistakes(resource.kind, review.get("spec") or {}), *_placed(resource.kind, review)]
    if mistakes:
        raise metadata.invalid_of("", resource.group, "", mistakes)


def _spec_mistakes(kind: str, spec: Obj) -> Iterator[FieldError]:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        detail = "cannot be specified in combination with resourceAttributes"
        yield invalid.invalid("spec.nonResourceAttributes", _shown_path(path), detail)
    elif resource is None and path is None:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        yield invalid.invalid("spec.resourceAttributes", None, detail)
    if kind != "SelfSubjectAccessReview" and not spec.get("user") and not spec.get("groups"):
        yield invalid.invalid("spec.user", "", "at least one of user or group must be specified")


def _placed(kind: str, review: Obj) -> Iterator[FieldError]:
    meta, spec = review["metadata"], review.get("spec") or {}
    is_local = kind == "LocalSubjectAccessReview"
    free = {"managedFields", "namespace"} if is_local else {"managedFields"}
    if meta.keys() - free:
        detail = "must be empty except for namespace" if is_local else "must be empty"
        entries = [invalid.Struct(one) for one in meta.get("managedFields") or ()]
        shown = invalid.Struct({**meta, "managedFields": entries} if entries else meta)
        yield invalid.invalid("metadata", shown, detail)
    if not is_local:
        return
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and resource.get("namespace", "") != meta.get("namespace", ""):
        namespace = resource.get("namespace", "")
        yield invalid.invalid("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace")
    if path is not None:
        detail = "disallowed on this kind of request"
        yield invalid.invalid("spec.nonResourceAttributes", _shown_path(path), detail)


def _shown_path(path: Obj) -> invalid.Struct:
    return invalid.Struct(Path=path.get("path", ""), Verb=path.get("verb", ""))


def _action(spec: Obj, namespace: str) -> Action:
    if paths := spec.get("nonResourceAttributes"):
        return Action(paths.get("verb", ""), path=paths.get("path", ""))
    wanted = spec.get("resourceAttributes") or {}
    return Action(
        wanted.get("verb", ""),
        wanted.get("group", ""),
        wanted.get("resource", ""),
        wanted.get("subresource", ""),
        wanted.get("namespace", "") or namespace,
        wanted.get("name", ""),
    )


def _subject(spec: Obj) -> User:
    return User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "")


def _shown(user: User) -> Obj:
    shown: Obj = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        shown["uid"] = user.uid
    if user.extra:
        shown["extra"] = {key: list(values) for key, values in user.extra.items()}
    return shown
