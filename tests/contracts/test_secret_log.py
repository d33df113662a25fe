"""The contract of `ports.secret_log.SecretLog`, held to every adapter of it."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.embedded import CLUSTERS, GROUP, api_of, embedded_api, real_api

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS
from jx.adapters.kubernetes.secret_log import NAME, KubernetesSecretLog
from jx.adapters.local.memory_secret_log import MemorySecretLog
from jx.domain.errors import NotFound
from jx.domain.ledger.secret_writes import MOST_KEPT, Deed, Ending, SecretWrite, of_text, to_text
from jx.domain.objects.membership import ANCHORS_NAMESPACE
from jx.ports.secret_log import SecretLog

__all__ = ["embedded_api", "real_api"]

AT = datetime(2026, 5, 1, 10, tzinfo=UTC)
WRITE = SecretWrite(AT, "ann", Deed.SET, "vault:staging/redis", ("password",), "jx edit secret")
pytestmark = GROUP


@pytest.fixture(params=["memory", *CLUSTERS])
def log(request: pytest.FixtureRequest) -> SecretLog:
    if request.param == "memory":
        return MemorySecretLog()
    api = api_of(request)
    ensure_namespace(api, ANCHORS_NAMESPACE)
    with contextlib.suppress(NotFound):
        api.delete(CONFIG_MAPS, ANCHORS_NAMESPACE, NAME)
    return KubernetesSecretLog(lambda: api)


def test_nothing_is_kept_before_anything_was_written(log: SecretLog) -> None:
    assert log.list_all() == ()
    log.end(replace(WRITE, number=3))
    assert log.list_all() == ()


def test_what_was_begun_is_there_and_then_how_it_ended(log: SecretLog) -> None:
    begun = log.begin(WRITE)
    assert log.list_all() == (begun,)
    assert begun.ending is Ending.BEGUN
    ended = replace(begun, ending=Ending.DONE, version="3")
    for _ in range(2):
        log.end(ended)
    assert log.list_all() == (ended,)


def test_the_newest_is_last(log: SecretLog) -> None:
    numbers = [log.begin(replace(WRITE, by=name)).number for name in ("ann", "bob", "kim")]
    assert [one.by for one in log.list_all()] == ["ann", "bob", "kim"]
    assert numbers == sorted(set(numbers))


def test_of_two_at_once_both_are_kept(log: SecretLog) -> None:
    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(lambda number: log.begin(replace(WRITE, by=f"p{number}")), range(8)))
        list(pool.map(lambda one: log.end(replace(one, ending=Ending.DONE, version="1")), begun))
    assert {one.by for one in log.list_all()} == {f"p{number}" for number in range(8)}
    assert {one.ending for one in log.list_all()} == {Ending.DONE}


def test_a_line_that_nobody_can_read_hides_no_other() -> None:
    text = to_text([WRITE]) + "{\n" + to_text([replace(WRITE, number=2)]) + '{"at": 3}\n'
    assert [one.number for one in of_text(text)] == [0, 2]


def test_the_record_stays_of_a_size_that_an_object_may_have() -> None:
    long = replace(WRITE, by="x" * 100, keys=tuple(f"key-number-{n}" for n in range(20)), purpose="y" * 200)
    assert len(to_text([long] * MOST_KEPT)) < 900_000
    log = MemorySecretLog()
    for _ in range(MOST_KEPT + 3):
        log.begin(WRITE)
    assert [log.list_all()[0].number, len(log.list_all())] == [4, MOST_KEPT]
