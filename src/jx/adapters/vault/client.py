"""Client: requests to one Vault, logged in once and again when the login ends. Blocking and thread-safe."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from jx.adapters.vault.access import Login, Token, VaultAccess
from jx.domain.errors import Failed, Forbidden, Invalid, JxError, Stale, Unavailable

CONNECTIONS = 8
PURPOSE = "X-Jx-For"
"""The header that says what a request is for: `apply of dev at 29259323a029`."""
_RENEW_AFTER = 2 / 3
"""The part of a login's time after which it is renewed."""
_PART_BYTES = 65_536
_OUT_OF_STEP = "check-and-set parameter did not match"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Session:
    token: str
    renew_at: float
    """On the monotonic clock; infinity for a token without an end."""
    is_renewable: bool = False


class Client:
    """Requests below `/v1/` of one Vault."""

    def __init__(self, access: VaultAccess) -> None:
        self.access = access
        self.host = urlsplit(access.url).netloc
        self._pool = _pool(access)
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._keeper: threading.Timer | None = None

    def close(self) -> None:
        """Close the connections, and keep no login alive any more; the client may still be used."""
        with self._lock:
            if self._keeper:
                self._keeper.cancel()
                self._keeper = None
        self._pool.clear()

    def log_in(self) -> None:
        """Log in, where that has not been done. Forbidden where the login is refused."""
        self._current()

    def ask(self, method: str, path: str, body: Json | None = None, *, purpose: str = "") -> Json | None:
        """The answer's object; None for 404. `purpose` is for the audit record of the other side. Logs in where that is
        needed, and once more where the login has ended."""
        session = self._current()
        status, answer = self._send(method, path, body, session.token, purpose)
        if status == 403 and self._forget(session):
            status, answer = self._send(method, path, body, self._current().token, purpose)
        if status == 404:
            return None
        if status == 403 and isinstance(self.access.login, Token):
            self._of_token(self.access.login)  # tells of one that has ended meanwhile
        if status >= 400:
            raise self._error(status, answer, f"{method} {path}")
        return answer

    def health(self) -> int:
        """The status code that tells the state of a Vault: 200 and 429 (standby) serve, 501 and 503 do not."""
        status, _ = self._send("GET", "sys/health?standbyok=true&perfstandbyok=true", None, "")
        return status

    def check_unsealed(self) -> None:
        """Unavailable where it cannot be reached, is not initialized, or is sealed."""
        status = self.health()
        if status == 501:
            raise Unavailable(
                f"Vault at {self.access.url} is not initialized", hint="initialize it: vault operator init"
            )
        if status == 503:
            raise Unavailable(
                f"Vault at {self.access.url} is sealed",
                hint="unseal it, or wait for its unsealer; then try again",
            )

    def _current(self) -> _Session:
        with self._lock:
            if self._session is None:
                self._session = self._new_session()
                self._keep_alive(self._session)
            elif time.monotonic() > self._session.renew_at:
                self._session = self._renewed(self._session)
            return self._session

    def _keep_alive(self, session: _Session) -> None:
        """A token that a person gave cannot be had anew, so it is renewed in time, however long nothing is asked: an apply may
        wait for health longer than it lasts. Every other login is made anew where it is needed."""
        is_kept = isinstance(self.access.login, Token) and session.is_renewable
        if not is_kept or session.renew_at == float("inf"):
            return
        self._keeper = threading.Timer(max(1.0, session.renew_at - time.monotonic()), self._renew_in_time)
        self._keeper.daemon = True
        self._keeper.start()

    def _renew_in_time(self) -> None:
        with self._lock:
            if self._session is None or self._keeper is None:
                return
            try:
                self._session = self._renewed(self._session)
            except JxError:  # whoever asks next is told
                return
            self._keep_alive(self._session)

    def _forget(self, session: _Session) -> bool:
        """Whether a new login may help where this one was refused."""
        if isinstance(self.access.login, Token):
            return False
        with self._lock:
            if self._session is session:
                self._session = None
        return True

    def _new_session(self) -> _Session:
        login = self.access.login
        if isinstance(login, Token):
            return self._of_token(login)
        path = f"auth/{login.mount}/login"
        status, answer = self._send("POST", path, login.body, "")
        if status in (400, 401, 403):
            raise Forbidden(
                f"Vault at {self.host} refuses the login {_shown(login)}: {_reason(answer)}",
                hint="check the role, its policies, and whom it is bound to",
            )
        if status >= 300:
            raise self._error(status, answer, f"POST {path}")
        return _session(answer.get("auth") or {})

    def _of_token(self, login: Token) -> _Session:
        status, answer = self._send("GET", "auth/token/lookup-self", None, login.value)
        if status == 403 and _is_of_policy(answer):
            return _Session(login.value, float("inf"))
        if status in (400, 401, 403):
            raise Forbidden(
                f"Vault at {self.host} does not know the token that is used, or it has ended",
                hint="get a new one (vault login), and set VAULT_TOKEN",
            )
        if status >= 300:
            raise self._error(status, answer, "GET auth/token/lookup-self")
        data = answer.get("data") or {}
        return _session({"client_token": login.value, "lease_duration": data.get("ttl"), **data})

    def _renewed(self, session: _Session) -> _Session:
        if session.is_renewable:
            status, answer = self._send("POST", "auth/token/renew-self", {}, session.token)
            if status < 300:
                return _session(answer.get("auth") or {})
        return self._new_session()

    def _send(
        self, method: str, path: str, body: Json | None, token: str, purpose: str = ""
    ) -> tuple[int, Json]:
        headers = {"Accept": "application/json", "X-Vault-Request": "true"}
        if purpose:
            headers[PURPOSE] = quote(purpose, safe=" ,:/@")
        if token:
            headers["X-Vault-Token"] = token
        if self.access.namespace:
            headers["X-Vault-Namespace"] = self.access.namespace
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self.access.url.rstrip('/')}/v1/{path}"
        ends = time.monotonic() + self.access.timeout_seconds
        try:
            answer = self._pool.request(method, url, body=content, headers=headers, preload_content=False)
            return answer.status, _parsed(self._content(answer, ends))
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error

    def _content(self, answer: urllib3.BaseHTTPResponse, ends: float) -> bytes:
        """All of an answer, within the time that the request as a whole has: one that comes drop by drop is slow, too."""
        parts: list[bytes] = []
        try:
            while part := answer.read1(_PART_BYTES):
                parts.append(part)
                if time.monotonic() > ends:
                    answer.close()
                    raise self._slow()
        finally:
            answer.release_conn()
        return b"".join(parts)

    def _unreachable(self, error: urllib3.exceptions.HTTPError) -> JxError:
        cause = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
        if isinstance(cause, urllib3.exceptions.SSLError):
            return Invalid(
                f"the certificate of Vault at {self.host} is not trusted",
                hint="name the authority that signed it: VAULT_CACERT, or caFile of the store",
            )
        # A refused connection is a kind of time-out there.
        is_refused = isinstance(cause, urllib3.exceptions.NewConnectionError)
        if isinstance(cause, urllib3.exceptions.TimeoutError) and not is_refused:
            return self._slow()
        return Unavailable(
            f"Vault at {self.host} cannot be reached", hint="check that it runs, and its address"
        )

    def _slow(self) -> Unavailable:
        seconds = self.access.timeout_seconds
        return Unavailable(
            f"Vault at {self.host} did not answer within {seconds:g} s", hint="try again later"
        )

    def _error(self, status: int, answer: Json, attempt: str) -> JxError:
        reason = _reason(answer)
        if status == 503 or "Vault is sealed" in reason:
            return Unavailable(
                f"Vault at {self.host} is sealed", hint="unseal it, or wait for its unsealer; then try again"
            )
        if status == 429 or status >= 500:
            return Unavailable(
                f"Vault at {self.host} answered {status} to {attempt}: {reason}",
                hint="try again later; its own log says more",
            )
        if status in (401, 403):
            return Forbidden(
                f"Vault at {self.host} forbids {attempt}: {reason}",
                hint="its policies have to allow that: jx step secrets setup writes them as jx-requirements.yml lists paths",
            )
        if _OUT_OF_STEP in reason:
            return Stale(f"the secret was changed by somebody else meanwhile ({attempt})")
        return Failed(f"Vault at {self.host} answered {status} to {attempt}: {reason}")


def quoted(path: str) -> str:
    """A path as it stands in a URL."""
    return quote(path.strip("/"), safe="/")


def _pool(access: VaultAccess) -> urllib3.PoolManager:
    timeout = urllib3.Timeout(total=access.timeout_seconds)
    options: dict[str, Any] = {"ca_certs": access.ca_file} if access.ca_file else {}
    # No redirects: a token is for the host it was given for.
    return urllib3.PoolManager(
        maxsize=CONNECTIONS, block=True, timeout=timeout, retries=urllib3.Retry(0, redirect=0), **options
    )


def _session(auth: Json) -> _Session:
    seconds = float(auth.get("lease_duration") or 0)
    renew_at = time.monotonic() + seconds * _RENEW_AFTER if seconds else float("inf")
    return _Session(str(auth.get("client_token", "")), renew_at, is_renewable=bool(auth.get("renewable")))


def _parsed(content: bytes) -> Json:
    try:
        parsed = json.loads(content) if content else {}
    except ValueError:
        parsed = {}
    return parsed if isinstance(parsed, dict) else {}


def _reason(answer: Json) -> str:
    """What the server says of it. It speaks of paths and rights there, not of values."""
    errors = answer.get("errors") or ()
    return "; ".join(" ".join(str(one).split()) for one in errors)[:300] or "no reason is given"


def _is_of_policy(answer: Json) -> bool:
    """Whether a token is known, and only may not look at itself: that is said as a list of what is wrong, a token that nobody
    knows in plain words (OpenBao) or by that name (Vault)."""
    reason = _reason(answer)
    return reason.startswith("1 error occurred") and "token" not in reason


def _shown(login: Login) -> str:
    match login:
        case Token():
            return "by a token"
        case _:
            role = getattr(login, "role", "") or getattr(login, "role_id", "")
            return f"of role {role} by {login.mount}"
