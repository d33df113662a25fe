"""Who pushed: the user of the token, written down before git moves the branch. What commits say of their author plays no part."""

from __future__ import annotations

from dataclasses import dataclass

from jx.adapters.local.forge.repositories import Repository
from jx.adapters.local.forge.store import Row, Store
from jx.domain.names import Revision


@dataclass(frozen=True, slots=True)
class Pushes:
    """The pushes to branches of all repositories. One that git refused afterwards is kept as well, which takes rights from nobody
    but its own user."""

    store: Store

    def note(self, repo: Repository, branch: str, revision: str, login: str) -> None:
        """Somebody is about to set a branch to a commit."""
        with self.store.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO pushes (repo, branch, revision, login) VALUES (?, ?, ?, ?)",
                (repo.id, branch, revision, login),
            )

    def logins(self, repo: Repository, pull: Row) -> tuple[str, ...]:
        """Who pushed what a pull request brings: its head, and whatever of its commits was a head before. Empty where that is not
        known of the head."""
        rows = self.store.rows(
            "SELECT revision, login FROM pushes WHERE repo = ? AND branch = ? ORDER BY login",
            repo.id, pull["head_branch"],
        )  # fmt: skip
        if not any(row["revision"] == pull["head"] for row in rows):
            return ()
        everybody = tuple(dict.fromkeys(row["login"] for row in rows))
        if len(everybody) == 1:
            return everybody
        brought = repo.git.between(Revision(pull["fork_point"]), Revision(pull["head"]))
        return tuple(dict.fromkeys(row["login"] for row in rows if row["revision"] in brought))
