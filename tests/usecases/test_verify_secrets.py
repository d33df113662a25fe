"""`jx step secrets verify`: everything that is referred to is there, or will be made; else each is named."""

from __future__ import annotations

import pytest
from tests.support.journeys import BOB, STAGING, World, installed

from jx.adapters.local.memory_records import MemoryReporter
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.errors import NotFound, Unavailable
from jx.domain.objects.references import Scheme
from jx.domain.trees import Tree
from jx.usecases.secrets.find_secret_users import FindSecretUsers
from jx.usecases.secrets.show_secrets import ShowSecrets
from jx.usecases.secrets.verify_secrets import VerifySecrets

VALUES = """\
redis:
  password: vault:staging/redis:password
  user: vault:staging/redis:user
  token: <generated:hmac>
"""
TEMPLATE = "apiVersion: v1\nkind: Secret\nmetadata: {name: own}\nstringData: {a: vault:staging/own:a}\n"


@pytest.fixture
def world() -> World:
    return installed()


def _tree(world: World) -> Tree:
    tree = world.tree(STAGING)
    return tree.put("env/values.yaml", VALUES).put("env/templates/own.yaml", TEMPLATE)


def _verify(world: World, store: MemorySecrets, heard: MemoryReporter | None = None) -> VerifySecrets:
    process = world.process(BOB)
    show = ShowSecrets(FindSecretUsers(process.propose_change, process.repos), {Scheme.VAULT: store})
    return VerifySecrets(show, heard or MemoryReporter())


def test_what_is_missing_is_named_each_with_where_it_is_referred_to(world: World) -> None:
    store = MemorySecrets({"staging/redis": {"password": "hunter22"}})
    with pytest.raises(NotFound) as error:
        _verify(world, store).of_folder(_tree(world), STAGING)
    assert error.value.message.splitlines() == [
        "2 secrets are missing:",
        "staging: templates/own.yaml: vault:staging/own:a is missing",
        "staging: redis.user: vault:staging/redis:user is missing",
    ]
    assert "hunter22" not in error.value.message


def test_what_is_there_or_will_be_made_is_good(world: World) -> None:
    store = MemorySecrets({"staging/redis": {"password": "p", "user": "u"}, "staging/own": {"a": "b"}})
    heard = MemoryReporter()
    _verify(world, store, heard).of_folder(_tree(world), STAGING)
    assert "no secret is missing: 3 there, 1 to be made" in heard.text


def test_the_branches_are_looked_at_where_no_folder_is_named(world: World) -> None:
    verify = _verify(world, MemorySecrets())
    verify.of_platform(world.at)
    world.push(_tree(world), "Refer to secrets", STAGING)
    with pytest.raises(NotFound, match="3 secrets are missing"):
        verify.of_platform(world.at)
    verify.of_platform(world.at, environment="production")


def test_a_store_that_does_not_tell_is_no_answer(world: World) -> None:
    store = MemorySecrets()
    store.fault = Unavailable("the store is sealed")
    with pytest.raises(Unavailable, match="the store is sealed"):
        _verify(world, store).of_folder(_tree(world), STAGING)
