"""What is wrong in a platform, told from what was seen of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from jx.domain.applying.applying import Anchor, Applied, ApplyResult, Hold, KnownGood, Source
from jx.domain.environments.environments import Environment
from jx.domain.environments.watchdogs import Orders, Phase, Watch
from jx.domain.ledger import ledger
from jx.domain.names import EnvironmentName, Person, Repo, Revision
from jx.domain.platforms import ailments
from jx.domain.runs.runs import APPLY, Run, RunState
from jx.domain.trees import Tree

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DEV = EnvironmentName("dev")
REPO = Repo("https://git.example.com/acme/env-dev.git")
HEAD, OTHER = Revision("a" * 40), Revision("b" * 40)
SOURCE = Source(REPO, HEAD, "sha256:1", Person("Ann Lee"), "Add redis")
APPLIED = Applied(SOURCE, "sha256:plan", ApplyResult.APPLIED, NOW, "jx", ())
ANCHOR = Anchor(DEV, REPO, "cluster-1", "jx", "jenkins-x", applied=APPLIED, ledger_head=HEAD)
ORDERS = Orders(
    "1", DEV, "sha256:1", timedelta(minutes=5), "sha256:0", NOW, None, Hold("jx", "watchdog", NOW)
)
ENVIRONMENT = Environment(DEV, "jx", REPO)


def _of_anchor(anchor: Anchor, *, cluster_id: str = "cluster-1", holder: str = "") -> list[str]:
    found = ailments.judge_anchor(anchor, cluster_id=cluster_id, holder=holder, now=NOW)
    return [one.what for one in found]


def _runs(state: RunState, revision: Revision, *, minutes: int = 0) -> list[str]:
    created, name = NOW - timedelta(minutes=minutes), "acme/env-dev/master"
    run = Run("r-1", name, "7", state, APPLY, revision, words="out of disk", created=created)
    return [f"{one.what} -> {one.mend}" for one in ailments.judge_runs(ENVIRONMENT, ANCHOR, [run], NOW)]


def test_a_run_that_failed_is_told_with_its_logs_as_long_as_its_commit_is_not_applied() -> None:
    (found,) = _runs(RunState.FAILED, OTHER)
    assert "run #7 of bbbbbbbbbbbb failed: out of disk" in found
    assert found.endswith("jx get build logs acme/env-dev/master --build 7")
    assert not _runs(RunState.FAILED, HEAD)
    assert not _runs(RunState.SUCCEEDED, OTHER)


def test_a_run_that_nobody_begins_is_told_after_a_while() -> None:
    assert not _runs(RunState.PENDING, OTHER, minutes=1)
    assert "nobody begins it" in _runs(RunState.PENDING, OTHER, minutes=3)[0]


def test_an_environment_that_is_well_has_no_findings() -> None:
    assert _of_anchor(ANCHOR) == []
    assert list(ailments.judge_head(ENVIRONMENT, ANCHOR, HEAD)) == []
    assert list(ailments.judge_ledger(ANCHOR, HEAD)) == []


def test_what_mends_is_a_command_as_it_is_typed() -> None:
    begun = replace(ANCHOR, is_begun=True)
    (found,) = ailments.judge_anchor(begun, cluster_id="cluster-1", holder="", now=NOW)
    assert found.mend == f'(cd "$(mktemp -d)" && git clone -q {REPO.url} . && jx step env apply)'
    (found,) = ailments.judge_anchor(
        begun, cluster_id="cluster-1", holder="", now=NOW, access=ailments.ACCESS
    )
    assert found.mend.startswith('(cd "$(mktemp -d)" && eval "$(jx local env)" && git clone -q ')
    stuck = Watch(ORDERS, Phase.STUCK, "no CRD", NOW)
    (found,) = ailments.judge_watch(stuck, NOW, repo=REPO)
    assert found.mend.endswith('jx step env apply --from-ledger verified --reason "the watchdog is stuck")')


def test_a_state_that_is_not_verified_is_told_once_there_was_time_for_it() -> None:
    later = NOW + timedelta(minutes=6)
    (found,) = ailments.judge_proof(ANCHOR, later)
    assert found.what == "what was applied at 2026-05-04 12:00 UTC is not verified; none ever was"
    assert list(ailments.judge_proof(ANCHOR, NOW)) == []
    verified = replace(ANCHOR, verified=KnownGood("sha256:plan", SOURCE, NOW, "1.0.0"))
    assert list(ailments.judge_proof(verified, later)) == []
    older = replace(ANCHOR, verified=KnownGood("sha256:other", SOURCE, NOW, "0.9.0"))
    assert "0.9.0 was the last" in next(ailments.judge_proof(older, later)).what
    held = replace(ANCHOR, holds=(Hold(by="ann", reason="frozen", since=NOW),))
    assert list(ailments.judge_proof(held, later)) == [], "the hold says it all"


def test_an_anchor_of_another_cluster_is_told_with_both() -> None:
    assert _of_anchor(ANCHOR, cluster_id="cluster-2") == [
        "its anchor was written by cluster cluster-1, and this is cluster-2"
    ]


def test_a_hold_counts_until_its_time_has_come() -> None:
    hold = Hold(by="ann", reason="frozen", since=NOW, kind="person", until=NOW + timedelta(hours=1))
    assert len(_of_anchor(replace(ANCHOR, holds=(hold,)))) == 1
    assert _of_anchor(replace(ANCHOR, holds=(replace(hold, until=NOW),))) == []


def test_an_apply_that_has_begun_is_wrong_only_where_nobody_is_at_it() -> None:
    begun = replace(ANCHOR, is_begun=True)
    assert _of_anchor(begun, holder="ann@laptop") == []
    assert _of_anchor(begun) == ["an apply of it has begun, and whoever did that has died"]


def test_a_failed_apply_and_entries_that_wait_are_both_told() -> None:
    failed = replace(APPLIED, result=ApplyResult.FAILED, message="quota exceeded\nmore")
    entry = ledger.make_note(DEV, ledger.Happening.HOLD, "frozen", by=Person("Ann Lee"), at=NOW)
    anchor = ledger.noted(replace(ANCHOR, applied=failed), entry)
    told = [
        "its last apply failed: quota exceeded",
        "1 entry waits in the cluster to be published, which the controllers do as soon as they can",
    ]
    assert _of_anchor(anchor) == told
    assert _of_anchor(anchor, holder="ann@laptop") == told[:1]


def test_a_branch_that_went_on_is_wrong_unless_a_hold_explains_it() -> None:
    (found,) = ailments.judge_head(ENVIRONMENT, ANCHOR, OTHER)
    assert (
        found.what
        == f"its branch is at {'b' * 12}, and {'a' * 12} is what was applied (jx get activities tells what stopped it)"
    )
    held = replace(ANCHOR, holds=(Hold(by="ann", reason="frozen", since=NOW),))
    assert list(ailments.judge_head(ENVIRONMENT, held, OTHER)) == []
    (never,) = ailments.judge_head(ENVIRONMENT, None, HEAD)
    assert "never applied" in never.what


def test_a_ledger_that_was_moved_or_lost_leads_to_its_proof() -> None:
    for head in (OTHER, None):
        (found,) = ailments.judge_ledger(ANCHOR, head)
        assert found.mend == "jx verify history dev"


def test_a_verified_state_needs_its_snapshot() -> None:
    assert list(ailments.judge_snapshot(ANCHOR, None, None)) == []
    verified = replace(ANCHOR, verified=KnownGood("sha256:plan", SOURCE, NOW, "1.0.0"))
    (found,) = ailments.judge_snapshot(verified, None, Tree())
    assert (found.where, found.what) == (
        "snapshot of dev",
        "there is none of the last verified state (1.0.0)",
    )


def test_a_watchdog_is_wrong_when_it_is_stuck_or_long_past_its_time() -> None:
    watching = Watch(ORDERS, Phase.WATCHING, since=NOW)
    assert list(ailments.judge_watch(None, NOW)) == []
    assert list(ailments.judge_watch(watching, NOW + timedelta(minutes=9))) == []
    assert len(list(ailments.judge_watch(watching, NOW + timedelta(minutes=11)))) == 1
    assert (
        list(ailments.judge_watch(replace(watching, phase=Phase.STOOD_DOWN), NOW + timedelta(days=1))) == []
    )
    (stuck,) = ailments.judge_watch(replace(watching, phase=Phase.STUCK, words="no CRD"), NOW)
    assert stuck.what == "it is stuck: no CRD"
