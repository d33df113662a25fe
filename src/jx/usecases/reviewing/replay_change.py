"""Replay a change: the edits of a pull request made anew on another base. Shared by its plan and by its merge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jx.domain.environments.edits import parse_edit
from jx.domain.errors import Invalid, NotFound
from jx.domain.layouts import umbrella
from jx.domain.names import Repo, Revision
from jx.domain.trees import Tree
from jx.ports.repos import Commit, Draft, Repos

_DEEPEST = 1000
_EDIT = "Jx-Edit"


@dataclass(frozen=True, slots=True)
class OwnCommits:
    """What a branch has and its base has not, oldest first; `fork` is where it left the base."""

    commits: tuple[Commit, ...]
    fork: Revision | None = None

    @property
    def say_edits(self) -> bool:
        """Whether each of them names the edit that it is. Anybody can write that: a claim."""
        return bool(self.commits) and all(_EDIT in one.trailers for one in self.commits)


@dataclass(frozen=True, slots=True)
class ReplayChange:
    """Reads only."""

    repos: Repos

    def find_own(self, repo: Repo, head: Revision, base: Revision) -> OwnCommits:
        """The commits of a branch that its base has not."""
        known = {commit.revision for commit in self.repos.log(repo, base, limit=_DEEPEST)}
        commits = self.repos.log(repo, head, limit=_DEEPEST)
        own = tuple(commit for commit in commits if commit.revision not in known)
        fork = next((commit.revision for commit in commits if commit.revision in known), None)
        return OwnCommits(own[::-1], fork)

    def make_anew(self, own: OwnCommits, base: Tree) -> list[Draft]:
        """The same commits on another base, without those that would change nothing there. NotFound and Invalid where one of
        their edits cannot be made there."""
        drafts: list[Draft] = []
        for commit in own.commits:
            after = umbrella.apply_edit(base, parse_edit(commit.trailers[_EDIT]))
            if after != base:
                drafts.append(Draft(after, commit.message, commit.author))
                base = after
        return drafts

    def is_honest(self, repo: Repo, own: OwnCommits) -> bool:
        """Whether the commits hold just what their edits make of the fork."""
        if own.fork is None or not own.say_edits:
            return False
        try:
            return _last(self.make_anew(own, self.repos.read(repo, own.fork))) == self.repos.read(
                repo, own.commits[-1].revision
            )
        except (Invalid, NotFound):
            return False


def _last(drafts: Iterable[Draft]) -> Tree | None:
    return next((draft.tree for draft in reversed(list(drafts))), None)
