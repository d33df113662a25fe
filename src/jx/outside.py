"""Outside: what jx speaks to, chosen by what is there. With `wiring` the only module that names adapters.

Three profiles, told apart by what is there: *cluster* (a pod of the platform, with its account), *local* (an embedded platform of
this machine), *remote* (a kubeconfig and a clone, nothing else). A profile is a set of adapters; nobody asks for it by name.
"""

from __future__ import annotations

import getpass
import os
import signal
import sys
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jx.config.settings import Settings
from jx.domain.errors import JxError, NotFound, Usage
from jx.domain.names import Repo, parse_repo

if TYPE_CHECKING:
    from jx.adapters.crypto.generator import SystemGenerator
    from jx.adapters.files.clock import SystemClock
    from jx.adapters.files.kept_logs import KeptLogs, NoLogs
    from jx.adapters.git.clones import GitClones
    from jx.adapters.git.folders import GitFolders
    from jx.adapters.git.forge import PlainForge
    from jx.adapters.git.histories import CloneHistories, MirrorHistories
    from jx.adapters.git.remote_logins import RemoteLogins
    from jx.adapters.git.repos import GitRepos
    from jx.adapters.helm.catalog import HelmCatalog
    from jx.adapters.helm.renderer import HelmRenderer
    from jx.adapters.kubernetes.access import ClusterAccess
    from jx.adapters.kubernetes.activities import KubernetesActivities
    from jx.adapters.kubernetes.anchors import KubernetesAnchors
    from jx.adapters.kubernetes.api import Api
    from jx.adapters.kubernetes.build_numbers import KubernetesBuildNumbers
    from jx.adapters.kubernetes.cluster import KubernetesCluster
    from jx.adapters.kubernetes.credentials import KubernetesCredentials
    from jx.adapters.kubernetes.deliveries import KubernetesDeliveries
    from jx.adapters.kubernetes.locks import KubernetesLocks
    from jx.adapters.kubernetes.promotions import KubernetesPromotions
    from jx.adapters.kubernetes.secret_log import KubernetesSecretLog
    from jx.adapters.kubernetes.signals import KubernetesSignals
    from jx.adapters.kubernetes.snapshots import KubernetesSnapshots
    from jx.adapters.kubernetes.watchdogs import KubernetesWatchdogs
    from jx.adapters.local.forge.client import LocalForge
    from jx.adapters.local.platforms import LocalPlatforms, LocalUsers
    from jx.adapters.local.runner.runner import Runner
    from jx.adapters.tekton.pipelines import TektonPipelines
    from jx.domain.applying.applying import Anchor
    from jx.domain.charts.logins import Credential, Login
    from jx.ports.platforms import Backups, Platform
    from jx.ports.reporter import Reporter
    from jx.stores import Stores


@dataclass
class Outside:
    """Makes adapters when they are first asked for. `close` ends what was opened."""

    settings: Settings
    reporter: Reporter

    # -- the embedded platform ------------------------------------------------------------------------------------

    @cached_property
    def platforms(self) -> LocalPlatforms:
        """Embedded platforms of this machine."""
        from jx.adapters.local.platforms import LocalPlatforms

        return LocalPlatforms(self.settings.home, self.settings.keys, self.settings.user_home)

    @property
    def backups(self) -> Backups:
        """Platforms as files: of the embedded one, or of the cluster that was chosen."""
        if self.settings.is_cluster_chosen and self.find_platform() is None:
            from jx.adapters.kubernetes.backups import ClusterBackups

            return ClusterBackups(self.api, self.namespace, lambda: self.secret_stores.vault)
        from jx.adapters.local.backups import LocalBackups

        return LocalBackups(self.platforms, self.settings.home, self.settings.keys)

    @staticmethod
    def is_sealed(backup: Path) -> bool:
        """Whether a file of a backup wants a passphrase."""
        from jx.adapters.files import sealed

        return sealed.is_sealed(backup)

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
        """The current embedded platform; None in a pod, and where a cluster was chosen that belongs to none."""
        if self.settings.in_cluster:
            return None
        if not self.settings.is_cluster_chosen:
            return self.platforms.find(self.settings.platform)
        found = (self.platforms.find(name) for name in self.platforms.list_names())
        return next((one for one in found if one and one.kubernetes_url == self.access.server), None)

    @cached_property
    def users(self) -> LocalUsers:
        """Users of the embedded forge."""
        from jx.adapters.local.platforms import LocalUsers

        return LocalUsers(self.platform)

    # -- secrets --------------------------------------------------------------------------------------------------

    @cached_property
    def secret_stores(self) -> Stores:
        """The stores that references may name."""
        from jx.stores import Stores

        return Stores(self.settings, self.find_platform(), lambda: self.api)

    @cached_property
    def generator(self) -> SystemGenerator:
        """Makes secrets."""
        from jx.adapters.crypto.generator import SystemGenerator

        return SystemGenerator(self.clock)

    # -- git and the forge ----------------------------------------------------------------------------------------

    @property
    def user(self) -> str:
        """Who acts on the forge."""
        return self.settings.git_user or self.settings.user or self.platform.owner

    @property
    def git_url(self) -> str:
        """The server that the login of the settings is for; it goes nowhere else."""
        if self.settings.git_url or self.settings.forge_url:
            return (self.settings.git_url or self.settings.forge_url).rstrip("/")
        scheme, _, rest = self.settings.dev_repo_url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"

    @property
    def forge_url(self) -> str:
        """Where the forge is."""
        return self.settings.forge_url or self.platform.forge_url

    @cached_property
    def forge(self) -> LocalForge | PlainForge:
        """Pull requests, as the user; where there is no forge, one that says so."""
        if self.settings.forge_url or self.find_platform():
            from jx.adapters.local.forge.client import LocalForge

            return LocalForge(self.forge_url, self.settings.git_token or self.users.token(self.user))
        return self.plain_forge

    def find_forge(self) -> LocalForge | PlainForge | None:
        """The same; None on a machine that knows of none, or has no login there."""
        try:
            return self.forge
        except JxError:
            return None

    @cached_property
    def plain_forge(self) -> PlainForge:
        """Git servers that are git and nothing else."""
        from jx.adapters.git.forge import PlainForge

        return PlainForge(self.settings.git_user or self.person)

    @cached_property
    def forge_admin(self) -> LocalForge | PlainForge:
        """What only the owner of the platform may do to the forge."""
        from jx.adapters.local.forge.client import LocalForge

        platform = self.find_platform()
        if platform is None:
            return self.plain_forge
        return LocalForge(platform.forge_url, self.users.token(platform.owner))

    @cached_property
    def repos(self) -> GitRepos:
        """Git repositories, as the user."""
        from jx.adapters.git.repos import GitRepos

        return GitRepos(self.settings.cache / "git", logins=self._login)

    @cached_property
    def owner_repos(self) -> GitRepos:
        """Git repositories, as the owner of the platform."""
        from jx.adapters.git.repos import GitRepos

        platform = self.find_platform()
        if platform is None:
            return self.repos
        return GitRepos(self.settings.cache / "git", logins=lambda url: self._owner_login(platform, url))

    def _owner_login(self, platform: Platform, url: str) -> tuple[str, str] | None:
        is_ours = url.startswith(platform.forge_url + "/")
        return (platform.owner, self.users.token(platform.owner)) if is_ours else None

    def _login(self, url: str) -> tuple[str, str] | None:
        settings = self.settings
        if settings.git_token and url.startswith(self.git_url + "/"):
            return settings.git_user or "git", settings.git_token
        platform = self.find_platform()
        if platform and url.startswith(platform.forge_url + "/"):
            return self.user, self.users.token(self.user)
        return self.remote_logins(url)

    @cached_property
    def remote_logins(self) -> RemoteLogins:
        """Logins of further git servers, as dev names them."""
        from jx.adapters.git.remote_logins import RemoteLogins

        return RemoteLogins(lambda: self.repos, lambda: self.dev_repo, self.open_login)

    def histories(self, clone: str = "") -> MirrorHistories | CloneHistories:
        """What repositories remember: from mirrors, or from that clone alone."""
        from jx.adapters.git.histories import CloneHistories, MirrorHistories

        return CloneHistories(Path(clone)) if clone else MirrorHistories(self.repos)

    @cached_property
    def folders(self) -> GitFolders:
        """Folders of this machine."""
        from jx.adapters.git.folders import GitFolders

        return GitFolders()

    @cached_property
    def clones(self) -> GitClones:
        """Clones of this machine."""
        from jx.adapters.git.clones import GitClones

        return GitClones()

    # -- charts ---------------------------------------------------------------------------------------------------

    @cached_property
    def catalog(self) -> HelmCatalog:
        """Charts, from wherever they are."""
        from jx.adapters.helm.catalog import HelmCatalog

        return HelmCatalog(self.settings.cache / "charts", open_login=self.open_login)

    def open_login(self, login: Login) -> Credential:
        """A login, from the store that has it."""
        from jx.domain.charts import logins

        scheme, path = login.secret.scheme, login.secret.path
        if scheme not in self.secret_stores:
            raise NotFound(
                f"there is no store that has the login for {login.url} ({login.secret})",
                hint="set VAULT_ADDR and VAULT_TOKEN",
            )
        found = self.secret_stores[scheme].read((path,), purpose=f"login for {login.url}").get(path)
        return logins.opened(login, found.values if found else {})

    @cached_property
    def renderer(self) -> HelmRenderer:
        """Helm's engine, in a process of its own."""
        from jx.adapters.helm.renderer import HelmRenderer

        return HelmRenderer(self.settings.cache / "renders")

    # -- the cluster ----------------------------------------------------------------------------------------------

    @cached_property
    def clock(self) -> SystemClock:
        """Time, and whether this process is to end."""
        from jx.adapters.files.clock import SystemClock

        return SystemClock()

    @cached_property
    def access(self) -> ClusterAccess:
        """Which cluster is meant: the pod's own, the one that was chosen, the embedded platform's, or the person's own."""
        from jx.adapters.kubernetes import kubeconfig

        settings = self.settings
        if settings.in_cluster and not settings.kubeconfig:
            return kubeconfig.in_cluster(settings.pod)
        platform = None if settings.is_cluster_chosen else self.find_platform()
        if platform is None and settings.is_platform_named and not settings.is_cluster_chosen:
            platform = self.platform  # it is not there, and that is what to say
        files = (platform.kubeconfig,) if platform else settings.kubeconfig or (self.usual_kubeconfig,)
        return kubeconfig.load(files, context=settings.kube_context)

    @property
    def usual_kubeconfig(self) -> Path:
        """Where everybody keeps theirs."""
        return Path.home() / ".kube" / "config"

    @cached_property
    def api(self) -> Api:
        """That cluster's API."""
        from jx.adapters.kubernetes.api import Api

        is_attended = not self.settings.batch and not self.settings.in_cluster
        is_interactive = is_attended and sys.stdin is not None and sys.stdin.isatty()
        return Api.connect(self.access, self.clock, is_interactive=is_interactive)

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

    @property
    def secret_log(self) -> KubernetesSecretLog:
        """Who wrote which secret."""
        from jx.adapters.kubernetes.secret_log import KubernetesSecretLog

        return KubernetesSecretLog(lambda: self.api)

    def find_anchors(self) -> KubernetesAnchors | None:
        """The same; None on a machine that knows of no cluster."""
        try:
            return self.anchors
        except JxError:
            return None

    @cached_property
    def promotions(self) -> KubernetesPromotions:
        """What the cluster remembers of releases on their way."""
        from jx.adapters.kubernetes.promotions import KubernetesPromotions

        return KubernetesPromotions(self.api)

    @cached_property
    def locks(self) -> KubernetesLocks:
        """One lock per environment."""
        from jx.adapters.files.holders import is_gone
        from jx.adapters.kubernetes.locks import KubernetesLocks

        return KubernetesLocks(self.api, self.clock, is_gone=is_gone)

    @cached_property
    def credentials(self) -> KubernetesCredentials:
        """Small secrets of the platform's own pods."""
        from jx.adapters.kubernetes.credentials import KubernetesCredentials

        return KubernetesCredentials(self.api)

    @property
    def namespace(self) -> str:
        """The platform's namespace: what the cluster remembers of it, where nothing on this machine tells."""
        anchor = None if self.settings.in_cluster or self.find_platform() else self.dev_anchor
        return anchor.namespace if anchor else self.settings.namespace

    @cached_property
    def activities(self) -> KubernetesActivities:
        """Records of what ran."""
        from jx.adapters.kubernetes.activities import KubernetesActivities

        return KubernetesActivities(self.api, namespace=self.namespace)

    @cached_property
    def deliveries(self) -> KubernetesDeliveries:
        """Events to the platform's own receiver, by the public route."""
        from jx.adapters.kubernetes.deliveries import KubernetesDeliveries

        return KubernetesDeliveries(self.api, namespace=self.namespace)

    @cached_property
    def snapshots(self) -> KubernetesSnapshots:
        """Verified states with their values."""
        from jx.adapters.kubernetes.snapshots import KubernetesSnapshots

        return KubernetesSnapshots(self.api)

    @cached_property
    def pipelines(self) -> TektonPipelines:
        """What runs pipelines."""
        from jx.adapters.tekton.pipelines import TektonPipelines

        return TektonPipelines(self.api, namespace=self.namespace)

    @cached_property
    def log_store(self) -> KeptLogs | NoLogs:
        """Logs of runs whose pods are gone: the embedded platform keeps them."""
        from jx.adapters.files.kept_logs import KeptLogs, NoLogs

        platform = self.find_platform()
        return KeptLogs(platform.folder / "kubernetes" / "kept-logs") if platform else NoLogs()

    @cached_property
    def build_numbers(self) -> KubernetesBuildNumbers:
        """Counters of builds."""
        from jx.adapters.kubernetes.build_numbers import KubernetesBuildNumbers

        return KubernetesBuildNumbers(self.api, namespace=self.namespace)

    @cached_property
    def watchdogs(self) -> KubernetesWatchdogs:
        """Watchdogs, with the image of the controllers."""
        from jx.adapters.kubernetes.watchdogs import KubernetesWatchdogs

        return KubernetesWatchdogs(self.api, namespace=self.namespace)

    @cached_property
    def signals(self) -> KubernetesSignals:
        """Keys from the webhook receiver to the controllers."""
        from jx.adapters.kubernetes.signals import KubernetesSignals

        return KubernetesSignals(self.api, namespace=self.namespace)

    def runner(self, *, parallel: int) -> Runner:
        """What runs PipelineRuns on the embedded platform; `parallel` 0 is a task for each processor."""
        from jx.adapters.local.runner.runner import Runner

        return Runner(self.api, namespace=self.namespace, parallel=parallel or os.cpu_count() or 1)

    def merge_kubeconfig(self, source: Path) -> tuple[Path, str]:
        """Merge a kubeconfig into the person's own; which file it was, and the name of the context."""
        from jx.adapters.kubernetes.merging import merge_kubeconfig

        chosen = [path for path in self.settings.kubeconfig if path != source]
        target = chosen[0] if chosen else self.usual_kubeconfig
        return target, merge_kubeconfig(source, target)

    def close(self) -> None:
        """End what was opened."""
        made: dict[str, Any] = self.__dict__
        for name in ("renderer", "api", "secret_stores"):
            if name in made:
                made[name].close()

    # -- where everything is --------------------------------------------------------------------------------------

    @cached_property
    def dev_anchor(self) -> Anchor | None:
        """What the cluster remembers of the dev environment; None on a machine that knows of no cluster."""
        from jx.domain.names import DEV

        settings = self.settings
        knows = settings.is_cluster_chosen or settings.kubeconfig or settings.in_cluster
        return self.anchors.find(DEV) if knows or self.usual_kubeconfig.exists() else None

    @property
    def dev_repo(self) -> Repo:
        """The dev environment's repository: as settings, the embedded platform or the cluster say; NotFound where none does."""
        platform = self.find_platform()
        url = self.settings.dev_repo_url or (platform.dev_repo_url if platform else "")
        if url:
            return parse_repo(url)
        if platform is None and self.dev_anchor is not None and self.dev_anchor.repo is not None:
            return self.dev_anchor.repo
        if self.settings.is_cluster_chosen and platform is None:
            raise NotFound(
                f"nothing is installed on the cluster at {self.access.server}",
                hint="jx install --ng --provider kubernetes installs; --context names another cluster, --platform an embedded"
                " platform",
            )
        if self.settings.is_platform_named:
            return parse_repo(self.platform.dev_repo_url)  # it is not there, and that is what to say
        raise NotFound("nothing is installed yet", hint="jx install --ng")

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
        from jx.adapters.files.holders import name_holder

        return name_holder(self.person)

    @property
    def person(self) -> str:
        """The user of this machine, for records of what was done by hand."""
        try:
            return getpass.getuser()
        except (KeyError, OSError) as error:
            raise Usage("this process has no user", hint="set USER") from error
