"""History: what changed, told from ledgers alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.journeys import ANN, BETTER, BOB, DEV, STAGING, World, installed, merged, upgraded

from jx.adapters.local.memory_secret_log import MemorySecretLog
from jx.domain.errors import NotFound
from jx.domain.history import history
from jx.domain.history.history import HistoryEntry, Kind
from jx.domain.history.history_choice import HistoryChoice
from jx.domain.ledger.secret_writes import Deed, Ending, SecretWrite
from jx.usecases.following.set_hold import SetHold
from jx.usecases.history.show_history import HistoryRequest, ShowHistory


@pytest.fixture
def world() -> World:
    return installed()


def told(world: World, **which: object) -> tuple[HistoryEntry, ...]:
    request = HistoryRequest((world.place(), world.place(STAGING)))
    return world.process(ANN).show_history(replace(request, **which))  # type: ignore[arg-type]


def with_redis(world: World) -> None:
    world.process(ANN).add_app("redis", version="1.0.0")
    merged(world, 1)
    world.settle()


def test_a_change_is_told_with_who_asked_who_approved_and_what_it_did(world: World) -> None:
    with_redis(world)
    newest = told(world)[0]
    assert (newest.author.name, newest.approvers) == ("Ann Lee", ("Bob Ray <bob@example.com>",))
    assert newest.first("Jx-Pull-Request").endswith("/pulls/1")
    assert newest.first("Jx-Result") == "applied"
    words = history.in_words(newest)
    assert words[0].startswith("redis 1.0.0 added, ")
    assert words[0].endswith(" objects created")


def test_an_upgrade_is_told_by_versions_and_counts(world: World) -> None:
    with_redis(world)
    upgraded(world, BETTER)
    words = history.in_words(told(world)[0])
    assert words[0].startswith("jx-platform 1.0.0 → 1.1.0, ")
    assert " changed" in words[0]


def test_holds_and_their_ends_are_on_record_with_their_reasons(world: World) -> None:
    process = world.process(BOB)
    use = SetHold(process.anchors, process.forge, process.cluster, process.clock, process.reporter)
    use(DEV, reason="a freeze")
    world.clock.move(timedelta(minutes=5))
    process.end_hold(DEV, reason="it is over")
    ended, begun = told(world)[:2]
    assert (begun.kind, begun.author.name, history.in_words(begun)) == (Kind.HOLD, "Bob Ray", ("a freeze",))
    assert ended.kind is Kind.RESUME
    assert "it is over" in history.in_words(ended)[0]
    assert ended.revision == ""
    world.settle()
    assert told(world)[0].revision


def test_an_apply_by_hand_and_its_reason_are_on_record_before_they_are_published(world: World) -> None:
    with_redis(world)
    world.process(BOB).apply_by_hand(world.tree().remove("env/redis/README.MD"))
    newest = told(world)[0]
    assert (newest.kind, newest.first("Jx-Reason")) == (Kind.BY_HAND, "rescue")


def test_history_is_narrowed_by_environment_app_person_and_number(world: World) -> None:
    with_redis(world)
    assert {one.environment for one in told(world)} == {DEV, STAGING}
    assert [one.author.name for one in told(world, choice=HistoryChoice("redis"))] == ["Ann Lee"]
    assert [one.author.name for one in told(world, choice=HistoryChoice(by="bob ray"))] == ["Ann Lee"]
    assert len(told(world, limit=1)) == 2
    assert len(told(world, choice=HistoryChoice(ref=("StatefulSet", "jenkins-x-redis", "")))) == 1


@pytest.mark.parametrize(
    ("choice", "message", "hint"),
    [
        (HistoryChoice("reddis"), "no entry is about an app reddis", "apps on record: redis, jx-platform"),
        (
            HistoryChoice(by="Bop Ray"),
            "no entry is by Bop Ray",
            "people on record: Ann Lee <ann@example.com>, Bob Ray",
        ),
        (
            HistoryChoice(ref=("StatefulSet", "redis", "")),
            "no entry is about an object StatefulSet/redis",
            "objects on record: StatefulSet/jenkins-x-redis",
        ),
    ],
)
def test_what_was_never_heard_of_is_told_with_what_is_on_record(
    world: World, choice: HistoryChoice, message: str, hint: str
) -> None:
    with_redis(world)
    assert told(world, choice=choice) == ()
    with pytest.raises(NotFound, match=message) as caught:
        told(world, choice=choice, must_be_known=True)
    assert caught.value.hint.startswith(hint)


def test_what_is_known_and_did_not_happen_lately_is_nothing(world: World) -> None:
    with_redis(world)
    world.clock.move(timedelta(days=40))
    assert not told(world, choice=HistoryChoice("redis"), since=world.clock.now(), must_be_known=True)


def test_versions_are_compared_with_what_was_before_the_moment_that_was_asked_for(world: World) -> None:
    with_redis(world)
    world.clock.move(timedelta(days=40))
    upgraded(world, BETTER)
    found = told(world, since=world.clock.now() - timedelta(days=30))
    assert len(found) == 1
    assert [name for name, _, _ in found[0].versions] == ["jx-platform"]


def test_without_a_cluster_what_is_published_is_told(world: World) -> None:
    world.down["cluster"].is_down = True
    assert told(world)
    assert "the cluster is not asked" in world.reporter.text


def test_who_wrote_a_secret_of_the_environment_is_told_and_never_what(world: World) -> None:
    log = MemorySecretLog()
    at = world.clock.now()
    for place in ("vault:staging/redis", "vault:production/redis"):
        write = SecretWrite(at, "ann", Deed.SET, place, ("password",), "jx edit secret", "3")
        log.end(replace(log.begin(write), ending=Ending.DONE))
    show = ShowHistory(world.histories, world.reporter, world.anchors, log)
    found = [one for one in show(HistoryRequest((world.place(STAGING),))) if one.kind is Kind.SECRET]
    assert [(one.author.name, *history.in_words(one)) for one in found] == [
        ("ann", "secret vault:staging/redis (password) set, version 3")
    ]


def test_a_secret_of_no_environment_is_told_where_no_environment_was_named(world: World) -> None:
    log = MemorySecretLog()
    for place in ("vault:staging/redis", "vault:prod/db"):
        write = SecretWrite(world.clock.now(), "ann", Deed.SET, place, ("password",), "jx edit secret", "3")
        log.end(replace(log.begin(write), ending=Ending.DONE))
    show = ShowHistory(world.histories, world.reporter, world.anchors, log)
    found = show(HistoryRequest((world.place(), world.place(STAGING)), is_everything=True))
    secrets = sorted((one.environment, one.subject) for one in found if one.kind is Kind.SECRET)
    assert secrets == [
        ("-", "secret vault:prod/db (password) set, version 3"),
        (STAGING, "secret vault:staging/redis (password) set, version 3"),
    ]
