"""Verify an installation: everything is healthy, and a signed event by the public route is answered."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from jx.domain.applying.applying import Anchor
from jx.domain.errors import Failed, JxError, NotFound
from jx.domain.names import DEV
from jx.domain.platforms import verifying
from jx.domain.runs.activities import Activity, ActivityStatus
from jx.ports.activities import Activities
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.cluster import Cluster
from jx.ports.deliveries import Deliveries
from jx.usecases.rescuing.look_health import LookHealth

_LOOK_EVERY = timedelta(milliseconds=500)
_ASK_AGAIN = timedelta(seconds=5)
"""There is one record for all answers: that of somebody else's event may stand in its place."""

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class VerifyInstall:
    """Changes nothing but the record of the answer."""

    anchors: Anchors
    cluster: Cluster
    deliveries: Deliveries
    activities: Activities
    clock: Clock

    def __call__(self, *, within: timedelta) -> tuple[str, ...]:
        """What was found to work, a line each. Failed with what does not, once the time is over; NotFound where nothing is
        installed."""
        anchor = self.anchors.find(DEV)
        if anchor is None or anchor.applied is None:
            raise NotFound("nothing is installed on this cluster", hint="jx install --ng")
        deadline = self.clock.elapsed() + within
        count = self._await_health(anchor, deadline)
        answer = self._await_answer(deadline)
        return (
            f"{count} workloads are healthy",
            f"a signed event was answered: {answer.steps[0].description}",
        )

    def _await_health(self, anchor: Anchor, deadline: timedelta) -> int:
        while True:
            count, unhealthy = LookHealth(self.cluster)(anchor)
            if not unhealthy:
                return count
            if self.clock.elapsed() >= deadline or self.clock.wait(_LOOK_EVERY):
                more = f" and {len(unhealthy) - _SHOWN} more" if len(unhealthy) > _SHOWN else ""
                raise Failed(f"not healthy: {'; '.join(unhealthy[:_SHOWN])}{more}", hint="jx get env")

    def _await_answer(self, deadline: timedelta) -> Activity:
        number, sent, has_failed = secrets.token_hex(8), -_ASK_AGAIN, False
        trouble = "nobody answers the event: the controllers do not hear it"
        while True:
            try:
                if self.clock.elapsed() - sent >= _ASK_AGAIN:
                    self.deliveries.deliver(verifying.EVENT, verifying.body_of(number))
                    sent = self.clock.elapsed()
                found = verifying.find_answer(self.activities.list_all(), number)
            except JxError as error:  # the platform is only just starting, perhaps
                found, trouble = None, error.message
            if found and found.status is ActivityStatus.SUCCEEDED:
                return found
            if found and not (found.status is ActivityStatus.RUNNING and has_failed):
                trouble = f"the controllers answer: {found.steps[0].description}"
            if found and found.status is ActivityStatus.FAILED:
                number, has_failed = secrets.token_hex(8), True  # its run is over: ask anew
            if self.clock.elapsed() >= deadline or self.clock.wait(_LOOK_EVERY):
                raise Failed(
                    trouble, hint="kubectl logs -n jx deployment/jx-webhooks; ... deployment/jx-controllers"
                )
