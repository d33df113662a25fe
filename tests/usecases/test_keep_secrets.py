"""A secret that is set by `--set` goes to the store and a reference into git: on an edit, an upgrade, and an add."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.environments import CHARTS
from tests.support.proposing import World

from jx.adapters.local.memory_catalog import make_chart
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.changes.changes import PullRequest
from jx.domain.errors import Refused
from jx.domain.layouts import umbrella
from jx.domain.texts.yaml_text import read_mapping
from jx.usecases.proposing.add_app import AddApp, AddAppRequest
from jx.usecases.proposing.edit_app import EditApp, EditAppRequest
from jx.usecases.proposing.upgrade_apps import UpgradeApps, UpgradeAppsRequest

SCHEMA = json.dumps({"properties": {"auth": {"properties": {"pin": {"format": "password"}}}}})
CANARY = "correct-horse-battery"


@pytest.fixture
def world() -> World:
    world = World()
    files = {"values.schema.json": SCHEMA, "charts/cache/values.schema.json": SCHEMA}
    for version in ("1.0.0", "1.1.0"):
        world.catalog.add(make_chart("db", version, files, repository=CHARTS))
    add = AddApp(world.propose_change, world.catalog, world.heard)
    pull = add(AddAppRequest(world.at, "db", version="1.0.0"))
    assert pull is not None
    world.merge(pull.head_branch)
    return world


def _values(world: World, pull: PullRequest | None) -> Mapping[str, Any]:
    assert pull is not None
    spec = umbrella.read(world.tree(branch=pull.head_branch))
    assert not [path for path in spec.chart if CANARY.encode() in spec.chart.files[path].data]
    found = read_mapping(spec.chart.text("values.yaml"))["db"]
    assert isinstance(found, Mapping)
    return found


def _stored(world: World) -> Mapping[str, str]:
    assert world.secrets is not None
    return world.secrets.read(("dev/db",))["dev/db"].values


def _edit(world: World, *settings: str) -> PullRequest | None:
    use = EditApp(world.propose_change, world.keep_secrets)
    return use(EditAppRequest(world.at, "db", settings))


def test_an_edit_puts_a_secret_into_the_store_and_says_so(world: World) -> None:
    pull = _edit(world, f"auth.pin={CANARY}", "size=3")
    assert _values(world, pull) == {"auth": {"pin": "vault:dev/db:auth.pin"}, "size": 3}
    assert _stored(world) == {"auth.pin": CANARY}
    assert "auth.pin is a secret: the store keeps it, git gets vault:dev/db:auth.pin" in world.heard.messages
    assert CANARY not in repr(world.heard.messages)


def test_a_secret_of_a_chart_that_the_chart_brings_along_is_known_too(world: World) -> None:
    pull = _edit(world, f"cache.auth.pin={CANARY}")
    assert _values(world, pull) == {"cache": {"auth": {"pin": "vault:dev/db:cache.auth.pin"}}}


def test_a_new_value_for_the_same_reference_changes_the_store_alone_and_says_what_is_to_do(
    world: World,
) -> None:
    pull = _edit(world, f"auth.pin={CANARY}")
    assert pull is not None
    world.merge(pull.head_branch)
    assert _edit(world, "auth.pin=another") is None
    assert _stored(world) == {"auth.pin": "another"}
    assert "jx step env apply" in world.heard.messages[-1]


def test_an_upgrade_keeps_secrets_out_of_git_whether_there_is_a_newer_version_or_not(world: World) -> None:
    use = UpgradeApps(world.propose_change, world.catalog, world.heard, world.keep_secrets)
    pull = use(UpgradeAppsRequest(world.at, "db", version="1.0.0", settings=(f"auth.pin={CANARY}",)))
    assert _values(world, pull) == {"auth": {"pin": "vault:dev/db:auth.pin"}}
    pull = use(UpgradeAppsRequest(world.at, "db", settings=(f"auth.pin={CANARY}",)))
    assert _values(world, pull) == {"auth": {"pin": "vault:dev/db:auth.pin"}}
    assert _stored(world) == {"auth.pin": CANARY}


def test_without_a_store_it_is_refused_and_nothing_is_proposed(world: World) -> None:
    world.secrets = None
    before = world.forge.list_pulls(world.at.repo)
    with pytest.raises(Refused, match=r"auth\.pin: secrets may not stand in git") as caught:
        _edit(world, f"auth.pin={CANARY}")
    assert CANARY not in f"{caught.value.message}{caught.value.hint}"
    assert world.forge.list_pulls(world.at.repo) == before


def test_without_a_store_what_is_no_secret_is_set_as_ever(world: World) -> None:
    world.secrets = None
    assert _values(world, _edit(world, "size=3", "auth.pin=k8s:jx/db:pin")) == {
        "size": 3,
        "auth": {"pin": "k8s:jx/db:pin"},
    }


def test_a_chart_that_cannot_be_read_leaves_names_and_forms(world: World) -> None:
    world.catalog = type(world.catalog)()
    assert isinstance(world.secrets, MemorySecrets)
    pull = _edit(world, f"auth.password={CANARY}")
    assert _values(world, pull) == {"auth": {"password": "vault:dev/db:auth.password"}}
    assert any("names and forms alone tell its secrets" in message for message in world.heard.messages)
