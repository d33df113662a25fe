"""Secrets by recipes, from the system's source of randomness."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import assert_never

from jx.domain.objects.recipes import CHARACTERS, Kind, Recipe
from jx.ports.clock import Clock


class SystemGenerator:
    """ports.generator.Generator."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def make(self, recipe: Recipe) -> Mapping[str, str]:
        """A new secret."""
        match recipe.kind:
            case Kind.PASSWORD | Kind.HMAC:
                return {"": _word(recipe)}
            case Kind.RSA:
                from jx.adapters.crypto import keys

                return keys.make_pair(recipe)
            case Kind.HTPASSWD:
                import bcrypt

                password = _word(recipe)
                hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(prefix=b"2b")).decode()
                # Web servers know the same algorithm by this name.
                return {"": f"{recipe.user}:{hashed.replace('$2b$', '$2y$', 1)}", ".password": password}
            case Kind.TLS:
                from jx.adapters.crypto import keys

                return keys.make_certificate(recipe, self._clock.now())
            case _:
                assert_never(recipe.kind)


def _word(recipe: Recipe) -> str:
    characters = CHARACTERS[recipe.alphabet]
    return "".join(secrets.choice(characters) for _ in range(recipe.length))
