"""Create an environment: its repository, and its declaration by a pull request on the dev repository."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.changes.changes import PullRequest
from jx.domain.changes.wording import Wording
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.edits import PutEnvironment
from jx.domain.environments.environments import Environment, Strategy
from jx.domain.errors import Invalid, NotFound, Refused, Stale, Usage
from jx.domain.events import Event
from jx.domain.layouts import umbrella
from jx.domain.layouts.environments_yaml import spec_of
from jx.domain.layouts.new_environment import NewPlatform, new_content
from jx.domain.names import (
    DEV,
    EnvironmentName,
    Person,
    Repo,
    Revision,
    parse_branch,
    parse_environment_name,
    parse_namespace,
    parse_repo,
)
from jx.domain.platforms.platform import Platform
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree
from jx.ports.credentials import Credentials
from jx.ports.repos import Draft, Repos
from jx.usecases.propose_change import PlatformAt, ProposeChange, Target
from jx.usecases.set_up_repository import SetUpRepository, find_rights

_STORE = ("secretStorage", "vault")


@dataclass(frozen=True, slots=True)
class CreateEnvironmentRequest:
    """What it is to be; what is empty follows from the platform."""

    platform: PlatformAt
    name: str
    label: str = ""
    namespace: str = ""
    strategy: Strategy = Strategy.AUTO
    order: int = 100
    repository: str = ""
    """Of the environment; empty: beside the dev repository, named by its pattern."""
    branch: str = "master"
    owner: str = ""
    prefix: str = ""
    cluster: str = ""
    is_remote: bool = False
    webhook_url: str = ""
    """Where its forge tells of pushes."""
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class CreateEnvironment:
    """Makes the repository where it is not there, fills it where it is empty, and never touches what is in it already."""

    propose_change: ProposeChange
    repos: Repos
    set_up: SetUpRepository
    credentials: Credentials
    owner: Person
    """Who owns the platform's repositories."""

    def __call__(self, request: CreateEnvironmentRequest) -> PullRequest | None:
        """The pull request on the dev repository. Refused where there is such an environment that is another one, or a repository
        that holds something else; repeating it goes on where it was interrupted."""
        name = parse_environment_name(request.name)
        target = self.propose_change.target(request.platform, DEV)
        self.propose_change.require_pulls(target)
        environment = plan_environment(request, name, target)
        _check_free(environment, target.platform)
        for what in self.set_up.make(environment, private=True):
            self._tell(f"Made {what}")
        self._fill(environment, target)
        self._let_in(environment, request, target)
        words = Wording(
            f"create-env-{name}",
            f"Create environment {name}",
            f"Create environment {name}: namespace `{environment.namespace}`, strategy {environment.strategy}, "
            f"order {environment.order}, repository {_repo(environment).url}",
        )
        edit = PutEnvironment(name, spec_of(environment))
        return self.propose_change(target, edit, words=words, auto_merge=request.auto_merge)

    def _fill(self, environment: Environment, target: Target) -> Revision:
        repo = _repo(environment)
        head = self.repos.head(repo, environment.branch)
        if head is not None:
            self._check_content(environment, head)
            return head
        dev = self.repos.head(target.repo, target.environment.branch)
        assert dev is not None, "it was read before"
        content = new_content(_platform(target, self.repos.read(target.repo, dev)), environment)
        owners = self.repos.read(target.repo, dev).find_text("OWNERS")
        content = content.put("OWNERS", owners) if owners else content
        draft = Draft(content, f"Initial import of {environment.label} Environment source\n", self.owner)
        try:
            made = self.repos.write(repo, environment.branch, base=None, draft=draft)
        except Stale:  # somebody was faster
            return self._fill(environment, target)
        self._tell(f"Made content of {repo.full_name}")
        return made

    def _check_content(self, environment: Environment, head: Revision) -> None:
        """What is there is taken as it is, if it is an environment at all."""
        repo = _repo(environment)
        try:
            umbrella.read(self.repos.read(repo, head), name=environment.name)
        except Invalid as error:
            raise Invalid(
                f"repository {repo.full_name} is there, and cannot be read as an environment",
                *error.problems,
                hint="mend it in a clone and push that, or name another one with --git-url",
            ) from error
        except NotFound as error:
            raise Refused(
                f"repository {repo.full_name} is there and holds no environment (no env/Chart.yaml)",
                hint="name another one with --git-url, or empty that repository",
            ) from error
        self._tell(f"{repo.full_name} is there already: its content is left as it is")

    def _let_in(self, environment: Environment, request: CreateEnvironmentRequest, target: Target) -> None:
        if not self.set_up.is_possible:
            return
        namespace = target.platform.dev.namespace
        rights = find_rights(self.credentials, namespace, self.owner, request.webhook_url)
        for what in self.set_up.let_in(environment, rights):
            self._tell(f"Made {what}")

    def _tell(self, message: str) -> None:
        self.propose_change.reporter.tell(Event(message))


def plan_environment(request: CreateEnvironmentRequest, name: EnvironmentName, target: Target) -> Environment:
    """The environment that it will be."""
    if name == DEV:
        raise Refused("dev is the platform itself", hint="jx install")
    return Environment(
        name=name,
        namespace=parse_namespace(request.namespace or f"{target.platform.dev.namespace}-{name}"),
        repo=_find_repo(request, name, target.repo),
        branch=parse_branch(request.branch),
        label=request.label or name.capitalize(),
        strategy=request.strategy,
        order=request.order,
        is_remote=request.is_remote,
        cluster=request.cluster,
    )


def _find_repo(request: CreateEnvironmentRequest, name: EnvironmentName, dev: Repo) -> Repo:
    if request.repository:
        return parse_repo(request.repository)
    bare = dev.url.removesuffix(".git")
    ending = dev.url.removeprefix(bare)
    place, _, file = bare.rpartition("/")
    server, _, owner = place.rpartition("/")
    stem, separator, _ = file.rpartition(f"-{DEV}")
    if request.prefix:
        stem = f"environment-{request.prefix}"
    elif not separator:
        raise Usage(f"{dev.url} is not named by a pattern", hint="name the repository with --git-url")
    return Repo(f"{server}/{request.owner or owner}/{stem}-{name}{ending}")


def _check_free(environment: Environment, platform: Platform) -> None:
    """Neither its name nor its place is somebody else's. The very same environment is no mistake: asking twice is asking once."""
    for one in platform.environments:
        if one.name == environment.name:
            if spec_of(one) != spec_of(environment):
                raise Refused(
                    f"there is an environment {one.name} already", hint=f"jx edit env {one.name}, jx get env"
                )
            continue
        if one.namespace == environment.namespace and not (one.is_remote or environment.is_remote):
            raise Refused(
                f"namespace {one.namespace} is that of {one.name}", hint="name another one with --namespace"
            )
        if (
            one.repo
            and environment.repo
            and one.repo.is_same(environment.repo)
            and one.branch == environment.branch
        ):
            raise Refused(
                f"{one.repo.url} is the repository of {one.name}", hint="name another one with --git-url"
            )


def _platform(target: Target, dev: Tree) -> NewPlatform:
    """What the content of its repository has to know of the platform."""
    platform = target.platform
    chart = platform.chart.chart if platform.chart else ChartRef("jx-platform")
    try:
        settings = read_mapping(dev.find_text("jx-requirements.yml") or "", "jx-requirements.yml")
    except Invalid:
        settings = {}
    new = NewPlatform(
        prefix=platform.requirements.cluster_name,
        owner=target.repo.owner,
        git_url="",
        chart=replace(chart, version=chart.version),
        namespace=platform.dev.namespace,
        version_stream=platform.version_stream,
        version_stream_ref=platform.requirements.version_stream_ref,
        provider=platform.requirements.provider,
        cluster_name=platform.requirements.cluster_name,
    )
    store = {key: settings[key] for key in _STORE if key in settings}
    return replace(new, store=store) if store else new


def _repo(environment: Environment) -> Repo:
    assert environment.repo is not None
    return environment.repo
