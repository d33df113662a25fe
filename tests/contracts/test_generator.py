"""The contract of `ports.generator.Generator`, held to every adapter of it."""

from __future__ import annotations

import pytest

from jx.adapters.crypto.generator import SystemGenerator
from jx.adapters.files.clock import SystemClock
from jx.adapters.local.counting_generator import CountingGenerator
from jx.domain.objects.recipes import Kind, Recipe
from jx.ports.generator import Generator


@pytest.fixture(params=["system", "counting"])
def generator(request: pytest.FixtureRequest) -> Generator:
    return SystemGenerator(SystemClock()) if request.param == "system" else CountingGenerator()


@pytest.mark.parametrize("kind", Kind)
def test_all_that_a_recipe_names_is_made(generator: Generator, kind: Kind) -> None:
    recipe = Recipe(kind)
    made = generator.make(recipe)
    assert set(made) == {"", *recipe.companions}
    assert all(made.values())


@pytest.mark.parametrize("kind", Kind)
def test_a_secret_is_another_one_each_time(generator: Generator, kind: Kind) -> None:
    assert generator.make(Recipe(kind))[""] != generator.make(Recipe(kind))[""]


@pytest.mark.parametrize("length", [8, 20, 64])
def test_a_password_is_as_long_as_was_asked(generator: Generator, length: int) -> None:
    assert len(generator.make(Recipe(length=length))[""]) == length
