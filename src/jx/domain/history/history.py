"""History: the ledger's commits as changes by meaning: what changed, who asked, who approved, when it was applied, how it went.

Names and trailers are claims, as everywhere in git; `jx.domain.history.history_proofs` tells which of them can be proven.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from urllib.parse import unquote

from jx.domain.charts.apps import app_of
from jx.domain.errors import Usage
from jx.domain.history import meanings
from jx.domain.ledger import ledger_fields
from jx.domain.ledger.ledger import EVENT, SOURCES, is_by_platform
from jx.domain.ledger.ledger_fields import FieldChange
from jx.domain.ledger.secret_writes import Ending, SecretWrite
from jx.domain.ledger.trailers import list_trailers
from jx.domain.names import EnvironmentName, Person, Revision
from jx.domain.objects.manifests import ObjectRef

_MOST_WORDS = 6
"""Lines that tell one change; the rest is counted."""
_LONGEST = 60
_MERGED = re.compile(r"Merge pull request #\d+ from (?P<branch>\S+)")


class Kind(StrEnum):
    """What kind of thing happened."""

    CHANGE = "change"
    BY_HAND = "by hand"
    HEALED = "drift healed"
    DRIFT = "drift"
    HOLD = "hold"
    RESUME = "hold ended"
    VERIFIED = "verified"
    SECRET = "secret"
    """Somebody wrote a secret: kept beside the anchors, in no ledger."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a commit beside that of the commit before it; None where it was not, or is not any more."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object that an apply created, changed or deleted."""

    ref: ObjectRef
    app: str
    """The app whose chart it is of; empty for the environment's own, or where the ledger does not tell."""
    action: str
    """`created`, `changed` or `deleted`."""
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class HistoryEntry:
    """One commit of the ledger, read. `files` are what it changed."""

    environment: EnvironmentName
    revision: Revision
    """Of the ledger; empty for what is not published yet."""
    at: datetime
    author: Person
    subject: str
    trailers: tuple[tuple[str, str], ...]
    files: tuple[FileChange, ...] = ()
    sources: Mapping[str, str] | None = None
    """Which template each object came from, as the ledger says at this commit."""
    before: HistoryEntry | None = None
    """The apply before it: what versions are compared with."""

    def first(self, key: str) -> str:
        """The first trailer of that name, or nothing."""
        return next((value for name, value in self.trailers if name == key), "")

    def every(self, key: str) -> tuple[str, ...]:
        """All trailers of that name."""
        return tuple(value for name, value in self.trailers if name == key)

    @property
    def kind(self) -> Kind:
        """What kind of thing happened."""
        if event := self.first(EVENT):
            return Kind(event)
        if is_by_platform(self.first("Jx-Applied-By")):
            return Kind.HEALED if self.first("Jx-Reason") == "drift is healed" else Kind.CHANGE
        return Kind.BY_HAND

    @property
    def is_apply(self) -> bool:
        """Whether something was applied; else it tells of something that happened to the environment."""
        return not self.first(EVENT)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved, as the merge says."""
        return self.every("Jx-Approved-By")

    @property
    def charts(self) -> dict[str, str]:
        """Versions of all charts, by the keys of their apps."""
        rows = (row.split(" ") for row in self.every("Jx-Chart"))
        return {row[-1] if row[-2:-1] == ["as"] else row[0]: row[1] for row in rows if len(row) > 1}

    @property
    def secrets(self) -> dict[str, str]:
        """Versions of the secrets that were read, by where they are."""
        rows = (row.rpartition("=") for row in self.every("Jx-Secret"))
        return {at: version for at, _, version in rows}

    @property
    def versions(self) -> tuple[tuple[str, str, str], ...]:
        """Charts that came, went or moved: name, version before, version after."""
        return _moved(self.before.charts if self.before else {}, self.charts) if self.is_apply else ()

    @property
    def secret_versions(self) -> tuple[tuple[str, str, str], ...]:
        """Secrets whose version moved: where, version before, version after."""
        if not self.is_apply or self.before is None:
            return ()
        return tuple(row for row in _moved(self.before.secrets, self.secrets) if row[2])

    @cached_property
    def objects(self) -> tuple[ObjectChange, ...]:
        """What happened to objects, without fields."""
        found = ((ref_of(file.path), file) for file in self.files)
        return tuple(
            ObjectChange(ref, self.app_of(file.path), _action(file)) for ref, file in found if ref is not None
        )

    @cached_property
    def changes(self) -> tuple[ObjectChange, ...]:
        """What happened to objects, with the fields of those that changed."""
        files = {ref: file for file in self.files if (ref := ref_of(file.path)) is not None}
        return tuple(replace(one, fields=_fields(files[one.ref])) for one in self.objects)

    def app_of(self, path: str) -> str:
        """The app whose chart the object in a file is of."""
        return app_of((self.sources or {}).get(path, ""), self.charts)


def read_entry(
    environment: EnvironmentName,
    commit: tuple[Revision, Person, datetime, str],
    files: tuple[FileChange, ...],
) -> HistoryEntry:
    """An entry from a commit (its id, author, time and message) and the files that it changed."""
    revision, author, at, message = commit
    subject = message.partition("\n")[0]
    return HistoryEntry(environment, revision, at, author, subject, tuple(list_trailers(message)), files)


def of_write(environment: EnvironmentName, write: SecretWrite) -> HistoryEntry:
    """What the cluster keeps of a write of a secret, as an entry; never what was written."""
    keys = f" ({', '.join(write.keys)})" if write.keys else ""
    version = f", version {write.version}" if write.version else ""
    ending = "" if write.ending is Ending.DONE else f", {write.ending}"
    words = f"secret {write.place}{keys} {write.deed}{version}{ending}"
    trailers = ((EVENT, Kind.SECRET.value), ("Jx-Reason", words), ("Jx-Purpose", write.purpose))
    return HistoryEntry(environment, Revision(""), write.at, Person(write.by), words, trailers)


def is_of_environment(write: SecretWrite, environment: EnvironmentName, used: Iterable[str]) -> bool:
    """Whether a secret is an environment's: at its own places, or one of those that it used."""
    own = (f"vault:{environment}/", f"vault:generated/{environment}/")
    return write.place.startswith(own) or write.place in set(used)


def connect(entries: Iterable[HistoryEntry], sources: str) -> tuple[HistoryEntry, ...]:
    """Entries, newest first, each with the apply before it and with what the ledger says of templates at that point.

    `sources` is the text of the ledger's newest file of sources."""
    known = read_sources(sources)
    told: list[HistoryEntry] = []
    for entry in entries:
        changed = next((file for file in entry.files if file.path == SOURCES), None)
        older = read_sources(changed.before or "") if changed else known
        told.append(replace(entry, sources={**older, **known} if changed else known))
        known = older
    connected: list[HistoryEntry] = []
    before: HistoryEntry | None = None
    for entry in reversed(told):
        connected.append(replace(entry, before=before))
        before = replace(entry, files=(), sources=None, before=None) if entry.is_apply else before
    return tuple(reversed(connected))


def in_words(entry: HistoryEntry, *, most: int = _MOST_WORDS) -> tuple[str, ...]:
    """What changed, by meaning, a line each: versions with what they did to objects, then fields, then secrets."""
    if not entry.is_apply:
        return (entry.first("Jx-Reason"),)
    lines = [_version_words(entry, *row) for row in entry.versions]
    why = tuple(_why(entry))
    moved = {name for name, _, _ in entry.versions}
    rest = [one for one in entry.objects if one.app not in moved]
    if entry.versions and not entry.sources:
        lines[-1] += f", {_count(entry.objects)}" if entry.objects else ""
        rest = []
    made = [f"{one.ref.kind} {one.ref.name} {one.action}" for one in rest if one.action != "changed"]
    lines += made if len(made) < most else [_count([one for one in rest if one.action != "changed"])]
    told, unread = _field_words(entry, [one for one in rest if one.action == "changed"], most - len(lines))
    lines += told
    lines += [f"secret {at}: version {was or '-'} → {now}" for at, was, now in entry.secret_versions]
    if len(lines) > most or unread:
        more = f"{len(lines) - most + 1} more changes" + (f", and {unread} more objects" if unread else "")
        lines = [*lines[: most - 1], f"and {more}"]
    return (*lines, *why) if lines else (_nothing_words(entry), *why)


def _nothing_words(entry: HistoryEntry) -> str:
    """Of what was applied and changed no object: what it was about, a branch by its name."""
    merged = _MERGED.fullmatch(entry.subject)
    about = merged["branch"] if merged else entry.subject
    is_told = about and not about.startswith("Apply environment ")
    return f"nothing changed in the cluster: {about}" if is_told else "nothing changed in the cluster"


def _why(entry: HistoryEntry) -> Iterator[str]:
    """What was out of the ordinary about the merge; what a person said who applied by hand, or took the lock from somebody."""
    if note := entry.first("Jx-Merge-Note"):
        yield note
    reason, holder = entry.first("Jx-Reason"), entry.first("Jx-Lock-Taken-From")
    if holder:
        yield f"lock taken from {holder}: {reason or 'no reason given'}"
    elif reason and entry.kind is Kind.BY_HAND:
        yield f"because: {reason}"


def is_about(
    entry: HistoryEntry, *, app: str = "", by: str = "", ref: tuple[str, str, str] | None = None
) -> bool:
    """Whether an entry is about an app, a person and an object (kind, name, namespace), as far as they are named. That a state
    was proven is no change of anything."""
    if entry.kind is Kind.VERIFIED:
        return False
    if app and not _is_about_app(entry, app):
        return False
    if by and not any(by.casefold() in text.casefold() for text in list_people(entry)):
        return False
    if ref is None:
        return True
    kind, name, namespace = ref
    return any(
        one.ref.kind.casefold() == kind.casefold()
        and one.ref.name == name
        and namespace in {"", one.ref.namespace}
        for one in entry.objects
    )


def ref_of(path: str) -> ObjectRef | None:
    """The object that a file of the ledger holds; None for files that are about all of them."""
    parts = path.removesuffix(".yaml").split("/")
    if len(parts) != 4:
        return None
    namespace, group, kind, name = map(unquote, parts)
    return ObjectRef(
        "" if group == "core" else group, kind, "" if namespace == "_cluster" else namespace, name
    )


def parse_since(text: str, now: datetime) -> datetime:
    """A moment in the past: `30m`, `2h`, `7d`, `4w` ago, a day, or a day and time (UTC). Usage."""
    spans = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    if text[:-1].isdigit() and text[-1] in spans:
        return now - timedelta(**{spans[text[-1]]: int(text[:-1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "30m, 2h, 7d, 4w, 2026-03-31 or 2026-03-31T18:00 (UTC)"
        raise Usage(f"--since: {text!r} is no time", hint=hint) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def list_people(entry: HistoryEntry) -> Iterator[str]:
    """Who asked, approved or applied."""
    yield str(entry.author)
    yield from entry.approvers
    if not is_by_platform(by := entry.first("Jx-Applied-By")):
        yield by


def _is_about_app(entry: HistoryEntry, app: str) -> bool:
    return any(name == app for name, _, _ in entry.versions) or any(one.app == app for one in entry.objects)


def _version_words(entry: HistoryEntry, name: str, was: str, now: str) -> str:
    words = (
        f"{name} {was} → {now}" if was and now else f"{name} {now} added" if now else f"{name} {was} removed"
    )
    objects = [one for one in entry.objects if one.app == name]
    return f"{words}, {_count(objects)}" if objects else words


def _count(objects: Iterable[ObjectChange]) -> str:
    actions = [one.action for one in objects]
    counts = [(actions.count(action), action) for action in ("created", "changed", "deleted")]
    told = [f"{count} {action}" for count, action in counts if count]
    if told:
        first, *others = told
        count, action = first.split(" ")
        told = [f"{count} object{'' if count == '1' else 's'} {action}", *others]
    return ", ".join(told)


def _field_words(entry: HistoryEntry, changed: list[ObjectChange], most: int) -> tuple[list[str], int]:
    """`ingress host of shop: a → b`; what is the same for several objects is told once. As soon as there is more than anybody is
    told, the objects that are left are only counted."""
    files = {ref_of(file.path): file for file in entry.files} if changed else {}
    told: dict[str, None] = {}
    for number, one in enumerate(changed):
        if len(told) > most:
            return list(told), len(changed) - number
        of = one.app or one.ref.name
        fields = tuple(field for field in _fields(files[one.ref]) if not _names_itself(field))
        for name, change in _paired(one.ref.kind, fields):
            told[f"{name} of {of}: {_short(change.was)} → {_short(change.now)}"] = None
    return list(told), 0


def _names_itself(change: FieldChange) -> bool:
    """Whether a field only is the name by which a variable is told anyway: `env[name="A"].name`."""
    return change.path.endswith(f'.env[name="{change.now or change.was}"].name')


def _paired(kind: str, changes: tuple[FieldChange, ...]) -> Iterator[tuple[str, FieldChange]]:
    """Changes with what they are called; one that went and one that came under the same name are one."""
    went: dict[str, list[FieldChange]] = {}
    for change in changes:
        if change.now is None:
            went.setdefault(meanings.name_field(kind, change.path), []).append(change)
    for change in changes:
        name = meanings.name_field(kind, change.path)
        if change.was is None and went.get(name):
            yield name, replace(change, was=went[name].pop(0).was)
        elif change.now is not None:
            yield name, change
    yield from ((name, change) for name, left in went.items() for change in left)


def _short(text: str | None) -> str:
    plain = " ".join(ledger_fields.shown(text).split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def _fields(file: FileChange) -> tuple[FieldChange, ...]:
    if file.before is None or file.after is None:
        return ()
    try:
        return ledger_fields.compare_fields(file.before, file.after)
    except (ValueError, IndexError):
        return (FieldChange(".", file.before, file.after),)  # a file that somebody else wrote


def _action(file: FileChange) -> str:
    if file.before is None:
        return "created"
    return "deleted" if file.after is None else "changed"


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
    names = sorted({*before, *after})
    rows = ((name, before.get(name, ""), after.get(name, "")) for name in names)
    return tuple(row for row in rows if row[1] != row[2])


def read_sources(text: str) -> Mapping[str, str]:
    """Which template each file's object came from, by the text of the ledger's file of sources; what it is not is left out."""
    try:
        fields = ledger_fields.read_fields(text) if text else {}
    except (ValueError, IndexError):
        return {}
    return {path[1:]: ledger_fields.shown(field.text) for path, field in fields.items()}
