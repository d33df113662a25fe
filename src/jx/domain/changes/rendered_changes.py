"""Rendered changes: what a change makes of the objects that an environment's files render to, cluster or no cluster.

Both sides are rendered with markers in place of secrets. What a chart draws at random differs in each render of the same files,
and is no change.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jx.domain.ledger import ledger
from jx.domain.objects.manifests import Body, Manifest, ObjectRef
from jx.domain.objects.secrets import mask_pair
from jx.domain.texts.yaml_emitter import emit

_DRAWN = "(drawn by the chart)"


class Verb(StrEnum):
    """What becomes of a rendered object."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class RenderedChange:
    """One object, as the base renders it and as the change does; without secret values."""

    verb: Verb
    ref: ObjectRef
    before: Body = field(repr=False, hash=False)
    after: Body = field(repr=False, hash=False)

    def diff(self) -> str:
        """As a unified diff, under the paths of the ledger."""
        path = ledger.path_of(self.ref)
        old, new = (
            emit(body).splitlines(keepends=True) if body else [] for body in (self.before, self.after)
        )
        sides = (f"a/{path}" if old else "/dev/null", f"b/{path}" if new else "/dev/null")
        return "".join(difflib.unified_diff(old, new, *sides))


Draws = Sequence[Iterable[Manifest]]
"""Renders of the same files: one, or several where charts draw at random."""


def list_changes(before: Draws, after: Draws) -> tuple[RenderedChange, ...]:
    """What differs, by object."""
    return tuple(_changes(_steady(before), _steady(after)))


def touched(changes: Iterable[RenderedChange], manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Those of the change's own objects that it creates or changes."""
    refs = {one.ref for one in changes if one.verb is not Verb.DELETE}
    return tuple(one for one in manifests if one.ref in refs)


def _changes(before: Mapping[ObjectRef, Body], after: Mapping[ObjectRef, Body]) -> Iterator[RenderedChange]:
    for ref in sorted({*before, *after}, key=str):
        old, new = before.get(ref), after.get(ref)
        if old == new:
            continue
        verb = Verb.CREATE if old is None else Verb.DELETE if new is None else Verb.CHANGE
        yield RenderedChange(verb, ref, *mask_pair(old or {}, new or {}))


def _steady(draws: Draws) -> dict[ObjectRef, Body]:
    """The objects, with one word in place of everything that is another in each render."""
    found: dict[ObjectRef, Body] = {}
    for number, manifests in enumerate(draws):
        for one in manifests:
            found[one.ref] = (
                _common(found[one.ref], one.public) if number and one.ref in found else one.public
            )
    return found


def _common(one: Any, other: Any) -> Any:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return {
            key: _common(one[key], other[key]) if key in one and key in other else _DRAWN
            for key in {**one, **other}
        }
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [_common(left, right) for left, right in zip(one, other, strict=True)]
    return one if one == other else _DRAWN
