"""Platforms: embedded platforms on this machine, and the world that each one lives in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Part:
    """One server of the world: its name, whether it answers, where, and its process (0 when it does not run)."""

    name: str
    is_up: bool
    address: str
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Platform:
    """An embedded platform: where it is kept and how to speak to it. Holds no secrets."""

    name: str
    folder: Path
    owner: str
    """The login of the forge's user who made it, and the default one to act as."""
    forge_url: str
    kubernetes_url: str
    ingress_url: str
    kubeconfig: Path
    vault_url: str = ""
    """The world's secret store; empty in a platform that was made before there was one and not started since."""
    dev_repo_url: str = ""
    """Empty until something was installed."""
    prefix: str = ""
    parts: tuple[Part, ...] = field(default=())

    @property
    def is_up(self) -> bool:
        """Whether every server of the world answers."""
        return bool(self.parts) and all(part.is_up for part in self.parts)

    @property
    def version_stream_url(self) -> str:
        """The world's version stream: which versions go together."""
        return f"{self.forge_url}/jenkins-x/jenkins-x-versions.git"

    @property
    def chart_repository(self) -> str:
        """The world's chart repository."""
        return f"{self.forge_url}/charts"


class Platforms(Protocol):
    """Embedded platforms by name. Calls may raise NotFound (no such platform) and Failed (a server did not come up; its last
    words are in the message)."""

    def start(self, name: str, *, audit: bool | None = None) -> Platform:
        """The platform, made where it was not there, and its world running. Repeatable; a running world is left alone.
        `audit` says whether all that is asked of its Kubernetes API is written down from now on; where that was otherwise, the
        API starts anew. Refused where one of its ports is taken by another program."""
        ...

    def stop(self, name: str) -> bool:
        """Stop its world; False where nothing ran. Nothing is lost."""
        ...

    def find(self, name: str) -> Platform | None:
        """The platform as it is now, or None."""
        ...

    def list_names(self) -> tuple[str, ...]:
        """All platforms of this machine, sorted."""
        ...

    def remember(self, name: str, *, dev_repo_url: str, prefix: str) -> None:
        """Note what was installed."""
        ...

    def remove(self, name: str) -> None:
        """Stop it and delete all that it holds."""
        ...

    def logs(self, name: str, *, part: str = "", follow: bool = False, lines: int = 100) -> Iterator[str]:
        """Lines of the world's servers (all, or one)."""
        ...


class Users(Protocol):
    """Users of the embedded forge."""

    def add(self, login: str, *, name: str = "", email: str = "") -> bool:
        """Make a user and keep a token of theirs where only this machine's user can read it; False where there was one."""
        ...

    def list_logins(self) -> tuple[str, ...]:
        """All users, sorted."""
        ...

    def token(self, login: str) -> str:
        """The kept token of a user; NotFound names the users there are."""
        ...


@dataclass(frozen=True, slots=True)
class Saved:
    """What a backup holds, and what a restore did with it."""

    name: str
    """Of the platform, or the address of its cluster."""
    files: int
    """How many files, or objects of a cluster; of a restore those that are as they were saved now."""
    has_keys: bool
    """Whether the key (of a cluster: the values) of its secret store is in it."""
    missing_key: str = ""
    """Of a restore: where the key of the secret store has to be put before the platform can start; empty where it has started."""
    kept: int = 0
    """Of a restore: objects that are there, are not as they were saved, and were left as they are."""
    waiting: int = 0
    """Of a restore: objects of a kind that the cluster does not have yet."""


class Backups(Protocol):
    """Platforms as files. Calls raise NotFound, Refused, Usage (a file of another kind of platform), Invalid (a damaged file) and
    Forbidden (another passphrase)."""

    def save(self, name: str, file: Path, *, passphrase: str, with_keys: bool) -> Saved:
        """Save a platform. The file is whole or not there. Of an embedded platform it is all of it at one moment: its world
        stands still meanwhile, and there is no file without a passphrase. Of a cluster it is what no repository has; without a
        passphrase, nothing that is secret."""
        ...

    def restore(self, file: Path, *, passphrase: str, force: bool) -> Saved:
        """Bring a platform back; an embedded one is started. The file is checked before anything is written. Refused where there
        is an embedded platform of that name, which `force` overwrites. On a cluster what is missing is written, and what is
        there and differs stays, unless `force` is given: repeatable."""
        ...
