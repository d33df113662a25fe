"""Verifying: whether CI/CD works. A signed event comes in by the public route, and somebody answers it: with a record that names
the event's number. One record, renewed each time."""

from __future__ import annotations

import json
import re
from datetime import datetime

from jx.domain.runs.activities import Activity, ActivityStatus, ActivityStep

EVENT = "jx-verify"
"""What the event is called in the headers of a delivery."""
CONTEXT = "jx/verify"
"""Of the commit status that tells the result to the forge."""
RECORD = "jx-verify-install"
PIPELINE = "jenkins-x/verify-install/master"
_KEY = "verify:"
_NUMBER = re.compile(r"[0-9a-f]{16}")


def body_of(number: str) -> bytes:
    """What an event with that number holds."""
    return json.dumps({"verify": number}).encode()


def find_key(body: bytes) -> str | None:
    """The key that an event of this kind stands for; None where it has no number."""
    try:
        number = json.loads(body)["verify"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_one = isinstance(number, str) and _NUMBER.fullmatch(number)
    return key_of(number) if is_one else None


def key_of(number: str) -> str:
    """The key that asks for the answer to a number."""
    return f"{_KEY}{number}"


def number_of(key: str) -> str:
    """The number that a key asks about; empty for keys of other things."""
    number = key.removeprefix(_KEY) if key.startswith(_KEY) else ""
    return number if _NUMBER.fullmatch(number) else ""


def answer(number: str, *, revision: str, words: str, at: datetime, status: ActivityStatus) -> Activity:
    """The record that answers an event; one that is still running is no answer yet."""
    completed = None if status is ActivityStatus.RUNNING else at
    step = ActivityStep("answer", status, started=at, completed=completed, description=words)
    return Activity(
        name=RECORD,
        pipeline=PIPELINE,
        build=number,
        status=status,
        revision=revision,
        message="CI/CD is verified",
        started=at,
        completed=completed,
        steps=(step,),
    )


def find_answer(records: tuple[Activity, ...], number: str) -> Activity | None:
    """The record that answers an event of that number."""
    return next((one for one in records if (one.name, one.build) == (RECORD, number)), None)
