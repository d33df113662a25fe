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
        pushers = json.loads(row["pushers"])
        return Protection(
            branch,
            row["approvals"],
            tuple(json.loads(row["checks"])),
            None if pushers is None else tuple(pushers),
        )

    def ensure(self, repo: Repository, protection: Protection) -> bool:
        """Set the rules of a branch; whether that changed anything."""
        if protection.approvals < 0:
            raise Invalid("a branch cannot need less than no approval", Problem("approvals", "0 or more"))
        if self.find(repo, protection.branch) == protection:
            return False
        pushers = None if protection.pushers is None else list(protection.pushers)
        with self._store.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO protections (repo, branch, approvals, checks, pushers) VALUES (?, ?, ?, ?, ?)",
                (
                    repo.id, protection.branch, protection.approvals,
                    json.dumps(list(protection.required_checks)), json.dumps(pushers),
                ),
            )  # fmt: skip
        return True
