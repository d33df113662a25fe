"""Runs of applications: the pipeline of any repository, with no more of the platform's rights than it takes to clone it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.changes.changes import PullRequest
from jx.domain.errors import Invalid, Problem
from jx.domain.names import Person, Repo, Revision
from jx.domain.pipelines.runs import RunRequest, labels_of
from jx.domain.pipelines.syntax import EnvVar
from jx.domain.runs.check_runs import with_login
from jx.domain.runs.environment_runs import RUN_VARIABLE, git_login, with_variables
from jx.domain.runs.runs import NewRun

STATUS = "jx/pipeline"
"""The commit status of runs that have no context."""
_SHOWN = 12
_SECRET_KEYS = frozenset({"secret", "secretref", "secretkeyref", "nodepublishsecretref", "imagepullsecrets"})
_FOUND_BY = frozenset({"app", "component", "draft", "k8s-app", "name", "release"})
"""Labels without a prefix that charts select pods by."""
_VOLUMES = frozenset(
    {
        "name",
        "emptyDir",
        "configMap",
        "downwardAPI",
        "ephemeral",
        "projected",
        "secret",
    }
)
"""Kinds of volumes that give nothing of the node, and nothing that others keep: claims are those of the namespace."""


@dataclass(frozen=True, slots=True)
class RunOrder:
    """A run of an application to be: of what, with the files of which commit, for whom."""

    request: RunRequest
    """Its number is given when it is started."""
    files: Revision
    """The commit whose pipeline runs."""
    author: Person
    message: str
    name: str = ""
    """What makes starting it twice starting it once; empty: each time is another run."""
    pull_url: str = ""
    env: tuple[EnvVar, ...] = ()
    secrets: frozenset[str] = frozenset()
    """Secrets that its steps may name."""

    @property
    def pipeline(self) -> str:
        """`owner/repository/branch`; of a pull request `owner/repository/PR-3`."""
        return f"{self.request.repo.full_name}/{self.request.shown_branch}"

    @property
    def revision(self) -> Revision:
        """The commit that is told how it goes."""
        pulls = self.request.pulls
        return pulls[-1].revision if pulls else self.request.revision or self.files


def name_push(repo: Repo, branch: str, revision: Revision) -> str:
    """What the run of a push is called: the same by everybody who would start it, and another for every other push."""
    return f"{repo.full_name}/{branch}@{revision[:_SHOWN]}"


def name_pull(pull: PullRequest, asked: int) -> str:
    """What the run of a pull request's head is called, after people asked so often for one more."""
    again = f"+{asked}" if asked else ""
    return f"{pull.repo.full_name}#{pull.number}@{pull.head[:_SHOWN]}{again}"


def new_application_run(order: RunOrder, made: Mapping[str, Any], *, git_secret: str) -> NewRun:
    """The run, from what the repository's pipeline was compiled to. Only what clones has the login to git."""
    request = order.request
    spec = dict(made["spec"])
    pipeline = dict(spec["pipelineSpec"])
    login = git_login(request.repo.url, git_secret, {"credential.useHttpPath": "true"})
    variables = [{"name": RUN_VARIABLE, "value": "$(context.pipelineRun.name)"}]
    for part in ("tasks", "finally"):
        if part in pipeline:
            tasks = [with_variables(task, variables) for task in pipeline[part]]
            pipeline[part] = [with_login(task, login) for task in tasks]
    return NewRun(
        name=order.name or request.name,
        pipeline=order.pipeline,
        build=request.build,
        spec={**spec, "pipelineSpec": pipeline},
        context=request.context,
        revision=order.revision,
        author=order.author.name,
        message=order.message,
        git_url=request.repo.url,
        pull_url=order.pull_url,
        labels=made["metadata"]["labels"],
    )


def check_rights(order: RunOrder, made: Mapping[str, Any], *, where: str) -> None:
    """Invalid where a compiled pipeline names Secrets that it may not have, asks for rights on the node, or labels its pods so
    that Services would find them. Whoever may push to an application writes what it runs, and it runs where the platform does."""
    spec, secrets = made["spec"], order.secrets
    problems = [
        Problem(where, f"a step names Secret {name}, which runs of this do not get")
        for name in dict.fromkeys(_secrets(spec))
        if name not in secrets
    ]
    problems += [Problem(where, words) for words in dict.fromkeys(_powers(spec))]
    problems += [
        Problem(where, f"podLabels hold {key}, by which Services find pods")
        for key in dict.fromkeys(_labels(made))
        if ("/" in key or key in _FOUND_BY) and key not in labels_of(order.request)
    ]
    if problems:
        raise Invalid(
            "the pipeline asks for more than its runs may have",
            *problems,
            hint="pipelines.applications in jx-requirements.yml of the dev repository names what pushes may have",
        )


def _secrets(node: Any) -> Iterator[str]:
    for key, value in _entries(node):
        if key.lower() in _SECRET_KEYS:
            for one in value if isinstance(value, list) else [value]:
                yield (
                    str(one.get("secretName") or one.get("name") or "")
                    if isinstance(one, Mapping)
                    else str(one)
                )
        else:
            yield from _secrets(value)


def _labels(made: Mapping[str, Any]) -> Iterator[str]:
    """Of the pods: those of the run and of its tasks."""
    yield from made["metadata"].get("labels") or {}
    for one in made["spec"].get("taskRunSpecs") or ():
        yield from (one.get("metadata") or {}).get("labels") or {}


def _powers(node: Any) -> Iterator[str]:
    for key, value in _entries(node):
        if key == "securityContext" and isinstance(value, Mapping) and value.get("privileged"):
            yield "a step is privileged, which gives it the node"
        if key == "volumes":
            for one in value if isinstance(value, list) else ():
                for kind in sorted(set(one) - _VOLUMES if isinstance(one, Mapping) else ()):
                    yield f"a volume is a {kind}, which runs of applications do not get"
        yield from _powers(value)


def _entries(node: Any) -> Iterator[tuple[str, Any]]:
    """The keys of a mapping, or of those in a list."""
    if isinstance(node, Mapping):
        yield from ((str(key), value) for key, value in node.items())
    elif isinstance(node, list | tuple):
        for one in node:
            yield from _entries(one)
