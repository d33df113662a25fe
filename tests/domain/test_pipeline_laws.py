"""What holds of every pipeline, whatever its stages are."""

from __future__ import annotations

import re

from hypothesis import given, settings
from tests.support.random_pipelines import effective, projects, run_of_text

from jx.domain.pipelines.shapes import write_shape
from jx.domain.texts.yaml_text import write_yaml

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@settings(max_examples=100, deadline=None)
@given(projects())
def test_the_effective_form_stays_the_same(text: str) -> None:
    once = write_yaml(write_shape(effective(text)))
    assert write_yaml(write_shape(effective(once))) == once
    assert run_of_text(once) == run_of_text(text)


@settings(max_examples=100, deadline=None)
@given(projects())
def test_names_are_labels_and_unique_and_what_is_named_is_there(text: str) -> None:
    spec = run_of_text(text)["spec"]
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
    tasks = run_of_text(text)["spec"]["pipelineSpec"]["tasks"]
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
