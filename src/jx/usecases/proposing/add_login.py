"""Add a login for a chart repository or a git server: into the store, and by pull request where it is kept into git."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import PullRequest
from jx.domain.charts import logins
from jx.domain.environments.edits import PutLogin
from jx.domain.names import DEV
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.proposing.keep_login import KeepLogin, NewLogin


@dataclass(frozen=True, slots=True)
class AddLoginRequest:
    """For which server, for which environment."""

    platform: PlatformAt
    url: str
    given: NewLogin
    environment: str = DEV


@dataclass(frozen=True, slots=True)
class AddLogin:
    """A second call with another password changes the store alone."""

    propose_change: ProposeChange
    keep_login: KeepLogin

    def __call__(self, request: AddLoginRequest) -> PullRequest | None:
        """The pull request; None where git says so already. Raises as KeepLogin and ProposeChange do."""
        url = logins.parse_url(request.url)
        target = self.propose_change.target(request.platform, request.environment)
        self.propose_change.require_pulls(target)
        login = self.keep_login(target.environment.name, url, request.given)
        return self.propose_change(target, PutLogin(login))
