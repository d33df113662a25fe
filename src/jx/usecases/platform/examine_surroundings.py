"""Examine what a platform stands on: forge, git, chart repositories, secret stores, webhooks, watchdog. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jx.domain.charts.charts import ChartRef
from jx.domain.environments.environments import Environment
from jx.domain.errors import JxError, NotFound, Unavailable
from jx.domain.layouts import umbrella
from jx.domain.names import DEV, Repo
from jx.domain.platforms import ailments
from jx.domain.platforms.ailments import Finding
from jx.domain.platforms.platform import Platform as Declared
from jx.ports.catalog import Catalog
from jx.ports.clock import Clock
from jx.ports.forge import Ability, ForgeAdmin
from jx.ports.platforms import Platform
from jx.ports.repos import Repos
from jx.ports.watchdogs import Watchdogs
from jx.usecases.propose_change import PlatformAt
from jx.usecases.secrets.show_secrets import Presence, ShowSecrets


def look_at_part(platform: Platform | None, name: str) -> None:
    """Unavailable where a server of our own platform does not run."""
    for part in platform.parts if platform else ():
        if part.name == name and not part.is_up:
            raise Unavailable(f"it does not run, so nothing answers at {part.address}", hint="jx local start")


def look_at_secrets(show: ShowSecrets, at: PlatformAt) -> Iterator[Finding]:
    """Secrets that are referred to and are not there. Unavailable where a store does not tell."""
    for row in show(at):
        if row.users and row.presence is Presence.UNKNOWN:
            raise Unavailable(row.reason)
        if row.users and row.presence is Presence.MISSING:
            reference = row.reference
            yield Finding(
                f"secret {reference}",
                f"it is missing, and {row.users[0]} needs it",
                f"jx edit secret {reference.path} --key {reference.key}",
            )


def look_at_charts(repos: Repos, catalog: Catalog, environments: Iterable[Environment]) -> Iterator[Finding]:
    """Chart repositories that do not answer, or have a chart no more: one chart of each is asked about."""
    asked: dict[str, ChartRef] = {}
    for one in environments:
        head = repos.head(one.repo, one.branch) if one.repo and not one.is_remote else None
        if one.repo is None or head is None:
            continue
        for app in umbrella.read(repos.read(one.repo, head), name=one.name).apps:
            if "://" in app.chart.repository and not app.chart.repository.startswith("file:"):
                asked.setdefault(app.chart.repository, app.chart)
    for repository, ref in asked.items():
        try:
            catalog.versions(ref)
        except JxError as error:
            yield Finding(f"charts of {repository}", error.message, error.hint or "jx doctor")


def look_at_webhooks(forge: ForgeAdmin, environments: Iterable[Environment], url: str) -> Iterator[Finding]:
    """Repositories whose forge does not tell the platform of pushes."""
    if not url or Ability.REPOSITORIES not in forge.abilities:
        return
    for one in environments:
        if one.repo is None or one.is_remote:
            continue
        there = {hook.url for hook in forge.list_webhooks(one.repo)}
        if url not in there:
            yield Finding(
                f"webhook of {one.repo.full_name}",
                f"the forge does not tell {url} of pushes: merges wait for the next poll",
                "jx install --ng",
            )


def look_at_imports(forge: ForgeAdmin, repos: Repos, platform: Declared, url: str) -> Iterator[Finding]:
    """Applications whose pipelines nothing starts, or only the next look does."""
    followed = {one.repo.full_name for one in platform.applications}
    environments = {one.repo.full_name for one in platform.environments if one.repo}
    for one in platform.dev.source_repositories:
        name = one.repo.full_name
        if name in environments:
            continue
        if name not in followed:
            words = f"{one.repo.url} is not on the platform's git server: nothing starts its pipelines"
            yield Finding(
                f"application {name}",
                words,
                "git rm its file in env/templates, in a clone of the dev repository",
            )
            continue
        try:
            head = repos.head(one.repo, one.branch)
            has_hooks = url and Ability.REPOSITORIES in forge.abilities
            hooks = {hook.url for hook in forge.list_webhooks(one.repo)} if has_hooks else {url}
        except NotFound:
            words = "its repository is not there: nothing starts its pipelines"
            yield Finding(f"application {name}", words, f"jx delete application {name}")
            continue
        if head is None:
            words = f"its repository has no branch {one.branch}: there is nothing to release"
            yield Finding(f"application {name}", words, f"jx import {name} --branch NAME")
        if url not in hooks:
            words = f"the forge does not tell {url} of pushes: they wait for the next poll"
            yield Finding(f"webhook of {name}", words, f"jx import {name}")


def look_at_watchdog(watchdogs: Watchdogs, clock: Clock, repo: Repo, access: str) -> Iterator[Finding]:
    """Whether a watchdog is stuck or left over; `repo` is dev's."""
    yield from ailments.judge_watch(watchdogs.find(DEV), clock.now(), repo=repo, access=access)
