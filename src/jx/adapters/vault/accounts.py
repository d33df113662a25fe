"""Who may log in to a Vault: its engine, policies, and roles of the login of a cluster's accounts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from jx.adapters.vault.access import VaultAccess
from jx.adapters.vault.client import Client, Json, quoted
from jx.domain.errors import Forbidden, Invalid, NotFound
from jx.domain.secrets.store_readers import Account, ClusterIdentity, Reader, rules_of

_TTL = "1h"
_JWT = "jwt"
_ENGINES = ("kv", "generic")


Identity = Callable[[], ClusterIdentity]
"""Asked for only where it has to be told."""


class VaultAccounts:
    """ports.secrets.SecretAccess of one Vault, by a token that may write policies and roles.

    The login is the mount `login_at`: of kind `jwt` where it is that already, or is called so; else of kind `kubernetes`.
    """

    def __init__(self, access: VaultAccess, *, login_at: str = "kubernetes", identity: Identity) -> None:
        self._client = Client(access)
        self._mount = quoted(access.mount)
        self._login_at = quoted(login_at)
        self._identity = identity

    def check(self) -> None:
        self._client.check_unsealed()
        self._client.log_in()

    def missing_rights(self, roles: tuple[str, ...]) -> tuple[str, ...]:
        wanted = [f"sys/policies/acl/{role}" for role in roles]
        wanted += [f"auth/{self._login_at}/role/{role}" for role in roles]
        try:
            wanted += [] if self._engine() else [f"sys/mounts/{self._mount}"]
            if self._login_kind() is None:
                wanted += [f"sys/auth/{self._login_at}", f"auth/{self._login_at}/config"]
        except Forbidden:
            wanted += ["sys/auth"]
        answer = self._client.ask("POST", "sys/capabilities-self", {"paths": wanted}) or {}
        found: Json = answer.get("data") or answer
        able = {"root", "create", "update", "sudo"}
        return tuple(path for path in wanted if not able & set(found.get(path) or ()))

    def ensure_engine(self) -> bool:
        kind = self._engine()
        if kind in _ENGINES:
            return False
        if kind:
            raise Invalid(
                f"Vault at {self._client.host} has {kind} at {self._mount}/, and no key/value engine",
                hint="name another place: --vault-mount, or JX_VAULT_MOUNT",
            )
        self._client.ask("POST", f"sys/mounts/{self._mount}", {"type": "kv", "options": {"version": "2"}})
        return True

    def ensure_login(self) -> bool:
        kind = self._login_kind()
        if kind is None:
            kind = _JWT if _JWT in self._login_at else "kubernetes"
            self._client.ask("POST", f"sys/auth/{self._login_at}", {"type": kind})
        if kind not in {"kubernetes", _JWT}:
            raise Invalid(
                f"the login at auth/{self._login_at} of Vault at {self._client.host} is of kind {kind}",
                hint="name another: --vault-auth-path, or JX_VAULT_AUTH_PATH",
            )
        config = self._client.ask("GET", f"auth/{self._login_at}/config")
        told = (config or {}).get("data") or {}
        if any(
            told.get(key)
            for key in ("kubernetes_host", "jwt_validation_pubkeys", "jwks_url", "oidc_discovery_url")
        ):
            return False
        self._client.ask("POST", f"auth/{self._login_at}/config", self._config(kind))
        return True

    def ensure_reader(self, reader: Reader) -> bool:
        changed = False
        if not reader.includes:
            changed = self._ensure_policy(reader.role, self._policy(reader))
        return self._ensure_role(reader) or changed

    def _config(self, kind: str) -> Mapping[str, Any]:
        known = self._identity()
        if kind == _JWT:
            if not known.keys:
                raise NotFound(
                    f"the cluster at {known.server} does not tell which keys sign its tokens",
                    hint="let Vault ask the cluster: --vault-auth-path kubernetes; or set up the login at"
                    f" auth/{self._login_at} by hand",
                )
            return {"jwt_validation_pubkeys": list(known.keys), "bound_issuer": known.issuer}
        if not known.ca:  # one that runs in the cluster knows the authority anyway
            return {"kubernetes_host": known.server}
        # Without a token of its own for reviews, Vault asks with that of who logs in: none has to be kept there.
        return {
            "kubernetes_host": known.server,
            "kubernetes_ca_cert": known.ca,
            "disable_local_ca_jwt": True,
        }

    def _engine(self) -> str:
        """The kind of engine where secrets are kept; empty where there is none."""
        mounts = self._client.ask("GET", "sys/mounts") or {}
        return str(((mounts.get("data") or {}).get(f"{self._mount}/") or {}).get("type") or "")

    def _version(self) -> int:
        answer = self._client.ask("GET", f"sys/internal/ui/mounts/{self._mount}") or {}
        return int((((answer.get("data") or {}).get("options")) or {}).get("version") or 1)

    def _login_kind(self) -> str | None:
        logins = (self._client.ask("GET", "sys/auth") or {}).get("data") or {}
        found = logins.get(f"{self._login_at}/")
        return str(found.get("type")) if found else None

    def _policy(self, reader: Reader) -> dict[str, Any]:
        rules = rules_of(reader, mount=self._mount, has_versions=self._version() == 2)
        return {"path": {path: {"capabilities": verbs} for path, verbs in rules.items()}}

    def _ensure_policy(self, name: str, policy: Mapping[str, Any]) -> bool:
        found = ((self._client.ask("GET", f"sys/policies/acl/{name}") or {}).get("data") or {}).get("policy")
        if found and _parsed(found) == policy:
            return False
        self._client.ask("PUT", f"sys/policies/acl/{name}", {"policy": json.dumps(policy)})
        return True

    def _ensure_role(self, reader: Reader) -> bool:
        wanted = {
            "token_policies": sorted(reader.includes or (reader.role,)),
            **(self._by_keys(reader.account) if self._login_kind() == _JWT else _by_review(reader.account)),
        }
        path = f"auth/{self._login_at}/role/{reader.role}"
        there = (self._client.ask("GET", path) or {}).get("data")
        if there is not None and all(_same(there.get(key), wanted[key]) for key in wanted):
            return False
        self._client.ask("POST", path, {**wanted, "token_ttl": _TTL})
        return True

    def _by_keys(self, account: Account) -> dict[str, Any]:
        return {
            "role_type": _JWT,
            "user_claim": "sub",
            "bound_audiences": [self._identity().issuer],
            "bound_subject": f"system:serviceaccount:{account.namespace}:{account.name}",
        }


def _by_review(account: Account) -> dict[str, Any]:
    return {
        "bound_service_account_names": [account.name],
        "bound_service_account_namespaces": [account.namespace],
    }


def _same(found: Any, wanted: Any) -> bool:
    return (
        sorted(found) == sorted(wanted)
        if isinstance(found, list) and isinstance(wanted, list)
        else found == wanted
    )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
