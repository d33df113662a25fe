"""Find the source of an apply: which commit, and whose change it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.applying.applying import Source
from jx.domain.changes.changes import CHECKED_ON
from jx.domain.errors import JxError
from jx.domain.ledger.trailers import list_trailers
from jx.domain.names import Person, Repo
from jx.ports.forge import Forge
from jx.ports.repos import Commit, Repos


@dataclass(frozen=True, slots=True)
class FindSource:
    """Tells the person behind a commit, where our own account opened the pull request for somebody."""

    repos: Repos
    forge: Forge

    def __call__(self, repo: Repo, commit: Commit, tree_digest: str) -> Source:
        """The source. Of what our own account proposed, the author is the person for whom it did; nobody else's claim counts:
        who opens a pull request is the forge's word."""
        source = source_of(repo, commit, tree_digest)
        if len(commit.parents) != 2 or not self._is_ours(commit.author):
            return source
        proposed = self.repos.log(repo, commit.parents[1], limit=1)[0]
        return replace(source, author=proposed.author) if "Jx-Edit" in proposed.trailers else source

    def _is_ours(self, author: Person) -> bool:
        try:
            us = self.forge.whoami()
        except JxError:  # an apply does not depend on the forge
            return False
        return (author.name, author.email) == (us.name, us.email)


def source_of(repo: Repo, commit: Commit, tree_digest: str) -> Source:
    """What is applied, from a commit and its trailers."""
    approvers = tuple(value for key, value in list_trailers(commit.message) if key == "Jx-Approved-By")
    return Source(
        repo=repo,
        revision=commit.revision,
        tree_digest=tree_digest,
        author=commit.author,
        subject=commit.subject,
        pull_request=commit.trailers.get("Jx-Pull-Request", ""),
        approvers=approvers,
        merge_note=_merge_note(commit),
    )


def _merge_note(commit: Commit) -> str:
    """Empty for what no pull request brought, and for a merge that was held to the base that its plan was made on."""
    is_merge = len(commit.parents) == 2 or "Jx-Pull-Request" in commit.trailers
    override = commit.trailers.get("Jx-Override", "")
    if override:
        return f"merged against the rules by {override}"
    if not is_merge or (commit.trailers.get(CHECKED_ON),) == commit.parents[:1]:
        return ""
    return "merged by another client than jx, which held it to no plan: it was planned anew"
