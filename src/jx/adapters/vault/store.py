"""The secret store over a key/value engine of Vault, version 1 or 2 as the mount says."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from typing import Any

from jx.adapters.vault.access import VaultAccess
from jx.adapters.vault.client import CONNECTIONS, Client, Json, quoted
from jx.domain.errors import Failed, Forbidden, Invalid, NotFound, Stale, about
from jx.domain.objects.references import check_path
from jx.ports.secrets import Listed, Secret


class VaultSecrets:
    """Secrets of one mount. Version 1 has no compare-and-swap of its own: there two writers at the same moment can both win."""

    def __init__(self, access: VaultAccess) -> None:
        self._access = access
        self._client = Client(access)
        self._salt = secrets.token_bytes(16)

    depth = 0

    @property
    def name(self) -> str:
        """`Vault at https://...`."""
        return f"Vault at {self._access.url}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def check(self) -> None:
        """Raises what reads would raise now."""
        self._client.check_unsealed()
        assert self._version in (1, 2)

    def read(self, paths: tuple[str, ...], *, purpose: str = "") -> Mapping[str, Secret]:
        """The secrets at these paths, as far as they are there."""
        wanted = tuple(dict.fromkeys(paths))
        if not wanted:
            return {}
        assert self._version
        with ThreadPoolExecutor(min(CONNECTIONS, len(wanted)), thread_name_prefix="vault") as pool:
            found = list(pool.map(lambda path: self._read_one(path, purpose), wanted))
        return {one.path: one for one in found if one is not None}

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        """Make these be all values of a path, if its version still is the one given."""
        check_path(path)
        if self._version == 1:
            return self._write_unversioned(path, values, version, purpose)
        body = {"data": dict(values), "options": {"cas": int(version or 0)}}
        answer = self._client.ask("POST", self._at("data", path), body, purpose=purpose)
        if answer is None:
            raise self._no_mount()
        metadata = answer["data"]
        return Secret(path, dict(values), str(metadata["version"]), _time(metadata.get("created_time")))

    def list_under(self, prefix: str = "") -> tuple[Listed, ...]:
        """Everything at and below a path: a request per folder and one per secret."""
        at = prefix.strip("/")
        found = [
            *([at] if at and self._client.ask("GET", self._at("metadata", at)) else []),
            *self._below(at),
        ]
        return tuple(self._listed(path) for path in sorted(set(found)))

    def remove(self, path: str, *, purpose: str = "") -> bool:
        """Remove a path with all its versions."""
        check_path(path)
        was_there = self._client.ask("GET", self._at("metadata", path)) is not None
        self._client.ask("DELETE", self._at("metadata", path), purpose=purpose)
        return was_there

    @cached_property
    def _version(self) -> int:
        self._client.log_in()
        try:
            answer = self._client.ask("GET", f"sys/internal/ui/mounts/{quoted(self._access.mount)}")
        except Forbidden as error:  # said of a mount that is not there, too
            raise self._no_mount() from error
        mount = (answer or {}).get("data") or {}
        if answer is None or mount.get("type") not in ("kv", "generic"):
            raise self._no_mount()
        return int((mount.get("options") or {}).get("version") or 1)

    def _at(self, section: str, path: str) -> str:
        middle = f"{section}/" if self._version == 2 else ""
        return f"{quoted(self._access.mount)}/{middle}{quoted(path)}"

    def _read_one(self, path: str, purpose: str) -> Secret | None:
        with about(path):
            return self._read(path, purpose)

    def _read(self, path: str, purpose: str) -> Secret | None:
        check_path(path)
        answer = self._client.ask("GET", self._at("data", path), purpose=purpose)
        if answer is None:
            if self._names(path):
                raise Invalid(f"{path} of {self.name} is a folder, not a secret", hint="name a secret in it")
            return None
        data = answer.get("data") or {}
        if self._version == 1:
            return self._unversioned(path, _texts(data))
        metadata = data.get("metadata") or {}
        if data.get("data") is None:
            return None
        return Secret(
            path, _texts(data["data"]), str(metadata.get("version", "")), _time(metadata.get("created_time"))
        )

    def _write_unversioned(self, path: str, values: Mapping[str, str], version: str, purpose: str) -> Secret:
        there = self._read(path, purpose)
        if (there.version if there else "") != version:
            raise Stale(f"{path} of {self.name} was changed by somebody else meanwhile")
        self._client.ask("POST", self._at("data", path), dict(values), purpose=purpose)
        return self._unversioned(path, dict(values))

    def _unversioned(self, path: str, values: Mapping[str, str]) -> Secret:
        """What stands for the version tells states apart within this process; salted, since a hash of a secret can be guessed."""
        text = json.dumps(values, sort_keys=True).encode()
        digest = hmac.new(self._salt, text, hashlib.sha256).hexdigest()
        return Secret(path, values, digest, is_counted=False)

    def _below(self, folder: str) -> list[str]:
        found: list[str] = []
        for name in self._names(folder):
            path = f"{folder}/{name}".strip("/") if folder else name.rstrip("/")
            if name.endswith("/"):
                found += self._below(path)
            else:
                found.append(path)
        return found

    def _names(self, folder: str) -> list[str]:
        answer = self._client.ask("GET", f"{self._at('metadata', folder)}?list=true")
        return [str(name) for name in ((answer or {}).get("data") or {}).get("keys") or ()]

    def _listed(self, path: str) -> Listed:
        if self._version == 1:
            return Listed(path)
        answer = self._client.ask("GET", self._at("metadata", path)) or {}
        data: Json = answer.get("data") or {}
        return Listed(path, str(data.get("current_version", "")), _time(data.get("updated_time")))

    def _no_mount(self) -> NotFound:
        return NotFound(
            f"{self.name} has no key/value engine at {self._access.mount}/ that this login may see",
            hint=f"enable one (vault secrets enable -path={self._access.mount} -version=2 kv), or give the login a policy for it",
        )


def _texts(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        raise Failed("Vault gave a secret that is no map of keys and values")
    return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in data.items()}


def _time(text: Any) -> datetime | None:
    if not text:
        return None
    # Nanoseconds are more than datetime knows.
    head, dot, rest = str(text).partition(".")
    if not dot:
        return datetime.fromisoformat(head)
    digits = rest.rstrip("Zz").partition("+")[0][:6]
    return datetime.fromisoformat(f"{head}.{digits}+00:00")
