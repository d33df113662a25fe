"""Write an anchor although others may write it too. Shared by all that change anchors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jx.domain.applying.applying import Anchor
from jx.domain.errors import Stale
from jx.ports.anchor import Anchors

_TRIES = 5


@dataclass(frozen=True, slots=True)
class WriteAnchor:
    """A change is a function, made again on the newest anchor when somebody else wrote in between (`jx hold` in mid-apply)."""

    anchors: Anchors

    def __call__(self, anchor: Anchor, change: Callable[[Anchor], Anchor]) -> Anchor:
        """The anchor as it was written; not written at all where the change changes nothing. Stale after five lost races."""
        for _ in range(_TRIES):
            changed = change(anchor)
            if changed == anchor and anchor.version:
                return anchor
            try:
                return self.anchors.save(changed)
            except Stale:
                anchor = self.anchors.find(anchor.environment) or anchor
        raise Stale(
            f"the anchor of environment {anchor.environment} keeps being written by somebody else",
            hint="try again in a moment",
        )
