"""A live embedded forge for tests: a real daemon on a port of its own, with users who know their tokens."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jx.adapters.git.repos import GitRepos
from jx.adapters.local.forge.client import Administration, LocalForge
from jx.domain.names import Repo
from jx.domain.trees import Blob, Tree

PEOPLE = {"ann": "Ann Lee", "bob": "Bob Ray", "eve": "Eve Dor"}
TREE = Tree({"env/Chart.yaml": Blob(b"name: env\n"), "README.md": Blob(b"hello\n")})


@dataclass
class Daemon:
    """A running forge. `kill` and `start` again keep folder and port."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin(self) -> Administration:
        return Administration(self.url, self.admin_token)

    @property
    def admin_token(self) -> str:
        return (self.folder / "admin.token").read_text().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=20)

    def start(self) -> None:
        self.process = _launch(self.folder, self.port)


@dataclass(frozen=True)
class Users:
    """A forge with three users."""

    daemon: Daemon
    tokens: Mapping[str, str]

    def forge(self, login: str) -> LocalForge:
        return LocalForge(self.daemon.url, self.tokens[login])

    def repos(self, login: str, cache: Path) -> GitRepos:
        return GitRepos(cache, logins=lambda url: (login, self.tokens[login]))


@contextmanager
def running_forge(folder: Path) -> Iterator[Daemon]:
    port = _free_port()
    daemon = Daemon(folder, port, _launch(folder, port))
    try:
        yield daemon
    finally:
        if daemon.process.poll() is None:
            daemon.stop()


@contextmanager
def forge_with_users(folder: Path) -> Iterator[Users]:
    with running_forge(folder) as daemon:
        admin = daemon.admin
        tokens = {
            login: admin.create_user(login, name, f"{login}@example.com") for login, name in PEOPLE.items()
        }
        yield Users(daemon, tokens)


def git(*arguments: str, cwd: Path, login: tuple[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The git of a person; the login comes from a credential helper, as with jx."""
    helper = '!f() { test "$1" = get && echo "username=$FORGE_USER" && echo "password=$FORGE_TOKEN"; }; f'
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ann Lee",
        "GIT_AUTHOR_EMAIL": "ann@example.com",
        "GIT_COMMITTER_NAME": "Ann Lee",
        "GIT_COMMITTER_EMAIL": "ann@example.com",
    }
    settings: list[str] = []
    if login:
        environment |= {"FORGE_USER": login[0], "FORGE_TOKEN": login[1]}
        settings = ["-c", "credential.helper=", "-c", f"credential.helper={helper}"]
    command = ["git", *settings, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def make_repo(users: Users, owner: str, name: str) -> Repo:
    """A repository of ann's, with bob as a writer."""
    repo, _ = users.forge("ann").ensure_repo(owner, name)
    users.forge("ann").ensure_collaborator(repo, "bob", right="write")
    return repo


def _launch(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jx.adapters.local.forge", "--dir", str(folder), "--port", str(port)]
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    log = folder.parent / f"{folder.name}.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    deadline = time.monotonic() + 30
    ended = os.pidfd_open(process.pid)
    try:
        while not ready.exists():
            if select.select([ended], [], [], 0.02)[0] or time.monotonic() > deadline:
                process.send_signal(signal.SIGKILL)
                raise AssertionError(f"the forge did not start:\n{log.read_text()}")
    finally:
        os.close(ended)
    return process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
