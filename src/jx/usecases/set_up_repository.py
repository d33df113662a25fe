"""Set up the repository of an environment on its forge: the repository, who may do what there, its webhook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jx.domain.changes.changes import GUARDS
from jx.domain.environments.environments import Environment
from jx.domain.errors import Forbidden, NotFound
from jx.domain.events import Event, Level
from jx.domain.names import Person, Repo
from jx.domain.platforms.platform import Platform
from jx.ports.credentials import Credentials
from jx.ports.forge import Ability, ForgeAdmin, Protection, Webhook
from jx.ports.reporter import Reporter

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


def find_rights(credentials: Credentials, namespace: str, owner: Person, webhook_url: str) -> Rights:
    """The rights on the repositories of the platform in a namespace; NotFound where its pods have no account of their own."""
    bot = credentials.ensure(namespace, GIT_SECRET, {}, keep=True).get("username", "")
    hmac = credentials.ensure(namespace, WEBHOOK_SECRET, {}, keep=True).get("hmac", "")
    if not bot or not hmac:
        raise NotFound(
            f"the platform has no account in namespace {namespace} (Secrets {GIT_SECRET}, {WEBHOOK_SECRET})",
            hint="jx install repairs it",
        )
    return Rights(owner, bot, webhook_url, hmac)


@dataclass(frozen=True, slots=True)
class RenewRules:
    """Brings the rules of every environment's repository to what this version of jx asks for. Repeatable."""

    forge: ForgeAdmin
    find_owner: Callable[[], Person]
    credentials: Credentials
    webhook_url: str
    reporter: Reporter

    def __call__(self, platform: Platform) -> None:
        """Tells what had to be changed, and which rules could not be: those are a matter of who owns the repository."""
        set_up = SetUpRepository(self.forge)
        if not set_up.is_possible:
            return
        owner, namespace = self.find_owner(), platform.dev.namespace
        try:
            rights = find_rights(self.credentials, namespace, owner, self.webhook_url)
        except (Forbidden, NotFound) as error:
            words = f"the rules of the repositories stay as they are: {error.message}"
            self.reporter.tell(Event(words, Level.WARNING))
            return
        for environment in platform.environments:
            if environment.repo is None:
                continue
            try:
                for what in set_up.let_in(environment, rights):
                    self.reporter.tell(Event(f"Renewed {what}"))
            except (Forbidden, NotFound) as error:
                words = f"the rules of {environment.repo.full_name} stay as they are: {error.message}"
                self.reporter.tell(Event(words, Level.WARNING))


def _repo(environment: Environment) -> Repo:
    assert environment.repo is not None
    return environment.repo
