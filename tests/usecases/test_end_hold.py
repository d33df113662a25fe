"""Ending a hold: automatic applies go on, and everybody hears whose hold it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.endings import objects
from tests.support.faults import Fault, Faults
from tests.support.fuses import Crash
from tests.support.journeys import ANN, BOB, DEV, World, installed, merged

from jx.domain.applying.applying import Hold
from jx.domain.environments import holds
from jx.domain.errors import NotFound
from jx.domain.names import EnvironmentName


@pytest.fixture
def world() -> World:
    return installed()


def put_on_hold(world: World, reason: str = "a freeze", kind: str = holds.PERSON) -> None:
    hold = Hold("ann", reason, world.clock.now(), kind=kind)
    anchor = world.anchor()
    world.anchors.save(replace(anchor, holds=(*anchor.holds, hold)))


def test_all_holds_end_and_are_told(world: World) -> None:
    put_on_hold(world, "a freeze")
    put_on_hold(world, "a rescue", holds.RESCUE)
    ended = world.process(BOB).end_hold(DEV)
    assert [hold.reason for hold in ended] == ["a freeze", "a rescue"]
    assert not world.anchor().holds
    assert "Ended the hold of ann: a freeze" in world.reporter.text


def test_why_it_goes_on_is_told_with_the_hold_that_ends(world: World) -> None:
    put_on_hold(world, "a freeze")
    world.process(BOB).end_hold(DEV, reason="the release is out")
    assert "Ended the hold of ann: a freeze; the release is out" in world.reporter.text


def test_what_was_held_back_is_applied_afterwards(world: World) -> None:
    put_on_hold(world)
    world.process(ANN).add_app("redis")
    revision = merged(world, 1)
    world.settle()
    applied = world.anchor().applied
    assert applied is not None
    assert applied.source.revision != revision
    world.process(BOB).end_hold(DEV)
    world.settle()
    applied = world.anchor().applied
    assert applied is not None
    assert applied.source.revision == revision


def test_where_there_is_no_hold_nothing_is_written(world: World) -> None:
    version = world.anchor().version
    assert world.process(BOB).end_hold(DEV) == ()
    assert world.anchor().version == version


def test_an_environment_that_this_cluster_has_never_seen_is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="never seen environment preview"):
        world.process(BOB).end_hold(EnvironmentName("preview"))


def test_who_loses_a_race_for_the_anchor_tries_again_and_keeps_what_the_other_wrote(world: World) -> None:
    put_on_hold(world)

    def apply_meanwhile() -> None:
        world.anchors.save(replace(world.anchor(), ledger_head="f" * 40))

    dry = Faults()
    world.copy().process(BOB, dry).end_hold(DEV)
    saving = dry.calls.index(("cluster", "save")) + 1
    world.process(BOB, Faults(saving, meddle=apply_meanwhile)).end_hold(DEV)
    assert not world.anchor().holds
    assert world.anchor().ledger_head == "f" * 40


def test_a_hold_that_is_set_in_the_same_moment_stays(world: World) -> None:
    put_on_hold(world, "a freeze")
    dry = Faults()
    world.copy().process(BOB, dry).end_hold(DEV)
    saving = dry.calls.index(("cluster", "save")) + 1
    faults = Faults(saving, meddle=lambda: put_on_hold(world, "another freeze"))
    ended = world.process(BOB, faults).end_hold(DEV)
    assert [hold.reason for hold in ended] == ["a freeze"]
    assert [hold.reason for hold in world.anchor().holds] == ["another freeze"]


def test_what_an_interrupted_rescue_did_is_made_good_when_its_hold_is_ended(world: World) -> None:
    before = world.tree()
    world.process(ANN).add_app("redis")
    merged(world, 1)
    world.settle()
    expected = objects(world)
    dry = Faults()
    world.copy().process(BOB, dry).apply_by_hand(before)
    deleting = dry.calls.index(("cluster", "delete")) + 1
    with pytest.raises(Crash):
        world.process(BOB, Faults(deleting, Fault.CRASH_AFTER)).apply_by_hand(before)
    world.process(BOB).end_hold(DEV)
    world.settle()
    assert objects(world) == expected


def test_a_rescue_that_was_finished_leaves_its_record_as_it_is(world: World) -> None:
    before = world.tree()
    world.process(ANN).add_app("redis")
    merged(world, 1)
    world.settle()
    world.process(BOB).apply_by_hand(before)
    applied = world.anchor().applied
    world.process(BOB).end_hold(DEV)
    assert world.anchor().applied == applied
