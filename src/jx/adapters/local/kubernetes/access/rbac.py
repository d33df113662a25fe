"""Who may do what: Roles and bindings, and aggregated ClusterRoles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jx.adapters.local.kubernetes.access import rbac_defaults
from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import MASTERS, Request, User
from jx.adapters.local.kubernetes.errors import ApiError, forbidden
from jx.adapters.local.kubernetes.store import Change, Store
from jx.adapters.local.kubernetes.types import selectors
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.verbs import Verbs

GROUP = "rbac.authorization.k8s.io"
ROLES = (GROUP, "roles")
CLUSTER_ROLES = (GROUP, "clusterroles")
_BINDINGS = (GROUP, "rolebindings")
_CLUSTER_BINDINGS = (GROUP, "clusterrolebindings")
COLLECTIONS = (ROLES, CLUSTER_ROLES, _BINDINGS, _CLUSTER_BINDINGS)


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
        seen = tuple(self._store.last_change(collection) for collection in COLLECTIONS)
        if seen != self._seen or len(self._answers) > 10_000:
            self._seen, self._answers = seen, {}
        question = (user.name, user.groups, action)
        answer = self._answers.get(question)
        if answer is None:
            answer = self._answers[question] = self.reason(user, action) is not None
        return answer

    def check(self, user: User, action: Action) -> None:
        """ApiError 403 unless allowed."""
        if not self.allows(user, action):
            raise action.denied_to(user)

    def reason(self, user: User, action: Action) -> str | None:
        """Why a user may do something, in the real server's words; None where he may not."""
        if MASTERS in user.groups:
            return ""
        for binding, subject, rules in self._bound(user, action.namespace):
            if any(_rule_allows(rule, action) for rule in rules):
                return f"RBAC: allowed by {_described(binding, subject)}"
        return None

    def rules(self, user: User, namespace: str) -> list[Obj]:
        """The rules that are bound to a user in a namespace (cluster-wide ones only for "")."""
        return [rule for _, _, rules in self._bound(user, namespace) for rule in rules]

    def role_rules(self, reference: Obj, namespace: str) -> list[Obj] | None:
        """The rules of the role that a binding refers to; None where there is no such role."""
        if reference.get("kind") == "ClusterRole":
            found = self._store.find(CLUSTER_ROLES, ("", reference["name"]))
        else:
            found = self._store.find(ROLES, (namespace, reference["name"]))
        return (found.obj.get("rules") or []) if found else None

    def furnish(self, verbs: Verbs) -> None:
        """Make the roles and bindings that every cluster starts with; its namespaces are there."""
        self._verbs = verbs
        for obj in rbac_defaults.objects():
            served = verbs.registry.get(GROUP, obj["kind"])
            metadata = obj["metadata"]
            request = Request(
                served, metadata.get("namespace", ""), metadata["name"], manager="kube-apiserver"
            )
            if verbs.store.find(served.collection, request.key) is None:
                verbs.create(request, obj)
        self._aggregate()

    def react(self, change: Change) -> None:
        """Compose the aggregated ClusterRoles anew when one of their parts changed."""
        if change.collection != CLUSTER_ROLES:
            return
        states = [change.new.obj, *([change.old.obj] if change.old else [])]
        whole = [
            one for one in (stored.obj for stored in self._store.entries(CLUSTER_ROLES)) if _rule_of(one)
        ]
        if any(_rule_of(state) or _is_part(_rule_of(one), state) for state in states for one in whole):
            self._aggregate()

    def _bound(self, user: User, namespace: str) -> Iterator[tuple[Obj, Obj, Sequence[Obj]]]:
        """The bindings that hold for a user, with the subject that means him and the rules of the role."""
        for stored in self._store.entries(_CLUSTER_BINDINGS):
            if subject := _subject_of(stored.obj, user, ""):
                yield stored.obj, subject, self.role_rules(stored.obj["roleRef"], "") or ()
        if not namespace:
            return
        for stored in self._store.entries(_BINDINGS, namespace):
            if subject := _subject_of(stored.obj, user, namespace):
                yield stored.obj, subject, self.role_rules(stored.obj["roleRef"], namespace) or ()

    def _aggregate(self) -> None:
        roles = self._store.entries(CLUSTER_ROLES)
        for stored in roles:
            rule = _rule_of(stored.obj)
            if not rule:
                continue
            wanted: list[Obj] = []
            for part in roles:
                if part is not stored and _is_part(rule, part.obj):
                    wanted += [one for one in part.obj.get("rules") or () if one not in wanted]
            if wanted != (stored.obj.get("rules") or []):
                served = self._verbs.registry.get(*CLUSTER_ROLES)
                name = stored.obj["metadata"]["name"]
                request = Request(served, name=name, manager="clusterrole-aggregation-controller")
                head = {"apiVersion": stored.obj["apiVersion"], "kind": stored.obj["kind"]}
                config = {**head, "metadata": {"name": name}, "rules": wanted}
                self._verbs.apply(request, config, force=True)


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


def _rule_of(role: Obj) -> Obj:
    """How a role is put together of others; empty for most."""
    return role.get("aggregationRule") or {}


def _is_part(aggregation: Obj, role: Obj) -> bool:
    labels = role["metadata"].get("labels") or {}
    chosen = aggregation.get("clusterRoleSelectors") or ()
    return any(selectors.matches_label_selector(selector, labels) for selector in chosen)


def _subject_of(binding: Obj, user: User, namespace: str) -> Obj | None:
    """The first subject of a binding that means this user."""
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name")
        home = subject.get("namespace") or namespace
        if (
            (kind == "User" and name == user.name)
            or (kind == "Group" and name in user.groups)
            or (kind == "ServiceAccount" and user.name == f"system:serviceaccount:{home}:{name}")
        ):
            return {**subject, "namespace": home}
    return None


def _described(binding: Obj, subject: Obj) -> str:
    metadata, role = binding["metadata"], binding["roleRef"]
    names = (metadata["name"], metadata.get("namespace"))
    name = subject.get("name", "")
    if subject["kind"] == "ServiceAccount":
        name = f"{name}/{subject['namespace']}"
    bound = "/".join(part for part in names if part)
    return (
        f'{binding["kind"]} "{bound}" of {role.get("kind", "")} "{role.get("name", "")}"'
        f' to {subject["kind"]} "{name}"'
    )


def _rule_allows(rule: Obj, action: Action) -> bool:
    verbs = rule.get("verbs") or ()
    if action.verb not in verbs and "*" not in verbs:
        return False
    if action.path:
        return any(_path_matches(pattern, action.path) for pattern in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if action.group not in groups and "*" not in groups:
        return False
    if not resource_matches(rule.get("resources") or (), action.resource, action.subresource):
        return False
    names = rule.get("resourceNames") or ()
    return not names or action.name in names


def resource_matches(resources: Sequence[str], resource: str, subresource: str) -> bool:
    """Whether a rule's resources name this one."""
    full = f"{resource}/{subresource}" if subresource else resource
    return "*" in resources or full in resources or (bool(subresource) and f"*/{subresource}" in resources)


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern == path
