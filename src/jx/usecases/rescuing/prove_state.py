"""Prove a state: what is applied is healthy and CI/CD works in it, so that it may be gone back to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from jx.domain.applying.applying import Anchor, Applied, ApplyResult, KnownGood
from jx.domain.environments import guards
from jx.domain.environments.environments import Environment
from jx.domain.events import Event
from jx.domain.layouts import umbrella
from jx.domain.ledger import ledger
from jx.domain.ledger.snapshots import Snapshot
from jx.domain.names import Person, Repo
from jx.domain.trees import Tree
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.ports.snapshots import Snapshots
from jx.usecases.applying.publish_ledger import PublishLedger
from jx.usecases.applying.write_anchor import WriteAnchor
from jx.usecases.planning.plan_environment import PlanEnvironment, Planned, PlanRequest
from jx.usecases.rescuing.verify_install import VerifyInstall


@dataclass(frozen=True, slots=True)
class ProveState:
    """Of the dev environment; level-triggered: what is proven already costs one read. The snapshot is kept before the anchor
    names the state, so what the anchor names is there."""

    plan: PlanEnvironment
    verify: VerifyInstall
    anchors: Anchors
    snapshots: Snapshots
    repos: Repos
    clock: Clock
    reporter: Reporter

    def __call__(self, environment: Environment, *, within: timedelta) -> bool:
        """Whether the state is proven now or was so before. Failed where CI/CD does not work in it within the time."""
        anchor = self.anchors.find(environment.name)
        applied = anchor.applied if anchor else None
        if anchor is None or applied is None or environment.repo is None:
            return False
        if is_proven(anchor) and self.snapshots.has(environment.name, applied.plan_digest):
            return True  # where somebody deleted the snapshot, it is made once more
        if anchor.is_begun or applied.result is not ApplyResult.APPLIED or applied.source.revision is None:
            return False
        lines = self.verify(within=within)
        tree = self.repos.read(environment.repo, applied.source.revision)
        planned = self._plan(environment, environment.repo, anchor, tree)
        if planned.plan.has_changes:
            return False  # it is not as it was applied; drift has its own ways
        self.snapshots.save(_snapshot(applied, planned, tree))
        good = self._note(anchor, applied, environment.repo, "; ".join(lines)).verified
        self.snapshots.keep_only(environment.name, good.plan_digest if good else "")
        return good is not None and good.plan_digest == applied.plan_digest

    def _plan(self, environment: Environment, repo: Repo, anchor: Anchor, tree: Tree) -> Planned:
        spec = umbrella.read(tree, name=environment.name)
        return self.plan(PlanRequest(spec=spec, tree=tree, anchor=anchor, repo=repo, purpose="snapshot"))

    def _note(self, anchor: Anchor, applied: Applied, repo: Repo, words: str) -> Anchor:
        version, now = guards.platform_version(applied.charts), self.clock.now()
        good = KnownGood(applied.plan_digest, applied.source, now, version)
        entry = ledger.make_note(
            anchor.environment,
            ledger.Happening.VERIFIED,
            words,
            by=Person("jx"),
            at=now,
            more=(("Jx-Verified", "yes"), ("Jx-Plan-Digest", applied.plan_digest)),
        )

        def change(current: Anchor) -> Anchor:
            if current.applied != applied or current.is_begun or is_proven(current):
                return current  # something else is there by now
            return ledger.noted(replace(current, verified=good), entry)

        written = WriteAnchor(self.anchors)(anchor, change)
        if written.verified != good:
            return written
        written = PublishLedger(self.repos, WriteAnchor(self.anchors), self.reporter)(written, repo)
        self.reporter.tell(Event(f"{anchor.environment} is verified ({version or 'no platform'}): {words}"))
        return written


def is_proven(anchor: Anchor) -> bool:
    """Whether what was applied last is known to be good."""
    return (
        anchor.applied is not None
        and anchor.verified is not None
        and anchor.verified.plan_digest == anchor.applied.plan_digest
    )


def _snapshot(applied: Applied, planned: Planned, tree: Tree) -> Snapshot:
    return Snapshot(
        environment=planned.plan.environment,
        plan_digest=applied.plan_digest,
        source=applied.source,
        tree=tree,
        charts=applied.charts,
        objects=tuple(step.manifest for step in planned.plan.steps if step.manifest),
    )
