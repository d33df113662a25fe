"""Set values of an app, by pull request."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import PullRequest
from jx.domain.charts.given_values import GivenValues, ValuesFile
from jx.domain.environments.edits import SetValues
from jx.domain.errors import Usage
from jx.domain.events import Event
from jx.domain.layouts.dependencies import not_installed
from jx.domain.names import DEV
from jx.domain.texts.values import write_path
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.secrets.keep_secrets import KeepRequest, KeepSecrets

_TO_APPLY = "git refers to it already; `jx step env apply` in a clone brings the new value to the cluster"


@dataclass(frozen=True, slots=True)
class EditAppRequest:
    """Which app, and its values as `--set` texts, or as files."""

    platform: PlatformAt
    name: str
    settings: tuple[str, ...] = ()
    values: tuple[ValuesFile, ...] = ()
    """Later files win, `settings` win over all."""
    environment: str = DEV
    alias: str = ""
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class EditApp:
    """Sets values where they stand, or in the app's folder where they are new."""

    propose_change: ProposeChange
    keep_secrets: KeepSecrets

    def __call__(self, request: EditAppRequest) -> PullRequest | None:
        """The pull request, or None where all values are so already. NotFound for an app that is not installed; Invalid for a
        setting that is none; Refused for a secret where there is no store to keep it."""
        given = GivenValues(request.values, request.settings)
        if not given.over({}):
            raise Usage("there is nothing to set", hint="jx edit app NAME --set key=value, or --values FILE")
        target = self.propose_change.target(request.platform, request.environment)
        name = request.alias or request.name
        app = target.find_app(name)
        if app is None:
            raise not_installed(name, [str(app.key) for app in target.apps])
        self.propose_change.require_pulls(target)
        settings = given.over(self.propose_change.values_of(target, app.key))
        keep = KeepRequest(
            app.chart,
            app.key,
            target.environment.name,
            tuple((one.path, one.value) for one in settings),
            self.propose_change.chart_of(target).under("charts"),
        )
        moved = self.keep_secrets(keep)
        edit = SetValues(app.key, {write_path(path): value for path, value in moved.settings})
        pull = self.propose_change(target, edit, auto_merge=request.auto_merge)
        if pull is None and moved.secrets:
            self.propose_change.reporter.tell(Event(_TO_APPLY))
        return pull
