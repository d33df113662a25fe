"""Log git in: what the first step of a release does, so that the steps after it can push."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.errors import Usage
from jx.domain.events import Event
from jx.ports.git_logins import GitLogins
from jx.ports.reporter import Reporter

USER, TOKEN = "JX_GIT_USER", "JX_GIT_TOKEN"
"""The variables that hold a run's login."""


@dataclass(frozen=True, slots=True)
class LogGitIn:
    """Writes no token: git is told from which variables to take it."""

    logins: GitLogins
    reporter: Reporter

    def __call__(self, url: str, *, user: str, has_token: bool) -> None:
        """Set git up for the server of the login that is there; where there is none, git stays as it is."""
        if not has_token:
            self.reporter.tell(
                Event(f"there is no login here ({USER}, {TOKEN}); git goes by its own settings")
            )
            return
        if "://" not in url or url.startswith("://"):
            raise Usage("nothing says which git server the login is for", hint="set JX_GIT_URL")
        self.logins.use_variables(url, user=USER, token=TOKEN)
        self.reporter.tell(Event(f"git logs in to {url} as {user or 'the user of the token'}"))
