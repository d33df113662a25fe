"""Show history: what changed in environments, by meaning, from their ledgers. Reads only, and works from a clone alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from jx.domain.applying.applying import Anchor
from jx.domain.errors import JxError, NotFound
from jx.domain.events import Event, Level
from jx.domain.history import history
from jx.domain.history.history import FileChange, HistoryEntry, Kind
from jx.domain.history.history_choice import HistoryChoice
from jx.domain.ledger import ledger
from jx.domain.ledger.secret_writes import SecretWrite
from jx.domain.names import EnvironmentName, Repo, Revision
from jx.domain.trees import Tree
from jx.ports.anchor import Anchors
from jx.ports.histories import ChangedCommit, Histories
from jx.ports.reporter import Reporter
from jx.ports.secret_log import SecretLog

_LOOK_BACK = 50
"""How many entries that tell of no apply may stand before one that does."""

NOWHERE = EnvironmentName("-")
"""Stands for the environment of what belongs to none."""


@dataclass(frozen=True, slots=True)
class Place:
    """An environment, and where its ledger is."""

    environment: EnvironmentName
    repo: Repo
    branch: str = "master"


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Whose history, and which part of it."""

    places: tuple[Place, ...]
    since: datetime | None = None
    choice: HistoryChoice = HistoryChoice()
    limit: int = 0
    """The newest so many of each environment; 0: all."""
    must_be_known: bool = False
    """Whether an app, person or object that was never heard of is NotFound; else there is nothing of it."""
    is_everything: bool = False
    """Whether what belongs to no environment is meant, too: secrets that none of them uses."""


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """`anchors` are None where there is no cluster to ask: what is not published yet is then unknown."""

    histories: Histories
    reporter: Reporter
    anchors: Anchors | None = None
    secret_log: SecretLog | None = None
    _told: list[str] = field(default_factory=list, compare=False, repr=False)

    def __call__(self, request: HistoryRequest) -> tuple[HistoryEntry, ...]:
        """Entries, newest first. NotFound where no ledger is there at all."""
        found: list[HistoryEntry] = []
        read: list[HistoryEntry] = []
        missing: list[str] = []
        for place in request.places:
            entries = self.read(place, since=request.since)
            if entries is None:
                missing.append(place.environment)
                continue
            entries = (*entries, *self._writes(place.environment, entries, request.since))
            read += entries
            wanted = [entry for entry in entries if request.choice.holds(entry)]
            wanted.sort(key=lambda entry: entry.at, reverse=True)
            found += wanted[: request.limit] if request.limit else wanted
        if missing and len(missing) == len(request.places):
            raise NotFound(
                f"there is no ledger of {', '.join(missing)}: nothing was applied yet, or it was not fetched",
                hint="git fetch origin jx-ledger",
            )
        if request.is_everything:
            others = self._writes_of_nobody(read, request)
            read += others
            found += [entry for entry in others if request.choice.holds(entry)]
        if request.must_be_known and not found and request.since is None:
            request.choice.check(read)
        return tuple(sorted(found, key=lambda entry: entry.at, reverse=True))

    def _writes_of_nobody(self, told: list[HistoryEntry], request: HistoryRequest) -> list[HistoryEntry]:
        """Who wrote secrets that are of no environment."""
        known = {(one.at, one.subject) for one in told if one.kind is Kind.SECRET}
        entries = (history.of_write(NOWHERE, one) for one in self._list_writes(request.since))
        return [one for one in entries if (one.at, one.subject) not in known]

    def _writes(
        self, environment: EnvironmentName, entries: tuple[HistoryEntry, ...], since: datetime | None
    ) -> list[HistoryEntry]:
        """Who wrote secrets of the environment, as far as the cluster keeps it."""
        used = {at for entry in entries for at in entry.secrets}
        return [
            history.of_write(environment, one)
            for one in self._list_writes(since)
            if history.is_of_environment(one, environment, used)
        ]

    def _list_writes(self, since: datetime | None) -> list[SecretWrite]:
        if self.secret_log is None:
            return []
        try:
            writes = self.secret_log.list_all()
        except JxError as error:
            if error.message not in self._told:
                self._told.append(error.message)
                words = f"who wrote secrets is not known: {error.message}"
                self.reporter.tell(Event(words, Level.WARNING))
            return []
        return [one for one in writes if since is None or one.at >= since]

    def read(self, place: Place, *, since: datetime | None = None) -> tuple[HistoryEntry, ...] | None:
        """All entries of an environment, newest first, with those that wait in the anchor; None where there is no ledger."""
        head = self.histories.head(place.repo, ledger.BRANCH)
        anchor = self._find_anchor(place.environment)
        if head is None and not (anchor and anchor.pending):
            return None
        commits = self.histories.changes(place.repo, head, since=since) if head else ()
        published = [_entry(place.environment, one) for one in commits]
        before = self._before(place, commits)
        waiting = self._waiting(place.repo, head, anchor, since) if anchor and anchor.pending else []
        sources = self._sources(place.repo, head, commits)
        connected = history.connect([*reversed(waiting), *published, *before], sources)
        return connected[: len(connected) - len(before)]

    def _find_anchor(self, environment: EnvironmentName) -> Anchor | None:
        if self.anchors is None:
            return None
        try:
            return self.anchors.find(environment)
        except JxError as error:
            if error.message not in self._told:
                self._told.append(error.message)
                words = f"the cluster is not asked what is not published yet: {error.message}"
                self.reporter.tell(Event(words, Level.WARNING))
            return None

    def _waiting(
        self, repo: Repo, head: Revision | None, anchor: Anchor, since: datetime | None
    ) -> list[HistoryEntry]:
        tree = self.histories.read(repo, head) if head else Tree()
        return _waiting(anchor, tree, since)

    def _before(self, place: Place, commits: tuple[ChangedCommit, ...]) -> list[HistoryEntry]:
        """The apply before the oldest entry, to compare versions with."""
        if not commits or not commits[-1].commit.parents:
            return []
        older = self.histories.log(place.repo, commits[-1].commit.parents[0], limit=_LOOK_BACK)
        entries = (_entry(place.environment, ChangedCommit(commit)) for commit in older)
        first = next((entry for entry in entries if entry.is_apply), None)
        return [first] if first else []

    def _sources(self, repo: Repo, head: Revision | None, commits: tuple[ChangedCommit, ...]) -> str:
        changed = (file for one in commits for file in one.files if file.path == ledger.SOURCES)
        newest = next(changed, None)
        if newest is not None:
            return newest.after or ""
        if head is None:
            return ""
        found = self.histories.changes(repo, head, path=ledger.SOURCES, limit=1)
        return (found[0].files[0].after or "") if found else ""


def _entry(environment: EnvironmentName, changed: ChangedCommit) -> HistoryEntry:
    commit = changed.commit
    facts = (commit.revision, commit.author, commit.committed, commit.message)
    return history.read_entry(environment, facts, changed.files)


def _waiting(anchor: Anchor, tree: Tree, since: datetime | None) -> list[HistoryEntry]:
    """Entries that are not published yet, oldest first; they have no commit."""
    found = []
    for pending in anchor.pending:
        entry = ledger.unpack(pending)
        after = ledger.tree_of(entry, tree)
        paths = sorted({*entry.files, *entry.removed})
        files = tuple(
            FileChange(path, tree.find_text(path), after.find_text(path))
            for path in paths
            if tree.files.get(path) != after.files.get(path)
        )
        tree = after
        if since is None or entry.at >= since:
            facts = (Revision(""), entry.author, entry.at, entry.message)
            found.append(history.read_entry(anchor.environment, facts, files))
    return found
