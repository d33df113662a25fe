"""What the controllers do about comments: once, however often they look and whoever restarts them."""

from __future__ import annotations

import pytest
from tests.support.journeys import ANN, BOB, BOT, OLGA, World, installed

from jx.domain.changes.changes import PullState
from jx.domain.names import Person
from jx.ports.forge import Offer
from jx.usecases.proposing.add_app import AddApp, AddAppRequest

EVE = Person("Eve", "eve@example.com", "eve")


@pytest.fixture
def world() -> World:
    return installed()


def say(world: World, person: Person, text: str, number: int = 1) -> None:
    world.forge_as(person).comment(world.repo(), number, text)


def add(world: World, name: str) -> None:
    use = AddApp(world.process(ANN).propose_change, world.catalog, world.reporter)
    use(AddAppRequest(world.at, name, auto_merge=True))


def plan_of(world: World, number: int = 1) -> str:
    return next((one.description for one in world.pull(number).checks if one.context == "jx/plan"), "")


def test_a_command_is_enough_to_let_a_change_in(world: World) -> None:
    add(world, "redis")
    world.settle()
    say(world, OLGA, "/approve")
    world.settle()
    assert world.pull().state is PullState.MERGED


def test_what_is_on_hold_waits_however_approved(world: World) -> None:
    add(world, "redis")
    say(world, OLGA, "/approve\n/hold")
    world.settle()
    assert world.pull().state is PullState.OPEN
    say(world, BOB, "/hold cancel")
    world.settle()
    assert world.pull().state is PullState.MERGED


def test_one_more_check_is_made_for_each_that_was_asked_for(world: World) -> None:
    add(world, "redis")
    world.settle()
    say(world, BOB, "/test")
    for _ in range(2):
        world.settle()  # controllers start anew each time
        assert plan_of(world).endswith(", asked 1)")
    say(world, BOB, "/retest")
    world.settle()
    assert plan_of(world).endswith(", asked 2)")


def test_a_change_that_a_machine_made_is_made_anew_when_somebody_asks(world: World) -> None:
    add(world, "redis")
    world.settle()
    head = world.pull().head
    base = world.push(world.tree().put("README.md", "new\n"), "Write")
    world.settle()
    assert world.pull().head == head
    say(world, BOB, "/rebase")
    world.settle()
    again = world.pull().head
    assert world.repos.log(world.repo(), again, limit=2)[1].revision == base
    world.settle()
    assert world.pull().head == again


def test_a_change_of_somebody_without_rights_is_not_even_looked_at_before_an_ok(world: World) -> None:
    admin = world.forge_as(OLGA)
    admin.ensure_collaborator(world.repo(), EVE.login, right="write")
    add(world, "redis")
    world.forge_as(ANN).close(world.repo(), 1)
    branch = world.pull().head_branch
    world.forge_as(EVE).propose(world.repo(), Offer(branch, "master", "Mine", ""))
    admin.ensure_collaborator(world.repo(), EVE.login, right="read")
    world.settle()
    assert plan_of(world, 2) == ""
    say(world, BOB, f"/ok-to-test {world.pull(2).head}", 2)
    world.settle()
    assert plan_of(world, 2) != ""


def test_who_may_not_is_told_once_whoever_restarts(world: World) -> None:
    world.forge_as(OLGA).ensure_collaborator(world.repo(), EVE.login, right="read")
    add(world, "redis")
    say(world, EVE, "/approve")
    for _ in range(3):
        world.settle()
    told = [one.body for one in world.pull().comments if one.author == BOT and "@eve" in one.body]
    assert told == ["@eve, sorry: `/approve` did nothing, since only olga may approve this.\n"]


def answers(world: World) -> dict[str, str]:
    return {one.key: one.body for one in world.pull().comments if one.author == BOT}


def test_every_command_is_answered_where_people_see_it(world: World) -> None:
    add(world, "redis")
    say(world, BOB, "/test")
    say(world, BOB, "/retest")
    say(world, BOB, "/cancel")
    say(world, BOB, "/rebase")
    say(world, BOB, "/hold")
    say(world, BOB, "/lgtm")
    say(world, OLGA, "/approve")
    for _ in range(2):
        world.settle()
    told = answers(world)
    assert told["jx-answer-test"].startswith("It is checked once more, as bob asked (2 times so far)")
    assert told["jx-answer-cancel"] == "Nothing runs pipelines here, so there is no run to end.\n"
    assert told["jx-replay"].startswith("It is on today's master")
    for words in ("Approved by olga.", "Looks good to bob.", "On hold by bob, until `/hold cancel`."):
        assert words in told["jx-approval"]
    assert len([one for one in world.pull().comments if one.author == BOT]) == len(told)


def test_a_comment_that_is_edited_into_a_command_is_none(world: World) -> None:
    add(world, "redis")
    forge = world.forge_as(OLGA)
    forge.comment(world.repo(), 1, "Fine.", key="mine")
    world.settle()
    forge.comment(world.repo(), 1, "/approve\n/test", key="mine")
    world.settle()
    assert world.pull().state is PullState.OPEN
    assert "asked" not in plan_of(world)
    told = [body for key, body in answers(world).items() if key.startswith("jx-answer")]
    assert len(told) == 2
    assert all("it was edited after it was said" in one for one in told)
