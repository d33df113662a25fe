"""Show the audit of secrets: who wrote which, and which applies used them, for which commit. Never a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jx.domain.environments.environments import Environment
from jx.domain.ledger import ledger
from jx.domain.ledger.secret_writes import Deed, Ending, SecretWrite
from jx.domain.ledger.trailers import list_trailers
from jx.ports.repos import Commit, Repos
from jx.ports.secret_log import SecretLog
from jx.usecases.propose_change import PlatformAt, ProposeChange

_APPLIES = 200
"""Entries of each ledger that are looked at."""


@dataclass(frozen=True, slots=True)
class ShowSecretAudit:
    """Reads the ledgers and the record beside the anchors; no store is asked."""

    propose_change: ProposeChange
    repos: Repos
    log: SecretLog

    def __call__(self, at: PlatformAt, *, environment: str = "") -> tuple[SecretWrite, ...]:
        """Newest first: the latest applies that used secrets, and the writes that are kept; of one environment, what it used
        and the writes of that. NotFound for an unknown environment; Unavailable and Forbidden as repositories and cluster say."""
        platform = self.propose_change.target(at, environment or "dev").platform
        chosen = (platform.get_environment(environment),) if environment else platform.environments
        used = [row for one in chosen for row in self._used(one)]
        writes = self.log.list_all()
        if environment:
            places = {row.place for row in used}
            own = (f"vault:{environment}/", f"vault:generated/{environment}/")
            writes = tuple(one for one in writes if one.place in places or one.place.startswith(own))
        return tuple(sorted((*used, *writes), key=lambda one: (one.at, one.number, one.place), reverse=True))

    def _used(self, environment: Environment) -> Iterable[SecretWrite]:
        repo = environment.repo
        head = self.repos.head(repo, ledger.BRANCH) if repo else None
        if repo is None or head is None:
            return
        for commit in self.repos.log(repo, head, limit=_APPLIES):
            yield from _of_entry(commit)


def _of_entry(commit: Commit) -> Iterable[SecretWrite]:
    rows = list_trailers(commit.message)
    facts = dict(rows)
    source = facts.get("Jx-Source-Commit") or facts.get("Jx-Source-Tree", "")
    purpose = f"apply of {facts.get('Jx-Environment', '')} at {source[:19]}"
    for key, text in rows:
        place, equals, version = text.rpartition("=")
        if key == "Jx-Secret" and equals:
            yield SecretWrite(
                at=commit.committed,
                by=facts.get("Jx-Applied-By", ""),
                deed=Deed.USED,
                place=place,
                purpose=purpose,
                version=version,
                ending=Ending.DONE,
            )
