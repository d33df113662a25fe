"""Upgrade the platform itself, by pull request on the dev environment."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.apps import App
from jx.domain.changes import PullRequest
from jx.domain.edits import Edit, SetValues, SetVersion, Several
from jx.domain.errors import Invalid, NotFound, Refused
from jx.domain.events import Event
from jx.domain.names import DEV
from jx.domain.platform import Platform
from jx.domain.values import parse_set, write_path
from jx.domain.version_stream import find_chart_version
from jx.domain.versions import Version
from jx.ports.catalog import Catalog
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.propose_change import PlatformAt, ProposeChange


@dataclass(frozen=True, slots=True)
class UpgradePlatformRequest:
    """To which version: the one given, or what the version stream names."""

    platform: PlatformAt
    version: str = ""
    settings: tuple[str, ...] = ()
    """`--set` texts for the platform's chart."""
    allow_downgrade: bool = False
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class UpgradePlatform:
    """Moves the version of the platform's chart. Which version is installed is read from git, not from the cluster."""

    propose_change: ProposeChange
    catalog: Catalog
    repos: Repos
    reporter: Reporter

    def __call__(self, request: UpgradePlatformRequest) -> PullRequest | None:
        """The pull request, or None where that version is installed. NotFound where there is no platform, or no such version;
        Refused for an older version unless that is allowed."""
        target = self.propose_change.target(request.platform, DEV)
        app = target.platform.chart
        if app is None:
            raise NotFound(
                "Jenkins X platform helm chart is not installed.",
                hint=f"the dependencies of {request.platform.repo.full_name} name no platform chart",
            )
        version = request.version or self._stream_version(target.platform, app)
        version = self.catalog.resolve(replace(app.chart, version=version)).version
        settings = [setting for text in request.settings for setting in parse_set(text)]
        edits: list[Edit] = []
        if version == app.chart.version:
            if not settings:
                said = f"Already installed platform version {version}. Skipping upgrade process."
                self.reporter.tell(Event(said, facts={"version": version}))
                return None
        else:
            _check_direction(app.chart.version, version, request)
            edits.append(SetVersion(app.key, version))
            said = f"Upgrading platform from version {app.chart.version} to version {version}"
            self.reporter.tell(Event(said, facts={"from": app.chart.version, "to": version}))
        if settings:
            edits.append(SetValues(app.key, {write_path(one.path): one.value for one in settings}))
        edit = edits[0] if len(edits) == 1 else Several(tuple(edits))
        return self.propose_change(target, edit, auto_merge=request.auto_merge)

    def _stream_version(self, platform: Platform, app: App) -> str:
        """What the version stream names; empty (the newest) where there is no stream."""
        stream = platform.version_stream
        if stream is None:
            return ""
        ref = platform.requirements.version_stream_ref
        head = self.repos.head(stream, ref)
        if head is None:
            raise NotFound(f"the version stream {stream.full_name} has no branch {ref}")
        version = find_chart_version(self.repos.read(stream, head), app.chart)
        if version is None:
            raise NotFound(
                f"the version stream {stream.full_name} names no version of {app.chart.name}",
                hint="name one with --version",
            )
        return version


def _check_direction(installed: str, version: str, request: UpgradePlatformRequest) -> None:
    try:
        is_older = Version(version) < Version(installed)
    except Invalid:
        return
    if is_older and not request.allow_downgrade:
        raise Refused(
            f"platform version {version} is older than {installed}, which is installed",
            hint="to undo an upgrade revert its pull request; --allow-downgrade goes to an older version anyway",
            flag="--allow-downgrade",
        )
