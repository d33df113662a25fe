"""What holds of every pipeline, whatever its stages are."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jx.domain.names import Repo
from jx.domain.pipelines import files
from jx.domain.pipelines.compiling import compile_run
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.shapes import write_shape
from jx.domain.pipelines.syntax import PipelineKind, ProjectFile
from jx.domain.yaml_text import write_yaml

REPO = Repo("https://git.example.com/cheese/shop.git")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

words = st.sampled_from(["make", "echo $HOME", "jx step x", "kill $$", "a && b"])
folders = st.sampled_from(["src", "/abs", "../x"])
loop = {"variable": "V", "values": ["1", "2"], "steps": [{"sh": "x"}]}
commands = st.fixed_dictionaries({"command": words}, optional={"dir": folders, "image": st.just("go")})
steps = st.lists(st.one_of(commands, st.just({"loop": loop})), min_size=1, max_size=3)
options = st.fixed_dictionaries(
    {},
    optional={
        "workspace": st.sampled_from(["source", "Other"]),
        "retry": st.integers(0, 3),
        "timeout": st.fixed_dictionaries({"time": st.integers(1, 50)}),
        "volumes": st.just([{"name": "cache", "emptyDir": {}}]),
        "tolerations": st.just([{"operator": "Exists"}]),
    },
)
posts = st.lists(
    st.fixed_dictionaries(
        {"condition": st.sampled_from(["success", "failure", "always"]), "steps": st.just([{"command": "x"}])}
    ),
    max_size=2,
)
env = st.just([{"name": "E", "value": "v"}])
matrix = st.just({"A": ["1", "2"]})
leaves = st.fixed_dictionaries(
    {"steps": steps}, optional={"options": options, "post": posts, "matrix": matrix, "env": env}
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"stages": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"parallel": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=8,
)


@st.composite
def projects(draw: st.DrawFn) -> str:
    """The text of a file; stages are named by their number."""
    stages = draw(st.lists(trees, min_size=1, max_size=3))
    for number, stage in enumerate(_all(stages)):
        stage["name"] = f"stage {number}"
    pipeline = {"agent": {"image": "go"}, "stages": stages, "post": draw(posts)}
    release: dict[str, Any] = {"pipeline": pipeline}
    if draw(st.booleans()):
        release["setVersion"] = {"steps": [{"sh": "echo 1 > VERSION"}]}
    return write_yaml({"buildPack": "none", "pipelineConfig": {"pipelines": {"release": release}}})


def _all(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        one
        for stage in stages
        for one in (stage, *_all([*stage.get("stages", []), *stage.get("parallel", [])]))
    ]


def _effective(text: str) -> ProjectFile:
    return make_effective(files.parse_project(text), "none", Packs(), Project(repo=REPO))


def _run(text: str) -> dict[str, Any]:
    request = RunRequest(repo=REPO, branch="master", kind=PipelineKind.RELEASE, build=1)
    return compile_run(_effective(text), request)


@settings(max_examples=100, deadline=None)
@given(projects())
def test_the_effective_form_stays_the_same(text: str) -> None:
    once = write_yaml(write_shape(_effective(text)))
    assert write_yaml(write_shape(_effective(once))) == once
    assert _run(once) == _run(text)


@settings(max_examples=100, deadline=None)
@given(projects())
def test_names_are_labels_and_unique_and_what_is_named_is_there(text: str) -> None:
    spec = _run(text)["spec"]
    pipeline = spec["pipelineSpec"]
    tasks, last = pipeline["tasks"], pipeline.get("finally", [])
    names = [task["name"] for task in (*tasks, *last)]
    assert len(set(names)) == len(names)
    assert all(LABEL.fullmatch(name) for name in names)
    workspaces = {one["name"] for one in spec["workspaces"]}
    assert workspaces == {one["name"] for one in pipeline["workspaces"]}
    assert {one["pipelineTaskName"] for one in spec.get("taskRunSpecs", [])} <= set(names)
    for task in (*tasks, *last):
        assert set(task.get("runAfter", [])) <= {one["name"] for one in tasks}
        assert {one["workspace"] for one in task["workspaces"]} <= workspaces
        steps = [step["name"] for step in task["taskSpec"]["steps"]]
        assert len(set(steps)) == len(steps)
        assert all(LABEL.fullmatch(name) for name in steps)


@settings(max_examples=100, deadline=None)
@given(projects())
def test_each_workspace_is_filled_once_and_before_anybody_uses_it(text: str) -> None:
    tasks = _run(text)["spec"]["pipelineSpec"]["tasks"]
    after = {task["name"]: set(task.get("runAfter", [])) for task in tasks}
    clones: dict[str, str] = {}
    for task in tasks:
        if task["taskSpec"]["steps"][0]["name"] == "git-clone":
            workspace = task["workspaces"][0]["workspace"]
            assert workspace not in clones
            assert "matrix" not in task
            clones[workspace] = task["name"]
    for task in tasks:
        clone = clones[task["workspaces"][0]["workspace"]]
        assert task["name"] == clone or clone in _before(task["name"], after)


def _before(name: str, after: dict[str, set[str]]) -> set[str]:
    """All tasks that have ended when one begins; a circle would not end."""
    found, open_ = set[str](), set(after[name])
    while open_:
        one = open_.pop()
        assert one != name
        if one not in found:
            found.add(one)
            open_ |= after[one]
    return found
