"""Set up a store: wait until it is unsealed, then let there be all that a platform needs of it. Also a step of installs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from jx.domain.environments.environments import Requirements
from jx.domain.errors import Failed, Unavailable
from jx.domain.events import Event
from jx.domain.names import EnvironmentName
from jx.domain.secrets.store_readers import Account, plan_readers
from jx.domain.secrets.vault_choice import ROLE
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.secrets import SecretAccess

CONTROLLERS_ACCOUNT = "jx-controllers"
_PAUSE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class SetUpStoreRequest:
    """For which platform."""

    namespace: str
    """Of its controllers."""
    environments: Mapping[EnvironmentName, Requirements] = field(hash=False)
    role: str = ROLE
    within: timedelta = timedelta(0)
    """How long to wait for a store that is not unsealed yet; not at all by default."""


@dataclass(frozen=True, slots=True)
class SetUpStore:
    """Level-triggered: it looks what is there and adds what is missing, so a repeated call changes nothing."""

    access: SecretAccess
    clock: Clock
    reporter: Reporter

    def __call__(self, request: SetUpStoreRequest) -> tuple[str, ...]:
        """What was changed. Unavailable where it was not unsealed in time: not reachable, not initialized, or sealed, in its own
        words; Forbidden where the login may not do this."""
        self._await_unsealed(request.within)
        changed: list[str] = []
        if self.access.ensure_engine():
            changed.append("engine of the secret store")
        if self.access.ensure_login():
            changed.append("login of the cluster's accounts to the secret store")
        account = Account(request.namespace, CONTROLLERS_ACCOUNT)
        for reader in plan_readers(request.role, account, request.environments):
            if self.access.ensure_reader(reader):
                changed.append(f"role {reader.role} of the secret store")
        return tuple(changed)

    def _await_unsealed(self, within: timedelta) -> None:
        began, told = self.clock.elapsed(), ""
        while True:
            try:
                return self.access.check()
            except Unavailable as error:
                left = within - (self.clock.elapsed() - began)
                if left <= timedelta(0):
                    raise _too_late(error, within) from error
                if error.message != told:
                    told = error.message
                    self.reporter.tell(Event(f"{told}; waiting for up to {left.total_seconds():.0f} s"))
            if self.clock.wait(min(left, _PAUSE)):
                raise Failed(
                    "asked to end while waiting for the secret store", hint="the same command goes on"
                )


def _too_late(error: Unavailable, within: timedelta) -> Unavailable:
    if not within:
        return error
    return Unavailable(f"{error.message}, after {within.total_seconds():.0f} s of waiting", hint=error.hint)
