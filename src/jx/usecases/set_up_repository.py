"""Set up the repository of an environment on its forge: the repository, who may do what there, its webhook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from jx.domain.changes.changes import GUARDS
from jx.domain.environments.environments import Environment
from jx.domain.names import Person, Repo
from jx.ports.forge import Ability, ForgeAdmin, Protection, Webhook

LEDGER_BRANCH = "jx-ledger"
GIT_SECRET = "jx-git"
WEBHOOK_SECRET = "jx-webhook"
"""Secrets of the platform's own pods, in its namespace."""

_EVENTS = ("push", "pull_request", "pull_request_review", "issue_comment")


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may do what: the owner may push directly in a rescue, only the bot may push ledgers and report what a merge needs."""

    owner: Person
    bot: str
    """The login of the platform's own account."""
    webhook_url: str
    hmac: str = field(repr=False)
    """Signs the webhook's events."""


@dataclass(frozen=True, slots=True)
class SetUpRepository:
    """Repeatable. Where the forge has no such things, they are the git server's own affair, and nothing is done."""

    forge: ForgeAdmin

    @property
    def is_possible(self) -> bool:
        """Whether the forge lets repositories be made and set up."""
        return Ability.REPOSITORIES in self.forge.abilities

    def make(self, environment: Environment, *, private: bool) -> Iterator[str]:
        """What had to be made, in words."""
        if not self.is_possible:
            return
        repo = _repo(environment)
        description = f"The {environment.label} environment of Jenkins X"
        _, is_new = self.forge.ensure_repo(repo.owner, repo.name, private=private, description=description)
        if is_new:
            yield f"repository {repo.full_name}"

    def let_in(self, environment: Environment, rights: Rights) -> Iterator[str]:
        """What had to be changed, in words. Who has to approve, and whether anybody has, is said by a check: the owners of files
        are more than a forge counts."""
        if not self.is_possible:
            return
        repo = _repo(environment)
        branch = Protection(
            environment.branch, required_checks=GUARDS, pushers=(rights.owner.login,), reporters=(rights.bot,)
        )
        done = [
            self.forge.ensure_collaborator(repo, rights.bot, right="write"),
            self.forge.ensure_protection(repo, branch),
            self.forge.ensure_protection(repo, Protection(LEDGER_BRANCH, pushers=(rights.bot,))),
        ]
        if any(done):
            yield f"rights on {repo.full_name}"
        if self.forge.ensure_webhook(repo, Webhook(rights.webhook_url, _EVENTS), secret=rights.hmac):
            yield f"webhook of {repo.full_name}"

    def make_plain(self, repo: Repo) -> Iterator[str]:
        """A repository for anything, private and empty. What had to be made, in words."""
        if self.is_possible and self.forge.ensure_repo(repo.owner, repo.name)[1]:
            yield f"repository {repo.full_name}"

    def connect(self, repo: Repo, rights: Rights) -> Iterator[str]:
        """Have the platform hear of a repository that is not its own, read it, and say on it how runs go. What had to be changed,
        in words."""
        if not self.is_possible:
            return
        if self.forge.ensure_collaborator(repo, rights.bot, right="write"):
            yield f"rights on {repo.full_name}"
        if self.forge.ensure_webhook(repo, Webhook(rights.webhook_url, _EVENTS), secret=rights.hmac):
            yield f"webhook of {repo.full_name}"


def _repo(environment: Environment) -> Repo:
    assert environment.repo is not None
    return environment.repo
