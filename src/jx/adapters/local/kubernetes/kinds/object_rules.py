"""What may stand in the metadata of any object."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jx.adapters.local.kubernetes.types.facts import Gvk, Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_ANNOTATIONS_LIMIT: Final = 256 * 1024
_LABELS: Final = frozenset({("", "Namespace"), ("", "Service"), ("apps", "StatefulSet")})
_RBAC: Final = "rbac.authorization.k8s.io"
CHECKED_WHOLE: Final = frozenset(
    {
        ("", "ConfigMap"),
        ("", "LimitRange"),
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("apps", "StatefulSet"),
        ("networking.k8s.io", "Ingress"),
        ("networking.k8s.io", "IngressClass"),
        (_RBAC, "ClusterRole"),
        (_RBAC, "ClusterRoleBinding"),
        (_RBAC, "Role"),
        (_RBAC, "RoleBinding"),
        ("storage.k8s.io", "VolumeAttributesClass"),
    }
)
"""An update of these is checked as an update, and as if it were a new object."""

_FREELY_NAMED: Final = frozenset({_RBAC})
_FINALIZERS: Final = frozenset({"foregroundDeletion", "kubernetes", "orphan"})


def name_problems(gvk: Gvk, name: str) -> list[str]:
    """What is wrong with an object's name, by the rule of its kind."""
    group, _, kind = gvk
    if group in _FREELY_NAMED:
        return names.path_segment_problems(name)
    if (group, kind) in _LABELS:
        return names.label_problems(name)
    return names.subdomain_problems(name)


def metadata_mistakes(metadata: Obj) -> Iterator[FieldError]:
    """The mistakes in an object's metadata, its name aside."""
    yield from label_mistakes(metadata.get("labels"), "metadata.labels")
    yield from annotation_mistakes(metadata.get("annotations"))
    yield from _owner_mistakes(metadata.get("ownerReferences") or ())
    yield from finalizer_form_mistakes(metadata)
    yield from finalizer_mistakes(metadata)


def label_mistakes(labels: Mapping[str, str] | None, path: str) -> Iterator[FieldError]:
    """The mistakes in labels, or in a selector that names labels."""
    for key, value in sorted((labels or {}).items()):
        for problem in names.label_key_problems(key):
            yield invalid.invalid(path, key, problem)
        for problem in names.label_value_problems(value):
            yield invalid.invalid(path, value, problem)


def selector_mistakes(selector: Mapping[str, Any] | None, path: str) -> Iterator[FieldError]:
    """The mistakes in a LabelSelector; there is none in one that is not there."""
    if selector is None:
        return
    yield from label_mistakes(selector.get("matchLabels"), f"{path}.matchLabels")
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        yield from _expression_mistakes(expression, f"{path}.matchExpressions[{index}]")


def _expression_mistakes(expression: Obj, path: str) -> Iterator[FieldError]:
    operator, values = expression.get("operator") or "", expression.get("values") or ()
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            yield invalid.required(f"{path}.values", detail)
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield invalid.forbidden(f"{path}.values", detail)
    else:
        yield invalid.invalid(f"{path}.operator", operator, "not a valid selector operator")
    for problem in names.label_key_problems(expression.get("key") or ""):
        yield invalid.invalid(f"{path}.key", expression.get("key") or "", problem)
    for index, value in enumerate(values):
        for problem in names.label_value_problems(value):
            yield invalid.invalid(f"{path}.values[{index}]", value, problem)


def annotation_mistakes(
    annotations: Mapping[str, str] | None, path: str = "metadata.annotations"
) -> Iterator[FieldError]:
    """The mistakes in annotations."""
    annotations = annotations or {}
    for key in sorted(annotations):
        for problem in names.label_key_problems(key.lower()):
            yield invalid.invalid(path, key, problem)
    if (
        sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
        > _ANNOTATIONS_LIMIT
    ):
        yield invalid.too_long(path, _ANNOTATIONS_LIMIT)


def _owner_mistakes(owners: Any) -> Iterator[FieldError]:
    here = "metadata.ownerReferences"
    for owner in owners:
        api_version = owner.get("apiVersion") or ""
        if not api_version.rpartition("/")[2]:
            yield invalid.invalid(f"{here}.apiVersion", api_version, "version must not be empty")
        for key in ("kind", "name", "uid"):
            if not owner.get(key):
                yield invalid.invalid(f"{here}.{key}", "", "must not be empty")
    leaders = [owner for owner in owners if owner.get("controller")]
    if len(leaders) > 1:
        named = [f"{owner.get('kind', '')}/{owner.get('name', '')}" for owner in leaders[:2]]
        detail = f'Only one reference can have Controller set to true. Found "true" in references for {named[0]} and {named[1]}'
        yield invalid.invalid(here, [_shown(owner) for owner in owners], detail)


def _shown(owner: Obj) -> Obj:
    return {
        key: owner[key]
        for key in ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
        if key in owner
    }


def finalizer_form_mistakes(metadata: Obj) -> Iterator[FieldError]:
    """Finalizers whose names are no names."""
    finalizers = metadata.get("finalizers") or ()
    for finalizer in finalizers:
        for problem in names.label_key_problems(finalizer):
            yield invalid.invalid("metadata.finalizers", finalizer, problem)
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        yield invalid.invalid("metadata.finalizers", list(finalizers), detail)


def finalizer_mistakes(metadata: Obj) -> Iterator[FieldError]:
    """Finalizers that are nobody's: neither known to all nor in a domain."""
    for index, finalizer in enumerate(metadata.get("finalizers") or ()):
        if "/" not in finalizer and finalizer not in _FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid.invalid(f"metadata.finalizers[{index}]", finalizer, detail)
