"""Create a Vault: its operator as an app of the dev environment, and beside it the Vault that it is to keep; by pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jx.domain import app_files, vaults
from jx.domain.apps import App
from jx.domain.changes import PullRequest
from jx.domain.charts import ChartRef
from jx.domain.edits import Edit, PutApp, SetValues, Several
from jx.domain.errors import Usage
from jx.domain.events import Event
from jx.domain.names import DEV, parse_app_key
from jx.domain.vaults import OPERATOR_CHART, Provider, VaultPlan
from jx.domain.wording import Wording
from jx.domain.yaml_text import write_yaml
from jx.ports.catalog import Catalog
from jx.ports.reporter import Reporter
from jx.usecases.install_platform import CONTROLLERS_ACCOUNT, VAULT_ROLE
from jx.usecases.propose_change import PlatformAt, ProposeChange, Target


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
    reporter: Reporter

    def __call__(self, request: CreateVaultRequest) -> tuple[PullRequest | None, tuple[str, ...]]:
        """The pull request (None where it is there already), and the steps in the cloud. Usage for a provider that is not known,
        Invalid for what is missing, NotFound for the operator's chart."""
        target = self.propose_change.target(request.platform, DEV)
        plan = _plan(request, target)
        vaults.check(plan)
        if target.find_app(OPERATOR_CHART):
            self.reporter.tell(Event(f"App {OPERATOR_CHART} already installed, and with it a Vault"))
            return None, ()
        repository = request.repository or target.platform.apps_repository
        chart = self.catalog.resolve(ChartRef(OPERATOR_CHART, repository, request.version))
        app = App(parse_app_key(chart.name), ChartRef(chart.name, repository, chart.version))
        files = app_files.write_app_files(app, chart, with_object=True)
        files |= {f"templates/{name}": write_yaml(body) for name, body in vaults.files(plan).items()}
        edits: list[Edit] = [PutApp(app, files)]
        platform = target.platform.chart
        if platform:
            edits.append(SetValues(platform.key, {"vault.url": plan.url, "vault.role": plan.role}))
        title = f"Create Vault {plan.name}"
        words = Wording(
            f"create-vault-{plan.name}", title, f"{title} by {chart.name} {chart.version}, on {plan.provider}"
        )
        return self.propose_change(target, Several(tuple(edits)), words=words), vaults.cloud_steps(plan)


def _plan(request: CreateVaultRequest, target: Target) -> VaultPlan:
    requirements = target.platform.requirements
    return VaultPlan(
        name=request.name or vaults.name_of(requirements.cluster_name),
        namespace=requirements.namespace,
        provider=request.provider or _provider(requirements.provider),
        reader=CONTROLLERS_ACCOUNT,
        role=VAULT_ROLE,
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
