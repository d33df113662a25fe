"""Who may log in to a Vault: policies, and roles of the Kubernetes login."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from jx.adapters.vault.access import VaultAccess
from jx.adapters.vault.client import Client, quoted
from jx.domain.errors import Failed

_LOGIN = "kubernetes"
_HOST = "https://kubernetes.default.svc"
"""The API server as a Vault inside of the cluster reaches it. One outside has its login set up by who runs it."""
_TTL = "1h"


class VaultAccounts:
    """ports.secrets.SecretAccess of one Vault, by a token that may write policies and roles."""

    def __init__(self, access: VaultAccess) -> None:
        self._client = Client(access)
        self._mount = quoted(access.mount)

    def ensure_reader(self, role: str, *, namespace: str, account: str) -> bool:
        """Let a service account log in as a role that reads all and makes what is missing."""
        policy = {
            "path": {
                f"{self._mount}/data/*": {"capabilities": ["create", "read", "update"]},
                f"{self._mount}/metadata/*": {"capabilities": ["read", "list"]},
            }
        }
        wanted = {
            "bound_service_account_names": [account],
            "bound_service_account_namespaces": [namespace],
            "token_policies": [role],
            "token_ttl": _TTL,
        }
        changed = self._ensure_policy(role, policy)
        return self._ensure_role(role, wanted) or changed

    def _ensure_policy(self, name: str, policy: Mapping[str, Any]) -> bool:
        found = ((self._client.ask("GET", f"sys/policies/acl/{name}") or {}).get("data") or {}).get("policy")
        if found and _parsed(found) == policy:
            return False
        self._client.ask("PUT", f"sys/policies/acl/{name}", {"policy": json.dumps(policy)})
        return True

    def _ensure_role(self, name: str, wanted: Mapping[str, Any]) -> bool:
        path = f"auth/{_LOGIN}/role/{name}"
        found = self._find_role(path)
        if found is not None and all(found.get(key) == wanted[key] for key in wanted if key != "token_ttl"):
            return False
        self._client.ask("POST", path, wanted)
        return True

    def _find_role(self, path: str) -> Mapping[str, Any] | None:
        answer = self._client.ask("GET", path)
        if answer is None and self._client.ask("GET", f"auth/{_LOGIN}/role?list=true") is None:
            self._enable()
        return (answer or {}).get("data")

    def _enable(self) -> None:
        """Where the login is not there. One without any role is told from that by the list of logins."""
        logins = (self._client.ask("GET", "sys/auth") or {}).get("data") or {}
        if f"{_LOGIN}/" not in logins:
            self._client.ask("POST", f"sys/auth/{_LOGIN}", {"type": "kubernetes"})
            with contextlib.suppress(
                Failed
            ):  # a Vault outside of the cluster: who runs it says where that is
                self._client.ask("POST", f"auth/{_LOGIN}/config", {"kubernetes_host": _HOST})


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
