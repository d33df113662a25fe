"""ports.forge for git servers that are git and nothing else: a folder, ssh, or a forge whose API jx does not speak.

It knows who the user is. Whatever needs more than git it declares as beyond it, and asking is Refused with what to do instead.
"""

from __future__ import annotations

from typing import NoReturn

from jx.adapters.git.process import Git
from jx.domain.changes.changes import Check, PullRequest, PullState
from jx.domain.errors import JxError, Refused
from jx.domain.names import Person, Repo, Revision
from jx.ports.forge import Ability, MergeRequest, Offer, Protection, Webhook


class PlainForge:
    """ports.forge.Forge, ForgeReviews and ForgeAdmin where there is no forge."""

    abilities: frozenset[Ability] = frozenset()

    def __init__(self, login: str) -> None:
        """`login` is who acts: git has no users of its own to prove it."""
        self._login = login
        self._git = Git()

    def whoami(self) -> Person:
        try:
            ident = self._git.text("var", "GIT_AUTHOR_IDENT")
        except JxError:  # git was told no name and can guess none
            return Person(self._login, "", self._login)
        name, _, rest = ident.partition(" <")
        return Person(name or self._login, rest.partition(">")[0], self._login)

    def propose(self, repo: Repo, offer: Offer) -> PullRequest:
        _refuse(
            f"{repo.url} is plain git: there are no pull requests to open",
            f"change the files in a clone and push them to {offer.base}, or merge a branch there by `git merge --no-ff`",
        )

    def observe(self, repo: Repo, number: int) -> PullRequest:
        _refuse(f"{repo.url} is plain git: it has no pull request #{number}", _LOOK)

    def list_pulls(self, repo: Repo, *, state: PullState | None = PullState.OPEN) -> tuple[PullRequest, ...]:
        _refuse(f"{repo.url} is plain git: it has no pull requests", _LOOK)

    def set_status(self, repo: Repo, revision: Revision, check: Check) -> None:
        _refuse(f"{repo.url} is plain git: commits have no statuses", "`jx get activities` tells the same")

    def comment(self, repo: Repo, number: int, body: str, *, key: str = "") -> None:
        _refuse(f"{repo.url} is plain git: there is nothing to comment on", _LOOK)

    def approve(self, repo: Repo, number: int, *, revision: Revision, body: str = "") -> None:
        _refuse(f"{repo.url} is plain git: there is nothing to approve", _LOOK)

    def merge(self, repo: Repo, request: MergeRequest) -> Revision:
        _refuse(
            f"{repo.url} is plain git: it has no pull request #{request.number}",
            "merge by `git merge --no-ff`",
        )

    def close(self, repo: Repo, number: int) -> None:
        _refuse(f"{repo.url} is plain git: it has no pull request #{number}", "delete the branch instead")

    def ensure_repo(
        self, owner: str, name: str, *, private: bool = True, description: str = ""
    ) -> tuple[Repo, bool]:
        _refuse(
            f"plain git cannot make repository {owner}/{name}",
            "make it on the git server, empty: `git init --bare`, or whatever the server has for that",
        )

    def ensure_webhook(self, repo: Repo, hook: Webhook, *, secret: str) -> bool:
        _refuse(
            f"{repo.url} is plain git: it sends no events",
            "the controllers look at it every few seconds anyway",
        )

    def list_webhooks(self, repo: Repo) -> tuple[Webhook, ...]:
        return ()

    def ensure_protection(self, repo: Repo, protection: Protection) -> bool:
        _refuse(
            f"{repo.url} is plain git: it cannot protect branch {protection.branch}",
            "set who may push there on the git server",
        )

    def ensure_collaborator(self, repo: Repo, login: str, *, right: str) -> bool:
        _refuse(f"{repo.url} is plain git: it knows no users", "give the right on the git server")

    def delete_repo(self, repo: Repo) -> bool:
        _refuse(f"plain git cannot delete {repo.url}", "delete it on the git server")


_LOOK = "`git log` and `git diff` show what is on its branches; `jx diff` what an apply would change"


def _refuse(message: str, hint: str) -> NoReturn:
    raise Refused(message, hint=hint)
