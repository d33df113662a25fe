"""Add an app to an environment, by pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jx.domain.changes.changes import PullRequest
from jx.domain.changes.wording import word_edit
from jx.domain.charts.apps import App, AppPlace
from jx.domain.charts.charts import ChartRef, ChartVersion
from jx.domain.charts.given_values import GivenValues, ValuesFile
from jx.domain.charts.logins import Login, find_login
from jx.domain.environments.edits import Edit, PutApp, PutLogin, PutPlace, Several
from jx.domain.errors import Forbidden, NotFound, Usage
from jx.domain.events import Event
from jx.domain.names import DEV, AppKey, parse_app_key, parse_namespace, parse_release
from jx.domain.platforms import app_files
from jx.domain.texts.yaml_text import write_yaml
from jx.ports.catalog import Catalog
from jx.ports.reporter import Reporter
from jx.usecases.propose_change import PlatformAt, ProposeChange, Target
from jx.usecases.proposing.ask_values import AskRequest, AskValues
from jx.usecases.proposing.keep_login import KeepLogin, NewLogin
from jx.usecases.proposing.require_dependencies import RequireDependencies


@dataclass(frozen=True, slots=True)
class AddAppRequest:
    """Which app, from where, with which values."""

    platform: PlatformAt
    name: str
    environment: str = DEV
    version: str = ""
    """Exact or a range; empty for the newest."""
    repository: str = ""
    """Empty: the platform's repository of apps."""
    alias: str = ""
    namespace: str = ""
    """Of its own; empty: that of the environment."""
    release: str = ""
    """Of its own, for Helm; empty: that of the environment."""
    values: tuple[ValuesFile, ...] = ()
    """Later files win."""
    settings: tuple[str, ...] = ()
    """`--set` texts, over all files."""
    login: NewLogin | None = None
    """For the repository; None: the one that is known, if any."""
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class AddApp:
    """Adds apps."""

    propose_change: ProposeChange
    catalog: Catalog
    reporter: Reporter
    ask_values: AskValues | None = None
    """None: nothing is asked."""
    keep_login: KeepLogin | None = None
    """None: no login is taken."""
    require_dependencies: RequireDependencies | None = None
    """None: the check of the pull request tells what the chart lacks."""

    def __call__(self, request: AddAppRequest) -> PullRequest | None:
        """The pull request, or None where the app is installed already. NotFound for an unknown environment, chart or version,
        with the nearest; Invalid for values that cannot be read, and for a chart that lacks what it depends on."""
        given: Mapping[str, Any] = GivenValues(request.values, request.settings).merge()
        target = self.propose_change.target(request.platform, request.environment)
        repository = request.repository or target.platform.apps_repository
        if not repository:
            raise Usage("no chart repository is known for apps", hint="name one with --repository")
        prefixes = target.platform.app_prefixes
        if self._is_installed(target, request, prefixes):
            return None
        login = self._find_login(target, request, repository)
        chart = self._resolve(ChartRef(request.name, repository, request.version, login), prefixes)
        key = parse_app_key(request.alias or chart.name)
        app = App(key, ChartRef(chart.name, repository, chart.version, login), alias=request.alias)
        files = app_files.write_app_files(app, chart, with_object=target.environment.is_dev)
        self.propose_change.require_pulls(target)
        if self.require_dependencies:
            self.require_dependencies(app.chart, key, given)
        if self.ask_values:
            given = self.ask_values(AskRequest(app.chart, key, target.environment.name, given)).values
        if given:
            files = {**files, "values.yaml": write_yaml(given)}
        return self._propose(target, request, PutApp(app, files), login)

    def _find_login(self, target: Target, request: AddAppRequest, repository: str) -> Login | None:
        if request.login is None or self.keep_login is None:
            return find_login(target.logins, repository)
        self.propose_change.require_pulls(target)
        return self.keep_login(target.environment.name, repository, request.login)

    def _propose(
        self, target: Target, request: AddAppRequest, put: PutApp, login: Login | None
    ) -> PullRequest | None:
        """The app, with a place of its own if it has one, and where the login for its repository is kept if that is news."""
        edits: list[Edit] = [put]
        place = _place(request, put.app.key, target)
        if place.namespace or place.release:
            edits.append(PutPlace(place))
        if login is not None and login not in target.logins:
            edits.append(PutLogin(login))
        if len(edits) == 1:
            return self.propose_change(target, put, auto_merge=request.auto_merge)
        bodies = [word_edit(one, target.apps).body for one in edits]
        words = replace(word_edit(put, target.apps), body="\n".join(bodies))
        return self.propose_change(target, Several(tuple(edits)), words=words, auto_merge=request.auto_merge)

    def _is_installed(self, target: Target, request: AddAppRequest, prefixes: tuple[str, ...]) -> bool:
        names = {request.alias} if request.alias else {prefix + request.name for prefix in (*prefixes, "")}
        app = next((app for app in target.apps if app.key in names), None)
        if app is None:
            return False
        self.reporter.tell(
            Event(
                f"App {app.key} already installed, version {app.chart.version}. To upgrade it use "
                f"`jx upgrade apps {app.key}`, or `jx upgrade apps --all` for all apps",
                facts={"app": app.key, "version": app.chart.version},
            )
        )
        return True

    def _resolve(self, ref: ChartRef, prefixes: tuple[str, ...]) -> ChartVersion:
        """The chart, first by the names that apps usually have; the error is that of the name as it was given."""
        for prefix in prefixes:
            if ref.name.startswith(prefix):
                continue
            prefixed = replace(ref, name=prefix + ref.name)
            try:
                self.catalog.versions(prefixed)
            except (NotFound, Forbidden):  # registries hide what is not there
                continue
            return self.catalog.resolve(prefixed)
        return self.catalog.resolve(ref)


def _place(request: AddAppRequest, key: AppKey, target: Target) -> AppPlace:
    """What is as in its environment is not said."""
    namespace = parse_namespace(request.namespace) if request.namespace else ""
    release = parse_release(request.release) if request.release else ""
    return AppPlace(
        str(key),
        "" if namespace == target.environment.namespace else namespace,
        "" if release == target.release else release,
    )
