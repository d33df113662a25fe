"""What a change's files say by themselves, judged by its base: all that the run of a check can do without any login."""

from __future__ import annotations

import pytest
from tests.support.journeys import ANN, World, installed, merged

from jx.domain.errors import Unavailable
from jx.domain.names import DEV
from jx.domain.trees import Tree
from jx.usecases.planning.render_environment import RenderEnvironment
from jx.usecases.reviewing.check_files import CheckFiles, FilesRequest, Finding

MEMORY = """\
kinds: [StatefulSet.apps]
message: every container says how much memory it may use
schema: {properties: {spec: {properties: {template: {properties: {spec: {properties: {containers: {items: {
  required: [quota]}}}}}}}}}}
"""
DRAWS = 'kind: ConfigMap\napiVersion: v1\nmetadata: {name: drawn}\ndata: {word: "{{ randAlphaNum 20 }}"}\n'


@pytest.fixture
def world() -> World:
    return installed()


def with_redis(world: World) -> Tree:
    """The files of dev with one app more."""
    world.process(ANN).add_app("redis")
    return world.repos.read(world.repo(), world.pull().head)


def check(world: World, after: Tree, before: Tree | None = None) -> dict[str, Finding]:
    process = world.process(ANN)
    use = CheckFiles(process.catalog, RenderEnvironment(process.renderer, process.reporter), process.cluster)
    return {one.what: one for one in use(FilesRequest(before or world.tree(), after, DEV))}


def failed(findings: dict[str, Finding]) -> list[str]:
    return [what for what, one in findings.items() if one.error]


def told(finding: Finding) -> str:
    problems = getattr(finding.error, "problems", ())
    return "; ".join([finding.error.message if finding.error else "", *map(str, problems)])


def test_an_app_more_passes_all_and_shows_what_it_renders_to(world: World) -> None:
    found = check(world, with_redis(world))
    assert not failed(found)
    assert found["charts"].words.split(", ")[-1] == "redis 1.1.0"
    assert sorted((one.verb.value, one.ref.kind) for one in found["changes"].changes) == [
        ("create", "App"), ("create", "ConfigMap"), ("create", "Secret"), ("create", "Service"),
        ("create", "StatefulSet"),
    ]  # fmt: skip
    assert "maxmemory" in "".join(one.diff() for one in found["changes"].changes)


def test_a_text_of_the_repository_is_no_change_of_an_object(world: World) -> None:
    found = check(world, world.tree().put("README.md", "new\n"))
    assert not failed(found)
    assert found["changes"].changes == ()
    assert found["plain secrets"].words == "none in 1 changed file"


def test_what_a_chart_draws_at_random_is_no_change_and_its_neighbour_is(world: World) -> None:
    before = world.tree().put("env/templates/drawn.yaml", DRAWS)
    assert check(world, before.put("README.md", "new\n"), before)["changes"].changes == ()
    after = before.put("env/templates/drawn.yaml", DRAWS.replace("{word", "{more: x, word"))
    (change,) = check(world, after, before)["changes"].changes
    assert "+  more: x" in change.diff()
    assert "word" not in "".join(line for line in change.diff().splitlines() if line[0] in "+-")


def test_everything_that_is_wrong_is_told_at_once_with_its_place(world: World) -> None:
    after = (
        with_redis(world)
        .put("notes.txt", "password: kX7pQz2LmV9rTb4NwY\n")
        .put("jenkins-x.yml", "pipelineConfig: {pipelines: {releese: {}}}\n")
        .put("policies/memory.yaml", "kinds: [Pod]\nschemma: {}\n")
        .put("env/values.yaml", "redis: {maxmemory: [}\n")
    )
    found = check(world, after)
    assert failed(found) == ["repository", "pipeline", "plain secrets", "policies"]
    assert "notes.txt:1" in told(found["plain secrets"])
    assert "kX7p" not in told(found["plain secrets"])
    assert "releese" in told(found["pipeline"])
    assert "schemma" in told(found["policies"])
    assert "env/values.yaml" in told(found["repository"])


def test_policies_are_those_of_the_base_whatever_the_change_makes_of_them(world: World) -> None:
    before = world.tree().put("policies/memory.yaml", MEMORY)
    for after in (with_redis(world).put("policies/memory.yaml", MEMORY), with_redis(world)):
        found = check(world, after, before)
        assert failed(found) == ["objects by policies"]
        assert "StatefulSet.apps/jenkins-x-redis" in told(found["objects by policies"])


def test_a_policy_says_nothing_of_what_a_change_does_not_touch(world: World) -> None:
    before = with_redis(world).put("policies/memory.yaml", MEMORY)
    assert not failed(check(world, before.put("README.md", "new\n"), before))


def test_a_change_allows_itself_no_plain_secret(world: World) -> None:
    requirements = world.tree().text("jx-requirements.yml")
    after = (
        world.tree()
        .put("notes.txt", "password: kX7pQz2LmV9rTb4NwY\n")
        .put(
            "jx-requirements.yml",
            requirements + "secrets:\n  plain:\n  - {file: notes.txt, name: password}\n",
        )
    )
    assert failed(check(world, after)) == ["plain secrets"]


def test_a_chart_that_does_not_render_is_told_with_its_file(world: World) -> None:
    found = check(world, world.tree().put("env/templates/a.yaml", "{{ fail `no` }}\n"))
    assert failed(found) == ["rendering"]
    assert "a.yaml" in told(found["rendering"])


def test_a_chart_that_does_not_exist_is_told_and_nothing_is_rendered(world: World) -> None:
    tree = with_redis(world)
    text = tree.text("env/Chart.yaml").replace("1.1.0", "99.0.0")
    found = check(world, tree.put("env/Chart.yaml", text))
    assert failed(found) == ["charts"]
    assert "rendering" not in found


def test_a_base_that_does_not_render_keeps_nobody_from_mending_it(world: World) -> None:
    before = world.tree().put("env/templates/a.yaml", "{{ fail `no` }}\n")
    found = check(world, world.tree(), before)
    assert not failed(found)
    assert found["changes"].is_left_out


def test_a_chart_behind_a_login_is_left_to_the_plan(world: World) -> None:
    login = 'logins:\n- {url: https://charts.example.com, secret: "vault:dev/logins/x:password"}\n'
    tree = with_redis(world)
    requirements = tree.text("jx-requirements.yml") + login
    found = check(world, tree.put("jx-requirements.yml", requirements))
    assert not failed(found)
    assert found["charts"].is_left_out
    assert "redis" in found["charts"].words
    assert "rendering" not in found


def test_a_server_of_charts_that_is_down_may_be_up_again(world: World) -> None:
    after = with_redis(world)
    world.down["charts"].is_down = True
    with pytest.raises(Unavailable):
        check(world, after)


def test_what_is_applied_already_plays_no_part(world: World) -> None:
    world.process(ANN).add_app("redis")
    merged(world, 1)
    assert check(world, world.tree().put("README.md", "x\n"))["changes"].changes == ()
