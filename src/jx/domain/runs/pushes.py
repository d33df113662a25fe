"""Pushes: that a branch or tag was moved to a commit, as a webhook tells it and as controllers' keys say it.

A push is news of a repository, never an order: whoever hears of it looks whether the commit is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.names import Revision

PREFIX = "push:"
"""How keys of pushes begin."""
HEADS, TAGS = "refs/heads/", "refs/tags/"
_KEY = re.compile(r"push:([^@\s]+)@([0-9a-f]{40}(?:[0-9a-f]{24})?) (refs/(?:heads|tags)/[^\s]+)")
_NOTHING = re.compile("0+")


@dataclass(frozen=True, slots=True)
class Push:
    """A ref of a repository (`owner/name`) that was set to a commit."""

    full_name: str
    ref: str
    revision: Revision

    @property
    def key(self) -> str:
        """`push:owner/name@COMMIT REF`. What stands before the `@` is the same for all pushes to a repository."""
        return f"{PREFIX}{self.full_name}@{self.revision} {self.ref}"


def parse_push(key: str) -> Push | None:
    """The push that a key tells; None for other keys."""
    found = _KEY.fullmatch(key)
    return Push(found[1], found[3], Revision(found[2])) if found else None


def read_push(event: Mapping[str, Any]) -> Push | None:
    """The push that a webhook's event tells; None for a ref that was deleted, and for what is no push."""
    repository = event.get("repository")
    name = repository.get("full_name") if isinstance(repository, Mapping) else None
    after = event.get("after")
    if not isinstance(after, str) or _NOTHING.fullmatch(after):
        return None
    return parse_push(f"{PREFIX}{name}@{after} {event.get('ref')}")
