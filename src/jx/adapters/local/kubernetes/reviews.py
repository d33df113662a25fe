"""Questions put as objects: may I, who am I, whose token is this."""

from __future__ import annotations

from jx.adapters.local.kubernetes import exchange
from jx.adapters.local.kubernetes.accounts import ISSUER, Accounts
from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.exchange import Call, Response
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.paths import Target
from jx.adapters.local.kubernetes.rbac import Action, Authorizer
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.requests import User


class Reviews:
    """Answers to the kinds that are asked and never stored."""

    def __init__(self, authorizer: Authorizer, accounts: Accounts) -> None:
        self._authorizer = authorizer
        self._accounts = accounts

    def answer(self, call: Call, served: Served, target: Target) -> Response:
        review = exchange.parse_body(call, served.resource.kind)
        spec: Obj = review.get("spec") or {}
        status = self._status(served.resource.kind, call.user, spec, target)
        head = {"kind": served.resource.kind, "apiVersion": served.resource.api_version}
        meta = {"creationTimestamp": None, **review["metadata"]}
        body: Obj = {**head, "metadata": meta, "spec": spec, "status": status}
        return exchange.of_object(body, 201)

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
        action = _action(spec, namespace)
        if self._authorizer.allows(user, action):
            return {"allowed": True, "reason": "RBAC: allowed by the roles bound to the user"}
        return {"allowed": False}

    def _rules(self, user: User, namespace: str) -> Obj:
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
