"""Who may do what: Roles and bindings, aggregated ClusterRoles, and no one gives away more than he holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from jx.adapters.local.kubernetes import rbac_defaults, selectors
from jx.adapters.local.kubernetes.admission import Operation
from jx.adapters.local.kubernetes.errors import ApiError, forbidden
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.requests import MASTERS, Request, User
from jx.adapters.local.kubernetes.store import Change, Store
from jx.adapters.local.kubernetes.verbs import Verbs

GROUP = "rbac.authorization.k8s.io"
_ROLES = (GROUP, "roles")
_CLUSTER_ROLES = (GROUP, "clusterroles")
_BINDINGS = (GROUP, "rolebindings")
_CLUSTER_BINDINGS = (GROUP, "clusterrolebindings")
_COLLECTIONS = (_ROLES, _CLUSTER_ROLES, _BINDINGS, _CLUSTER_BINDINGS)


@dataclass(frozen=True)
class Action:
    """What somebody wants to do: a verb on a resource, or on a path that is none (`path` set)."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    def denied_to(self, user: User) -> ApiError:
        """The 403, as the real server words it."""
        if self.path:
            message = f'forbidden: User "{user.name}" cannot {self.verb} path "{self.path}"'
            return ApiError(403, "Forbidden", message, {})
        place = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        why = f'User "{user.name}" cannot {self.verb} resource "{self.full_resource}" in API group "{self.group}" {place}'
        return forbidden(self.group, self.resource, self.name, why)


class Authorizer:
    """Answers from the stored Roles and bindings; answers are remembered until one of those changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: tuple[int, ...] = ()
        self._answers: dict[tuple[str, tuple[str, ...], Action], bool] = {}

    def allows(self, user: User, action: Action) -> bool:
        if MASTERS in user.groups:
            return True
        seen = tuple(self._store.last_change(collection) for collection in _COLLECTIONS)
        if seen != self._seen or len(self._answers) > 10_000:
            self._seen, self._answers = seen, {}
        question = (user.name, user.groups, action)
        answer = self._answers.get(question)
        if answer is None:
            rules = self.rules(user, action.namespace)
            answer = self._answers[question] = any(_rule_allows(rule, action) for rule in rules)
        return answer

    def check(self, user: User, action: Action) -> None:
        """ApiError 403 unless allowed."""
        if not self.allows(user, action):
            raise action.denied_to(user)

    def rules(self, user: User, namespace: str) -> list[Obj]:
        """The rules that hold for a user in a namespace (cluster-wide ones only for "")."""
        if MASTERS in user.groups:
            return [
                {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                {"verbs": ["*"], "nonResourceURLs": ["*"]},
            ]
        return list(self._rules(user, namespace))

    def role_rules(self, reference: Obj, namespace: str) -> list[Obj] | None:
        """The rules of the role that a binding refers to; None where there is no such role."""
        if reference.get("kind") == "ClusterRole":
            found = self._store.find(_CLUSTER_ROLES, ("", reference["name"]))
        else:
            found = self._store.find(_ROLES, (namespace, reference["name"]))
        return (found.obj.get("rules") or []) if found else None

    def furnish(self, verbs: Verbs) -> None:
        """Make the roles and bindings that every cluster starts with."""
        for obj in rbac_defaults.objects():
            served = verbs.registry.get(GROUP, obj["kind"])
            request = Request(served, name=obj["metadata"]["name"], manager="kube-apiserver")
            if verbs.store.find(served.collection, request.key) is None:
                verbs.create(request, obj)
        self._verbs = verbs
        self._aggregate()

    def react(self, change: Change) -> None:
        """Compose the aggregated ClusterRoles anew when one of their parts changed."""
        if change.collection == _CLUSTER_ROLES:
            self._aggregate()

    def _rules(self, user: User, namespace: str) -> Iterator[Obj]:
        for stored in self._store.entries(_CLUSTER_BINDINGS):
            if _binds(stored.obj, user, ""):
                yield from self.role_rules(stored.obj["roleRef"], "") or ()
        if not namespace:
            return
        for stored in self._store.entries(_BINDINGS, namespace):
            if _binds(stored.obj, user, namespace):
                yield from self.role_rules(stored.obj["roleRef"], namespace) or ()

    def _aggregate(self) -> None:
        roles = self._store.entries(_CLUSTER_ROLES)
        for stored in roles:
            rule = stored.obj.get("aggregationRule")
            if not rule:
                continue
            wanted: list[Obj] = []
            for part in roles:
                if part is not stored and _is_part(rule, part.obj):
                    wanted += [one for one in part.obj.get("rules") or () if one not in wanted]
            if wanted != (stored.obj.get("rules") or []):
                served = self._verbs.registry.get(*_CLUSTER_ROLES)
                name = stored.obj["metadata"]["name"]
                request = Request(served, name=name, manager="clusterrole-aggregation-controller")
                self._verbs.rewrite(request, partial(_with_rules, rules=wanted))


class CreateCheck:
    """A judge: who may update or apply but not create makes nothing that way."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def judge(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> None:
        if operation != "CREATE" or not request.by_write:
            return
        group, plural = request.served.resource.group, request.served.resource.plural
        self._authorizer.check(
            request.user, Action("create", group, plural, "", request.namespace, request.name)
        )


class EscalationCheck:
    """An admission plugin: a Role or binding may grant only what its author holds himself."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        collection = request.served.collection
        if operation == "DELETE" or collection not in _COLLECTIONS or MASTERS in request.user.groups:
            return new
        granted, verb, resource, name = self._granted(request, new, old)
        action = Action(verb, GROUP, resource, namespace=request.namespace, name=name)
        if not granted or self._authorizer.allows(request.user, action):
            return new
        held = self._authorizer.rules(request.user, request.namespace)
        missing = [rule for rule in granted if not _covers(held, rule)]
        if missing:
            groups = ", ".join(f'"{group}"' for group in request.user.groups)
            listed = "\n".join(_shown(rule) for rule in missing)
            why = (
                f'user "{request.user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently'
                f" held:\n{listed}"
            )
            raise forbidden(*collection, request.name, why)
        return new

    def _granted(self, request: Request, new: Obj, old: Obj | None) -> tuple[list[Obj], str, str, str]:
        plural = request.served.resource.plural
        if request.served.collection in (_ROLES, _CLUSTER_ROLES):
            rules = [] if old and old.get("rules") == new.get("rules") else new.get("rules") or []
            return rules, "escalate", plural, request.name
        reference = new.get("roleRef") or {}
        if old and old.get("roleRef") == reference and old.get("subjects") == new.get("subjects"):
            return [], "bind", plural, request.name
        rules = self._authorizer.role_rules(reference, request.namespace) or []
        resource = "clusterroles" if reference.get("kind") == "ClusterRole" else "roles"
        return rules, "bind", resource, reference.get("name", "")


def _with_rules(role: Obj, rules: list[Obj]) -> Obj:
    return {**role, "rules": rules}


def _is_part(aggregation: Obj, role: Obj) -> bool:
    labels = role["metadata"].get("labels") or {}
    chosen = aggregation.get("clusterRoleSelectors") or ()
    return any(selectors.matches_label_selector(selector, labels) for selector in chosen)


def _binds(binding: Obj, user: User, namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name")
        if kind == "User" and name == user.name:
            return True
        if kind == "Group" and name in user.groups:
            return True
        home = subject.get("namespace") or namespace
        if kind == "ServiceAccount" and user.name == f"system:serviceaccount:{home}:{name}":
            return True
    return False


def _rule_allows(rule: Obj, action: Action) -> bool:
    verbs = rule.get("verbs") or ()
    if action.verb not in verbs and "*" not in verbs:
        return False
    if action.path:
        return any(_path_matches(pattern, action.path) for pattern in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if action.group not in groups and "*" not in groups:
        return False
    if not _resource_matches(rule.get("resources") or (), action.resource, action.subresource):
        return False
    names = rule.get("resourceNames") or ()
    return not names or action.name in names


def _resource_matches(resources: list[str] | tuple[str, ...], resource: str, subresource: str) -> bool:
    full = f"{resource}/{subresource}" if subresource else resource
    return "*" in resources or full in resources or (bool(subresource) and f"*/{subresource}" in resources)


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern == path


def _covers(held: list[Obj], wanted: Obj) -> bool:
    return all(any(_rule_allows(rule, action) for rule in held) for action in _actions(wanted))


def _actions(rule: Obj) -> Iterator[Action]:
    for verb in rule.get("verbs") or ():
        for path in rule.get("nonResourceURLs") or ():
            yield Action(verb, path=path)
        for group in rule.get("apiGroups") or ():
            for full in rule.get("resources") or ():
                resource, _, subresource = full.partition("/")
                for name in rule.get("resourceNames") or ("",):
                    yield Action(verb, group, resource, subresource, name=name)


def _shown(rule: Obj) -> str:
    titles = {
        "apiGroups": "APIGroups",
        "resources": "Resources",
        "resourceNames": "ResourceNames",
        "nonResourceURLs": "NonResourceURLs",
        "verbs": "Verbs",
    }
    parts = []
    for key, title in titles.items():
        if values := rule.get(key):
            listed = ", ".join(f'"{value}"' for value in values)
            parts.append(f"{title}:[{listed}]")
    return "{" + ", ".join(parts) + "}"
