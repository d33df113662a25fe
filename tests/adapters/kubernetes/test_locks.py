"""What locks on a cluster do beyond their contract."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.embedded import GROUP, embedded_api, fresh_name
from tests.support.kubernetes import QuickClock

from jx.adapters.kubernetes.api import Api
from jx.adapters.kubernetes.locks import KubernetesLocks
from jx.domain.errors import Locked
from jx.domain.names import EnvironmentName

__all__ = ["embedded_api"]

MINUTE = timedelta(minutes=1)
pytestmark = GROUP


def test_a_holder_that_is_known_to_have_died_holds_nobody_up(embedded_api: Api) -> None:
    locks = KubernetesLocks(embedded_api, QuickClock(), is_gone=lambda holder: holder == "dead")
    name = EnvironmentName(fresh_name("env"))
    locks.acquire(name, holder="dead", lease=MINUTE)
    locks.acquire(name, holder="alive", lease=MINUTE)
    with pytest.raises(Locked):
        locks.acquire(name, holder="another", lease=MINUTE)
