"""Events: what work tells while it goes on. Edges print them; nothing below the edges prints or logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How much a reader should care."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for people. `facts` hold the same for machines; neither ever holds a secret."""

    message: str
    level: Level = Level.INFO
    facts: dict[str, str] = field(default_factory=dict)
    key: str = ""
    """Events of one key renew one line of a terminal: progress."""
