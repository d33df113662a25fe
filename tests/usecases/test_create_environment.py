"""Environments are made, changed and taken away by pull requests on the dev repository."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from tests.support.environments import GIT, make_tree
from tests.support.faults import CRASHES, OUTAGES, Fault, Faults
from tests.support.fuses import Crash
from tests.support.proposing import ANN, World, repo_of

from jx.adapters.local.memory_anchors import MemoryAnchors
from jx.adapters.local.memory_credentials import MemoryCredentials
from jx.domain.applying.applying import Anchor, InventoryItem
from jx.domain.changes.changes import PullRequest
from jx.domain.environments.edits import PutEnvironment, RemoveEnvironment, edit_to_json, parse_edit
from jx.domain.environments.environments import Environment, Strategy
from jx.domain.errors import Invalid, NotFound, Refused, Unavailable, Usage
from jx.domain.layouts import umbrella
from jx.domain.layouts.environments_yaml import spec_of
from jx.domain.names import EnvironmentName, Repo
from jx.domain.objects.manifests import ObjectRef
from jx.domain.trees import Tree
from jx.usecases.propose_change import ProposeChange
from jx.usecases.proposing.create_environment import CreateEnvironment, CreateEnvironmentRequest
from jx.usecases.proposing.edit_environment import (
    DeleteEnvironment,
    DeleteEnvironmentRequest,
    EditEnvironment,
    EditEnvironmentRequest,
)
from jx.usecases.set_up_repository import GIT_SECRET, WEBHOOK_SECRET, SetUpRepository

QA = EnvironmentName("qa")


class MakingForge:
    """The forge at the addresses that repositories of these tests have."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.forge, name)

    def ensure_repo(
        self, owner: str, name: str, *, private: bool = True, description: str = ""
    ) -> tuple[Repo, bool]:
        return self._world.forge.adopt(Repo(f"{GIT}/{owner}/{name}.git"), private=private)


@pytest.fixture
def world() -> World:
    return World()


def create(
    world: World, name: str = "qa", *, faults: Faults | None = None, **changes: Any
) -> PullRequest | None:
    faults = faults or Faults()
    credentials = MemoryCredentials()
    credentials.ensure("jx", GIT_SECRET, {"username": "jx-bot"}, keep=False)
    credentials.ensure("jx", WEBHOOK_SECRET, {"hmac": "k"}, keep=False)
    repos, forge = faults.wrap(world.repos, "git"), faults.wrap(MakingForge(world), "forge")
    use = CreateEnvironment(
        ProposeChange(repos, forge, world.heard),
        repos,
        SetUpRepository(forge),
        faults.wrap(credentials, "cluster"),
        ANN,
    )
    return use(CreateEnvironmentRequest(world.at, name, webhook_url="http://hook", **changes))


def declared(world: World, branch: str = "master", name: str = "qa") -> Environment | None:
    spec = umbrella.read(world.tree(branch=branch))
    return next((one for one in spec.environments if one.name == name), None)


def test_a_new_environment_has_a_filled_repository_and_is_declared_by_a_pull_request(world: World) -> None:
    pull = create(world, order=50)
    assert pull is not None
    assert (pull.head_branch, pull.title) == ("create-env-qa", "Create environment qa")
    assert declared(world) is None
    environment = declared(world, pull.head_branch)
    assert environment is not None
    assert environment == Environment(
        QA, "jx-qa", Repo(f"{GIT}/team/environment-acme-qa.git"), label="Qa", strategy=Strategy.AUTO, order=50
    )
    repo = repo_of(environment)
    head = world.repos.head(repo, "master")
    assert head is not None
    tree = world.repos.read(repo, head)
    spec = umbrella.read(tree)
    assert (spec.name, spec.namespace, spec.apps) == ("qa", "jx-qa", ())
    assert tree.text("OWNERS") == world.tree().text("OWNERS")


def test_asking_twice_is_asking_once(world: World) -> None:
    first, second = create(world), create(world)
    assert first is not None
    assert second is not None
    assert first.number == second.number
    world.merge(first.head_branch)
    assert create(world) is None


def end(world: World) -> dict[str, Any]:
    repo = Repo(f"{GIT}/team/environment-acme-qa.git")
    head = world.repos.head(repo, "master")
    assert head is not None
    pulls = world.forge.list_pulls(world.at.repo, state=None)
    return {
        "content": world.repos.read(repo, head).digest,
        "commits": len(world.repos.log(repo, head)),
        "pulls": [(one.number, one.title, one.state, one.body) for one in pulls],
        "declared": declared(world, pulls[0].head_branch),
    }


@pytest.mark.parametrize("fault", [*CRASHES, *OUTAGES])
def test_one_that_was_interrupted_goes_on_where_it_was(fault: Fault) -> None:
    calm, calls = World(), Faults()
    create(calm, faults=calls)
    assert len(calls.calls) > 15
    for at in range(1, len(calls.calls) + 1):
        world = World()
        with contextlib.suppress(Crash, Unavailable):
            create(world, faults=Faults(at, fault))
        create(world)
        assert end(world) == end(calm), f"{fault} at call {at}, {'.'.join(calls.calls[at - 1])}"


def test_what_is_in_a_repository_already_is_left_as_it_is(world: World) -> None:
    repo = Repo(f"{GIT}/team/own.git")
    world.forge.adopt(repo)
    tree = world.tree("staging").put("env/values.yaml", "# ours\n")
    world.fill(repo, tree)
    before = world.repos.head(repo, "master")
    assert create(world, repository=repo.url) is not None
    assert world.repos.head(repo, "master") == before
    other = Repo(f"{GIT}/team/other.git")
    world.forge.adopt(other)
    world.fill(other, make_tree({"main.go": "package main\n"}))
    with pytest.raises(Refused, match="holds no environment"):
        create(world, "uat", repository=other.url)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("staging", {"order": 7}, "there is an environment staging already"),
        ("qa", {"namespace": "jx-staging"}, "is that of staging"),
        ("dev", {}, "the platform itself"),
    ],
)
def test_the_place_of_another_environment_is_not_taken(
    world: World, name: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refused) as caught:
        create(world, name, **changes)
    assert said in caught.value.message
    with pytest.raises(Invalid):
        create(world, "No Name")


def test_owner_and_prefix_of_the_repository_can_be_named(world: World) -> None:
    pull = create(world, owner="qa-team", prefix="shop")
    assert pull is not None
    environment = declared(world, pull.head_branch)
    assert environment is not None
    assert repo_of(environment).url == f"{GIT}/qa-team/environment-shop-qa.git"


def test_an_edit_changes_its_lines_and_no_other_byte(world: World) -> None:
    path = "env/templates/production-env.yaml"
    before = world.tree().text(path)
    commented = before.replace("  order: 200\n", "  order: 200  # last\n  # ours\n")
    world.edit({path: commented})
    edit = EditEnvironment(world.propose_change)
    pull = edit(EditEnvironmentRequest(world.at, "production", {"promotionStrategy": "Auto", "order": 300}))
    assert pull is not None
    after = world.tree(branch=pull.head_branch).text(path)
    assert after == commented.replace("promotionStrategy: Manual", "promotionStrategy: Auto").replace(
        "order: 200  #", "order: 300  #"
    )
    assert edit(EditEnvironmentRequest(world.at, "production", {"order": 200})) is None


def test_an_edit_that_moves_everything_or_nothing_is_none(world: World) -> None:
    edit = EditEnvironment(world.propose_change)
    with pytest.raises(Refused, match="without its data"):
        edit(EditEnvironmentRequest(world.at, "staging", {"namespace": "elsewhere"}))
    with pytest.raises(Usage):
        edit(EditEnvironmentRequest(world.at, "staging", {}))
    with pytest.raises(NotFound):
        edit(EditEnvironmentRequest(world.at, "stagin", {"order": 1}))
    with pytest.raises(Invalid):
        edit(EditEnvironmentRequest(world.at, "staging", {"promotionStrategy": "Sometimes"}))


def test_deleting_an_environment_deletes_nothing_else_and_says_what_stays(world: World) -> None:
    anchors = MemoryAnchors()
    items = tuple(
        InventoryItem(ObjectRef("", kind, "jx-staging", "data"), "v1", "u", "s", "o")
        for kind in ("ConfigMap", "PersistentVolumeClaim")
    )
    anchors.save(Anchor(EnvironmentName("staging"), None, "c", "jx-staging", "jx", inventory=items))
    delete = DeleteEnvironment(world.propose_change, anchors)
    pull = delete(DeleteEnvironmentRequest(world.at, "staging"))
    assert pull is not None
    assert "2 objects in namespace jx-staging, 1 of them volumes with data" in pull.body
    assert "kubectl delete namespace jx-staging" in pull.body
    assert declared(world, pull.head_branch, "staging") is None
    before, after = world.tree(), world.tree(branch=pull.head_branch)
    assert after == before.remove("env/templates/staging-env.yaml")
    with pytest.raises(Refused):
        delete(DeleteEnvironmentRequest(world.at, "dev"))


def test_edits_of_environments_come_back_from_their_trailers(world: World) -> None:
    staging = declared(world, name="staging")
    assert staging is not None
    for edit in (PutEnvironment(QA, spec_of(staging)), RemoveEnvironment(QA)):
        assert parse_edit(edit_to_json(edit)) == edit


def test_a_repository_that_cannot_be_read_is_told_with_its_mistakes_before_anything_is_declared(
    world: World,
) -> None:
    repo, _ = world.forge.adopt(Repo(f"{GIT}/team/old.git"))
    old = Tree().put("env/Chart.yaml", "apiVersion: v1\nname: env\nversion: 0.0.1\n")
    world.fill(repo, old.put("Makefile", 'NAMESPACE := "change-me"\n'))
    with pytest.raises(Invalid, match="team/old is there, and cannot be read") as caught:
        create(world, repository=repo.url)
    assert "Makefile:1: the namespace is still change-me" in str(caught.value.problems[0])
    assert not world.forge.list_pulls(repo_of(world.environments["dev"]))
