"""Values of an app are set by pull request: single ones, and whole files merged over what is there."""

from __future__ import annotations

import pytest
from tests.support.environments import CHARTS
from tests.support.proposing import World

from jx.domain.changes.changes import PullRequest
from jx.domain.charts.given_values import ValuesFile
from jx.domain.errors import Invalid, Usage
from jx.domain.layouts import umbrella
from jx.domain.texts.yaml_text import read_mapping
from jx.usecases.proposing.edit_app import EditApp, EditAppRequest

CHART = f"""apiVersion: v2
name: env
version: 0.0.1
dependencies:
  - name: redis
    version: 1.0.0
    repository: {CHARTS}
"""
OWN = """redis:
  auth: # by ann
    enabled: true
    users: [a, b]
  limits: {cpu: 1}
"""


@pytest.fixture
def world() -> World:
    world = World()
    world.edit({"env/Chart.yaml": CHART, "env/values.yaml": OWN}, "staging")
    return world


def edit(world: World, *texts: str, settings: tuple[str, ...] = ()) -> PullRequest | None:
    files = tuple(ValuesFile(f"{number}.yaml", text) for number, text in enumerate(texts))
    use = EditApp(world.propose_change, world.keep_secrets)
    return use(EditAppRequest(world.at, "redis", settings, environment="staging", values=files))


def test_files_are_merged_over_what_is_there_later_ones_first_and_single_settings_before_all(
    world: World,
) -> None:
    pull = edit(
        world,
        "auth: {users: [c], enabled: false}\nsize: 1\nlabels: {a.b/c: x}\n",
        "size: 2\nlimits: {memory: 1Gi}\n",
        settings=("size=3", "auth.users[1]=d"),
    )
    assert pull is not None
    assert pull.title == "Edit redis"
    tree = world.tree("staging", pull.head_branch)
    assert read_mapping(umbrella.read(tree).chart.text("values.yaml"))["redis"] == {
        "auth": {"enabled": False, "users": ["c", "d"]},
        "limits": {"cpu": 1, "memory": "1Gi"},
        "labels": {"a.b/c": "x"},
        "size": 3,
    }
    assert "auth: # by ann" in tree.text("env/values.yaml")


def test_an_empty_mapping_empties_nothing_and_null_takes_a_default_of_the_chart_away(world: World) -> None:
    pull = edit(world, "auth: {}\nlimits:\n  cpu: null\n")
    assert pull is not None
    found = read_mapping(umbrella.read(world.tree("staging", pull.head_branch)).chart.text("values.yaml"))
    assert found["redis"]["auth"] == {"enabled": True, "users": ["a", "b"]}
    assert found["redis"]["limits"] == {"cpu": None}


def test_a_file_that_says_what_is_so_already_is_no_change(world: World) -> None:
    assert edit(world, OWN.replace("redis:\n", "")) is None or pytest.fail("a change of nothing")
    assert world.heard.messages[-1] == "Already up to date: there is nothing to change"


def test_a_secret_in_a_file_goes_to_the_store(world: World) -> None:
    pull = edit(world, "auth: {password: correct-horse}\n")
    assert pull is not None
    tree = world.tree("staging", pull.head_branch)
    assert not [path for path in tree if b"correct-horse" in tree.files[path].data]
    assert "vault:staging/redis:auth.password" in tree.text("env/redis/values.yaml") + tree.text(
        "env/values.yaml"
    )


def test_files_that_cannot_be_read_or_set_nothing_are_refused(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        edit(world, "a: 1\n", "a: [\n")
    assert caught.value.problems[0].where == "1.yaml"
    with pytest.raises(Usage, match="nothing to set"):
        edit(world, "# to do\n")
