"""Access: where a Vault is, and how to log in there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Jwt = Callable[[], str]
"""Gives the token of the caller's own account, read anew at each login: such tokens are renewed on disk."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that somebody has already. It is renewed as far as it can be, and cannot be replaced."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppRole:
    """A role and its secret."""

    role_id: str
    secret_id: str = field(repr=False)
    mount: str = "approle"

    @property
    def body(self) -> Mapping[str, str]:
        """What a login sends."""
        return {"role_id": self.role_id, "secret_id": self.secret_id}


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The account of a pod, judged by the cluster's TokenReview (`kubernetes`) or by its keys (`jwt`)."""

    role: str
    jwt: Jwt = field(repr=False)
    mount: str = "kubernetes"

    @property
    def body(self) -> Mapping[str, str]:
        """What a login sends."""
        return {"role": self.role, "jwt": self.jwt()}


Login = Token | AppRole | ServiceAccount


@dataclass(frozen=True, slots=True)
class VaultAccess:
    """One key/value engine of one Vault."""

    url: str
    login: Login
    mount: str = "secret"
    namespace: str = ""
    """Of Vault Enterprise and OpenBao; empty: the root one."""
    ca_file: str = ""
    """PEM; empty: the certificates that the machine trusts."""
    timeout_seconds: float = 10.0
