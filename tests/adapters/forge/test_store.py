"""The forge's file: what an earlier version wrote is read on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from jx.adapters.local.forge.store import Store


def test_comments_of_the_first_format_are_kept_and_are_about_no_commit(tmp_path: Path) -> None:
    file = tmp_path / "forge.db"
    Store(file).close()
    with sqlite3.connect(file) as old:
        old.executescript(
            "DROP TABLE pushes; ALTER TABLE protections DROP COLUMN reporters;"
            "ALTER TABLE comments DROP COLUMN revision; ALTER TABLE comments DROP COLUMN edited; PRAGMA user_version = 1;"
            "INSERT INTO users VALUES ('ann', 'Ann', '', 0);"
            "INSERT INTO repos VALUES (1, 'acme', 'dev', 1, '');"
            "INSERT INTO comments VALUES (1, 1, 1, 'ann', '/approve', '2026-01-01T00:00:00+00:00', '');"
        )
    old.close()
    for _ in range(2):
        store = Store(file)
        row = store.row("SELECT * FROM comments")
        assert row is not None
        assert (row["body"], row["revision"], row["edited"]) == ("/approve", "", 0)
        store.close()


def test_of_pushes_before_the_third_format_nobody_is_known_and_rules_of_branches_stay(tmp_path: Path) -> None:
    file = tmp_path / "forge.db"
    Store(file).close()
    with sqlite3.connect(file) as old:
        old.executescript(
            "DROP TABLE pushes; ALTER TABLE protections DROP COLUMN reporters; PRAGMA user_version = 2;"
            "INSERT INTO repos VALUES (1, 'acme', 'dev', 1, '');"
            "INSERT INTO protections VALUES (1, 'master', 1, '[\"jx/check\"]', '[]');"
        )
    old.close()
    store = Store(file)
    assert store.rows("SELECT * FROM pushes") == []
    row = store.row("SELECT approvals, checks, pushers, reporters FROM protections")
    assert row is not None
    assert tuple(row) == (1, '["jx/check"]', "[]", "null")
    store.close()
