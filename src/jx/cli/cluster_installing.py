"""Installing on a cluster from the command line: what was found there, the plan, a question, the run, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from jx.cli import output
from jx.cli.session import Session, goes_on
from jx.config import clusters, load
from jx.domain.environments.environments import Environment
from jx.domain.errors import Refused
from jx.domain.platforms.installing import Engine, Installation, check_sources
from jx.domain.platforms.preflight import Finding, Verdict
from jx.domain.secrets import vaults
from jx.domain.secrets.vault_choice import VaultAt
from jx.domain.secrets.vaults import VaultPlan
from jx.usecases.platform.check_target import TargetRequest
from jx.usecases.platform.install_platform import InstallReport, InstallRequest, OwnVaultApp

_COLOURS = {Verdict.FAILED: "red", Verdict.WARNING: "yellow", Verdict.OK: "green", Verdict.SKIPPED: "dim"}


@dataclass(frozen=True, slots=True)
class Choices:
    """How to go about it; `options` are the command's."""

    options: Mapping[str, Any]
    dry_run: bool
    batch: bool
    wait: bool


def install(session: Session, installation: Installation, choices: Choices) -> None:
    """Look, show, ask, install. Refused where something stands in the way; nothing was changed then."""
    if installation.not_built_yet:
        raise Refused(f"not built yet: {installation.not_built_yet}")
    check_sources(installation)
    session.change(git_url=installation.sources.git_url, **_vault_settings(installation, choices.options))
    wiring, vault = session.wiring, installation.vault_choice
    choose = wiring.choose_chart()
    chosen = choose(installation)
    request = wiring.cluster_request(installation, chosen)
    look = wiring.install_platform(sets_up_store=False)
    environments, plan = look.plan(request), look.plan_vault(request)
    operator = choose.operator(installation, chosen.ref)
    sources = installation.sources
    target = wiring.check_target()(
        TargetRequest(
            environments,
            chosen.ref,
            sources.version_stream,
            sources.version_stream_ref,
            vault if isinstance(vault, VaultAt) else None,
            installation.engine,
            operator,
        )
    )
    if installation.engine is Engine.TEKTON and not target.has_engine:
        installation = replace(installation, engine=Engine.NONE)
        request = replace(request, installation=installation)
    show_findings(target.findings)
    output.say()
    _show_plan(session, request, environments)
    _show_cloud(plan)
    if not target.is_ready:
        count = sum(one.verdict is Verdict.FAILED for one in target.findings)
        raise Refused(
            f"{count} of {len(target.findings)} checks failed; nothing was changed",
            hint="see the hints above",
        )
    if choices.dry_run:
        return
    if not session.confirm("Install this on this cluster?", batch=choices.batch):
        raise Refused("nothing was installed", hint="name another cluster with --context or --kubeconfig")
    if plan and operator:
        own = OwnVaultApp(plan, wiring.catalog.resolve(operator))
        request = replace(request, world=replace(request.world, vault=VaultAt(plan.url), own_vault=own))
    request = replace(
        request,
        timeout=timedelta(seconds=int(choices.options.get("timeout") or 600)),
        apply=not choices.options.get("no_gitops_env_apply"),
        wait=choices.wait and target.look is not None and target.look.can_run,
    )
    with goes_on("What is done stays; the same command goes on from there."):
        report = wiring.install_platform(sets_up_store=isinstance(vault, VaultAt))(request)
    _remember(session)
    _say_what_is_there(session, report)
    _say_where_secrets_are(request)


def show_findings(findings: tuple[Finding, ...]) -> None:
    """A row for each check, and below a hint for each that did not end well."""
    rows = [(one.what, one.verdict.value, one.detail) for one in findings]
    output.table(("CHECK", "RESULT", "WHAT WAS FOUND"), rows)
    for one in findings:
        if one.hint:
            output.say(f"{output.style(one.what, _COLOURS[one.verdict])}: {one.hint}")


def _show_plan(session: Session, request: InstallRequest, environments: tuple[Environment, ...]) -> None:
    installation, chart = request.installation, request.world.chart
    where = chart.repository or "the dev repository itself (env/charts), from the chart that comes with jx"
    access = session.wiring.access
    rows = [
        ("cluster", f"{access.server} (context {access.context_name or '-'})"),
        ("provider", installation.provider),
        ("pipelines", installation.pipelines),
        ("secrets", installation.store),
        ("platform", f"{chart.name} {chart.version} from {where}"),
        *(
            (f"{one.name}, namespace {one.namespace}", one.repo.url if one.repo else "-")
            for one in environments
        ),
    ]
    output.table(("WHAT", "VALUE"), rows)
    if chart.repository.startswith("file:") or chart.repository.startswith("/"):
        output.say(
            "note: that chart repository is a folder of this machine; who applies elsewhere needs the same folder"
        )


def _say_where_secrets_are(request: InstallRequest) -> None:
    """How a person comes to the store that the platform uses."""
    own, vault = request.world.own_vault, request.world.vault
    if own:
        plan = own.plan
        output.say(
            f"  kubectl -n {plan.namespace} port-forward service/{plan.name} 8200    # its Vault; then export"
            " VAULT_ADDR=http://127.0.0.1:8200 VAULT_TOKEN=..."
        )
    elif vault:
        output.say(f"  export VAULT_ADDR={vault.url}    # for jx edit secret, jx get secrets")


def _show_cloud(plan: VaultPlan | None) -> None:
    steps = vaults.cloud_steps(plan) if plan else ()
    if steps:
        output.hint("what Vault needs of the cloud, before it starts; jx makes nothing there:")
    for step in steps:
        output.say(step)


def _vault_settings(installation: Installation, options: Mapping[str, Any]) -> dict[str, Any]:
    """That this process means the Vault that is named, whatever the environment says."""
    vault = installation.vault_choice
    if not isinstance(vault, VaultAt):
        return {}
    return {
        "vault_address": vault.url,
        "vault_namespace": vault.namespace,
        "vault_mount": vault.mount,
        "vault_auth_path": vault.auth_path,
        "vault_ca_file": options.get("vault_ca_file"),
    }


def _remember(session: Session) -> None:
    """The cluster, as the one that later commands mean."""
    settings, access = session.settings, session.wiring.access
    name = re.sub(r"[^a-z0-9-]+", "-", (access.context_name or access.host).lower()).strip("-") or "cluster"
    files = settings.kubeconfig or (session.wiring.usual_kubeconfig,)
    clusters.remember_cluster(settings.home, name, clusters.KnownCluster(files, access.context_name))
    load.use_platform(settings.home, name)


def _say_what_is_there(session: Session, report: InstallReport) -> None:
    is_new = bool(report.changed)
    output.say()
    output.say(
        "Jenkins X is installed, managed by GitOps." if is_new else "Jenkins X was installed; all is right."
    )
    rows = [(one.name, one.namespace, one.repo.url if one.repo else "-") for one in report.environments]
    output.table(("ENVIRONMENT", "NAMESPACE", "REPOSITORY"), rows)
    output.say(
        f"\nLater commands mean this cluster (`jx use` changes that); elsewhere: --context {session.wiring.access.context_name}"
    )
    output.say("\nNext:\n  jx get env\n  git clone " + (report.dev.repo.url if report.dev.repo else ""))
