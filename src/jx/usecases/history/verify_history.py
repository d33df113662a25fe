"""Verify history: whether ledgers are what was applied, and which of their claims can be proven. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from jx.domain.applying.applying import Anchor
from jx.domain.changes.changes import PullRequest
from jx.domain.errors import JxError, NotFound
from jx.domain.history import history, history_proofs
from jx.domain.history.history import HistoryEntry
from jx.domain.history.history_proofs import Evidence, Finding, Heads, Link, Standing
from jx.domain.ledger import ledger
from jx.domain.names import EnvironmentName, Repo, Revision
from jx.ports.anchor import Anchors
from jx.ports.forge import Ability, Forge
from jx.ports.histories import Histories, Proofs
from jx.ports.repos import Commit
from jx.usecases.history.show_history import Place

_ALL = 1_000_000
_AT_ONCE = 8
"""Pull requests that are asked about at a time."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found of one environment's ledger."""

    environment: EnvironmentName
    head: Revision
    findings: tuple[Finding, ...]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is broken. What cannot be proven is not broken."""
        return all(one.standing is not Standing.BROKEN for one in self.findings)


@dataclass(frozen=True, slots=True)
class VerifyHistory:
    """`anchors` and `forge` are None where neither is to be asked: then what they would prove is said to be unproven."""

    histories: Histories
    proofs: Proofs
    anchors: Anchors | None = None
    forge: Forge | None = None

    def __call__(self, place: Place) -> Proof:
        """The proof. NotFound where there is no ledger, and the cluster knows of none either."""
        head = self.histories.head(place.repo, ledger.BRANCH)
        anchor, why = self._find_anchor(place.environment)
        if head is None:
            if anchor is None or not anchor.ledger_head:
                raise NotFound(
                    f"there is no ledger of {place.environment}: nothing was applied yet, or it was not fetched",
                    hint="git fetch origin jx-ledger",
                )
            heads = Heads(
                Revision(""),
                Revision(anchor.ledger_head),
                branch_holds_anchor=False,
                anchor_holds_branch=True,
            )
            return Proof(place.environment, Revision(""), (history_proofs.judge_heads(heads),))
        damage = self.proofs.find_damage(place.repo, head)
        if damage:
            return Proof(place.environment, head, tuple(Finding(Standing.BROKEN, words) for words in damage))
        return Proof(place.environment, head, tuple(self._look(place, head, anchor, why)))

    def _look(self, place: Place, head: Revision, anchor: Anchor | None, why: str) -> Iterator[Finding]:
        commits = self.histories.log(place.repo, head, limit=_ALL)
        entries = tuple(_entry(place.environment, one) for one in commits)
        links = (Link(entry, one.parents) for entry, one in zip(entries, commits, strict=True))
        yield from history_proofs.judge_chain(place.environment, links)
        if anchor is None:
            words = f"that nobody wrote it anew as a whole: {why}"
            yield Finding(Standing.UNPROVEN, words)
        else:
            yield history_proofs.judge_heads(self._heads(place.repo, head, anchor))
            if head == anchor.ledger_head and not anchor.pending:
                newest = next((one for one in entries if one.is_apply), None)
                paths = frozenset(self.histories.read(place.repo, head))
                yield from history_proofs.judge_inventory(anchor, paths, newest)
        for entry, evidence in self._evidence(place, entries):
            yield from history_proofs.judge_entry(entry, evidence)

    def _find_anchor(self, environment: EnvironmentName) -> tuple[Anchor | None, str]:
        if self.anchors is None:
            return None, "no cluster is asked"
        try:
            found = self.anchors.find(environment)
        except JxError as error:
            return None, error.message
        return found, "" if found else "this cluster has never seen the environment"

    def _heads(self, repo: Repo, head: Revision, anchor: Anchor) -> Heads:
        named = Revision(anchor.ledger_head)
        try:
            has_named = bool(named) and bool(self.histories.log(repo, named, limit=1))
        except JxError:
            has_named = False
        after = self.proofs.contains(repo, head, ancestor=named) if has_named else not named
        before = self.proofs.contains(repo, named, ancestor=head) if has_named else None
        return Heads(head, named, branch_holds_anchor=after, anchor_holds_branch=before)

    def _evidence(
        self, place: Place, entries: tuple[HistoryEntry, ...]
    ) -> Iterator[tuple[HistoryEntry, Evidence]]:
        """What the repository and the forge say of each entry."""
        named = (Revision(one.first("Jx-Source-Commit")) for one in entries)
        sources = tuple(dict.fromkeys(one for one in named if one))
        head = self._branch_head(place)
        on_branch = self._list_branch(place, head)
        digests = self.proofs.digests(place.repo, sources) if head else {}
        known = tuple(one for one in sources if one in digests)
        signed = dict(zip(known, self.proofs.signatures(place.repo, known), strict=True))
        pulls = _Pulls(self.forge, place.repo, (one.first("Jx-Pull-Request") for one in entries))
        for entry in entries:
            source = Revision(entry.first("Jx-Source-Commit"))
            signature = signed.get(source)
            yield (
                entry,
                Evidence(
                    tree_digest=digests.get(source, "") if head else None,
                    is_on_branch=source in on_branch if head else None,
                    pull=pulls.find(entry.first("Jx-Pull-Request")),
                    has_forge=pulls.can_tell,
                    signature=signature.state if signature else "none",
                    signer=signature.signer if signature else "",
                ),
            )

    def _branch_head(self, place: Place) -> Revision | None:
        try:
            return self.histories.head(place.repo, place.branch)
        except JxError:
            return None

    def _list_branch(self, place: Place, head: Revision | None) -> frozenset[Revision]:
        log = self.histories.log(place.repo, head, limit=_ALL) if head else ()
        return frozenset(commit.revision for commit in log)


class _Pulls:
    """Pull requests as the forge has them, each asked about once, several at a time; nothing is known where it could not be
    reached."""

    def __init__(self, forge: Forge | None, repo: Repo, urls: Iterable[str]) -> None:
        self._forge = forge if forge and Ability.PULLS in forge.abilities else None
        self._repo = repo
        self._known: dict[str, PullRequest | None] = {}
        wanted = sorted({url for url in urls if _number_of(url)})
        if self._forge is None or not wanted:
            return
        try:
            self._known = self._ask(self._forge, wanted)
        except JxError:
            self._forge = None

    def _ask(self, forge: Forge, urls: list[str]) -> dict[str, PullRequest | None]:
        def observe(url: str) -> PullRequest | None:
            try:
                return forge.observe(self._repo, _number_of(url))
            except NotFound:
                return None

        first, *others = urls
        known = {first: observe(first)}  # a forge that is down is waited for once
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pulls") as pool:
            return known | dict(zip(others, pool.map(observe, others), strict=True))

    @property
    def can_tell(self) -> bool:
        """Whether the forge answers."""
        return self._forge is not None

    def find(self, url: str) -> PullRequest | None:
        """The pull request of a URL; None where there is none, or nobody can tell."""
        return self._known.get(url) if self._forge else None


def _number_of(url: str) -> int:
    """The number of a pull request; 0 where it is none."""
    number = url.rpartition("/")[2]
    return int(number) if number.isdigit() else 0


def _entry(environment: EnvironmentName, commit: Commit) -> HistoryEntry:
    return history.read_entry(
        environment, (commit.revision, commit.author, commit.committed, commit.message), ()
    )
