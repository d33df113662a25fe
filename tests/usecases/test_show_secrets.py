"""`jx get secrets`: who refers to what, and whether it is there."""

from __future__ import annotations

import pytest
from tests.support.journeys import BOB, STAGING, World, installed

from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.errors import NotFound, Unavailable
from jx.domain.objects.references import Scheme
from jx.usecases.secrets.find_secret_users import FindSecretUsers
from jx.usecases.secrets.show_secrets import ShowSecrets

VALUES = """\
redis:
  auth:
    password: vault:staging/redis:password
    again: vault:staging/redis:password
    user: vault:staging/redis:user
    token: <generated:hmac>
    other: aws:elsewhere/x:y
"""


@pytest.fixture
def world() -> World:
    world = installed()
    world.settle()
    tree = world.tree(STAGING)
    world.push(tree.put("env/values.yaml", VALUES), "Refer to secrets", STAGING)
    return world


def _rows(world: World, store: MemorySecrets, environment: str = "staging") -> list[tuple[str, str, str]]:
    process = world.process(BOB)
    show = ShowSecrets(FindSecretUsers(process.propose_change, process.repos), {Scheme.VAULT: store})
    return [
        (str(one.reference), one.presence.value, "; ".join(one.users))
        for one in show(world.at, environment=environment)
    ]


def test_each_reference_is_told_with_its_users(world: World) -> None:
    store = MemorySecrets({"staging/redis": {"password": "p", "old": "o"}, "prod/x": {"k": "v"}})
    assert _rows(world, store) == [
        ("aws:elsewhere/x:y", "unknown", "staging: redis.auth.other"),
        ("vault:generated/staging/redis:auth.token", "to be made", "staging: redis.auth.token"),
        ("vault:staging/redis:old", "unused", ""),
        (
            "vault:staging/redis:password",
            "present",
            "staging: redis.auth.password; staging: redis.auth.again",
        ),
        ("vault:staging/redis:user", "missing", "staging: redis.auth.user"),
    ]


def test_all_environments_are_looked_at_unless_one_is_named(world: World) -> None:
    store = MemorySecrets()
    assert len(_rows(world, store, "")) == len(_rows(world, store))
    assert _rows(world, store, "production") == []
    with pytest.raises(NotFound, match="no environment nowhere"):
        _rows(world, store, "nowhere")


def test_a_store_that_is_down_leaves_its_secrets_unknown(world: World) -> None:
    store = MemorySecrets({"staging/redis": {"password": "p"}})
    store.fault = Unavailable("the store is sealed")
    assert {presence for _, presence, _ in _rows(world, store)} == {"unknown"}
