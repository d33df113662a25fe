"""Logins: user names and passwords of chart repositories and git servers. Git names where one is kept; the store has it.

What a login is for is kept beside it in the store. So whoever may write into git can refer to a login, and cannot have it sent to
another server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from jx.domain.errors import Invalid, NotFound, Refused
from jx.domain.objects.references import Reference, Scheme

_URL, _USERNAME, PASSWORD = "url", "username", "password"
BESIDE: Final = (_URL, _USERNAME)
"""Keys beside that of the password."""
_SCHEMES: Final = frozenset({"https", "http", "oci"})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Login:
    """Where a login is kept, and for what: as it stands in git."""

    url: str
    """Of the server, or of what is on it; without a slash at its end."""
    secret: Reference
    """Of the password. User name and address are at the same path, under `username` and `url`."""

    def covers(self, url: str) -> bool:
        """Whether it is for what is at an address."""
        return _is_within(url, self.url)


@dataclass(frozen=True, slots=True)
class Credential:
    """A login, opened."""

    url: str
    username: str
    password: str = field(repr=False)


def parse_url(text: str) -> str:
    """An address that a login may be for. Invalid for one that holds a login, or where it would be sent as it is."""
    url = text.rstrip("/")
    try:
        parts = urlsplit(url)
        is_known = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_known, parts = False, SplitResult("", "", "", "", "")
    if "@" in parts.netloc:
        raise Invalid("an address for a login may not hold one itself", hint="give it with --username")
    if not is_known or parts.query or parts.fragment:
        raise Invalid(
            f"{text!r} is no address that a login can be for", hint="https://host/path, or oci://host/path"
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise Invalid(f"a login would go to {url} without encryption", hint="use https")
    return url


def find_login(logins: Iterable[Login], url: str) -> Login | None:
    """The login for an address: of those that cover it, the one that says most."""
    fits = [one for one in logins if one.covers(url)]
    return max(fits, key=lambda one: len(one.url)) if fits else None


def place(environment: str, url: str) -> Reference:
    """Where the store keeps an environment's login for an address."""
    parts = urlsplit(url)
    words = [parts.netloc, *filter(None, parts.path.split("/"))]
    name = "+".join(re.sub(r"[^A-Za-z0-9_.-]", "-", word) for word in words)
    return Reference(Scheme.VAULT, f"{environment}/logins/{name}", PASSWORD)


def stored(url: str, username: str, password: str) -> dict[str, str]:
    """What the store keeps of a login."""
    return {_URL: url, _USERNAME: username, PASSWORD: password}


def opened(login: Login, values: Mapping[str, str]) -> Credential:
    """The login, from what the store has at its path. NotFound where something is missing; Refused where it is for another
    address than git says."""
    keys = (_URL, _USERNAME, login.secret.key)
    missing = [key for key in keys if key not in values]
    if missing:
        raise NotFound(
            f"the login for {login.url} is not complete: {login.secret.path} has no {', '.join(missing)}",
            hint=f"jx add login {login.url} --username NAME --password-stdin",
        )
    if not _is_within(login.url, values[_URL]):
        raise Refused(
            f"the login at {login.secret.path} is not for {login.url}, and is not sent there",
            hint="the store says what it is for, under its key url",
        )
    return Credential(login.url, values[_USERNAME], values[login.secret.key])


def _is_within(url: str, place: str) -> bool:
    try:
        inner, outer = urlsplit(url.rstrip("/")), urlsplit(place.rstrip("/"))
        is_same = (inner.scheme, inner.hostname, inner.port) == (outer.scheme, outer.hostname, outer.port)
    except ValueError:
        return False
    if ".." in inner.path.split("/"):
        return False
    return is_same and f"{inner.path}/".startswith(f"{outer.path.rstrip('/')}/")
