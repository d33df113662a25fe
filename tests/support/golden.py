"""Golden files: what people read, without what differs from run to run."""

from __future__ import annotations

import re
from pathlib import Path

_SAME = (  # as wide as what they stand for, so that tables stay tables
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:DIGEST"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "C" * 40),
    (re.compile(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{12}\b"), "C" * 12),
    (re.compile(r"\b(?=[0-9a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{7}\b"), "C" * 7),
    (re.compile(r"(?<=approvals of )[0-9a-f]{7}\b"), "C" * 7),  # one in thirty has digits only
    (re.compile(r"127\.0\.0\.1:\d{5}\b"), "127.0.0.1:PPPPP"),
    (re.compile(r"applyset-[\w-]+-v1"), "applyset-ID-v1"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)"), "MOMENT"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "MOMENT"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(?=  )"), "YYYY-MM-DD HH:MM"),
    (re.compile(r"(127\.0\.0\.1:PPPPP   ) *\d+$", re.MULTILINE), r"\1PID"),
)
_DURATION = re.compile(r"\b(?:\d+h)?(?:\d+m)?\d+s\b( *)")
_PROGRESS = re.compile(r"^.*: \d+ of \d+ replicas are ready\n", re.MULTILINE)
"""What is told while waiting depends on who was faster."""


def normalise(text: str, *places: tuple[Path, str]) -> str:
    """The text with ports, commits, digests and times as words; `places` are folders and what to call them."""
    text = _PROGRESS.sub("", text)
    for place, name in places:
        text = text.replace(str(place), name)
    for pattern, word in _SAME:
        text = pattern.sub(word, text)
    text = _DURATION.sub(
        lambda found: (
            "TIME".ljust(len(found[0]) if len(found[1]) > 1 else 0) + (" " if len(found[1]) == 1 else "")
        ),
        text,
    )
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def check_golden(path: Path, text: str, *, renew: bool) -> None:
    """Compare with the file, or write it."""
    if renew:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return
    assert path.exists(), f"{path.name} is not there yet: pytest tests/cli --renew-golden"
    assert text == path.read_text(), (
        f"{path.name} has changed; look at it and run pytest tests/cli --renew-golden"
    )
