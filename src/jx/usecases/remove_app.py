"""Remove an app from an environment, by pull request."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes import PullRequest
from jx.domain.edits import RemoveApp as RemoveAppEdit
from jx.domain.errors import Refused
from jx.domain.layouts.dependencies import not_installed
from jx.domain.names import DEV
from jx.usecases.propose_change import PlatformAt, ProposeChange


@dataclass(frozen=True, slots=True)
class RemoveAppRequest:
    """Which app, by key or by the name of its chart."""

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
        if app.is_platform:
            raise Refused(f"{app.key} is the platform itself", hint="`jx uninstall` removes a platform")
        return self.propose_change(target, RemoveAppEdit(app.key), auto_merge=request.auto_merge)
