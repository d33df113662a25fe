"""Stores: which secret stores there are, chosen by what is there. With `wiring` and `outside` it alone names adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jx.config.settings import Settings
from jx.domain.errors import Forbidden, NotFound
from jx.domain.names import EnvironmentName
from jx.domain.objects.references import Scheme
from jx.ports.secrets import SecretAccess, SecretStore

if TYPE_CHECKING:
    from jx.adapters.kubernetes.api import Api
    from jx.adapters.vault.access import Login, VaultAccess
    from jx.adapters.vault.store import VaultSecrets
    from jx.ports.platforms import Platform

_USUAL_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_USUAL_ROLE, _USUAL_LOGIN, _USUAL_MOUNT = "jx", "kubernetes", "secret"


class Stores(Mapping[Scheme, SecretStore]):
    """Stores by scheme, each made when it is first asked for. `vault:` and `local:` are there where a Vault is known."""

    def __init__(self, settings: Settings, platform: Platform | None, api: Callable[[], Api]) -> None:
        self._settings = settings
        self._platform = platform
        self._api = api
        self._makers: dict[Scheme, Callable[[], SecretStore]] = {
            Scheme.K8S: lambda: _kubernetes_secrets(api()),
            Scheme.AWS: _aws_secrets,
            Scheme.GCP: lambda: _gcp_secrets(settings.gcp_project),
        }
        if self.vault_url:
            self._makers |= {Scheme.VAULT: lambda: self.vault, Scheme.LOCAL: lambda: self.vault}
        self._made: dict[Scheme, SecretStore] = {}
        self._environments: dict[EnvironmentName, VaultSecrets] = {}

    def __getitem__(self, scheme: Scheme) -> SecretStore:
        if scheme not in self._made:
            self._made[scheme] = self._makers[scheme]()
        return self._made[scheme]

    def __iter__(self) -> Iterator[Scheme]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def close(self) -> None:
        """Close what was opened."""
        if "vault" in self.__dict__:
            self.vault.close()
        for store in self._environments.values():
            store.close()

    @property
    def vault_url(self) -> str:
        """Where the platform's own store is; empty where there is none."""
        if self._settings.vault_address:
            return self._settings.vault_address
        return self._platform.vault_url if self._platform else ""

    @cached_property
    def vault(self) -> VaultSecrets:
        """The platform's own store; NotFound where there is none."""
        from jx.adapters.vault.store import VaultSecrets

        return VaultSecrets(self.vault_access)

    @property
    def vault_access(self) -> VaultAccess:
        """That store, and how to log in: by a token, the account of the pod, or as the embedded platform's owner."""
        from jx.adapters.vault.access import VaultAccess

        if not self.vault_url:
            raise NotFound(
                "no secret store is known", hint="set VAULT_ADDR and VAULT_TOKEN, or install with --vault"
            )
        settings = self._settings
        return VaultAccess(
            self.vault_url,
            self._login(),
            mount=settings.vault_mount or _USUAL_MOUNT,
            namespace=settings.vault_namespace,
            ca_file=settings.vault_ca_file,
        )

    def as_environment(self, name: EnvironmentName) -> Mapping[Scheme, SecretStore]:
        """The stores as the account of the pod may read them for one environment, as a role of its own; where the store knows no
        such role (yet), as the platform's. Who uses a token reads what that may read. Raises as SecretStore does."""
        from jx.adapters.vault.access import ServiceAccount
        from jx.adapters.vault.store import VaultSecrets

        if not self.vault_url:
            return self
        access = self.vault_access
        if name not in self._environments and isinstance(access.login, ServiceAccount):
            login = replace(access.login, role=f"{access.login.role}-{name}")
            store = VaultSecrets(replace(access, login=login))
            try:
                store.check()
            except Forbidden:
                store.close()
            else:
                self._environments[name] = store
        own = self._environments.get(name)
        return _AsEnvironment(self, own) if own else self

    def find_accounts(self) -> SecretAccess | None:
        """Who says who may read that store; None where there is none."""
        if not self.vault_url:
            return None
        from jx.adapters.kubernetes.identity import read_identity
        from jx.adapters.vault.accounts import VaultAccounts

        login_at = self._settings.vault_auth_path or _USUAL_LOGIN
        return VaultAccounts(
            self.vault_access, login_at=login_at, identity=lambda: read_identity(self._api())
        )

    @property
    def owner_token(self) -> str:
        """The token that a person uses; NotFound where none is known."""
        settings, platform = self._settings, self._platform
        if settings.vault_token:
            return settings.vault_token
        if platform is not None and self._is_embedded:
            return (platform.folder / "tokens" / "vault").read_text().strip()
        kept = _read_token(settings.vault_token_file)
        if not kept:
            raise NotFound(
                f"no login for Vault at {self.vault_url} is known", hint="set VAULT_TOKEN, or: vault login"
            )
        return kept

    @property
    def _is_embedded(self) -> bool:
        platform = self._platform
        return platform is not None and self._settings.vault_address in ("", platform.vault_url)

    def _login(self) -> Login:
        from jx.adapters.vault.access import AppRole, ServiceAccount, Token

        settings = self._settings
        if settings.vault_token:
            return Token(settings.vault_token)
        if settings.vault_role_id and settings.vault_secret_id and not self._is_embedded:
            return AppRole(settings.vault_role_id, settings.vault_secret_id)
        if not settings.in_cluster:
            return Token(self.owner_token)
        token = Path(settings.pod.get("JX_SERVICE_ACCOUNT_DIR", _USUAL_ACCOUNT), "token")
        return ServiceAccount(
            settings.vault_role or _USUAL_ROLE,
            lambda: token.read_text().strip(),
            settings.vault_auth_path or _USUAL_LOGIN,
        )


class _AsEnvironment(Mapping[Scheme, SecretStore]):
    """All stores, with another one in place of the platform's own."""

    def __init__(self, stores: Stores, own: SecretStore) -> None:
        self._stores, self._own = stores, own

    def __getitem__(self, scheme: Scheme) -> SecretStore:
        return self._own if scheme in (Scheme.VAULT, Scheme.LOCAL) else self._stores[scheme]

    def __iter__(self) -> Iterator[Scheme]:
        return iter(self._stores)

    def __len__(self) -> int:
        return len(self._stores)


def _read_token(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _kubernetes_secrets(api: Api) -> SecretStore:
    from jx.adapters.kubernetes.secrets import KubernetesSecrets

    return KubernetesSecrets(api)


def _aws_secrets() -> SecretStore:
    try:
        from jx.adapters.aws.secrets import AwsSecrets
    except ModuleNotFoundError as error:
        raise NotFound("secrets of AWS need an extra", hint="pipx install 'jx[aws]'") from error
    return AwsSecrets()


def _gcp_secrets(project: str) -> SecretStore:
    try:
        from jx.adapters.gcp.secrets import GcpSecrets, default_token
    except ModuleNotFoundError as error:
        raise NotFound("secrets of Google Cloud need an extra", hint="pipx install 'jx[gcp]'") from error
    if not project:
        raise NotFound("no project of Google Cloud is named", hint="set GOOGLE_CLOUD_PROJECT")
    return GcpSecrets(project, default_token())
