"""No one gives away more than he holds: what a new or changed role or binding would grant beyond its author's rights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from jx.adapters.local.kubernetes.access.rbac import (
    CLUSTER_ROLES,
    COLLECTIONS,
    GROUP,
    ROLES,
    Action,
    Authorizer,
    resource_matches,
)
from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import MASTERS, Request, User
from jx.adapters.local.kubernetes.errors import forbidden, not_found
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import gotext

_Kind: TypeAlias = tuple[str, str, str]
"""The group, resource and name that rights are about."""

_TITLES: Final = (
    ("apiGroups", "APIGroups"),
    ("resources", "Resources"),
    ("nonResourceURLs", "NonResourceURLs"),
    ("resourceNames", "ResourceNames"),
    ("verbs", "Verbs"),
)


class EscalationCheck:
    """An admission plugin: a Role or binding may grant only what its author holds himself, or may `escalate` or `bind`."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        collection = request.served.collection
        if operation == "DELETE" or collection not in COLLECTIONS or MASTERS in request.user.groups:
            return new
        if collection in (ROLES, CLUSTER_ROLES):
            if old and old.get("rules") == new.get("rules"):
                return new
            if not self._may(request, "escalate", request.served.resource.plural, request.name):
                self._confirm(request, new.get("rules") or [])
            return new
        reference = new.get("roleRef") or {}
        if old and old.get("roleRef") == reference and old.get("subjects") == new.get("subjects"):
            return new
        plural, name = f"{reference.get('kind', '').lower()}s", reference.get("name", "")
        if self._may(request, "bind", plural, name):
            return new
        rules = self._authorizer.role_rules(reference, request.namespace)
        if rules is None:
            raise not_found(*collection, name)
        self._confirm(request, rules)
        return new

    def _may(self, request: Request, verb: str, plural: str, name: str) -> bool:
        action = Action(verb, GROUP, plural, namespace=request.namespace, name=name)
        return self._authorizer.allows(request.user, action)

    def _confirm(self, request: Request, granted: Iterable[Obj]) -> None:
        held = self._authorizer.rules(request.user, request.namespace)
        missing = [
            part for rule in granted for part in _parts(rule) if not any(_covers(one, part) for one in held)
        ]
        if missing:
            why = f"{_subject(request.user)} is attempting to grant RBAC permissions not currently held:\n"
            listed = "\n".join(sorted({_shown(rule) for rule in _compacted(missing)}))
            raise forbidden(*request.served.collection, request.name, why + listed)


def _subject(user: User) -> str:
    return f"user {gotext.quoted(user.name)} (groups={_listed(user.groups)})"


def _parts(rule: Obj) -> Iterator[Obj]:
    """Rules of one verb on one thing each."""
    verbs, names = rule.get("verbs") or (), rule.get("resourceNames") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                one = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                yield from ({**one, "resourceNames": [name]} for name in names) if names else (one,)
    for path in rule.get("nonResourceURLs") or ():
        yield from ({"nonResourceURLs": [path], "verbs": [verb]} for verb in verbs)


def _covers(held: Obj, part: Obj) -> bool:
    verbs = held.get("verbs") or ()
    if part["verbs"][0] not in verbs and "*" not in verbs:
        return False
    if paths := part.get("nonResourceURLs"):
        return any(_path_covers(one, paths[0]) for one in held.get("nonResourceURLs") or ())
    groups, names = held.get("apiGroups") or (), held.get("resourceNames") or ()
    if part["apiGroups"][0] not in groups and "*" not in groups:
        return False
    resource, _, subresource = part["resources"][0].partition("/")
    if not resource_matches(held.get("resources") or (), resource, subresource):
        return False
    return not names or set(part.get("resourceNames") or ("",)) <= set(names)


def _path_covers(held: str, path: str) -> bool:
    return held == path or (held.endswith("*") and path.startswith(held.rstrip("*")))


def _compacted(parts: Iterable[Obj]) -> list[Obj]:
    """The verbs on one resource together."""
    made: list[Obj] = []
    known: dict[_Kind, Obj] = {}
    for part in parts:
        if "apiGroups" not in part:
            made.append(part)
            continue
        kind = (part["apiGroups"][0], part["resources"][0], "".join(part.get("resourceNames") or ()))
        if kind in known:
            known[kind]["verbs"] = [*known[kind]["verbs"], *part["verbs"]]
        else:
            known[kind] = dict(part)
            made.append(known[kind])
    return made


def _shown(rule: Obj) -> str:
    parts = [f"{title}:{_listed(rule[key])}" for key, title in _TITLES if rule.get(key)]
    return "{" + ", ".join(parts) + "}"


def _listed(texts: Iterable[str]) -> str:
    return "[" + " ".join(gotext.quoted(text) for text in texts) + "]"
