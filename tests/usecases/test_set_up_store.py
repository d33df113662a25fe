"""Setting up a store: it is waited for until it is unsealed, and gets what is missing, once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jx.adapters.local.fixed_clock import FixedClock
from jx.adapters.local.memory_records import MemoryReporter
from jx.adapters.local.memory_secrets import MemorySecretAccess
from jx.domain.environments.environments import Requirements
from jx.domain.errors import Forbidden, Unavailable
from jx.domain.names import EnvironmentName
from jx.domain.secrets.store_readers import Account, Reader
from jx.usecases.secrets.set_up_store import SetUpStore, SetUpStoreRequest

WHO = Account("jx", "jx-controllers")
ENVIRONMENTS = {
    EnvironmentName("dev"): Requirements(),
    EnvironmentName("staging"): Requirements(secret_paths=("staging/**", "common/*")),
}
SEALED, DOWN, NEW = (
    Unavailable(f"Vault at v is {word}") for word in ("sealed", "not there", "not initialized")
)


def _set_up(access: MemorySecretAccess, *, minutes: int = 0) -> tuple[tuple[str, ...], MemoryReporter]:
    reporter = MemoryReporter()
    request = SetUpStoreRequest("jx", ENVIRONMENTS, within=timedelta(minutes=minutes))
    return SetUpStore(access, FixedClock(), reporter)(request), reporter


def test_each_environment_reads_its_paths_and_the_controllers_what_any_of_them_may() -> None:
    access = MemorySecretAccess()
    _set_up(access)
    assert access.readers == {
        "jx-dev": Reader("jx-dev", WHO, ("dev/**",), ("generated/dev/**",)),
        "jx-staging": Reader("jx-staging", WHO, ("staging/**", "common/*"), ("generated/staging/**",)),
        "jx": Reader("jx", WHO, includes=("jx-dev", "jx-staging")),
    }


def test_what_is_there_is_left_alone() -> None:
    access = MemorySecretAccess()
    first, _ = _set_up(access)
    assert first[:2] == ("engine of the secret store", "login of the cluster's accounts to the secret store")
    assert len(first) == 5
    assert _set_up(access)[0] == ()


def test_it_waits_through_every_state_and_tells_each_once() -> None:
    access = MemorySecretAccess(DOWN, DOWN, NEW, SEALED, SEALED)
    changed, reporter = _set_up(access, minutes=5)
    assert changed
    told = [event.message.partition(";")[0] for event in reporter.events if "waiting" in event.message]
    assert told == [DOWN.message, NEW.message, SEALED.message]


def test_the_wait_has_an_end_and_one_clear_message() -> None:
    access = MemorySecretAccess(*[SEALED] * 1000)
    with pytest.raises(Unavailable) as caught:
        _set_up(access, minutes=5)
    assert caught.value.message == "Vault at v is sealed, after 300 s of waiting"
    assert not access.readers


def test_nobody_waits_who_did_not_ask_for_it_and_none_for_a_login_that_is_refused() -> None:
    with pytest.raises(Unavailable, match=r"Vault at v is sealed$"):
        _set_up(MemorySecretAccess(SEALED, SEALED))
    with pytest.raises(Forbidden, match="no"):
        _set_up(MemorySecretAccess(Forbidden("no")), minutes=5)
