"""Upgrade one app of an environment, or all, by pull request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from jx.domain.apps import App
from jx.domain.changes import PullRequest
from jx.domain.charts import ChartRef
from jx.domain.edits import Edit, SetValues, SetVersion, Several
from jx.domain.errors import Invalid, Usage
from jx.domain.events import Event
from jx.domain.layouts.dependencies import not_installed
from jx.domain.logins import find_login
from jx.domain.names import DEV
from jx.domain.values import Setting, parse_set, put, write_path
from jx.domain.versions import Version
from jx.ports.catalog import Catalog
from jx.ports.reporter import Reporter
from jx.usecases.ask_values import AskRequest, AskValues
from jx.usecases.keep_secrets import KeepRequest, KeepSecrets
from jx.usecases.propose_change import PlatformAt, ProposeChange, Target


@dataclass(frozen=True, slots=True)
class UpgradeAppsRequest:
    """One app by name (or alias), or all of them where no name is given."""

    platform: PlatformAt
    name: str = ""
    environment: str = DEV
    version: str = ""
    """For one app: exact or a range; empty for the newest."""
    repository: str = ""
    """Where to look for versions; empty: where the app is from."""
    alias: str = ""
    namespace: str = ""
    release: str = ""
    """Of two apps by one name, the one of this namespace, of this release."""
    settings: tuple[str, ...] = ()
    """`--set` texts, for one app."""
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class UpgradeApps:
    """Upgrades apps. The platform itself is no app here: `upgrade_platform` moves it."""

    propose_change: ProposeChange
    catalog: Catalog
    reporter: Reporter
    keep_secrets: KeepSecrets
    ask_values: AskValues | None = None
    """None: nothing is asked."""

    def __call__(self, request: UpgradeAppsRequest) -> PullRequest | None:
        """The pull request, or None where nothing is newer. NotFound for an app that is not installed, with the nearest."""
        name = request.alias or request.name
        if not name and (request.version or request.settings or request.repository):
            raise Usage("--version, --set and --repository are for one app", hint="name the app")
        target = self.propose_change.target(request.platform, request.environment)
        edits = self._upgrade_one(target, request, name) if name else self._upgrade_all(target)
        if not edits:
            self.reporter.tell(Event("No upgrades available"))
            return None
        edit = edits[0] if name and len(edits) == 1 else Several(tuple(edits))
        return self.propose_change(target, edit, auto_merge=request.auto_merge)

    def _upgrade_one(self, target: Target, request: UpgradeAppsRequest, name: str) -> list[Edit]:
        app = target.find_app(name, namespace=request.namespace, release=request.release)
        if app is None:
            raise not_installed(name, [str(app.key) for app in target.apps if not app.is_platform])
        if request.alias and request.name and app.chart.name != request.name:
            raise Usage(f"{request.alias} is chart {app.chart.name}, not {request.name}")
        repository = request.repository or app.chart.repository
        login = find_login(target.logins, repository)
        found = self.catalog.resolve(ChartRef(app.chart.name, repository, request.version, login)).version
        edits: list[Edit] = []
        if found != app.chart.version and (request.version or _is_newer(found, app.chart.version)):
            edits.append(SetVersion(app.key, found))
        settings = [setting for text in request.settings for setting in parse_set(text)]
        chart = ChartRef(app.chart.name, repository, found if edits else app.chart.version, login)
        wanted = self._ask(target, app, chart, settings) if edits else {}
        wanted |= self._kept(target, app, chart, settings)
        if wanted:
            edits.append(SetValues(app.key, wanted))
        return edits

    def _ask(
        self, target: Target, app: App, chart: ChartRef, settings: Iterable[Setting] = ()
    ) -> dict[str, Any]:
        """What the new version has to know and the old one had not."""
        if self.ask_values is None:
            return {}
        self.propose_change.require_pulls(target)
        existing = self.propose_change.values_of(target, app.key)
        for one in settings:
            existing = put(existing, one.path, one.value)
        request = AskRequest(chart, app.key, target.environment.name, existing, before=app.chart)
        return {write_path(path): value for path, value in self.ask_values(request).answered.items()}

    def _kept(self, target: Target, app: App, chart: ChartRef, settings: Iterable[Setting]) -> dict[str, Any]:
        """The settings as they may stand in git."""
        given = tuple((one.path, one.value) for one in settings)
        if not given:
            return {}
        self.propose_change.require_pulls(target)
        own = self.propose_change.chart_of(target).under("charts")
        moved = self.keep_secrets(KeepRequest(chart, app.key, target.environment.name, given, own))
        return {write_path(path): value for path, value in moved.settings}

    def _upgrade_all(self, target: Target) -> list[Edit]:
        edits: list[Edit] = []
        for app in target.apps:
            if app.is_platform or not app.chart.repository or app.chart.repository.startswith("file:"):
                continue
            found = self.catalog.resolve(replace(app.chart, version="")).version
            if _is_newer(found, app.chart.version):
                edits.append(SetVersion(app.key, found))
                self._tell(app, found)
                wanted = self._ask(target, app, replace(app.chart, version=found))
                edits += [SetValues(app.key, wanted)] if wanted else []
        return edits

    def _tell(self, app: App, version: str) -> None:
        self.reporter.tell(Event(f"{app.key}: {app.chart.version} -> {version}"))


def _is_newer(found: str, installed: str) -> bool:
    """A range that is installed is newer than nothing: it is moved by hand."""
    try:
        return Version(found) > Version(installed)
    except Invalid:
        return False
