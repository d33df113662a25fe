"""The contract of `ports.signals.Signals`, held to every adapter of it."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, fresh_name, real_api

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS, Api
from jx.adapters.kubernetes.signals import NAME, KubernetesSignals
from jx.adapters.local.memory_records import MemorySignals
from jx.domain.errors import Unavailable
from jx.ports.signals import Signals

__all__ = ["embedded_api", "real_api"]

DEV = "repo:acme/environment-jx-dev"
LONG = timedelta(seconds=20)
pytestmark = GROUP


@pytest.fixture(params=["memory", *CLUSTERS])
def signals(request: pytest.FixtureRequest) -> Signals:
    if request.param == "memory":
        return MemorySignals()
    api = api_of(request)
    namespace = fresh_name("jx")
    ensure_namespace(api, namespace)
    api.create(CONFIG_MAPS, namespace, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}})
    return KubernetesSignals(api, namespace=namespace)


def test_what_is_told_after_the_call_is_heard(signals: Signals) -> None:
    keys = signals.listen(within=LONG)
    signals.tell(DEV)
    assert next(keys) == DEV


def test_what_was_told_before_is_not_heard(signals: Signals) -> None:
    signals.tell("repo:acme/old")
    keys = signals.listen(within=LONG)
    signals.tell(DEV)
    assert next(keys) == DEV


def test_the_same_key_is_heard_each_time(signals: Signals) -> None:
    keys = signals.listen(within=LONG)
    for _ in range(3):
        signals.tell(DEV)
        assert next(keys) == DEV


def test_pushes_to_one_repository_are_heard_one_by_one(signals: Signals) -> None:
    heard = signals.listen(within=LONG)
    keys = [f"push:acme/shop@{number:040x} refs/heads/main" for number in range(10)]
    for key in keys:
        signals.tell(key)
    assert [next(heard) for _ in keys] == keys


def test_every_listener_hears_every_key(signals: Signals) -> None:
    one, two = signals.listen(within=LONG), signals.listen(within=LONG)
    wanted = {DEV, "repo:acme/shop", "repo:acme/with space?"}
    for key in wanted:
        signals.tell(key)
    assert {next(one) for _ in wanted} == wanted
    assert {next(two) for _ in wanted} == wanted


def test_listening_ends_when_its_time_is_over(signals: Signals) -> None:
    began = time.monotonic()
    assert list(signals.listen(within=timedelta(seconds=0.3))) == []
    assert 0.2 < time.monotonic() - began < 5


def test_a_signal_from_another_thread_wakes_a_listener(signals: Signals) -> None:
    keys = signals.listen(within=LONG)
    told = threading.Timer(0.1, signals.tell, [DEV])
    told.start()
    assert next(keys) == DEV
    told.join()


def test_a_platform_without_its_signals_is_unavailable(embedded_api: Api) -> None:
    missing = KubernetesSignals(embedded_api, namespace=fresh_name("nowhere"))
    with pytest.raises(Unavailable, match="jx-signals") as caught:
        missing.tell(DEV)
    assert "jx-platform" in caught.value.hint
    with pytest.raises(Unavailable):
        missing.listen(within=LONG)
