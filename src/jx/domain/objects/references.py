"""References: where a secret value is, written in git in place of it: `vault:prod/db:password`.

A reference is a whole value, never a part of a text: `vault:` in prose means nothing. Its path may have dots and slashes, its key
dots. `vault:` is the platform's store, whatever that is (as Jenkins X 2 had it); `local:`, `k8s:`, `aws:` and `gcp:` name one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jx.domain.errors import Invalid

Path = tuple[str | int, ...]
"""Where a leaf is: keys and list indexes."""


class Scheme(StrEnum):
    """Which store a reference is about."""

    VAULT = "vault"
    """The platform's own: HashiCorp Vault, OpenBao, or the embedded one."""
    LOCAL = "local"
    """The embedded one, by name."""
    K8S = "k8s"
    """Secrets of the cluster: the path is `namespace/name`."""
    AWS = "aws"
    """AWS Secrets Manager."""
    GCP = "gcp"
    """Google Secret Manager."""


_SCHEMES = "|".join(Scheme)
_PART = r"(?!\.{1,2}(?:/|:))[A-Za-z0-9_.@+=-]+"
_REFERENCE = re.compile(rf"({_SCHEMES}):({_PART}(?:/{_PART})*):([A-Za-z0-9_.-]+)")
_MEANT = re.compile(r"vault:[^\s#]*")
"""What can only be meant as a reference. The other words also begin values of other meaning (`aws:kms`)."""


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One value of a secret: a key of what a store holds at a path."""

    scheme: Scheme
    path: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.path}:{self.key}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A reference, and where in a document it stands."""

    at: Path
    reference: Reference


def parse_reference(text: str) -> Reference:
    """A reference; Invalid with the form that it has."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise Invalid(
            f"{text!r} is no reference to a secret",
            hint=f"the form is SCHEME:PATH:KEY, as vault:prod/db:password; schemes: {', '.join(Scheme)}",
        )
    return Reference(Scheme(found[1]), found[2], found[3])


def find_reference(value: object) -> Reference | None:
    """The reference that a value is; None for every other value."""
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        return None
    return parse_reference(value)


def is_misspelt(value: object) -> bool:
    """Whether a value can only be meant as a reference, and is none."""
    return isinstance(value, str) and bool(_MEANT.fullmatch(value)) and not _REFERENCE.fullmatch(value)


def list_references(document: Any) -> tuple[Placed, ...]:
    """All references of a document, in its order."""
    return tuple(
        Placed(at, reference)
        for at, value in leaves(document)
        if (reference := find_reference(value)) is not None
    )


def list_misspelt(document: Any) -> tuple[Path, ...]:
    """Where values stand that can only be meant as references, and are none."""
    return tuple(at for at, value in leaves(document) if is_misspelt(value))


def list_in_text(text: str) -> tuple[Reference, ...]:
    """All references that are words of a text, each once: for templates, which are no documents yet."""
    found = (find_reference(word) for word in re.split(r"""[\s"',\[\]{}]+""", text))
    return tuple(dict.fromkeys(one for one in found if one is not None))


def leaves(document: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All values that are neither maps nor lists, with their places."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from leaves(value, (*at, str(key)))
    elif isinstance(document, list | tuple):
        for index, value in enumerate(document):
            yield from leaves(value, (*at, index))
    else:
        yield at, document


def replaced(document: Any, values: Mapping[Reference, Any]) -> Any:
    """A copy of a document with values in place of references; KeyError for one without a value."""
    if isinstance(document, Mapping):
        return {key: replaced(value, values) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [replaced(value, values) for value in document]
    reference = find_reference(document)
    return document if reference is None else values[reference]


def shown(at: Path) -> str:
    """A place as a person writes it: `redis.auth.users[0].password`."""
    text = ""
    for part in at:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class Reach:
    """The paths that an environment may read: `prod/db`, or `prod/*` and `prod/**` for what is below (one level, or any)."""

    patterns: tuple[str, ...]

    def covers(self, path: str) -> bool:
        """Whether a path may be read."""
        return any(_pattern(pattern).fullmatch(path) for pattern in self.patterns)


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", text)
    return re.compile("".join({"**": ".+", "*": "[^/]+"}.get(part) or re.escape(part) for part in parts))


def check_path(path: str) -> None:
    """Invalid for what cannot be the path of a secret in any store."""
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise Invalid(f"{path!r} is no path of a secret")
