"""Drift: what was changed behind our back. Found without rendering anything: the inventory remembers what the cluster answered,
managedFields tell who set which field since, and the ledger what we had set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from jx.domain.applying import planning
from jx.domain.applying.applying import InventoryItem, LiveObject
from jx.domain.applying.conflicts import Rule, Way
from jx.domain.applying.field_ownership import other_managers, own_entry, owner_of, owns, since_of
from jx.domain.errors import Invalid
from jx.domain.ledger import ledger
from jx.domain.objects import field_paths
from jx.domain.objects.manifests import Body, ObjectRef
from jx.domain.objects.secrets import is_secret
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree

_MOST_FIELDS = 20
_LONGEST = 100


class Cure(StrEnum):
    """What controllers do about drift (`apply.drift` of jx-requirements.yml)."""

    REPORT = "report"
    HEAL = "heal"
    IGNORE = "ignore"


class Kind(StrEnum):
    """How an object drifted."""

    CHANGED = "changed"
    DELETED = "deleted"
    REPLACED = "replaced"
    """Another object of that name took its place."""


@dataclass(frozen=True, slots=True)
class DriftedField:
    """One field that somebody else set: as we had set it, and as it is now. No values for Secrets."""

    path: str
    was: str
    now: str
    by: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class Drifted:
    """One object, how it drifted, by whom (as its field manager calls itself) and when, as far as the cluster tells."""

    ref: ObjectRef
    kind: Kind
    by: str = ""
    since: str = ""
    fields: tuple[DriftedField, ...] = ()


def find(
    inventory: Iterable[InventoryItem],
    live: Mapping[ObjectRef, LiveObject],
    applied: Tree,
    rules: tuple[Rule, ...] = (),
) -> tuple[Drifted, ...]:
    """Everything that is not as we left it. `applied` are the ledger's files, empty where they cannot be read: then there are no
    fields. Fields that the rules leave to others or share with them are no drift. Objects whose apply is not known to have ended
    are not looked at."""
    found = (_look(item, live.get(item.ref), applied) for item in inventory if item.sent)
    return tuple(kept for one in found if one and (kept := _without_left_to_others(one, rules)))


def _without_left_to_others(one: Drifted, rules: tuple[Rule, ...]) -> Drifted | None:
    paths = [rule.field for rule in rules if rule.way is not Way.TAKE and rule.is_for(one.ref)]
    fields = tuple(
        field for field in one.fields if not any(field_paths.covers(path, field.path) for path in paths)
    )
    return None if one.fields and not fields else replace(one, fields=fields)


def in_words(found: tuple[Drifted, ...]) -> str:
    """The first object in a few words, for tables."""
    if not found:
        return ""
    one = found[0]
    by = f" by {one.by}" if one.by else ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{one.ref} {one.kind}{by}{more}"


def in_full(found: tuple[Drifted, ...], *, most: int = 10) -> str:
    """The objects with their fields, as records keep them: no values of Secrets."""
    told = []
    for one in found[:most]:
        fields = ", ".join(f"{field.path}: {field.was} → {field.now}" for field in one.fields)
        told.append(
            f"{one.ref} {one.kind}" + (f" by {one.by}" if one.by else "") + (f" ({fields})" if fields else "")
        )
    more = [f"{len(found) - most} more objects"] if len(found) > most else []
    return "; ".join([*told, *more])


def _look(item: InventoryItem, live: LiveObject | None, applied: Tree) -> Drifted | None:
    if live is None:
        return Drifted(item.ref, Kind.DELETED)
    managers = other_managers(live.body)
    by = managers[0] if managers else ""
    if live.uid != item.uid:
        return Drifted(item.ref, Kind.REPLACED, by, since_of(live.body, by))
    if planning.is_as_left(item, live):
        return None
    fields = tuple(_fields(live.body, _applied_body(applied, item.ref)))[:_MOST_FIELDS]
    by = next((field.by for field in fields if field.by), by)
    return Drifted(item.ref, Kind.CHANGED, by, since_of(live.body, by), fields)


def _applied_body(applied: Tree, ref: ObjectRef) -> Body:
    text = applied.find_text(ledger.path_of(ref))
    try:
        return read_mapping(text) if text else {}
    except Invalid:
        return {}


def _fields(live: Body, wanted: Body) -> Iterator[DriftedField]:
    """The fields that we had set and no longer own, with another value."""
    own = (own_entry(live) or {}).get("fieldsV1") or {}
    for path in _leaves(wanted):
        steps = field_paths.resolve(wanted, path)
        if steps is None or path.startswith((".apiVersion", ".kind", ".metadata.name")):
            continue
        was = field_paths.get(wanted, steps)
        there = field_paths.resolve(live, path)
        now = field_paths.get(live, there) if there is not None else None
        if now == was or owns(own, there if there is not None else steps):
            continue
        if there is None and not was:
            continue  # servers leave out what is empty
        by = owner_of(live, there) if there is not None else ""
        shown = ("<secret>", "<secret>") if is_secret(wanted) else (_text(was), _text(now))
        yield DriftedField(field_paths.normal(path), *shown, by=by, since=since_of(live, by))


def _leaves(value: Any, path: str = "") -> Iterator[str]:
    """The paths of a manifest's leaves; items of lists by their names, other lists as a whole."""
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(part, f"{path}.{key}")
    elif (
        isinstance(value, list) and value and all(isinstance(one, Mapping) and "name" in one for one in value)
    ):
        for item in value:
            for key, part in item.items():
                if key != "name":
                    yield from _leaves(part, f'{path}[name="{item["name"]}"].{key}')
    elif path:
        yield path


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
