"""Sent before: what objects were last sent as, out of the ledger, so that a diff tells what changes and nothing else.

The live object tells less: servers add defaults within what we own (a claim template's volumeMode), leave out what is zero, and
write quantities their own way. It is looked at where it is not as we left it, or the ledger not at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jx.domain.applying.applying import ApplyPlan, InventoryItem, LiveObject
from jx.domain.applying.planning import is_as_left
from jx.domain.errors import Invalid
from jx.domain.ledger import ledger, recalls
from jx.domain.objects.manifests import Body, Manifest, ObjectRef
from jx.domain.objects.secrets import is_secret
from jx.domain.trees import Tree

Live = Mapping[ObjectRef, LiveObject]


def sought(plan: ApplyPlan, live: Live, inventory: Iterable[InventoryItem]) -> tuple[ObjectRef, ...]:
    """The objects that a plan changes and that are as we left them."""
    changed = {step.ref for step in plan.changes if step.ref in live}
    return tuple(one.ref for one in inventory if one.ref in changed and is_as_left(one, live[one.ref]))


def find(refs: Iterable[ObjectRef], files: Tree) -> dict[ObjectRef, Body]:
    """Their bodies as the ledger's files have them, without secret values."""
    paths = [ledger.path_of(ref) for ref in refs]
    there = Tree({path: files.files[path] for path in paths if path in files})
    try:
        return {manifest.ref: manifest.body for manifest in recalls.read_objects(there)}
    except Invalid:  # written by somebody else; what is live is looked at instead
        return {}


def beside(sent: Body, live: LiveObject, manifest: Manifest | None) -> Body:
    """What was sent, with the values of a Secret that stand in git, so that a change of them shows; those that come from
    elsewhere count as unchanged."""
    if not is_secret(sent) or manifest is None:
        return sent
    return {
        **sent,
        **{
            field: _values(field, sent, live.body, manifest)
            for field in ("data", "stringData")
            if field in sent
        },
    }


def _values(field: str, sent: Body, live: Body, manifest: Manifest) -> dict[str, Any]:
    """From the live object; the new value where that is no secret's, or nobody can tell."""
    new = manifest.public.get(field) or {}
    held = live.get("data") or {}
    found: dict[str, Any] = {}
    for key, shown in (sent.get(field) or {}).items():
        is_derived = any(at[:2] == (field, key) for at in manifest.derived)
        is_known = not is_derived and field == "data" and key in held
        found[key] = held[key] if is_known else new.get(key, shown)
    return found
