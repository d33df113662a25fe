"""Find a state of an environment in its ledger: in the clone, in what waits in the anchor, or on the git server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jx.domain.applying.applying import Anchor, Source
from jx.domain.environments import guards
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.errors import Forbidden, NotFound, Unavailable
from jx.domain.layouts import umbrella
from jx.domain.ledger import ledger, ledger_states, recalls
from jx.domain.ledger.ledger_states import State
from jx.domain.ledger.recalls import Recall
from jx.domain.names import EnvironmentName, Person, Repo, Revision, parse_revision
from jx.domain.trees import Tree
from jx.ports.clones import Clones
from jx.ports.repos import Commit, Repos

_DEEPEST = 1000


@dataclass(frozen=True, slots=True)
class StateRequest:
    """Which state, and the clone that a person stands in."""

    folder: str
    environment: EnvironmentName
    tree: Tree
    """Of the clone, where the state's own files are not to be had."""
    repo: Repo | None
    word: str = ""
    person: Person = Person("unknown")
    """Who goes back."""
    trusts_branch: bool = False
    """Whether the branch may be another than the cluster remembers."""


@dataclass(frozen=True, slots=True)
class FoundState:
    """A state, and the files that made it; those of the clone where these are not at hand."""

    state: State
    recall: Recall
    source: Source
    tree: Tree
    spec: EnvironmentSpec
    undone: Revision | None = None
    """The commit that was applied last of those that are not this state."""


@dataclass(frozen=True, slots=True)
class FindState:
    """Asks the git server only for what the clone has not. What the cluster does not vouch for is refused."""

    clones: Clones
    repos: Repos

    def __call__(self, request: StateRequest, anchor: Anchor | None) -> FoundState:
        """The state. NotFound lists those that there are; LedgerMoved where nothing tells whether the ledger at hand is the
        cluster's own."""
        book = self._open(request, anchor)
        verified = anchor.verified.plan_digest if anchor and anchor.verified else ""
        state = ledger_states.choose(tuple(book.states), request.word, verified=verified)
        revision = state.trailer("Jx-Source-Commit")
        source = Source(
            repo=request.repo,
            revision=parse_revision(revision) if revision else None,
            tree_digest=state.trailer("Jx-Source-Tree"),
            author=request.person,
            subject=f"Go back to: {state.subject}",
        )
        tree = self._sources(request, source)
        spec = umbrella.read(tree, name=request.environment)
        recall = Recall(
            objects=recalls.read_objects(book.read(state.name)),
            name=f"state {state}",
            charts=recalls.pins_of(state.trailers),
        )
        others = (one for one in book.states if one.is_apply)
        last = next((one for one in others if one.trailer("Jx-Source-Tree") != source.tree_digest), None)
        undone = last.trailer("Jx-Source-Commit") if last else ""
        return FoundState(state, recall, source, tree, spec, parse_revision(undone) if undone else None)

    def _sources(self, request: StateRequest, source: Source) -> Tree:
        if source.revision is None:
            return request.tree
        try:
            return self.clones.read(request.folder, source.revision)
        except NotFound:
            pass
        try:
            return self.repos.read(request.repo, source.revision) if request.repo else request.tree
        except (Unavailable, Forbidden, NotFound):
            return request.tree

    def _open(self, request: StateRequest, anchor: Anchor | None) -> _Book:
        head = Revision(anchor.ledger_head) if anchor and anchor.ledger_head else None
        if head is None and anchor and anchor.pending:
            return _with_pending(_Book([], lambda _: Tree()), anchor, Tree())
        if head is not None:
            book = self._in_clone(request, head) or self._on_server(request, head)
            if book is not None:
                assert anchor
                return _with_pending(book, anchor, book.read(head)) if anchor.pending else book
        there = self.clones.find(request.folder, ledger.BRANCH)
        if there is None:
            raise NotFound(
                f"the clone in {request.folder} has no branch {ledger.BRANCH}",
                hint=f"git fetch origin {ledger.BRANCH}:refs/remotes/origin/{ledger.BRANCH}",
            )
        if not request.trusts_branch:
            raise guards.ledger_moved(
                request.environment, branch_head=there, anchor_head=anchor.ledger_head if anchor else ""
            )
        book = self._in_clone(request, there)
        assert book is not None
        return book

    def _in_clone(self, request: StateRequest, head: Revision) -> _Book | None:
        try:
            commits = self.clones.log(request.folder, head, limit=_DEEPEST)
        except NotFound:
            return None
        return _Book(_states(commits), lambda name: self.clones.read(request.folder, Revision(name)))

    def _on_server(self, request: StateRequest, head: Revision) -> _Book | None:
        repo = request.repo
        if repo is None:
            return None
        try:
            commits = self.repos.log(repo, head, limit=_DEEPEST)
        except (Unavailable, Forbidden, NotFound):
            return None
        return _Book(_states(commits), lambda name: self.repos.read(repo, Revision(name)))


@dataclass(frozen=True, slots=True)
class _Book:
    """States, newest first, and how the files of one are read."""

    states: list[State]
    read: Callable[[str], Tree]


def _states(commits: tuple[Commit, ...]) -> list[State]:
    return [State(one.revision, one.message, one.committed) for one in commits]


def _with_pending(book: _Book, anchor: Anchor, base: Tree) -> _Book:
    """With the entries that were not published yet on top."""
    trees: dict[str, Tree] = {}
    states = list(book.states)
    for pending in anchor.pending:
        entry = ledger.unpack(pending)
        base = trees[pending.name] = ledger.tree_of(entry, base)
        states.insert(0, State(pending.name, entry.message, entry.at))
    return _Book(states, lambda name: trees[name] if name in trees else book.read(name))
