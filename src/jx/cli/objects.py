"""Objects as people name them on the command line."""

from __future__ import annotations

from jx.domain.errors import Usage


def parse_object(text: str) -> tuple[str, str]:
    """Kind and name from `Deployment/shop`. Usage where it is neither."""
    kind, slash, name = text.partition("/")
    if not (kind and slash and name):
        raise Usage(f"{text!r} is no object", hint="name it as KIND/NAME: Deployment/shop")
    return kind, name
