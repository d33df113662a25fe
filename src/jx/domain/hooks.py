"""Hooks: what Helm runs around an install or upgrade. Which of them run, in which order, and what becomes of them afterwards.

Hooks run when the release changes, not when an apply finds nothing to do or only heals what somebody else changed. The anchor
remembers that a run has begun, so that after a crash the next apply runs them again, and what they left in the cluster: hooks
are no part of the inventory and are never pruned, but replaced when they run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum

from jx.domain import membership, ordering
from jx.domain.applying import DeletePolicy, HookStep, LiveObject
from jx.domain.manifests import Body, Hook, ObjectRef
from jx.domain.names import EnvironmentName

HOOK = "helm.sh/hook"
HOOK_OF = "jenkins.io/hook-of"
"""The label of objects that a hook made: the environment. Instead of the labels of members, which are pruned."""

CRD_INSTALL = "crd-install"
"""Helm 2's way to bring CRDs before there was `crds/`: such objects are applied like all others."""


class Occasion(StrEnum):
    """Why hooks run: which of Helm's phases are meant."""

    INSTALL = "install"
    UPGRADE = "upgrade"


def choose(
    hooks: Iterable[Hook], occasion: Occasion, *, shown: Mapping[ObjectRef, str]
) -> tuple[HookStep, ...]:
    """The hooks of both phases of an occasion, in the order in which they run: before, then after; by weight, then as Helm's
    install order has their kinds, then by name. `shown` are the hashes of what a reviewer may see."""
    steps = [
        HookStep(phase, hook.manifest, hook.weight, policies_of(hook), shown.get(hook.manifest.ref, ""))
        for phase in (f"pre-{occasion}", f"post-{occasion}")
        for hook in hooks
        if phase in hook.phases
    ]
    return tuple(
        sorted(
            steps,
            key=lambda step: (not step.is_before, step.weight, ordering.rank_of(step.ref), step.ref.name),
        )
    )


def policies_of(hook: Hook) -> frozenset[DeletePolicy]:
    """What is said, or Helm's default; words that Helm does not know count for nothing."""
    known = {policy.value: policy for policy in DeletePolicy}
    said = frozenset(known[name] for name in hook.delete_policies if name in known)
    return said or frozenset({DeletePolicy.BEFORE})


def digest_of(hooks: Iterable[Hook], *, shown: Mapping[ObjectRef, str]) -> str:
    """What tells hooks that changed from hooks that ran already. Hooks that nobody runs here (tests, rollbacks) play no part."""
    rows = sorted(
        f"{phase} {hook.weight} {hook.manifest.ref} {shown.get(hook.manifest.ref, '')}"
        for hook in hooks
        for phase in hook.phases
        if phase.rpartition("-")[2] in set(Occasion)
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def hook_labels(environment: EnvironmentName, release: str) -> dict[str, str]:
    """The labels of what a hook makes."""
    return {HOOK_OF: environment, membership.CHART_RELEASE: release}


def is_replaceable(body: Body, environment: EnvironmentName) -> bool:
    """Whether a live object may make way for a hook of its name: it is of a hook itself, or ours."""
    return (
        membership.labels_of(body).get(HOOK_OF) == environment
        or HOOK in membership.annotations_of(body)
        or membership.is_member(body, environment)
    )


def find_namesakes(
    steps: Iterable[HookStep], live: Mapping[ObjectRef, LiveObject], environment: EnvironmentName
) -> tuple[tuple[ObjectRef, str], ...]:
    """Objects that a hook would have to replace and may not, with the reason in words."""
    found = {step.ref: live[step.ref] for step in steps if step.ref in live}
    return tuple(
        (ref, "somebody who made it without a hook of this name")
        for ref, one in found.items()
        if not is_replaceable(one.body, environment)
    )
