"""Branches move by pushes and merges; here that becomes what it means for pull requests, and events.

Level-triggered: what git has now is compared with what was seen last, so that a kill between git's write and ours is made up
for at the next look.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from jx.adapters.local.forge import payloads
from jx.adapters.local.forge.pulls import Pulls
from jx.adapters.local.forge.repositories import Repositories, Repository
from jx.adapters.local.forge.store import Row, Store
from jx.domain.names import Person, Revision

log = logging.getLogger("jx.forge.git")

SOMEBODY = Person("somebody", login="")
"""Who moved a branch where the forge was killed before it wrote that down."""

_Heads = Mapping[str, Revision]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What became of an open pull request: the event's action, and the columns to set."""

    action: str
    columns: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Following:
    """Follows the branches of all repositories."""

    store: Store
    repositories: Repositories
    pulls: Pulls

    def follow_all(self) -> None:
        """Make up for what was missed; at start."""
        for repo in self.repositories.list_all():
            self.follow(repo, SOMEBODY)

    def follow(self, repo: Repository, actor: Person) -> None:
        """See which branches moved since the last look, renew their pull requests, and tell webhooks. Repeatable."""
        with self.repositories.locked(repo):
            now, before = repo.git.branches(), self._seen(repo)
            moved = sorted(name for name in {*now, *before} if now.get(name) != before.get(name))
            if not moved:
                return
            self._mend_default_branch(repo, now)
            rows = self.store.rows("SELECT * FROM pulls WHERE repo = ? AND state = 'open'", repo.id)
            touched = [row for row in rows if {row["head_branch"], row["base_branch"]} & set(moved)]
            verdicts = [(row["number"], _judge(repo, row, now, set(moved), actor)) for row in touched]
            for number, verdict in verdicts:
                if verdict.columns.get("head"):
                    repo.git.keep(number, Revision(str(verdict.columns["head"])))
            with self.store.transaction():
                self._remember(repo, moved, now)
                self._tell_pushes(repo, moved, before, now, actor)
                for number, verdict in verdicts:
                    self._apply(repo, number, verdict, actor)

    def _seen(self, repo: Repository) -> _Heads:
        rows = self.store.rows("SELECT name, revision FROM refs WHERE repo = ?", repo.id)
        return {row["name"]: Revision(row["revision"]) for row in rows}

    def _remember(self, repo: Repository, moved: list[str], now: _Heads) -> None:
        with self.store.transaction() as db:
            for name in moved:
                db.execute("DELETE FROM refs WHERE repo = ? AND name = ?", (repo.id, name))
                if name in now:
                    db.execute(
                        "INSERT INTO refs (repo, name, revision) VALUES (?, ?, ?)", (repo.id, name, now[name])
                    )

    def _tell_pushes(
        self, repo: Repository, moved: list[str], before: _Heads, now: _Heads, actor: Person
    ) -> None:
        about = self.pulls.describe(repo)
        for name in moved:
            old, new = before.get(name), now.get(name)
            log.info("%s %s: %s -> %s by %s", repo.full_name, name, old, new, actor.login or actor.name)
            self.pulls.hooks.emit(
                repo, "push", payloads.push(about, name, before=old, after=new, pusher=actor)
            )

    def _apply(self, repo: Repository, number: int, verdict: _Verdict, actor: Person) -> None:
        with self.store.transaction() as db:
            for column, value in verdict.columns.items():
                db.execute(
                    f"UPDATE pulls SET {column} = ? WHERE repo = ? AND number = ?", (value, repo.id, number)
                )
        if verdict.action:
            self.pulls.announce(repo, number, verdict.action, actor)

    def _mend_default_branch(self, repo: Repository, now: _Heads) -> None:
        """A first push of another branch than HEAD names makes that one the default, so that clones check it out."""
        if now and repo.git.default_branch() not in now:
            known = [name for name in ("main", "master") if name in now]
            repo.git.set_default_branch((known or sorted(now))[0])


def _judge(repo: Repository, row: Row, now: _Heads, moved: set[str], actor: Person) -> _Verdict:
    base, head = now.get(row["base_branch"]), now.get(row["head_branch"])
    seen = Revision(row["head"])
    if base is not None and row["base_branch"] in moved:
        merged = _merged(repo, row, base, head or seen, actor)
        if merged is not None:
            return merged
    if base is None or head is None:
        return _Verdict("closed", {"state": "closed"})
    fork_point = repo.git.fork_point(base, head)
    if fork_point is None or (fork_point == head and head != seen):
        return _Verdict("closed", {"state": "closed", "head": head})
    return _Verdict("synchronize" if head != seen else "", {"head": head, "fork_point": fork_point})


def _merged(repo: Repository, row: Row, base: Revision, head: Revision, actor: Person) -> _Verdict | None:
    """The verdict where the base now holds the pull request: by a merge of ours, or by a push."""
    ours = row["merging_as"]
    if ours and repo.git.is_ancestor(Revision(ours), base):
        columns = {"merged_as": ours, "merged_by": row["merging_by"]}
        return _Verdict("closed", {"state": "merged", **columns, "merging_as": None, "merging_by": None})
    seen = Revision(row["head"])
    brought = seen if repo.git.is_ancestor(seen, base) else None
    if head != seen and repo.git.is_ancestor(seen, head) and repo.git.is_ancestor(head, base):
        brought = head
    if brought is None:
        return None
    landing = repo.git.landing(brought, base)
    return _Verdict(
        "closed", {"state": "merged", "head": brought, "merged_as": landing, "merged_by": actor.login or None}
    )
