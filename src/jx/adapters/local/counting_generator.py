"""Secrets that can be told beforehand, for tests."""

from __future__ import annotations

from collections.abc import Mapping

from jx.domain.objects.recipes import Recipe


class CountingGenerator:
    """ports.generator.Generator: `p001xxxx`, `p002xxxx` ..., padded to the length asked for."""

    def __init__(self) -> None:
        self.made = 0

    def make(self, recipe: Recipe) -> Mapping[str, str]:
        self.made += 1
        value = f"{recipe.kind[0]}{self.made:03}".ljust(recipe.length, "x")
        return {"": value, **{ending: f"{value}{ending}" for ending in recipe.companions}}
