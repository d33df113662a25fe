"""Read a version stream: where a platform stands in it, where it could stand, and what is in between."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.charts.apps import App
from jx.domain.errors import Invalid, NotFound
from jx.domain.layouts import boot
from jx.domain.names import Repo, Revision
from jx.domain.platforms.platform import Platform
from jx.domain.trees import Tree
from jx.domain.version_stream import (
    COMMIT,
    PinChange,
    compare_pins,
    find_chart_version,
    find_pin,
    read_pins,
)
from jx.ports.repos import Commit, Repos

_DEEPEST = 100
_BRANCH = "master"


@dataclass(frozen=True, slots=True)
class StreamStep:
    """From one commit of a stream to another."""

    repo: Repo
    after: Revision
    tree: Tree
    """Of the stream at `after`."""
    before: Revision | None = None
    """None where nobody knows at which commit the platform is."""
    is_pinned: bool = False
    """Whether the settings name a commit, which has to move with the upgrade, and no branch."""
    changes: tuple[PinChange, ...] = ()
    commits: tuple[Commit, ...] = ()
    """In between, newest first."""

    @property
    def is_new(self) -> bool:
        """Whether the stream has moved since."""
        return self.before is not None and self.before != self.after

    def lines(self, apps: tuple[App, ...], *, most: int = 10_000) -> list[str]:
        """Every change, and of charts that are installed what is installed; then what the stream's commits say."""
        if not self.is_new:
            return []
        installed = {name: app for app in apps if (name := find_pin(self.tree, app.chart))}
        said = [f"{self.repo.full_name}: {str(self.before)[:12]} -> {self.after[:12]}"]
        for change in self.changes[:most]:
            app = installed.get(change.name) if change.kind == "charts" else None
            said.append(
                f"* {change}" + (f" (here: {f'{app.key} {app.chart.version}'.strip()})" if app else "")
            )
        said += _more(len(self.changes), most)
        said += [
            "",
            "Changes of the stream:",
            *(f"* {c.revision[:12]} {c.subject}" for c in self.commits[:most]),
        ]
        return said + _more(len(self.commits), most)


def _more(count: int, most: int) -> list[str]:
    return [f"* … and {count - most} more"] if count > most else []


@dataclass(frozen=True, slots=True)
class ReadStream:
    """Reads a stream as its repository is now."""

    repos: Repos

    def __call__(self, platform: Platform, app: App, *, ref: str = "") -> StreamStep | None:
        """The step that an upgrade would make; None where the platform has no stream. NotFound for a ref that is not there.

        Settings that name a commit say where the platform is; where they name a branch, it is at the newest commit that names the
        installed version of the platform's chart.
        """
        stream = platform.version_stream
        if stream is None:
            return None
        named = platform.requirements.version_stream_ref
        is_pinned = COMMIT.fullmatch(named) is not None
        wanted = ref or (_BRANCH if is_pinned else named)
        after = Revision(wanted) if COMMIT.fullmatch(wanted) else self.repos.head(stream, wanted)
        if after is None:
            raise NotFound(f"the version stream {stream.full_name} has no branch {wanted}")
        tree = self.repos.read(stream, after)
        before = Revision(named) if is_pinned else self._find_installed(stream, after, app)
        if before is None or before == after:
            return StreamStep(stream, after, tree, before, is_pinned)
        old = read_pins(self.repos.read(stream, before))
        commits = self.repos.log(stream, after, after=before, limit=_DEEPEST)
        return StreamStep(stream, after, tree, before, is_pinned, compare_pins(old, read_pins(tree)), commits)

    def _find_installed(self, stream: Repo, after: Revision, app: App) -> Revision | None:
        if boot.needs_version(app):
            return None  # it runs whatever the branch named when it was applied
        for commit in self.repos.log(stream, after, limit=_DEEPEST):
            try:
                version = find_chart_version(self.repos.read(stream, commit.revision), app.chart)
            except Invalid:  # an old mistake of the stream
                continue
            if version == app.chart.version:
                return commit.revision
        return None
