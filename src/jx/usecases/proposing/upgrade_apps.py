"""Upgrade one app of an environment, or all, by pull request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jx.domain.changes import release_notes
from jx.domain.changes.changes import PullRequest
from jx.domain.changes.wording import word_edit
from jx.domain.charts.apps import App
from jx.domain.charts.chart_folders import read_metadata
from jx.domain.charts.charts import ChartRef, ChartVersion
from jx.domain.charts.logins import Login, find_login
from jx.domain.charts.versions import Version
from jx.domain.environments.edits import Edit, PutLogin, SetValues, SetVersion, join_edits
from jx.domain.errors import Invalid, JxError, Usage
from jx.domain.events import Event, Level
from jx.domain.layouts.dependencies import not_installed
from jx.domain.names import DEV, AppKey
from jx.domain.texts.values import Setting, parse_set, put, write_path
from jx.ports.catalog import Catalog
from jx.ports.reporter import Reporter
from jx.usecases.propose_change import PlatformAt, ProposeChange, Target
from jx.usecases.proposing.ask_values import AskRequest, AskValues
from jx.usecases.proposing.keep_login import KeepLogin, NewLogin
from jx.usecases.proposing.require_dependencies import RequireDependencies
from jx.usecases.secrets.keep_secrets import KeepRequest, KeepSecrets


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
    login: NewLogin | None = None
    """For the repository; None: the one that is known, if any."""
    ask_all: bool = False
    """Ask once more what was answered before."""
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class _Upgrade:
    """What is done about one app, and what is said of its versions."""

    key: AppKey
    edits: tuple[Edit, ...]
    notes: str = ""


@dataclass(frozen=True, slots=True)
class UpgradeApps:
    """Upgrades apps. The platform itself is no app here: `upgrade_platform` moves it."""

    propose_change: ProposeChange
    catalog: Catalog
    reporter: Reporter
    keep_secrets: KeepSecrets
    ask_values: AskValues | None = None
    """None: nothing is asked."""
    keep_login: KeepLogin | None = None
    """None: no login is taken."""
    require_dependencies: RequireDependencies | None = None
    """None: the check of the pull request tells what a chart lacks."""

    def __call__(self, request: UpgradeAppsRequest) -> PullRequest | None:
        """The pull request, with a commit for each app, or None where nothing is newer. NotFound for an app that is not
        installed, with the nearest."""
        target, upgrades = self._find(request)
        return self._propose(target, upgrades, request) if upgrades else None

    def separately(self, request: UpgradeAppsRequest) -> tuple[PullRequest, ...]:
        """A pull request for each app. What fails for one app keeps no other from its own; it is raised in the end."""
        target, upgrades = self._find(request)
        pulls: list[PullRequest] = []
        failed: list[JxError] = []
        for upgrade in upgrades:
            try:
                pull = self._propose(target, [upgrade], request)
            except JxError as error:
                self.reporter.tell(Event(f"{upgrade.key} is not upgraded: {error.message}", Level.WARNING))
                failed.append(error)
            else:
                pulls += [pull] if pull is not None else []
        if failed:
            raise failed[0]
        return tuple(pulls)

    def _find(self, request: UpgradeAppsRequest) -> tuple[Target, list[_Upgrade]]:
        name = request.alias or request.name
        if not name and (request.version or request.settings or request.repository or request.login):
            raise Usage("--version, --set, --repository and --username are for one app", hint="name the app")
        target = self.propose_change.target(request.platform, request.environment)
        found = self._upgrade_one(target, request, name) if name else self._upgrade_all(target, request)
        if not found:
            self.reporter.tell(Event("No upgrades available"))
        return target, found

    def _propose(
        self, target: Target, upgrades: list[_Upgrade], request: UpgradeAppsRequest
    ) -> PullRequest | None:
        edit = join_edits(one for upgrade in upgrades for one in upgrade.edits)
        notes = {upgrade.key: upgrade.notes for upgrade in upgrades}
        words = release_notes.add_notes(word_edit(edit, target.apps), edit, notes)
        return self.propose_change(target, edit, words=words, auto_merge=request.auto_merge)

    def _upgrade_one(self, target: Target, request: UpgradeAppsRequest, name: str) -> list[_Upgrade]:
        app = target.find_app(name, namespace=request.namespace, release=request.release)
        if app is None:
            raise not_installed(name, [str(app.key) for app in target.apps if not app.is_platform])
        if request.alias and request.name and app.chart.name != request.name:
            raise Usage(f"{request.alias} is chart {app.chart.name}, not {request.name}")
        repository = request.repository or app.chart.repository
        login = self._login(target, request, repository)
        ref = ChartRef(app.chart.name, repository, request.version, login)
        found = self.catalog.resolve(ref)
        edits: list[Edit] = []
        if found.version != app.chart.version and (
            request.version or _is_newer(found.version, app.chart.version)
        ):
            edits.append(SetVersion(app.key, found.version))
        settings = [setting for text in request.settings for setting in parse_set(text)]
        chart = replace(ref, version=found.version if edits else app.chart.version)
        if edits and self.require_dependencies:
            self.require_dependencies(chart, app.key, self._wanted(target, app, settings))
        asks = bool(edits) or request.ask_all
        wanted = self._ask(target, app, chart, settings, again=request.ask_all) if asks else {}
        wanted |= self._kept(target, app, chart, settings)
        notes = self._notes(ref, app, found) if edits else ""
        if wanted:
            edits.append(SetValues(app.key, wanted))
        if login is not None and request.login is not None and login not in target.logins:
            edits.append(PutLogin(login))
        return [_Upgrade(app.key, tuple(edits), notes)] if edits else []

    def _login(self, target: Target, request: UpgradeAppsRequest, repository: str) -> Login | None:
        if request.login is None or self.keep_login is None:
            return find_login(target.logins, repository)
        self.propose_change.require_pulls(target)
        return self.keep_login(target.environment.name, repository, request.login)

    def _notes(self, ref: ChartRef, app: App, found: ChartVersion) -> str:
        """What is said of the versions in between, as far as the repository tells; else what the new one says itself."""
        versions = self.catalog.versions(replace(ref, version=""))
        new = next((one for one in versions if one.version == found.version), found)
        if not (new.changes or new.home or new.description):
            said = read_metadata(self.catalog.fetch(replace(ref, version=found.version)).files)
            new = replace(new, home=said.home, changes=said.changes, sources=said.sources)
            versions = (new, *(one for one in versions if one.version != new.version))
        return release_notes.write_notes(str(app.key), app.chart.version, new, versions)

    def _ask(
        self,
        target: Target,
        app: App,
        chart: ChartRef,
        settings: Iterable[Setting] = (),
        *,
        again: bool = False,
    ) -> dict[str, Any]:
        """What the new version has to know and the old one had not."""
        if self.ask_values is None:
            return {}
        self.propose_change.require_pulls(target)
        existing = self._wanted(target, app, settings)
        request = AskRequest(
            chart, app.key, target.environment.name, existing, before=app.chart, asks_again=again
        )
        return {write_path(path): value for path, value in self.ask_values(request).answered.items()}

    def _wanted(self, target: Target, app: App, settings: Iterable[Setting]) -> Mapping[str, Any]:
        """The values of an app with these set."""
        values = self.propose_change.values_of(target, app.key)
        for one in settings:
            values = put(values, one.path, one.value)
        return values

    def _kept(self, target: Target, app: App, chart: ChartRef, settings: Iterable[Setting]) -> dict[str, Any]:
        """The settings as they may stand in git."""
        given = tuple((one.path, one.value) for one in settings)
        if not given:
            return {}
        self.propose_change.require_pulls(target)
        own = self.propose_change.chart_of(target).under("charts")
        moved = self.keep_secrets(KeepRequest(chart, app.key, target.environment.name, given, own))
        return {write_path(path): value for path, value in moved.settings}

    def _upgrade_all(self, target: Target, request: UpgradeAppsRequest) -> list[_Upgrade]:
        upgrades: list[_Upgrade] = []
        for app in target.apps:
            if app.is_platform or not app.chart.repository or app.chart.repository.startswith("file:"):
                continue
            found = self.catalog.resolve(replace(app.chart, version=""))
            if _is_newer(found.version, app.chart.version):
                self._tell(app, found.version)
                edits: list[Edit] = [SetVersion(app.key, found.version)]
                chart = replace(app.chart, version=found.version)
                wanted = self._ask(target, app, chart, again=request.ask_all)
                edits += [SetValues(app.key, wanted)] if wanted else []
                upgrades.append(_Upgrade(app.key, tuple(edits), self._notes(app.chart, app, found)))
        return upgrades

    def _tell(self, app: App, version: str) -> None:
        self.reporter.tell(Event(f"{app.key}: {app.chart.version} -> {version}"))


def _is_newer(found: str, installed: str) -> bool:
    """A range that is installed is newer than nothing: it is moved by hand."""
    try:
        return Version(found) > Version(installed)
    except Invalid:
        return False
