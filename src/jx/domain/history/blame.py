"""Blame: which entry of the ledger set each field of an object, and what in the environment's files made it so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from jx.domain.applying import field_ownership
from jx.domain.ledger import ledger_fields
from jx.domain.ledger.ledger_fields import Field
from jx.domain.names import EnvironmentName, Revision
from jx.domain.objects import field_paths
from jx.domain.objects.manifests import Body, ObjectRef
from jx.domain.objects.secrets import mask
from jx.domain.texts.yaml_emitter import emit

_SERVERS_OWN = (
    ".metadata.uid", ".metadata.resourceVersion", ".metadata.generation", ".metadata.creationTimestamp", ".metadata.selfLink",
    ".metadata.deletionTimestamp",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValueOrigin:
    """The field is a value as it is: of the environment's files, or a default of the chart's."""

    file: str
    line: int | None
    name: str
    """Dotted, as `--set` takes it."""
    is_default: bool = False
    at: tuple[str | int, ...] = ()
    """The path within the file."""


@dataclass(frozen=True, slots=True)
class TemplateOrigin:
    """The field stands in a template as it is; no value plays a part."""

    file: str
    line: int | None
    """None where more than one line could be it."""


@dataclass(frozen=True, slots=True)
class ComputedOrigin:
    """A template makes the field from values; `undecided` are such that the chart renders with no other value of."""

    file: str
    line: int | None
    values: tuple[ValueOrigin, ...]
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddedOrigin:
    """The chart does not render the field: jx adds it to what it applies."""


@dataclass(frozen=True, slots=True)
class UnknownOrigin:
    """It cannot be told, and why."""

    why: str


Origin = ValueOrigin | TemplateOrigin | ComputedOrigin | AddedOrigin | UnknownOrigin


@dataclass(frozen=True, slots=True)
class Cause:
    """The commit of the environment's repository that changed a field, and who is behind it."""

    commit: Revision
    at: datetime
    author: str
    subject: str
    pull_request: str = ""
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlamedField:
    """One field of a live object."""

    path: str
    text: str
    """As the ledger writes it; live, where nothing of ours set it."""
    line: int = 0
    """Of the ledger's file; 0 where nothing of ours set it."""
    entry: Revision = Revision("")
    """Of the ledger: which apply set it."""
    version: tuple[str, str, str] | None = None
    """The app whose chart that apply moved, the version before and after, where it is the object's."""
    origin: Origin | None = None
    causes: tuple[Cause, ...] = ()
    manager: str = ""
    """Who else set it: its live value is theirs. Empty where it is ours."""
    since: str = ""
    live: str = ""
    """The live value, where it is another than ours."""


@dataclass(frozen=True, slots=True)
class Blame:
    """An object with all its fields."""

    environment: EnvironmentName
    ref: ObjectRef
    app: str
    template: str
    fields: tuple[BlamedField, ...] = field(default=())
    is_live: bool = True
    """Whether the cluster was asked."""


def attribute(newest_first: Sequence[str]) -> dict[str, tuple[Field, int]]:
    """By path, each field of the newest text and the number of the oldest text since which it has its value without a break."""
    newest = ledger_fields.read_fields(newest_first[0])
    found: dict[str, tuple[Field, int]] = {}
    left = dict(newest)
    for number, text in enumerate(newest_first[1:], start=1):
        if not left:
            break
        older = ledger_fields.read_fields(text) if text else {}
        for path in [path for path, one in left.items() if path not in older or older[path].text != one.text]:
            found[path] = (left.pop(path), number - 1)
    last = len(newest_first) - 1
    found |= {path: (one, last) for path, one in left.items()}
    return {path: found[path] for path in newest}


def add_live(ours: Iterable[BlamedField], live: Body) -> tuple[BlamedField, ...]:
    """Our fields with what the cluster has instead, and those that only others set."""
    shown = {key: value for key, value in mask(live).items() if key != "status"}
    shown["metadata"] = {key: one for key, one in shown.get("metadata", {}).items() if key != "managedFields"}
    fields = ledger_fields.read_fields(emit(shown))
    known: list[BlamedField] = []
    for one in ours:
        there = fields.pop(one.path, None)
        known.append(one if there and there.text == one.text else _overridden(one, there, live))
    others = [
        BlamedField(path, found.text, manager=manager_of(live, path), since=_since(live, path))
        for path, found in fields.items()
        if not path.startswith(_SERVERS_OWN)
    ]
    return (*known, *others)


def _overridden(one: BlamedField, there: Field | None, live: Body) -> BlamedField:
    if one.text.startswith(('"<secret:', "<secret:")):
        return one
    manager = manager_of(live, one.path)
    now = there.text if there else ""
    if not manager and there is None:
        return one  # what is empty is not kept by servers
    return replace(one, manager=manager, since=_since(live, one.path), live=now)


def manager_of(live: Body, path: str) -> str:
    """Who else than jx set a field; `the API server` for a default that nobody set; empty where it is ours."""
    steps = _resolve(live, path)
    if steps is None:
        return ""
    manager = field_ownership.owner_of(live, steps)
    if manager:
        return manager
    own = (field_ownership.own_entry(live) or {}).get("fieldsV1") or {}
    return "" if field_ownership.owns(own, steps) else "the API server"


def _since(live: Body, path: str) -> str:
    steps = _resolve(live, path)
    return field_ownership.since_of(live, field_ownership.owner_of(live, steps)) if steps else ""


def _resolve(live: Body, path: str) -> tuple[field_paths.Step, ...] | None:
    """The nearest field above that managedFields can name: items of plain lists belong to their list."""
    while path:
        steps = field_paths.resolve(live, path)
        if steps is not None:
            return steps
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return None


def origin_words(origin: Origin) -> str:
    """Where a field comes from, in a few words."""
    match origin:
        case ValueOrigin(file, line, name, is_default, _):
            return f"{place(file, line)} {name}{' (default)' if is_default else ''}"
        case TemplateOrigin(file, line):
            return place(file, line)
        case ComputedOrigin(file, line, values, undecided):
            told = ", ".join(f"{one.name} ({place(one.file, one.line)})" for one in values)
            more = f", perhaps {', '.join(undecided)}" if undecided else ""
            return f"computed by {place(file, line)} from {told or 'no value'}{more}"
        case AddedOrigin():
            return "added by jx"
        case UnknownOrigin(why):
            return f"not told: {why}"
    assert_never(origin)


def place(file: str, line: int | None) -> str:
    """`file:line`."""
    return f"{file}:{line}" if line else file


def match_field(path: str, wanted: str) -> bool:
    """Whether a field is the wanted one, or below it."""
    return not wanted or field_paths.covers(wanted, path)


def by_entry(fields: Mapping[str, tuple[Field, int]]) -> dict[int, list[str]]:
    """Paths by the number of the text that set them."""
    found: dict[int, list[str]] = {}
    for path, (_, number) in fields.items():
        found.setdefault(number, []).append(path)
    return found
