"""Promotions: one release of an app on its way through environments in their order, one leg each.

What is written down is what must survive a restart; everything else is looked at again. `wants` says what the next step of a
promotion is, and the functions below it turn what was seen into the promotion that follows. All promotions of one app are one
record, so that a newer one supersedes an older one in a single write.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from jx.domain.applying.applying import Anchor, ApplyResult
from jx.domain.changes.changes import PullRequest, PullState
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.environments import Environment, Kind, Strategy, in_order
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.layouts.sections import find_nearest
from jx.domain.names import AppKey, EnvironmentName, Person

LIFE = timedelta(days=14)
"""How long a promotion may take, approvals included."""
HEALTH = timedelta(minutes=10)
"""After an apply: how long until an environment that is not healthy counts as one that does not run the release."""
_REMEMBERED = 20


class LegState(StrEnum):
    """Where one leg stands."""

    PENDING = "pending"
    PROPOSED = "proposed"
    MERGED = "merged"
    APPLIED = "applied"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class Result(StrEnum):
    """How a promotion stands as a whole."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    SUPERSEDED = "superseded"


_ENDED = frozenset({LegState.APPLIED, LegState.FAILED, LegState.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class Leg:
    """One environment that a release is to get into."""

    environment: EnvironmentName
    state: LegState = LegState.PENDING
    key: str = ""
    """Of the app in that environment, once it was looked up there."""
    number: int = 0
    """Of its pull request; 0 while there is none."""
    url: str = ""
    merged_as: str = ""
    message: str = ""
    """Why it waits, or why it ended as it did."""
    must_close: bool = False
    """Whether its pull request is not to be merged any more, and has yet to be closed."""
    proposed: datetime | None = None
    merged: datetime | None = None
    ended: datetime | None = None
    application_url: str = ""
    """Where the app is, once it runs there."""

    @property
    def is_ended(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in _ENDED


@dataclass(frozen=True, slots=True)
class Promotion:
    """A release on its way. `number` counts the promotions of an app."""

    number: int
    app: AppKey
    chart: ChartRef
    """Name, repository and version of the release."""
    requester: Person
    created: datetime
    legs: tuple[Leg, ...]
    auto_merge: bool = True
    """Whether pull requests on environments with strategy Auto merge themselves."""
    alias: str = ""
    reason: str = ""
    """Why, where it is no usual one: a rollback."""
    pipeline: str = ""
    build: str = ""
    """The run that asked for it: its record tells the promotion, too."""

    @property
    def version(self) -> str:
        """The version that is promoted."""
        return self.chart.version

    @property
    def deadline(self) -> datetime:
        """When it ends, whatever it waits for."""
        return self.created + LIFE

    @property
    def environments(self) -> tuple[EnvironmentName, ...]:
        """Where to, in order."""
        return tuple(leg.environment for leg in self.legs)

    @property
    def due(self) -> Leg | None:
        """The leg that is to be looked at: one whose pull request has to go, else the first that has not ended. None once a leg
        failed or was superseded, or all are applied."""
        closing = next((leg for leg in self.legs if leg.must_close), None)
        if closing is not None:
            return closing
        first = next((leg for leg in self.legs if leg.state is not LegState.APPLIED), None)
        return None if first is None or first.is_ended else first

    @property
    def is_open(self) -> bool:
        """Whether there is anything left to do."""
        return self.due is not None

    @property
    def result(self) -> Result:
        """How it stands."""
        if self.is_open:
            return Result.OPEN
        states = {leg.state for leg in self.legs}
        if LegState.FAILED in states:
            return Result.FAILED
        return Result.SUPERSEDED if LegState.SUPERSEDED in states else Result.DONE

    def with_leg(self, leg: Leg) -> Promotion:
        """With that leg in the place of the one of its environment."""
        legs = tuple(leg if one.environment == leg.environment else one for one in self.legs)
        return replace(self, legs=legs)


@dataclass(frozen=True, slots=True)
class AppPromotions:
    """All promotions of one app that are remembered, oldest first."""

    app: AppKey
    promotions: tuple[Promotion, ...] = ()
    count: int = 0
    """How many there ever were."""
    version: str = ""
    """For compare-and-swap: what was read; empty where there is none yet. Opaque."""

    @property
    def open(self) -> tuple[Promotion, ...]:
        """Those with something left to do, oldest first."""
        return tuple(one for one in self.promotions if one.is_open)

    def get(self, number: int) -> Promotion | None:
        """The promotion of that number, or None where it is not remembered any more."""
        return next((one for one in self.promotions if one.number == number), None)

    def put(self, promotion: Promotion) -> AppPromotions:
        """With a promotion in the place of the one with its number."""
        known = tuple(promotion if one.number == promotion.number else one for one in self.promotions)
        return replace(self, promotions=known)


class Want(StrEnum):
    """What the next step of a promotion is."""

    CLOSE = "close the pull request"
    EXPIRE = "give up"
    PROPOSE = "open a pull request"
    LOOK_AT_CHANGE = "look at the pull request"
    LOOK_AT_ENVIRONMENT = "look at the environment"


def wants(promotion: Promotion, now: datetime) -> tuple[Want, Leg] | None:
    """The next step, and of which leg; None where the promotion has ended."""
    leg = promotion.due
    if leg is None:
        return None
    if leg.must_close:
        return Want.CLOSE, leg
    if now >= promotion.deadline:
        return Want.EXPIRE, leg
    match leg.state:
        case LegState.PENDING:
            return Want.PROPOSE, leg
        case LegState.PROPOSED:
            return Want.LOOK_AT_CHANGE, leg
        case _:
            return Want.LOOK_AT_ENVIRONMENT, leg


def begin(known: AppPromotions, new: Promotion, *, is_there: bool) -> tuple[AppPromotions, Promotion]:
    """With a promotion begun, and that promotion: the one that is the same, or the new one with its number. Whatever older ones
    have left to do in the same environments is superseded, with all that would come after it.

    The same is one that is on its way, or that has come through where `is_there` says that all branches name the release still;
    in either case nothing newer went to where it is to go.
    """
    newest = next((one for one in reversed(known.promotions) if _share(one, new)), None)
    if newest is not None and _is_same(newest, new, is_there=is_there):
        return known, newest
    new = replace(new, number=known.count + 1)
    older = tuple(_supersede(one, new) for one in known.promotions)
    promotions = (*_forget(older), new)
    return replace(known, promotions=promotions, count=new.number), new


def _share(one: Promotion, new: Promotion) -> bool:
    return bool(set(one.environments) & set(new.environments))


def _is_same(one: Promotion, new: Promotion, *, is_there: bool) -> bool:
    """Whether all that is asked for is a part of what one has done or will do."""
    if one.chart != new.chart or one.alias != new.alias or not set(new.environments) <= set(one.environments):
        return False
    states = {leg.state for leg in one.legs if leg.environment in new.environments}
    if states & {LegState.FAILED, LegState.SUPERSEDED}:
        return False
    return is_there if states == {LegState.APPLIED} else one.is_open


def _supersede(old: Promotion, new: Promotion) -> Promotion:
    if not old.is_open:
        return old
    taken = set(new.environments)
    legs: list[Leg] = []
    is_over = False
    for leg in old.legs:
        is_over = is_over or (leg.environment in taken and not leg.is_ended)
        legs.append(_give_up(leg, LegState.SUPERSEDED, _newer(new), new.created) if is_over else leg)
    return replace(old, legs=tuple(legs))


def _newer(new: Promotion) -> str:
    return (
        f"superseded by {new.app} {new.version}, which {new.requester.login or new.requester.name} asked for"
    )


def _give_up(leg: Leg, state: LegState, why: str, now: datetime) -> Leg:
    if leg.is_ended:
        return leg
    return replace(leg, state=state, message=why, must_close=leg.state is LegState.PROPOSED, ended=now)


def _forget(promotions: Iterable[Promotion]) -> tuple[Promotion, ...]:
    """The newest that have ended, and all that have not."""
    kept = list(promotions)
    ended = [one for one in kept if not one.is_open]
    gone = set(ended[: max(0, len(ended) - _REMEMBERED + 1)])
    return tuple(one for one in kept if one not in gone)


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a release is to go: environments by name, the one of a namespace, or all that take releases by themselves."""

    names: tuple[str, ...] = ()
    namespace: str = ""
    all_auto: bool = False


def list_targets(environments: tuple[Environment, ...]) -> tuple[Environment, ...]:
    """The environments into which a release may be promoted at all, in their order."""
    permanent = (one for one in in_order(environments) if one.kind is Kind.PERMANENT)
    return tuple(one for one in permanent if one.strategy is not Strategy.NEVER)


def select_targets(environments: tuple[Environment, ...], aim: Aim) -> tuple[Environment, ...]:
    """The environments that are meant, in their order; empty where all automatic ones are meant and there are none.

    NotFound names the nearest; Refused for one that takes no releases; Usage where nothing is named.
    """
    permanent = tuple(one for one in in_order(environments) if one.kind is Kind.PERMANENT)
    if aim.all_auto:
        if aim.names or aim.namespace:
            raise Usage(
                "--all-auto means every automatic environment", hint="name environments, or --all-auto"
            )
        return tuple(one for one in permanent if one.strategy is Strategy.AUTO)
    known = [str(one.name) for one in permanent]
    if not aim.names and not aim.namespace:
        raise Usage("say where to", hint=f"--env {' | '.join(known) or 'NAME'}, or --all-auto")
    chosen = [_choose(environments, name, known) for name in aim.names]
    if aim.namespace:
        chosen.append(_choose_by_namespace(permanent, aim.namespace))
    return in_order(tuple(dict.fromkeys(chosen)))


def _choose(environments: tuple[Environment, ...], name: str, known: list[str]) -> Environment:
    found = next((one for one in environments if one.name == name), None)
    if found is None:
        near = find_nearest(name, known)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known) or 'none'}"
        raise NotFound(f"there is no environment {name}", hint=hint)
    if found.is_dev:
        raise Refused(
            f"{name} holds the platform itself, and takes no releases",
            hint="jx add app, jx upgrade app",
        )
    if found.strategy is Strategy.NEVER:
        raise Refused(
            f"nothing is promoted into {name}: its strategy is Never",
            hint=f"jx edit env {name} --promotion Manual",
        )
    return found


def _choose_by_namespace(environments: tuple[Environment, ...], namespace: str) -> Environment:
    found = [one for one in environments if one.namespace == namespace]
    if len(found) != 1:
        known = ", ".join(f"{one.name} has {one.namespace}" for one in environments)
        raise NotFound(f"{len(found) or 'no'} environments have namespace {namespace}", hint=known)
    return found[0]


# What was seen, and what follows from it


def proposed(leg: Leg, pull: PullRequest, now: datetime) -> Leg:
    """Its pull request is open."""
    return replace(
        leg,
        state=LegState.PROPOSED,
        number=pull.number,
        url=pull.url,
        message="",
        proposed=leg.proposed or now,
    )


def present(leg: Leg, now: datetime) -> Leg:
    """The environment's branch names the release already: there is nothing to propose."""
    return replace(leg, state=LegState.MERGED, message="", merged=leg.merged or now)


def closed(leg: Leg) -> Leg:
    """The pull request of a leg that was given up is out of the way."""
    return replace(leg, must_close=False)


def failed(leg: Leg, why: str, now: datetime) -> Leg:
    """Nothing becomes of it; a pull request of it that is open has to go."""
    return _give_up(leg, LegState.FAILED, why, now)


def see_change(leg: Leg, pull: PullRequest, now: datetime) -> Leg:
    """After a look at its pull request."""
    match pull.state:
        case PullState.MERGED:
            merged_as = str(pull.merged_as or "")
            return replace(leg, state=LegState.MERGED, merged_as=merged_as, message="", merged=now)
        case PullState.CLOSED:
            why = f"Promotion failed as Pull Request {pull.url} is closed without merging"
            return replace(leg, state=LegState.FAILED, message=why, ended=now)
        case PullState.OPEN:
            return replace(leg, message=_open_words(pull))


def _open_words(pull: PullRequest) -> str:
    waiting = [f"check {one.context} is {one.state}" for one in pull.checks if one.state != "success"]
    if pull.is_mergeable is False:
        waiting.append("it conflicts with its base")
    return "; ".join(waiting) or "waits to be merged"


def see_environment(leg: Leg, anchor: Anchor | None, chart: ChartRef) -> Leg:
    """After a look at what the environment runs; where nobody waited for its health, `see_health` has to be asked, too."""
    applied = anchor.applied if anchor else None
    if anchor is None or applied is None:
        return replace(leg, message="nothing was applied yet")
    runs = next((pin.version for pin in applied.charts if pin.key == leg.key), "")
    if runs != chart.version:
        held = f", since it is on hold: {anchor.holds[0].reason}" if anchor.holds else ""
        return replace(leg, message=f"is not applied yet{held}")
    if applied.result is not ApplyResult.APPLIED:
        return replace(
            leg, message=f"the apply failed: {applied.message.splitlines()[-1] if applied.message else ''}"
        )
    if anchor.is_begun:
        return replace(leg, message="is being applied")
    return replace(leg, state=LegState.APPLIED, message="", ended=max(applied.at, leg.merged or applied.at))


def see_health(leg: Leg, unhealthy: tuple[str, ...], applied: datetime, now: datetime) -> Leg:
    """After a look at an environment that runs the release: what is not healthy there may become so for a while."""
    if not unhealthy:
        return replace(leg, state=LegState.APPLIED, message="", ended=now)
    if now >= max(applied, leg.merged or applied) + HEALTH:
        return failed(leg, f"it is applied, but not healthy: {unhealthy[0]}", now)
    return replace(leg, message=f"is applied, and waits to be healthy: {unhealthy[0]}")


def see_elsewhere(leg: Leg, version: str, *, is_applied: bool, chart: ChartRef, now: datetime) -> Leg:
    """After a look at the ledger of an environment in another cluster: the version in the commit that was applied there last."""
    if is_applied and version == chart.version:
        return replace(leg, state=LegState.APPLIED, message="", ended=now)
    return replace(leg, message="is not applied yet, as its ledger tells")
