"""Find drift: what of an environment is not as the last apply left it. Reads only, and renders nothing."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.applying import planning
from jx.domain.applying.applying import Anchor
from jx.domain.applying.conflicts import Rule
from jx.domain.errors import JxError, NotFound
from jx.domain.layouts import umbrella
from jx.domain.ledger import drift, ledger
from jx.domain.ledger.drift import Drifted
from jx.domain.names import EnvironmentName, Repo, Revision
from jx.domain.trees import Tree
from jx.ports.anchor import Anchors
from jx.ports.cluster import Cluster, Scope
from jx.ports.repos import Repos


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What was found among how many objects."""

    environment: EnvironmentName
    looked_at: int
    found: tuple[Drifted, ...]


@dataclass(frozen=True, slots=True)
class FindDrift:
    """One LIST for each kind and namespace in use; fields and values come from the ledger, where that can be read."""

    cluster: Cluster
    anchors: Anchors
    repos: Repos

    def __call__(self, environment: EnvironmentName, *, repo: Repo | None = None) -> DriftReport:
        """What drifted. `repo` is where files and ledger are, if not where the anchor says. NotFound where the cluster has never
        seen the environment."""
        anchor = self.anchors.find(environment)
        if anchor is None:
            raise NotFound(f"this cluster has never seen environment {environment}", hint="jx get env")
        rows = planning.scopes((), anchor.inventory, self.cluster.capabilities())
        live = planning.index(self.cluster.live(tuple(Scope(*row) for row in rows)))
        found = drift.find(anchor.inventory, live, Tree())
        if any(one.kind is drift.Kind.CHANGED for one in found):
            at = repo or anchor.repo
            found = drift.find(anchor.inventory, live, self._ledger(anchor, at), self._rules(anchor, at))
        return DriftReport(environment, len(anchor.inventory), found)

    def _rules(self, anchor: Anchor, repo: Repo | None) -> tuple[Rule, ...]:
        """Which fields the repository leaves to others; best effort."""
        revision = anchor.applied.source.revision if anchor.applied else None
        if repo is None or revision is None:
            return ()
        try:
            spec = umbrella.read(self.repos.read(repo, revision), name=anchor.environment)
        except JxError:
            return ()
        return spec.requirements.conflicts

    def _ledger(self, anchor: Anchor, repo: Repo | None) -> Tree:
        """What was applied, object by object; best effort."""
        waiting = (ledger.unpack(one) for one in anchor.pending)
        if repo is None or not anchor.ledger_head or any(one.files or one.removed for one in waiting):
            return Tree()
        try:
            return self.repos.read(repo, Revision(anchor.ledger_head))
        except JxError:
            return Tree()
