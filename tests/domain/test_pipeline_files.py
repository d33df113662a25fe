"""Pipeline files: what they say, everything that is wrong with them at once, and the JSON Schema that says the same."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import broken_pipelines
from tests.support.broken_pipelines import Broken

from jx.domain.errors import Invalid, NotFound
from jx.domain.layouts.sections import Mistakes
from jx.domain.pipelines import files
from jx.domain.pipelines.schema import pack_schema, project_schema
from jx.domain.pipelines.shapes import read_shape, write_shape
from jx.domain.pipelines.syntax import ProjectFile
from jx.domain.texts.yaml_text import parse_node, read_yaml, write_yaml
from jx.domain.trees import Tree

EVERYTHING = Path(__file__).parents[1] / "support" / "everything" / "jenkins-x.yml"

WHOLE = """
buildPack: none
buildPackGitURL: https://git.example.com/packs.git
env:
- {name: TEAM, value: cheese}
pipelineConfig:
  agent: {image: go}
  env:
  - name: VERBOSE
    value: yes
  pipelines:
    release:
      pipeline:
        options:
          timeout: {time: 2, unit: days}
          containerOptions:
            resources: {limits: {cpu: 4, memory: 4Gi}}
        stages:
        - name: build
          options:
            retry: 2
            volumes:
            - {name: cache, emptyDir: {}}
          steps:
          - loop:
              variable: SHARD
              values: ["1", 2, 3.50]
              steps:
              - {name: test, command: make, args: [test, "$SHARD"], dir: src}
        - name: checks
          parallel:
          - {name: lint, steps: [{sh: make lint}]}
          - name: nested
            stages:
            - {name: unit, matrix: {GO: [1.20, "1.21"]}, steps: [{command: make unit}]}
        post:
        - condition: failure
          steps: [{command: make cry}]
    pullRequest:
      build:
        replace: true
        steps: [{sh: make, comment: all of it, when: prow}]
    overrides:
    - {pipeline: release, stage: build, name: make, type: before, step: {sh: make deps}}
"""


@pytest.mark.parametrize("broken", broken_pipelines.ALL, ids=lambda one: one.said)
def test_a_broken_file_is_told_with_its_line(broken: Broken) -> None:
    with pytest.raises(Invalid) as caught:
        files.parse_project(broken.text)
    told = [(problem.line, problem.what) for problem in caught.value.problems]
    assert [line for line, what in told if broken.said in what] == [broken.line], told
    assert {problem.where for problem in caught.value.problems} == {"jenkins-x.yml"}


def test_there_are_fifty_broken_files_or_more_and_each_has_one_mistake() -> None:
    assert len(broken_pipelines.ALL) >= 50
    for broken in broken_pipelines.ALL:
        with pytest.raises(Invalid) as caught:
            files.parse_project(broken.text)
        assert len(caught.value.problems) == 1, (broken.said, [str(one) for one in caught.value.problems])


def test_all_mistakes_of_a_file_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = "buildpack: go\npipelineConfig:\n  pipelines:\n    Release: {}\n    feature: {biuld: {}}\n  environmet: x\n"
    with pytest.raises(Invalid) as caught:
        files.parse_project(text, "jenkins-x-deploy.yml")
    assert [str(problem) for problem in caught.value.problems] == [
        "jenkins-x-deploy.yml:1: buildpack is not known here; did you mean buildPack?",
        "jenkins-x-deploy.yml:4: Release is not known here; did you mean release?",
        "jenkins-x-deploy.yml:5: biuld is not known here; did you mean build?",
        "jenkins-x-deploy.yml:6: environmet is not known here; did you mean environment?",
    ]


def test_what_is_spelt_wrongly_hides_no_mistake_and_makes_none() -> None:
    text = """
buildPack: none
pipelineConfig:
  pipelines:
    pullrequest:
      pipeline: {agent: {image: go}, stages: [{name: a, steps: [{comand: x}]}]}
    release:
      pipeline:
        Agent: {image: go}
        stages:
        - name: b
          parallel:
          - name: c
            steps: [{}]
          - name: "1"
            steps: [{command: a, sh: b}]
        - steps: make
    feature:
      pipeline:
        agent: go
        options: {timeout: {unit: hours}}
        stages:
        - {name: d, steps: [{command: make, dir: $HOME}]}
"""
    with pytest.raises(Invalid) as caught:
        files.parse_project(text)
    told = [f"{problem.line}: {problem.what.partition(', which')[0]}" for problem in caught.value.problems]
    assert told == [
        "5: pullrequest is not known here; did you mean pullRequest?",
        "6: comand is not known here; did you mean command?",
        "9: Agent is not known here; did you mean agent?",
        "14: a step has exactly one of command, sh, step, loop; it has none",
        "15: the name of a stage has at least one ASCII letter",
        "16: a step has exactly one of command, sh, step, loop; it has command and sh",
        "17: steps is a list, not 'make'",
        "17: name is missing: its name, unique in the pipeline",
        "20: agent is a mapping, not 'go'",
        "21: time is missing: how many units",
        "23: dir $HOME holds a variable",
    ]


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_whatever_is_torn_out_of_a_file_is_told_as_a_mistake(chance: random.Random) -> None:
    data: Any = read_yaml(EVERYTHING.read_text())
    for _ in range(chance.randint(1, 4)):
        at = data
        while isinstance(at, dict | list) and at:
            key = chance.choice(list(at) if isinstance(at, dict) else range(len(at)))
            if chance.random() < 0.2 or not isinstance(at[key], dict | list):
                at[key] = chance.choice([None, 7, "x", [], {}, ["x"], {"x": "y"}, True])
                break
            at = at[key]
    with contextlib.suppress(Invalid):
        files.parse_project(write_yaml(data))


def test_a_file_is_read_as_it_is_written() -> None:
    file = files.parse_project(WHOLE)
    assert file.build_pack_git_url == "https://git.example.com/packs.git"
    assert file.pipeline_config is not None
    assert file.pipeline_config.pipelines is not None
    assert file.pipeline_config.env[0].value == "yes"
    release = file.pipeline_config.pipelines.release
    assert release is not None
    assert release.pipeline is not None
    build, checks = release.pipeline.stages
    assert build.steps[0].loop is not None
    assert build.steps[0].loop.values == ("1", "2", "3.50")
    assert checks.parallel[1].stages[0].matrix == {"GO": ("1.20", "1.21")}
    assert release.pipeline.options is not None
    assert release.pipeline.options.timeout is not None
    assert release.pipeline.options.timeout.duration.days == 2


def test_a_file_that_is_written_reads_as_the_same() -> None:
    file = files.parse_project(WHOLE)
    assert files.parse_project(write_yaml(write_shape(file))) == file


def test_an_empty_file_says_nothing() -> None:
    assert write_shape(files.parse_project("")) == {}
    assert write_shape(files.parse_project("# nothing\n")) == {}


def test_what_an_anchor_names_may_be_merged() -> None:
    text = """
    pipelineConfig:
      pipelines:
        feature:
          pipeline: &all
            agent: {image: go}
            stages: [{name: a, steps: [{command: make}]}]
        release:
          pipeline:
            <<: *all
            dir: src
    """
    config = files.parse_project(text).pipeline_config
    assert config is not None
    assert config.pipelines is not None
    assert config.pipelines.release is not None
    pipeline = config.pipelines.release.pipeline
    assert pipeline is not None
    assert (pipeline.dir, pipeline.stages[0].name) == ("src", "a")


def test_a_context_has_a_file_of_its_own_or_else_the_one_of_all() -> None:
    tree = Tree().put("jenkins-x.yml", "").put("jenkins-x-deploy.yml", "")
    assert files.find_file(tree, "deploy") == "jenkins-x-deploy.yml"
    assert files.find_file(tree, "lint") == "jenkins-x.yml"
    assert files.find_file(tree) == "jenkins-x.yml"
    with pytest.raises(NotFound, match=r"no jenkins-x-lint\.yml and no jenkins-x\.yml"):
        files.find_file(Tree(), "lint")
    assert files.name_file("Bdd_vault.2") == "jenkins-x-Bdd_vault.2.yml"
    with pytest.raises(Invalid, match="not a valid name of a context"):
        files.find_file(tree, "../../etc")


def test_a_file_of_a_few_lines_cannot_stand_for_billions_of_steps() -> None:
    bomb = "a: &a0 {name: a, steps: [{command: make}]}\n"
    bomb += "".join(
        f"b{n}: &a{n + 1} {{name: a, parallel: [{', '.join([f'*a{n}'] * 9)}]}}\n" for n in range(12)
    )
    bomb += "pipelineConfig: {pipelines: {default: {agent: {image: a}, stages: [*a12]}}}\n"
    with pytest.raises(Invalid, match="too large") as caught:
        files.parse_project(bomb)
    assert "stand for more than" in caught.value.problems[0].what


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_done_to_a_file_it_is_read_or_refused(data: st.DataObject) -> None:
    lines = WHOLE.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "indent", "empty", "list", "word"]))
        line = lines[number]
        lines[number : number + 1] = {
            "drop": [],
            "double": [line, line],
            "indent": ["  " + line],
            "empty": [line.partition(":")[0] + ":"],
            "list": [line.partition(":")[0] + ": [1, {a: b}]"],
            "word": [line.partition(":")[0] + ": ~x"],
        }[change] or ["#"]
    read = _read("\n".join(lines))
    if isinstance(read, Invalid):
        assert read.problems
        assert all(problem.line for problem in read.problems)
    else:
        assert files.parse_project(write_yaml(write_shape(read))) == read


def _read(text: str) -> ProjectFile | Invalid:
    try:
        return files.parse_project(text)
    except Invalid as error:
        return error


def _fits(schema: dict[str, Any], text: str) -> bool:
    return jsonschema_rs.is_valid(schema, read_yaml(text, allow_duplicates=True))


OF_YAML = {"buildPack stands here and in line 1", "`<<` merges mappings only"}
"""What no schema sees, since it is shown what YAML has made of the file."""


@pytest.mark.parametrize(
    "broken", [one for one in broken_pipelines.SHAPES if one.said not in OF_YAML], ids=lambda one: one.said
)
def test_the_schema_refuses_what_the_reader_refuses_for_its_shape(broken: Broken) -> None:
    assert not _fits(project_schema(), broken.text)


@pytest.mark.parametrize("broken", broken_pipelines.MEANINGS, ids=lambda one: one.said)
def test_the_schema_takes_what_is_wrong_only_as_a_whole(broken: Broken) -> None:
    assert _fits(project_schema(), broken.text)


def test_the_schema_takes_what_the_reader_takes() -> None:
    assert _fits(project_schema(), WHOLE)
    assert _fits(
        pack_schema(), "extends: {import: classic, file: go/pipeline.yaml}\npipelines: {post: {steps: []}}"
    )
    assert not _fits(pack_schema(), WHOLE)


VALUES: tuple[Any, ...] = (
    None, "", "x", 1, 1.5, True, [], {}, [1], ["a"], [None], [{}], {"a": 1}, {"a": None}, {"a": ["b"]},
    {"name": "n"}, [{"name": "n"}], "release", "hours",
)  # fmt: skip
KEYS = (
    *("name", "steps", "env", "image", "retry", "options", "args", "command", "matrix", "stages", "value"),
    *(
        "values",
        "podLabels",
        "volumes",
        "condition",
        "type",
        "containerOptions",
        "timeout",
        "unit",
        "nonsense",
    ),
)


def changed(number: int) -> str:
    """A file with a change or two, which make it wrong or not; the same for the same number."""
    chance = random.Random(number)
    data: Any = read_yaml(WHOLE if number % 2 else EVERYTHING.read_text())
    for _ in range(chance.randint(1, 2)):
        *way, last = chance.choice([path for path in _paths(data) if path])
        place = data
        for step in way:
            place = place[step]
        match chance.choice(["set", "drop", "add"]):
            case "set":
                place[last] = copy.deepcopy(chance.choice(VALUES))
            case "drop":
                del place[last]
            case _ if isinstance(place, dict):
                place[chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))
            case _:
                pass
    return write_yaml(data)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _paths(each, (*path, key))


def test_the_schema_takes_exactly_the_shapes_that_the_reader_takes() -> None:
    schema = jsonschema_rs.validator_for(project_schema())
    taken = 0
    for number in range(400):
        text, mistakes = changed(number), Mistakes()
        node = parse_node(text)
        assert node is not None
        read_shape(ProjectFile, node, "jenkins-x.yml", mistakes)
        assert schema.is_valid(read_yaml(text)) == (not mistakes.problems), (text, mistakes.problems)
        taken += not mistakes.problems
    assert 50 < taken < 350


def test_an_empty_word_is_no_choice() -> None:
    text = "pipelineConfig: {pipelines: {default: {stages: [], post: [{condition: ''}]}}}"
    with pytest.raises(Invalid) as caught:
        files.parse_project(text)
    assert "condition is empty; it may be success, failure, always" in str(caught.value.problems[0])


def test_the_schemas_are_schemas() -> None:
    jsonschema_rs.meta.validate(project_schema())
    jsonschema_rs.meta.validate(pack_schema())
