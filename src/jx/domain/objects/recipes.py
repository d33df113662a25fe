"""Recipes: how a secret is made that nobody has to think up, written in git in place of it.

    <generated>                              a password of 20 letters and digits
    <generated:hmac>                         a key for signatures: 41 hexadecimal digits, as Jenkins X 2 made them
    <generated:password,length=32,alphabet=symbols>
    <generated:rsa,bits=4096>                a private key; its public one beside it, as KEY.pub
    <generated:tls,name=shop.example,names=a.example|b.example,days=365>
                                             a certificate; KEY.key is its key and KEY.ca the authority that signed it
    <generated:htpasswd,user=admin>          a line for web servers; KEY.password is the password
    <generated:password,at=prod/db:password> kept at that path and key

It is made once, when an apply first needs it, and kept in the store at `generated/<environment>/<app>`, under the name
of the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jx.domain.errors import Invalid
from jx.domain.objects.references import Path, Reference, Scheme, parse_reference

_FORM = re.compile(r"<generated(?::([^<>]*))?>")
_LONGEST = 1024


class Kind(StrEnum):
    """What is made."""

    PASSWORD = "password"
    HMAC = "hmac"
    RSA = "rsa"
    TLS = "tls"
    HTPASSWD = "htpasswd"


class Alphabet(StrEnum):
    """Of which characters."""

    ALNUM = "alnum"
    """Letters and digits."""
    LETTERS = "letters"
    DIGITS = "digits"
    HEX = "hex"
    SYMBOLS = "symbols"
    """Letters, digits and such signs as need no quotes in a shell or URL: - _ . ~"""


CHARACTERS: Mapping[Alphabet, str] = {
    Alphabet.ALNUM: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    Alphabet.LETTERS: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    Alphabet.DIGITS: "0123456789",
    Alphabet.HEX: "0123456789abcdef",
    Alphabet.SYMBOLS: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~",
}


_BY_SIZE = sorted(CHARACTERS, key=lambda one: len(CHARACTERS[one]))
_SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one secret is made. Fields that its kind has no use for are at their defaults."""

    kind: Kind = Kind.PASSWORD
    length: int = 20
    alphabet: Alphabet = Alphabet.ALNUM
    bits: int = 2048
    name: str = ""
    """Common name of a certificate."""
    names: tuple[str, ...] = ()
    """Further host names of it."""
    days: int = 365
    user: str = "admin"
    at: Reference | None = None
    """Where it is kept; None: where the value's own place says."""

    @property
    def companions(self) -> tuple[str, ...]:
        """What is made beside it, as endings of its key."""
        return _COMPANIONS.get(self.kind, ())


_COMPANIONS: Mapping[Kind, tuple[str, ...]] = {
    Kind.RSA: (".pub",),
    Kind.TLS: (".key", ".ca"),
    Kind.HTPASSWD: (".password",),
}
_OPTIONS: Mapping[Kind, frozenset[str]] = {
    Kind.PASSWORD: frozenset({"length", "alphabet"}),
    Kind.HMAC: frozenset({"length"}),
    Kind.RSA: frozenset({"bits"}),
    Kind.TLS: frozenset({"name", "names", "days"}),
    Kind.HTPASSWD: frozenset({"user", "length"}),
}
_HMAC_LENGTH = 41


def find_recipe(value: object) -> Recipe | None:
    """The recipe that a value is, None for every other value; Invalid for one that cannot be followed."""
    found = _FORM.fullmatch(value) if isinstance(value, str) else None
    return None if found is None else _parse(found[0], found[1] or "")


def recipe_like(value: str) -> Recipe:
    """A recipe for a password that goes where this one did: as long, of the fewest characters that it is made of. Invalid for
    what is no password: several words or lines, or nothing. The message never quotes it."""
    if len(value) > _LONGEST or not value or any(mark.isspace() or not mark.isprintable() for mark in value):
        raise Invalid("the old value is no password that another could be made like")
    fits = (one for one in _BY_SIZE if set(value) <= set(CHARACTERS[one]))
    return Recipe(length=max(len(value), _SHORTEST), alphabet=next(fits, Alphabet.SYMBOLS))


def place_of(recipe: Recipe, at: Path, environment: str) -> Reference:
    """Where the secret of a value is kept: `generated/<environment>/<first part>`, under the rest of the value's name."""
    if recipe.at is not None:
        return recipe.at
    first, *rest = [re.sub(r"[^A-Za-z0-9_.-]", "-", str(part)) for part in at] or ["value"]
    return Reference(Scheme.VAULT, f"generated/{environment}/{first}", ".".join(rest) or "value")


def _parse(text: str, inside: str) -> Recipe:
    kind_text, *pairs = [part.strip() for part in inside.split(",")] if inside else [Kind.PASSWORD.value]
    if kind_text not in set(Kind):
        raise Invalid(
            f"{text} asks for {kind_text!r}, which cannot be made", hint=f"kinds: {', '.join(Kind)}"
        )
    kind = Kind(kind_text)
    options = dict(_option(text, kind, pair) for pair in pairs)
    alphabet = options.get("alphabet", Alphabet.ALNUM)
    if alphabet not in set(Alphabet):
        raise Invalid(f"{text}: alphabet {alphabet!r} is not known", hint=f"alphabets: {', '.join(Alphabet)}")
    usual = _HMAC_LENGTH if kind is Kind.HMAC else 20
    return Recipe(
        kind=kind,
        length=_number(text, options, "length", usual, at_least=_SHORTEST),
        alphabet=Alphabet.HEX if kind is Kind.HMAC else Alphabet(alphabet),
        bits=_number(text, options, "bits", 2048, at_least=2048, at_most=8192),
        name=options.get("name", ""),
        names=tuple(filter(None, options.get("names", "").split("|"))),
        days=_number(text, options, "days", 365, at_least=1, at_most=36500),
        user=options.get("user", "admin"),
        at=parse_reference(f"{Scheme.VAULT}:{options['at']}") if "at" in options else None,
    )


def _option(text: str, kind: Kind, pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    known = _OPTIONS[kind] | {"at"}
    if not equals or name not in known:
        raise Invalid(
            f"{text}: {pair!r} says nothing here", hint=f"options of {kind}: {', '.join(sorted(known))}"
        )
    return name, value


def _number(
    text: str, options: Mapping[str, str], name: str, usual: int, *, at_least: int, at_most: int = _LONGEST
) -> int:
    if name not in options:
        return usual
    if not options[name].isdecimal() or not at_least <= int(options[name]) <= at_most:
        raise Invalid(f"{text}: {name} is a whole number from {at_least} to {at_most}")
    return int(options[name])
