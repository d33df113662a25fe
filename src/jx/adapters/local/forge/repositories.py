"""Bare repositories below one folder, each with a row; the row is what counts."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jx.adapters.local.forge import git
from jx.adapters.local.forge.remembered import Remembered
from jx.adapters.local.forge.store import Row, Store
from jx.adapters.local.forge.users import Level, User, Users
from jx.domain.errors import Forbidden, Invalid, NotFound, Problem

RESERVED = frozenset({"api", "charts", "healthz", "static"})
_NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(?<!\.git)(?<!\.lock)(?<!\.)")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of this forge, and what the one who asked may do with it."""

    id: int
    owner: str
    name: str
    is_private: bool
    description: str
    git: git.BareGit
    level: Level

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"


class Repositories:
    """All repositories of this forge."""

    def __init__(self, folder: Path, store: Store, users: Users) -> None:
        self._folder = folder
        self._store = store
        self._users = users
        self._locks: dict[int, threading.RLock] = {}
        self._known: dict[int, Remembered] = {}
        self._making = threading.Lock()
        folder.mkdir(mode=0o700, exist_ok=True)

    def ensure(
        self, user: User, owner: str, name: str, *, private: bool = True, description: str = ""
    ) -> tuple[Repository, bool]:
        """The repository, made where it was not there (one that is there stays as it is); whether it was made."""
        _check_names(owner, name)
        with self._making:
            row = self._row(owner, name)
            if row is None:
                self._users.claim_owner(owner, user)
                self._make_folder(owner, name)
                with self._store.transaction() as db:
                    db.execute(
                        "INSERT INTO repos (owner, name, private, description) VALUES (?, ?, ?, ?)",
                        (owner, name, private, description),
                    )
                return self.get(owner, name, user), True
        return self.get(owner, name, user), False

    def get(self, owner: str, name: str, user: User | None, *, needs: Level = Level.READ) -> Repository:
        """The repository for somebody with that right; NotFound where they may not even know of it, else Forbidden."""
        row = self._row(owner, name)
        level = self._users.level(user, row) if row else Level.NONE
        if row is None or level is Level.NONE:
            raise NotFound(
                f"there is no repository {owner}/{name}, or {user.login if user else 'nobody in particular'} may not read it"
            )
        if level < needs:
            who = user.login if user else "nobody in particular"
            raise Forbidden(
                f"{who} has no right to {needs.name.lower()} {owner}/{name}",
                hint="an owner of the repository gives rights",
            )
        return self._repository(row, level)

    def open_page(self, owner: str, name: str) -> Repository:
        """The repository for a read-only page; see `browse` for who may look."""
        row = self._row(owner, name)
        if row is None:
            raise NotFound(f"there is no repository {owner}/{name}")
        return self._repository(row, Level.READ)

    def list_all(self) -> tuple[Repository, ...]:
        """All repositories by name, private ones too."""
        rows = self._store.rows("SELECT * FROM repos ORDER BY owner, name")
        return tuple(self._repository(row, Level.READ) for row in rows)

    def level(self, repo: Repository, user: User | None) -> Level:
        """Somebody's right on a repository."""
        row = self._row(repo.owner, repo.name)
        return self._users.level(user, row) if row else Level.NONE

    def grant(self, repo: Repository, login: str, right: str) -> bool:
        """Set a user's right; whether that changed anything."""
        row = self._row(repo.owner, repo.name)
        return self._users.grant(row, login, right) if row else False

    def delete(self, repo: Repository) -> None:
        """Delete a repository with all it holds. After a kill in between, the folder is cleared when the name is made again."""
        with self.locked(repo):
            with self._store.transaction() as db:
                db.execute("DELETE FROM repos WHERE id = ?", (repo.id,))
            self._known.pop(repo.id, None)
            shutil.rmtree(repo.git.folder, ignore_errors=True)

    @contextmanager
    def locked(self, repo: Repository) -> Iterator[None]:
        """One thread at a time decides over the branches and pull requests of a repository."""
        with self._making:
            lock = self._locks.setdefault(repo.id, threading.RLock())
        with lock:
            yield

    def _make_folder(self, owner: str, name: str) -> None:
        final = self._path(owner, name)
        final.parent.mkdir(mode=0o700, exist_ok=True)
        draft = final.with_suffix(".new")
        for stale in (final, draft):
            if stale.exists():
                shutil.rmtree(stale)
        git.init_bare(draft)
        draft.rename(final)

    def _row(self, owner: str, name: str) -> Row | None:
        return self._store.row("SELECT * FROM repos WHERE owner = ? AND name = ?", owner, name)

    def _repository(self, row: Row, level: Level) -> Repository:
        known = self._known.setdefault(row["id"], Remembered())
        folder = git.BareGit(self._path(row["owner"], row["name"]), known)
        return Repository(
            row["id"], row["owner"], row["name"], bool(row["private"]), row["description"], folder, level
        )

    def _path(self, owner: str, name: str) -> Path:
        return self._folder / owner / f"{name}.git"


def _check_names(owner: str, name: str) -> None:
    problems = [
        Problem(where, "letters, digits, '.', '_' and '-', at most 100; not ending in '.git' or '.lock'")
        for where, text in (("owner", owner), ("name", name))
        if not _NAME.fullmatch(text)
    ]
    if owner in RESERVED:
        problems.append(Problem("owner", f"{owner!r} is a name of the forge itself"))
    if problems:
        raise Invalid(f"{owner}/{name} cannot be a repository", *problems)
