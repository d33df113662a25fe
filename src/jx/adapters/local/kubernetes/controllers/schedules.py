"""Cron schedules: when the next time is; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_YEARS_AHEAD = 5


class ScheduleError(ValueError):
    """A schedule that cannot be read."""


@dataclass(frozen=True)
class Schedule:
    """The minutes, hours, days, months and weekdays (0 is Sunday) of a schedule."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def _has_day(self, moment: datetime) -> bool:
        in_month = moment.day in self.days
        in_week = moment.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week  # cron's oddity: two restrictions are alternatives

    def after(self, seconds: float, zone: tzinfo) -> float | None:
        """The first time after a moment, in seconds since 1970; None where there is none within five years."""
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
    """A cron line of five fields, or one of the `@` words."""
    fields = _MACROS.get(text.strip(), text).split()
    if len(fields) != 5:
        raise ScheduleError(f"expected exactly 5 fields, found {len(fields)}: [{text}]")
    minutes, hours, days, months, weekdays = fields
    return Schedule(
        minutes=_parse_field(minutes, 0, 59),
        hours=_parse_field(hours, 0, 23),
        days=_parse_field(days, 1, 31),
        months=_parse_field(months, 1, 12, _MONTHS),
        weekdays=frozenset(day % 7 for day in _parse_field(weekdays, 0, 7, _DAYS)),
        any_day=days in ("*", "?"),
        any_weekday=weekdays in ("*", "?"),
    )


def _parse_field(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step_text = part.partition("/")
        step = _number(step_text or "1", names, low)
        if span in ("*", "?"):
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, names, low)
            last = _number(end, names, low) if dash else high if step_text else first
        if not (low <= first <= last <= high) or step < 1:
            raise ScheduleError(f"{part} is not within {low} and {high}")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, names: tuple[str, ...], low: int) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + low
    if not text.isdigit():
        raise ScheduleError(f"failed to parse int from {text}")
    return int(text)
