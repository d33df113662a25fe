"""Protected branches: where their rules are kept. What the rules mean is in `rules`."""

from __future__ import annotations

import json

from jx.adapters.local.forge.repositories import Repository
from jx.adapters.local.forge.store import Store
from jx.domain.errors import Invalid, Problem
from jx.ports.forge import Protection


class Protections:
    """The protected branches of all repositories."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, repo: Repository, branch: str) -> Protection | None:
        """The rules of a branch, or None where it has none."""
        row = self._store.row("SELECT * FROM protections WHERE repo = ? AND branch = ?", repo.id, branch)
        if row is None:
            return None
        pushers, reporters = json.loads(row["pushers"]), json.loads(row["reporters"])
        return Protection(
            branch,
            row["approvals"],
            tuple(json.loads(row["checks"])),
            None if pushers is None else tuple(pushers),
            None if reporters is None else tuple(reporters),
        )

    def reporters(self, repo: Repository, context: str) -> tuple[str, ...] | None:
        """Who alone may report a check, since a branch needs it; None where everybody may who writes."""
        rows = self._store.rows("SELECT checks, reporters FROM protections WHERE repo = ?", repo.id)
        lists = [json.loads(row["reporters"]) for row in rows if context in json.loads(row["checks"])]
        named = [set(logins) for logins in lists if logins is not None]
        return tuple(sorted(set.intersection(*named))) if named else None

    def ensure(self, repo: Repository, protection: Protection) -> bool:
        """Set the rules of a branch; whether that changed anything."""
        if protection.approvals < 0:
            raise Invalid("a branch cannot need less than no approval", Problem("approvals", "0 or more"))
        if self.find(repo, protection.branch) == protection:
            return False
        pushers = None if protection.pushers is None else list(protection.pushers)
        reporters = None if protection.reporters is None else list(protection.reporters)
        with self._store.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO protections (repo, branch, approvals, checks, pushers, reporters)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    repo.id, protection.branch, protection.approvals,
                    json.dumps(list(protection.required_checks)), json.dumps(pushers), json.dumps(reporters),
                ),
            )  # fmt: skip
        return True
