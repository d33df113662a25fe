"""Find the release of an app that was good in an environment before the one that it has now."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.applying.applying import ApplyResult
from jx.domain.errors import Invalid, JxError, NotFound
from jx.domain.layouts import umbrella
from jx.domain.ledger.ledger import BRANCH as LEDGER_BRANCH
from jx.domain.names import AppKey, Repo, Revision
from jx.domain.runs.activities import ActivityStatus
from jx.ports.activities import Activities
from jx.ports.repos import Commit, Repos
from jx.usecases.propose_change import Target

_DEEPEST = 500


@dataclass(frozen=True, slots=True)
class FindGoodRelease:
    """Reads the ledger, where everything that was ever applied stands, and the records of how those applies ended."""

    repos: Repos
    activities: Activities

    def __call__(self, target: Target, key: AppKey) -> str:
        """The version; NotFound where there is none.

        Looked for among what was applied before the present version came there for the first time: so a second rollback goes
        further back instead of to and fro. Good is what was applied without an error, and is not on record as unhealthy.
        """
        app = target.find_app(key)
        if app is None:
            raise NotFound(f"{target.environment.name} has no app {key}")
        head = self.repos.head(target.repo, LEDGER_BRANCH)
        entries = self.repos.log(target.repo, head, limit=_DEEPEST) if head else ()
        versions = [(entry, self._version(target, entry, key)) for entry in entries]
        present = [number for number, (_, version) in enumerate(versions) if version == app.chart.version]
        earlier = versions[present[-1] + 1 :] if present else versions
        bad = self._list_bad(target)
        for entry, version in earlier:
            is_applied = entry.trailers.get("Jx-Result") == ApplyResult.APPLIED
            if version and is_applied and entry.trailers.get("Jx-Source-Commit") not in bad:
                return version
        raise NotFound(
            f"the ledger of {target.environment.name} knows no good version of {key} before {app.chart.version}",
            hint=f"name one: jx promote {key} --version V --env {target.environment.name}",
        )

    def _version(self, target: Target, entry: Commit, key: AppKey) -> str:
        """Of the app in what an entry applied; empty where it had none, or its files are not known."""
        source = entry.trailers.get("Jx-Source-Commit", "")
        if not source:
            return ""
        try:
            tree = self.repos.read(target.repo, Revision(source))
            apps = umbrella.read(tree, name=target.environment.name).apps
        except (NotFound, Invalid):
            return ""
        return next((app.chart.version for app in apps if app.key == key), "")

    def _list_bad(self, target: Target) -> frozenset[str]:
        """Commits whose apply is on record as failed, unhealthy ones too; none where the records cannot be reached."""
        try:
            records = self.activities.list_all()
        except JxError:
            return frozenset()
        pipeline = _pipeline(target.repo, target.environment.branch)
        return frozenset(
            one.revision
            for one in records
            if one.pipeline == pipeline and one.status is ActivityStatus.FAILED
        )


def _pipeline(repo: Repo, branch: str) -> str:
    return f"{repo.full_name}/{branch}"
