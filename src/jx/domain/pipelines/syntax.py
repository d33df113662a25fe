"""The types of jenkins-x.yml and of a build pack's pipeline.yaml, as they are written; the words beside them tell what for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from jx.domain.pipelines import kubernetes_keys as keys
from jx.domain.pipelines.shapes import (
    Place,
    choice,
    flag,
    many,
    one,
    placed,
    plain,
    plains,
    text,
    text_map,
    texts,
    texts_map,
    whole,
)

FROM_BUILD_PACK = "from-build-pack"
"""The stage that lifecycles come to."""
NO_PACK = "none"
"""The build pack of a file that needs none."""


class PipelineKind(StrEnum):
    """What a run is for."""

    RELEASE = "release"
    PULL_REQUEST = "pullRequest"
    FEATURE = "feature"


class TimeUnit(StrEnum):
    """Units of timeouts."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


class Condition(StrEnum):
    """When steps of `post` run."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"


class OverrideType(StrEnum):
    """What the steps of an override do to those that are there."""

    REPLACE = "replace"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class EnvVar:
    """A variable of the environment."""

    name: str = text("Its name.", required=True)
    value: str = text("Its value.")
    value_from: dict[str, Any] | None = plain(
        "Where Kubernetes takes its value from, such as secretKeyRef.", keys.VALUE_FROM
    )
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Agent:
    """Where steps run."""

    label: str = text("The label of a Jenkins agent. Tekton has none: an image must be given, too.")
    image: str = text("The image of the container that steps run in, or the name of a pod template.")
    container: str = text("An older word for image.")
    dir: str = text("The folder that steps begin in; an older word for a step's dir.")
    place: Place = placed()

    @property
    def real_image(self) -> str:
        """The image, by whichever word it was given."""
        return self.image or self.container


@dataclass(frozen=True, slots=True)
class Timeout:
    """How long something may take."""

    time: int = whole("How many units.", required=True)
    unit: TimeUnit | None = choice("seconds (the default), minutes, hours or days.", TimeUnit)
    place: Place = placed()

    @property
    def duration(self) -> timedelta:
        """As a span of time."""
        return timedelta(**{(self.unit or TimeUnit.SECONDS).value: self.time})


@dataclass(frozen=True, slots=True)
class Stash:
    """Files to keep for a later stage. Stages share their workspace, so there is no need for it."""

    name: str = text("Its name.", required=True)
    files: str = text("A pattern.", required=True)
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Unstash:
    """Files of an earlier stage. Stages share their workspace, so there is no need for it."""

    name: str = text("The name of the stash.", required=True)
    dir: str = text("Where to put them.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a pipeline or a stage."""

    timeout: Timeout | None = one("How long it may take.", lambda: Timeout)
    retry: int | None = whole("How often a stage is tried again when it fails.")
    container_options: dict[str, Any] | None = plain(
        "More of the containers: env, envFrom, resources, securityContext, volumeMounts, imagePullPolicy.",
        keys.CONTAINER,
    )
    sidecars: tuple[dict[str, Any], ...] = plains("Containers that run beside the steps.", keys.CONTAINER)
    volumes: tuple[dict[str, Any], ...] = plains("Volumes that containers mount.", keys.VOLUME)
    distribute_parallel_across_nodes: bool = flag("Parallel stages each on a node of their own.")
    tolerations: tuple[dict[str, Any], ...] = plains("Taints that pods tolerate.", keys.TOLERATION)
    pod_labels: Mapping[str, str] = text_map("Labels of the pods.")
    stash: Stash | None = one("Only in a stage.", lambda: Stash)
    unstash: Unstash | None = one("Only in a stage.", lambda: Unstash)
    workspace: str = text("The name of the workspace of a stage; those of the same name share their files.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Loop:
    """Steps that are repeated for each of some values."""

    variable: str = text("The variable that holds the value.", required=True)
    values: tuple[str, ...] = texts("The values.", required=True)
    steps: tuple[Step, ...] = many("The steps.", lambda: Step, required=True)
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to run: exactly one of command (or sh), step, loop."""

    name: str = text("Its name, unique in its stage.")
    command: str = text("What to run, as a shell takes it.")
    args: tuple[str, ...] = texts("More words of the command.")
    dir: str = text("The folder to run in; relative ones begin at the source.")
    step: str = text("A step of a library. There is none: an error.")
    options: Mapping[str, str] = text_map("Options of a step of a library.")
    loop: Loop | None = one("Steps for each of some values.", lambda: Loop)
    agent: Agent | None = one("Where this step runs.", lambda: Agent)
    image: str = text("The image that this step runs in.")
    env: tuple[EnvVar, ...] = many("Variables of this step.", lambda: EnvVar)
    comment: str = text("In lifecycles only: what it is for.")
    groovy: str = text(
        "In lifecycles only: a statement of a Jenkinsfile. Checkouts are done anyway; others are an error."
    )
    steps: tuple[Step, ...] = many("In lifecycles only: steps that share dir and image.", lambda: Step)
    when: str = text("In lifecycles only: prow (kept) or !prow (left out).")
    container: str = text("In lifecycles only: an older word for image.")
    sh: str = text("An older word for command.")
    place: Place = placed()

    @property
    def real_command(self) -> str:
        """The command, by whichever word it was given."""
        return self.command or self.sh

    @property
    def real_image(self) -> str:
        """The image of its own, or empty."""
        return self.image or self.container or (self.agent.real_image if self.agent else "")

    @property
    def real_dir(self) -> str:
        """The folder of its own, or empty."""
        return self.dir or (self.agent.dir if self.agent else "")


@dataclass(frozen=True, slots=True)
class PostAction:
    """An action by name. There is none built in: an error."""

    name: str = text("Its name.", required=True)
    options: Mapping[str, str] = text_map("Its options.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Post:
    """What runs when a pipeline or stage is over."""

    condition: Condition | None = choice("success, failure or always.", Condition, required=True)
    actions: tuple[PostAction, ...] = many("Actions by name. None is built in: an error.", lambda: PostAction)
    steps: tuple[Step, ...] = many("Steps to run at the end of the run, in the source.", lambda: Step)
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a pipeline: exactly one of steps, stages (one after another), parallel (at once)."""

    name: str = text("Its name, unique in the pipeline.", required=True)
    agent: Agent | None = one("Where it runs.", lambda: Agent)
    env: tuple[EnvVar, ...] = many("Its variables.", lambda: EnvVar)
    environment: tuple[EnvVar, ...] = many("An older word for env.", lambda: EnvVar)
    options: Options | None = one("Its options.", lambda: Options)
    matrix: Mapping[str, tuple[str, ...]] = texts_map(
        "Variables and their values: the stage runs once for each combination, at once."
    )
    steps: tuple[Step, ...] = many("What it runs.", lambda: Step)
    stages: tuple[Stage, ...] = many("Stages one after another.", lambda: Stage)
    parallel: tuple[Stage, ...] = many("Stages at once.", lambda: Stage)
    post: tuple[Post, ...] = many("What runs when it is over.", lambda: Post)
    dir: str = text("The folder that steps run in unless they say otherwise.")
    place: Place = placed()

    @property
    def real_env(self) -> tuple[EnvVar, ...]:
        """Its variables, by whichever word they were given."""
        return self.env or self.environment

    @property
    def children(self) -> tuple[Stage, ...]:
        """The stages in it."""
        return self.stages or self.parallel


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline in its own syntax."""

    agent: Agent | None = one("Where stages run unless they say otherwise.", lambda: Agent)
    env: tuple[EnvVar, ...] = many("Variables of all steps.", lambda: EnvVar)
    environment: tuple[EnvVar, ...] = many("An older word for env.", lambda: EnvVar)
    options: Options | None = one("Options of the whole.", lambda: Options)
    stages: tuple[Stage, ...] = many("Stages one after another.", lambda: Stage, required=True)
    post: tuple[Post, ...] = many("What runs when all is over.", lambda: Post)
    dir: str = text("The folder that steps run in unless they or their stage say otherwise.")
    place: Place = placed()

    @property
    def real_env(self) -> tuple[EnvVar, ...]:
        """Its variables, by whichever word they were given."""
        return self.env or self.environment


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """One lifecycle: its steps stand after those of the build pack."""

    steps: tuple[Step, ...] = many("Steps; after those of the build pack.", lambda: Step)
    pre_steps: tuple[Step, ...] = many("Steps before those of the build pack.", lambda: Step)
    replace: bool = flag("Leave out the build pack's steps.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Lifecycles:
    """What one kind of run does: lifecycles in their order, or a pipeline in its own syntax."""

    setup: Lifecycle | None = one("First.", lambda: Lifecycle)
    set_version: Lifecycle | None = one(
        "Makes the version of a release, in the file VERSION.", lambda: Lifecycle
    )
    pre_build: Lifecycle | None = one("Before the build.", lambda: Lifecycle)
    build: Lifecycle | None = one("The build.", lambda: Lifecycle)
    post_build: Lifecycle | None = one("After the build.", lambda: Lifecycle)
    promote: Lifecycle | None = one("Last.", lambda: Lifecycle)
    pipeline: Pipeline | None = one("A pipeline in its own syntax.", lambda: Pipeline)
    place: Place = placed()


LIFECYCLES = ("setup", "set_version", "pre_build", "build", "post_build", "promote")
"""The attributes of Lifecycles in order; in names of steps they are written as `postbuild`."""


@dataclass(frozen=True, slots=True)
class Override:
    """A change of a pipeline that comes from a build pack or from default."""

    pipeline: str = text("The kind that it changes. Default: all.")
    stage: str = text("The stage or lifecycle that it changes. Default: all.")
    name: str = text("The step that it changes. Default: all of the stage.")
    step: Step | None = one("The step that is put there.", lambda: Step)
    steps: tuple[Step, ...] = many(
        "The steps that are put there. None at all: what is there is removed.", lambda: Step
    )
    type: OverrideType | None = choice("replace (the default), before or after.", OverrideType)
    agent: Agent | None = one("Another agent.", lambda: Agent)
    container_options: dict[str, Any] | None = plain("More of the containers.", keys.CONTAINER)
    sidecars: tuple[dict[str, Any], ...] = plains("More sidecars.", keys.CONTAINER)
    volumes: tuple[dict[str, Any], ...] = plains("More volumes.", keys.VOLUME)
    place: Place = placed()

    @property
    def new_steps(self) -> tuple[Step, ...]:
        """What it puts there."""
        return (self.step,) if self.step else self.steps

    @property
    def has_settings(self) -> bool:
        """Whether it changes more than steps."""
        return bool(self.agent or self.container_options or self.sidecars or self.volumes)


@dataclass(frozen=True, slots=True)
class Pipelines:
    """The pipelines by their kind."""

    pull_request: Lifecycles | None = one("For a pull request.", lambda: Lifecycles)
    release: Lifecycles | None = one("For what is merged.", lambda: Lifecycles)
    feature: Lifecycles | None = one("For a branch that is neither.", lambda: Lifecycles)
    post: Lifecycle | None = one(
        "In lifecycles: groovy always, success or failure, with the steps to run then.", lambda: Lifecycle
    )
    overrides: tuple[Override, ...] = many(
        "Changes of what comes from a build pack or from default.", lambda: Override
    )
    default: Pipeline | None = one("For each kind that is not given.", lambda: Pipeline)
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Extends:
    """Another pipeline.yaml that this one adds to."""

    import_: str = text("The module that holds it, as packs/imports.yaml names it. Default: this repository.")
    file: str = text(
        "The path of it; from the folder of this file, or from the module's packs.", required=True
    )
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """How a project is built; the whole of a build pack's pipeline.yaml."""

    extends: Extends | None = one("What it adds to.", lambda: Extends)
    agent: Agent | None = one("Where steps run.", lambda: Agent)
    env: tuple[EnvVar, ...] = many("Variables of all pipelines.", lambda: EnvVar)
    environment: str = text("Of a Jenkinsfile. Tekton has no use for it: an error.")
    pipelines: Pipelines | None = one("The pipelines by their kind.", lambda: Pipelines)
    container_options: dict[str, Any] | None = plain("More of all containers.", keys.CONTAINER)
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class PreviewEnvironments:
    """Environments of pull requests."""

    disabled: bool = flag("Whether there are none.")
    maximum_instances: int | None = whole("How many at once.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class IssueTracker:
    """Where issues are."""

    kind: str = text("github, jira, ...")
    url: str = text("Its address.")
    project: str = text("Its project.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Chat:
    """Where people talk."""

    kind: str = text("slack, ...")
    url: str = text("Its address.")
    developer_channel: str = text("For developers.")
    user_channel: str = text("For users.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Wiki:
    """Where pages are."""

    kind: str = text("confluence, ...")
    url: str = text("Its address.")
    space: str = text("Its space.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Addon:
    """A part of the platform that the project needs."""

    name: str = text("Its name.", required=True)
    version: str = text("Its version.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class Triggers:
    """What starts the pipelines by itself, beside pushes to the branch that is released from, and pull requests."""

    branches: tuple[str, ...] = texts(
        "Branches whose pushes start feature: names, with * for a part of one and ** for any. Default: none."
    )
    tags: tuple[str, ...] = texts(
        "Tags that start release, with the version that they name: likewise. Default: none."
    )
    paths: tuple[str, ...] = texts(
        "Files that matter, likewise: where none of them changed, nothing is started. Default: all."
    )
    paths_ignore: tuple[str, ...] = texts(
        "Files that do not matter, likewise: where nothing else changed, nothing is started. Default: none."
    )
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """jenkins-x.yml, or jenkins-x-NAME.yml for a context of that name."""

    env: tuple[EnvVar, ...] = many("Variables of the project.", lambda: EnvVar)
    preview_environments: PreviewEnvironments | None = one(
        "Environments of pull requests.", lambda: PreviewEnvironments
    )
    issue_tracker: IssueTracker | None = one("Where its issues are.", lambda: IssueTracker)
    chat: Chat | None = one("Where people talk of it.", lambda: Chat)
    wiki: Wiki | None = one("Where its pages are.", lambda: Wiki)
    addons: tuple[Addon, ...] = many("Parts of the platform that it needs.", lambda: Addon)
    build_pack: str = text("The build pack; none for no one. Default: found by the project's files.")
    build_pack_git_url: str = text("The repository of build packs, https://….")
    build_pack_git_ref: str = text("The branch, tag or full commit of it.")
    triggers: Triggers | None = one("What starts its pipelines by itself.", lambda: Triggers)
    pipeline_config: PipelineConfig | None = one("How it is built.", lambda: PipelineConfig)
    no_release_prepare: bool = flag("Whether a release's version is made by the pipeline itself.")
    docker_registry_host: str = text("The registry of its images.")
    docker_registry_owner: str = text("Their owner there.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class PackModule:
    """A repository of build packs that others add to."""

    name: str = text("What `extends.import` calls it.", required=True)
    git_url: str = text("Its repository.", required=True)
    git_ref: str = text("The branch, tag or full commit of it. Default: master.")
    place: Place = placed()


@dataclass(frozen=True, slots=True)
class PackImports:
    """packs/imports.yaml: other repositories of build packs."""

    modules: tuple[PackModule, ...] = many("The repositories.", lambda: PackModule)
    place: Place = placed()
