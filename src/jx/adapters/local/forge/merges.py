"""Merging a pull request: by the branch's rules, git's three-way merge, and compare-and-swap."""

from __future__ import annotations

from dataclasses import dataclass

from jx.adapters.local.forge import rules
from jx.adapters.local.forge.following import Following
from jx.adapters.local.forge.git import NewCommit
from jx.adapters.local.forge.protection import Protections
from jx.adapters.local.forge.pulls import Pulls
from jx.adapters.local.forge.repositories import Repositories, Repository
from jx.adapters.local.forge.store import Store
from jx.adapters.local.forge.users import User
from jx.domain.changes import PullRequest, PullState
from jx.domain.errors import Failed, Invalid, Problem, Refused, Stale
from jx.domain.names import Revision
from jx.ports.forge import MergeRequest

METHODS = ("merge", "squash")


@dataclass(frozen=True, slots=True)
class Merges:
    """Merges pull requests."""

    store: Store
    repositories: Repositories
    protections: Protections
    pulls: Pulls
    following: Following

    def merge(self, repo: Repository, user: User, request: MergeRequest) -> Revision:
        """The merge commit; of a merged pull request the one that there is. Refused with everything that is missing."""
        if request.method not in METHODS:
            raise Invalid(
                f"{request.method!r} is not a way to merge", Problem("method", f"one of {', '.join(METHODS)}")
            )
        with self.repositories.locked(repo):
            self.following.follow(repo, user.person)
            pull = self.pulls.view(repo, request.number)
            if pull.state is PullState.MERGED and pull.merged_as is not None:
                return pull.merged_as
            self._check(pull, request)
            base = repo.git.require(pull.base_branch)
            revision = self._commit(repo, user, pull, base=base, method=request.method)
            self._note(repo, pull, revision, user)
            repo.git.move(pull.base_branch, old=base, new=revision)
            self.following.follow(repo, user.person)
            return self._settled(repo, pull)

    def _check(self, pull: PullRequest, request: MergeRequest) -> None:
        if pull.state is PullState.CLOSED:
            raise Refused(
                f"#{pull.number} of {pull.repo.full_name} is closed", hint="open a new pull request"
            )
        if request.expected is not None and request.expected != pull.head:
            raise Stale(
                f"#{pull.number} of {pull.repo.full_name} is at {pull.head[:12]} by now, not at {request.expected[:12]}",
                hint="look at what was pushed since, then merge again",
            )

    def _commit(
        self, repo: Repository, user: User, pull: PullRequest, *, base: Revision, method: str
    ) -> Revision:
        wrote = repo.git.author_email(pull.head)
        protection = self.protections.find(repo, pull.base_branch)
        missing = list(rules.list_missing(pull, protection, written_by=wrote))
        tree = ""
        try:
            tree = repo.git.merge_tree(base, pull.head)
        except Refused as error:
            missing.append(error.message)
        if missing:
            raise rules.refuse_merge(pull, missing)
        parents = (base,) if method == "squash" else (base, pull.head)
        message = rules.merge_message(pull, method=method, written_by=wrote)
        return repo.git.commit(NewCommit(tree, parents, message, author=pull.author, committer=user.person))

    def _note(self, repo: Repository, pull: PullRequest, revision: Revision, user: User) -> None:
        with self.store.transaction() as db:
            db.execute(
                "UPDATE pulls SET merging_as = ?, merging_by = ? WHERE repo = ? AND number = ?",
                (revision, user.login, repo.id, pull.number),
            )

    def _settled(self, repo: Repository, pull: PullRequest) -> Revision:
        merged_as = self.pulls.view(repo, pull.number).merged_as
        if merged_as is None:
            raise Failed(
                f"{pull.base_branch} has the merge of #{pull.number}, but the pull request does not say so"
            )
        return merged_as
