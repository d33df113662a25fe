"""Upgrade the platform itself, by pull request on the dev environment."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.changes.changes import PullRequest
from jx.domain.changes.wording import Wording, word_edit
from jx.domain.charts.apps import App
from jx.domain.charts.versions import Version
from jx.domain.environments.edits import Edit, SetRequirements, SetValues, SetVersion, Several
from jx.domain.errors import Invalid, NotFound, Refused
from jx.domain.events import Event
from jx.domain.layouts import boot
from jx.domain.names import DEV
from jx.domain.texts.values import parse_set, write_path
from jx.domain.version_stream import find_chart_version
from jx.ports.catalog import Catalog
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.propose_change import PlatformAt, ProposeChange, Target
from jx.usecases.proposing.read_stream import ReadStream, StreamStep
from jx.usecases.set_up_repository import RenewRules

_MOST_LINES = 100
"""Of versions, and of commits, in the text of a pull request."""


@dataclass(frozen=True, slots=True)
class UpgradePlatformRequest:
    """To which version: the one given, or what the version stream names."""

    platform: PlatformAt
    version: str = ""
    settings: tuple[str, ...] = ()
    """`--set` texts for the platform's chart."""
    allow_downgrade: bool = False
    auto_merge: bool = False
    stream_ref: str = ""
    """Branch or commit of the version stream; empty: the branch that the settings name, or `master`."""
    only_check: bool = False
    """Only tell what would change."""


@dataclass(frozen=True, slots=True)
class UpgradePlatform:
    """Moves the version of the platform's chart. Which version is installed is read from git, not from the cluster. Where the
    repository leaves versions to the version stream, it is the stream's commit that moves."""

    propose_change: ProposeChange
    catalog: Catalog
    repos: Repos
    reporter: Reporter
    renew_rules: RenewRules | None = None
    """None: who may do what on the repositories is not ours to say."""

    def __call__(self, request: UpgradePlatformRequest) -> PullRequest | None:
        """The pull request, or None where that version is installed or only a look was asked for. NotFound where there is no
        platform, or no such version; Refused for an older version unless that is allowed.

        Once nothing is left to upgrade, the rules of the repositories are brought to what this version asks for: not before,
        since a platform that is older does not report what newer rules want of a merge, that of its upgrade among them."""
        target = self.propose_change.target(request.platform, DEV)
        app = target.platform.chart
        if app is None:
            raise NotFound(
                "Jenkins X platform helm chart is not installed.",
                hint=f"the dependencies of {request.platform.repo.full_name} name no platform chart",
            )
        step = ReadStream(self.repos)(target.platform, app, ref=request.stream_ref)
        version = self._find_version(request, app, step)
        if version != app.chart.version:
            _check_direction(app.chart.version, version, request)
        edits = _edits(request, app, version, step)
        if version:
            self._tell(app, version, edits)
        else:
            self._tell_stream(step, edits)
        if request.only_check or not edits:
            for line in step.lines(target.apps) if step else ():
                self.reporter.tell(Event(line))
            if self.renew_rules and not request.only_check:
                self.renew_rules(target.platform)
            return None
        edit = edits[0] if len(edits) == 1 else Several(tuple(edits))
        words = self._words(target, edit, app, step)
        return self.propose_change(target, edit, words=words, auto_merge=request.auto_merge)

    def _find_version(self, request: UpgradePlatformRequest, app: App, step: StreamStep | None) -> str:
        """Empty where the version is left to the stream."""
        if not request.version and boot.needs_version(app):
            return ""
        version = request.version or _stream_version(step, app)
        try:
            return self.catalog.resolve(replace(app.chart, version=version)).version
        except NotFound as error:
            if request.version or step is None:
                raise
            raise NotFound(
                f"the version stream {step.repo.full_name} names what is not there: {error.message}",
                hint=f"{error.hint}; name one with --version, or mend the stream",
            ) from error

    def _tell_stream(self, step: StreamStep | None, edits: list[Edit]) -> None:
        assert step is not None
        said = f"Upgrading version stream to {step.after[:12]}" if edits else "No upgrade available"
        self.reporter.tell(Event(said, facts={"to": step.after}))

    def _tell(self, app: App, version: str, edits: list[Edit]) -> None:
        if version != app.chart.version:
            said = f"Upgrading platform from version {app.chart.version} to version {version}"
            self.reporter.tell(Event(said, facts={"from": app.chart.version, "to": version}))
        elif not edits:
            said = f"Already installed platform version {version}. Skipping upgrade process."
            self.reporter.tell(Event(said, facts={"version": version}))

    def _words(self, target: Target, edit: Edit, app: App, step: StreamStep | None) -> Wording:
        """The usual ones, with every version that changes and what the stream says of it below."""
        lines = step.lines(target.apps, most=_MOST_LINES) if step else []
        edits = edit.edits if isinstance(edit, Several) else (edit,)
        named = tuple(one for one in edits if not isinstance(one, SetRequirements))
        if step and not named:
            title = f"Upgrade version stream to {step.after[:12]}"
            words = Wording(f"upgrade-version-stream-{step.after[:12]}", title, title)
        else:
            words = word_edit(named[0] if len(named) == 1 else Several(named), target.apps)
        return replace(words, body="\n".join([words.body, "", *lines])) if lines else words


def _edits(request: UpgradePlatformRequest, app: App, version: str, step: StreamStep | None) -> list[Edit]:
    edits: list[Edit] = []
    if version != app.chart.version:
        edits.append(SetVersion(app.key, version))
    settings = [setting for text in request.settings for setting in parse_set(text)]
    if settings:
        edits.append(SetValues(app.key, {write_path(one.path): one.value for one in settings}))
    is_left_to_stream = not version and step is not None and not step.is_pinned
    if step and ((step.is_pinned and step.is_new) or is_left_to_stream):
        edits.append(SetRequirements({"versionStream.ref": str(step.after)}))
    return edits


def _stream_version(step: StreamStep | None, app: App) -> str:
    """What the version stream names; empty (the newest) where there is no stream."""
    if step is None:
        return ""
    version = find_chart_version(step.tree, app.chart)
    if version is None:
        raise NotFound(
            f"the version stream {step.repo.full_name} names no version of {app.chart.name}",
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
