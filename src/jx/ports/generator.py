"""Generator: makes secrets that nobody has to think up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from jx.domain.objects.recipes import Recipe


class Generator(Protocol):
    """Makes secrets by recipes."""

    def make(self, recipe: Recipe) -> Mapping[str, str]:
        """A new secret, other ones at each call: under "" the value itself, and beside it what the recipe's `companions` name."""
        ...
