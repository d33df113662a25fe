"""Running git: one place for its environment, its credentials and its errors."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jx.domain.errors import Failed, Forbidden, JxError, NotFound, Stale, Unavailable

Login = tuple[str, str]
"""User name and token."""

Logins = Callable[[str], Login | None]
"""Who to be at a URL; None leaves it to git's own credential helpers."""


def no_logins(url: str) -> Login | None:
    """Leaves every URL to git's own credential helpers."""
    return None


_WHOLE = ("-c", "fetch.unpackLimit=1", "-c", "fastimport.unpackLimit=1")
"""Objects come in as packs, which are there as a whole or not at all. One by one, a kill leaves commits without files."""


@dataclass(frozen=True, slots=True)
class Git:
    """The git command, run without questions. Tokens reach it in its environment, never in an argument or a URL."""

    logins: Logins = no_logins
    is_owner: bool = False
    """Whether nobody but jx works in the repositories that it runs in: locks that a killed git left there are then taken away."""

    def run(
        self,
        *arguments: str,
        cwd: Path | str | None = None,
        url: str = "",
        stdin: bytes = b"",
        subject: str = "",
    ) -> bytes:
        """Its output; on failure the error of jx that it means. `url` is the remote that is spoken to."""
        command = ["git", *_WHOLE, *arguments]
        try:
            done = subprocess.run(
                command, cwd=cwd, input=stdin, capture_output=True, env=self._environment(url), check=False
            )
        except FileNotFoundError as error:
            raise Failed("git is not installed", hint="install git 2.38 or newer") from error
        if done.returncode == 0:
            return done.stdout
        if self.is_owner and _remove_dead_lock(done.stderr.decode(errors="replace")):
            return self.run(*arguments, cwd=cwd, url=url, stdin=stdin, subject=subject)
        raise translate(done.stderr.decode(errors="replace"), url=url, subject=subject or arguments[0])

    def text(self, *arguments: str, cwd: Path | str | None = None, url: str = "") -> str:
        """Its output as stripped text."""
        return self.run(*arguments, cwd=cwd, url=url).decode(errors="replace").strip()

    def _environment(self, url: str) -> Mapping[str, str]:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_")
            or name.startswith(("GIT_CONFIG_", "GIT_SSH", "GIT_AUTHOR", "GIT_COMMITTER"))
        }
        environment |= {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "file:http:https:ssh:git",
            "LC_ALL": "C",
        }
        login = self.logins(url) if url.startswith(("http://", "https://")) else None
        if login:
            # Later entries win in git, so ours come after those that the caller's environment holds.
            count = int(environment.get("GIT_CONFIG_COUNT", "0"))
            header = base64.b64encode(f"{login[0]}:{login[1]}".encode()).decode()
            environment |= {
                "GIT_CONFIG_COUNT": str(count + 2),
                f"GIT_CONFIG_KEY_{count}": f"http.{url}.extraHeader",
                f"GIT_CONFIG_VALUE_{count}": f"Authorization: Basic {header}",
                # Once redirected, git would send the header to the other host with every further request.
                f"GIT_CONFIG_KEY_{count + 1}": "http.followRedirects",
                f"GIT_CONFIG_VALUE_{count + 1}": "false",
            }
        return environment


_UNREACHABLE = re.compile(
    r"Could not resolve host|Connection refused|Failed to connect|Couldn't connect|timed out|unable to access .*50[0234]"
    r"|Recv failure|Empty reply|early EOF|Connection reset",
    re.IGNORECASE,
)
_NO_RIGHT = re.compile(
    r"Authentication failed|could not read (Username|Password)|\b40[13]\b|Permission denied", re.IGNORECASE
)
_MISSING = re.compile(
    r"repository '.*' not found|not appear to be a git repository|does not exist|\b404\b|not our ref|unknown revision",
    re.IGNORECASE,
)
_MOVED = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|already exists",
    re.IGNORECASE,
)
_REDIRECTED = re.compile(
    r"unable to update url base from redirection|returned error: 30\d|\b30[1278]\b.*redirect"
)
_REJECTED = re.compile(r"! \[remote rejected\] .*\((.*)\)")


_LOCK = re.compile(r"Unable to create '([^']+\.lock)': File exists")
_LIVES = 60
"""Seconds. Git holds the lock of a file for as long as it takes to write it."""


def _remove_dead_lock(stderr: str) -> bool:
    """Whether git stumbled over the lock of one that was killed, and it is gone now."""
    found = _LOCK.search(stderr)
    if not found:
        return False
    lock = Path(found[1])
    try:
        if time.time() - lock.stat().st_mtime < _LIVES:
            return False
        lock.unlink()
    except OSError:
        return False
    return True


def translate(stderr: str, *, url: str, subject: str) -> JxError:
    """What git's complaint means."""
    remote = url or "the repository"
    last = _last_line(stderr)
    if "No space left on device" in stderr:
        return Failed(
            f"the disk is full: git {subject}", hint="free some space and run the same command again"
        )
    if _REDIRECTED.search(stderr):
        return Failed(
            f"{remote} has moved to another address, and a token is not taken along",
            hint="name the new address where the old one is written",
        )
    rejected = _REJECTED.search(stderr)
    if _MOVED.search(stderr):
        return Stale(f"{remote} has moved: {last}")
    if rejected:
        return Forbidden(f"{remote} refused the push: {rejected[1]}", hint=_remote_words(stderr))
    if _UNREACHABLE.search(stderr):
        return Unavailable(
            f"{remote} cannot be reached: {last}", hint="check that it runs and that you are online"
        )
    if _MISSING.search(stderr):
        return NotFound(f"git finds nothing there: {remote}: {last}")
    if _NO_RIGHT.search(stderr):
        return Forbidden(f"no right at {remote}: {last}", hint="check the login that git uses for it")
    return Failed(f"git {subject} failed: {last}")


def _last_line(stderr: str) -> str:
    lines = [line for line in stderr.strip().splitlines() if line.strip() and not line.startswith("hint:")]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (fatal or lines or ["no reason given"])[0].removeprefix("fatal: ").removeprefix("error: ")


def _remote_words(stderr: str) -> str:
    words = [
        line.removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith("remote:")
    ]
    return " ".join(word for word in words if word)
