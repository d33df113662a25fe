"""Adding apps by pull request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.environments import CHARTS
from tests.support.proposing import World, repo_of

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_catalog import make_chart
from jx.domain.charts.apps import AppPlace
from jx.domain.charts.given_values import ValuesFile
from jx.domain.errors import Invalid, NotFound
from jx.domain.layouts import umbrella
from jx.domain.texts.yaml_text import read_mapping
from jx.usecases.proposing.add_app import AddApp, AddAppRequest
from jx.usecases.proposing.remove_app import RemoveApp, RemoveAppRequest
from jx.usecases.proposing.require_dependencies import RequireDependencies


@pytest.fixture
def world() -> World:
    return World()


def add(world: World) -> AddApp:
    return AddApp(world.propose_change, world.catalog, world.heard)


def test_an_app_is_added_by_a_pull_request_that_names_who_asked(world: World) -> None:
    pull = add(world)(AddAppRequest(world.at, "redis"))
    assert pull is not None
    assert (pull.head_branch, pull.title, pull.body) == (
        "add-app-redis-1.2.0",
        "Add redis 1.2.0",
        "Add app redis 1.2.0",
    )
    assert world.heard.messages == [f"Created Pull Request: {pull.url}"]
    assert "redis" not in world.tree().text("env/Chart.yaml")
    proposed = world.tree(branch=pull.head_branch)
    app = umbrella.read(proposed).apps[-1]
    assert (app.key, app.chart.version, app.chart.repository) == ("redis", "1.2.0", CHARTS)
    commit = world.repos.log(repo_of(world.environments["dev"]), pull.head)[0]
    assert commit.author.login == "ann"
    assert commit.trailers["Jx-Requested-By"] == "Ann <ann@example.com>"
    assert commit.trailers["Jx-Edit"].startswith('{"alias":"",')


def test_asking_twice_is_asking_once(world: World) -> None:
    first = add(world)(AddAppRequest(world.at, "redis"))
    again = add(world)(AddAppRequest(world.at, "redis"))
    assert first is not None
    assert again is not None
    assert (again.number, again.head) == (first.number, first.head)


def test_an_app_that_is_there_is_said_to_be_there(world: World) -> None:
    pull = add(world)(AddAppRequest(world.at, "redis", version="1.0.0"))
    assert pull is not None
    world.merge(pull.head_branch)
    assert add(world)(AddAppRequest(world.at, "redis")) is None
    assert "jx upgrade apps redis" in world.heard.messages[-1]


def test_names_of_apps_are_found_with_their_usual_prefix(world: World) -> None:
    pull = add(world)(AddAppRequest(world.at, "lens"))
    assert pull is not None
    assert pull.title == "Add jx-app-lens 0.3.0"
    world.merge(pull.head_branch)
    assert add(world)(AddAppRequest(world.at, "lens")) is None


def test_values_of_files_and_flags_stand_in_the_apps_folder(world: World) -> None:
    request = AddAppRequest(
        world.at,
        "redis",
        values=(ValuesFile("a.yaml", "a: 1\nb: {c: x}\n"), ValuesFile("b.yaml", "b: {d: z}\n")),
        settings=("a=2,e={f,g}",),
        alias="cache",
        environment="staging",
        auto_merge=True,
    )
    pull = add(world)(request)
    assert pull is not None
    assert pull.labels == ("updatebot",)
    tree = world.tree("staging", pull.head_branch)
    assert read_mapping(tree.text("env/cache/values.yaml")) == {
        "a": 2,
        "b": {"c": "x", "d": "z"},
        "e": ["f", "g"],
    }
    assert "env/cache/templates/app.yaml" not in tree
    (app,) = umbrella.read(tree).apps
    assert (app.key, app.alias, app.chart.name) == ("cache", "cache", "redis")


def test_unknown_names_are_answered_with_the_nearest(world: World) -> None:
    with pytest.raises(NotFound) as caught:
        add(world)(AddAppRequest(world.at, "rediss"))
    assert "did you mean redis?" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        add(world)(AddAppRequest(world.at, "redis", version="9.9.9"))
    assert "1.2.0" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        add(world)(AddAppRequest(world.at, "redis", environment="stagin"))
    assert caught.value.hint == "did you mean staging?"


def test_values_that_cannot_be_read_are_refused_before_anything_is_asked(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        add(world)(AddAppRequest(world.at, "redis", values=(ValuesFile("my.yaml", "a: [\n"),)))
    assert caught.value.problems[0].where == "my.yaml"


CART = """apiVersion: v2
name: cart
version: {version}
dependencies:
- {{name: db, version: 1.0.0, repository: {repository}, condition: db.enabled}}
"""


def test_a_chart_that_lacks_what_it_depends_on_is_told_before_anything_is_proposed(world: World) -> None:
    chart = CART.format(version="1.0.0", repository="https://charts.example.com")
    world.catalog.add(make_chart("cart", "1.0.0", {"Chart.yaml": chart}, repository=CHARTS))
    use = replace(add(world), require_dependencies=RequireDependencies(world.catalog, HelmRenderer()))
    with pytest.raises(Invalid, match=r"dependencies of cart 1\.0\.0") as caught:
        use(AddAppRequest(world.at, "cart", alias="basket"))
    assert [str(one) for one in caught.value.problems] == [
        "charts/basket/Chart.yaml: dependency db (db 1.0.0 from https://charts.example.com) is missing"
    ]
    assert not world.forge.list_pulls(repo_of(world.environments["dev"]))
    assert use(AddAppRequest(world.at, "cart", settings=("db.enabled=false",))), "it is turned off"


def test_a_change_that_would_break_the_environment_is_not_proposed(world: World) -> None:
    world.edit({"env/values.yaml": "redis:\n  size: 1\n"})
    with pytest.raises(Invalid) as caught:
        add(world)(AddAppRequest(world.at, "redis", settings=("size=2",)))
    assert "redis.size has another value" in str(caught.value.problems[0])
    assert not world.forge.list_pulls(repo_of(world.environments["dev"]))


def test_two_changes_made_from_one_base_both_survive(world: World) -> None:
    redis = add(world)(AddAppRequest(world.at, "redis"))
    assert redis is not None
    world.edit({"env/own.txt": "somebody was faster"})
    again = add(world)(AddAppRequest(world.at, "redis"))
    assert again is not None
    assert again.number == redis.number
    tree = world.tree(branch=again.head_branch)
    assert "env/own.txt" in tree
    assert umbrella.read(tree).apps[-1].key == "redis"


def test_an_app_may_have_a_namespace_and_a_release_of_its_own(world: World) -> None:
    first = add(world)(AddAppRequest(world.at, "redis", version="1.0.0"))
    second = add(world)(AddAppRequest(world.at, "redis", alias="cache", namespace="caches", release="cache"))
    assert first is not None
    assert second is not None
    assert second.title == "Add cache 1.2.0"
    assert second.body.splitlines() == [
        "Add app cache 1.2.0",
        "Place app cache: namespace `caches`, release `cache` of its own",
    ]
    spec = umbrella.read(world.tree(branch=second.head_branch))
    assert spec.requirements.apps == (AppPlace("cache", "caches", "cache"),)
    world.merge(second.head_branch)
    gone = RemoveApp(world.propose_change)(RemoveAppRequest(world.at, "redis", namespace="caches"))
    assert gone is not None
    assert gone.title == "Delete cache"
    after = umbrella.read(world.tree(branch=gone.head_branch))
    assert (after.requirements.apps, [app.key for app in after.apps]) == ((), ["jx-platform"])


def test_what_is_as_in_the_environment_is_no_place_of_its_own(world: World) -> None:
    pull = add(world)(AddAppRequest(world.at, "redis", namespace="jx", release="jenkins-x"))
    assert pull is not None
    assert world.tree(branch=pull.head_branch).text("jx-requirements.yml") == world.tree().text(
        "jx-requirements.yml"
    )


@pytest.mark.parametrize(("namespace", "release"), [("No_Such", ""), ("", "r" * 54)])
def test_a_place_that_no_cluster_would_take_is_refused_at_once(
    world: World, namespace: str, release: str
) -> None:
    with pytest.raises(Invalid):
        add(world)(AddAppRequest(world.at, "redis", namespace=namespace, release=release))
    assert world.forge.list_pulls(repo_of(world.environments["dev"])) == ()
