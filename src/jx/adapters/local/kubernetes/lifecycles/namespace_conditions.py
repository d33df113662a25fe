"""What is told of a namespace that is going: what is left in it, and what holds that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from jx.adapters.local.kubernetes.store import Collection, Stored
from jx.adapters.local.kubernetes.types.facts import Obj

Finding: TypeAlias = tuple[str, str, str, str]
"""Type, status, reason and message of a condition."""

_FINE: Final = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    (
        "NamespaceFinalizersRemaining",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
)


def of_remaining(left: Mapping[Collection, Sequence[Stored]]) -> list[Finding]:
    """The conditions of a namespace in which that is left."""
    found = {kind: (kind, "False", reason, message) for kind, reason, message in _FINE}
    holders: Counter[str] = Counter()
    for entries in left.values():
        for stored in entries:
            holders.update(stored.obj["metadata"].get("finalizers") or ())
    if left:
        counted = sorted(
            f"{plural}.{group} has {len(entries)} resource instances"
            for (group, plural), entries in left.items()
        )
        message = f"Some resources are remaining: {', '.join(counted)}"
        found["NamespaceContentRemaining"] = (
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            message,
        )
    if holders:
        held = sorted(f"{name} in {count} resource instances" for name, count in holders.items())
        message = f"Some content in the namespace has finalizers remaining: {', '.join(held)}"
        found["NamespaceFinalizersRemaining"] = (
            "NamespaceFinalizersRemaining",
            "True",
            "SomeFinalizersRemain",
            message,
        )
    return list(found.values())


def merged(before: Sequence[Obj], found: Sequence[Finding], now: str) -> list[Obj]:
    """The conditions as they are now; what has not changed keeps its time."""
    known = {condition["type"]: condition for condition in before}
    made: dict[str, Obj] = dict(known)
    for kind, status, reason, message in found:
        said = {"type": kind, "status": status, "reason": reason, "message": message}
        old = known.get(kind, {})
        is_same = all(old.get(key) == value for key, value in said.items())
        made[kind] = old if is_same else {**said, "lastTransitionTime": now}
    return list(made.values())
