"""Show environments: what each one is, what its branch says, and what the cluster runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from jx.domain.applying.applying import Anchor, ApplyResult, DriftNote, Hold
from jx.domain.changes.changes import PullRequest
from jx.domain.environments import holds
from jx.domain.environments.environments import Environment
from jx.domain.errors import Forbidden, JxError, NotFound, Unavailable
from jx.domain.names import EnvironmentName, Revision
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.forge import Ability, Forge
from jx.ports.repos import Repos
from jx.usecases.propose_change import PlatformAt, ProposeChange


class Standing(StrEnum):
    """How branch and cluster stand to each other."""

    APPLIED = "applied"
    BEHIND = "behind"
    """The branch has commits that are not applied."""
    FAILED = "failed"
    HELD = "on hold"
    NEVER = "never applied"
    UNKNOWN = "unknown"
    """The git server or the cluster cannot be asked."""


@dataclass(frozen=True, slots=True)
class ShownEnvironment:
    """One environment, as it stands now."""

    environment: Environment
    head: Revision | None
    anchor: Anchor | None
    standing: Standing
    behind: int = 0
    """Commits on the branch that are not applied."""
    open_pulls: tuple[PullRequest, ...] = ()

    @property
    def name(self) -> EnvironmentName:
        """Its name."""
        return self.environment.name

    @property
    def hold(self) -> Hold | None:
        """What keeps it from applying itself."""
        return self.anchor.holds[0] if self.anchor and self.anchor.holds else None

    @property
    def drift(self) -> DriftNote | None:
        """What was changed behind our back since the last apply, as the controllers noted it."""
        anchor = self.anchor
        if anchor is None or anchor.applied is None or anchor.drift is None:
            return None
        return anchor.drift if anchor.drift.since >= anchor.applied.at else None

    @property
    def applied(self) -> Revision | None:
        """The commit that was applied last."""
        applied = self.anchor.applied if self.anchor else None
        return applied.source.revision if applied else None


@dataclass(frozen=True, slots=True)
class ShowEnvironments:
    """Reads only. What cannot be asked is shown as unknown; only the dev repository must be readable."""

    propose_change: ProposeChange
    repos: Repos
    forge: Forge
    anchors: Anchors
    clock: Clock | None = None
    """None: holds are shown whether their time has come or not."""

    def __call__(self, at: PlatformAt, *, pulls: bool = True) -> tuple[ShownEnvironment, ...]:
        """All environments, dev first."""
        platform = self.propose_change.target(at, "dev").platform
        return tuple(self._show(environment, pulls=pulls) for environment in platform.environments)

    def _show(self, environment: Environment, *, pulls: bool) -> ShownEnvironment:
        try:
            head = self.repos.head(environment.repo, environment.branch) if environment.repo else None
            anchor = self._without_ended_holds(self.anchors.find(environment.name))
            has_pulls = pulls and Ability.PULLS in self.forge.abilities
            opened = self.forge.list_pulls(environment.repo) if has_pulls and environment.repo else ()
        except (Unavailable, Forbidden, NotFound):
            return ShownEnvironment(environment, None, None, Standing.UNKNOWN)
        standing = _standing(anchor, head)
        behind = self._count_behind(environment, head, anchor) if standing is not Standing.APPLIED else 0
        return ShownEnvironment(environment, head, anchor, standing, behind, opened)

    def _without_ended_holds(self, anchor: Anchor | None) -> Anchor | None:
        """The controllers take them off when they look next."""
        if anchor is None or not anchor.holds or self.clock is None:
            return anchor
        now = self.clock.now()
        return replace(anchor, holds=tuple(hold for hold in anchor.holds if not holds.has_ended(hold, now)))

    def _count_behind(self, environment: Environment, head: Revision | None, anchor: Anchor | None) -> int:
        applied = anchor.applied.source.revision if anchor and anchor.applied else None
        if environment.repo is None or head is None or applied is None:
            return 0
        try:
            return len(self.repos.log(environment.repo, head, after=applied))
        except JxError:
            return 0


def _standing(anchor: Anchor | None, head: Revision | None) -> Standing:
    if anchor is None or anchor.applied is None:
        return Standing.NEVER
    if anchor.holds:
        return Standing.HELD
    if anchor.applied.result is ApplyResult.FAILED:
        return Standing.FAILED
    return Standing.APPLIED if anchor.applied.source.revision == head else Standing.BEHIND
