"""The figures of a run, and how they are shown."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Figure:
    """One measured thing; `peer` is the same of whom it is compared with, `aim` the bound that is wanted."""

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
        return [{**asdict(figure), "ratio": figure.ratio} for figure in self.figures]

    def print(self) -> None:
        """Show them as a table, and the notes."""
        rows = [("", "ours", "peer", "ratio", "aim")]
        for figure in self.figures:
            rows.append(
                (
                    f"{figure.subject}: {figure.name} ({figure.unit})",
                    _shown(figure.value),
                    "" if figure.peer is None else _shown(figure.peer),
                    "" if figure.ratio is None else f"{figure.ratio:.2f}",
                    figure.aim,
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        for row in rows:
            first, *others = row
            cells = [
                first.ljust(widths[0]),
                *(text.rjust(width) for text, width in zip(others, widths[1:], strict=True)),
            ]
            print("  ".join(cells).rstrip())
        for note in self.notes:
            print(note)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
