"""Verification runs: the pipeline that proves that pipelines work. It lies on a commit of its own, which nobody merges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jx.domain.environments.environments import Environment
from jx.domain.names import DEV, Person, Repo, Revision
from jx.domain.runs.environment_runs import Occasion, RunSetup, new_run
from jx.domain.runs.runs import VERIFY, NewRun, Run
from jx.domain.texts.yaml_text import write_yaml
from jx.domain.trees import Blob, Tree

BRANCH = "jx-verify"
"""Where the newest such commit is. Each one takes the place of the one before."""
BY = Person("jx")
_NAME = "jx-verify-"
_README = "Commits on this branch ask whether pipelines run (jx step verify install). Nothing is merged from here.\n"


def name_run(number: str) -> str:
    """The name of the run that answers a number."""
    return f"{_NAME}{number}"


def number_of(run: Run) -> str:
    """Which number a run answers; empty for other runs."""
    return run.name.removeprefix(_NAME) if run.context == VERIFY and run.name.startswith(_NAME) else ""


def message_of(number: str) -> str:
    """Of the commit. The trailer says that jx may put another one in its place."""
    return f"Do pipelines run? (thrown away)\n\nJx-Edit: verify {number}\n"


def throw_away(image: str) -> Tree:
    """The files of such a commit: a pipeline of one step in the image that applies environments."""
    stage = {"name": "verify", "steps": [{"name": "answer", "command": "jx version"}]}
    pipeline = {"agent": {"image": image}, "stages": [stage]}
    kinds = {"release": {"pipeline": pipeline}}
    text = write_yaml({"buildPack": "none", "pipelineConfig": {"pipelines": kinds}})
    return Tree({"jenkins-x.yml": Blob(text.encode()), "README.md": Blob(_README.encode())})


def image_of(made: Mapping[str, Any]) -> str:
    """In which a pipeline does the last of its work."""
    steps = [step for task in made["spec"]["pipelineSpec"]["tasks"] for step in task["taskSpec"]["steps"]]
    return str(steps[-1]["image"])


def start_of(number: str, repo: Repo, revision: Revision, setup: RunSetup, made: Mapping[str, Any]) -> NewRun:
    """The run, with account, login and variables of the runs that apply environments, so that it needs what those need."""
    there = Environment(DEV, setup.variables.get("JX_NAMESPACE", ""), repo, BRANCH)
    occasion = Occasion(revision, BY, "Do pipelines run?", 1)
    run = new_run(there, occasion, setup, build=1, made=made)
    return NewRun(
        name=name_run(number),
        pipeline=run.pipeline,
        build=run.build,
        spec=run.spec,
        context=VERIFY,
        revision=run.revision,
        author=run.author,
        message=run.message,
    )
