"""Edits of environments: what they change, and that nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.environments import CHART, CHARTS, NEW, OLD_REQUIREMENTS, make_environment, make_tree

from jx.domain.changes.wording import word_edit
from jx.domain.charts.apps import App, AppPlace
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.edits import (
    Edit,
    PutApp,
    PutPlace,
    RemoveApp,
    SetValues,
    SetVersion,
    Several,
    edit_to_json,
    parse_edit,
)
from jx.domain.errors import Invalid, NotFound
from jx.domain.layouts import requirements, umbrella
from jx.domain.layouts.new_environment import new_environment
from jx.domain.names import DEV, AppKey
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree

REDIS, WEB = AppKey("redis"), AppKey("web")
DB = App(AppKey("db"), ChartRef("db", CHARTS, "0.1.0"))
OLD = make_tree(
    {
        "env/Chart.yaml": "name: env\nversion: 0.0.1\n",
        "env/requirements.yaml": OLD_REQUIREMENTS,
        "env/values.yaml": "",
        "Makefile": "NAMESPACE := jx-x\n",
    }
)


def changed_files(before: Tree, after: Tree) -> set[str]:
    paths = {*before, *after}
    return {path for path in paths if before.files.get(path) != after.files.get(path)}


def test_a_version_changes_one_line() -> None:
    tree = make_environment()
    after = umbrella.apply_edit(tree, SetVersion(REDIS, "1.3.0"))
    assert changed_files(tree, after) == {"env/Chart.yaml"}
    assert after.text("env/Chart.yaml") == CHART.replace("1.2.3", "1.3.0")


def test_an_app_is_put_with_its_files() -> None:
    tree = make_environment()
    edit = PutApp(DB, {"values.yaml": "a: 1\n", "README.MD": "# db\n"})
    after = umbrella.apply_edit(tree, edit)
    assert changed_files(tree, after) == {"env/Chart.yaml", "env/db/values.yaml", "env/db/README.MD"}
    assert (
        after.text("env/Chart.yaml")
        == CHART + f"  - name: db\n    version: 0.1.0\n    repository: {CHARTS}\n"
    )
    assert umbrella.read(after).apps[-1] == DB


def test_aliases_of_one_chart_are_two_apps() -> None:
    first = PutApp(App(AppKey("a"), ChartRef("db", CHARTS, "1.0.0"), alias="a"), {"values.yaml": "x: 1\n"})
    second = PutApp(App(AppKey("b"), ChartRef("db", CHARTS, "2.0.0"), alias="b"), {"values.yaml": "x: 2\n"})
    after = umbrella.apply_edit(make_environment(), Several((first, second)))
    assert [app.key for app in umbrella.read(after).apps] == ["redis", "web", "a", "b"]
    moved = umbrella.apply_edit(after, SetVersion(AppKey("b"), "2.1.0"))
    assert [app.chart.version for app in umbrella.read(moved).apps[2:]] == ["1.0.0", "2.1.0"]


def test_requirements_of_helm_2_are_edited_in_place() -> None:
    after = umbrella.apply_edit(OLD, SetVersion(AppKey("cleanup"), "2.4.0"))
    head, _, tail = OLD_REQUIREMENTS.rpartition("2.3.112")
    assert after.text("env/requirements.yaml") == f"{head}2.4.0{tail}"
    added = umbrella.apply_edit(OLD, PutApp(DB))
    assert changed_files(OLD, added) == {"env/requirements.yaml"}
    assert added.text("env/requirements.yaml").startswith(OLD_REQUIREMENTS + "- name: db\n")


def test_a_removed_app_takes_its_folder_and_values_with_it() -> None:
    tree = make_environment(
        {
            "env/redis/values.yaml": "a: 1\n",
            "env/redis/templates/app.yaml": "kind: App\n",
            "env/values.yaml": "# root\nredis:\n  replicas: 1\nweb:\n  x: 1\n",
            "env/redis-ui/values.yaml": "b: 1\n",
        }
    )
    after = umbrella.apply_edit(tree, RemoveApp(REDIS))
    assert not any(path.startswith("env/redis/") for path in after)
    assert "env/redis-ui/values.yaml" in after
    assert after.text("env/values.yaml") == "# root\nweb:\n  x: 1\n"
    assert [app.key for app in umbrella.read(after).apps] == ["web"]
    empty = umbrella.apply_edit(after, RemoveApp(WEB))
    assert empty.text("env/Chart.yaml").endswith("# what runs here\ndependencies: []\n")
    assert umbrella.apply_edit(tree, RemoveApp(AppKey("nothing"))) == tree


def test_removing_an_app_called_templates_leaves_helms_folder_alone() -> None:
    tree = make_environment({"env/templates/own.yaml": "a: 1\n"})
    assert umbrella.apply_edit(tree, RemoveApp(AppKey("templates"))) == tree
    with pytest.raises(Invalid):
        umbrella.apply_edit(tree, PutApp(App(AppKey("charts"), ChartRef("charts", CHARTS, "1.0.0"))))


def test_values_are_set_where_they_stand_and_new_ones_in_the_folder() -> None:
    tree = make_environment()
    edit = SetValues(REDIS, {"replicas": 3, "auth.enabled": True, "list[0].a": "x"})
    after = umbrella.apply_edit(tree, edit)
    assert after.text("env/values.yaml") == "# root\nredis:\n  replicas: 3\n"
    assert after.text("env/redis/values.yaml") == "auth:\n  enabled: true\nlist:\n  - a: x\n"
    merged = read_mapping(umbrella.read(after).chart.text("values.yaml"))
    assert merged == {"redis": {"replicas": 3, "auth": {"enabled": True}, "list": [{"a": "x"}]}}


@pytest.mark.parametrize(
    "edit", [SetVersion(AppKey("rediss"), "1.0.0"), SetValues(AppKey("rediss"), {"a": 1})]
)
def test_an_app_that_is_not_there_is_named_with_the_nearest(edit: Edit) -> None:
    with pytest.raises(NotFound) as caught:
        umbrella.apply_edit(make_environment(), edit)
    assert caught.value.hint == "did you mean redis?"


def test_the_app_object_follows_the_version() -> None:
    app = "# ours\nkind: App\nmetadata:\n  labels:\n    jenkins.io/app-version: 1.2.3\n"
    tree = make_environment({"env/redis/templates/app.yaml": app})
    after = umbrella.apply_edit(tree, SetVersion(REDIS, "1.3.0+b1"))
    assert after.text("env/redis/templates/app.yaml") == app.replace("1.2.3", "1.3.0_b1")


def test_the_first_app_of_a_new_environment() -> None:
    tree = new_environment(NEW, DEV)
    after = umbrella.apply_edit(tree, Several((RemoveApp(AppKey("jx-platform")), PutApp(DB))))
    assert [app.key for app in umbrella.read(after).apps] == ["db"]


KEYS = st.sampled_from(["redis", "web", "db", "expose", "cleanup"]).map(AppKey)
VERSIONS = st.from_regex(r"[0-9]\.[0-9]{1,2}\.[0-9](-rc\.[0-9])?", fullmatch=True)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(0, 99)
    | st.text("ab 'é\n", max_size=5)
    | st.lists(st.integers(0, 3), max_size=2)
)
PUTS = st.builds(
    lambda key, version, text: PutApp(App(key, ChartRef(key, CHARTS, version)), {"values.yaml": text}),
    KEYS.filter(lambda key: key not in {"web", "expose", "cleanup"}),
    VERSIONS,
    st.sampled_from(["", "a: 1\n", "b:\n  c: [1]\n"]),
)
SIMPLE = st.one_of(
    st.builds(SetVersion, KEYS, VERSIONS),
    st.builds(RemoveApp, KEYS),
    st.builds(
        SetValues, KEYS, st.dictionaries(st.sampled_from(["x", "y.z", "y.w", "l[0]"]), SCALARS, max_size=3)
    ),
    PUTS,
)
EDITS = SIMPLE | st.lists(SIMPLE, max_size=3).map(lambda edits: Several(tuple(edits)))


@given(EDITS)
def test_an_edit_reads_back_from_its_trailer(edit: Edit) -> None:
    text = edit_to_json(edit)
    assert "\n" not in text
    assert parse_edit(text) == edit


@given(st.sampled_from([make_environment(), OLD, new_environment(NEW, DEV)]), SIMPLE)
def test_applying_an_edit_twice_is_applying_it_once(tree: Tree, edit: Edit) -> None:
    try:
        once = umbrella.apply_edit(tree, edit)
    except NotFound:
        return
    assert umbrella.apply_edit(once, edit) == once
    outside = {path for path in changed_files(tree, once) if not path.startswith("env/")}
    assert not outside


@given(st.sampled_from([make_environment(), OLD]), PUTS)
def test_an_app_that_is_added_and_removed_leaves_no_trace(tree: Tree, edit: PutApp) -> None:
    if edit.app.key in {app.key for app in umbrella.read(tree).apps}:
        return
    added = umbrella.apply_edit(tree, edit)
    assert edit.app in umbrella.read(added).apps
    assert umbrella.apply_edit(added, RemoveApp(edit.app.key)) == tree


PLACES = st.builds(
    AppPlace,
    st.sampled_from(["redis", "db", "cache"]),
    st.sampled_from(["", "caches"]),
    st.sampled_from(["", "r"]),
).filter(lambda place: bool(place.namespace or place.release))


@given(st.sampled_from([make_environment(), OLD, new_environment(NEW, DEV)]), PLACES, PLACES)
def test_an_apps_place_is_said_once_and_goes_with_it(tree: Tree, first: AppPlace, second: AppPlace) -> None:
    assert parse_edit(edit_to_json(PutPlace(first))) == PutPlace(first)
    placed = umbrella.apply_edit(umbrella.apply_edit(tree, PutPlace(first)), PutPlace(second))
    assert umbrella.apply_edit(placed, PutPlace(second)) == placed
    said = umbrella.read(placed).requirements.apps
    assert said == ((second,) if first.app == second.app else (first, second))
    for place in (first, second):
        placed = requirements.remove_place(placed, place.app)
    assert placed == tree


@given(VERSIONS, VERSIONS)
def test_edits_of_two_apps_commute(one: str, other: str) -> None:
    first, second = SetVersion(REDIS, one), SetVersion(WEB, other)
    tree = make_environment()
    forth = umbrella.apply_edit(umbrella.apply_edit(tree, first), second)
    back = umbrella.apply_edit(umbrella.apply_edit(tree, second), first)
    assert forth == back


def test_changes_are_worded_as_in_jenkins_x_2() -> None:
    apps = umbrella.read(make_environment()).apps
    add = word_edit(PutApp(DB), apps)
    assert (add.branch, add.title, add.body) == ("add-app-db-0.1.0", "Add db 0.1.0", "Add app db 0.1.0")
    up = word_edit(SetVersion(REDIS, "1.3.0"), apps)
    assert up.branch.startswith("upgrade-app-redis-1.3.0-")
    assert (up.title, up.body) == ("Upgrade redis to 1.3.0", "Upgrade redis from 1.2.3 to 1.3.0")
    every = word_edit(Several((SetVersion(REDIS, "1.3.0"), SetVersion(WEB, "3.0.0"))), apps)
    assert every.branch.startswith("upgrade-all-apps-")
    assert every.title == "Upgrade all apps"
    assert every.body == "Upgrade all apps:\n* redis from 1.2.3 to 1.3.0\n* web from 2.0.0 to 3.0.0"
    gone = word_edit(RemoveApp(REDIS), apps)
    assert (gone.branch, gone.title, gone.body) == ("delete-app-redis", "Delete redis", "Delete app redis")
    both = word_edit(Several((SetVersion(REDIS, "1.3.0"), SetValues(REDIS, {"a.b": 1}))), apps)
    assert both.title == "Upgrade redis to 1.3.0"
    assert both.body == "Upgrade redis from 1.2.3 to 1.3.0\nEdit app redis: set `a.b`"
    assert (
        word_edit(PutApp(App(AppKey("x"), ChartRef("x", CHARTS, "1.0.0+b"))), apps).branch
        == "add-app-x-1.0.0-b"
    )


def test_the_same_edit_has_the_same_branch_and_another_has_another() -> None:
    one = word_edit(SetValues(REDIS, {"a": 1}), ())
    assert one.branch == word_edit(SetValues(REDIS, {"a": 1}), ()).branch
    assert one.branch != word_edit(SetValues(REDIS, {"a": 2}), ()).branch
