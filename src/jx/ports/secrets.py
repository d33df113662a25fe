"""Secrets: stores of secret values, read by path. Nothing of what they give enters a tree, a plan, an event or a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from jx.domain.secrets.store_readers import Reader


@dataclass(frozen=True, slots=True)
class Secret:
    """What a store holds at a path: values by key. They are no part of its text, so that it may be logged."""

    path: str
    values: Mapping[str, str] = field(repr=False)
    version: str = ""
    """What the store counts or names this state by; for compare-and-swap. Opaque."""
    changed: datetime | None = None
    """None where the store does not tell."""
    is_counted: bool = True
    """Whether that version means something to others; else the store keeps none, and it is for compare-and-swap only."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What is at a path, without its values: the keys where the store tells them without giving the values."""

    path: str
    version: str = ""
    changed: datetime | None = None


class SecretAccess(Protocol):
    """Who may log in to a store, and what has to be there for that. Raises as SecretStore does. Every call is repeatable; False
    where it was so already."""

    def check(self) -> None:
        """Unavailable where it cannot be reached, is not initialized, or is sealed; Forbidden where it does not let us in."""
        ...

    def missing_rights(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        """What this login may not do and would have to, to set all this up for these roles: paths of the store."""
        ...

    def ensure_engine(self) -> bool:
        """Let there be an engine for keys and values where secrets are kept. Invalid where something else is in its place."""
        ...

    def ensure_login(self) -> bool:
        """Let accounts of the cluster log in. A login that somebody has set up is left as it is."""
        ...

    def ensure_reader(self, reader: Reader) -> bool:
        """Let a service account log in as a role, with exactly these rights. Readers that it includes are there before."""
        ...


class SecretStore(Protocol):
    """One store. Calls raise Unavailable (down, sealed, slow), Forbidden (login refused or ended, no right to the path: verb and
    path named) and Invalid (a path that cannot be one, or that is a folder). What is wrong with one of several paths names it in
    `about`. No message ever holds a value. `purpose` tells the store what a request is for, for its own audit record
    (`apply of dev at 29259323a029`); one that has none leaves it out."""

    depth: int
    """How many parts a path has; 0 where it may have any number. A path of another form is Invalid."""

    @property
    def name(self) -> str:
        """What it is and where, for messages: `Vault at https://vault.example:8200`."""
        ...

    def check(self) -> None:
        """Raises what reads would raise now: whether it is up, unsealed, and lets us in."""
        ...

    def read(self, paths: tuple[str, ...], *, purpose: str = "") -> Mapping[str, Secret]:
        """The secrets at these paths, as far as they are there: one login in all and one request per path."""
        ...

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        """Make these be all values of a path, if its version still is the one given (empty: nothing is there yet).

        Stale where it is another. A repeated call is stale too, since the first one counted.
        """
        ...

    def list_under(self, prefix: str = "") -> tuple[Listed, ...]:
        """Everything at and below a path, in order; nothing there is an empty answer. May cost a request per folder."""
        ...

    def remove(self, path: str, *, purpose: str = "") -> bool:
        """Remove a path with all its versions; False where there was nothing."""
        ...
