"""Diffing: what a plan changes in the cluster, as text for people. Secret values never show; that they change does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from jx.domain.applying.applying import Action, ApplyPlan, HookStep, LiveObject, Step
from jx.domain.applying.field_ownership import owned_part
from jx.domain.ledger import ledger, sent_before
from jx.domain.objects import drawn_places, secret_parts
from jx.domain.objects.manifests import Body, Manifest, ObjectRef
from jx.domain.objects.references import leaves
from jx.domain.objects.secrets import is_secret, mask, mask_pair
from jx.domain.texts.yaml_emitter import emit

Bodies = Mapping[ObjectRef, Body]
_NOTHING: Bodies = {}
_MASK = re.compile(r"<([^<>]+)>")


def render_diff(plan: ApplyPlan, live: Mapping[ObjectRef, LiveObject], sent: Bodies = _NOTHING) -> str:
    """The objects of hooks that run, and a unified diff per object that changes, in the order of the plan, under the paths of the
    ledger; empty for no change.

    The old side is what was sent (`sent`, where that is known and still there), else what we own of the live object: fields that
    others set are no part of an apply.
    """
    run = "".join(diff_hook(hook) for hook in plan.hooks)
    return run + "".join(diff_step(step, live.get(step.ref), sent.get(step.ref)) for step in plan.changes)


def diff_step(step: Step, live: LiveObject | None, sent: Body | None = None) -> str:
    """The diff of one object."""
    old, new = sides(step, live, sent)
    texts = (emit(old) if old else "", emit(new) if new else "")
    return "".join(_unified(step, ledger.path_of(step.ref), *texts))


def diff_hook(hook: HookStep) -> str:
    """What a hook makes, as new: what an earlier run left is deleted first."""
    head = f"# run: {hook.ref} ({hook.phase} hook)\n"
    text = emit(mask(hook.manifest.public)).splitlines(keepends=True)
    return head + "".join(difflib.unified_diff([], text, "/dev/null", f"b/{ledger.path_of(hook.ref)}"))


def sides(step: Step, live: LiveObject | None, sent: Body | None = None) -> tuple[Body, Body]:
    """What an object was sent as (else what we own of it), and what is sent of it now, without secret values; empty where it is
    not there, or goes."""
    if live and sent is not None:
        old = sent_before.beside(sent, live, step.manifest)
        before, after = mask_pair(old, step.manifest.public if step.manifest else {})
        return before, _mark_changed(before, after, step.manifest, live) if step.manifest else after
    new_body = _new_body(step.manifest, live) if step.manifest else {}
    return mask_pair(_old_body(live, new_body), new_body)


def _mark_changed(before: Body, after: Body, manifest: Manifest, live: LiveObject) -> Body:
    """The new side with each mask marked whose value is another one than the live object's: both sides would look alike."""
    if is_secret(manifest.body):
        return after  # of those, each key is marked already
    marked = {
        at: _MASK.sub(r"<\1, changed>", text, count=1)
        for at, text in leaves(after)
        if isinstance(text, str)
        and drawn_places.has(manifest.body, at)
        and (value := drawn_places.get(manifest.body, at)) != text
        and drawn_places.find(before, place := drawn_places.named(after, at)) == text
        and drawn_places.find(live.body, place) != value
    }
    found: Body = drawn_places.with_leaves(after, marked)
    return found


def _new_body(manifest: Manifest, live: LiveObject | None) -> Body:
    """What may be seen of it; of an object that is there, without what comes from secrets: the old side does not have that."""
    return secret_parts.own_public(manifest) if live else manifest.public


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
