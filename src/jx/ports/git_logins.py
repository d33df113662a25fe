"""Git logins: how git, as the person or run who works here calls it, logs in to a server."""

from __future__ import annotations

from typing import Protocol


class GitLogins(Protocol):
    """The settings of git that hold for whoever works here."""

    def use_variables(self, url: str, *, user: str, token: str) -> None:
        """Have git log in to that server, and to no other, by what these two variables hold at the time. No token is written
        anywhere. Repeatable."""
        ...
