"""Examine environments: what cluster and git say of each, and whether they say the same. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from jx.domain.applying.applying import Anchor
from jx.domain.environments.environments import Environment
from jx.domain.errors import JxError, Unavailable
from jx.domain.ledger import ledger
from jx.domain.ledger.drift import Drifted, Kind
from jx.domain.names import DEV, Revision
from jx.domain.objects.manifests import ObjectRef
from jx.domain.platforms import ailments
from jx.domain.platforms.ailments import Finding
from jx.domain.trees import Tree
from jx.ports.anchor import Anchors, Locks
from jx.ports.clock import Clock
from jx.ports.cluster import Cluster, Scope
from jx.ports.pipelines import Pipelines
from jx.ports.repos import Repos
from jx.ports.snapshots import Snapshots
from jx.usecases.following.find_drift import FindDrift
from jx.usecases.rescuing.look_health import LookHealth

_CI = ("jx-controllers", "jx-webhooks")


@dataclass(frozen=True, slots=True)
class ExamineEnvironments:
    """Each method is one check; each raises as its ports do."""

    cluster: Cluster
    anchors: Anchors
    locks: Locks
    repos: Repos
    snapshots: Snapshots
    clock: Clock
    access: str = ""
    """What goes before commands that speak to git; empty where nothing has to."""

    def look_at_anchors(self) -> Iterator[Finding]:
        """Holds, failed and broken off applies, entries that wait, anchors of another cluster."""
        cluster_id, now = self.cluster.capabilities().cluster_id, self.clock.now()
        for anchor in self.anchors.list_all():
            holder = self.locks.find_holder(anchor.environment)
            yield from ailments.judge_anchor(
                anchor, cluster_id=cluster_id, holder=holder, now=now, access=self.access
            )

    def look_at_branches(self, environments: Iterable[Environment]) -> Iterator[Finding]:
        """Whether what branches say is applied, and ledgers end where the cluster remembers. A repository that cannot be
        read is a finding; Unavailable where none can."""
        anchors: Mapping[str, Anchor] = {one.environment: one for one in self.anchors.list_all()}
        chosen = [one for one in environments if one.repo and not one.is_remote]
        failed = 0
        findings: list[Finding] = []
        for one in chosen:
            try:
                findings += self._look_at_branch(one, anchors.get(one.name))
            except Unavailable as error:
                failed += 1
                if failed == len(chosen):
                    raise
                findings.append(_unreadable(one, error))
            except JxError as error:
                findings.append(_unreadable(one, error))
        yield from findings

    def _look_at_branch(self, environment: Environment, anchor: Anchor | None) -> Iterator[Finding]:
        assert environment.repo
        yield from ailments.judge_head(
            environment, anchor, self.repos.head(environment.repo, environment.branch)
        )
        if anchor and not anchor.pending and not self.locks.find_holder(anchor.environment):
            yield from ailments.judge_ledger(anchor, self.repos.head(environment.repo, ledger.BRANCH))

    def look_at_runs(self, environments: Iterable[Environment], pipelines: Pipelines) -> Iterator[Finding]:
        """Runs that failed or that nobody begins; nothing where nothing runs pipelines."""
        try:
            runs = pipelines.list_all()
        except Unavailable:
            return
        anchors: Mapping[str, Anchor] = {one.environment: one for one in self.anchors.list_all()}
        for one in environments:
            if one.repo and not one.is_remote:
                yield from ailments.judge_runs(one, anchors.get(one.name), runs, self.clock.now())

    def look_at_workloads(self) -> Iterator[Finding]:
        """What was applied and is not healthy; controllers and webhooks that run nowhere."""
        for anchor in self.anchors.list_all():
            _, lines = LookHealth(self.cluster)(anchor)
            for line in lines:
                yield Finding(
                    f"environment {anchor.environment}",
                    f"not healthy: {line}",
                    self._go_back(anchor),
                )
            if anchor.environment == DEV and anchor.applied:
                yield from self._look_at_ci(anchor)

    def _go_back(self, anchor: Anchor) -> str:
        """The command that brings back what ran before: of the platform itself by hand, since merges may not be applied."""
        if anchor.environment != DEV:
            return f"jx revert --to ~1 --env {anchor.environment}"
        state = "verified" if anchor.verified else "~1"
        how = ("--from-ledger", state, "--reason", '"it is not healthy"')
        return ailments.apply_again(anchor.repo, *how, access=self.access)

    def _look_at_ci(self, anchor: Anchor) -> Iterator[Finding]:
        live = self.cluster.live((Scope("apps/v1", "Deployment", anchor.namespace),))
        found = {one.ref.name: one for one in live}
        applied = {item.ref for item in anchor.inventory}
        for name in _CI:
            ref = ObjectRef("apps", "Deployment", anchor.namespace, name)
            where, there = name.removeprefix("jx-"), found.get(name)
            if there is None and ref not in applied:
                again = ailments.apply_again(anchor.repo, access=self.access)
                yield Finding(where, f"there is no {ref}", again)
            elif there and (there.body.get("spec") or {}).get("replicas", 1) == 0:
                yield Finding(
                    where,
                    "scaled to none: merges are not applied",
                    f"kubectl scale -n {anchor.namespace} deployment/{name} --replicas 1",
                )

    def look_for_drift(self) -> Iterator[Finding]:
        """What was changed behind our back."""
        find = FindDrift(self.cluster, self.anchors, self.repos)
        for anchor in self.anchors.list_all():
            if anchor.applied is None or self.locks.find_holder(anchor.environment):
                continue
            found = find(anchor.environment).found
            if found:
                more = f" and {len(found) - 1} more" if len(found) > 1 else ""
                yield Finding(
                    f"environment {anchor.environment}",
                    f"changed behind our back: {found[0].ref} {found[0].kind.value}{more}"
                    f" (jx get drift {anchor.environment})",
                    ailments.apply_again(anchor.repo, *_taking_back(found), access=self.access),
                )

    def look_at_proof(self) -> Iterator[Finding]:
        """Whether what dev runs is known to be good."""
        anchor = self.anchors.find(DEV)
        if anchor is not None:
            yield from ailments.judge_proof(anchor, self.clock.now())

    def look_at_snapshot(self) -> Iterator[Finding]:
        """Whether the last verified state lies ready, as the ledger has it."""
        anchor = self.anchors.find(DEV)
        if anchor is None or anchor.verified is None:
            return
        snapshot = self.snapshots.find(DEV, anchor.verified.plan_digest)
        yield from ailments.judge_snapshot(anchor, snapshot, self._verified_state(anchor))

    def _verified_state(self, anchor: Anchor) -> Tree | None:
        if anchor.repo is None or not anchor.ledger_head or anchor.verified is None:
            return None
        try:
            for commit in self.repos.log(anchor.repo, Revision(anchor.ledger_head)):
                if commit.trailers.get("Jx-Plan-Digest") == anchor.verified.plan_digest:
                    return self.repos.read(anchor.repo, commit.revision)
        except JxError:
            return None
        return None


def _taking_back(found: Iterable[Drifted]) -> tuple[str, ...]:
    """What takes fields back that other managers have set."""
    return ("--allow", "conflicts") if any(one.kind is Kind.CHANGED for one in found) else ()


def _unreadable(environment: Environment, error: JxError) -> Finding:
    return Finding(f"environment {environment.name}", error.message, error.hint or "jx get env")
