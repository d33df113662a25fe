"""History proofs: what of a ledger is proven, what is only claimed, and what cannot be true.

A chain of hashes proves order and content up to its head; that nobody put another chain in its place, only the anchor in the
cluster proves. Names and trailers are claims of whoever wrote a commit: the forge's events and commit signatures prove them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from jx.domain.applying.applying import Anchor
from jx.domain.changes.changes import PullRequest, PullState
from jx.domain.changes.commands import Verb, list_commands
from jx.domain.history.history import HistoryEntry, Kind
from jx.domain.ledger import ledger
from jx.domain.names import Person, Revision


class Standing(StrEnum):
    """How a claim stands."""

    PROVEN = "proven"
    UNPROVEN = "cannot be proven"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim, how it stands and why; `entry` is the ledger's commit that it is about, empty for all of it."""

    standing: Standing
    words: str
    entry: Revision = Revision("")
    subject: str = ""
    about: str = ""
    """What kind of claim it is: equal ones are told together."""


@dataclass(frozen=True, slots=True)
class Link:
    """One commit of the ledger in its chain."""

    entry: HistoryEntry
    parents: tuple[Revision, ...]


@dataclass(frozen=True, slots=True)
class Heads:
    """Where the branch ends and where the cluster says that it does. `ours` and `theirs` tell whether each holds the other; None
    where the commit that the cluster names is not at hand."""

    branch: Revision
    anchor: Revision
    branch_holds_anchor: bool | None
    anchor_holds_branch: bool | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What others than the ledger say of one entry. None: nobody could be asked."""

    tree_digest: str | None = None
    """Of the files at its source commit, computed anew; empty where there is no such commit."""
    is_on_branch: bool | None = None
    pull: PullRequest | None = None
    has_forge: bool = False
    """Whether a forge was asked; then no pull request means that there is none of that number."""
    signature: str = "none"
    signer: str = ""


def judge_chain(environment: str, newest_first: Iterable[Link]) -> Iterator[Finding]:
    """Whether entries follow each other as an applier writes them."""
    links = tuple(newest_first)
    for at, link in enumerate(links):
        entry = link.entry
        if len(link.parents) > 1:
            yield _broken(entry, "it is a merge: an applier never writes one", "chain")
        if entry.first("Jx-Environment") != environment:
            said = entry.first("Jx-Environment") or "nothing"
            yield _broken(entry, f"it is of no apply of {environment}: its trailer says {said}", "chain")
        older = links[at + 1].entry if at + 1 < len(links) else None
        if older and entry.at < older.at:
            yield _unproven(entry, "its time is before that of the entry before it", "time")
    count = len(links)
    yield Finding(
        Standing.PROVEN,
        f"{count} {'entry' if count == 1 else 'entries'}, each holding the hash of all before",
    )


def judge_heads(heads: Heads) -> Finding:
    """Whether the branch is what the cluster remembers: the only proof that it was not written anew as a whole."""
    branch, anchor = heads.branch[:12] or "nothing", heads.anchor[:12] or "nothing"
    if heads.branch == heads.anchor:
        return Finding(Standing.PROVEN, f"it ends at {branch}, as the cluster remembers")
    if heads.branch_holds_anchor:
        words = f"the branch goes on to {branch} after {anchor}, where the cluster says that it ends: forged entries"
    elif heads.anchor_holds_branch:
        words = (
            f"the branch ends at {branch}, and the cluster remembers newer entries up to {anchor}: it was cut"
        )
    elif heads.anchor_holds_branch is None:
        words = (
            f"the cluster says that it ends at {anchor}, and the branch at {branch} does not hold that commit"
        )
        words += ": it was written anew, or this copy is old (git fetch origin jx-ledger)"
    else:
        words = f"the branch ends at {branch}, which the chain up to {anchor} that the cluster remembers does not hold"
        words += ": it was written anew"
    return Finding(Standing.BROKEN, words)


def judge_inventory(anchor: Anchor, paths: frozenset[str], newest: HistoryEntry | None) -> Iterator[Finding]:
    """Whether the files at the ledger's end are the objects that the cluster says were applied, from the same commit."""
    wanted = {ledger.path_of(item.ref) for item in anchor.inventory if item.sent}
    files = {path for path in paths if "/" in path}
    if wanted != files:
        lost, more = sorted(wanted - files), sorted(files - wanted)
        parts = [f"{len(lost)} that were applied are not in it ({lost[0]})"] if lost else []
        parts += [f"{len(more)} in it were not applied ({more[0]})"] if more else []
        yield Finding(Standing.UNPROVEN, f"its objects are not those of the inventory: {'; '.join(parts)}")
    applied = anchor.applied
    if newest is None or applied is None:
        return
    if newest.first("Jx-Plan-Digest") != applied.plan_digest:
        yield _broken(newest, "the cluster remembers another plan for the last apply", "anchor")


def judge_entry(entry: HistoryEntry, evidence: Evidence) -> Iterator[Finding]:
    """What is proven of one entry's claims about its source and the people behind it."""
    if not entry.is_apply:
        yield _unproven(
            entry, "who held, ended a hold or found drift is what the platform wrote down", "note"
        )
        return
    yield from _judge_source(entry, evidence)
    yield from _judge_people(entry, evidence)
    if entry.kind is Kind.BY_HAND:
        words = "who applied by hand is the account that the cluster saw, as the applier wrote it down"
        yield _unproven(entry, words, "by hand")


def _judge_source(entry: HistoryEntry, evidence: Evidence) -> Iterator[Finding]:
    digest, revision = entry.first("Jx-Source-Tree"), entry.first("Jx-Source-Commit")
    if not revision:
        yield _unproven(entry, "what was applied is no commit: a folder with changes of its own", "source")
        return
    if evidence.tree_digest is None:
        return
    if evidence.tree_digest == "":
        words = f"its source commit {revision[:12]} is not in the repository"
        yield (_unproven if entry.kind is Kind.BY_HAND else _broken)(entry, words, "source")
    elif evidence.tree_digest != digest:
        yield _broken(
            entry, f"the files of {revision[:12]} are not those that it says were applied", "source"
        )
    elif evidence.is_on_branch is False and entry.kind is not Kind.BY_HAND:
        yield _broken(entry, f"its source commit {revision[:12]} is not on the branch (any more)", "source")
    else:
        yield _proven(entry, "the files of the source commit are those that were applied", "source")


def _judge_people(entry: HistoryEntry, evidence: Evidence) -> Iterator[Finding]:
    if evidence.signature == "bad":
        yield _broken(entry, "the signature of its source commit is false", "signature")
    if entry.first("Jx-Pull-Request"):
        yield from _judge_pull(entry, evidence)
        return
    if entry.approvers:
        yield _broken(entry, "it claims an approval without a pull request", "approval")
    if evidence.signature == "good":
        yield _proven(entry, f"the author, by the signature of {evidence.signer}", "author by signature")
    elif entry.first("Jx-Source-Commit"):
        words = (
            "the author: pushed without a pull request and without a signature, so git has only their word"
        )
        yield _unproven(entry, words, "author")


def _judge_pull(entry: HistoryEntry, evidence: Evidence) -> Iterator[Finding]:
    url, pull = entry.first("Jx-Pull-Request"), evidence.pull
    if pull is None:
        if evidence.has_forge:
            yield _broken(entry, f"the forge has no such pull request: {url}", "pull request")
        else:
            yield _unproven(entry, "author and approvals: the forge could not be asked", "pull request")
        return
    source = entry.first("Jx-Source-Commit")
    if pull.state is not PullState.MERGED or pull.merged_as != source:
        became = f"became {pull.merged_as[:12]}" if pull.merged_as else f"is {pull.state}"
        yield _broken(entry, f"#{pull.number} {became}, not {source[:12]}", "pull request")
        return
    if not _is_same(pull.author, str(entry.author)):
        words = f"it says {entry.author.name}; the forge says that #{pull.number} is of {pull.author.name}"
        yield _broken(entry, words, "author")
    approved = [one.author for one in pull.reviews if one.approves and one.revision == pull.head]
    # What was taken back after the merge was given before it.
    approved += [
        one.author
        for one in list_commands(pull.comments)
        if one.verb is Verb.APPROVE and not one.takes_back and one.comment.revision == pull.head
    ]
    missing = [text for text in entry.approvers if not any(_is_same(person, text) for person in approved)]
    if missing:
        yield _broken(entry, f"the forge knows of no approval by {', '.join(missing)}", "approval")
        return
    words = "author and approvals, by the forge" if entry.approvers else "the author, by the forge"
    yield _proven(entry, words, "pull request")


def _is_same(person: Person, text: str) -> bool:
    return text in {str(person), person.name, person.login} or bool(
        person.email and text.endswith(f"<{person.email}>")
    )


def _proven(entry: HistoryEntry, words: str, about: str) -> Finding:
    return Finding(Standing.PROVEN, words, entry.revision, entry.subject, about)


def _unproven(entry: HistoryEntry, words: str, about: str) -> Finding:
    return Finding(Standing.UNPROVEN, words, entry.revision, entry.subject, about)


def _broken(entry: HistoryEntry, words: str, about: str) -> Finding:
    return Finding(Standing.BROKEN, words, entry.revision, entry.subject, about)
