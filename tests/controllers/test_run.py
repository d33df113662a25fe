"""The loops: what a signal tells, what only the timer finds, and what goes wrong in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from queue import Queue

import pytest

from jx.adapters.files.clock import SystemClock
from jx.adapters.local.memory_records import MemoryReporter, MemorySignals
from jx.controllers.run import Loops, Several
from jx.domain.errors import Unavailable

NEVER = timedelta(hours=1)
OFTEN = timedelta(milliseconds=5)
PATIENCE = 20.0
"""Seconds; nothing here takes as long."""


@dataclass
class Looker:
    """A controller that notes what it looks at, after whatever a test wants to happen there."""

    keys: tuple[str, ...] = ()
    seen: Queue[str] = field(default_factory=Queue)
    before: Callable[[str], None] = lambda key: None
    listing: Callable[[], None] = lambda: None

    def list_keys(self) -> Iterable[str]:
        self.listing()
        return self.keys

    def look(self, key: str) -> None:
        self.seen.put(key)
        self.before(key)

    def next(self) -> str:
        return self.seen.get(timeout=PATIENCE)


class Signals(MemorySignals):
    """Says when somebody listens."""

    def __init__(self) -> None:
        super().__init__()
        self.is_heard = threading.Event()

    def listen(self, *, within: timedelta) -> Iterator[str]:
        heard = super().listen(within=within)
        self.is_heard.set()
        return heard


@dataclass
class Running:
    """Loops in a thread of their own."""

    looker: Looker
    poll: timedelta = NEVER
    workers: int = 2
    signals: Signals = field(default_factory=Signals)
    clock: SystemClock = field(default_factory=SystemClock)
    reporter: MemoryReporter = field(default_factory=MemoryReporter)
    ready: threading.Event = field(default_factory=threading.Event)

    def tell(self, key: str) -> None:
        assert self.signals.is_heard.wait(PATIENCE)
        self.signals.tell(key)


@contextmanager
def running(looker: Looker, *, poll: timedelta = NEVER, beside: tuple[Looker, ...] = ()) -> Iterator[Running]:
    """Loops that run until the end of the block, and must end then."""
    state = Running(looker, poll)
    loops = Loops(
        looker, state.signals, state.clock, state.reporter, state.poll, state.workers, beside=beside
    )
    thread = threading.Thread(target=loops.run, kwargs={"ready": state.ready.set})
    thread.start()
    try:
        yield state
    finally:
        state.clock.stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


class Once:
    """Raises the first time only."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error

    def __call__(self, *_: object) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error


def test_everything_is_looked_at_once_and_then_it_is_ready() -> None:
    with running(Looker(("a", "b"))) as state:
        assert {state.looker.next(), state.looker.next()} == {"a", "b"}
        assert state.ready.wait(PATIENCE)


def test_a_signal_brings_a_look_long_before_the_timer() -> None:
    with running(Looker(("a",))) as state:
        assert state.looker.next() == "a"
        state.tell("a")
        assert state.looker.next() == "a"


def test_a_lost_signal_is_found_by_the_timer() -> None:
    with running(Looker(("a",)), poll=OFTEN) as state:
        assert [state.looker.next() for _ in range(3)] == ["a", "a", "a"]


def test_signals_that_come_while_a_key_is_in_work_bring_one_more_look() -> None:
    in_work, go_on = threading.Event(), threading.Event()

    def block(key: str) -> None:
        in_work.set()
        assert go_on.wait(PATIENCE)

    with running(Looker(("a",), before=block)) as state:
        assert in_work.wait(PATIENCE)
        for _ in range(5):
            state.tell("a")
        state.tell("b")
        assert [state.looker.next(), state.looker.next()] == ["a", "b"]
        go_on.set()
        assert state.looker.next() == "a"
        state.tell("c")
        assert state.looker.next() == "c"


@pytest.mark.parametrize("error", [Unavailable("the server is down"), KeyError("nobody thought of this")])
def test_a_key_that_fails_comes_back_and_stops_no_other(error: Exception) -> None:
    with running(Looker(("a",), before=Once(error))) as state:
        assert state.looker.next() == "a"
        state.tell("b")
        assert [state.looker.next(), state.looker.next()] == ["b", "a"]
        assert "again in 1 s" in state.reporter.text


@pytest.mark.parametrize("error", [Unavailable("the server is down"), KeyError("nobody thought of this")])
def test_a_round_that_fails_is_told_and_the_next_one_finds_everything(error: Exception) -> None:
    with running(Looker(("a",), listing=Once(error)), poll=OFTEN) as state:
        assert state.looker.next() == "a"
        assert state.ready.wait(PATIENCE)
        assert "cannot see what there is to look at" in state.reporter.text


@pytest.mark.parametrize("error", [Unavailable("the server is down"), KeyError("nobody thought of this")])
def test_a_listener_that_fails_listens_again(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jx.controllers.run._RETRY", OFTEN)
    fail = Once(error)

    class Failing(Signals):
        def listen(self, *, within: timedelta) -> Iterator[str]:
            fail()
            return super().listen(within=within)

    looker = Looker()
    state = Running(looker, signals=Failing())
    thread = threading.Thread(
        target=Loops(looker, state.signals, state.clock, state.reporter, NEVER).run,
    )
    thread.start()
    state.tell("a")
    assert looker.next() == "a"
    assert "cannot hear signals" in state.reporter.text
    state.clock.stop.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_it_ends_at_once_although_nothing_is_heard() -> None:
    with running(Looker()) as state:
        assert state.signals.is_heard.wait(PATIENCE)


# Several controllers at one key


def test_several_controllers_each_have_their_turn_and_the_first_error_is_told() -> None:
    one = Looker(("a", "b"), before=Once(Unavailable("one is down")))
    other = Looker(("b", "c"), before=Once(Unavailable("other is down")))
    both = Several(one, other)
    assert list(both.list_keys()) == ["a", "b", "c"]
    with pytest.raises(Unavailable, match="one is down"):
        both.look("b")
    assert (one.next(), other.next()) == ("b", "b")


def wait(end: threading.Event) -> None:
    assert end.wait(PATIENCE)


def test_what_waits_at_a_key_keeps_nobody_beside_it_from_looking() -> None:
    end = threading.Event()
    waiting, beside = Looker(("a",), before=lambda _: wait(end)), Looker(("a", "b"))
    with running(waiting, beside=(beside,)) as state:
        assert waiting.next() == "a"
        assert {beside.next(), beside.next()} == {"a", "b"}
        state.tell("a")
        assert beside.next() == "a"
        assert waiting.seen.empty()
        end.set()
        assert waiting.next() == "a"
