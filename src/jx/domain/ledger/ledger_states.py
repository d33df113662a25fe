"""Ledger states: the entries of a ledger that an environment can go back to, and which one is meant by a word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jx.domain.applying.applying import ApplyResult
from jx.domain.errors import NotFound, Usage
from jx.domain.ledger.trailers import find_trailers, list_trailers

VERIFIED = "verified"
_BACK = re.compile(r"~(\d+)")
_PREFIX = re.compile(r"[0-9a-f]{4,64}")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class State:
    """One entry: a commit of the branch, or one that waits in the anchor to be published."""

    name: str
    message: str
    at: datetime

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]

    def trailer(self, key: str) -> str:
        """The last trailer of that name; empty where there is none."""
        return find_trailers(self.message).get(key, "")

    @property
    def trailers(self) -> list[tuple[str, str]]:
        """All trailers, repeated ones too."""
        return list_trailers(self.message)

    @property
    def is_apply(self) -> bool:
        """Whether it tells of an apply; others tell of what changed nothing."""
        return bool(self.trailer("Jx-Result"))

    @property
    def is_whole(self) -> bool:
        """Whether the apply got to its end."""
        return self.trailer("Jx-Result") == ApplyResult.APPLIED

    def __str__(self) -> str:
        return f"{self.name[:12]} ({self.at:%Y-%m-%d %H:%M} UTC, {self.subject})"


def choose(states: tuple[State, ...], word: str, *, verified: str = "") -> State:
    """The state that a word names: `verified`, `~N` (so many applies before the newest), a commit of the ledger or of the
    environment, by its first digits. An empty word: the last verified one, else the one before the newest.

    `verified` is the plan digest of the state that is known to be good. NotFound lists what there is; Usage for other words.
    """
    applies = tuple(one for one in states if one.is_apply)
    good = next((one for one in applies if verified and one.trailer("Jx-Plan-Digest") == verified), None)
    if word in ("", VERIFIED) and good:
        return good
    if word == VERIFIED:
        raise _missing("no state of this environment is known to be good", applies)
    if not word or (back := _BACK.fullmatch(word)):
        number = int(back[1]) if word and back else 1
        whole = [one for one in applies[1:] if one.is_whole] if number else list(applies[:1])
        if len(whole) < max(number, 1):
            raise _missing(f"the ledger has no state {word or 'before the newest'}", applies)
        return whole[max(number, 1) - 1]
    if not _PREFIX.fullmatch(word):
        raise Usage(
            f"{word!r} names no state", hint="a commit of the ledger or of the environment, `verified`, or ~1"
        )
    found = next((one for one in applies if _is_named(one, word)), None)
    if found is None:
        raise _missing(f"the ledger has no state {word}", applies)
    return found


def _is_named(state: State, word: str) -> bool:
    return state.name.startswith(word) or state.trailer("Jx-Source-Commit").startswith(word)


def _missing(message: str, states: Iterable[State]) -> NotFound:
    known = [f"  {one}" for one in states][:_SHOWN]
    return NotFound(message, hint="\n".join(["it has:", *known]) if known else "the ledger is empty")
