"""The rules of roles and their bindings."""

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes import invalid
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.invalid import FieldError

_RBAC: Final = "rbac.authorization.k8s.io"


def role(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a Role or ClusterRole."""
    for index, rule in enumerate(obj.get("rules") or ()):
        here = f"rules[{index}]"
        if not rule.get("verbs"):
            yield invalid.required(f"{here}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            yield invalid.required(f"{here}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield invalid.required(f"{here}.resources", "resource rules must supply at least one resource")


def binding(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a RoleBinding or ClusterRoleBinding."""
    role = obj.get("roleRef") or {}
    if role.get("apiGroup") != _RBAC:
        yield invalid.unsupported("roleRef.apiGroup", role.get("apiGroup", ""), (_RBAC,))
    kinds = ("ClusterRole",) if obj.get("kind") == "ClusterRoleBinding" else ("Role", "ClusterRole")
    if role.get("kind") not in kinds:
        yield invalid.unsupported("roleRef.kind", role.get("kind", ""), kinds)
    if not role.get("name"):
        yield invalid.required("roleRef.name")
    for index, subject in enumerate(obj.get("subjects") or ()):
        here = f"subjects[{index}]"
        if not subject.get("name"):
            yield invalid.required(f"{here}.name")
        kind = subject.get("kind", "")
        if kind not in ("ServiceAccount", "User", "Group"):
            yield invalid.unsupported(f"{here}.kind", kind, ("ServiceAccount", "User", "Group"))
        if (
            kind == "ServiceAccount"
            and not subject.get("namespace")
            and obj.get("kind") == "ClusterRoleBinding"
        ):
            yield invalid.required(f"{here}.namespace")
