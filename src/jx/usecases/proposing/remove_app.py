"""Remove an app from an environment, by pull request."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import PullRequest
from jx.domain.environments.edits import RemoveApp as RemoveAppEdit
from jx.domain.errors import NotFound, Refused
from jx.domain.layouts.dependencies import not_installed
from jx.domain.names import DEV
from jx.usecases.propose_change import PlatformAt, ProposeChange


@dataclass(frozen=True, slots=True)
class RemoveAppRequest:
    """Which app, by its key; by the name of its chart only together with a namespace or release."""

    platform: PlatformAt
    name: str
    environment: str = DEV
    alias: str = ""
    namespace: str = ""
    release: str = ""
    """Of two apps by one name, the one of this namespace, of this release."""
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class RemoveApp:
    """Removes apps, with their folders and values."""

    propose_change: ProposeChange

    def __call__(self, request: RemoveAppRequest) -> PullRequest | None:
        """The pull request. NotFound, with the nearest names, where there is no such app; Refused for the platform itself."""
        target = self.propose_change.target(request.platform, request.environment)
        name = request.alias or request.name
        app = target.find_app(name, namespace=request.namespace, release=request.release)
        if app is None:
            raise not_installed(name, [str(app.key) for app in target.apps if not app.is_platform])
        if app.key != name and not (request.namespace or request.release):
            # Else the same command once more would delete the other app of that chart.
            raise NotFound(
                f"app {name} is not installed", hint=f"{app.key} is of chart {name}: jx delete app {app.key}"
            )
        if app.is_platform:
            raise Refused(f"{app.key} is the platform itself", hint="`jx uninstall` removes a platform")
        return self.propose_change(target, RemoveAppEdit(app.key), auto_merge=request.auto_merge)
