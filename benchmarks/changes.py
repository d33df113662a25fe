"""Changes of a platform of 10, 50 and 200 apps: add an app, check a pull request, merge to the start of its apply, apply again.

Everything runs as it is installed: `jx install`, its forge, its controllers, its webhook. An app has twenty objects.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.platforms import NEWER, Platform, Ran, installed
from benchmarks.report import Report
from jx.domain.charts.apps import PLATFORM_CHART
from jx.domain.names import AppKey

SIZES = (10, 50, 200)
TYPICAL = 50
ROUNDS = 5
MERGES = 5
LOST = 3
"""Merges whose webhook is lost."""
URL = "Created Pull Request:"
VERDICT = "jx/plan"


@dataclass(frozen=True)
class Costs:
    """Of one size."""

    add: list[Ran]
    verdicts: list[float]
    """Seconds from the URL of a pull request until its check stands on it."""
    warm: list[Ran]
    cold: Ran
    again: list[Ran]


def run(report: Report) -> None:
    """One platform, which grows."""
    names = [f"chart-{number:03d}" for number in range(max(SIZES) + ROUNDS)]
    costs, there = {}, 0
    with installed() as platform:
        platform.offer_charts(names)
        for apps in SIZES:
            report.say(f"  growing to {apps} apps, {apps * 20:,} objects")
            platform.grow(names[there:apps])
            there = apps
            report.say(f"  changes of {apps} apps")
            costs[apps] = _costs(platform, names[apps : apps + ROUNDS])
            if apps == TYPICAL:
                _tell(report, costs[apps])
                _merges(report, platform, names[0])
    _tell_growth(report, costs)
    report.note(
        "Published by others: 10 s warm and 99 s cold for the check of 4 apps, 115 s for 26 releases."
    )


def _costs(platform: Platform, names: list[str]) -> Costs:
    added, verdicts = [], []
    for name in names:
        ran = platform.run("add", "app", name, until=URL)
        number = _number(ran)
        begin = time.perf_counter()
        _until_checked(platform, number)
        verdicts.append(time.perf_counter() - begin)
        added.append(ran)
        platform.jx("pr", "close", number)
    number = _number(platform.run("upgrade", "app", "chart-000", "--version", NEWER, until=URL))
    _until_checked(platform, number)
    check = ("step", "verify", "pr", number, "--dir", str(platform.clone))
    platform.forget_caches()
    cold = platform.run(*check)
    warm = [platform.run(*check) for _ in range(ROUNDS)]
    platform.jx("pr", "close", number)
    apply = ("step", "env", "apply", "-b", "--no-wait", "--reason", "measured", "-d", str(platform.clone))
    platform.jx(*apply)
    again = [platform.run(*apply) for _ in range(ROUNDS)]
    return Costs(added, verdicts, warm, cold, again)


def _tell(report: Report, costs: Costs) -> None:
    words = f"{TYPICAL} apps"
    for name, ran, aim in (
        ("jx add app, to the URL", costs.add, "< 1.5"),
        ("jx step verify pr, one app changed, warm", costs.warm, "< 2"),
        ("the same without caches", [costs.cold], "< 10"),
    ):
        report.add(f"{words}: {name}", _seconds(ran), "s", aim=aim)
        report.add(f"{words}: of processors, all of the command", _processor(ran), "s", aim=aim)
    report.add(
        f"{words}: from the URL to the verdict of the controllers",
        statistics.median(costs.verdicts),
        "s",
        aim="< 2",
    )
    report.add(f"{words}: jx step env apply, nothing changed", _seconds(costs.again), "s")


def _tell_growth(report: Report, costs: dict[int, Costs]) -> None:
    """Seconds of processors, which other work on the machine changes least; the peer is the smallest platform."""
    kinds: dict[str, Callable[[Costs], float]] = {
        "jx add app": lambda one: _processor(one.add),
        "jx step verify pr, warm": lambda one: _processor(one.warm),
        "jx step verify pr, cold": lambda one: one.cold.processor,
        "jx step env apply, nothing changed": lambda one: _processor(one.again),
    }
    least = costs[min(SIZES)]
    for name, cost in kinds.items():
        for apps in SIZES:
            peer = cost(least) if apps != min(SIZES) else None
            report.add(
                f"{name}, {apps} apps, processor, beside {min(SIZES)} apps", cost(costs[apps]), "s", peer=peer
            )
    for apps in SIZES:
        report.add(f"verdict of the controllers, {apps} apps", statistics.median(costs[apps].verdicts), "s")


def _merges(report: Report, platform: Platform, app: str) -> None:
    report.say("  merges")
    told = [_merge_to_start(platform, app, {"note": f"told {number}"}) for number in range(MERGES)]
    _merge_to_start(platform, PLATFORM_CHART, {"webhooks.replicas": 0})
    lost = [_merge_to_start(platform, app, {"note": f"lost {number}"}) for number in range(LOST)]
    _merge_to_start(platform, PLATFORM_CHART, {"webhooks.replicas": 1})
    report.add(
        f"{TYPICAL} apps: merge to start of apply, by webhook", statistics.median(told), "s", aim="< 1"
    )
    report.add("the slowest of those", max(told), "s")
    report.add(
        f"{TYPICAL} apps: merge to start of apply, by polling", statistics.median(lost), "s", aim="< 10"
    )
    report.add("the slowest of those", max(lost), "s", aim="< 10")


def _merge_to_start(platform: Platform, app: str, values: dict[str, Any]) -> float:
    """Seconds from when the forge has merged until a record says that the apply has begun; returns when it has ended."""
    from jx.domain.environments.edits import SetValues
    from jx.usecases.reviewing.review_change import Merge, ReviewRequest

    propose = platform.owner.propose_change()
    target = propose.target(platform.owner.platform_at, "dev")
    pull = propose(target, SetValues(AppKey(app), values))
    _until_checked(platform, str(pull.number))
    platform.approve(pull.number)
    review = platform.reviewer.review_change()
    merged = review(ReviewRequest(target.repo, pull.number, Merge())).merged_as
    begin = time.perf_counter()
    platform.until(lambda: _record(platform, merged) is not None)
    seconds = time.perf_counter() - begin
    platform.until(lambda: _record(platform, merged).completed is not None)
    return seconds


def _record(platform: Platform, revision: str) -> Any:
    return next((one for one in platform.owner.activities.list_all() if one.revision == revision), None)


def _until_checked(platform: Platform, number: str) -> None:
    """Until the controllers' verdict stands on a pull request."""
    repo, forge = platform.dev.repo, platform.owner.forge

    def look() -> bool:
        checks = forge.observe(repo, int(number)).checks
        return any(one.context == VERDICT and one.state != "pending" for one in checks)

    platform.until(look)


def _number(ran: Ran) -> str:
    return ran.told.split("/pulls/", 1)[1].split()[0]


def _seconds(costs: list[Ran]) -> float:
    return statistics.median(one.seconds for one in costs)


def _processor(costs: list[Ran]) -> float:
    return min(one.processor for one in costs)
