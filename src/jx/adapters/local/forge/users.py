"""Who may do what: users, their tokens (kept as digests), owners of repositories, and rights on them."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from jx.adapters.local.forge.store import Row, Store
from jx.domain.errors import Forbidden, Invalid, NotFound, Problem, Refused
from jx.domain.names import Person

TOKEN_PREFIX = "jxf_"
"""Lets scanners of secrets know a token of this forge where they see one."""

_LOGIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NOT_IN_A_NAME = re.compile(r"[<>\x00-\x1f\x7f]")


class Level(IntEnum):
    """A right; each holds the lower ones."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


LEVELS = ("read", "write", "admin")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who showed a valid token."""

    login: str
    name: str
    email: str
    is_admin: bool = False

    @property
    def person(self) -> Person:
        """As the domain has it."""
        return Person(self.name, self.email, self.login)


class Users:
    """All users of this forge."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def create(self, login: str, name: str, email: str, *, is_admin: bool = False) -> str:
        """Make a user, or renew name and email of the one that is there; a new token either way, which is told only now."""
        _check_user(login, name, email)
        if self._owner_login(login):
            raise Refused(f"{login} is an owner of repositories already", hint="choose another login")
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO users (login, name, email, is_admin) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (login) DO UPDATE SET name = excluded.name, email = excluded.email",
                (login, name, email, is_admin),
            )
            db.execute(
                "INSERT INTO tokens (digest, login, created) VALUES (?, ?, ?)",
                (_digest(token), login, self._now().isoformat()),
            )
        return token

    def revoke(self, login: str) -> int:
        """Make all tokens of a user worthless; how many there were."""
        self.get(login)
        with self._store.transaction() as db:
            return db.execute("DELETE FROM tokens WHERE login = ?", (login,)).rowcount

    def authenticate(self, token: str) -> User | None:
        """Whose token it is, or None."""
        row = self._store.row(
            "SELECT users.* FROM tokens JOIN users USING (login) WHERE digest = ?", _digest(token)
        )
        return _user(row) if row else None

    def find(self, login: str) -> User | None:
        """A user by login, or None."""
        row = self._store.row("SELECT * FROM users WHERE login = ?", login)
        return _user(row) if row else None

    def get(self, login: str) -> User:
        """A user by login; NotFound."""
        user = self.find(login)
        if user is None:
            raise NotFound(f"there is no user {login!r}", hint="`jx local user add` makes one")
        return user

    def list_all(self) -> tuple[User, ...]:
        """All users by login."""
        return tuple(_user(row) for row in self._store.rows("SELECT * FROM users ORDER BY login"))

    def claim_owner(self, owner: str, user: User) -> None:
        """Let `user` make repositories of `owner`: their own name, one of theirs, or one that is free; else Forbidden."""
        if owner == user.login or (user.is_admin and self.find(owner)):
            return
        if self.find(owner):
            raise Forbidden(f"{user.login} may not make repositories of the user {owner}")
        with self._store.transaction() as db:
            db.execute("INSERT OR IGNORE INTO owners (name, login) VALUES (?, ?)", (owner, user.login))
        if not user.is_admin and self._owner_login(owner) != user.login:
            raise Forbidden(
                f"{user.login} may not make repositories of {owner}",
                hint=f"{owner} belongs to {self._owner_login(owner)}",
            )

    def level(self, user: User | None, repo: Row) -> Level:
        """The right of a user (None: nobody in particular) on a repository."""
        public = Level.NONE if repo["private"] else Level.READ
        if user is None:
            return public
        if user.is_admin or user.login in (repo["owner"], self._owner_login(repo["owner"])):
            return Level.ADMIN
        row = self._store.row("SELECT level FROM rights WHERE repo = ? AND login = ?", repo["id"], user.login)
        return max(public, Level[row["level"].upper()]) if row else public

    def grant(self, repo: Row, login: str, right: str) -> bool:
        """Set a user's right on a repository; whether that changed anything."""
        if right not in LEVELS:
            raise Invalid(f"{right!r} is not a right", Problem("right", f"one of {', '.join(LEVELS)}"))
        self.get(login)
        with self._store.transaction() as db:
            changed = db.execute(
                "INSERT INTO rights (repo, login, level) VALUES (?, ?, ?)"
                " ON CONFLICT (repo, login) DO UPDATE SET level = excluded.level WHERE level != excluded.level",
                (repo["id"], login, right),
            )
            return changed.rowcount > 0

    def _owner_login(self, owner: str) -> str:
        row = self._store.row("SELECT login FROM owners WHERE name = ?", owner)
        return row["login"] if row else ""


def _digest(token: str) -> str:
    # Tokens are 256 random bits, so that a plain hash cannot be searched.
    return hashlib.sha256(token.encode()).hexdigest()


def _user(row: Row) -> User:
    return User(row["login"], row["name"], row["email"], bool(row["is_admin"]))


def _check_user(login: str, name: str, email: str) -> None:
    problems = []
    if not _LOGIN.fullmatch(login):
        problems.append(Problem("login", "letters, digits and '-', at most 63, no '-' at either end"))
    for where, text in (("name", name), ("email", email)):
        if not text.strip() or _NOT_IN_A_NAME.search(text):
            problems.append(Problem(where, "neither empty, nor with '<', '>' or control characters"))
    if problems:
        raise Invalid(f"{login!r} cannot be a user", *problems)
