"""Recipes of secrets: what can be asked for, and where it is kept."""

from __future__ import annotations

import pytest

from jx.domain.errors import Invalid
from jx.domain.objects.recipes import Alphabet, Kind, Recipe, find_recipe, place_of, recipe_like
from jx.domain.objects.references import parse_reference


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("<generated>", Recipe()),
        ("<generated:hmac>", Recipe(Kind.HMAC, length=41, alphabet=Alphabet.HEX)),
        ("<generated:password,length=32,alphabet=symbols>", Recipe(length=32, alphabet=Alphabet.SYMBOLS)),
        ("<generated:rsa,bits=4096>", Recipe(Kind.RSA, bits=4096)),
        (
            "<generated:tls,name=shop.example,names=a.example|b.example,days=90>",
            Recipe(Kind.TLS, name="shop.example", names=("a.example", "b.example"), days=90),
        ),
        ("<generated:htpasswd, user=ann>", Recipe(Kind.HTPASSWD, user="ann")),
        ("<generated:password,at=prod/db:password>", Recipe(at=parse_reference("vault:prod/db:password"))),
    ],
)
def test_what_can_be_asked_for(text: str, recipe: Recipe) -> None:
    assert find_recipe(text) == recipe


@pytest.mark.parametrize(
    "value", ["generated", "<generate>", "x <generated>", "", None, 3, "<generated", "<generated:a<b>"]
)
def test_other_values_are_no_recipes(value: object) -> None:
    assert find_recipe(value) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<generated:hmak>", "'hmak', which cannot be made"),
        ("<generated:password,size=3>", "'size=3' says nothing here"),
        ("<generated:rsa,length=30>", "'length=30' says nothing here"),
        ("<generated:password,length=3>", "length is a whole number from 8 to 1024"),
        ("<generated:password,length=many>", "length is a whole number"),
        ("<generated:rsa,bits=512>", "bits is a whole number from 2048"),
        ("<generated:password,alphabet=greek>", "alphabet 'greek' is not known"),
        ("<generated:password,at=prod>", "is no reference"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_told_why(text: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        find_recipe(text)


def test_a_secret_is_kept_under_the_name_of_its_value() -> None:
    kept = place_of(Recipe(), ("redis", "users", 0, "pass word"), "staging")
    assert str(kept) == "vault:generated/staging/redis:users.0.pass-word"


def test_a_recipe_may_say_where_it_is_kept() -> None:
    recipe = find_recipe("<generated:password,at=prod/db:password>")
    assert recipe is not None
    assert str(place_of(recipe, ("redis", "password"), "staging")) == "vault:prod/db:password"


@pytest.mark.parametrize(
    ("old", "length", "alphabet"),
    [
        ("0123456789", 10, "digits"),
        ("00ff00ff00ff", 12, "hex"),
        ("Abcdefghij", 10, "letters"),
        ("abc", 8, "hex"),
        ("a1B2c3D4e5", 10, "alnum"),
        ("p@ss/word!", 10, "symbols"),
    ],
)
def test_a_password_is_made_like_the_old_one(old: str, length: int, alphabet: str) -> None:
    recipe = recipe_like(old)
    assert (recipe.length, recipe.alphabet.value) == (length, alphabet)


@pytest.mark.parametrize("old", ["", "two words", "-----BEGIN\nx\n"])
def test_what_is_no_password_cannot_be_made_like_it(old: str) -> None:
    with pytest.raises(Invalid):
        recipe_like(old)
