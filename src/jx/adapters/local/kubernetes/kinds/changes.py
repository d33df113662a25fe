"""What an update may not change."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from jx.adapters.local.kubernetes.kinds import claim_rules, quota_rules, service_rules
from jx.adapters.local.kubernetes.types.facts import Gvk, Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

Rule: TypeAlias = Callable[[Obj, Obj], Iterator[FieldError]]

_SEALED: Final = "field is immutable when `immutable` is set"


def mistakes(gvk: Gvk, obj: Obj, old: Obj) -> list[FieldError]:
    """The forbidden changes of an update."""
    rule = _KINDS.get((gvk[0], gvk[2]))
    return list(rule(obj, old)) if rule else []


def _immutable(obj: Obj, old: Obj, *path: str) -> Iterator[FieldError]:
    after, before = _get(obj, path), _get(old, path)
    if after != before:
        yield invalid.invalid(".".join(path), after, invalid.IMMUTABLE)


def _get(obj: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        obj = obj.get(key) if isinstance(obj, Mapping) else None
    return obj


def _secret(obj: Obj, old: Obj) -> Iterator[FieldError]:
    yield from _immutable(obj, old, "type")
    yield from _sealed(obj, old, ("data",))


def _config_map(obj: Obj, old: Obj) -> Iterator[FieldError]:
    yield from _sealed(obj, old, ("data", "binaryData"))


def _sealed(obj: Obj, old: Obj, keys: tuple[str, ...]) -> Iterator[FieldError]:
    if not old.get("immutable"):
        return
    if not obj.get("immutable"):
        yield invalid.forbidden("immutable", _SEALED)
    for key in keys:
        if (obj.get(key) or {}) != (old.get(key) or {}):
            yield invalid.forbidden(key, _SEALED)


def _binding(obj: Obj, old: Obj) -> Iterator[FieldError]:
    after = obj.get("roleRef") or {}
    if after != (old.get("roleRef") or {}):
        shown = {
            name: after.get(key, "")
            for name, key in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
        }
        yield invalid.invalid("roleRef", shown, "cannot change roleRef")


def _sealed_fields(*paths: tuple[str, ...]) -> Rule:
    def rule(obj: Obj, old: Obj) -> Iterator[FieldError]:
        for path in paths:
            yield from _immutable(obj, old, *path)

    return rule


def _namespace(obj: Obj, old: Obj) -> Iterator[FieldError]:
    phase = (obj.get("status") or {}).get("phase") or ""
    is_going = "deletionTimestamp" in obj["metadata"]
    wanted = "Terminating" if is_going else "Active"
    if phase != wanted:
        state = "is not" if is_going else "is"
        detail = f"may only be '{wanted}' if `deletionTimestamp` {state} empty"
        yield invalid.invalid("status.Phase", phase, detail)


def _priority_class(obj: Obj, old: Obj) -> Iterator[FieldError]:
    if (obj.get("value") or 0) != (old.get("value") or 0):
        yield invalid.forbidden("value", "may not be changed in an update.")
    yield from _immutable(obj, old, "preemptionPolicy")


_RBAC: Final = "rbac.authorization.k8s.io"

_KINDS: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {
        ("", "ConfigMap"): _config_map,
        ("", "Namespace"): _namespace,
        ("", "PersistentVolume"): claim_rules.volume_changes,
        ("", "PersistentVolumeClaim"): claim_rules.claim_changes,
        ("", "ResourceQuota"): quota_rules.quota_changes,
        ("", "Secret"): _secret,
        ("", "Service"): service_rules.service_changes,
        ("apps", "ControllerRevision"): _sealed_fields(("data",)),
        ("discovery.k8s.io", "EndpointSlice"): _sealed_fields(("addressType",)),
        ("networking.k8s.io", "IngressClass"): _sealed_fields(("spec", "controller")),
        ("node.k8s.io", "RuntimeClass"): _sealed_fields(("handler",)),
        ("scheduling.k8s.io", "PriorityClass"): _priority_class,
        ("storage.k8s.io", "CSIDriver"): _sealed_fields(
            ("spec", "attachRequired"), ("spec", "volumeLifecycleModes")
        ),
        ("storage.k8s.io", "StorageClass"): _sealed_fields(
            ("parameters",), ("provisioner",), ("reclaimPolicy",), ("volumeBindingMode",)
        ),
        (_RBAC, "ClusterRoleBinding"): _binding,
        (_RBAC, "RoleBinding"): _binding,
    }
)
