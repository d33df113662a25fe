"""Install a platform that manages itself by GitOps: repositories, their content, rights, webhooks, credentials, the first apply.

Each step is repeatable and leaves alone what is right, so a second run repairs, and an interrupted one is finished by the next.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from jx.domain.applying.applying import ApplyReport, Source
from jx.domain.charts.charts import ChartRef, ChartVersion
from jx.domain.environments.environments import Environment, in_order
from jx.domain.errors import Failed, Invalid, Locked, NotFound, Overtaken, Refused, Stale
from jx.domain.events import Event, Level
from jx.domain.layouts import umbrella
from jx.domain.layouts.new_environment import (
    NewPlatform,
    new_environment,
    planned_environments,
)
from jx.domain.names import Person, Repo, Revision, parse_app_key
from jx.domain.platforms.installing import Engine, Installation
from jx.domain.platforms.platform import read_platform
from jx.domain.platforms.vault_app import put_vault
from jx.domain.secrets import vaults
from jx.domain.secrets.store_readers import Account as ClusterAccount
from jx.domain.secrets.store_readers import plan_readers
from jx.domain.secrets.vault_choice import ROLE, OwnVault, VaultAt
from jx.domain.secrets.vaults import OPERATOR_CHART, VaultPlan
from jx.domain.trees import Tree
from jx.domain.version_stream import find_chart_version
from jx.ports.credentials import Credentials
from jx.ports.forge import Ability, ForgeAdmin
from jx.ports.reporter import Reporter
from jx.ports.repos import Draft, Repos
from jx.usecases.applying.apply_environment import ApplyEnvironment, ApplyRequest
from jx.usecases.read_requirements import ReadRequirements
from jx.usecases.secrets.set_up_store import CONTROLLERS_ACCOUNT, SetUpStore, SetUpStoreRequest
from jx.usecases.set_up_repository import GIT_SECRET, WEBHOOK_SECRET, Rights, SetUpRepository

_STREAM_BRANCH = "master"
_LOOK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the forge, with a token of theirs."""

    login: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OwnVaultApp:
    """A Vault that comes with the platform, and the chart of its operator."""

    plan: VaultPlan
    operator: ChartVersion


@dataclass(frozen=True, slots=True)
class World:
    """What is outside of the platform, and where."""

    name: str
    """Of the cluster."""
    git_url: str
    forge_url: str
    webhook_url: str
    """Where the forge reaches the platform's webhook receiver."""
    chart: ChartRef
    """The platform's chart; an empty version means the version stream's."""
    version_stream: Repo | None
    """None: nothing says which versions go together."""
    version_stream_ref: str = _STREAM_BRANCH
    vault: VaultAt | None = None
    """The platform's store of secrets; None where it has none."""
    own_vault: OwnVaultApp | None = None
    """A Vault that is to be kept in the dev environment; that store, then."""
    vendored: Tree = field(default_factory=Tree)
    """The platform's chart where it is copied into the dev repository, since no chart repository has it."""


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """What to install, where, and as whom."""

    installation: Installation
    world: World
    owner: Person
    """Who installs: owns the repositories, and may push to them directly in a rescue."""
    bot: Account
    """As whom the platform's own pods act; only it may push ledgers."""
    holder: str
    """Who applies, for the lock: unique to this process."""
    timeout: timedelta
    """How long the platform may take to be healthy."""
    private: bool = True
    apply: bool = True
    everywhere: bool = False
    """Apply every environment here and now, not only dev: perhaps no controllers run yet that would."""
    wait: bool = True
    """For health; False where no pod can run."""


@dataclass(frozen=True, slots=True)
class InstallReport:
    """What is there now, and what this run changed (empty: all was right)."""

    environments: tuple[Environment, ...]
    heads: dict[str, Revision]
    """By environment name: the commit that its repository was at."""
    changed: tuple[str, ...]

    @property
    def dev(self) -> Environment:
        """The environment of the platform itself."""
        return next(one for one in self.environments if one.is_dev)


@dataclass(frozen=True, slots=True)
class InstallPlatform:
    """Installs, or repairs an installation."""

    repos: Repos
    forge: ForgeAdmin
    credentials: Credentials
    apply_environment: ApplyEnvironment
    reporter: Reporter
    set_up_store: SetUpStore | None = None
    """None: the platform has no store of secrets, or somebody else says who may read it."""

    def plan(self, request: InstallRequest) -> tuple[Environment, ...]:
        """The environments that there will be, dev first. Nothing is changed."""
        return in_order(planned_environments(self._platform(request)))

    def __call__(self, request: InstallRequest) -> InstallReport:
        """The installed environments. Raises Refused where a repository of that name holds something else, and what its steps
        raise; whatever was done stays, and the next run goes on from there."""
        changed: list[str] = []
        platform, set_up = self._platform(request), SetUpRepository(self.forge)
        environments = in_order(planned_environments(platform))
        for environment in environments:
            for what in set_up.make(environment, private=request.private):
                self._note(changed, what, done=True)
        heads = {str(one.name): self._fill(request, platform, one, changed) for one in environments}
        hmac = self._give_credentials(request)
        rights = Rights(request.owner, request.bot.login, request.world.webhook_url, hmac)
        self._set_up_store(request, environments, changed)
        for environment in environments:
            for what in set_up.let_in(environment, rights):
                self._note(changed, what, done=True)
        for environment in self._list_others(environments, heads):
            for what in set_up.let_in(environment, rights):
                self._note(changed, what, done=True)
        if request.apply:
            for environment in environments if request.everywhere else environments[:1]:
                self._apply(request, environment, heads[environment.name], changed)
        return InstallReport(environments, heads, tuple(changed))

    def _list_others(
        self, environments: tuple[Environment, ...], heads: Mapping[str, Revision]
    ) -> tuple[Environment, ...]:
        """Environments that were created since, and that the forge of the platform holds, too."""
        dev = environments[0]
        repo = _repo(dev)
        try:
            platform = read_platform(self.repos.read(repo, heads[dev.name]), repo=repo, branch=dev.branch)
        except Invalid:
            return ()  # the apply says what is wrong with them
        server = repo.url.removesuffix(".git").removesuffix(repo.full_name)
        known = {_repo(one).url for one in environments}
        return tuple(
            one
            for one in platform.environments
            if one.repo and one.repo.url.startswith(server) and one.repo.url not in known
        )

    def plan_vault(self, request: InstallRequest) -> VaultPlan | None:
        """The Vault that is to come with it; None where none is. Invalid with everything that is not said about its cloud."""
        own = request.installation.vault_choice
        if not isinstance(own, OwnVault):
            return None
        namespace = request.installation.namespace
        environments = ReadRequirements(self.repos)(self.plan(request))
        plan = VaultPlan(
            name=vaults.name_of(request.world.name),
            namespace=namespace,
            provider=own.provider,
            readers=plan_readers(ROLE, ClusterAccount(namespace, CONTROLLERS_ACCOUNT), environments),
            **own.cloud,
        )
        vaults.check(plan)
        return plan

    def _platform(self, request: InstallRequest) -> NewPlatform:
        """What goes into new repositories."""
        world, installation = request.world, request.installation
        chart = world.chart
        if not chart.version and world.version_stream:
            head = self.repos.head(world.version_stream, world.version_stream_ref)
            tree = self.repos.read(world.version_stream, head) if head else Tree()
            version = find_chart_version(tree, chart)
            if version is None:
                raise NotFound(
                    f"the version stream {world.version_stream.full_name} names no version of {chart.name}",
                    hint="name one with --version",
                )
            chart = replace(chart, version=version)
        owner = installation.owner or request.owner.login
        platform = NewPlatform(
            prefix=installation.prefix,
            owner=owner,
            git_url=world.git_url,
            chart=chart,
            namespace=installation.namespace,
            version_stream=world.version_stream,
            version_stream_ref=world.version_stream_ref,
            provider=installation.provider,
            cluster_name=world.name,
            approvers=(request.owner.login,),
            only_dev=not installation.default_environments,
            repositories=installation.sources.repositories,
            vendored=world.vendored,
            **_store(request),
        )
        return replace(platform, values=self._values(request, platform))

    def _values(self, request: InstallRequest, platform: NewPlatform) -> dict[str, Any]:
        """Of the platform's chart."""
        dev = planned_environments(platform)[0]
        values: dict[str, Any] = {
            "devRepository": {"url": _repo(dev).url},
            "forge": {"url": request.world.forge_url},
        }
        if request.installation.engine is Engine.TEKTON:
            values["controllers"] = {"pipelines": Engine.TEKTON.value}
            if request.installation.is_embedded:
                values["runner"] = {"enabled": True}
        if request.world.vault:
            values["vault"] = request.world.vault.chart_values()
        image = request.installation.sources.image
        if image:
            values["image"] = {"repository": image}
        if Ability.REPOSITORIES not in self.forge.abilities:  # nobody would send an event
            values |= {"webhooks": {"replicas": 0}, "ingress": {"enabled": False}}
        return values

    def _fill(
        self, request: InstallRequest, platform: NewPlatform, environment: Environment, changed: list[str]
    ) -> Revision:
        repo = _repo(environment)
        head = self.repos.head(repo, environment.branch)
        if head is not None:
            self._check_content(request, environment, head)
            return head
        tree = new_environment(platform, environment.name)
        own = request.world.own_vault
        if own and environment.is_dev:
            edit = put_vault(own.plan, own.operator, platform=parse_app_key(platform.chart.name))
            tree = umbrella.apply_edit(tree, edit)
        draft = Draft(tree, f"Initial import of {environment.label} Environment source\n", request.owner)
        try:
            head = self.repos.write(repo, environment.branch, base=None, draft=draft)
        except Stale:  # somebody, perhaps another install, was faster
            head = self.repos.head(repo, environment.branch)
            assert head is not None
        self._note(changed, f"content of {repo.full_name}", done=True)
        return head

    def _check_content(self, request: InstallRequest, environment: Environment, head: Revision) -> None:
        repo = _repo(environment)
        tree = self.repos.read(repo, head)
        if "env/Chart.yaml" not in tree and "env/requirements.yaml" not in tree and "Chart.yaml" not in tree:
            raise Refused(
                f"repository {repo.full_name} is there and holds no environment (no env/Chart.yaml)",
                hint="choose another prefix with --default-environment-prefix, or empty that repository",
            )
        if environment.is_dev:
            self._tell_of_vault(request.world, repo, tree)
            self._tell_of_engine(request, tree)

    def _tell_of_vault(self, world: World, repo: Repo, tree: Tree) -> None:
        """What is there is kept as it is, so it may know nothing of the store that was asked for."""
        if world.own_vault and f"name: {OPERATOR_CHART}" not in _charts(tree):
            way = "holds no Vault: jx create vault adds one"
        elif world.vault and not any(world.vault.url.encode() in blob.data for blob in tree.files.values()):
            way = f"does not name the secret store: jx edit app jx-platform --set vault.url={world.vault.url}"
        else:
            return
        self.reporter.tell(Event(f"{repo.full_name} is there already, and {way}", Level.WARNING))

    def _tell_of_engine(self, request: InstallRequest, tree: Tree) -> None:
        """Likewise: what applies what is merged is a setting of the repository that is there."""
        values = tree.find_text(f"env/{request.world.chart.name}/values.yaml") or ""
        if request.installation.engine is not Engine.TEKTON or "pipelines:" in values:
            return
        flags = "--set controllers.pipelines=tekton"
        if request.installation.is_embedded:
            flags = f"--set runner.enabled=true {flags}"
        way = f"to have runs do it: jx edit app jx-platform {flags}"
        self.reporter.tell(Event(f"the controllers apply what is merged by themselves, as before; {way}"))

    def _give_credentials(self, request: InstallRequest) -> str:
        """Secrets of the platform's pods; the key that signs webhooks is drawn once and kept."""
        namespace = request.installation.namespace
        login = {"username": request.bot.login, "token": request.bot.token}
        # Without a token of this run, an earlier run's stays.
        self.credentials.ensure(namespace, GIT_SECRET, login, keep=not request.bot.token)
        drawn = {"hmac": secrets.token_hex(21)[:41]}
        if request.world.webhook_url:  # where events come in, for those who check that they do
            drawn["url"] = request.world.webhook_url
        return self.credentials.ensure(namespace, WEBHOOK_SECRET, drawn, keep=True)["hmac"]

    def _set_up_store(
        self, request: InstallRequest, environments: tuple[Environment, ...], changed: list[str]
    ) -> None:
        """The controllers read secrets by the account of their pod. In a Vault of its own the operator sees to that."""
        vault = request.world.vault
        if self.set_up_store is None or vault is None or vault.is_set_up or request.world.own_vault:
            return
        found = self.set_up_store(
            SetUpStoreRequest(
                request.installation.namespace,
                ReadRequirements(self.repos)(environments),
                role=vault.role,
                within=request.timeout,
            )
        )
        for what in found:
            self._note(changed, what, done=True)

    def _apply(
        self, request: InstallRequest, environment: Environment, head: Revision, changed: list[str]
    ) -> None:
        repo = _repo(environment)
        tree = self.repos.read(repo, head)
        commit = self.repos.log(repo, head, limit=1)[0]
        source = Source(repo, head, tree.digest, commit.author, commit.subject)
        where = f"the {environment.name} environment"
        self.reporter.tell(Event(f"Applying {where} in namespace {environment.namespace}"))
        report = self._apply_in_turn(
            ApplyRequest(
                tree,
                source,
                request.holder,
                environment=environment.name,
                branch=environment.branch,
                applier=f"jx install by {request.owner.login}",
                wait=request.wait,
                timeout=request.timeout,
            )
        )
        if report.plan.has_changes:
            changed.append(f"objects of {environment.name}")
        if not report.is_good:
            words = "\n  ".join([report.message, *report.unhealthy])
            raise Failed(
                f"{where} was not applied well:\n  {words}",
                hint="look at its pods (embedded: jx local logs), then install again: it goes on from there",
            )

    def _apply_in_turn(self, request: ApplyRequest) -> ApplyReport:
        """Apply once nobody else does: after an install that was interrupted, its controllers may be at it already. Locked where
        they are not done within the time limit."""
        clock = self.apply_environment.clock
        deadline = clock.elapsed() + request.timeout
        waits_for = ""
        while True:
            try:
                return self.apply_environment(request)
            except Overtaken:
                raise
            except Locked as error:
                if clock.elapsed() >= deadline or clock.wait(_LOOK_EVERY):
                    raise
                if waits_for != (waits_for := str(error)):
                    self.reporter.tell(Event(f"Waiting: {waits_for}"))

    def _note(self, changed: list[str], what: str, *, done: bool) -> None:
        if done:
            changed.append(what)
            self.reporter.tell(Event(f"Made {what}"))


def _charts(tree: Tree) -> str:
    return (tree.find_text("env/Chart.yaml") or "") + (tree.find_text("env/requirements.yaml") or "")


def _repo(environment: Environment) -> Repo:
    assert environment.repo is not None
    return environment.repo


def _store(request: InstallRequest) -> dict[str, Any]:
    """What `jx-requirements.yml` says of the store, in the words of Jenkins X 2: the embedded one is `local`."""
    world = request.world
    if world.own_vault:
        return {"store": {"secretStorage": "vault", "vault": {"name": world.own_vault.plan.name}}}
    if world.vault and not request.installation.is_embedded:
        told = world.vault.requirements(namespace=request.installation.namespace, account=CONTROLLERS_ACCOUNT)
        return {"store": {"secretStorage": "vault", "vault": told}}
    return {}
