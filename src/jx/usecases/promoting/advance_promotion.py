"""Advance promotions: one step after the other, as far as they go now."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.applying.applying import ApplyResult
from jx.domain.changes import promotions
from jx.domain.changes.changes import PullRequest, PullState
from jx.domain.changes.promotions import AppPromotions, Leg, LegState, Promotion, Want
from jx.domain.changes.wording import word_promotion
from jx.domain.charts.apps import App
from jx.domain.environments.edits import Edit, PutApp, SetVersion
from jx.domain.environments.environments import Strategy
from jx.domain.errors import Invalid, JxError, NotFound, Refused
from jx.domain.events import Event, Level
from jx.domain.layouts import umbrella
from jx.domain.ledger.ledger import BRANCH as LEDGER_BRANCH
from jx.domain.names import AppKey, Revision
from jx.domain.runs import promotion_activities
from jx.ports.activities import Activities
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.forge import ForgeReviews
from jx.ports.promotions import Promotions
from jx.ports.reporter import Reporter
from jx.usecases.promoting.look_at_environment import LookAtEnvironment
from jx.usecases.propose_change import PlatformAt, ProposeChange, Target

COMMENT_KEY = "jx-promotion"


@dataclass(frozen=True, slots=True)
class AdvancePromotion:
    """Level-triggered: what has to be done follows from the record and from what there is, so that whoever comes next goes on
    where somebody was interrupted, and looking once more changes nothing."""

    propose_change: ProposeChange
    reviews: ForgeReviews
    promotions: Promotions
    anchors: Anchors
    activities: Activities
    clock: Clock
    reporter: Reporter
    look: LookAtEnvironment

    def __call__(self, at: PlatformAt, app: AppKey) -> AppPromotions | None:
        """All promotions of an app, advanced. Stale where somebody else advanced them meanwhile; other errors come from the forge
        and the git server, and leave the record at the last step that was done."""
        known = self.promotions.find(app)
        while known is not None:
            changed = self._advance(at, known)
            if changed is None:
                return known
            self.record(at, changed)
            known = self.promotions.save(known.put(changed))
        return None

    def _advance(self, at: PlatformAt, known: AppPromotions) -> Promotion | None:
        """One that has changed, oldest first: what is superseded is out of the way before anything new is proposed."""
        for promotion in known.open:
            wanted = promotions.wants(promotion, self.clock.now())
            if wanted is None:
                continue
            want, leg = wanted
            after = self._do(at, promotion, want, leg)
            if after != leg:
                self._tell(promotion, leg, after)
                return promotion.with_leg(after)
        return None

    def _do(self, at: PlatformAt, promotion: Promotion, want: Want, leg: Leg) -> Leg:
        now = self.clock.now()
        if want is Want.EXPIRE:
            return promotions.failed(leg, f"not done within {promotions.LIFE.days} days", now)
        try:
            target = self.propose_change.target(at, leg.environment)
        except (NotFound, Invalid) as error:
            if leg.state is LegState.PENDING or isinstance(error, NotFound):
                return promotions.failed(promotions.closed(leg), error.message, now)
            return replace(leg, message=error.message)
        match want:
            case Want.CLOSE:
                return self._close(target, leg)
            case Want.PROPOSE:
                return self._propose(target, promotion, leg)
            case Want.LOOK_AT_CHANGE:
                return self._look_at_change(target, promotion, leg)
            case Want.LOOK_AT_ENVIRONMENT:
                return self._look_at_environment(target, promotion, leg)

    def _close(self, target: Target, leg: Leg) -> Leg:
        """Say why, and close; one that was merged in the meantime stays merged, and what is newer is proposed on top of it."""
        pull = self.propose_change.forge.observe(target.repo, leg.number)
        if pull.state is PullState.OPEN:
            text = f"This is closed: {leg.message}.\n"
            if all((said.key, said.body) != (COMMENT_KEY, text) for said in pull.comments):
                self.propose_change.forge.comment(target.repo, leg.number, text, key=COMMENT_KEY)
            try:
                self.reviews.close(target.repo, leg.number)
            except Refused as error:
                self.reporter.tell(Event(f"{pull.url} is not closed: {error.message}", Level.WARNING))
        return promotions.closed(leg)

    def _propose(self, target: Target, promotion: Promotion, leg: Leg) -> Leg:
        now = self.clock.now()
        app = target.find_app(promotion.alias or promotion.app)
        leg = replace(leg, key=str(app.key if app else promotion.app))
        auto_merge = promotion.auto_merge and target.environment.strategy is Strategy.AUTO
        words = word_promotion(leg.key, promotion.version)
        try:
            pull = self.propose_change(
                target,
                edit_for(promotion, app),
                words=words,
                auto_merge=auto_merge,
                requester=promotion.requester,
            )
        except (Refused, Invalid, NotFound) as error:
            return promotions.failed(leg, error.message, now)
        pull = pull or self._find_merged(target, promotion, words.branch)
        return promotions.present(leg, now) if pull is None else promotions.proposed(leg, pull, now)

    def _find_merged(self, target: Target, promotion: Promotion, branch: str) -> PullRequest | None:
        """The pull request of ours that was opened and merged before anybody could write that down."""
        pulls = self.propose_change.forge.list_pulls(target.repo, state=PullState.MERGED)
        return next(
            (one for one in pulls if one.head_branch == branch and one.created >= promotion.created), None
        )

    def _look_at_change(self, target: Target, promotion: Promotion, leg: Leg) -> Leg:
        now = self.clock.now()
        try:
            pull = self.propose_change.forge.observe(target.repo, leg.number)
        except NotFound as error:
            return promotions.failed(promotions.closed(leg), error.message, now)
        if pull.state is PullState.CLOSED and self._is_there(target, promotion, leg):
            return promotions.present(leg, now)
        return promotions.see_change(leg, pull, now)

    def _look_at_environment(self, target: Target, promotion: Promotion, leg: Leg) -> Leg:
        now = self.clock.now()
        if target.environment.is_remote:
            return self._look_elsewhere(target, promotion, leg)
        anchor = self.anchors.find(target.environment.name)
        seen = promotions.see_environment(leg, anchor, promotion.chart)
        if seen.state is LegState.APPLIED and anchor and anchor.applied and not anchor.applied.is_verified:
            seen = promotions.see_health(leg, self.look.list_unhealthy(anchor), anchor.applied.at, now)
        if seen.state is LegState.APPLIED and anchor:
            placed = self.look.place(anchor).get(seen.key)
            seen = replace(seen, application_url=placed.url if placed else "")
        if not seen.is_ended and not self._is_there(target, promotion, leg):
            app = target.find_app(leg.key)
            names = f"{leg.key} {app.chart.version}" if app else f"no {leg.key}"
            return promotions.failed(leg, f"{target.environment.name} names {names} by now", now)
        return seen

    def _is_there(self, target: Target, promotion: Promotion, leg: Leg) -> bool:
        """Whether the environment's branch names the release."""
        app = target.find_app(leg.key)
        return app is not None and app.chart.version == promotion.version

    def _look_elsewhere(self, target: Target, promotion: Promotion, leg: Leg) -> Leg:
        """An environment in another cluster has its anchor there; its ledger comes by git."""
        repos, repo, now = self.propose_change.repos, target.repo, self.clock.now()
        head = repos.head(repo, LEDGER_BRANCH)
        if head is None:
            return replace(leg, message="nothing was applied yet, as far as its ledger tells")
        entry = repos.log(repo, head, limit=1)[0]
        source = entry.trailers.get("Jx-Source-Commit", "")
        version = ""
        if source:
            spec = umbrella.read(repos.read(repo, Revision(source)), name=target.environment.name)
            version = next((app.chart.version for app in spec.apps if app.key == leg.key), "")
        is_applied = entry.trailers.get("Jx-Result") == ApplyResult.APPLIED
        return promotions.see_elsewhere(leg, version, is_applied=is_applied, chart=promotion.chart, now=now)

    def _tell(self, promotion: Promotion, before: Leg, after: Leg) -> None:
        if (before.state, before.message) == (after.state, after.message):
            return
        level = Level.WARNING if after.state is LegState.FAILED else Level.INFO
        self.reporter.tell(Event(words_of(promotion, after), level))

    def record(self, at: PlatformAt, promotion: Promotion) -> None:
        """Save the activity that tells a promotion, as well as records can be reached. Called before the promotion itself is
        saved, so that after a crash in between the same is told again."""
        try:
            known = self.activities.list_all() if promotion.pipeline else ()
            self.activities.save(promotion_activities.tell(promotion, at.repo.owner, known))
        except JxError as error:
            self.reporter.tell(Event(f"not recorded: {error.message}", Level.WARNING))


def edit_for(promotion: Promotion, app: App | None) -> Edit:
    """What the release changes in an environment that has this app now. An app from elsewhere than where it is installed from
    moves there."""
    chart = promotion.chart
    if app is None:
        alias = promotion.app if promotion.app != chart.name else ""
        return PutApp(App(promotion.app, chart, alias=alias), {})
    if chart.repository in {"", app.chart.repository}:
        return SetVersion(app.key, chart.version)
    return PutApp(
        replace(app, chart=replace(app.chart, version=chart.version, repository=chart.repository)), {}
    )


def words_of(promotion: Promotion, leg: Leg) -> str:
    """`shop 2.0.0 in staging: merged`, and why it waits or ended."""
    why = f" ({leg.message})" if leg.message else ""
    return f"{promotion.app} {promotion.version} in {leg.environment}: {leg.state}{why}"
