"""A private repository's login: into the store, a reference into git, and with each chart to its catalog."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.environments import CHARTS
from tests.support.proposing import World
from tests.support.worlds import recording

from jx.adapters.local.memory_catalog import make_chart
from jx.domain.charts.charts import ChartRef, ChartVersion
from jx.domain.charts.logins import Login
from jx.domain.environments.edits import SetVersion
from jx.domain.errors import Invalid, Refused
from jx.domain.layouts import umbrella
from jx.domain.objects.references import Reference, Scheme
from jx.domain.trees import Tree
from jx.usecases.planning.fetch_charts import fetch_charts
from jx.usecases.proposing.add_app import AddApp, AddAppRequest
from jx.usecases.proposing.add_login import AddLogin, AddLoginRequest
from jx.usecases.proposing.keep_login import KeepLogin, NewLogin
from jx.usecases.proposing.upgrade_apps import UpgradeApps, UpgradeAppsRequest
from jx.usecases.secrets.edit_secret import EditSecret

PRIVATE = "https://private.example/acme"
ANN = NewLogin("ann", "s3cr3t-canary")
LOGIN = Login(PRIVATE, Reference(Scheme.VAULT, "dev/logins/private.example+acme", "password"))


class Asked:
    """The world's catalog, and with which login each chart was asked for."""

    def __init__(self, world: World) -> None:
        self._catalog = world.catalog
        self.logins: list[Login | None] = []

    def versions(self, ref: ChartRef) -> Any:
        return self._catalog.versions(ref)

    def resolve(self, ref: ChartRef) -> ChartVersion:
        self.logins.append(ref.login)
        return self._catalog.resolve(ref)

    def fetch(self, ref: ChartRef) -> Any:
        self.logins.append(ref.login)
        return self._catalog.fetch(ref)


@pytest.fixture
def world() -> World:
    world = World()
    for version in ("1.0.0", "1.1.0"):
        world.catalog.add(make_chart("db", version, repository=PRIVATE))
    return world


def _keep(world: World) -> KeepLogin:
    stores = {Scheme.VAULT: world.secrets} if world.secrets is not None else {}
    return KeepLogin(EditSecret(stores, world.heard, recording()), world.heard)


def _add_app(world: World, asked: Asked) -> Tree:
    """The pull request's files, merged."""
    add = AddApp(world.propose_change, asked, world.heard, keep_login=_keep(world))
    pull = add(AddAppRequest(world.at, "db", version="1.0.0", repository=PRIVATE, login=ANN))
    assert pull is not None
    assert (pull.title, "the store has it at" in pull.body) == ("Add db 1.0.0", True)
    tree = world.tree(branch=pull.head_branch)
    world.merge(pull.head_branch)
    return tree


def test_adding_an_app_with_a_login_keeps_it_in_the_store_and_names_it_in_git(world: World) -> None:
    asked = Asked(world)
    tree = _add_app(world, asked)
    assert set(asked.logins) == {LOGIN}
    assert umbrella.read(tree).requirements.logins == (LOGIN,)
    assert world.secrets is not None
    values = world.secrets.read((LOGIN.secret.path,))[LOGIN.secret.path].values
    assert values == {"url": PRIVATE, "username": "ann", "password": "s3cr3t-canary"}
    assert not [path for path in tree if b"s3cr3t-canary" in tree.files[path].data]
    assert "s3cr3t-canary" not in repr(world.heard.events)


def test_the_next_command_and_every_render_take_the_login_that_is_named(world: World) -> None:
    _add_app(world, Asked(world))
    asked = Asked(world)
    upgrade = UpgradeApps(world.propose_change, asked, world.heard, world.keep_secrets)
    pull = upgrade(UpgradeAppsRequest(world.at, "db"))
    assert pull is not None
    tree = umbrella.apply_edit(world.tree(), SetVersion(umbrella.read(world.tree()).apps[-1].key, "1.1.0"))
    fetch_charts(umbrella.read(tree), tree, asked)
    assert [one for one in asked.logins if one] == [LOGIN] * len([one for one in asked.logins if one])
    assert LOGIN in asked.logins
    assert None in asked.logins  # the platform's own chart is from elsewhere


def test_another_password_changes_the_store_alone(world: World) -> None:
    add = AddLogin(world.propose_change, _keep(world))
    first = add(AddLoginRequest(world.at, f"{PRIVATE}/", ANN))
    assert first is not None
    assert first.title == f"Name the login for {PRIVATE}"
    world.merge(first.head_branch)
    assert add(AddLoginRequest(world.at, PRIVATE, NewLogin("ann", "another"))) is None
    assert world.secrets is not None
    assert world.secrets.read((LOGIN.secret.path,))[LOGIN.secret.path].values["password"] == "another"


def test_without_a_store_and_for_what_is_not_encrypted_there_is_none(world: World) -> None:
    add = AddLogin(world.propose_change, _keep(world))
    with pytest.raises(Invalid, match="without encryption"):
        add(AddLoginRequest(world.at, "http://private.example", ANN))
    world.secrets = None
    with pytest.raises(Refused, match="no store to keep the login"):
        AddLogin(world.propose_change, _keep(world))(AddLoginRequest(world.at, PRIVATE, ANN))
    assert not world.forge.list_pulls(world.at.repo)


def test_a_login_of_another_environment_is_refused_before_anything_is_fetched(world: World) -> None:
    text = world.tree().text("jx-requirements.yml")
    stolen = f"{text}logins:\n- {{url: {CHARTS}, secret: vault:production/logins/x:password}}\n"
    world.edit({"jx-requirements.yml": stolen})
    tree, asked = world.tree(), Asked(world)
    with pytest.raises(Invalid) as caught:
        fetch_charts(umbrella.read(tree), tree, asked)
    assert str(caught.value.problems[0]) == (
        "jx-requirements.yml: vault:production/logins/x:password is not for environment dev"
    )
    assert asked.logins == []
