"""Proposals: the use-cases that open pull requests. A storey of the wiring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jx.domain.errors import NotFound
from jx.domain.names import DEV, Repo
from jx.engines import Engines

if TYPE_CHECKING:
    from jx.domain.environments.environments import Environment
    from jx.domain.platforms.platform import Platform
    from jx.ports.prompts import Prompts
    from jx.usecases.find_source import FindSource
    from jx.usecases.planning.record_secrets import RecordSecrets
    from jx.usecases.promoting.advance_promotion import AdvancePromotion
    from jx.usecases.promoting.await_promotion import AwaitPromotion
    from jx.usecases.promoting.promote import Promote
    from jx.usecases.propose_change import PlatformAt, ProposeChange
    from jx.usecases.proposing.add_app import AddApp
    from jx.usecases.proposing.add_login import AddLogin
    from jx.usecases.proposing.ask_values import AskValues
    from jx.usecases.proposing.create_environment import CreateEnvironment
    from jx.usecases.proposing.edit_app import EditApp
    from jx.usecases.proposing.edit_environment import DeleteEnvironment, EditEnvironment
    from jx.usecases.proposing.edit_requirements import EditRequirements
    from jx.usecases.proposing.keep_login import KeepLogin
    from jx.usecases.proposing.offer_branch import OfferBranch
    from jx.usecases.proposing.remove_app import RemoveApp
    from jx.usecases.proposing.require_dependencies import RequireDependencies
    from jx.usecases.proposing.upgrade_apps import UpgradeApps
    from jx.usecases.proposing.upgrade_platform import UpgradePlatform
    from jx.usecases.secrets.edit_secret import EditSecret
    from jx.usecases.secrets.keep_secrets import KeepSecrets
    from jx.usecases.set_up_repository import RenewRules


class Proposals(Engines):
    """Makes use-cases that propose changes."""

    @property
    def platform_at(self) -> PlatformAt:
        """Where the platform is declared."""
        from jx.usecases.propose_change import PlatformAt

        return PlatformAt(self.dev_repo)

    def declared(self) -> Platform:
        """What the dev repository declares."""
        return self.propose_change().target(self.platform_at, DEV).platform

    def environments(self, name: str = "") -> tuple[Environment, ...]:
        """All environments, dev first, or the one of that name; NotFound with the nearest."""
        platform = self.declared()
        return (platform.get_environment(name),) if name else platform.environments

    def environment_repos(self) -> tuple[Repo, ...]:
        """The repositories of all environments; empty before anything is installed."""
        try:
            return tuple(one.repo for one in self.environments() if one.repo)
        except NotFound:
            return ()

    def propose_change(self) -> ProposeChange:
        """The step below all that opens pull requests."""
        from jx.usecases.propose_change import ProposeChange

        return ProposeChange(self.repos, self.forge, self.reporter)

    def add_app(self, prompts: Prompts | None = None) -> AddApp:
        """`jx add app`; without prompts it goes by what was said beforehand."""
        from jx.usecases.proposing.add_app import AddApp

        ask = self._ask_values(prompts)
        return AddApp(
            self.propose_change(),
            self.catalog,
            self.reporter,
            ask,
            self._keep_login(),
            self._require_dependencies(),
        )

    def add_login(self) -> AddLogin:
        """`jx add login`."""
        from jx.usecases.proposing.add_login import AddLogin

        return AddLogin(self.propose_change(), self._keep_login())

    def _keep_login(self) -> KeepLogin:
        from jx.usecases.proposing.keep_login import KeepLogin

        return KeepLogin(self.edit_secret(), self.reporter)

    def upgrade_apps(self, prompts: Prompts | None = None) -> UpgradeApps:
        """`jx upgrade app`; so does this."""
        from jx.usecases.proposing.upgrade_apps import UpgradeApps

        ask = self._ask_values(prompts)
        return UpgradeApps(
            self.propose_change(),
            self.catalog,
            self.reporter,
            ask.keep_secrets,
            ask,
            self._keep_login(),
            self._require_dependencies(),
        )

    def _require_dependencies(self) -> RequireDependencies:
        from jx.usecases.proposing.require_dependencies import RequireDependencies

        return RequireDependencies(self.catalog, self.renderer)

    def _ask_values(self, prompts: Prompts | None) -> AskValues:
        from jx.adapters.local.batch_prompts import BatchPrompts
        from jx.usecases.proposing.ask_values import AskValues

        return AskValues(self.catalog, prompts or BatchPrompts(self.settings.answers), self._keep_secrets())

    def _keep_secrets(self) -> KeepSecrets:
        from jx.usecases.secrets.keep_secrets import KeepSecrets

        return KeepSecrets(self.catalog, self.edit_secret(), self.reporter)

    def remove_app(self) -> RemoveApp:
        """`jx delete app`."""
        from jx.usecases.proposing.remove_app import RemoveApp

        return RemoveApp(self.propose_change())

    def edit_app(self) -> EditApp:
        """`jx edit app`."""
        from jx.usecases.proposing.edit_app import EditApp

        return EditApp(self.propose_change(), self._keep_secrets())

    def upgrade_platform(self) -> UpgradePlatform:
        """`jx upgrade platform`."""
        from jx.usecases.proposing.upgrade_platform import UpgradePlatform

        return UpgradePlatform(
            self.propose_change(), self.catalog, self.repos, self.reporter, self._renew_rules()
        )

    def _renew_rules(self) -> RenewRules:
        from jx.usecases.set_up_repository import RenewRules

        admin = self.forge_admin
        return RenewRules(admin, admin.whoami, self.credentials, self.webhook_url, self.reporter)

    def promote(self) -> Promote:
        """`jx promote`."""
        from jx.usecases.promoting.find_good_release import FindGoodRelease
        from jx.usecases.promoting.promote import Promote

        find = FindGoodRelease(self.repos, self.activities)
        return Promote(self.advance_promotion(), self.catalog, find)

    def advance_promotion(self) -> AdvancePromotion:
        """The step below promotions."""
        from jx.usecases.promoting.advance_promotion import AdvancePromotion
        from jx.usecases.promoting.look_at_environment import LookAtEnvironment

        return AdvancePromotion(
            self.propose_change(),
            self.forge,
            self.promotions,
            self.anchors,
            self.activities,
            self.clock,
            self.reporter,
            LookAtEnvironment(self.cluster),
        )

    def find_source(self) -> FindSource:
        """Whose change an apply is."""
        from jx.usecases.find_source import FindSource

        return FindSource(self.repos, self.forge)

    def await_promotion(self) -> AwaitPromotion:
        """`jx promote --wait`."""
        from jx.usecases.promoting.await_promotion import AwaitPromotion

        return AwaitPromotion(self.promotions, self.clock, self.reporter)

    def create_environment(self) -> CreateEnvironment:
        """`jx create env`."""
        from jx.usecases.proposing.create_environment import CreateEnvironment
        from jx.usecases.set_up_repository import SetUpRepository

        return CreateEnvironment(
            self.propose_change(),
            self.owner_repos,
            SetUpRepository(self.forge_admin),
            self.credentials,
            self.forge_admin.whoami(),
        )

    @property
    def webhook_url(self) -> str:
        """Where the embedded forge tells of pushes; elsewhere that is the git server's own affair."""
        platform = self.find_platform()
        return f"{platform.ingress_url}/hook" if platform else ""

    def edit_environment(self) -> EditEnvironment:
        """`jx edit env`."""
        from jx.usecases.proposing.edit_environment import EditEnvironment

        return EditEnvironment(self.propose_change())

    def delete_environment(self) -> DeleteEnvironment:
        """`jx delete env`."""
        from jx.usecases.proposing.edit_environment import DeleteEnvironment

        return DeleteEnvironment(self.propose_change(), self.anchors)

    def edit_requirements(self) -> EditRequirements:
        """`jx edit requirements`."""
        from jx.usecases.proposing.edit_requirements import EditRequirements

        return EditRequirements(self.propose_change())

    def offer_branch(self) -> OfferBranch:
        """`jx pr create`."""
        from jx.usecases.proposing.offer_branch import OfferBranch

        return OfferBranch(self.repos, self.forge, self.reporter)

    def edit_secret(self) -> EditSecret:
        """`jx edit secret`."""
        from jx.usecases.secrets.edit_secret import EditSecret

        return EditSecret(self.secret_stores, self.reporter, self._record_secrets())

    def _record_secrets(self) -> RecordSecrets:
        from jx.usecases.planning.record_secrets import RecordSecrets

        return RecordSecrets(self.secret_log, lambda: self.cluster.whoami(), self.clock, self.reporter)
