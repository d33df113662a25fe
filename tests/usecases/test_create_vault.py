"""`jx create vault`: the operator and its Vault in one pull request."""

from __future__ import annotations

import pytest
from tests.support.environments import CHARTS
from tests.support.proposing import World

from jx.adapters.local.memory_catalog import make_chart
from jx.domain.errors import NotFound, Usage
from jx.domain.layouts import umbrella
from jx.domain.secrets.vaults import Provider
from jx.domain.texts.yaml_text import read_mapping
from jx.usecases.proposing.create_vault import CreateVault, CreateVaultRequest
from jx.usecases.read_requirements import ReadRequirements


@pytest.fixture
def world() -> World:
    world = World()
    world.catalog.add(make_chart("vault-operator", "1.22.0", repository=CHARTS))
    return world


def _create(world: World) -> CreateVault:
    return CreateVault(world.propose_change, world.catalog, ReadRequirements(world.repos), world.heard)


def test_operator_vault_and_where_the_platform_finds_it_are_one_pull_request(world: World) -> None:
    pull, steps = _create(world)(
        CreateVaultRequest(world.at, "safe", Provider.GKE, cloud={"project": "acme-1"})
    )
    assert pull is not None
    assert (pull.head_branch, pull.title) == ("create-vault-safe", "Create Vault safe")
    tree = world.tree(branch=pull.head_branch)
    spec = umbrella.read(tree)
    assert [str(app.key) for app in spec.apps][-1] == "vault-operator"
    assert read_mapping(tree.text("env/vault-operator/templates/vault.yaml"))["kind"] == "Vault"
    values = read_mapping(spec.chart.text("values.yaml"))
    assert values["jx-platform"]["vault"]["url"] == "http://safe.jx:8200"
    assert steps[0].startswith("gcloud storage buckets create gs://safe-bucket")


def test_asking_twice_is_asking_once(world: World) -> None:
    request = CreateVaultRequest(world.at, "safe", Provider.KUBERNETES)
    first, _ = _create(world)(request)
    again, _ = _create(world)(request)
    assert first is not None
    assert again is not None
    assert (again.number, again.head) == (first.number, first.head)
    world.merge(first.head_branch)
    assert _create(world)(request) == (None, ())


def test_what_cannot_be_made_is_said_before_anything_is_proposed(world: World) -> None:
    with pytest.raises(Usage, match="the embedded platform brings a secret store along"):
        _create(world)(CreateVaultRequest(world.at))
    with pytest.raises(NotFound):
        _create(World())(CreateVaultRequest(world.at, "safe", Provider.KUBERNETES))
    assert not world.forge.list_pulls(world.at.repo)
