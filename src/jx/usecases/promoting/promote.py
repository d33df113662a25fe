"""Promote a release of an app into environments, or roll one back."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes import promotions
from jx.domain.changes.promotions import Aim, AppPromotions, Leg, Promotion
from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.environments import Environment
from jx.domain.errors import JxError, NotFound, Stale, Usage
from jx.domain.events import Event, Level
from jx.domain.names import AppKey, parse_app_key
from jx.domain.platforms.platform import Platform
from jx.ports.catalog import Catalog
from jx.usecases.promoting.advance_promotion import AdvancePromotion
from jx.usecases.promoting.find_good_release import FindGoodRelease
from jx.usecases.propose_change import PlatformAt

_TRIES = 5


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    """Which release of which app, and where to."""

    platform: PlatformAt
    app: str
    aim: Aim
    part: str = ""
    """Instead of the app: a part of its name, where just one app of the environments has it."""
    version: str = ""
    """Exact or a range; empty for the newest, or for a rollback."""
    alias: str = ""
    """The app's key in the environments, where it is not the name of its chart."""
    repository: str = ""
    """Where its chart is; empty: where an environment has it from, else where apps come from."""
    auto_merge: bool = True
    rollback: bool = False
    pipeline: str = ""
    build: str = ""


@dataclass(frozen=True, slots=True)
class _Release:
    """What is promoted: the app's key, the chart with its exact version, and why it is no usual promotion."""

    key: AppKey
    chart: ChartRef
    reason: str
    is_there: bool
    """Whether the branches of all targets name it already."""


@dataclass(frozen=True, slots=True)
class Promote:
    """Writes down what is wanted and takes the first step; the controllers go on, whether anybody waits or not."""

    advance: AdvancePromotion
    catalog: Catalog
    find_good_release: FindGoodRelease

    def __call__(self, request: PromoteRequest) -> Promotion | None:
        """The promotion after its first step, or None where no environment takes releases by itself. Asking for the same twice is
        asking once; a newer promotion supersedes what an older one has not done yet in the same environments.

        NotFound for an environment, app or version that nobody knows, with the nearest; Refused where nothing may be promoted.
        """
        platform = self.advance.propose_change.target(request.platform, "dev").platform
        targets = promotions.select_targets(platform.environments, request.aim)
        if not targets:
            self._tell("No environment takes releases by itself: none has strategy Auto", Level.WARNING)
            return None
        release = self._find_release(request, platform, targets)
        new = Promotion(
            number=0,
            app=release.key,
            chart=release.chart,
            requester=self.advance.propose_change.forge.whoami(),
            created=self.advance.clock.now(),
            legs=tuple(Leg(one.name) for one in targets),
            auto_merge=request.auto_merge,
            alias=request.alias,
            reason=release.reason,
            pipeline=request.pipeline,
            build=request.build,
        )
        begun = self._begin(request.platform, new, is_there=release.is_there)
        return self._take_first_step(request.platform, begun)

    def _find_release(
        self, request: PromoteRequest, platform: Platform, targets: tuple[Environment, ...]
    ) -> _Release:
        """Which app, at which exact version."""
        propose = self.advance.propose_change
        found = [propose.target(request.platform, one.name) for one in targets]
        for one in found:
            propose.require_pulls(one)
        wanted = request.alias or request.app or self._search(request)
        installed = [app for one in found if (app := one.find_app(wanted)) is not None]
        if not installed and not request.repository:
            installed = self._find_elsewhere(request, platform, wanted)
        name = installed[0].chart.name if installed else request.app or wanted
        repository = request.repository or (
            installed[0].chart.repository if installed else platform.apps_repository
        )
        key = installed[0].key if installed else parse_app_key(wanted)
        version, reason = request.version, ""
        if request.rollback:
            if len(found) != 1 or request.version:
                raise Usage("--rollback is for one environment, and finds the version by itself")
            version = self.find_good_release(found[0], key)
            reason = f"rollback of {found[0].environment.name}"
            self._tell(f"{found[0].environment.name} ran {key} {version} before, and well")
        chart = self.catalog.resolve(ChartRef(name, repository, version))
        versions = [app.chart.version for app in installed if app.key == key]
        is_there = len(versions) == len(found) and set(versions) == {chart.version}
        return _Release(key, ChartRef(name, repository, chart.version), reason, is_there)

    def _search(self, request: PromoteRequest) -> str:
        """The one app of any environment whose name holds a part; NotFound or Usage."""
        propose = self.advance.propose_change
        platform = propose.target(request.platform, "dev").platform
        known = {
            str(app.key)
            for one in platform.environments
            if one.repo is not None and not one.is_dev
            for app in propose.target(request.platform, one.name).apps
        }
        found = sorted(key for key in known if request.part in key)
        if not found:
            raise NotFound(
                f"no app's name holds {request.part!r}",
                hint=f"there are {', '.join(sorted(known)) or 'none'}",
            )
        if len(found) > 1:
            raise Usage(f"several apps' names hold {request.part!r}: {', '.join(found)}", hint="name the app")
        return found[0]

    def _find_elsewhere(self, request: PromoteRequest, platform: Platform, wanted: str) -> list[App]:
        """The app in any other environment: the nearest to production that has it."""
        found = []
        for one in platform.environments:
            if one.repo is None or one.is_dev:
                continue
            try:
                app = self.advance.propose_change.target(request.platform, one.name).find_app(wanted)
            except JxError:  # it is no target, so its mistakes are no matter of ours
                continue
            found += [app] if app is not None else []
        return found

    def _begin(self, at: PlatformAt, new: Promotion, *, is_there: bool) -> Promotion:
        """Written by compare-and-swap, decided anew where somebody else wrote in between."""
        for attempt in range(1, _TRIES + 1):
            known = self.advance.promotions.find(new.app) or AppPromotions(new.app)
            after, begun = promotions.begin(known, new, is_there=is_there)
            if after == known:
                words = "is on its way already" if begun.is_open else "is there already"
                self._tell(f"{new.app} {new.version} {words}")
                return begun
            for one in after.promotions:
                before = known.get(one.number)
                if before != one:
                    self._tell_superseded(before, one)
                    self.advance.record(at, one)
            try:
                self.advance.promotions.save(after)
            except Stale:
                if attempt == _TRIES:
                    raise
            else:
                return begun
        raise AssertionError("unreachable")

    def _tell_superseded(self, before: Promotion | None, after: Promotion) -> None:
        if before is None:
            return
        gone = [leg.environment for leg in after.legs if before.with_leg(leg) != before]
        self._tell(f"{after.app} {after.version} is superseded in {', '.join(gone)}")

    def _take_first_step(self, at: PlatformAt, begun: Promotion) -> Promotion:
        """So that who asked has the pull request, and is its author. What fails here is tried again by the controllers."""
        try:
            known = self.advance(at, begun.app)
        except Stale:  # the controllers took it in the meantime
            known = self.advance.promotions.find(begun.app)
        except JxError as error:
            self._tell(
                f"the promotion is written down; its first step is tried again: {error.message}",
                Level.WARNING,
            )
            known = self.advance.promotions.find(begun.app)
        return (known.get(begun.number) if known else None) or begun

    def _tell(self, message: str, level: Level = Level.INFO) -> None:
        self.advance.reporter.tell(Event(message, level))
