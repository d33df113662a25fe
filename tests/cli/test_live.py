"""The live view: a line for each workload on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

import pytest

from jx.cli.live import LiveReporter
from jx.domain.events import Event, Level


class Terminal(io.StringIO):
    """What a terminal would be sent; `screen` is what stands on it."""

    def isatty(self) -> bool:
        return True

    @property
    def screen(self) -> list[str]:
        lines: list[str] = [""]
        text = self.getvalue()
        while text:
            if text.startswith("\x1b["):
                end = next(at for at, sign in enumerate(text[2:], 2) if sign.isalpha())
                if text[end] == "A":
                    lines = [*lines[: -int(text[2:end]) - 1], ""]
                text = text[end + 1 :]
            elif text[0] == "\n":
                lines.append("")
                text = text[1:]
            else:
                lines[-1] += text[0]
                text = text[1:]
        return [line for line in lines if line]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "CI", "JX_PLAIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "20")
    return Terminal()


def health(name: str, words: str, state: str = "InProgress") -> Event:
    return Event(f"{name}: {words}", Level.INFO, {"object": name, "state": state}, key=f"health:{name}")


def begin(reporter: LiveReporter, seconds: int = 600) -> None:
    reporter.tell(Event("waiting", Level.DEBUG, {"within": str(seconds)}))


def test_each_workload_has_one_line_that_is_renewed(terminal: Terminal) -> None:
    reporter = LiveReporter(stream=terminal)
    begin(reporter)
    reporter.tell(health("web", "0 of 2 replicas are ready"))
    reporter.tell(health("db", "0 of 1 replicas are ready"))
    reporter.tell(health("web", "1 of 2 replicas are ready"))
    shown = terminal.screen
    reporter.end()
    assert shown[:2] == ["  … web: 1 of 2 replicas are ready", "  … db: 0 of 1 replicas are ready"]
    assert shown[2].endswith("s left")


def test_what_is_done_is_ticked_off_and_goes_to_the_end(terminal: Terminal) -> None:
    reporter = LiveReporter(stream=terminal)
    begin(reporter)
    reporter.tell(health("web", "0 of 2 replicas are ready"))
    reporter.tell(health("db", "1 of 1 replicas are ready", "Current"))
    reporter.tell(health("job", "the job failed", "Failed"))
    shown = terminal.screen
    reporter.end()
    assert [line[2] for line in shown[:3]] == ["…", "✗", "✓"]


def test_other_news_stand_above_the_block(terminal: Terminal) -> None:
    reporter = LiveReporter(stream=terminal)
    begin(reporter)
    reporter.tell(health("web", "0 of 2 replicas are ready"))
    reporter.tell(Event("pod web-1: CrashLoopBackOff\n    cannot open port", Level.WARNING))
    shown = terminal.screen
    reporter.end()
    assert shown[:3] == [
        "warning: pod web-1: CrashLoopBackOff",
        "    cannot open port",
        "  … web: 0 of 2 replicas are ready",
    ]


def test_the_last_state_stays_when_the_wait_is_over(terminal: Terminal) -> None:
    reporter = LiveReporter(stream=terminal)
    begin(reporter)
    reporter.tell(health("web", "2 of 2 replicas are ready", "Current"))
    reporter.tell(Event("over", Level.DEBUG, {"within": ""}))
    reporter.tell(Event("Environment applied"))
    reporter.end()
    assert terminal.screen == ["  ✓ web: 2 of 2 replicas are ready", "Environment applied"]


def test_more_workloads_than_lines_are_counted(terminal: Terminal) -> None:
    reporter = LiveReporter(stream=terminal)
    begin(reporter)
    for number in range(30):
        reporter.tell(health(f"web-{number}", "starts"))
    shown = terminal.screen
    reporter.end()
    assert len(shown) == 18
    assert shown[16] == "  … and 14 more"


def test_elsewhere_than_on_a_terminal_each_state_is_a_line() -> None:
    stream = io.StringIO()
    reporter = LiveReporter(stream=stream)
    begin(reporter)
    reporter.tell(health("web", "0 of 2 replicas are ready"))
    reporter.tell(health("web", "0 of 2 replicas are ready"))
    reporter.tell(health("web", "2 of 2 replicas are ready", "Current"))
    reporter.end()
    assert stream.getvalue() == "web: 0 of 2 replicas are ready\nweb: 2 of 2 replicas are ready\n"
