"""Access: where a cluster is and as whom it is spoken to, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credentials."""


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that stays the same."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A token in a file that somebody else renews, as in a pod: read again and again."""

    path: str


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate with its key, both PEM."""

    certificate: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program that gives credentials (`client.authentication.k8s.io`), as the kubeconfig states it."""

    api_version: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    interactive_mode: str = "IfAvailable"
    install_hint: str = ""
    provides_cluster_info: bool = False

    def __hash__(self) -> int:
        return hash((self.api_version, self.argv))


Auth = Anonymous | BearerToken | TokenFile | ClientCertificate | ExecPlugin


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """One context of a kubeconfig, or the account of a pod. Made by `kubeconfig.load` and `kubeconfig.in_cluster`."""

    server: str
    """URL, perhaps with a path, without a slash at its end."""
    auth: Auth = Anonymous()
    ca: str = ""
    """PEM; empty means the certificate authorities that this machine trusts."""
    namespace: str = "default"
    context_name: str = ""
    user_name: str = ""
    """What the kubeconfig calls the user; not proven by anything."""
    tls_server_name: str = ""
    is_insecure: bool = False
    """The server's certificate is not checked, since the kubeconfig says so: worth a warning."""
    impersonation: tuple[tuple[str, str], ...] = ()
    """Headers that ask to act as somebody else."""

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.server).netloc.rpartition("@")[2]
