"""Diffing: what a plan changes in the cluster, as text for people. Secret values never show; that they change does."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from jx.domain import ledger
from jx.domain.applying import Action, ApplyPlan, LiveObject, Step
from jx.domain.field_ownership import owned_part
from jx.domain.manifests import Body, ObjectRef
from jx.domain.secrets import mask_pair
from jx.domain.trees import Tree
from jx.domain.yaml_emitter import emit


def render_diff(plan: ApplyPlan, live: Mapping[ObjectRef, LiveObject], *, before: Tree | None = None) -> str:
    """A unified diff per object that changes, in the order of the plan, under the paths of the ledger; empty for no change.

    The old side is the ledger's file where `before` (the ledger's newest tree) has one, else what we own of the live object.
    """
    return "".join(part for step in plan.changes if (part := diff_step(step, live.get(step.ref), before)))


def diff_step(step: Step, live: LiveObject | None, before: Tree | None = None) -> str:
    """The diff of one object."""
    path = ledger.path_of(step.ref)
    new_body = step.manifest.body if step.manifest else {}
    old_body = _old_body(live, new_body)
    masked_old, masked_new = mask_pair(old_body, new_body)
    new = emit(masked_new) if masked_new else ""
    old = emit(masked_old) if masked_old else ""
    recorded = before.find_text(path) if before else None
    if recorded is not None and recorded != new and live is not None:
        old = recorded
    return "".join(_unified(step, path, old, new))


def _old_body(live: LiveObject | None, new: Body) -> Body:
    """What the object was before, as far as it is ours; where we own nothing yet, the fields that we are about to set."""
    return owned_part(live.body, like=new) if live else {}


def _unified(step: Step, path: str, old: str, new: str) -> Iterator[str]:
    yield f"# {step.action}: {step.ref} ({step.reason})\n"
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        fromfile="/dev/null" if step.action is Action.CREATE else f"a/{path}",
        tofile="/dev/null" if step.action is Action.PRUNE else f"b/{path}",
    )
    yield from lines
