"""Authentication: what an `Auth` comes to now. Token files are read again, exec plugins asked again when theirs run out."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, assert_never

import orjson

from jx.adapters.kubernetes.access import (
    Anonymous,
    Auth,
    BearerToken,
    ClientCertificate,
    ClusterAccess,
    ExecPlugin,
    TokenFile,
)
from jx.domain.errors import Forbidden, Refused, Unavailable
from jx.ports.clock import Clock

_PLUGIN_LIMIT_SECONDS = 60
_TOKEN_FILE_AGE = timedelta(minutes=1)
"""A mounted token is renewed long before it ends; reading it once a minute is what client-go does too."""
_EXPIRY_MARGIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request carries: a token, a client certificate with its key (PEM), both, or nothing."""

    token: str = field(default="", repr=False)
    certificate: str = ""
    key: str = field(default="", repr=False)


class Authentication:
    """The credential of one access, kept while it is good. Thread-safe."""

    def __init__(self, access: ClusterAccess, clock: Clock, *, is_interactive: bool = False) -> None:
        self._access = access
        self._clock = clock
        self._is_interactive = is_interactive
        self._lock = threading.Lock()
        self._kept: Credential | None = None
        self._until: datetime | None = None

    def current(self) -> Credential:
        """The credential to use now. Forbidden where a plugin gives none, Unavailable where it does not answer."""
        with self._lock:
            if self._kept is None or (self._until is not None and self._clock.now() >= self._until):
                self._kept, self._until = self._read(self._access.auth)
            return self._kept

    def forget(self, refused: Credential) -> bool:
        """Drop a credential that the server refused; True where another one may be had."""
        if not isinstance(self._access.auth, TokenFile | ExecPlugin):
            return False
        with self._lock:
            if self._kept == refused:
                self._kept = None
            return True

    def _read(self, auth: Auth) -> tuple[Credential, datetime | None]:
        match auth:
            case Anonymous():
                return Credential(), None
            case BearerToken(token):
                return Credential(token=token), None
            case ClientCertificate(certificate, key):
                return Credential(certificate=certificate, key=key), None
            case TokenFile(path):
                return Credential(token=_token_of(path)), self._clock.now() + _TOKEN_FILE_AGE
            case ExecPlugin():
                return self._ask(auth)
            case _:
                assert_never(auth)

    def _ask(self, plugin: ExecPlugin) -> tuple[Credential, datetime | None]:
        interactive = self._may_interact(plugin)
        done = self._run(plugin, interactive=interactive)
        name = Path(plugin.argv[0]).name
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines() if done.stderr else []
            raise Forbidden(
                f"{name}, which gives the credentials of user {self._access.user_name!r}, failed with code "
                f"{done.returncode}" + (f": {said[-1][:300]}" if said else ""),
                hint=plugin.install_hint or "log in again with your cloud's tool, then repeat",
            )
        status = _status_of(done.stdout, plugin, name)
        credential = Credential(
            token=str(status.get("token") or ""),
            certificate=str(status.get("clientCertificateData") or ""),
            key=str(status.get("clientKeyData") or ""),
        )
        if not credential.token and not (credential.certificate and credential.key):
            raise Forbidden(f"{name} gave neither a token nor a client certificate", hint=plugin.install_hint)
        return credential, _expiry_of(status)

    def _may_interact(self, plugin: ExecPlugin) -> bool:
        if plugin.interactive_mode == "Never":
            return False
        if plugin.interactive_mode == "Always" and not self._is_interactive:
            raise Refused(
                f"{Path(plugin.argv[0]).name} gives credentials only at a terminal (interactiveMode: Always)",
                hint="run jx at a terminal, or use another user of the kubeconfig",
            )
        return self._is_interactive

    def _run(self, plugin: ExecPlugin, *, interactive: bool) -> subprocess.CompletedProcess[bytes]:
        info: dict[str, Any] = {"interactive": interactive}
        if plugin.provides_cluster_info:
            info["cluster"] = _cluster_info(self._access)
        request = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": info}
        env = {**os.environ, **plugin.env, "KUBERNETES_EXEC_INFO": orjson.dumps(request).decode()}
        try:
            return subprocess.run(  # the argv is the kubeconfig's own, no shell in between
                plugin.argv,
                env=env,
                stdin=sys.stdin if interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if interactive else subprocess.PIPE,
                timeout=None if interactive else _PLUGIN_LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(
                f"{plugin.argv[0]} gave no credentials within {_PLUGIN_LIMIT_SECONDS} s",
                hint="run it by hand to see what it waits for",
            ) from None
        except OSError as error:
            raise Forbidden(
                f"{plugin.argv[0]}, which gives the credentials, cannot be started: {error.strerror}",
                hint=plugin.install_hint or "install it, or renew the kubeconfig",
            ) from error


def _token_of(path: str) -> str:
    try:
        token = Path(path).read_text().strip()
    except OSError as error:
        raise Forbidden(f"the token file {path} cannot be read: {error.strerror}") from error
    if not token:
        raise Forbidden(f"the token file {path} is empty")
    return token


def _status_of(output: bytes, plugin: ExecPlugin, name: str) -> dict[str, Any]:
    try:
        answer = orjson.loads(output)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise Forbidden(f"{name} did not answer with an ExecCredential", hint=plugin.install_hint)
    if answer.get("apiVersion") != plugin.api_version:
        raise Forbidden(
            f"{name} answered in {answer.get('apiVersion')}, and the kubeconfig asks for {plugin.api_version}",
            hint="renew the kubeconfig with your cloud's tool",
        )
    status = answer.get("status")
    return status if isinstance(status, dict) else {}


def _expiry_of(status: dict[str, Any]) -> datetime | None:
    text = status.get("expirationTimestamp")
    if not isinstance(text, str):
        return None
    try:
        expiry = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)) - _EXPIRY_MARGIN


def _cluster_info(access: ClusterAccess) -> dict[str, Any]:
    info: dict[str, Any] = {"server": access.server}
    if access.ca:
        info["certificate-authority-data"] = base64.b64encode(access.ca.encode()).decode()
    if access.tls_server_name:
        info["tls-server-name"] = access.tls_server_name
    if access.is_insecure:
        info["insecure-skip-tls-verify"] = True
    return info
