"""What may change of a Pod once it is there."""

import copy
from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes.kinds.podspecs import placement, specs
from jx.adapters.local.kubernetes.types import internal_types
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_SPEC: Final = "io.k8s.api.core.v1.PodSpec"
_EPHEMERAL: Final = "io.k8s.api.core.v1.EphemeralContainer"
_FREE: Final = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_MIRROR: Final = "kubernetes.io/config.mirror"
_DEADLINES: Final = range(2**31)


def mistakes(pod: Obj, old: Obj) -> Iterator[FieldError]:
    """All mistakes of an update."""
    yield from specs.pod_mistakes(pod)
    yield from _annotation_mistakes(pod["metadata"], old["metadata"])
    after, before = pod.get("spec") or {}, old.get("spec") or {}
    for key in ("containers", "initContainers"):
        found = list(_container_mistakes(after.get(key) or [], before.get(key) or [], f"spec.{key}"))
        yield from found
        if len(after.get(key) or ()) != len(before.get(key) or ()):
            return
    deadline = list(
        _deadline_mistakes(after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    )
    yield from deadline
    if deadline and after.get("activeDeadlineSeconds") is not None:
        return
    yield from _toleration_mistakes(after.get("tolerations") or [], before.get("tolerations") or [])
    yield from _gate_mistakes(after.get("schedulingGates") or [], before.get("schedulingGates") or [])
    if after != before:
        yield from _fixed_mistakes(after, before)


def _annotation_mistakes(metadata: Obj, old: Obj) -> Iterator[FieldError]:
    after, before = (one.get("annotations") or {} for one in (metadata, old))
    if _MIRROR in before and after.get(_MIRROR) != before[_MIRROR]:
        detail = "may not remove or update mirror pod annotation"
        yield invalid.forbidden(f"metadata.annotations[{_MIRROR}]", detail)
    elif _MIRROR in after and _MIRROR not in before:
        yield invalid.forbidden(f"metadata.annotations[{_MIRROR}]", "may not add mirror pod annotation")


def _container_mistakes(after: list[Obj], before: list[Obj], path: str) -> Iterator[FieldError]:
    if len(after) != len(before):
        yield invalid.forbidden(path, "pod updates may not add or remove containers")
        return
    for index, container in enumerate(after):
        image = container.get("image") or ""
        if not image:
            yield invalid.required(f"{path}[{index}].image")
        if image != image.strip():
            detail = "must not have leading or trailing whitespace"
            yield invalid.invalid(f"{path}[{index}].image", image, detail)


def _deadline_mistakes(after: int | None, before: int | None) -> Iterator[FieldError]:
    path = "spec.activeDeadlineSeconds"
    if after is None:
        if before is not None:
            yield invalid.invalid(path, None, "must not update from a positive integer to nil value")
    elif after not in _DEADLINES:
        yield invalid.invalid(path, after, f"must be between 0 and {_DEADLINES.stop - 1}, inclusive")
    elif before is not None and before < after:
        yield invalid.invalid(path, after, "must be less than or equal to previous value")


def _toleration_mistakes(after: list[Obj], before: list[Obj]) -> Iterator[FieldError]:
    def fixed(toleration: Obj) -> Obj:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}

    kept = [fixed(one) for one in after]
    if any(fixed(one) not in kept for one in before):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        yield invalid.forbidden("spec.tolerations", detail)
        return
    yield from placement.toleration_mistakes(after, "spec.tolerations")


def _gate_mistakes(after: list[Obj], before: list[Obj]) -> Iterator[FieldError]:
    known = {one.get("name") for one in before}
    for index, gate in enumerate(after):
        if gate.get("name") not in known:
            detail = f"only deletion is allowed, but found new scheduling gate '{gate.get('name') or ''}'"
            yield invalid.forbidden(f"spec.schedulingGates[{index}].name", detail)


def _fixed_mistakes(after: Obj, before: Obj) -> Iterator[FieldError]:
    munged = copy.deepcopy(after)
    for key in ("containers", "initContainers"):
        for container, was in zip(munged.get(key) or (), before.get(key) or (), strict=True):
            container["image"] = was.get("image")
    for key in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _take(munged, before, key)
    grace = "terminationGracePeriodSeconds"
    if before.get(grace) is not None and before[grace] < 0 and munged.get(grace) == 1:
        munged[grace] = before[grace]
    if before.get("schedulingGates"):
        yield from _gated_mistakes(munged, before)
    if munged != before:
        shown = internal_types.difference(before, munged, _SPEC)
        yield invalid.forbidden("spec", f"pod updates may not change fields other than {_FREE}\n{shown}")


def _take(target: Obj, source: Obj, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)


def _gated_mistakes(munged: Obj, before: Obj) -> Iterator[FieldError]:
    """A pod that waits for its node may still become choosier."""
    nodes, old_nodes = munged.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if any(nodes.get(key) != value for key, value in old_nodes.items()):
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield invalid.invalid("spec.nodeSelector", munged.get("nodeSelector"), detail)
    _take(munged, before, "nodeSelector")
    after, old = (dict(one.get("affinity") or {}) for one in (munged, before))
    yield from _node_affinity_mistakes(after.pop("nodeAffinity", None), old.get("nodeAffinity"))
    if "nodeAffinity" in old:
        after["nodeAffinity"] = old["nodeAffinity"]
    if after or "affinity" in before:
        munged["affinity"] = after
    else:
        munged.pop("affinity", None)


def _node_affinity_mistakes(after: Obj | None, before: Obj | None) -> Iterator[FieldError]:
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    path = f"spec.affinity.nodeAffinity.{key}.nodeSelectorTerms"
    terms, old_terms = (
        ((one or {}).get(key) or {}).get("nodeSelectorTerms") or [] for one in (after, before)
    )
    if old_terms and len(terms) != len(old_terms):
        shown = internal_types.printed_list(terms or None, "io.k8s.api.core.v1.NodeSelectorTerm")
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        yield invalid.invalid(path, shown, detail)
        return
    for index, (term, old) in enumerate(zip(terms, old_terms, strict=False)):
        if not _only_adds(term, old):
            shown = internal_types.printed(term, "io.k8s.api.core.v1.NodeSelectorTerm")
            detail = "only additions are allowed (no mutations or deletions)"
            yield invalid.invalid(f"{path}[{index}]", shown, detail)


def _only_adds(term: Obj, old: Obj) -> bool:
    keys = ("matchExpressions", "matchFields")
    parts: list[tuple[list[Any], list[Any]]] = [(term.get(key) or [], old.get(key) or []) for key in keys]
    if not any(before for _, before in parts):
        return not any(after for after, _ in parts)
    return all(after[: len(before)] == before for after, before in parts)


def ephemeral_mistakes(pod: Obj, old: Obj) -> Iterator[FieldError]:
    """All mistakes of an update of the containers that somebody adds."""
    yield from specs.pod_mistakes(pod)
    yield from _annotation_mistakes(pod["metadata"], old["metadata"])
    path = "spec.ephemeralContainers"
    after = {one.get("name"): one for one in (pod.get("spec") or {}).get("ephemeralContainers") or ()}
    for was in (old.get("spec") or {}).get("ephemeralContainers") or ():
        name = was.get("name") or ""
        if name not in after:
            yield invalid.forbidden(path, f'existing ephemeral containers "{name}" may not be removed\n')
        elif after[name] != was:
            shown = internal_types.difference(was, after[name], _EPHEMERAL)
            yield invalid.forbidden(
                path, f'existing ephemeral containers "{name}" may not be changed\n{shown}'
            )
