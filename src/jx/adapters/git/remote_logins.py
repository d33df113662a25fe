"""Remote logins: who to be at git servers that are not the platform's own, as dev's `jx-requirements.yml` names logins.

Dev's own repository is reached without them, since it is what names them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from jx.domain.charts.logins import Credential, Login, find_login
from jx.domain.errors import JxError
from jx.domain.layouts import umbrella
from jx.domain.names import DEV, Repo
from jx.domain.secrets.secret_policy import policy_of
from jx.ports.repos import Repos

_FOR_SECONDS: Final = 60.0
"""How long what dev says is taken to hold; passwords are read again as often."""
_BRANCH: Final = "master"


class RemoteLogins:
    """From a URL to user name and password, kept in memory for a while. Thread-safe."""

    def __init__(
        self,
        repos: Callable[[], Repos],
        dev: Callable[[], Repo],
        open_login: Callable[[Login], Credential],
    ) -> None:
        self._repos, self._dev, self._open = repos, dev, open_login
        self._lock = threading.RLock()
        self._read_at = float("-inf")
        self._logins: tuple[Login, ...] = ()
        self._opened: dict[Login, Credential] = {}
        self._is_reading = False

    def __call__(self, url: str) -> tuple[str, str] | None:
        """None where none is named. Raises as the store does that has one."""
        if not url.startswith(("https://", "http://")):
            return None
        with self._lock:
            if self._is_reading:
                return None
            self._refresh()
            login = find_login(self._logins, url)
            if login is None:
                return None
            if login not in self._opened:
                self._opened[login] = self._open(login)
            found = self._opened[login]
            return found.username, found.password

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._read_at < _FOR_SECONDS:
            return
        self._is_reading = True
        try:
            self._logins, self._opened = self._read(), {}
        finally:
            self._is_reading = False
        self._read_at = now

    def _read(self) -> tuple[Login, ...]:
        """Those that dev may refer to; none where it cannot be read, as whoever reads it is told."""
        try:
            dev = self._dev()
            head = self._repos().head(dev, _BRANCH)
            spec = umbrella.read(self._repos().read(dev, head)) if head else None
        except JxError:
            return ()
        if spec is None:
            return ()
        reach = policy_of(spec.requirements, DEV).reach
        return tuple(one for one in spec.requirements.logins if reach.covers(one.secret.path))
