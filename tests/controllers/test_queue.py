"""The queue of keys: doubled, lost and failing keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from jx.controllers.queue import KeyQueue

NOTHING = timedelta(0)


class Time:
    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def passes(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def test_a_doubled_key_is_handed_out_once() -> None:
    queue = KeyQueue(Time())
    for key in ("a", "b", "a"):
        queue.add(key)
    assert [queue.take(within=NOTHING) for _ in range(3)] == ["a", "b", None]


def test_a_key_told_while_in_work_comes_once_more_afterwards() -> None:
    queue = KeyQueue(Time())
    queue.add("a")
    assert queue.take(within=NOTHING) == "a"
    queue.add("a")
    queue.add("a")
    assert queue.take(within=NOTHING) is None
    queue.done("a")
    assert queue.take(within=NOTHING) == "a"
    queue.done("a")
    assert queue.take(within=NOTHING) is None


def test_a_failed_key_comes_back_later_and_ever_later() -> None:
    time = Time()
    queue = KeyQueue(time)
    queue.add("a")
    delays = []
    for _ in range(10):
        assert queue.take(within=NOTHING) == "a"
        delay = queue.failed("a")
        delays.append(delay.total_seconds())
        assert queue.take(within=NOTHING) is None
        time.passes(delay.total_seconds())
    assert delays[:4] == [1, 2, 4, 8]
    assert delays[-1] == 120


def test_success_forgets_earlier_failures() -> None:
    time = Time()
    queue = KeyQueue(time)
    queue.add("a")
    queue.take(within=NOTHING)
    queue.failed("a")
    time.passes(1)
    queue.take(within=NOTHING)
    queue.done("a")
    queue.add("a")
    queue.take(within=NOTHING)
    assert queue.failed("a") == timedelta(seconds=1)


def test_a_closed_queue_hands_out_nothing() -> None:
    queue = KeyQueue(Time())
    queue.add("a")
    queue.close()
    assert queue.take(within=timedelta(hours=1)) is None
