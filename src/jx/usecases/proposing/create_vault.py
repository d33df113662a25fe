"""Create a Vault: its operator as an app of the dev environment, and beside it the Vault that it is to keep; by pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.domain.changes.changes import PullRequest
from jx.domain.changes.wording import Wording
from jx.domain.charts.charts import ChartRef
from jx.domain.charts.logins import find_login
from jx.domain.errors import Usage
from jx.domain.events import Event
from jx.domain.names import DEV
from jx.domain.platforms.vault_app import put_vault
from jx.domain.secrets import vaults
from jx.domain.secrets.store_readers import Account, plan_readers
from jx.domain.secrets.vault_choice import ROLE
from jx.domain.secrets.vaults import OPERATOR_CHART, Provider, VaultPlan
from jx.ports.catalog import Catalog
from jx.ports.reporter import Reporter
from jx.usecases.propose_change import PlatformAt, ProposeChange, Target
from jx.usecases.read_requirements import ReadRequirements
from jx.usecases.secrets.set_up_store import CONTROLLERS_ACCOUNT


@dataclass(frozen=True, slots=True)
class CreateVaultRequest:
    """Where, and what of the cloud is there for it."""

    platform: PlatformAt
    name: str = ""
    """Empty: after the cluster."""
    provider: Provider | None = None
    """None: what the platform says."""
    repository: str = ""
    """Of the operator's chart. Empty: the platform's repository of apps."""
    version: str = ""
    cloud: Mapping[str, str] = field(default_factory=dict)
    """Fields of VaultPlan: project, region, account, kms_key."""

    def __hash__(self) -> int:
        return hash((self.name, self.provider))


@dataclass(frozen=True, slots=True)
class CreateVault:
    """Writes files and nothing else. What the cloud has to have is told as steps: nothing is made there."""

    propose_change: ProposeChange
    catalog: Catalog
    read_requirements: ReadRequirements
    reporter: Reporter

    def __call__(self, request: CreateVaultRequest) -> tuple[PullRequest | None, tuple[str, ...]]:
        """The pull request (None where it is there already), and the steps in the cloud. Usage for a provider that is not known,
        Invalid for what is missing, NotFound for the operator's chart."""
        target = self.propose_change.target(request.platform, DEV)
        plan = self._plan(request, target)
        vaults.check(plan)
        if target.find_app(OPERATOR_CHART):
            self.reporter.tell(Event(f"App {OPERATOR_CHART} already installed, and with it a Vault"))
            return None, ()
        repository = request.repository or target.platform.apps_repository
        login = find_login(target.logins, repository)
        chart = self.catalog.resolve(ChartRef(OPERATOR_CHART, repository, request.version, login))
        platform = target.platform.chart
        edit = put_vault(plan, chart, platform=platform.key if platform else None)
        title = f"Create Vault {plan.name}"
        words = Wording(
            f"create-vault-{plan.name}", title, f"{title} by {chart.name} {chart.version}, on {plan.provider}"
        )
        return self.propose_change(target, edit, words=words), vaults.cloud_steps(plan)

    def _plan(self, request: CreateVaultRequest, target: Target) -> VaultPlan:
        requirements = target.platform.requirements
        environments = self.read_requirements(target.platform.environments)
        return VaultPlan(
            name=request.name or vaults.name_of(requirements.cluster_name),
            namespace=requirements.namespace,
            provider=request.provider or _provider(requirements.provider),
            readers=plan_readers(ROLE, Account(requirements.namespace, CONTROLLERS_ACCOUNT), environments),
            **request.cloud,
        )


def _provider(text: str) -> Provider:
    """Clusters of no cloud keep their keys themselves; so do those of clouds that are not known, if somebody says so."""
    if text in {"", "local"}:
        raise Usage("the embedded platform brings a secret store along", hint="on a cluster: name --provider")
    try:
        return Provider(text)
    except ValueError as error:
        known = ", ".join(Provider)
        raise Usage(
            f"Vault's keys cannot be kept by {text}", hint=f"name who keeps them: --provider {known}"
        ) from error
