"""Profiles -> adapters -> use-cases: the only module that names adapters; it imports them where it makes them.

Three profiles, told apart by what is there: *cluster* (a pod of the platform, with its account), *local* (an embedded platform of
this machine), *remote* (a kubeconfig and a clone, nothing else). A profile is a set of adapters; nobody asks for it by name.
"""

from __future__ import annotations

import getpass
import os
import signal
import socket
import threading
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jx.config.settings import Settings
from jx.domain.apps import PLATFORM_CHART
from jx.domain.errors import NotFound, Usage
from jx.domain.names import Repo, parse_repo

if TYPE_CHECKING:
    from jx.adapters.files.clock import SystemClock
    from jx.adapters.git.folders import GitFolders
    from jx.adapters.git.repos import GitRepos
    from jx.adapters.helm.catalog import HelmCatalog
    from jx.adapters.helm.renderer import HelmRenderer
    from jx.adapters.kubernetes.activities import KubernetesActivities
    from jx.adapters.kubernetes.anchors import KubernetesAnchors
    from jx.adapters.kubernetes.api import Api
    from jx.adapters.kubernetes.cluster import KubernetesCluster
    from jx.adapters.kubernetes.credentials import KubernetesCredentials
    from jx.adapters.kubernetes.locks import KubernetesLocks
    from jx.adapters.kubernetes.signals import KubernetesSignals
    from jx.adapters.local.forge.client import LocalForge
    from jx.adapters.local.platforms import LocalPlatforms, LocalUsers
    from jx.controllers.run import Loops
    from jx.domain.environments import Environment
    from jx.domain.installing import Installation
    from jx.ports.platforms import Platform
    from jx.ports.reporter import Reporter
    from jx.usecases.add_app import AddApp
    from jx.usecases.apply_environment import ApplyEnvironment
    from jx.usecases.await_apply import AwaitApply
    from jx.usecases.await_health import AwaitHealth
    from jx.usecases.build_chart import BuildChart
    from jx.usecases.edit_app import EditApp
    from jx.usecases.end_hold import EndHold
    from jx.usecases.install_platform import InstallReport
    from jx.usecases.number_chart import NumberChart
    from jx.usecases.plan_change import PlanChange
    from jx.usecases.plan_environment import PlanEnvironment
    from jx.usecases.propose_change import PlatformAt, ProposeChange
    from jx.usecases.remove_app import RemoveApp
    from jx.usecases.review_change import ReviewChange
    from jx.usecases.show_applications import ShowApplications
    from jx.usecases.show_apps import ShowApps
    from jx.usecases.show_environments import ShownEnvironment
    from jx.usecases.uninstall_platform import UninstallPlatform
    from jx.usecases.upgrade_apps import UpgradeApps
    from jx.usecases.upgrade_platform import UpgradePlatform


@dataclass
class Wiring:
    """Makes adapters when they are first asked for, and use-cases from them. `close` ends what was opened."""

    settings: Settings
    reporter: Reporter

    # -- the embedded platform ------------------------------------------------------------------------------------

    @cached_property
    def platforms(self) -> LocalPlatforms:
        """Embedded platforms of this machine."""
        from jx.adapters.local.platforms import LocalPlatforms

        return LocalPlatforms(self.settings.home)

    @property
    def platform(self) -> Platform:
        """The current embedded platform; NotFound where there is none."""
        found = self.find_platform()
        if found is None:
            raise NotFound(
                f"there is no embedded platform {self.settings.platform!r} in {self.settings.home}",
                hint="jx install --ng makes one; jx use lists those that are there",
            )
        return found

    def find_platform(self) -> Platform | None:
        """The current embedded platform, or None (always in a pod)."""
        return None if self.settings.in_cluster else self.platforms.find(self.settings.platform)

    @cached_property
    def users(self) -> LocalUsers:
        """Users of the embedded forge."""
        from jx.adapters.local.platforms import LocalUsers

        return LocalUsers(self.platform)

    # -- git and the forge ----------------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        """Who acts on the forge."""
        return self.settings.git_user or self.settings.user or self.platform.owner

    @property
    def forge_url(self) -> str:
        """Where the forge is."""
        return self.settings.forge_url or self.platform.forge_url

    @cached_property
    def forge(self) -> LocalForge:
        """Pull requests, as the user."""
        from jx.adapters.local.forge.client import LocalForge

        token = self.settings.git_token or self.users.token(self.user)
        return LocalForge(self.forge_url, token)

    @cached_property
    def forge_admin(self) -> LocalForge:
        """What only the owner of the platform may do to the forge."""
        from jx.adapters.local.forge.client import LocalForge

        return LocalForge(self.platform.forge_url, self.users.token(self.platform.owner))

    @cached_property
    def repos(self) -> GitRepos:
        """Git repositories, as the user."""
        from jx.adapters.git.repos import GitRepos

        return GitRepos(self.settings.cache / "git", logins=self._login)

    def _login(self, url: str) -> tuple[str, str] | None:
        settings = self.settings
        if settings.git_token and settings.forge_url and url.startswith(settings.forge_url + "/"):
            return settings.git_user, settings.git_token
        platform = self.find_platform()
        if platform and url.startswith(platform.forge_url + "/"):
            return self.user, self.users.token(self.user)
        return None

    @cached_property
    def folders(self) -> GitFolders:
        """Folders of this machine."""
        from jx.adapters.git.folders import GitFolders

        return GitFolders()

    # -- charts ---------------------------------------------------------------------------------------------------

    @cached_property
    def catalog(self) -> HelmCatalog:
        """Charts, from wherever they are."""
        from jx.adapters.helm.catalog import HelmCatalog

        return HelmCatalog(self.settings.cache / "charts")

    @cached_property
    def renderer(self) -> HelmRenderer:
        """Helm's engine, in a process of its own."""
        from jx.adapters.helm.renderer import HelmRenderer

        return HelmRenderer()

    # -- the cluster ----------------------------------------------------------------------------------------------

    @cached_property
    def clock(self) -> SystemClock:
        """Time, and whether this process is to end."""
        from jx.adapters.files.clock import SystemClock

        return SystemClock()

    @cached_property
    def api(self) -> Api:
        """The cluster's API: the pod's own, the kubeconfig that was named, the embedded platform's, or the person's own."""
        from jx.adapters.kubernetes import kubeconfig
        from jx.adapters.kubernetes.api import Api

        settings = self.settings
        platform = self.find_platform()
        if settings.in_cluster and not settings.kubeconfig:
            return Api.connect(kubeconfig.in_cluster(settings.pod), self.clock)
        files: tuple[Path, ...] = settings.kubeconfig
        if not files:
            files = (platform.kubeconfig,) if platform else (Path.home() / ".kube" / "config",)
        access = kubeconfig.load(files, context=settings.kube_context)
        return Api.connect(access, self.clock, is_interactive=not settings.batch)

    @cached_property
    def cluster(self) -> KubernetesCluster:
        """What is in the cluster, and the way to change it."""
        from jx.adapters.kubernetes.cluster import KubernetesCluster

        return KubernetesCluster(self.api)

    @cached_property
    def anchors(self) -> KubernetesAnchors:
        """What the cluster remembers of environments."""
        from jx.adapters.kubernetes.anchors import KubernetesAnchors

        return KubernetesAnchors(self.api)

    @cached_property
    def locks(self) -> KubernetesLocks:
        """One lock per environment."""
        from jx.adapters.kubernetes.locks import KubernetesLocks

        return KubernetesLocks(self.api, self.clock)

    @cached_property
    def credentials(self) -> KubernetesCredentials:
        """Small secrets of the platform's own pods."""
        from jx.adapters.kubernetes.credentials import KubernetesCredentials

        return KubernetesCredentials(self.api)

    @property
    def namespace(self) -> str:
        """The platform's namespace."""
        return self.settings.namespace

    @cached_property
    def activities(self) -> KubernetesActivities:
        """Records of what ran."""
        from jx.adapters.kubernetes.activities import KubernetesActivities

        return KubernetesActivities(self.api, namespace=self.namespace)

    @cached_property
    def signals(self) -> KubernetesSignals:
        """Keys from the webhook receiver to the controllers."""
        from jx.adapters.kubernetes.signals import KubernetesSignals

        return KubernetesSignals(self.api, namespace=self.namespace)

    def merge_kubeconfig(self, source: Path) -> tuple[Path, str]:
        """Merge a kubeconfig into the person's own; which file it was, and the name of the context."""
        from jx.adapters.kubernetes.merging import merge_kubeconfig

        chosen = [path for path in self.settings.kubeconfig if path != source]
        target = chosen[0] if chosen else Path.home() / ".kube" / "config"
        return target, merge_kubeconfig(source, target)

    def close(self) -> None:
        """End what was opened."""
        made: dict[str, Any] = self.__dict__
        for name in ("renderer", "api"):
            if name in made:
                made[name].close()

    # -- where everything is --------------------------------------------------------------------------------------

    @property
    def dev_repo(self) -> Repo:
        """The dev environment's repository; NotFound where nothing is installed."""
        url = self.settings.dev_repo_url
        if not url:
            platform = self.find_platform()
            url = platform.dev_repo_url if platform else ""
        if not url:
            raise NotFound("nothing is installed yet", hint="jx install --ng")
        return parse_repo(url)

    def stop_on_signals(self) -> threading.Event:
        """Let SIGTERM and SIGINT end waiting, so that a pod finishes what it is at and goes."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.clock.stop.set())
        return self.clock.stop

    @cached_property
    def ready(self) -> threading.Event:
        """Set once the controllers work."""
        return threading.Event()

    @property
    def holder(self) -> str:
        """Who holds locks: unique to this process."""
        return f"{self.person}@{socket.gethostname()}/{os.getpid()}"

    @property
    def platform_at(self) -> PlatformAt:
        """Where the platform is declared."""
        from jx.usecases.propose_change import PlatformAt

        return PlatformAt(self.dev_repo)

    def environments(self, name: str = "") -> tuple[Environment, ...]:
        """All environments, dev first, or the one of that name; NotFound with the nearest."""
        platform = self.propose_change().target(self.platform_at, name or "dev").platform
        return (platform.get_environment(name),) if name else platform.environments

    def environment_repos(self) -> tuple[Repo, ...]:
        """The repositories of all environments; empty before anything is installed."""
        try:
            return tuple(one.repo for one in self.environments() if one.repo)
        except NotFound:
            return ()

    # -- use-cases ------------------------------------------------------------------------------------------------

    def propose_change(self) -> ProposeChange:
        """The step below all that opens pull requests."""
        from jx.usecases.propose_change import ProposeChange

        return ProposeChange(self.repos, self.forge, self.reporter)

    def add_app(self) -> AddApp:
        """`jx add app`."""
        from jx.usecases.add_app import AddApp

        return AddApp(self.propose_change(), self.catalog, self.reporter)

    def upgrade_apps(self) -> UpgradeApps:
        """`jx upgrade app`."""
        from jx.usecases.upgrade_apps import UpgradeApps

        return UpgradeApps(self.propose_change(), self.catalog, self.reporter)

    def remove_app(self) -> RemoveApp:
        """`jx delete app`."""
        from jx.usecases.remove_app import RemoveApp

        return RemoveApp(self.propose_change())

    def edit_app(self) -> EditApp:
        """`jx edit app`."""
        from jx.usecases.edit_app import EditApp

        return EditApp(self.propose_change())

    def upgrade_platform(self) -> UpgradePlatform:
        """`jx upgrade platform`."""
        from jx.usecases.upgrade_platform import UpgradePlatform

        return UpgradePlatform(self.propose_change(), self.catalog, self.repos, self.reporter)

    def review_change(self) -> ReviewChange:
        """`jx pr comment | approve | merge | close`."""
        from jx.usecases.review_change import ReviewChange

        return ReviewChange(self.forge, self.forge, self.reporter)

    def plan_environment(self) -> PlanEnvironment:
        """The step below applies, checks and diffs."""
        from jx.usecases.plan_environment import PlanEnvironment

        return PlanEnvironment(self.catalog, self.renderer, self.cluster, self.reporter)

    def plan_change(self) -> PlanChange:
        """`jx pr diff`."""
        from jx.usecases.plan_change import PlanChange

        return PlanChange(self.repos, self.anchors, self.plan_environment())

    def await_health(self) -> AwaitHealth:
        """The step below all that waits."""
        from jx.usecases.await_health import AwaitHealth

        return AwaitHealth(self.cluster, self.clock, self.reporter)

    def await_apply(self) -> AwaitApply:
        """`--wait`."""
        from jx.usecases.await_apply import AwaitApply

        return AwaitApply(self.repos, self.anchors, self.await_health(), self.clock, self.reporter)

    def apply_environment(self) -> ApplyEnvironment:
        """`jx step env apply`, and whatever else applies."""
        from jx.usecases.apply_environment import ApplyEnvironment
        from jx.usecases.send_plan import SendPlan

        return ApplyEnvironment(
            plan=self.plan_environment(),
            send=SendPlan(self.cluster, self.reporter),
            await_health=self.await_health(),
            anchors=self.anchors,
            locks=self.locks,
            repos=self.repos,
            clock=self.clock,
            reporter=self.reporter,
        )

    def show_environments(self) -> tuple[ShownEnvironment, ...]:
        """`jx get env`."""
        from jx.usecases.show_environments import ShowEnvironments

        show = ShowEnvironments(self.propose_change(), self.repos, self.forge, self.anchors)
        return show(self.platform_at)

    def show_apps(self) -> ShowApps:
        """`jx get apps`."""
        from jx.usecases.show_apps import ShowApps

        return ShowApps(self.propose_change(), self.anchors)

    def show_applications(self) -> ShowApplications:
        """`jx get applications`."""
        from jx.usecases.show_applications import ShowApplications

        return ShowApplications(self.propose_change(), self.anchors, self.cluster)

    def end_hold(self) -> EndHold:
        """`jx resume`."""
        from jx.usecases.end_hold import EndHold

        return EndHold(self.anchors, self.reporter)

    def build_chart(self) -> BuildChart:
        """`jx step helm build`."""
        from jx.usecases.build_chart import BuildChart

        return BuildChart(self.catalog, self.renderer)

    def number_chart(self) -> NumberChart:
        """`jx step helm version`."""
        from jx.usecases.number_chart import NumberChart

        return NumberChart(self.folders, self.reporter)

    def uninstall_platform(self) -> UninstallPlatform:
        """`jx uninstall`."""
        from jx.usecases.send_plan import SendPlan
        from jx.usecases.uninstall_platform import UninstallPlatform

        send = SendPlan(self.cluster, self.reporter)
        return UninstallPlatform(
            self.cluster, send, self.anchors, self.credentials, self.forge_admin, self.reporter
        )

    def run_kubernetes(self, directory: Path, *, port: int, workloads: bool) -> None:
        """`jx local kubernetes`: blocks until it is asked to end."""
        from jx.adapters.local.kubernetes.__main__ import run

        run(directory, port=port, workloads=workloads)

    def install(
        self, installation: Installation, *, timeout: timedelta, apply: bool, private: bool
    ) -> InstallReport:
        """`jx install`, on the embedded platform."""
        from jx.adapters.local.platforms import BOT
        from jx.domain.charts import ChartRef
        from jx.usecases.install_platform import Account, InstallPlatform, InstallRequest, World

        here = self.platform
        world = World(
            name=here.name,
            git_url=here.forge_url,
            forge_url=here.forge_url,
            webhook_url=f"{here.ingress_url}/hook",
            chart=ChartRef(PLATFORM_CHART, here.chart_repository, installation.platform_version),
            version_stream=parse_repo(here.version_stream_url),
        )
        request = InstallRequest(
            installation=installation,
            world=world,
            owner=self.forge_admin.whoami(),
            bot=Account(BOT, self.users.token(BOT)),
            holder=self.holder,
            timeout=timeout,
            private=private,
            apply=apply,
        )
        use = InstallPlatform(
            self.repos, self.forge_admin, self.credentials, self.apply_environment(), self.reporter
        )
        return use(request)

    def controllers(self, *, poll: timedelta) -> Loops:
        """`jx controllers run`."""
        from jx.controllers.environments import ChangesController, EnvironmentsController, PlatformReader
        from jx.controllers.run import Loops, Several
        from jx.usecases.check_change import CheckChange
        from jx.usecases.follow_environment import FollowEnvironment

        platform = PlatformReader(self.repos, self.platform_at)
        follow = FollowEnvironment(
            self.repos, self.forge, self.activities, self.apply_environment(), self.clock, self.reporter
        )
        controller = Several(
            EnvironmentsController(platform, follow, self.holder),
            ChangesController(platform, CheckChange(self.repos, self.forge, self.plan_change())),
        )
        return Loops(controller, self.signals, self.clock, self.reporter, poll)

    @property
    def person(self) -> str:
        """The user of this machine, for records of what was done by hand."""
        try:
            return getpass.getuser()
        except (KeyError, OSError) as error:
            raise Usage("this process has no user", hint="set USER") from error
