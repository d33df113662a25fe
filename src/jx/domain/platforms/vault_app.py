"""Vault app: a Vault of one's own as an app of the dev environment: the operator's chart, and the Vault that it keeps."""

from __future__ import annotations

from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartRef, ChartVersion
from jx.domain.environments.edits import Edit, PutApp, SetValues, Several
from jx.domain.names import AppKey, parse_app_key
from jx.domain.platforms import app_files
from jx.domain.secrets import vaults
from jx.domain.secrets.vault_choice import ROLE
from jx.domain.secrets.vaults import VaultPlan
from jx.domain.texts.yaml_text import write_yaml


def put_vault(plan: VaultPlan, operator: ChartVersion, *, platform: AppKey | None) -> Several:
    """The edit that adds it, and tells the platform where it is."""
    app = App(parse_app_key(operator.name), ChartRef(operator.name, operator.repository, operator.version))
    files = app_files.write_app_files(app, operator, with_object=True)
    files |= {f"templates/{name}": write_yaml(body) for name, body in vaults.files(plan).items()}
    edits: list[Edit] = [PutApp(app, files)]
    if platform:
        edits.append(SetValues(platform, {"vault.url": plan.url, "vault.role": ROLE}))
    return Several(tuple(edits))
