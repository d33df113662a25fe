"""Access to the embedded store: policies (who may do what at which paths), roles for service accounts, and tokens.

Policies are Vault's, in their JSON form: {"path": {"secret/data/prod/*": {"capabilities": ["read"]}}}. The
most exact pattern that fits decides, as in Vault: `+` is one part of a path, `*` at the end whatever follows.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jx.adapters.files.writing import write_whole
from jx.domain.errors import Forbidden, Invalid

ROOT: Final = "root"
_TTL: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token belongs to."""

    name: str
    policies: tuple[str, ...]
    ends: datetime | None = None
    ttl: timedelta = _TTL
    """How long it goes on from a renewal."""

    def is_over(self, now: datetime) -> bool:
        """Whether the token has ended."""
        return self.ends is not None and now >= self.ends


@dataclass(frozen=True, slots=True)
class Role:
    """Which service accounts may log in as it, and with which policies."""

    accounts: tuple[str, ...]
    namespaces: tuple[str, ...]
    policies: tuple[str, ...]
    ttl: timedelta = _TTL

    def admits(self, namespace: str, account: str) -> bool:
        """Whether a service account is bound to it."""
        return bool({"*", namespace} & set(self.namespaces)) and bool({"*", account} & set(self.accounts))


class Accesses:
    """Policies and roles in a file; tokens in memory, but for the root one, which the platform's owner has."""

    def __init__(self, file: Path, root_token: str, now: Callable[[], datetime]) -> None:
        self._file = file
        self._now = now
        self._lock = threading.Lock()
        self._tokens = {_hash(root_token): Bearer(ROOT, (ROOT,))}
        written = json.loads(file.read_text()) if file.exists() else {}
        self._policies: dict[str, dict[str, tuple[str, ...]]] = {
            name: _rules(policy) for name, policy in written.get("policies", {}).items()
        }
        self._roles: dict[str, Role] = {name: _role(role) for name, role in written.get("roles", {}).items()}
        self._written: dict[str, dict[str, Any]] = {
            "policies": written.get("policies", {}),
            "roles": written.get("roles", {}),
        }

    def put_policy(self, name: str, policy: Mapping[str, Any]) -> None:
        """Make a policy be this."""
        with self._lock:
            self._policies[name] = _rules(policy)
            self._keep("policies", name, policy)

    def put_role(self, name: str, role: Mapping[str, Any]) -> None:
        """Make a role be this."""
        with self._lock:
            self._roles[name] = _role(role)
            self._keep("roles", name, role)

    def find(self, section: str, name: str) -> Any:
        """A policy or role as it was written; None where there is none."""
        return self._written[section].get(name)

    def log_in(self, role_name: str, *, namespace: str, account: str) -> tuple[str, Bearer]:
        """A new token for a service account. Forbidden where the role is not for it."""
        role = self._roles.get(role_name)
        if role is None or not role.admits(namespace, account):
            raise Forbidden(f"role {role_name} is not for service account {namespace}/{account}")
        return self._issue(f"{namespace}/{account}", role.policies, role.ttl)

    def issue(self, name: str, policies: tuple[str, ...], ttl: object) -> tuple[str, Bearer]:
        """A new token with these policies, for an hour or as long as is said."""
        return self._issue(name, policies, _ttl(ttl))

    def _issue(self, name: str, policies: tuple[str, ...], ttl: timedelta) -> tuple[str, Bearer]:
        bearer = Bearer(name, policies, self._now() + ttl, ttl)
        token = f"jx.{secrets.token_urlsafe(24)}"
        with self._lock:
            now = self._now()
            self._tokens = {key: one for key, one in self._tokens.items() if not one.is_over(now)}
            self._tokens[_hash(token)] = bearer
        return token, bearer

    def find_bearer(self, token: str) -> Bearer | None:
        """Whose token it is; None where nobody's, or it has ended."""
        bearer = self._tokens.get(_hash(token))
        return None if bearer is None or bearer.is_over(self._now()) else bearer

    def renew(self, token: str) -> Bearer | None:
        """The bearer with a token that goes on."""
        bearer = self.find_bearer(token)
        if bearer is not None and bearer.ends is not None:
            bearer = replace(bearer, ends=self._now() + bearer.ttl)
            self._tokens[_hash(token)] = bearer
        return bearer

    def allows(self, bearer: Bearer, capability: str, path: str) -> bool:
        """Whether a bearer may do something at a path (with the mount, as `secret/data/prod/db`)."""
        if ROOT in bearer.policies:
            return True
        for name in bearer.policies:
            granted = _longest(self._policies.get(name, {}), path)
            if "deny" in granted:
                return False
            if capability in granted:
                return True
        return False

    def _keep(self, section: str, name: str, what: Mapping[str, Any]) -> None:
        self._written[section][name] = dict(what)
        write_whole(self._file, json.dumps(self._written, indent=1, sort_keys=True).encode())


def _hash(token: str) -> str:
    """Tokens are looked up by their hash: the time that a look-up takes says nothing about them."""
    return hashlib.sha256(token.encode()).hexdigest()


def _rules(policy: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    paths = policy.get("path")
    if not isinstance(paths, Mapping):
        raise Invalid('a policy is JSON here: {"path": {"secret/data/x/*": {"capabilities": ["read"]}}}')
    return {str(path): tuple(rule.get("capabilities") or ()) for path, rule in paths.items()}


def _role(role: Mapping[str, Any]) -> Role:
    return Role(
        accounts=_list(role.get("bound_service_account_names")),
        namespaces=_list(role.get("bound_service_account_namespaces")),
        policies=_list(role.get("token_policies") or role.get("policies")),
        ttl=_ttl(role.get("token_ttl") or role.get("ttl")),
    )


def _list(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(filter(None, (part.strip() for part in value.split(","))))
    return tuple(map(str, value or ()))


def _ttl(value: Any) -> timedelta:
    units = {"s": 1, "m": 60, "h": 3600}
    if isinstance(value, int):
        return timedelta(seconds=value)
    if isinstance(value, str) and value[-1:] in units and value[:-1].isdigit():
        return timedelta(seconds=int(value[:-1]) * units[value[-1]])
    return _TTL


def _longest(rules: Mapping[str, tuple[str, ...]], path: str) -> tuple[str, ...]:
    """The rule that says most exactly what the path is, as Vault weighs them."""
    if path in rules:
        return rules[path]
    fits = [pattern for pattern in rules if _pattern(pattern).fullmatch(path)]
    return rules[max(fits, key=_exactness)] if fits else ()


def _pattern(text: str) -> re.Pattern[str]:
    """`+` is one part of a path; `*` at the end is whatever follows."""
    parts = ["[^/]+" if part == "+" else re.escape(part) for part in text.removesuffix("*").split("/")]
    return re.compile("/".join(parts) + (".*" if text.endswith("*") else ""))


def _exactness(text: str) -> tuple[int, bool, int, int]:
    first = min(text.find(sign) if sign in text else len(text) for sign in "+*")
    return first, not text.endswith("*"), -text.count("+"), len(text)
