"""Ailments: what is wrong in a platform, told from what was seen of it; each with where it is and the command that mends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jx.domain.applying.applying import Anchor, ApplyResult
from jx.domain.environments import holds
from jx.domain.environments.environments import Environment
from jx.domain.environments.watchdogs import DONE, Phase, Watch
from jx.domain.ledger import ledger
from jx.domain.ledger.snapshots import Snapshot, digest_of
from jx.domain.names import Repo, Revision
from jx.domain.objects.membership import RESCUE_NAMESPACE
from jx.domain.runs.environment_runs import runs_of
from jx.domain.runs.runs import Run, RunState, find_failure
from jx.domain.trees import Tree

ACCESS = 'eval "$(jx local env)"'
"""What lets a shell's git and kubectl speak to the embedded platform."""
_BEGINS = timedelta(minutes=2)
"""How long a run may wait for somebody who begins it."""
_SETTLES = timedelta(minutes=5)
"""How much longer than its deadline a watchdog that goes back may take."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    where: str
    what: str
    mend: str
    """The command that mends it, or that shows what will."""


def with_access(finding: Finding, access: str) -> Finding:
    """The finding, its kubectl able to speak to the cluster."""
    needs = access and finding.mend.startswith("kubectl ")
    return replace(finding, mend=f"{access} && {finding.mend}") if needs else finding


def apply_again(repo: Repo | None, *how: str, access: str = "") -> str:
    """The command that applies an environment by hand, from a clone that is made for it; `access` goes before."""
    if repo is None:
        return f"jx step env apply{''.join(f' {word}' for word in how)}"
    begin = f"{access} && " if access else ""
    words = " ".join(("jx step env apply", *how))
    return f'(cd "$(mktemp -d)" && {begin}git clone -q {repo.url} . && {words})'


def judge_anchor(
    anchor: Anchor, *, cluster_id: str, holder: str, now: datetime, access: str = ""
) -> Iterator[Finding]:
    """What the cluster itself remembers of an environment. `holder` is who has its lock, empty where nobody lives that has."""
    again = apply_again(anchor.repo, access=access)
    name = anchor.environment
    where = f"environment {name}"
    if anchor.cluster_id and cluster_id and anchor.cluster_id != cluster_id:
        yield Finding(
            where,
            f"its anchor was written by cluster {anchor.cluster_id}, and this is {cluster_id}",
            "jx --context NAME doctor, with the context of the cluster that is meant",
        )
    for hold in anchor.holds:
        if not holds.has_ended(hold, now):
            also = "; a push of the revert ends it, too" if hold.kind == holds.RESCUE else ""
            yield Finding(where, f"it is {holds.in_words(hold)}{also}", f"jx resume {name}")
    if anchor.is_begun and not holder:
        yield Finding(where, "an apply of it has begun, and whoever did that has died", again)
    applied = anchor.applied
    if applied and applied.result is ApplyResult.FAILED:
        words = (applied.message.splitlines() or ["no reason is recorded"])[0]
        yield Finding(where, f"its last apply failed: {words}", again)
    waiting = sum(not ledger.is_proof(one) for one in anchor.pending)
    if waiting and not holder:
        words = "1 entry waits" if waiting == 1 else f"{waiting} entries wait"
        yield Finding(
            f"ledger of {name}",
            f"{words} in the cluster to be published, which the controllers do as soon as they can",
            f"kubectl rollout restart -n {anchor.namespace} deployment/jx-controllers",
        )


def judge_head(environment: Environment, anchor: Anchor | None, head: Revision | None) -> Iterator[Finding]:
    """Whether the cluster runs what the branch says."""
    where = f"environment {environment.name}"
    if head is None:
        yield Finding(where, f"its repository has no branch {environment.branch}", "jx install --ng")
        return
    applied = anchor.applied if anchor else None
    if anchor is None or applied is None:
        yield Finding(where, "it was never applied to this cluster", f"jx get env {environment.name} --wait")
    elif applied.source.revision != head and not anchor.holds:
        was = (applied.source.revision or "no commit")[:12]
        yield Finding(
            where,
            f"its branch is at {head[:12]}, and {was} is what was applied (jx get activities tells what stopped it)",
            f"jx get env {environment.name} --wait",
        )


def judge_runs(
    environment: Environment, anchor: Anchor | None, runs: Sequence[Run], now: datetime
) -> Iterator[Finding]:
    """Where runs apply: what the newest of an environment's runs says of why its commit is not applied. `runs`, oldest first."""
    mine = runs_of(environment, runs)
    applied = anchor.applied if anchor else None
    if not mine or (applied and applied.source.revision == mine[-1].revision and not mine[-1].state.is_open):
        return
    run = mine[-1]
    where = f"pipeline of {environment.name}"
    if run.state is RunState.FAILED:
        logs = f"jx get build logs {run.pipeline} --build {run.build}"
        yield Finding(where, f"run #{run.build} of {run.revision[:12]} failed: {find_failure(run)}", logs)
    elif run.state is RunState.PENDING and run.created and now - run.created > _BEGINS:
        words = f"run #{run.build} of {run.revision[:12]} waits since {run.created:%Y-%m-%d %H:%M} UTC: nobody begins it"
        yield Finding(
            where, words, f"kubectl rollout restart -n {environment.namespace} deployment/jx-runner"
        )


def judge_ledger(anchor: Anchor, head: Revision | None) -> Iterator[Finding]:
    """Whether the branch of the ledger ends where the cluster remembers."""
    if (head or "") != anchor.ledger_head:
        there, remembered = (head or "nothing")[:12], (anchor.ledger_head or "nothing")[:12]
        yield Finding(
            f"ledger of {anchor.environment}",
            f"its branch ends at {there}, and the cluster remembers {remembered}",
            f"jx verify history {anchor.environment}",
        )


def judge_snapshot(anchor: Anchor, snapshot: Snapshot | None, state: Tree | None) -> Iterator[Finding]:
    """Whether there is what a watchdog would go back to. `state` is the ledger's files of it; None where they cannot be had."""
    good = anchor.verified
    if good is None:
        return
    where = f"snapshot of {anchor.environment}"
    if snapshot is None:
        yield Finding(
            where,
            f"there is none of the last verified state ({good.version or good.plan_digest[:19]})",
            "jx step verify install",
        )
        return
    if state is not None and digest_of({path: state.text(path) for path in state}) != snapshot.digest:
        yield Finding(
            where,
            "it is not the state that the ledger names",
            f"kubectl delete configmaps,secrets -n {RESCUE_NAMESPACE} -l jenkins.io/snapshot={anchor.environment}",
        )


def judge_proof(anchor: Anchor, now: datetime) -> Iterator[Finding]:
    """Whether what dev runs is known to be good, once there was time enough to find out."""
    applied, good = anchor.applied, anchor.verified
    if applied is None or applied.result is not ApplyResult.APPLIED or anchor.is_begun or anchor.holds:
        return
    if (good and good.plan_digest == applied.plan_digest) or now - applied.at < _SETTLES:
        return
    last = f"{good.version or good.plan_digest[:19]} was the last" if good else "none ever was"
    words = f"what was applied at {applied.at:%Y-%m-%d %H:%M} UTC is not verified; {last}"
    yield Finding(f"environment {anchor.environment}", words, "jx step verify install")


def judge_watch(
    watch: Watch | None, now: datetime, *, repo: Repo | None = None, access: str = ""
) -> Iterator[Finding]:
    """Whether a watchdog is stuck, or there long after its time."""
    if watch is None:
        return
    where = f"watchdog of {watch.orders.environment}"
    if watch.phase is Phase.STUCK:
        how = ("--from-ledger", "verified", "--reason", '"the watchdog is stuck"')
        again = apply_again(repo, *how, access=access)
        yield Finding(where, f"it is stuck: {watch.words}", again)
        return
    if watch.phase in DONE or watch.since is None:
        return
    late = now - watch.since - watch.orders.deadline
    if late > _SETTLES:
        yield Finding(
            where,
            f"it is left over: {watch.phase.value} since {watch.since:%Y-%m-%d %H:%M} UTC",
            f"kubectl delete pods,configmaps -n {RESCUE_NAMESPACE} -l jenkins.io/watchdog={watch.orders.environment}",
        )
