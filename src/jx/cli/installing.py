"""Installing from the command line: the plan in words, the run, and what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from jx.cli import output
from jx.cli.session import Session, goes_on
from jx.config import load
from jx.domain.errors import Refused
from jx.domain.platforms.installing import Installation, find_missing_sources
from jx.usecases.following.await_apply import AwaitApplyRequest
from jx.usecases.platform.install_platform import InstallReport


def show_plan(session: Session, installation: Installation) -> None:
    """What would be installed."""
    prefix = installation.prefix or session.settings.platform
    names = ["dev", "staging", "production"] if installation.default_environments else ["dev"]
    rows = [
        ("provider", installation.provider),
        ("pipelines", installation.pipelines),
        ("managed by", "GitOps" if installation.gitops else "hand"),
        ("secrets", installation.store),
        ("namespace", installation.namespace),
        ("platform version", installation.platform_version or "the version stream's"),
        *(("repository", f"environment-{prefix}-{name}") for name in names),
    ]
    output.table(("WHAT", "VALUE"), rows)
    if installation.not_built_yet:
        output.say(f"\nnot built yet: {installation.not_built_yet}")
    missing = "" if installation.is_embedded else find_missing_sources(installation)
    if missing:
        output.say(f"\nto look at the cluster, too: {missing}")


def install(session: Session, installation: Installation, options: dict[str, Any]) -> None:
    """Install, or repair what is installed; then wait until every environment is applied."""
    timeout = timedelta(seconds=int(options.get("timeout") or 600))
    name = session.settings.platform
    platform = session.wiring.platforms.start(name)
    if platform.dev_repo_url and options.get("install_only"):
        raise Refused(f"platform {name} is installed already", hint="leave out --install-only to repair it")
    load.use_platform(session.settings.home, name)
    installation = replace(installation, prefix=installation.prefix or platform.prefix or name)
    if installation.vault:
        output.say(f"secrets are kept by {installation.store}")
    output.say(f"pipelines run on: {installation.pipelines}")
    with goes_on("The world of the platform stays up; jx install --ng goes on from here."):
        report = session.wiring.install(
            installation,
            timeout=timeout,
            apply=not options.get("no_gitops_env_apply"),
            private=not options.get("git_public"),
        )
        session.wiring.platforms.remember(name, dev_repo_url=clone_url(report), prefix=installation.prefix)
        if not options.get("no_gitops_env_apply"):
            _await(session, report, timeout)
    _say_what_is_there(session, report)


def clone_url(report: InstallReport) -> str:
    """The dev environment's clone URL."""
    return report.dev.repo.url if report.dev.repo else ""


def _await(session: Session, report: InstallReport, timeout: timedelta) -> None:
    await_apply, run = session.wiring.await_apply(), session.wiring.run_environment()
    for environment in report.environments:
        run.start_again(environment)
    for environment in report.environments:
        await_apply(AwaitApplyRequest(environment, report.heads[environment.name], timeout))


def _say_what_is_there(session: Session, report: InstallReport) -> None:
    platform = session.wiring.platform
    output.say()
    is_new = bool(report.changed)
    output.say(
        "Jenkins X is installed, managed by GitOps." if is_new else "Jenkins X was installed; all is right."
    )
    rows = [(one.name, one.namespace, one.repo.url if one.repo else "-") for one in report.environments]
    output.table(("ENVIRONMENT", "NAMESPACE", "REPOSITORY"), rows)
    output.say(f"\nMY_DEV_GIT_CLONE_URL={clone_url(report)}")
    output.say(f"kubeconfig: {platform.kubeconfig}")
    output.say(
        '\nNext:\n  eval "$(jx local env)"    # kubectl and git know the platform\n  jx add app redis\n  jx get env'
    )
