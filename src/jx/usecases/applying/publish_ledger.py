"""Publish the ledger: push the entries that wait in the anchor, oldest first. Shared by applies and by the controller's timer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from jx.domain.applying.applying import Anchor, PendingEntry
from jx.domain.environments import guards
from jx.domain.errors import Forbidden, JxError, NotFound, Stale, Unavailable
from jx.domain.events import Event, Level
from jx.domain.ledger import ledger
from jx.domain.names import Repo, Revision
from jx.domain.trees import Tree
from jx.ports.reporter import Reporter
from jx.ports.repos import Draft, Repos
from jx.usecases.applying.write_anchor import WriteAnchor

_TRIES = 3


@dataclass(frozen=True, slots=True)
class PublishLedger:
    """Each entry is appended, then taken off the anchor. Appending one twice gives the same commit, so a crash costs nothing."""

    repos: Repos
    write_anchor: WriteAnchor
    reporter: Reporter

    def __call__(self, anchor: Anchor, repo: Repo) -> Anchor:
        """The anchor with what could be published taken off it. What cannot be pushed now waits, and an event says so.

        Raises LedgerMoved where the branch is not where the anchor left it; nothing is published then.
        """
        tries = 0
        while anchor.pending:
            entry = anchor.pending[0]
            try:
                revision = self._append(anchor, repo, entry)
            except Stale:
                newest = self.write_anchor.anchors.find(anchor.environment)
                if newest and newest.ledger_head != anchor.ledger_head:
                    anchor = newest  # others have published while we stood still
                    continue
                if (tries := tries + 1) < _TRIES:
                    continue  # others may have pushed this very entry just before us, and not noted it yet
                head = self.repos.head(repo, ledger.BRANCH) or ""
                raise guards.ledger_moved(
                    anchor.environment, branch_head=head, anchor_head=anchor.ledger_head
                ) from None
            except (Unavailable, Forbidden, NotFound) as error:
                self._tell_waiting(anchor, error)
                return anchor
            anchor = self.write_anchor(anchor, partial(_published, entry=entry, revision=revision))
        return anchor

    def find_other_head(self, anchor: Anchor, repo: Repo) -> str | None:
        """The branch's head where it is not what the anchor says (empty: the branch is gone): somebody else wrote it. None where
        both agree, or the branch cannot be read now."""
        try:
            head = self.repos.head(repo, ledger.BRANCH) or ""
        except (Unavailable, Forbidden, NotFound):
            return None
        return head if head != anchor.ledger_head else None

    def _append(self, anchor: Anchor, repo: Repo, pending: PendingEntry) -> Revision:
        entry = ledger.unpack(pending)
        parent = Revision(anchor.ledger_head) if anchor.ledger_head else None
        base = self.repos.read(repo, parent) if parent else Tree()
        draft = Draft(ledger.tree_of(entry, base), entry.message, entry.author, entry.at)
        return self.repos.append(repo, ledger.BRANCH, parent=parent, draft=draft)

    def _tell_waiting(self, anchor: Anchor, error: JxError) -> None:
        count = sum(not ledger.is_proof(one) for one in anchor.pending)
        if not count:
            return  # that a state was proven is nobody's affair but the controllers'
        waiting = f"{count} ledger {'entry waits' if count == 1 else 'entries wait'} in the cluster"
        if isinstance(error, Forbidden):
            # As it should be: only the applier of the platform may push ledgers, and it does as soon as it runs.
            self.reporter.tell(
                Event(f"{waiting} until the controllers publish {'it' if count == 1 else 'them'}")
            )
            return
        self.reporter.tell(Event(f"{waiting}: {error.message}", Level.WARNING))


def _published(anchor: Anchor, *, entry: PendingEntry, revision: Revision) -> Anchor:
    rest = tuple(one for one in anchor.pending if one.name != entry.name)
    if len(rest) == len(anchor.pending):
        return anchor  # somebody else has published it, too, and perhaps more since
    return replace(anchor, pending=rest, ledger_head=revision)
