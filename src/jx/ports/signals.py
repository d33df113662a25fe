"""Signals: "look at this", from whoever heard something to whoever can see what it means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol


class Signals(Protocol):
    """Keys (`repo:owner/name`, `push:owner/name@COMMIT REF`) from the webhook receiver to the controllers. A signal may be lost
    or doubled: a key only says "look", and a timer looks anyway."""

    def tell(self, key: str) -> None:
        """Tell every listener to look. Raises Unavailable and Forbidden."""
        ...

    def listen(self, *, within: timedelta) -> Iterator[str]:
        """Keys as they are told, from now until `within` has passed; never one that was told before."""
        ...
