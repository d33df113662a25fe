"""The forge's rows, in one SQLite file: what was acknowledged survives a kill."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jx.domain.errors import Failed, Unavailable

_SCHEMA_VERSION = 3

_SCHEMA = """
CREATE TABLE users (login TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, is_admin INTEGER NOT NULL);
CREATE TABLE tokens (
    digest TEXT PRIMARY KEY, login TEXT NOT NULL REFERENCES users ON DELETE CASCADE, created TEXT NOT NULL);
CREATE TABLE owners (name TEXT PRIMARY KEY, login TEXT NOT NULL REFERENCES users);
CREATE TABLE repos (
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, name TEXT NOT NULL, private INTEGER NOT NULL,
    description TEXT NOT NULL, UNIQUE (owner, name));
CREATE TABLE rights (
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE, login TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    level TEXT NOT NULL, PRIMARY KEY (repo, login));
CREATE TABLE refs (
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE, name TEXT NOT NULL, revision TEXT NOT NULL,
    PRIMARY KEY (repo, name));
CREATE TABLE protections (
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE, branch TEXT NOT NULL, approvals INTEGER NOT NULL,
    checks TEXT NOT NULL, pushers TEXT NOT NULL, reporters TEXT NOT NULL DEFAULT 'null', PRIMARY KEY (repo, branch));
CREATE TABLE pushes (
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE, branch TEXT NOT NULL, revision TEXT NOT NULL,
    login TEXT NOT NULL REFERENCES users, PRIMARY KEY (repo, branch, revision, login));
CREATE TABLE pulls (
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE, number INTEGER NOT NULL, title TEXT NOT NULL,
    body TEXT NOT NULL, author TEXT NOT NULL REFERENCES users, state TEXT NOT NULL, head_branch TEXT NOT NULL,
    head TEXT NOT NULL, base_branch TEXT NOT NULL, fork_point TEXT NOT NULL, created TEXT NOT NULL, labels TEXT NOT NULL,
    merged_as TEXT, merged_by TEXT REFERENCES users,
    -- The merge that is under way: written before the branch moves, so that a kill in between is told from a plain push.
    merging_as TEXT, merging_by TEXT REFERENCES users,
    PRIMARY KEY (repo, number));
CREATE UNIQUE INDEX one_open_pull ON pulls (repo, head_branch, base_branch) WHERE state = 'open';
CREATE TABLE comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE,
    number INTEGER NOT NULL, author TEXT NOT NULL REFERENCES users, body TEXT NOT NULL, created TEXT NOT NULL,
    key TEXT NOT NULL, revision TEXT NOT NULL DEFAULT '', edited INTEGER NOT NULL DEFAULT 0);
CREATE INDEX comments_of_pull ON comments (repo, number);
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE,
    number INTEGER NOT NULL, author TEXT NOT NULL REFERENCES users, revision TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (repo, number, author, revision));
CREATE TABLE statuses (
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE, revision TEXT NOT NULL, context TEXT NOT NULL,
    state TEXT NOT NULL, description TEXT NOT NULL, target_url TEXT NOT NULL, PRIMARY KEY (repo, revision, context));
CREATE TABLE hooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE,
    url TEXT NOT NULL, secret TEXT NOT NULL, events TEXT NOT NULL, UNIQUE (repo, url));
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, hook INTEGER NOT NULL REFERENCES hooks ON DELETE CASCADE, guid TEXT NOT NULL,
    event TEXT NOT NULL, payload BLOB NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL,
    answer TEXT NOT NULL, created TEXT NOT NULL);
CREATE INDEX deliveries_due ON deliveries (state, due);
"""

_FROM_1 = """
ALTER TABLE comments ADD COLUMN revision TEXT NOT NULL DEFAULT '';
ALTER TABLE comments ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
"""
"""To the second format: which commit a comment was about was not kept before, so older ones are about none."""

_FROM_2 = """
ALTER TABLE protections ADD COLUMN reporters TEXT NOT NULL DEFAULT 'null';
CREATE TABLE pushes (
    repo INTEGER NOT NULL REFERENCES repos ON DELETE CASCADE, branch TEXT NOT NULL, revision TEXT NOT NULL,
    login TEXT NOT NULL REFERENCES users, PRIMARY KEY (repo, branch, revision, login));
"""
"""To the third: who pushed was not kept before, so of older heads nobody is known to have."""

_STEPS = (_FROM_1, _FROM_2)

Row = sqlite3.Row
Database = sqlite3.Connection


class Store:
    """One SQLite connection that all threads share, one at a time.

    Writes happen inside `transaction()` and are on disk when it ends; an exception inside leaves no trace.
    """

    def __init__(self, path: Path) -> None:
        # The file is made by us first: SQLite would give it, and then its journal, the mode of the umask.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._path = path
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._make_tables(path)

    def _make_tables(self, path: Path) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_SCHEMA_VERSION};COMMIT;")
        elif 0 < version < _SCHEMA_VERSION:
            steps = "".join(_STEPS[version - 1 :])
            self._db.executescript(f"BEGIN;{steps}PRAGMA user_version = {_SCHEMA_VERSION};COMMIT;")
        elif version != _SCHEMA_VERSION:
            self._db.close()
            raise Failed(
                f"{path} was written by another version of jx (format {version}, this one reads {_SCHEMA_VERSION})",
                hint="use that version of jx, or begin anew with `jx local reset`",
            )

    @contextmanager
    def transaction(self) -> Iterator[Database]:
        """All or nothing, for one thread at a time; inside another one of the same thread it is part of that."""
        with self._lock, self._translated():
            if self._db.in_transaction:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: Any) -> list[Row]:
        """All rows of a query."""
        with self._lock, self._translated():
            return self._db.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> Row | None:
        """The first row of a query, or None."""
        with self._lock, self._translated():
            found: Row | None = self._db.execute(query, values).fetchone()
            return found

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise Unavailable(
                f"the forge cannot use its file {self._path}: {error}", hint="is the disk full?"
            ) from error

    def close(self) -> None:
        """Close the file; nothing may be called afterwards."""
        with self._lock:
            self._db.close()
