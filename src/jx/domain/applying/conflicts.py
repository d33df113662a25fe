"""Conflicts: fields that both a chart and somebody else want to set, and the ways out of it that a repository may choose.

`apply.conflicts` of jx-requirements.yml lists them by kind, name and field:

- take: it is ours; the other manager loses it at each apply.
- yield: once somebody else sets it, it is theirs. Before we leave it out, a co-owner of ours (`jx-yield`) holds its live value:
  a field that loses its last owner falls back to its default, as when replicas under an autoscaler became 1.
- share: we set what it is now, so that nobody loses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from jx.domain.applying.applying import MANAGER, LiveObject
from jx.domain.applying.field_ownership import YIELDER, owner_of
from jx.domain.errors import Conflict, OwnedField
from jx.domain.objects import field_paths
from jx.domain.objects.manifests import Body, Manifest, ObjectRef
from jx.domain.objects.secret_parts import SECRETS_MANAGER
from jx.domain.objects.secrets import is_secret

_SHOWN = 10
_OWN = frozenset({MANAGER, SECRETS_MANAGER, YIELDER})
"""Managers that are all of them us."""


class Way(StrEnum):
    """A way out of a conflict."""

    TAKE = "take"
    YIELD = "yield"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done about one field of one object, or of all objects of a kind (name `*`)."""

    kind: str
    name: str
    field: str
    way: Way
    namespace: str = ""
    """Empty: in any."""

    def is_for(self, ref: ObjectRef) -> bool:
        """Whether it speaks of that object."""
        return (
            self.kind in {ref.kind, f"{ref.kind}.{ref.group}"}
            and self.name in {"*", ref.name}
            and self.namespace in {"", ref.namespace}
        )


@dataclass(frozen=True, slots=True)
class Adapted:
    """A manifest as it is sent under the rules; `held` is what the co-owner `jx-yield` has to hold first, None for nothing."""

    manifest: Manifest
    held: Body | None = None
    given_up: tuple[str, ...] = field(default=())


def adapt(manifest: Manifest, live: LiveObject | None, rules: Iterable[Rule]) -> Adapted:
    """The manifest without what it yields and with what it shares, as the live object stands."""
    mine = [rule for rule in rules if rule.is_for(manifest.ref)]
    if not mine or live is None:
        return Adapted(manifest)
    body: Body = manifest.body
    held: dict[str, Any] = {}
    given_up: list[str] = []
    for rule in mine:
        steps = field_paths.resolve(body, rule.field)
        there = field_paths.resolve(live.body, rule.field)
        if steps is None or there is None or rule.way is Way.TAKE:
            continue
        if rule.way is Way.SHARE:
            body = field_paths.with_value(body, steps, field_paths.get(live.body, there))
        elif owner_of(live.body, there):
            body = field_paths.without(body, steps)
            given_up.append(field_paths.normal(rule.field))
            alone = field_paths.alone(there, field_paths.get(live.body, there))
            held = field_paths.merged(held, alone)
    if body is manifest.body:
        return Adapted(manifest)
    return Adapted(replace(manifest, body=body), _partial(manifest, held) if held else None, tuple(given_up))


def may_take(ref: ObjectRef, conflict: Conflict, rules: Iterable[Rule]) -> bool:
    """Whether each field that somebody else holds may be taken: by a rule, or because the other is our own co-owner."""
    takes = [rule for rule in rules if rule.way is Way.TAKE and rule.is_for(ref)]
    return bool(conflict.fields) and all(
        one.manager in _OWN or any(field_paths.covers(rule.field, one.path) for rule in takes)
        for one in conflict.fields
    )


def explain(manifest: Manifest, live: LiveObject | None, conflict: Conflict) -> Conflict:
    """The conflict with both values, and the ways out of it for this very object."""
    if not conflict.fields:
        return conflict
    ref = manifest.ref
    lines = [_line(one, manifest.body, live.body if live else {}) for one in conflict.fields[:_SHOWN]]
    more = len(conflict.fields) - len(lines)
    told = "; ".join(lines) + (f"; and {more} more" if more else "")
    example = field_paths.normal(conflict.fields[0].path)
    return Conflict(
        f"{ref} has fields of other managers: {told}",
        hint="ways out: take them all once with --allow conflicts, or write for each field into jx-requirements.yml"
        f" apply.conflicts: [{{kind: {ref.kind}, name: {ref.name}, field: {example}, way: take | yield | share}}]"
        " (take: it is ours; yield: it is theirs; share: keep the value that it has)",
        fields=conflict.fields,
    )


def _line(one: OwnedField, mine: Body, live: Body) -> str:
    since = f" since {one.since}" if one.since else ""
    told = f"{field_paths.normal(one.path)} is managed by {one.manager!r}{since}"
    if is_secret(mine):
        return told
    values = [_value(body, one.path) for body in (live, mine)]
    return f"{told}: it is {values[0]}, we want {values[1]}"


def _value(body: Body, path: str) -> str:
    steps = field_paths.resolve(body, path)
    if steps is None:
        return "not set"
    value = field_paths.get(body, steps)
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


def _partial(manifest: Manifest, held: Mapping[str, Any]) -> Body:
    metadata = manifest.body.get("metadata") or {}
    kept = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    inner = held.get("metadata") or {}
    return {
        **held,
        "apiVersion": manifest.api_version,
        "kind": manifest.ref.kind,
        "metadata": {**inner, **kept},
    }
