"""The figures of a run, and how they are shown."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, dataclass, field

_BOUND = re.compile(r"(ratio )?(<|below|>|above) ([\d.]+)")


@dataclass(frozen=True)
class Figure:
    """One measured thing; `peer` is the same of whom it is compared with, `aim` the bounds that are wanted: `< 2`, `ratio < 0.5`,
    `< 1 and ratio < 0.05`."""

    subject: str
    name: str
    value: float
    unit: str
    peer: float | None = None
    aim: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the peer's."""
        return self.value / self.peer if self.peer else None

    @property
    def is_met(self) -> bool | None:
        """Whether all bounds hold; None without an aim, and where the peer that it needs is not there."""
        found = []
        for of_ratio, sign, bound in _BOUND.findall(self.aim):
            value = self.ratio if of_ratio else self.value
            if value is None:
                return None
            found.append(value < float(bound) if sign in {"<", "below"} else value > float(bound))
        return all(found) if found else None


@dataclass
class Report:
    """Collects figures; progress is told on stderr while they come."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _subject: str = ""

    def begin(self, subject: str) -> None:
        """All figures from now on are of this subject."""
        self._subject = subject
        self.say(f"{subject} ...")

    def add(self, name: str, value: float, unit: str, *, peer: float | None = None, aim: str = "") -> None:
        """A figure of the current subject."""
        self.figures.append(Figure(self._subject, name, value, unit, peer, aim))

    def note(self, text: str) -> None:
        """A sentence below the figures."""
        self.notes.append(text)

    def say(self, text: str) -> None:
        """Progress, for who waits."""
        print(text, file=sys.stderr, flush=True)

    def plain(self) -> list[dict[str, object]]:
        """The figures as JSON can hold them."""
        return [{**asdict(one), "ratio": one.ratio, "met": one.is_met} for one in self.figures]

    def print(self) -> None:
        """Show them as a table, and the notes."""
        rows = [("", "ours", "peer", "ratio", "aim", "")]
        for figure in self.figures:
            rows.append(
                (
                    f"{figure.subject}: {figure.name} ({figure.unit})",
                    _shown(figure.value),
                    "" if figure.peer is None else _shown(figure.peer),
                    "" if figure.ratio is None else f"{figure.ratio:.2f}",
                    figure.aim,
                    {True: "met", False: "MISSED", None: ""}[figure.is_met],
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(6)]
        for row in rows:
            first, *others = row
            cells = [
                first.ljust(widths[0]),
                *(text.rjust(width) for text, width in zip(others, widths[1:], strict=True)),
            ]
            print("  ".join(cells).rstrip())
        for note in self.notes:
            print(note)
        missed = sum(figure.is_met is False for figure in self.figures)
        held = sum(figure.is_met is True for figure in self.figures)
        print(f"{held} of {held + missed} aims are met")


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
