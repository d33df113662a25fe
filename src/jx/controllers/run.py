"""The loops: a listener for signals, a timer behind it, and workers that look at what a key names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from jx.controllers.queue import KeyQueue
from jx.domain.errors import JxError
from jx.domain.events import Event, Level
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.signals import Signals

_LISTEN = timedelta(minutes=5)
_TAKE = timedelta(seconds=1)
_RETRY = timedelta(seconds=2)


class Controller(Protocol):
    """Looks at what a key names and does what is to be done; level-triggered, so looking once more is harmless."""

    def list_keys(self) -> Iterable[str]:
        """Everything there is to look at; asked by the timer."""
        ...

    def look(self, key: str) -> None:
        """Look at one key. An error brings the key back later."""
        ...


class Listener(Protocol):
    """Hears of keys to look at."""

    def listen(self, *, within: timedelta) -> Iterator[str]:
        """Keys as they are told, until `within` has passed."""
        ...


@dataclass(frozen=True, slots=True)
class Loops:
    """Runs a controller until the clock says that this process is to end."""

    controller: Controller
    signals: Signals
    clock: Clock
    reporter: Reporter
    poll: timedelta
    workers: int = 4
    also: tuple[Listener, ...] = ()
    """What else tells keys."""
    beside: tuple[Controller, ...] = ()
    """Controllers of the same keys that wait for nobody: an apply waits for health for minutes, and a pull request is to be
    checked meanwhile."""

    def run(self, *, ready: Callable[[], None] = lambda: None) -> None:
        """Blocks. `ready` is called once the first round of keys is queued."""
        queue = KeyQueue(self.clock.now)
        stop = threading.Event()
        threads = [
            threading.Thread(target=self._listen, args=(one, queue, stop), name="listener", daemon=True)
            for one in (self.signals, *self.also)
        ]
        for thread in threads:
            thread.start()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="worker") as pool:
            for _ in range(self.workers):
                pool.submit(self._work, queue, stop)
            try:
                self._tick(queue, ready)
            finally:
                stop.set()
                queue.close()

    def _tick(self, queue: KeyQueue, ready: Callable[[], None]) -> None:
        """Queue every key, again and again: what a lost webhook would have told is found here."""
        is_told = False
        while True:
            pause = self.poll
            try:
                for lane, controller in enumerate(self._lanes):
                    for key in controller.list_keys():
                        queue.add(_in_lane(lane, key))
            except Exception as error:  # noqa: BLE001 - a round that fails must not end all rounds
                self._tell("cannot see what there is to look at", error, Level.ERROR)
                pause = min(_RETRY, self.poll)
            else:
                if not is_told:
                    ready()
                    is_told = True
            if self.clock.wait(pause):
                return

    def _listen(self, listener: Listener, queue: KeyQueue, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                for key in listener.listen(within=_LISTEN):
                    for lane in range(len(self._lanes)):
                        queue.add(_in_lane(lane, key))
                    if stop.is_set():
                        return
            except Exception as error:  # noqa: BLE001 - without its listener the platform would be slow for ever
                self._tell("cannot hear signals, the timer goes on", error, Level.WARNING)
                if self.clock.wait(_RETRY):
                    return

    def _work(self, queue: KeyQueue, stop: threading.Event) -> None:
        while not stop.is_set():
            taken = queue.take(within=_TAKE)
            if taken is None:
                continue
            lane, _, key = taken.partition(" ")
            try:
                self._lanes[int(lane)].look(key)
            except JxError as error:
                delay = queue.failed(taken)
                self.reporter.tell(
                    Event(f"{key}: {error.message}; again in {delay.seconds} s", Level.WARNING)
                )
            except Exception as error:  # noqa: BLE001 - one key's fault must not end the loop for all others
                delay = queue.failed(taken)
                self.reporter.tell(Event(f"{key}: fault: {error!r}; again in {delay.seconds} s", Level.ERROR))
            else:
                queue.done(taken)

    @property
    def _lanes(self) -> tuple[Controller, ...]:
        return (self.controller, *self.beside)

    def _tell(self, what: str, error: Exception, level: Level) -> None:
        why = error.message if isinstance(error, JxError) else f"fault: {error!r}"
        self.reporter.tell(Event(f"{what}: {why}", level))


def _in_lane(lane: int, key: str) -> str:
    """A key as the queue has it: one worker for it in each lane."""
    return f"{lane} {key}"


class Several:
    """Controllers that look at the same keys, one after the other; what one cannot do does not stop the next."""

    def __init__(self, *controllers: Controller) -> None:
        self._controllers = controllers

    def list_keys(self) -> Iterable[str]:
        """The keys of all."""
        return dict.fromkeys(key for controller in self._controllers for key in controller.list_keys())

    def look(self, key: str) -> None:
        """Let each look; the first error is raised after all had their turn."""
        failed: JxError | None = None
        for controller in self._controllers:
            try:
                controller.look(key)
            except JxError as error:
                failed = failed or error
        if failed is not None:
            raise failed
