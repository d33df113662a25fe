"""A kill before or after any outside call of an apply is finished or repaired by the next one."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from tests.support.fuses import Crash, Fuse
from tests.support.worlds import World, config_map, definition, deployment, environment_tree, secret

from jx.domain.applying.locking import LEASE
from jx.domain.errors import Held
from jx.domain.ledger import ledger
from jx.domain.objects import secrets
from jx.domain.trees import Tree
from jx.usecases.applying.apply_environment import ApplyEnvironment

CUSTOM = {
    "apiVersion": "shop.example.com/v1",
    "kind": "Window",
    "metadata": {"name": "front"},
    "spec": {"size": 2},
}
RANDOM = """apiVersion: v1
kind: Secret
metadata: {name: drawn}
stringData: {password: '{{ randAlphaNum 16 }}'}
"""

Run = Callable[[World, ApplyEnvironment], None]


@dataclass(frozen=True)
class Scenario:
    """A world as it is before, and the runs that one fuse goes around."""

    build: Callable[[], World]
    run: Run


def new_world() -> World:
    world = World()
    world.offer(
        "shop", "1.0.0", definition("shop.example.com", "Window"), CUSTOM, deployment("shop", "shop:1")
    )
    world.offer("web", "1.0.0", deployment("web", "web:1"), config_map("old", {"a": "1"}), drawn=RANDOM)
    world.offer(
        "web", "1.1.0", deployment("web", "web:2"), secret("web", {"password": "hunter22"}), drawn=RANDOM
    )
    world.offer("jx-platform", "1.0.0", deployment("controller", "jx:1"))
    world.offer("jx-platform", "1.1.0", deployment("controller", "jx:broken"))
    return world


def apps(web: str = "1.0.0", platform: str = "1.0.0", **more: str) -> Tree:
    return environment_tree({"shop": "1.0.0", "web": web, "jx-platform": platform} | more)


def before_install() -> World:
    world = new_world()
    world.commit(apps(), "Install")
    return world


def before_upgrade() -> World:
    world = before_install()
    world.apply_head()
    world.commit(apps(web="1.1.0"), "Upgrade web")
    return world


def before_rescue() -> World:
    world = before_install()
    world.apply_head()
    world.commit(apps(platform="1.1.0"), "Upgrade the platform")
    world.apply_head()
    world.commit(apps(web="1.1.0", platform="1.1.0"), "Upgrade web")
    return world


def before_pushed_revert() -> World:
    world = before_rescue()
    world.apply_by_hand(apps(platform="1.0.0"))
    world.commit(apps(web="1.1.0", platform="1.0.0"), "Revert the platform")
    return world


def apply_head(world: World, use_case: ApplyEnvironment) -> None:
    use_case(world.request_head())


def apply_by_hand(world: World, use_case: ApplyEnvironment) -> None:
    use_case(world.request_by_hand(apps(platform="1.0.0")))


SCENARIOS = {
    "install": Scenario(before_install, apply_head),
    "upgrade with prune": Scenario(before_upgrade, apply_head),
    "rescue": Scenario(before_rescue, apply_by_hand),
    "revert": Scenario(before_pushed_revert, apply_head),
}
MANY = 30
"""More than any of the scenarios needs to get to its end, by far."""


def count_calls(scenario: Scenario) -> int:
    world, fuse = scenario.build(), Fuse()
    scenario.run(world, world.use_case(fuse.wrap))
    return fuse.calls


def end_state(world: World) -> dict[str, Any]:
    """What has to be equal: objects without what only a server counts, the record of them, holds, and the whole ledger."""
    objects = {}
    for ref, body in world.cluster.objects.items():
        shown = copy.deepcopy(secrets.mask(body))
        shown["metadata"] = {
            key: value
            for key, value in shown["metadata"].items()
            if key not in {"uid", "resourceVersion", "generation", "managedFields"}
        }
        objects[str(ref)] = {key: value for key, value in shown.items() if key != "status"}
    anchor = world.anchor
    return {
        "objects": objects,
        "inventory": [str(item.ref) for item in anchor.inventory],
        "uids": [item.uid == world.cluster.objects[item.ref]["metadata"]["uid"] for item in anchor.inventory],
        "applied": (anchor.applied.source, anchor.applied.result) if anchor.applied else None,
        "holds": [(hold.skips, hold.applied_tree, hold.undoes) for hold in anchor.holds],
        "pending": anchor.pending,
        "platform": anchor.platform_versions,
        # A run after the CRDs are there renders for a cluster that serves more, and says so.
        "ledger": {path: text for path, text in world.ledger_files().items() if path != ledger.CAPABILITIES},
        "sources": [
            (commit.subject, commit.trailers.get("Jx-Source-Commit"), commit.trailers["Jx-Source-Tree"])
            for commit in world.ledger_commits()
        ],
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_kill_at_any_outside_call_is_repaired_by_the_next_apply(name: str) -> None:
    scenario = SCENARIOS[name]
    expected_world = scenario.build()
    scenario.run(expected_world, expected_world.use_case())
    expected = end_state(expected_world)
    points = [(at, after) for at in range(1, count_calls(scenario) + 1) for after in (False, True)]
    assert len(points) > MANY
    for at, after in points:
        world, fuse = scenario.build(), Fuse(at, after=after)
        with pytest.raises(Crash):
            scenario.run(world, world.use_case(fuse.wrap))
        world.clock.move(LEASE + timedelta(seconds=1))
        scenario.run(world, world.use_case())
        assert end_state(world) == expected, f"killed {'after' if after else 'before'} call {at}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_after_a_kill_and_a_repair_a_third_apply_writes_nothing(name: str) -> None:
    scenario = SCENARIOS[name]
    for at in range(1, count_calls(scenario) + 1, 3):
        world, fuse = scenario.build(), Fuse(at)
        with pytest.raises(Crash):
            scenario.run(world, world.use_case(fuse.wrap))
        world.clock.move(LEASE + timedelta(seconds=1))
        scenario.run(world, world.use_case())
        writes, commits = len(world.cluster.writes()), len(world.ledger_commits())
        scenario.run(world, world.use_case())
        assert (len(world.cluster.writes()), len(world.ledger_commits())) == (writes, commits)


def test_a_kill_in_mid_rescue_never_lets_the_controller_apply_the_broken_commit_again() -> None:
    scenario = SCENARIOS["rescue"]
    has_written = False
    for at in range(1, count_calls(scenario) + 1):
        world, fuse = scenario.build(), Fuse(at, after=True)
        before = len(world.cluster.writes())
        with pytest.raises(Crash):
            scenario.run(world, world.use_case(fuse.wrap))
        world.clock.move(LEASE + timedelta(seconds=1))
        if len(world.cluster.writes()) > before:
            has_written = True
            with pytest.raises(Held):
                world.apply_head()
    assert has_written


def test_what_a_killed_apply_left_behind_is_pruned_when_it_is_no_longer_wanted() -> None:
    world = before_install()
    calls = count_calls(SCENARIOS["install"])
    fuse = Fuse(calls - 6, after=True)
    with pytest.raises(Crash):
        apply_head(world, world.use_case(fuse.wrap))
    assert world.get("Deployment", "web")
    world.clock.move(LEASE + timedelta(seconds=1))
    world.commit(environment_tree({"shop": "1.0.0", "jx-platform": "1.0.0"}), "Remove web")
    world.apply_head()
    assert world.get("Deployment", "web") is None


def drawn_pair(*names: str) -> dict[str, str]:
    """Templates of Secrets in which a chart draws."""
    return {name: RANDOM.replace("name: drawn", f"name: {name}") for name in names}


def before_draws() -> World:
    world = World()
    world.offer("vault", "1.0.0", **drawn_pair("key", "lock"))
    world.offer("vault", "1.1.0", **drawn_pair("key", "lock", "chain"))
    world.commit(environment_tree({"vault": "1.0.0"}), "Install")
    return world


def before_more_draws() -> World:
    world = before_draws()
    world.apply_head()
    world.commit(environment_tree({"vault": "1.1.0"}), "Draw more")
    return world


@pytest.mark.parametrize("build", [before_draws, before_more_draws])
def test_after_a_kill_all_that_a_chart_has_drawn_is_of_one_render(build: Callable[[], World]) -> None:
    scenario = Scenario(build, apply_head)
    for at, after in [(at, after) for at in range(1, count_calls(scenario) + 1) for after in (False, True)]:
        world, fuse = build(), Fuse(at, after=after)
        before = drawn_live(world)
        with pytest.raises(Crash):
            scenario.run(world, world.use_case(fuse.wrap))
        sent = {name: text for name, text in drawn_live(world).items() if before.get(name) != text}
        world.clock.move(LEASE + timedelta(seconds=1))
        scenario.run(world, world.use_case())
        (group,) = world.anchor.drawn
        found = drawn_live(world)
        assert found == {place.ref.name: values[0] for place, values in group.values.items()}
        assert sent == {name: found[name] for name in sent}, (
            f"killed {'after' if after else 'before'} call {at}"
        )


def drawn_live(world: World) -> dict[str, str]:
    found = {}
    for ref, body in world.cluster.objects.items():
        if ref.kind == "Secret":
            found[ref.name] = base64.b64decode(body["data"]["password"]).decode()
    return found
