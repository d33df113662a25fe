"""Runs: what a pipeline is run for, by which names, and what its steps are told of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.domain.errors import Invalid, Problem
from jx.domain.layouts.new_environment import BUILDER_IMAGE
from jx.domain.names import Person, Repo, Revision, parse_branch, parse_namespace
from jx.domain.pipelines.naming import join_label, to_label, to_label_value
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.trees import Tree
from jx.domain.version_stream import resolve_image

DEFAULT_ACCOUNT = "tekton-bot"
DEFAULT_STORAGE = "1Gi"
PIPELINE_BOT = Person("jenkins-x", "jenkins-x@googlegroups.com")
"""Who commits in a run, unless the platform names somebody else."""

TYPE_LABEL = "jenkins.io/pipelineType"

_LONGEST_NAME = 50
"""Names of tasks and pods are made from it."""
_REF = re.compile(r"refs/[A-Za-z0-9._/-]+")
_LABEL_KEY = re.compile(r"([a-z0-9][-a-z0-9.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_STORAGE = re.compile(r"[1-9][0-9]*(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?")
_POD_TEMPLATES = (
    "cpp dlang go gradle jx-base machine-learning machine-learning-gpu maven maven-graalvm maven-java11 nodejs "
    "php python python2 python37 ruby rust scala swift terraform typescript"
)


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request that is merged onto the base before anything runs."""

    number: int
    revision: Revision
    ref: str = ""
    """Where the forge keeps its commits. Default: `refs/pull/NUMBER/head`."""

    @property
    def real_ref(self) -> str:
        """Where its commits are."""
        return self.ref or f"refs/pull/{self.number}/head"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run to be."""

    repo: Repo
    branch: str
    """The branch that is built, or that the pull requests are merged onto."""
    kind: PipelineKind
    build: int
    """Never the same twice for one branch (and context) of a repository."""
    revision: Revision | None = None
    """The commit of the branch; None for its newest."""
    pulls: tuple[Pull, ...] = ()
    tag: str = ""
    """The tag that is built, whose commit `revision` is; empty where it is a branch or pull requests."""
    context: str = ""
    version: str = ""
    """What is released; empty where the pipeline makes it, or nothing is released."""
    source: str = "source"
    """The folder of the source, below /workspace."""
    namespace: str = ""
    account: str = DEFAULT_ACCOUNT
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    clone_image: str = BUILDER_IMAGE
    """An image with git and a shell."""
    pod_templates: Mapping[str, str] = field(default_factory=dict)
    """Images by the names that agents may have; more than the known ones, and before them."""
    version_stream: Tree | None = None
    """What names the tags of images that have none."""
    storage: str = DEFAULT_STORAGE
    """Of a volume that stages share."""
    docker_registry: str = ""
    docker_registry_org: str = ""
    committer: Person = PIPELINE_BOT

    def __post_init__(self) -> None:
        """What comes from outside ends in variables, where Kubernetes would expand `$(...)`, and in arguments of git."""
        parse_branch(self.branch)
        if self.namespace:
            parse_namespace(self.namespace)
        texts = {
            "url": self.repo.url, "branch": self.branch, "tag": self.tag, "version": self.version, "context": self.context,
            "docker registry": self.docker_registry, "docker registry org": self.docker_registry_org,
            "committer": f"{self.committer.name}{self.committer.email}",
            **{f"ref of pull request {pull.number}": pull.real_ref for pull in self.pulls},
        }  # fmt: skip
        wrong = [Problem("", f"{what} {text!r} holds `$(`") for what, text in texts.items() if "$(" in text]
        wrong += [
            Problem("", f"{pull.real_ref!r} is no ref of a pull request")
            for pull in self.pulls
            if not _REF.fullmatch(pull.real_ref)
        ]
        if not _FOLDER.fullmatch(self.source):
            wrong.append(Problem("", f"{self.source!r} is no name of a folder"))
        if not _OBJECT_NAME.fullmatch(self.account):
            wrong.append(Problem("", f"{self.account!r} is no name of a service account"))
        if self.build < 1:
            wrong.append(Problem("", "a build number is 1 or more"))
        if not _STORAGE.fullmatch(self.storage):
            wrong.append(Problem("", f"{self.storage!r} is no size of a volume, as 1Gi is"))
        if wrong:
            raise Invalid("no run can be made of this", *wrong)

    @property
    def shown_branch(self) -> str:
        """The branch as people see it: `PR-12` for a pull request, `batch` for several, the tag's name for a tag."""
        if not self.pulls:
            return self.tag or self.branch
        return f"PR-{self.pulls[0].number}" if len(self.pulls) == 1 else "batch"

    @property
    def name(self) -> str:
        """The run's own name: owner, repository, branch, context, build."""
        parts = (self.repo.owner, self.repo.name, self.shown_branch, self.context)
        return join_label("-".join(part for part in parts if part), str(self.build), limit=_LONGEST_NAME)

    @property
    def snapshot_version(self) -> str:
        """A version for what is not released."""
        return f"0.0.0-SNAPSHOT-{to_label_value(self.shown_branch)}-{self.build}"

    @property
    def pull_refs(self) -> str:
        """The base and the pull requests, as `master:SHA,12:SHA`."""
        base = f"{self.branch}:{self.revision or ''}"
        return ",".join([base, *(f"{pull.number}:{pull.revision}" for pull in self.pulls)])


def labels_of(request: RunRequest) -> dict[str, str]:
    """The labels of a run, by which it is found; custom ones go last and go before."""
    labels = {
        "owner": to_label_value(request.repo.owner),
        "repository": to_label_value(request.repo.name),
        "branch": to_label_value(request.shown_branch),
        "build": str(request.build),
        TYPE_LABEL: "build",
        "jenkins.io/pipelineKind": request.kind.value.lower(),
    }
    if request.context:
        labels["context"] = to_label_value(request.context)
    return labels | write_labels(request.labels)


def write_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels as Kubernetes takes them: keys that it would refuse, and values, made of what people wrote."""
    return {
        key if _LABEL_KEY.fullmatch(key) else to_label(key): to_label_value(value)
        for key, value in labels.items()
    }


def annotations_of(request: RunRequest) -> dict[str, str]:
    """What labels are too short for."""
    found = {
        "jenkins.io/pipeline": f"{request.repo.full_name}/{request.shown_branch}",
        "jenkins.io/revision": request.pulls[-1].revision if request.pulls else request.revision or "",
        "jenkins.io/source-url": request.repo.url,
        "jenkins.io/pull-refs": request.pull_refs,
    }
    return {name: value for name, value in found.items() if value} | dict(request.annotations)


def env_of(request: RunRequest) -> dict[str, str]:
    """What every step is told; a file's own variables go before these."""
    repo, committer = request.repo, request.committer
    single = request.pulls[0] if len(request.pulls) == 1 else None
    env = {
        "SOURCE_URL": repo.url,
        "REPO_OWNER": repo.owner,
        "REPO_NAME": repo.name,
        "APP_NAME": repo.name,
        "JOB_NAME": f"{repo.owner}/{repo.name}/{request.shown_branch}",
        "JOB_TYPE": "presubmit" if single else "batch" if request.pulls else "postsubmit",
        "BRANCH_NAME": request.shown_branch,
        "BUILD_NUMBER": str(request.build),
        "PIPELINE_KIND": request.kind.value.lower(),
        "PIPELINE_CONTEXT": request.context,
        "TAG_NAME": request.tag,
        "PULL_BASE_REF": request.branch,
        "PULL_BASE_SHA": request.revision or "",
        "PULL_REFS": request.pull_refs,
        "PULL_NUMBER": str(single.number) if single else "",
        "PULL_PULL_SHA": single.revision if single else "",
        "DOCKER_REGISTRY": request.docker_registry,
        "DOCKER_REGISTRY_ORG": request.docker_registry_org,
        "GIT_AUTHOR_NAME": committer.name,
        "GIT_AUTHOR_EMAIL": committer.email,
        "GIT_COMMITTER_NAME": committer.name,
        "GIT_COMMITTER_EMAIL": committer.email,
        "JX_BATCH_MODE": "true",
        "VERSION": "$(params.version)",
        "BUILD_ID": "$(params.build_id)",
        "PREVIEW_VERSION": "$(params.version)" if request.kind is not PipelineKind.RELEASE else "",
    }
    return {name: value for name, value in env.items() if value}


def image_of(name: str, request: RunRequest) -> str:
    """The image that a name stands for: a pod template's, or the name itself; with its tag from the version stream."""
    known = f"gcr.io/jenkinsxio/builder-{name}" if name in _POD_TEMPLATES.split() else name
    image = request.pod_templates.get(name, known)
    return resolve_image(request.version_stream, image) if request.version_stream else image
