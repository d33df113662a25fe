"""What a watchdog decides from what it sees, and which applies need one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jx.domain.applying.applying import (
    Action,
    Anchor,
    Applied,
    ApplyPlan,
    ApplyResult,
    Hold,
    HookStep,
    KnownGood,
    LiveObject,
    Source,
    Step,
)
from jx.domain.environments import watchdogs
from jx.domain.environments.watchdog_records import parse_watch, watch_to_data
from jx.domain.environments.watchdogs import Orders, Phase, Verdict, Watch
from jx.domain.names import DEV, Person, Repo, Revision
from jx.domain.objects.manifests import ChartPin, Manifest, ref_of

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REPO = Repo("https://git.example/acme/env-dev.git")
OLD = Source(REPO, Revision("a" * 40), "sha256:old", Person("Ann Lee"))
NEW = Source(REPO, Revision("b" * 40), "sha256:new", Person("Ann Lee"))
OTHER = Source(REPO, None, "sha256:other", Person("Bob Ray"))
HOLD = Hold("watchdog", "it did not work", AT, NEW.revision, "rescue", "sha256:old")
ORDERS = Orders("1", DEV, "sha256:new", 5 * MINUTE, "sha256:plan", AT - MINUTE, AT - MINUTE, HOLD)
WATCH = Watch(ORDERS, Phase.WATCHING, since=AT)


def applied(source: Source, at: datetime, by: str = "controller") -> Applied:
    return Applied(source, "sha256:p", ApplyResult.APPLIED, at, by)


def anchor(**changes: Any) -> Anchor:
    """As it is while the new state is being applied."""
    before = Anchor(DEV, REPO, "c", "jx", "jenkins-x", applied=applied(OLD, AT - MINUTE), is_begun=True)
    return replace(before, verified=KnownGood("sha256:plan", OLD, AT - MINUTE), **changes)


DONE = {"applied": applied(NEW, AT + MINUTE), "is_begun": False}
EARLY, LATE = AT + MINUTE, AT + 6 * MINUTE


@pytest.mark.parametrize("seen", [anchor(), anchor(**DONE), None])
def test_it_waits_until_the_deadline_and_then_goes_back(seen: Anchor | None) -> None:
    assert watchdogs.decide(WATCH, seen, EARLY)[0] is Verdict.WAIT
    verdict, why = watchdogs.decide(WATCH, seen, LATE)
    assert verdict is Verdict.RETURN
    assert why == "it did not prove itself within 300 s"


def test_a_state_that_was_verified_since_is_all_that_it_wants() -> None:
    proven = replace(anchor(**DONE), verified=KnownGood("sha256:p", NEW, AT + MINUTE, "1.1.0"))
    assert watchdogs.decide(WATCH, proven, LATE) == (Verdict.STAND_DOWN, "the new state is verified (1.1.0)")


def test_a_person_who_takes_over_is_left_alone() -> None:
    rescue = Hold("bob", "I see to it", AT + MINUTE, NEW.revision)
    assert watchdogs.decide(WATCH, anchor(holds=(rescue,)), LATE)[0] is Verdict.STAND_DOWN
    by_hand = anchor(applied=applied(OTHER, AT + MINUTE, "bob@example.com"), is_begun=False)
    assert watchdogs.decide(WATCH, by_hand, EARLY)[0] is Verdict.STAND_DOWN


def test_a_later_merge_does_not_call_it_off() -> None:
    later = anchor(applied=applied(OTHER, AT + MINUTE), is_begun=False)
    assert watchdogs.decide(WATCH, later, EARLY)[0] is Verdict.WAIT
    assert watchdogs.decide(WATCH, later, LATE)[0] is Verdict.RETURN


def test_where_nothing_was_changed_there_is_nothing_to_take_back() -> None:
    assert watchdogs.decide(WATCH, anchor(is_begun=False), LATE) == (
        Verdict.STAND_DOWN,
        "nothing was changed",
    )


def test_a_record_comes_back_as_it_was() -> None:
    assert parse_watch(watch_to_data(WATCH), version="7") == replace(WATCH, version="7")


def body(kind: str, name: str, api_version: str = "v1", namespace: str = "jx", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def step(found: dict[str, Any], source: str = "", action: Action = Action.UPDATE) -> Step:
    manifest = Manifest(ref_of(found), found["apiVersion"], found, source)
    return Step(action, manifest.ref, manifest.api_version, 0, "", manifest)


def plan(*steps: Step, hooks: tuple[HookStep, ...] = ()) -> ApplyPlan:
    charts = (ChartPin("jx", "jx-platform", "1.1.0"), ChartPin("redis", "redis", "1.0.0"))
    return ApplyPlan(DEV, "jx", "jenkins-x", "c", steps, charts, hooks)


REDIS = step(body("StatefulSet", "redis", "apps/v1"), "env/charts/redis/templates/a.yaml")
CONTROLLERS = step(body("Deployment", "jx-controllers", "apps/v1"), "env/charts/jx/templates/a.yaml")
QUOTA = step(body("ResourceQuota", "all"), "env/charts/redis/templates/q.yaml")
ELSEWHERE = step(body("ResourceQuota", "all", namespace="redis"), "env/charts/redis/templates/q.yaml")
GATE = step(
    body("ValidatingWebhookConfiguration", "all", "admissionregistration.k8s.io/v1", namespace=""),
    "env/charts/redis/templates/w.yaml",
)


@pytest.mark.parametrize(
    ("one", "is_needed"),
    [(REDIS, False), (ELSEWHERE, False), (CONTROLLERS, True), (QUOTA, True), (GATE, True)],
    ids=lambda value: str(value.ref) if isinstance(value, Step) else "",
)
def test_only_what_ci_cd_needs_needs_a_watchdog(one: Step, is_needed: bool) -> None:
    assert watchdogs.list_needed(plan(one), {}) == ((one.ref,) if is_needed else ())
    kept = replace(one, action=Action.UNCHANGED)
    assert watchdogs.list_needed(plan(kept), {}) == ()


def test_the_platforms_own_objects_are_known_when_they_go() -> None:
    labels = {"app.kubernetes.io/name": "jx-platform"}
    there = body("Deployment", "jx-webhooks", "apps/v1")
    there["metadata"]["labels"] = labels
    ref = ref_of(there)
    gone = Step(Action.PRUNE, ref, "apps/v1", 90, "it is no longer rendered")
    assert watchdogs.list_needed(plan(gone), {ref: LiveObject(ref, "u", "1", there)}) == (ref,)


def definition(*versions: tuple[str, bool]) -> dict[str, Any]:
    listed = [{"name": name, "served": True, "storage": storage} for name, storage in versions]
    return body(
        "CustomResourceDefinition",
        "apps.jenkins.io",
        "apiextensions.k8s.io/v1",
        "",
        spec={"versions": listed},
    )


def test_a_stored_version_that_the_old_crd_does_not_know_has_no_way_back() -> None:
    old = definition(("v1", True))
    live = {ref_of(old): LiveObject(ref_of(old), "u", "1", old)}
    served = plan(step(definition(("v1", True), ("v2", False))))
    assert watchdogs.find_no_way_back(served, live) is None
    stored = plan(step(definition(("v1", False), ("v2", True))))
    found = watchdogs.find_no_way_back(stored, live)
    assert found is not None
    assert "version v2" in found.message
    known = definition(("v1", True), ("v2", False))
    live = {ref_of(known): LiveObject(ref_of(known), "u", "1", known)}
    assert watchdogs.find_no_way_back(stored, live) is None


def test_a_job_of_the_platform_that_runs_around_it_needs_a_person() -> None:
    job = body("Job", "migrate", "batch/v1")
    hook = HookStep("pre-upgrade", Manifest(ref_of(job), "batch/v1", job), app="jx")
    found = watchdogs.find_no_way_back(plan(CONTROLLERS, hooks=(hook,)), {})
    assert found is not None
    assert "by hand" in found.hint
    assert watchdogs.find_no_way_back(plan(CONTROLLERS, hooks=(replace(hook, app="redis"),)), {}) is None
