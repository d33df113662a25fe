"""Names: parsed once at the border, trusted inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType
from urllib.parse import urlsplit

from jx.domain.errors import Invalid, Problem

EnvironmentName = NewType("EnvironmentName", str)
"""The name of an environment: `dev`, `staging`, `production` ... A DNS label."""

AppKey = NewType("AppKey", str)
"""What tells two apps of one environment apart: the alias of its dependency, or its chart name. A DNS label."""

Revision = NewType("Revision", str)
"""A git commit, 40 (or 64) hexadecimal digits."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_BRANCH = re.compile(r"(?!.*(\.\.|//|@\{|\.lock$|\.lock/))[A-Za-z0-9_][A-Za-z0-9._/-]*(?<![./])")
_REVISION = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")

_LONGEST_RELEASE = 53

DEV = EnvironmentName("dev")


def _parse_label(text: str, what: str) -> str:
    if not _LABEL.fullmatch(text):
        raise Invalid(
            f"{text!r} is not a valid name of {what}",
            Problem(
                "",
                "a name has at most 63 lower-case letters, digits and '-', and begins and ends with a letter or digit",
            ),
        )
    return text


def parse_environment_name(text: str) -> EnvironmentName:
    """The name of an environment, or Invalid."""
    return EnvironmentName(_parse_label(text, "an environment"))


def parse_app_key(text: str) -> AppKey:
    """The key of an app, or Invalid."""
    return AppKey(_parse_label(text, "an app"))


def parse_namespace(text: str) -> str:
    """A Kubernetes namespace, or Invalid."""
    return _parse_label(text, "a namespace")


def parse_release(text: str) -> str:
    """A Helm release, or Invalid. It begins the names of most objects, so Helm lets it have 53 characters."""
    if len(text) > _LONGEST_RELEASE:
        raise Invalid(f"{text!r} is not a valid name of a release: it may have {_LONGEST_RELEASE} characters")
    return _parse_label(text, "a release")


def parse_branch(text: str) -> str:
    """A git branch that is safe as an argument of git (never begins with `-`), or Invalid."""
    if not _BRANCH.fullmatch(text):
        raise Invalid(f"{text!r} is not a valid name of a branch")
    return text


def parse_revision(text: str) -> Revision:
    """A full git commit id, or Invalid."""
    if not _REVISION.fullmatch(text):
        raise Invalid(f"{text!r} is not a full git commit id")
    return Revision(text)


@dataclass(frozen=True, slots=True, order=True)
class Repo:
    """A git repository by its clone URL, which never holds credentials."""

    url: str

    @property
    def owner(self) -> str:
        """The organisation or user: the last path segment but one, or empty."""
        parts = self._parts()
        return parts[-2] if len(parts) > 1 else ""

    @property
    def name(self) -> str:
        """The last path segment without `.git`."""
        parts = self._parts()
        return parts[-1].removesuffix(".git") if parts else ""

    @property
    def full_name(self) -> str:
        """`owner/name`, as forges and controllers' keys have it."""
        return f"{self.owner}/{self.name}" if self.owner else self.name

    @property
    def host(self) -> str:
        """The server's name, without port and login; empty for a path."""
        if "://" in self.url:
            return urlsplit(self.url).hostname or ""
        return self.url.rpartition(":")[0].rpartition("@")[2]

    def _parts(self) -> list[str]:
        path = urlsplit(self.url).path if "://" in self.url else self.url.rpartition(":")[2]
        return [part for part in path.split("/") if part]

    def sibling(self, full_name: str) -> Repo:
        """The repository of that `owner/name` on the same server."""
        bare = self.url.rstrip("/").removesuffix(".git")
        end = ".git" if self.url.rstrip("/").endswith(".git") else ""
        return Repo(f"{bare.removesuffix(self.full_name)}{full_name}{end}")

    def is_same(self, other: Repo) -> bool:
        """Equal up to `.git`, a trailing slash and a login in the URL."""
        return _canonical(self.url) == _canonical(other.url)


def _canonical(url: str) -> str:
    bare = url.rstrip("/").removesuffix(".git")
    scheme, separator, rest = bare.partition("://")
    if not separator:
        return bare
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.rpartition('@')[2].lower()}{slash}{path}"


def parse_repo(url: str) -> Repo:
    """A git repository from its URL or path; Invalid where it could be taken for an option or holds a password."""
    if not url or url.startswith("-") or any(c in url for c in "\n\r\0"):
        raise Invalid(f"{url!r} is not the URL of a git repository")
    parts = urlsplit(url) if "://" in url else None
    if parts is not None and parts.password:
        raise Invalid(
            "the URL of a git repository may not hold a password",
            hint="leave the login out of the URL; a git credential helper gives it",
        )
    if parts is not None and parts.scheme not in {"http", "https", "ssh", "git", "file"}:
        raise Invalid(
            f"{parts.scheme!r} is not a transport for git repositories", hint="use https, ssh, http or file"
        )
    return Repo(url)


@dataclass(frozen=True, slots=True)
class Person:
    """Who did something, as git and forges know them. `login` is the forge's proven user name and may be empty."""

    name: str
    email: str = ""
    login: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.email else self.name
