"""Store readers: which paths of a secret store the accounts of a platform may read, as the store itself is told.

Each environment has a reader of its own, that may read just what its branch lists. The platform's controllers apply them all, and
so may read what any of them may, and nothing else of a store that others use, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jx.domain.environments.environments import Requirements
from jx.domain.names import EnvironmentName
from jx.domain.secrets.secret_policy import policy_of


@dataclass(frozen=True, slots=True)
class Account:
    """A service account of a cluster."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ClusterIdentity:
    """How a store knows the accounts of a cluster: by asking its API, or by the keys that sign their tokens."""

    server: str
    ca: str = ""
    """PEM; empty: the store knows the authority anyway."""
    issuer: str = ""
    """Of the tokens, and whom they are for; empty where the cluster does not tell."""
    keys: tuple[str, ...] = ()
    """PEM."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who may log in as a role, and what that role may do."""

    role: str
    account: Account
    reads: tuple[str, ...] = ()
    """Patterns of paths, as `Reach` has them."""
    makes: tuple[str, ...] = ()
    """Paths that it may read and also write: of what is made by recipes."""
    includes: tuple[str, ...] = ()
    """Roles whose rights it has, too."""


def plan_readers(
    role: str, account: Account, environments: Mapping[EnvironmentName, Requirements]
) -> tuple[Reader, ...]:
    """One for each environment, `<role>-<environment>`, and last the platform's own."""
    found = tuple(
        Reader(
            f"{role}-{name}",
            account,
            reads=policy_of(requirements, name).reach.patterns,
            makes=(f"generated/{name}/**",),
        )
        for name, requirements in environments.items()
    )
    return (*found, Reader(role, account, includes=tuple(one.role for one in found)))


def rules_of(reader: Reader, *, mount: str, has_versions: bool = True) -> dict[str, list[str]]:
    """A reader's rights as Vault's policies have them, by path: of an engine whose secrets have versions, or not."""
    rules: dict[str, list[str]] = {}
    for pattern in (*reader.reads, *reader.makes):
        verbs = ["create", "read", "update"] if pattern in reader.makes else ["read"]
        glob = glob_of(pattern)
        if has_versions:
            rules[f"{mount}/data/{glob}"] = verbs
            rules[f"{mount}/metadata/{glob}"] = ["read", "list"]
        else:
            rules[f"{mount}/{glob}"] = [*verbs, "list"]
    return rules


def glob_of(pattern: str) -> str:
    """A pattern as Vault's policies write it: `+` is one part of a path, `*` whatever follows. What they cannot say (a `*` within
    a part, `**` before the end) is cut there, so that they allow more than the pattern; jx itself looks at the pattern."""
    done: list[str] = []
    for part in pattern.split("/"):
        if part != "*" and "*" in part:
            done.append(part.partition("*")[0] + "*")
            break
        done.append("+" if part == "*" else part)
    return "/".join(done)
