"""Hooks as values: whose they are, when they are due, in which order, and what the anchor remembers of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jx.domain.applying import hooks
from jx.domain.applying.applying import (
    ApplyPlan,
    DeletePolicy,
    HookOutcome,
    HookRecord,
    HookStep,
    InventoryItem,
    LiveObject,
)
from jx.domain.applying.hooks import Occasion
from jx.domain.names import EnvironmentName
from jx.domain.objects.health import State
from jx.domain.objects.manifests import Hook, Manifest, ObjectRef

DEV = EnvironmentName("dev")


def job(name: str, *phases: str, weight: int = 0, policies: tuple[str, ...] = (), app: str = "web") -> Hook:
    found = ObjectRef("batch", "Job", "jx", name)
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "jx"}}
    return Hook(
        Manifest(found, "batch/v1", body, f"env/charts/{app}/templates/{name}.yaml"), phases, weight, policies
    )


def plan_of(*steps: HookStep, digests: tuple[tuple[str, str], ...] = (("web", "1"),)) -> ApplyPlan:
    return ApplyPlan(DEV, "jx", "jx", "c", (), hooks=steps, hook_digests=digests)


@pytest.mark.parametrize(
    ("source", "app"),
    [
        ("env/charts/web/templates/a.yaml", "web"),
        ("env/charts/web/charts/db/templates/a.yaml", "web"),
        ("web/templates/a.yaml", "web"),
        ("env/templates/a.yaml", ""),
        ("", ""),
    ],
)
def test_a_hook_belongs_to_the_app_whose_chart_has_its_template(source: str, app: str) -> None:
    manifest = replace(job("a").manifest, source=source)
    assert hooks.app_of(manifest, ["web"]) == app


@pytest.mark.parametrize(
    ("record", "changed", "installed", "due"),
    [
        (HookRecord(), {"web"}, set(), Occasion.INSTALL),
        (HookRecord(), {"web"}, {"web"}, Occasion.UPGRADE),
        (HookRecord(), set(), {"web"}, None),
        (HookRecord(seen=(("web", "1"),)), set(), {"web"}, None),
        (HookRecord(seen=(("web", "0"),)), set(), {"web"}, Occasion.UPGRADE),
        (HookRecord(pending=(("web", "install"),)), set(), {"web"}, Occasion.INSTALL),
    ],
)
def test_when_the_hooks_of_an_app_are_due(
    record: HookRecord, changed: set[str], installed: set[str], due: Occasion | None
) -> None:
    found = hooks.find_occasions(
        record, [("web", "1")], changed=frozenset(changed), installed=frozenset(installed)
    )
    assert found.get("web") is due


def test_a_hook_of_two_phases_runs_twice_in_one_apply_if_both_are_due() -> None:
    steps = hooks.choose(
        [job("a", "pre-upgrade", "post-upgrade", "test")], {"web": Occasion.UPGRADE}, apps=["web"], shown={}
    )
    assert [step.phase for step in steps] == ["pre-upgrade", "post-upgrade"]


def test_without_a_policy_a_hook_is_replaced_when_it_runs_again_and_unknown_words_count_for_nothing() -> None:
    assert hooks.policies_of(job("a")) == {DeletePolicy.BEFORE}
    assert hooks.policies_of(job("a", policies=("hook-succeeded",))) == {DeletePolicy.SUCCEEDED}
    assert hooks.policies_of(job("a", policies=("sometimes",))) == {DeletePolicy.BEFORE}


def test_hooks_that_nobody_runs_here_do_not_make_hooks_changed() -> None:
    before = hooks.digests_of([job("a", "pre-install")], apps=["web"], shown={})
    after = hooks.digests_of([job("a", "pre-install"), job("b", "test")], apps=["web"], shown={})
    assert before == after
    assert hooks.digests_of([job("a", "pre-upgrade")], apps=["web"], shown={}) != before


def test_a_record_goes_from_begun_to_ended() -> None:
    step = HookStep("pre-install", job("a", "pre-install").manifest, app="web")
    plan = plan_of(step)
    begun = hooks.begin(HookRecord(), plan)
    assert begun.pending == (("web", "install"),)
    failed = hooks.end(HookRecord(), plan, (HookOutcome(step, error="no"),), is_applied=False)
    assert failed.pending == begun.pending
    assert not failed.seen
    live = LiveObject(step.ref, "uid-1", "1", step.manifest.body)
    ended = hooks.end(failed, plan, (HookOutcome(step, left=live),), is_applied=True)
    assert ended == HookRecord((), (("web", "1"),), (InventoryItem(step.ref, "batch/v1", "uid-1", "", ""),))
    assert hooks.end(ended, plan, (HookOutcome(step),), is_applied=True).left == ()


def test_a_hook_pod_is_done_when_it_has_run_to_its_end_and_not_when_it_serves() -> None:
    ready: dict[str, Any] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": ready}
    assert hooks.judge(pod).state is State.IN_PROGRESS
    assert hooks.judge(pod | {"status": {"phase": "Succeeded"}}).state is State.CURRENT
    assert hooks.judge(pod | {"status": {"phase": "Failed"}}).state is State.FAILED
