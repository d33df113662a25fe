"""The loop that watches for drift: now and then, and not while somebody else is at it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.journeys import BOT, DEV, World, installed

from jx.controllers.drift import DriftController
from jx.controllers.environments import PlatformReader, key_of
from jx.domain.applying.applying import Hold
from jx.domain.environments import holds
from jx.usecases.following.find_drift import FindDrift
from jx.usecases.following.watch_drift import WatchDrift


@pytest.fixture
def world() -> World:
    return installed()


def make(world: World) -> DriftController:
    process = world.process(BOT)
    find = FindDrift(process.cluster, process.anchors, process.repos)
    watch = WatchDrift(find, process.apply_environment, process.repos, process.clock, process.reporter)
    return DriftController(PlatformReader(process.repos, world.at), watch, process.clock, process.holder)


def key(world: World) -> str:
    return key_of(world.environments[DEV])


def edit(world: World) -> Any:
    workload = next(
        found for found in world.cluster.objects if found.kind == "Deployment" and found.namespace == "jx"
    )
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "namespace": "jx"},
    }
    world.cluster.put(body | {"spec": {"replicas": 9}}, manager="kubectl-scale")
    return workload


def test_each_environment_of_this_cluster_is_watched(world: World) -> None:
    assert set(make(world).list_keys()) == {key_of(one) for one in world.environments.values()}


def test_what_it_finds_is_noted_where_everybody_sees_it(world: World) -> None:
    changed = edit(world)
    make(world).look(key(world))
    note = world.anchor().drift
    assert note is not None
    assert str(changed) in note.words


def test_it_looks_once_in_a_while_however_often_its_key_comes(world: World) -> None:
    controller = make(world)
    controller.look(key(world))
    edit(world)
    controller.look(key(world))
    assert world.anchor().drift is None
    world.clock.move(timedelta(minutes=1))
    controller.look(key(world))
    assert world.anchor().drift is not None


def test_an_environment_on_hold_is_left_alone(world: World) -> None:
    hold = Hold("ann", "a test", world.clock.now(), kind=holds.PERSON)
    world.anchors.save(replace(world.anchor(), holds=(hold,)))
    edit(world)
    make(world).look(key(world))
    assert world.anchor().drift is None


def test_a_key_that_names_nothing_is_passed_over(world: World) -> None:
    make(world).look("repo:nobody/nothing")
