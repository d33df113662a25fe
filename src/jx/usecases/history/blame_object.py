"""Blame an object: for each field the apply that set it, what made it so, and the commit and people behind that. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property

from jx.domain.errors import Invalid, JxError, NotFound, Usage
from jx.domain.events import Event, Level
from jx.domain.history import blame, history
from jx.domain.history.blame import (
    AddedOrigin,
    Blame,
    BlamedField,
    Cause,
    ComputedOrigin,
    Origin,
    TemplateOrigin,
    UnknownOrigin,
    ValueOrigin,
)
from jx.domain.history.history import HistoryEntry
from jx.domain.layouts import umbrella
from jx.domain.ledger import ledger
from jx.domain.ledger.ledger_fields import Field
from jx.domain.ledger.trailers import list_trailers
from jx.domain.names import Revision
from jx.domain.objects.manifests import Capabilities, ObjectRef
from jx.domain.texts import values
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree
from jx.ports.cluster import Cluster, Scope
from jx.ports.histories import ChangedCommit, Histories
from jx.ports.reporter import Reporter
from jx.ports.repos import Commit
from jx.usecases.history.find_origins import FindOrigins, OriginsAsk
from jx.usecases.history.show_history import Place

_MOST_AT_ONCE = 200
"""How many commits one apply may have brought."""
_LOOK_BACK = 30
"""How many entries that tell of no apply may stand before one that does."""
_NEAR = 3
_FIRST_CHANGES = 64
"""Of a file; one platform has some fifty apps whose values may stand in it."""


@dataclass(frozen=True, slots=True)
class BlameRequest:
    """Which object, and which of its fields."""

    places: tuple[Place, ...]
    kind: str
    name: str
    namespace: str = ""
    """Empty: any."""
    path: str = ""
    """Only this field and those below it; empty: all."""
    with_origins: bool = True
    """Whether to find out what made each field: that renders its chart again and again."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object in a ledger."""

    place: Place
    head: Revision
    tree: Tree
    path: str
    ref: ObjectRef

    @property
    def source(self) -> str:
        """Its template, as the ledger knows it."""
        return history.read_sources(self.tree.find_text(ledger.SOURCES) or "").get(self.path, "")


@dataclass(frozen=True, slots=True)
class FindInLedger:
    """Finds objects in ledgers, as people name them."""

    histories: Histories

    def __call__(self, places: tuple[Place, ...], kind: str, name: str, namespace: str = "") -> Found | None:
        """The object; None where no ledger has it now. Usage where several are meant."""
        found = [one for place in places for one in self._look(place, kind, name, namespace)]
        if len(found) > 1:
            refs = ", ".join(f"{one.ref} of {one.place.environment}" for one in found)
            raise Usage(
                f"{kind}/{name} is more than one: {refs}",
                hint="name its namespace with -n, its environment with --env",
            )
        return found[0] if found else None

    def similar(self, places: tuple[Place, ...], kind: str, name: str) -> tuple[str, ...]:
        """Objects of that kind that whoever typed this name may mean, in words."""
        found = [one.ref for place in places for one in self._all(place) if _is_kind(one.ref, kind)]
        near = set(get_close_matches(name, [ref.name for ref in found], n=_NEAR))
        return tuple(str(ref) for ref in found if name in ref.name or ref.name in near)[:_NEAR]

    def _look(self, place: Place, kind: str, name: str, namespace: str) -> Iterator[Found]:
        for one in self._all(place):
            ref = one.ref
            if ref.name == name and _is_kind(ref, kind) and namespace in {"", ref.namespace}:
                yield one

    def _all(self, place: Place) -> Iterator[Found]:
        head = self.histories.head(place.repo, ledger.BRANCH)
        if head is None:
            return
        tree = self.histories.read(place.repo, head)
        for path in tree:
            if ref := history.ref_of(path):
                yield Found(place, head, tree, path, ref)


@dataclass(frozen=True, slots=True)
class BlameObject:
    """`cluster` is None where there is none to ask: then nothing is known of what others set. `origins` need charts and Helm."""

    histories: Histories
    reporter: Reporter
    origins: FindOrigins
    cluster: Cluster | None = None

    def __call__(self, request: BlameRequest) -> Blame:
        """The blame. NotFound where no ledger has the object."""
        found = FindInLedger(self.histories)(request.places, request.kind, request.name, request.namespace)
        if found is None:
            raise NotFound(f"no ledger has {request.kind}/{request.name}", hint=self._hint(request))
        run = _Run(self.histories, found)
        ours = [one for one in run.fields() if blame.match_field(one.path, request.path)]
        if request.with_origins:
            self.reporter.tell(Event("finding out what each field follows", Level.DEBUG))
            ours = list(run.explain(ours, self.origins))
        fields, is_live = self._with_live(found, tuple(ours))
        wanted = tuple(one for one in fields if blame.match_field(one.path, request.path))
        if not wanted:
            raise NotFound(f"{found.ref} has no field {request.path}")
        return Blame(found.place.environment, found.ref, run.app, run.source, wanted, is_live)

    def _hint(self, request: BlameRequest) -> str:
        near = FindInLedger(self.histories).similar(request.places, request.kind, request.name)
        if near:
            return f"there is {', '.join(near)}"
        return f"jx why {request.kind}/{request.name} tells who made what is no part of an environment"

    def _with_live(self, found: Found, ours: tuple[BlamedField, ...]) -> tuple[tuple[BlamedField, ...], bool]:
        if self.cluster is None:
            return ours, False
        api_version = str(read_mapping(found.tree.text(found.path)).get("apiVersion", ""))
        try:
            live = self.cluster.live((Scope(api_version, found.ref.kind, found.ref.namespace),))
        except JxError as error:
            self.reporter.tell(Event(f"what others set is not known: {error.message}", Level.WARNING))
            return ours, False
        body = next((one.body for one in live if one.ref == found.ref), None)
        if body is None:
            self.reporter.tell(Event(f"{found.ref} is not in the cluster", Level.WARNING))
            return ours, True
        return blame.add_live(ours, body), True


@dataclass
class _Run:
    """One object whose past is being looked at."""

    histories: Histories
    found: Found
    _entries: dict[Revision, HistoryEntry] = field(default_factory=dict)
    _commits: dict[Revision, Commit] = field(default_factory=dict)
    _changes: dict[tuple[Revision, str, int], tuple[ChangedCommit, ...]] = field(default_factory=dict)

    def fields(self) -> list[BlamedField]:
        """Each field with the apply that set it."""
        versions = self.histories.changes(self.found.place.repo, self.found.head, path=self.found.path)
        texts = [one.files[0].after or "" for one in versions]
        attributed: Mapping[str, tuple[Field, int]] = blame.attribute(texts)
        return [
            self._blamed(path, one, versions[number].commit) for path, (one, number) in attributed.items()
        ]

    def _blamed(self, path: str, one: Field, commit: Commit) -> BlamedField:
        moved = next((row for row in self.entry(commit).versions if row[0] == self.app), None)
        return BlamedField(path, one.text, one.line, commit.revision, moved)

    def entry(self, commit: Commit) -> HistoryEntry:
        """The entry that a commit of the ledger is, with the apply before it."""
        known = self._entries.get(commit.revision)
        if known is None:
            older = (
                self.histories.log(self.found.place.repo, commit.parents[0], limit=_LOOK_BACK)
                if commit.parents
                else ()
            )
            read = [self._read(commit), *map(self._read, older)]
            known = self._entries[commit.revision] = history.connect(read, "")[0]
        return known

    def _read(self, one: Commit) -> HistoryEntry:
        facts = (one.revision, one.author, one.committed, one.message)
        return history.read_entry(self.found.place.environment, facts, ())

    @cached_property
    def newest(self) -> HistoryEntry:
        """The newest apply."""
        log = self.histories.log(self.found.place.repo, self.found.head, limit=_LOOK_BACK)
        return next(entry for entry in map(self._read, log) if entry.is_apply)

    @cached_property
    def source(self) -> str:
        """The object's template."""
        return self.found.source

    @cached_property
    def app(self) -> str:
        """The app whose chart the object is of."""
        return replace(self.newest, sources={self.found.path: self.source}).app_of(self.found.path)

    def explain(self, fields: list[BlamedField], find: FindOrigins) -> Iterator[BlamedField]:
        """The fields with what made them so, and who did."""
        origins = self._origins(fields, find)
        for one in fields:
            origin = origins[one.path]
            yield replace(one, origin=origin, causes=tuple(self._causes(one, origin)))

    def _origins(self, fields: list[BlamedField], find: FindOrigins) -> Mapping[str, Origin]:
        source = self.newest.first("Jx-Source-Commit")
        texts = {one.path: one.text for one in fields}
        why = ""
        if not source:
            why = "what was applied last is no commit"
        elif not self.source:
            why = "its last apply kept no record of templates yet"
        if not why:
            try:
                tree = self.histories.read(self.found.place.repo, Revision(source))
            except JxError as error:
                why = error.message
        if why:
            return dict.fromkeys(texts, UnknownOrigin(why))
        return find(
            OriginsAsk(
                environment=self.found.place.environment,
                tree=tree,
                ref=self.found.ref,
                source=self.source,
                capabilities=_capabilities(self.found.tree),
                texts=texts,
            )
        )

    # Commits

    def _causes(self, one: BlamedField, origin: Origin) -> Iterator[Cause]:
        """The commits that changed what a field follows, as it was when the apply set it: those that came with that apply."""
        entry = self._entries[one.entry]
        at = Revision(entry.first("Jx-Source-Commit"))
        if not at:
            return
        try:
            commits = [commit for commit in self._inputs(at, origin) if commit]
            if not commits:
                commits = [self._commit_at(at)]
        except JxError:
            return
        since = entry.before.first("Jx-Source-Commit") if entry.before else ""
        newest = max(commit.committed for commit in commits)
        came = [commit for commit in commits if self._came_with(commit, at, since)]
        kept = came or [commit for commit in commits if commit.committed == newest]
        for commit in {one.revision: one for one in kept}.values():
            yield _cause(commit)

    def _commit_at(self, at: Revision) -> Commit:
        if at not in self._commits:
            self._commits[at] = self.histories.log(self.found.place.repo, at, limit=1)[0]
        return self._commits[at]

    def _came_with(self, commit: Commit, at: Revision, since: str) -> bool:
        """Whether a commit is one of those between two applies."""
        if not since:
            return True
        if (at, since) not in self._between:
            self._between[at, since] = self._list_between(at, since)
        return commit.revision in self._between[at, since]

    def _list_between(self, at: Revision, since: str) -> frozenset[Revision]:
        found = []
        for one in self.histories.log(self.found.place.repo, at, limit=_MOST_AT_ONCE):
            if one.revision == since:
                break
            found.append(one.revision)
        return frozenset(found)

    def _inputs(self, at: Revision, origin: Origin) -> Iterator[Commit | None]:
        match origin:
            case ValueOrigin():
                yield self._value_commit(at, origin)
            case ComputedOrigin(_, _, used):
                for one in used:
                    yield self._value_commit(at, one)
                yield self._version_commit(at)
            case TemplateOrigin(file):
                own = next(self._file_changes(at, file), None)
                yield own.commit if own else self._version_commit(at)
            case AddedOrigin() | UnknownOrigin():
                return

    def _value_commit(self, at: Revision, origin: ValueOrigin) -> Commit | None:
        if origin.is_default:
            return self._version_commit(at)
        for one in self._file_changes(at, origin.file):
            before, after = (_value_in(text, origin.at) for text in (one.files[0].before, one.files[0].after))
            if before != after:
                return one.commit
        return None

    def _version_commit(self, at: Revision) -> Commit | None:
        """The commit that brought the version that the app's chart has."""
        if not self.app:
            return None
        for file in ("Chart.yaml", "requirements.yaml"):
            for one in self._file_changes(at, f"{umbrella.CHART_DIR}/{file}"):
                before, after = (
                    _version_in(text, self.app) for text in (one.files[0].before, one.files[0].after)
                )
                if before != after:
                    return one.commit
        return None

    def _file_changes(self, at: Revision, file: str) -> Iterator[ChangedCommit]:
        """Changes of a file, newest first. What made a value is seldom far back, so all of them are read only where it is."""
        newest = self._read_changes(at, file, _FIRST_CHANGES)
        yield from newest
        if len(newest) == _FIRST_CHANGES:
            yield from self._read_changes(at, file, 0)[_FIRST_CHANGES:]

    def _read_changes(self, at: Revision, file: str, limit: int) -> tuple[ChangedCommit, ...]:
        key = (at, file, limit)
        if key not in self._changes:
            self._changes[key] = self.histories.changes(self.found.place.repo, at, path=file, limit=limit)
        return self._changes[key]

    @cached_property
    def _between(self) -> dict[tuple[Revision, str], frozenset[Revision]]:
        return {}


def _is_kind(ref: ObjectRef, kind: str) -> bool:
    names = {ref.kind.casefold(), f"{ref.kind}s".casefold(), f"{ref.kind}.{ref.group}".casefold()}
    return kind.casefold() in names


def _cause(commit: Commit) -> Cause:
    trailers = list_trailers(commit.message)
    return Cause(
        commit=commit.revision,
        at=commit.committed,
        author=commit.author.name,
        subject=commit.subject,
        pull_request=next((value for key, value in trailers if key == "Jx-Pull-Request"), ""),
        approvers=tuple(value for key, value in trailers if key == "Jx-Approved-By"),
    )


def _capabilities(tree: Tree) -> Capabilities:
    data = read_mapping(tree.find_text(ledger.CAPABILITIES) or "")
    versions = tuple(map(str, data.get("apiVersions") or ()))
    return Capabilities(str(data.get("version") or Capabilities().version), versions)


def _value_in(text: str | None, path: tuple[str | int, ...]) -> object:
    """The value at a path of a file, and whether it is there."""
    try:
        return values.find(read_mapping(text or ""), path)
    except Invalid:
        return (False, None)


def _version_in(text: str | None, app: str) -> object:
    try:
        rows = read_mapping(text or "").get("dependencies") or []
    except Invalid:
        return None
    found = (one for one in rows if isinstance(one, dict) and (one.get("alias") or one.get("name")) == app)
    return next((one.get("version") for one in found), None)
