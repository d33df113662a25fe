"""Hold the lock of an environment while something is applied to it. Shared by all that change an environment's objects."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from jx.domain.applying.locking import LEASE, LIMIT, RENEW_EVERY, RENEW_FOR, Fence, Grip
from jx.domain.errors import JxError, Overtaken
from jx.domain.names import EnvironmentName
from jx.ports.anchor import Locks
from jx.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class HoldLock:
    """Takes the lock, keeps it by renewals in the background, and gives it back."""

    locks: Locks
    clock: Clock

    @contextmanager
    def __call__(self, environment: EnvironmentName, *, holder: str, reason: str = "") -> Iterator[HeldLock]:
        """The lock, held. Locked where somebody else has it; with a `reason` it is taken over from them."""
        begun = self.clock.elapsed()
        grip = self.locks.acquire(environment, holder=holder, lease=LEASE, reason=reason)
        held = HeldLock(self.locks, self.clock, grip, until=begun + LEASE)
        over = threading.Event()
        keeper = threading.Thread(target=held.keep, args=(over,), name=f"lock-{environment}", daemon=True)
        keeper.start()
        try:
            yield held
        finally:
            over.set()
            # What was done is what to tell, or what went wrong first. A lock that cannot be given back runs out.
            with contextlib.suppress(JxError):
                self._give_back(held, keeper)

    def _give_back(self, held: HeldLock, keeper: threading.Thread) -> None:
        keeper.join()
        self.locks.release(held.grip, late=LIMIT if held.is_answer_missing else timedelta())


class HeldLock:
    """A lock while it is held. Thread-safe."""

    def __init__(self, locks: Locks, clock: Clock, grip: Grip, *, until: timedelta) -> None:
        self.grip = grip
        self.is_enforced = False
        """Whether the cluster refuses what carries an older token."""
        self.is_answer_missing = False
        """Whether a request may still be under way of which nobody knows what came of it."""
        self._locks = locks
        self._clock = clock
        self._taken = until - LEASE
        self._until = until
        self._mutex = threading.Lock()
        self._lost: Overtaken | None = None

    def enforce(self) -> None:
        """Have the cluster refuse what older holders may still send."""
        self.is_enforced = self._locks.enforce(self.grip)

    def fence(self) -> Fence:
        """What a request carries that is sent now. Overtaken where the lock is lost, and what a renewal raises where there is no
        time left for the request."""
        with self._mutex:
            if self._lost:
                raise self._lost
            if self._until - self._clock.elapsed() <= LIMIT:
                self._renew()
        return Fence(self.grip.environment, self.grip.token)

    def check(self) -> None:
        """Overtaken where the lock is known to be lost, or cannot be kept."""
        self.fence()

    def await_settled(self) -> None:
        """Wait until nothing that was sent by the holder before us can still arrive."""
        if self.is_enforced:
            return
        left = self._taken + self.grip.settles - self._clock.elapsed()
        if left > timedelta():
            self._clock.wait(left)

    def keep(self, over: threading.Event) -> None:
        """Renew the lock now and then, until `over` is set, the lock is lost, or it took too long."""
        for _ in range(RENEW_FOR // RENEW_EVERY):
            if over.wait(RENEW_EVERY.total_seconds()):
                return
            with self._mutex, contextlib.suppress(JxError):
                if self._lost:
                    return
                self._renew()

    def _renew(self) -> None:
        begun = self._clock.elapsed()
        try:
            self._locks.renew(self.grip, lease=LEASE)
        except Overtaken as error:
            self._lost = error
            raise
        self._until = begun + LEASE
