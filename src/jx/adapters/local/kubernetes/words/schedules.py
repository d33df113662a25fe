"""Cron schedules: what they mean, when the next time is, and what is wrong with one in the real server's words; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_DAYS: Final = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_NO_NAMES: Final[Mapping[str, int]] = {}
_BOUNDS: Final[tuple[tuple[int, int, Mapping[str, int]], ...]] = (
    (0, 59, _NO_NAMES),
    (0, 23, _NO_NAMES),
    (1, 31, _NO_NAMES),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_EVERY: Final = "@every "
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_YEARS_AHEAD: Final = 5


class ScheduleError(ValueError):
    """A schedule that cannot be read."""


@dataclass(frozen=True)
class Schedule:
    """The minutes, hours, days, months and weekdays (0 is Sunday) of a schedule; or each `every` seconds."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = False
    any_weekday: bool = False
    every: int = 0

    def _has_day(self, moment: datetime) -> bool:
        in_month = moment.day in self.days
        in_week = moment.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week  # cron's oddity: two restrictions are alternatives

    def after(self, seconds: float, zone: tzinfo) -> float | None:
        """The first time after a moment, in seconds since 1970; None where there is none within five years."""
        if self.every:
            return int(seconds) + self.every
        moment = datetime.fromtimestamp(seconds, zone).replace(second=0, microsecond=0) + timedelta(minutes=1)
        last = moment.year + _YEARS_AHEAD
        while moment.year <= last:
            if moment.month not in self.months or not self._has_day(moment):
                moment = (moment + timedelta(days=1)).replace(hour=0, minute=0)
            elif moment.hour not in self.hours:
                moment = (moment + timedelta(hours=1)).replace(minute=0)
            elif moment.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment.timestamp()
        return None


def parse_schedule(text: str) -> Schedule:
    """A cron line of five fields, one of the `@` words, or `@every` and a duration.

    Raises ScheduleError, with the real server's text.
    """
    if not text:
        raise ScheduleError("empty spec string")
    if text.startswith("@"):
        if text.startswith(_EVERY):
            return Schedule(every=_seconds(text))
        if text not in _MACROS:
            raise ScheduleError(f"unrecognized descriptor: {text}")
    fields = _MACROS.get(text, text).split()
    if text.startswith(("TZ=", "CRON_TZ=")):
        fields = fields[1:]
    if len(fields) != len(_BOUNDS):
        raise ScheduleError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    found = [_parse_field(field, *bounds) for field, bounds in zip(fields, _BOUNDS, strict=True)]
    return Schedule(
        minutes=found[0][0],
        hours=found[1][0],
        days=found[2][0],
        months=found[3][0],
        weekdays=found[4][0],
        any_day=found[2][1],
        any_weekday=found[4][1],
    )


def _parse_field(text: str, low: int, high: int, names: Mapping[str, int]) -> tuple[frozenset[int], bool]:
    """The numbers of a field, and whether it names all of them by a star."""
    found: set[int] = set()
    is_any = False
    for part in filter(None, text.split(",")):
        span, *steps = part.split("/")
        first, last, is_star = _parse_span(span, part, low, high, names)
        step = _parse_step(steps, part)
        if steps and "-" not in span:
            last = high
        if first < low:
            raise ScheduleError(f"beginning of range ({first}) below minimum ({low}): {part}")
        if last > high:
            raise ScheduleError(f"end of range ({last}) above maximum ({high}): {part}")
        if first > last:
            raise ScheduleError(f"beginning of range ({first}) beyond end of range ({last}): {part}")
        if step == 0:
            raise ScheduleError(f"step of range should be a positive number: {part}")
        is_any = is_any or (is_star and step == 1)
        found.update(range(first, last + 1, step))
    return frozenset(found), is_any


def _parse_span(span: str, part: str, low: int, high: int, names: Mapping[str, int]) -> tuple[int, int, bool]:
    start, *ends = span.split("-")
    if start in ("*", "?"):
        return low, high, True
    first = _number(start, names)
    if len(ends) > 1:
        raise ScheduleError(f"too many hyphens: {part}")
    return first, _number(ends[0], names) if ends else first, False


def _parse_step(steps: list[str], part: str) -> int:
    if len(steps) > 1:
        raise ScheduleError(f"too many slashes: {part}")
    return _number(steps[0], _NO_NAMES) if steps else 1


def _number(text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not re.fullmatch(r"[-+]?[0-9]+", text):
        raise ScheduleError(
            f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    number = int(text)
    if number < 0:
        raise ScheduleError(f"negative number ({number}) not allowed: {text}")
    return number


def _seconds(text: str) -> int:
    duration = text.removeprefix(_EVERY)
    parts = _DURATION.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration.lstrip("+-") or not parts:
        problem = f'time: invalid duration "{duration}"'
        if re.fullmatch(r"[-+]?\d+(\.\d*)?", duration) and duration.strip("+-") != "0":
            problem = f'time: missing unit in duration "{duration}"'
        raise ScheduleError(f"failed to parse duration {text}: {problem}")
    return max(1, int(sum(float(number) * _UNITS[unit] for number, unit in parts)))
