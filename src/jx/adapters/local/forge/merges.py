"""Merging a pull request: by the branch's rules, git's three-way merge, and compare-and-swap."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.adapters.local.forge import rules
from jx.adapters.local.forge.following import Following
from jx.adapters.local.forge.git import NewCommit
from jx.adapters.local.forge.protection import Protections
from jx.adapters.local.forge.pulls import Pulls
from jx.adapters.local.forge.repositories import Repositories, Repository
from jx.adapters.local.forge.store import Store
from jx.adapters.local.forge.users import Level, User
from jx.domain.changes.changes import PullRequest, PullState
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
            base = repo.git.require(pull.base_branch)
            self._check(pull, request, base)
            note = self._override(repo, pull, request)
            revision = self._commit(repo, user, pull, base=base, request=replace(request, override=note))
            self._note(repo, pull, revision, user)
            repo.git.move(pull.base_branch, old=base, new=revision)
            self.following.follow(repo, user.person)
            if note:
                text = f"Merged against the rules of {pull.base_branch}: {note}"
                self.pulls.comment(repo, pull.number, user, text)
            return self._settled(repo, pull)

    def _check(self, pull: PullRequest, request: MergeRequest, base: Revision) -> None:
        if pull.state is PullState.CLOSED:
            raise Refused(
                f"#{pull.number} of {pull.repo.full_name} is closed", hint="open a new pull request"
            )
        if request.expected is not None and request.expected != pull.head:
            raise Stale(
                f"#{pull.number} of {pull.repo.full_name} is at {pull.head[:12]} by now, not at {request.expected[:12]}",
                hint="look at what was pushed since, then merge again",
            )
        if request.base is not None and request.base != base:
            raise Stale(
                f"{pull.base_branch} of {pull.repo.full_name} is at {base[:12]} by now, not at {request.base[:12]}",
                hint="have it checked on that first",
            )

    def _override(self, repo: Repository, pull: PullRequest, request: MergeRequest) -> str:
        """What is to be kept of a merge against the rules; Refused with everything that is missing where nobody may say so."""
        protection = self.protections.find(repo, pull.base_branch)
        wrote = repo.git.author_email(pull.head)
        missing = rules.list_missing(pull, protection, written_by=wrote)
        conflict = self._conflict(repo, pull)
        if conflict:
            raise rules.refuse_merge(pull, [*missing, rules.Lack(conflict)])
        rules.require(pull, missing, request, is_admin=repo.level >= Level.ADMIN)
        return rules.override_note(request, missing)

    def _conflict(self, repo: Repository, pull: PullRequest) -> str:
        try:
            repo.git.merge_tree(repo.git.require(pull.base_branch), pull.head)
        except Refused as error:
            return error.message
        return ""

    def _commit(
        self, repo: Repository, user: User, pull: PullRequest, *, base: Revision, request: MergeRequest
    ) -> Revision:
        protection = self.protections.find(repo, pull.base_branch)
        wrote = repo.git.author_email(pull.head)
        parents = (base,) if request.method == "squash" else (base, pull.head)
        message = rules.merge_message(
            pull,
            request,
            approved_by=rules.approvers(pull, protection, written_by=wrote),
            overridden=f"{user.person}: {request.override}" if request.override else "",
        )
        tree = repo.git.merge_tree(base, pull.head)
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
