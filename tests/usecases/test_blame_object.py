"""Blame: each field leads to the apply, the line and the people behind it, as the history was really made."""

from __future__ import annotations

import json
import re
from itertools import permutations
from typing import Any

import pytest
import yaml
from tests.support.journeys import ANN, BETTER, BOB, CHARTS, OLGA, World, installed, merged, upgraded
from tests.support.shipped import helm

from jx.domain.charts.charts import ChartRef
from jx.domain.errors import NotFound, Usage
from jx.domain.history.blame import (
    AddedOrigin,
    Blame,
    BlamedField,
    ComputedOrigin,
    TemplateOrigin,
    UnknownOrigin,
    ValueOrigin,
)
from jx.domain.ledger import ledger
from jx.domain.objects.manifests import ObjectRef
from jx.usecases.history.blame_object import BlameObject, BlameRequest
from jx.usecases.history.explain_object import ExplainObject, Explanation
from jx.usecases.history.find_origins import FindOrigins

DEPLOYMENT = "Deployment", "jx-controllers"
REDIS = "StatefulSet", "jenkins-x-redis"


@pytest.fixture(scope="module")
def world() -> World:
    """Redis is added by Ann, its memory set by Olga, who pushed it, and the platform is upgraded by Ann again."""
    world = installed()
    world.process(ANN).add_app("redis", version="1.0.0")
    merged(world, 1)
    world.settle()
    values = "# by hand\nresources:\n  limits:\n    memory: 512Mi\n"
    world.push(world.tree().put("env/redis/values.yaml", values), "More memory", person=OLGA)
    world.settle()
    upgraded(world, BETTER)
    return world


def blamed(
    world: World, kind: str, name: str, path: str = "", namespace: str = "", *, with_origins: bool = True
) -> Blame:
    process = world.process(BOB)
    use = BlameObject(
        world.histories, process.reporter, FindOrigins(process.catalog, helm()), process.cluster
    )
    return use(BlameRequest((world.place(),), kind, name, namespace, path, with_origins))


def one(world: World, kind: str, name: str, path: str) -> BlamedField:
    (found,) = blamed(world, kind, name, path).fields
    return found


def people(found: BlamedField) -> list[tuple[str, str]]:
    return [(cause.author, cause.pull_request.rpartition("/")[2]) for cause in found.causes]


def test_a_value_of_the_environment_leads_to_its_line_and_who_pushed_it(world: World) -> None:
    found = one(world, *REDIS, 'spec.template.spec.containers[name="redis"].resources.limits.memory')
    assert isinstance(found.origin, ValueOrigin)
    assert (found.origin.file, found.origin.line, found.origin.name) == (
        "env/redis/values.yaml",
        4,
        "redis.resources.limits.memory",
    )
    assert people(found) == [("Olga Own", "")]
    assert found.causes[0].subject == "More memory"


def test_who_set_a_value_is_found_however_often_its_file_changed_since(world: World) -> None:
    busy = world.copy()
    text = busy.tree().text("env/redis/values.yaml").replace("512Mi", "640Mi")
    busy.push(busy.tree().put("env/redis/values.yaml", text), "Still more memory", person=BOB)
    for number in range(70):
        text += f"# note {number}\n"
        busy.push(busy.tree().put("env/redis/values.yaml", text), f"Note {number}", person=OLGA)
    busy.settle()
    found = one(busy, *REDIS, 'spec.template.spec.containers[name="redis"].resources.limits.memory')
    assert (found.text, [cause.subject for cause in found.causes]) == ('"640Mi"', ["Still more memory"])


def test_a_default_of_the_chart_leads_to_who_brought_the_chart(world: World) -> None:
    found = one(world, *REDIS, 'spec.template.spec.containers[name="redis"].resources.requests.memory')
    assert isinstance(found.origin, ValueOrigin)
    assert found.origin.is_default
    assert found.origin.file == "redis-1.0.0/values.yaml"
    assert people(found) == [("Ann Lee", "1")]
    assert found.causes[0].approvers == ("Bob Ray <bob@example.com>",)


def test_a_computed_field_names_the_template_and_exactly_the_values_that_it_follows(world: World) -> None:
    found = one(world, *REDIS, 'spec.template.spec.containers[name="redis"].image')
    assert isinstance(found.origin, ComputedOrigin)
    assert [value.name for value in found.origin.values] == ["redis.image.repository", "redis.image.tag"]
    assert found.origin.file == "redis-1.0.0/templates/statefulset.yaml"
    line = (
        world.catalog.fetch(chart_of("redis", "1.0.0"))
        .files.text("templates/statefulset.yaml")
        .splitlines()[(found.origin.line or 0) - 1]
    )
    assert line.strip().startswith("image:")


def chart_of(name: str, version: str) -> ChartRef:
    return ChartRef(name, CHARTS, version)


def test_a_field_that_an_upgrade_changed_names_the_versions_and_who_asked_for_it(world: World) -> None:
    found = one(world, *DEPLOYMENT, 'spec.template.spec.containers[name="controllers"].image')
    assert found.version == ("jx-platform", "1.0.0", "1.1.0")
    assert people(found) == [("Ann Lee", "2")]


def test_what_the_upgrade_left_alone_is_still_of_the_installation(world: World) -> None:
    found = one(world, *DEPLOYMENT, "spec.strategy.type")
    assert isinstance(found.origin, TemplateOrigin)
    assert found.origin.line
    assert people(found) == [("Olga Own", "")]


def test_what_stands_in_a_template_beside_an_app_leads_to_that_file(world: World) -> None:
    found = one(world, "App", "redis", "metadata.labels.jenkins.io/app-version")
    assert isinstance(found.origin, TemplateOrigin)
    assert found.origin.file == "env/redis/templates/app.yaml"
    assert (
        world.tree()
        .text(found.origin.file)
        .splitlines()[(found.origin.line or 0) - 1]
        .strip()
        .startswith("jenkins.io/app-version")
    )
    assert people(found) == [("Ann Lee", "1")]


def test_what_jx_adds_and_what_is_drawn_at_random_are_told_as_such(world: World) -> None:
    assert isinstance(one(world, *REDIS, "metadata.labels.jenkins.io/namespace").origin, AddedOrigin)
    drawn = one(world, "Secret", "jenkins-x-redis", "data.password")
    assert isinstance(drawn.origin, UnknownOrigin)
    assert "random" in drawn.origin.why
    assert drawn.text == '"<secret:password>"'


def test_every_field_of_the_platform_is_of_a_commit_that_could_have_changed_it(world: World) -> None:
    """Held against how the history was made: the installation, Ann's redis, Olga's memory, Ann's upgrade."""
    installation, redis, memory, upgrade = (commit.revision for commit in world.ledger())
    for item in world.anchor().inventory:
        if not item.sent:
            continue
        is_looked_into = item.ref.kind in {"Deployment", "Environment", "ConfigMap", "App"}
        place = (item.ref.kind, item.ref.name, "", item.ref.namespace)
        found = blamed(world, *place, with_origins=is_looked_into)
        applies = {field.entry for field in found.fields if field.entry}
        is_of_redis = "redis" in item.ref.name
        assert applies <= ({redis, memory} if is_of_redis else {installation, upgrade})
        for field in found.fields:
            if field.entry == memory:
                assert field.path.endswith("limits.memory")
            if field.entry == upgrade and found.app == "jx-platform":
                assert field.version == ("jx-platform", "1.0.0", "1.1.0")
            if field.entry and is_looked_into:
                assert {cause.author for cause in field.causes} == {
                    "Olga Own" if field.entry in {installation, memory} else "Ann Lee"
                }


def look(node: Any, path: str) -> list[Any]:
    """What is at a path, by walking what YAML's own reader made of a file; nothing where it is not there."""
    if not path:
        return [node]
    if isinstance(node, dict):
        keys = [key for key in node if re.match(rf"\.{re.escape(key)}($|[.\[])", path)]
        return [found for key in keys for found in look(node[key], path[len(key) + 1 :])]
    if not isinstance(node, list):
        return []
    return [
        found
        for number, item in enumerate(node)
        for name in _names_of(item, number)
        if path.startswith(f"[{name}]")
        for found in look(item, path[len(name) + 2 :])
    ]


def _names_of(item: Any, number: int) -> list[str]:
    """All the ways in which an item of a list may be named."""
    if not isinstance(item, dict):
        return [str(number), f"={json.dumps(item)}"]
    plain = {key: json.dumps(value) for key, value in item.items() if not isinstance(value, (dict, list))}
    pairs = [f"{a}={plain[a]},{b}={plain[b]}" for a, b in permutations(plain, 2)]
    return [str(number), *(f"{key}={value}" for key, value in plain.items()), *pairs]


def test_each_field_is_as_it_is_since_the_apply_that_is_named_and_was_not_so_before(world: World) -> None:
    """Held against the files of the ledger themselves, each read anew by another reader."""
    entries = [commit.revision for commit in world.ledger()]
    trees = [world.repos.read(world.repo(), entry) for entry in entries]
    told, followed = 0, set()
    for item in world.anchor().inventory:
        if not item.sent:
            continue
        path = ledger.path_of(item.ref)
        states = [yaml.safe_load(tree.find_text(path) or "{}") for tree in trees]
        found = blamed(world, item.ref.kind, item.ref.name, "", item.ref.namespace, with_origins=False)
        for field in found.fields:
            if not field.entry:
                continue
            at = entries.index(field.entry)
            values = [look(state, field.path) for state in states]
            assert values[-1], f"{item.ref} has no {field.path}"
            assert all(value == values[-1] for value in values[at:]), f"{item.ref} {field.path}"
            assert at == 0 or values[at - 1] != values[-1], f"{item.ref} {field.path}"
            told += 1
            followed.add(at)
    assert told > 200
    assert followed == {0, 1, 2, 3}, "each of the four applies is behind something"


def test_fields_that_others_set_name_them(world: World) -> None:
    same = world.copy()
    ref = ObjectRef("apps", "StatefulSet", "jx", "jenkins-x-redis")
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": ref.name, "namespace": "jx"}}
    same.cluster.put({**body, "spec": {"replicas": 3}}, manager="kubectl-scale")
    found = one(same, *REDIS, "spec.replicas")
    assert (found.manager, found.text, found.live) == ("kubectl-scale", "1", "3")


def test_an_object_that_is_in_no_ledger_is_not_found_and_one_that_is_twice_wants_a_namespace(
    world: World,
) -> None:
    with pytest.raises(NotFound, match="no ledger has Deployment/nothing"):
        blamed(world, "Deployment", "nothing")
    with pytest.raises(NotFound) as near:
        blamed(world, "Deployment", "controllers")
    assert near.value.hint.startswith("there is Deployment.apps/jx-controllers (namespace jx)")
    with pytest.raises(NotFound, match=r"has no field spec\.nothing"):
        blamed(world, *DEPLOYMENT, "spec.nothing")
    process = world.process(BOB)
    use = BlameObject(
        world.histories, process.reporter, FindOrigins(process.catalog, helm()), process.cluster
    )
    with pytest.raises(Usage, match="more than one"):
        use(BlameRequest((world.place(), world.place()), *DEPLOYMENT))


# Why


def why(world: World, kind: str, name: str) -> Explanation:
    process = world.process(BOB)
    return ExplainObject(process.show_history, process.cluster)((world.place(),), kind, name)


def test_an_object_is_there_because_of_its_app_and_the_change_that_brought_it(world: World) -> None:
    found = why(world, *DEPLOYMENT)
    assert (found.app, found.version) == ("jx-platform", "1.1.0")
    assert found.created
    assert found.created.author.name == "Olga Own"
    assert found.changed
    assert found.changed.author.name == "Ann Lee"


def test_what_a_controller_made_is_told_by_what_it_belongs_to(world: World) -> None:
    same = world.copy()
    owner = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": "jenkins-x-redis",
        "uid": "x",
        "controller": True,
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "redis-0", "namespace": "jx", "ownerReferences": [owner]},
    }
    same.cluster.put(pod, manager="kube-controller-manager")
    found = why(same, "Pod", "redis-0")
    assert [ref.name for ref in found.owners] == ["jenkins-x-redis"]
    assert found.app == "redis"


def test_what_is_gone_is_told_by_the_change_that_deleted_it(world: World) -> None:
    same = world.copy()
    same.push(same.tree().remove("env/redis/templates/app.yaml"), "No App object", person=ANN)
    same.settle()
    found = why(same, "App", "redis")
    assert found.deleted
    assert found.deleted.subject == "No App object"


def test_what_nobody_knows_is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="neither a ledger nor the cluster knows"):
        why(world, "ConfigMap", "nothing")
