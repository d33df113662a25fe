"""Show what a change does to the cluster, as text: for `jx pr diff`, the check of a pull request, and dry runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from jx.domain import diffing
from jx.domain.applying import Anchor, ApplyPlan
from jx.domain.environments import EnvironmentSpec
from jx.domain.errors import Forbidden, NotFound, Refused, Unavailable
from jx.domain.guards import Allowed
from jx.domain.layouts import umbrella
from jx.domain.names import EnvironmentName, Repo, Revision
from jx.domain.trees import Tree
from jx.ports.anchor import Anchors
from jx.ports.repos import Repos
from jx.usecases.plan_environment import PlanEnvironment, PlanRequest


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """An environment's files: of a pull request's merge, or of a folder."""

    tree: Tree
    environment: EnvironmentName | None = None
    repo: Repo | None = None
    namespace: str = ""
    release: str = ""
    allowed: Allowed = field(default_factory=Allowed)


@dataclass(frozen=True, slots=True)
class DiffReport:
    """The plan, its text, and what the guards would say. No secret value is in any of it."""

    spec: EnvironmentSpec
    plan: ApplyPlan
    text: str
    refusals: tuple[Refused, ...] = ()


@dataclass(frozen=True, slots=True)
class ShowDiff:
    """Reads only."""

    plan: PlanEnvironment
    anchors: Anchors
    repos: Repos

    def __call__(self, request: DiffRequest) -> DiffReport:
        """What would change. The old side is the ledger's where it can be read, else what we own of the live objects."""
        spec = umbrella.read(request.tree, name=request.environment)
        anchor = self.anchors.find(spec.name)
        planned = self.plan(
            PlanRequest(
                spec=spec,
                tree=request.tree,
                anchor=anchor,
                repo=request.repo,
                namespace=request.namespace,
                release=request.release,
                allowed=request.allowed,
            )
        )
        text = diffing.render_diff(planned.plan, planned.live, before=self._ledger(anchor, request.repo))
        return DiffReport(spec, planned.plan, text, planned.refusals)

    def _ledger(self, anchor: Anchor | None, repo: Repo | None) -> Tree | None:
        """The files that the anchor's last published entry left; None where it has none or they cannot be read."""
        where = repo or (anchor.repo if anchor else None)
        if anchor is None or where is None or not anchor.ledger_head or anchor.pending:
            return None
        try:
            return self.repos.read(where, Revision(anchor.ledger_head))
        except (Unavailable, NotFound, Forbidden):
            return None
