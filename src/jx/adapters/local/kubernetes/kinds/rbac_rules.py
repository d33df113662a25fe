"""The rules of roles and their bindings."""

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.kinds import object_rules
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_RBAC: Final = "rbac.authorization.k8s.io"
_SUBJECTS: Final = ("ServiceAccount", "User", "Group")


def role(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a Role or ClusterRole."""
    for index, rule in enumerate(obj.get("rules") or ()):
        yield from _rule_mistakes(rule, f"rules[{index}]", is_namespaced=obj.get("kind") == "Role")
    aggregation = obj.get("aggregationRule")
    if aggregation is None:
        return
    here = "aggregationRule.clusterRoleSelectors"
    chosen = aggregation.get("clusterRoleSelectors") or []
    if not chosen:
        yield invalid.required(
            here, "at least one clusterRoleSelector required if aggregationRule is non-nil"
        )
    for index, selector in enumerate(chosen):
        mistakes = list(object_rules.selector_mistakes(selector, f"{here}[{index}]"))
        yield from mistakes
        if mistakes:
            yield invalid.invalid(f"{here}[{index}]", None, "invalid label selector.")


def _rule_mistakes(rule: Obj, here: str, *, is_namespaced: bool) -> Iterator[FieldError]:
    if not rule.get("verbs"):
        yield invalid.required(f"{here}.verbs", "verbs must contain at least one value")
    if paths := rule.get("nonResourceURLs"):
        if is_namespaced:
            detail = "namespaced rules cannot apply to non-resource URLs"
            yield invalid.invalid(f"{here}.nonResourceURLs", paths, detail)
        if any(rule.get(key) for key in ("apiGroups", "resources", "resourceNames")):
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            yield invalid.invalid(f"{here}.nonResourceURLs", paths, detail)
        return
    if not rule.get("apiGroups"):
        yield invalid.required(f"{here}.apiGroups", "resource rules must supply at least one api group")
    if not rule.get("resources"):
        yield invalid.required(f"{here}.resources", "resource rules must supply at least one resource")


def binding(obj: Obj) -> Iterator[FieldError]:
    """The mistakes of a RoleBinding or ClusterRoleBinding."""
    role = obj.get("roleRef") or {}
    is_namespaced = obj.get("kind") == "RoleBinding"
    if role.get("apiGroup") != _RBAC:
        yield invalid.unsupported("roleRef.apiGroup", role.get("apiGroup", ""), (_RBAC,))
    kinds = ("Role", "ClusterRole") if is_namespaced else ("ClusterRole",)
    if role.get("kind") not in kinds:
        yield invalid.unsupported("roleRef.kind", role.get("kind", ""), kinds)
    name = role.get("name") or ""
    if not name:
        yield invalid.required("roleRef.name")
    for problem in names.path_segment_problems(name):
        yield invalid.invalid("roleRef.name", name, problem)
    for index, subject in enumerate(obj.get("subjects") or ()):
        yield from _subject_mistakes(subject, f"subjects[{index}]", is_namespaced=is_namespaced)


def _subject_mistakes(subject: Obj, here: str, *, is_namespaced: bool) -> Iterator[FieldError]:
    name, group, kind = (subject.get(key) or "" for key in ("name", "apiGroup", "kind"))
    if not name:
        yield invalid.required(f"{here}.name")
    if kind not in _SUBJECTS:
        yield invalid.unsupported(f"{here}.kind", kind, _SUBJECTS)
    elif kind != "ServiceAccount":
        if group != _RBAC:
            yield invalid.unsupported(f"{here}.apiGroup", group, (_RBAC,))
    else:
        for problem in names.subdomain_problems(name) if name else ():
            yield invalid.invalid(f"{here}.name", name, problem)
        if group:
            yield invalid.unsupported(f"{here}.apiGroup", group, ("",))
        if not is_namespaced and not subject.get("namespace"):
            yield invalid.required(f"{here}.namespace")
