"""Pipelines made at random: their files, and what these come to."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from jx.domain.names import Repo
from jx.domain.pipelines import files
from jx.domain.pipelines.compiling import compile_run
from jx.domain.pipelines.effective import Project, make_effective
from jx.domain.pipelines.packs import Packs
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import PipelineKind, ProjectFile
from jx.domain.texts.yaml_text import write_yaml

REPO = Repo("https://git.example.com/cheese/shop.git")

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


def effective(text: str) -> ProjectFile:
    return make_effective(files.parse_project(text), "none", Packs(), Project(repo=REPO))


def run_of_text(text: str) -> dict[str, Any]:
    request = RunRequest(repo=REPO, branch="master", kind=PipelineKind.RELEASE, build=1)
    return compile_run(effective(text), request)
