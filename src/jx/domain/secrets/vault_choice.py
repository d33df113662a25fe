"""Vault choice: which store of secrets an installation gets, by its flags: a Vault that is there, one of its own, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from jx.domain.errors import Usage
from jx.domain.secrets.vaults import Provider

ROLE: Final = "jx"
"""As which the platform's controllers log in, where nobody says otherwise."""
_PLAIN: Final = frozenset({"kubernetes", "kind", "minikube"})
"""Providers without a cloud that could keep keys."""


@dataclass(frozen=True, slots=True)
class VaultFlags:
    """What a person typed about Vault; empty where nothing."""

    url: str = ""
    role: str = ""
    mount: str = ""
    auth_path: str = ""
    namespace: str = ""
    ca: str = ""
    """PEM."""
    is_set_up: bool = False
    """Whoever runs it has set it up."""
    operator_repository: str = ""
    operator_version: str = ""
    cloud: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Fields of VaultPlan: project, region, account, kms_key."""


@dataclass(frozen=True, slots=True)
class VaultAt:
    """Where a store is that speaks Vault's API, and how the platform's pods log in there. Nothing of it is a secret."""

    url: str
    role: str = ROLE
    mount: str = "secret"
    auth_path: str = "kubernetes"
    namespace: str = ""
    """Of Vault Enterprise and OpenBao."""
    ca: str = ""
    """PEM of the authority that signed its certificate; empty: one that everybody trusts."""
    is_set_up: bool = False
    """Its engine, policies and logins are the affair of whoever runs it."""

    def chart_values(self) -> dict[str, str]:
        """What the platform's chart is told; what it assumes anyway is left out."""
        usual = VaultAt("")
        told = {"mount": self.mount, "authPath": self.auth_path, "namespace": self.namespace, "ca": self.ca}
        assumed = {"mount": usual.mount, "authPath": usual.auth_path, "namespace": "", "ca": ""}
        return {"url": self.url, "role": self.role} | {
            key: text for key, text in told.items() if text != assumed[key]
        }

    def requirements(self, *, namespace: str, account: str) -> dict[str, Any]:
        """Its part of `jx-requirements.yml`, in the words of Jenkins X 2."""
        return {
            "url": self.url,
            "serviceAccount": account,
            "namespace": namespace,
            "kubernetesAuthPath": self.auth_path,
            "secretEngineMountPoint": self.mount,
        }


@dataclass(frozen=True, slots=True)
class OwnVault:
    """One that is to be made, kept by its operator."""

    provider: Provider
    repository: str = ""
    """Of the operator's chart; empty: what the version stream says, else where the platform's chart is from."""
    version: str = ""
    cloud: Mapping[str, str] = field(default_factory=dict, hash=False)


VaultChoice = VaultAt | OwnVault | None


def choose_vault(flags: VaultFlags, *, provider: str, is_embedded: bool, is_wanted: bool) -> VaultChoice:
    """What the flags mean. On this machine the embedded store stands, and there is nothing to choose. Usage where they contradict
    each other, or the provider."""
    if flags.url and not is_wanted:
        raise Usage("--vault-url names a Vault, and --vault=false or --no-gitops-vault leaves it out")
    if flags.url and is_embedded:
        raise Usage(
            "the embedded platform brings a secret store along, and has no use for --vault-url",
            hint="on a cluster: name --provider",
        )
    if flags.url:
        return _existing(flags)
    if not is_wanted or is_embedded:
        return None
    return OwnVault(_keeper(provider), flags.operator_repository, flags.operator_version, flags.cloud)


def is_in_clear(url: str) -> bool:
    """Whether secrets would go over a network as they are."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "http" and host not in {"localhost", "127.0.0.1", "::1"}


def _existing(flags: VaultFlags) -> VaultAt:
    url = flags.url.rstrip("/")
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        has_login = "@" in parts.netloc
    except ValueError:
        is_url, has_login = False, False
    if has_login:
        raise Usage("--vault-url holds a login, and it is written into git", hint="set VAULT_TOKEN instead")
    if not is_url:
        raise Usage(f"--vault-url takes an address as https://vault.example:8200, not {flags.url!r}")
    usual = VaultAt("")
    return VaultAt(
        url,
        role=flags.role or usual.role,
        mount=flags.mount.strip("/") or usual.mount,
        auth_path=flags.auth_path.removeprefix("auth/").strip("/") or usual.auth_path,
        namespace=flags.namespace,
        ca=flags.ca,
        is_set_up=flags.is_set_up,
    )


def _keeper(provider: str) -> Provider:
    if provider in _PLAIN:
        return Provider.KUBERNETES
    try:
        return Provider(provider)
    except ValueError as error:
        raise Usage(
            f"a Vault of its own cannot keep its keys on {provider}",
            hint="use one that is there: --vault-url URL; or leave it out: --vault=false",
        ) from error
