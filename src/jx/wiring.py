"""Adapters -> use-cases: each use-case made from the adapters that `outside` has for it; imported where it is made."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from jx.domain.charts.apps import PLATFORM_CHART
from jx.domain.errors import Usage
from jx.domain.names import parse_repo
from jx.proposals import Proposals

if TYPE_CHECKING:
    from jx.domain.environments.environments import Requirements
    from jx.domain.platforms.installing import Installation
    from jx.usecases.applying.apply_environment import ApplyEnvironment
    from jx.usecases.applying.await_health import AwaitHealth
    from jx.usecases.applying.send_plan import SendPlan
    from jx.usecases.following.await_apply import AwaitApply
    from jx.usecases.history.blame_object import BlameObject
    from jx.usecases.history.explain_object import ExplainObject
    from jx.usecases.history.revert_change import RevertChange
    from jx.usecases.history.show_history import ShowHistory
    from jx.usecases.history.verify_history import VerifyHistory
    from jx.usecases.planning.build_chart import BuildChart
    from jx.usecases.planning.number_chart import NumberChart
    from jx.usecases.planning.plan_environment import PlanEnvironment
    from jx.usecases.planning.render_environment import RenderEnvironment
    from jx.usecases.planning.settle_environment import SettleEnvironment
    from jx.usecases.platform.check_target import CheckTarget
    from jx.usecases.platform.choose_chart import ChooseChart, ChosenChart
    from jx.usecases.platform.install_platform import InstallPlatform, InstallReport, InstallRequest
    from jx.usecases.platform.show_applications import ShowApplications
    from jx.usecases.platform.show_apps import ShowApps
    from jx.usecases.platform.show_environments import ShownEnvironment
    from jx.usecases.platform.uninstall_platform import UninstallPlatform
    from jx.usecases.proposing.create_vault import CreateVault
    from jx.usecases.read_requirements import ReadRequirements
    from jx.usecases.reviewing.check_change import CheckChange
    from jx.usecases.reviewing.plan_change import PlanChange
    from jx.usecases.reviewing.review_change import ReviewChange
    from jx.usecases.secrets.find_secret_users import FindSecretUsers
    from jx.usecases.secrets.rotate_secret import RotateSecret
    from jx.usecases.secrets.set_up_store import SetUpStore
    from jx.usecases.secrets.show_secret_audit import ShowSecretAudit
    from jx.usecases.secrets.show_secrets import ShowSecrets
    from jx.usecases.secrets.verify_secrets import VerifySecrets


class Wiring(Proposals):
    """Makes use-cases."""

    def review_change(self) -> ReviewChange:
        """`jx pr comment | approve | merge | close`."""
        from jx.usecases.reviewing.review_change import ReviewChange

        return ReviewChange(self.forge, self.forge, self.reporter)

    def plan_environment(self) -> PlanEnvironment:
        """The step below applies, checks and diffs."""
        from jx.usecases.planning.plan_environment import PlanEnvironment

        return PlanEnvironment(
            self.catalog, self._render(), self.cluster, self.reporter, self.settle_environment()
        )

    def settle_environment(self) -> SettleEnvironment:
        """The step before a render, for repositories of `jx boot`."""
        from jx.usecases.planning.settle_environment import SettleEnvironment

        return SettleEnvironment(self.repos, self.renderer)

    def _render(self, *, with_secrets: bool = False) -> RenderEnvironment:
        from jx.usecases.planning.render_environment import RenderEnvironment
        from jx.usecases.planning.resolve_secrets import ResolveSecrets

        if not with_secrets:
            return RenderEnvironment(self.renderer, self.reporter)
        stores = self.secret_stores
        record = self._record_secrets()
        resolve = ResolveSecrets(stores, self.generator, self.reporter, record, stores.as_environment)
        return RenderEnvironment(self.renderer, self.reporter, resolve)

    def plan_change(self) -> PlanChange:
        """`jx pr diff`."""
        from jx.usecases.reviewing.plan_change import PlanChange

        return PlanChange(self.repos, self.anchors, self.plan_environment())

    def check_change(self) -> CheckChange:
        """What controllers do with every pull request, and `jx step verify pr`."""
        from jx.usecases.reviewing.check_change import CheckChange

        return CheckChange(self.repos, self.forge, self.plan_change(), self.clock)

    def await_health(self) -> AwaitHealth:
        """The step below all that waits."""
        from jx.usecases.applying.await_health import AwaitHealth

        return AwaitHealth(self.cluster, self.clock, self.reporter)

    def await_apply(self) -> AwaitApply:
        """`--wait`."""
        from jx.usecases.following.await_apply import AwaitApply

        return AwaitApply(self.repos, self.anchors, self.await_health(), self.clock, self.reporter)

    def send_plan(self) -> SendPlan:
        """The step below all that changes objects of the cluster."""
        from jx.usecases.applying.await_needs import AwaitNeeds
        from jx.usecases.applying.send_plan import SendPlan

        return SendPlan(self.cluster, AwaitNeeds(self.cluster, self.await_health()), self.reporter)

    def apply_environment(self) -> ApplyEnvironment:
        """`jx step env apply`, and whatever else applies."""
        from jx.usecases.applying.apply_environment import ApplyEnvironment

        plan = replace(self.plan_environment(), render=self._render(with_secrets=True))
        return ApplyEnvironment(
            plan=plan,
            send=self.send_plan(),
            await_health=self.await_health(),
            anchors=self.anchors,
            locks=self.locks,
            repos=self.repos,
            clock=self.clock,
            reporter=self.reporter,
        )

    def show_environments(self) -> tuple[ShownEnvironment, ...]:
        """`jx get env`."""
        from jx.usecases.platform.show_environments import ShowEnvironments

        at = self.platform_at
        return ShowEnvironments(self.propose_change(), self.repos, self.forge, self.anchors, self.clock)(at)

    def show_apps(self) -> ShowApps:
        """`jx get apps`."""
        from jx.usecases.platform.show_apps import ShowApps

        return ShowApps(self.propose_change(), self.anchors)

    def show_applications(self) -> ShowApplications:
        """`jx get applications`."""
        from jx.usecases.platform.show_applications import ShowApplications

        return ShowApplications(self.propose_change(), self.anchors, self.cluster)

    @property
    def has_pulls(self) -> bool:
        """Whether changes can be offered as pull requests."""
        from jx.ports.forge import Ability

        return Ability.PULLS in self.forge.abilities

    def show_secrets(self) -> ShowSecrets:
        """`jx get secrets`."""
        from jx.usecases.secrets.show_secrets import ShowSecrets

        return ShowSecrets(self.find_secret_users(), self.secret_stores)

    def show_secret_audit(self) -> ShowSecretAudit:
        """`jx get secrets --audit`."""
        from jx.usecases.secrets.show_secret_audit import ShowSecretAudit

        return ShowSecretAudit(self.propose_change(), self.repos, self.secret_log)

    def find_secret_users(self) -> FindSecretUsers:
        """The step below all that looks at who uses secrets."""
        from jx.usecases.secrets.find_secret_users import FindSecretUsers

        return FindSecretUsers(self.propose_change(), self.repos)

    def verify_secrets(self) -> VerifySecrets:
        """`jx step secrets verify`."""
        from jx.usecases.secrets.verify_secrets import VerifySecrets

        return VerifySecrets(self.show_secrets(), self.reporter)

    def create_vault(self) -> CreateVault:
        """`jx create vault`."""
        from jx.usecases.proposing.create_vault import CreateVault

        return CreateVault(self.propose_change(), self.catalog, self.read_requirements(), self.reporter)

    def read_requirements(self) -> ReadRequirements:
        """The step that reads settings of environments."""
        from jx.usecases.read_requirements import ReadRequirements

        return ReadRequirements(self.repos)

    @property
    def platform_requirements(self) -> Requirements:
        """The settings of the installation."""
        return self.propose_change().target(self.platform_at, "dev").platform.requirements

    def set_up_store(self) -> SetUpStore | None:
        """`jx step secrets setup`, and what installs; None where no store is known."""
        from jx.usecases.secrets.set_up_store import SetUpStore

        access = self.secret_stores.find_accounts()
        return SetUpStore(access, self.clock, self.reporter) if access else None

    def rotate_secret(self) -> RotateSecret:
        """`jx rotate secret`."""
        from jx.usecases.secrets.rotate_secret import RotateSecret

        return RotateSecret(
            self.edit_secret(), self.find_secret_users(), self.generator, self.apply_environment()
        )

    def show_history(self, clone: str = "") -> ShowHistory:
        """`jx get history`; with a clone nothing else is asked."""
        from jx.usecases.history.show_history import ShowHistory

        if clone:
            return ShowHistory(self.histories(clone), self.reporter)
        return ShowHistory(self.histories(), self.reporter, self.anchors, self.secret_log)

    def verify_history(self, clone: str = "") -> VerifyHistory:
        """`jx verify history`; of that clone, but by the cluster and the forge."""
        from jx.usecases.history.verify_history import VerifyHistory

        histories = self.histories(clone)
        return VerifyHistory(histories, histories, self.find_anchors(), self.find_forge())

    def blame_object(self, clone: str = "") -> BlameObject:
        """`jx blame`; of a clone without the cluster."""
        from jx.usecases.history.blame_object import BlameObject
        from jx.usecases.history.find_origins import FindOrigins

        cluster = None if clone else self.cluster
        origins = FindOrigins(self.catalog, self.renderer)
        return BlameObject(self.histories(clone), self.reporter, origins, cluster)

    def explain_object(self, clone: str = "") -> ExplainObject:
        """`jx why`; of a clone without the cluster."""
        from jx.usecases.history.explain_object import ExplainObject

        return ExplainObject(self.show_history(clone), None if clone else self.cluster)

    def revert_change(self) -> RevertChange:
        """`jx revert`."""
        from jx.usecases.history.find_revert import FindRevert
        from jx.usecases.history.preview_revert import PreviewRevert
        from jx.usecases.history.revert_change import RevertChange

        preview = PreviewRevert(self.plan_environment(), self.anchors, self.secret_stores)
        return RevertChange(self.propose_change(), FindRevert(self.histories()), preview, self.anchors)

    def build_chart(self) -> BuildChart:
        """`jx step helm build`."""
        from jx.usecases.planning.build_chart import BuildChart

        return BuildChart(self.catalog, self.renderer, self.settle_environment())

    def number_chart(self) -> NumberChart:
        """`jx step helm version`."""
        from jx.usecases.planning.number_chart import NumberChart

        return NumberChart(self.folders, self.reporter)

    def uninstall_platform(self) -> UninstallPlatform:
        """`jx uninstall`."""
        from jx.usecases.platform.uninstall_platform import UninstallPlatform

        return UninstallPlatform(
            self.cluster,
            self.send_plan(),
            self.anchors,
            self.credentials,
            self.forge_admin,
            self.reporter,
            self.promotions,
            self.watchdogs,
            self.snapshots,
        )

    def run_kubernetes(
        self,
        directory: Path,
        *,
        port: int,
        workloads: bool,
        ready_after_seconds: float,
        failures: tuple[str, ...],
        audit_log: Path | None,
    ) -> None:
        """`jx local kubernetes`: blocks until it is asked to end."""
        from jx.adapters.local.kubernetes.__main__ import run
        from jx.adapters.local.kubernetes.controllers.play import PlaySettings

        try:
            play = PlaySettings.parse(ready_after_seconds, failures)
        except ValueError as error:
            raise Usage(str(error)) from error
        run(directory, port=port, audit_log=audit_log, play=play if workloads else None)

    def install(
        self, installation: Installation, *, timeout: timedelta, apply: bool, private: bool
    ) -> InstallReport:
        """`jx install`, on the embedded platform."""
        from jx.adapters.local.platforms import BOT
        from jx.domain.charts.charts import ChartRef
        from jx.domain.secrets.vault_choice import VaultAt
        from jx.usecases.platform.install_platform import Account, InstallRequest, World

        here = self.platform
        world = World(
            name=here.name,
            git_url=here.forge_url,
            forge_url=here.forge_url,
            webhook_url=f"{here.ingress_url}/hook",
            chart=ChartRef(PLATFORM_CHART, here.chart_repository, installation.platform_version),
            version_stream=parse_repo(here.version_stream_url),
            vault=VaultAt(here.vault_url) if here.vault_url and installation.vault else None,
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
        return self.install_platform()(request)

    def choose_chart(self) -> ChooseChart:
        """Which chart an installation on a cluster takes for the platform."""
        from jx.adapters.local.seed import charts_folder
        from jx.usecases.platform.choose_chart import ChooseChart

        return ChooseChart(self.repos, self.catalog, f"file://{charts_folder()}")

    def check_target(self) -> CheckTarget:
        """Preflight."""
        from jx.adapters.kubernetes.probe import KubernetesProbe
        from jx.usecases.platform.check_target import CheckTarget

        probe = KubernetesProbe(self.api)
        find_store = self.secret_stores.find_accounts
        return CheckTarget(probe, self.repos, self.repos, self.catalog, self.clock, find_store)

    def install_platform(self, *, sets_up_store: bool = True) -> InstallPlatform:
        """`jx install`, wherever."""
        from jx.usecases.platform.install_platform import InstallPlatform

        return InstallPlatform(
            self.repos,
            self.forge_admin,
            self.credentials,
            self.apply_environment(),
            self.reporter,
            self.set_up_store() if sets_up_store else None,
        )

    def cluster_request(self, installation: Installation, chart: ChosenChart) -> InstallRequest:
        """What to install on the cluster that is meant, from git servers and charts that are there."""
        from jx.domain.secrets.vault_choice import VaultAt
        from jx.usecases.platform.install_platform import Account, InstallRequest, World

        sources, vault = installation.sources, installation.vault_choice
        world = World(
            name=self.access.context_name or self.access.host,
            git_url=sources.git_url,
            forge_url="",
            webhook_url="",
            chart=chart.ref,
            version_stream=sources.version_stream,
            version_stream_ref=sources.version_stream_ref,
            vendored=chart.files,
            vault=vault if isinstance(vault, VaultAt) else None,
        )
        return InstallRequest(
            installation=installation,
            world=world,
            owner=self.plain_forge.whoami(),
            bot=Account(self.settings.git_user or "git", self.settings.git_token),
            holder=self.holder,
            timeout=timedelta(minutes=10),
            everywhere=True,
        )
