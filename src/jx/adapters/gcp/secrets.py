"""The secret store over Google Secret Manager's REST API (v1).

A secret's id is its path with `/` written as `__` and `.` as `-dot-`, since ids have letters, digits, `-` and `_` only; its text
is a JSON object of keys and values, or one value under the key `value`. The service has no compare-and-swap for versions: the
etag of the secret itself is taken as the lock, by a label that every write changes first.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from jx.domain.errors import Failed, Forbidden, Invalid, JxError, Stale, Unavailable, about
from jx.ports.secrets import Listed, Secret

_ENDPOINT = "https://secretmanager.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_THREADS = 8
_PAGE = 250
_PART = re.compile(r"(?!.*(__|-dot-))[A-Za-z0-9_.-]+(?<!_)")

Token = Callable[[], str]
"""Gives an access token that is good now."""


class GcpSecrets:
    """Secrets of one project."""

    def __init__(self, project: str, token: Token, *, endpoint: str = _ENDPOINT) -> None:
        self._project = project
        self._token = token
        self._endpoint = endpoint.rstrip("/")
        self._pool = urllib3.PoolManager(
            maxsize=_THREADS,
            block=True,
            timeout=urllib3.Timeout(total=10.0),
            retries=urllib3.Retry(0, redirect=0),
        )

    depth = 0

    @property
    def name(self) -> str:
        """`Google Secret Manager of project x`."""
        return f"Google Secret Manager of project {self._project}"

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def check(self) -> None:
        """Raises what reads would raise now."""
        self._ask("GET", "secrets?pageSize=1")

    def read(self, paths: tuple[str, ...], *, purpose: str = "") -> Mapping[str, Secret]:
        """The secrets at these paths, as far as they are there."""
        wanted = tuple(dict.fromkeys(paths))
        for path in wanted:
            _id_of(path)
        if not wanted:
            return {}
        with ThreadPoolExecutor(min(_THREADS, len(wanted)), thread_name_prefix="gcp") as pool:
            found = list(pool.map(self._read_one, wanted))
        return {one.path: one for one in found if one is not None}

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        """Make these be all values of a path, if its version still is the one given."""
        at = f"secrets/{_id_of(path)}"
        if not version:
            self._create(path)
        else:
            self._claim(path, at, version)
        payload = base64.b64encode(json.dumps(dict(values)).encode()).decode()
        made = self._ask("POST", f"{at}:addVersion", {"payload": {"data": payload}})
        if made is None:
            raise _stale(path)
        return Secret(path, dict(values), _number(made), _time(made.get("createTime")))

    def list_under(self, prefix: str = "") -> tuple[Listed, ...]:
        """Everything at and below a path: a request per secret for its newest version."""
        place = prefix.strip("/")
        paths = [path for path in self._paths() if not place or path == place or path.startswith(f"{place}/")]
        newest = {path: self._ask("GET", f"secrets/{_id_of(path)}/versions/latest") for path in paths}
        return tuple(
            Listed(path, _number(one), _time(one.get("createTime")))
            for path, one in sorted(newest.items())
            if one is not None
        )

    def remove(self, path: str, *, purpose: str = "") -> bool:
        """Remove a path with all its versions."""
        return self._ask("DELETE", f"secrets/{_id_of(path)}") is not None

    def _read_one(self, path: str) -> Secret | None:
        with about(path):
            return self._read(path)

    def _read(self, path: str) -> Secret | None:
        at = f"secrets/{_id_of(path)}/versions/latest"
        answer = self._ask("GET", f"{at}:access")
        if answer is None:
            if any(other.startswith(f"{path}/") for other in self._paths()):
                raise Invalid(f"{path} of {self.name} is a folder, not a secret", hint="name a secret in it")
            return None
        text = base64.b64decode(answer["payload"]["data"]).decode()
        described = self._ask("GET", at) or {}
        return Secret(path, _values(text), _number(answer), _time(described.get("createTime")))

    def _create(self, path: str) -> None:
        query = urlencode({"secretId": _id_of(path)})
        made = self._ask(
            "POST", f"secrets?{query}", {"replication": {"automatic": {}}, "labels": {"jx-turn": "1"}}
        )
        if made is None:
            raise Failed(f"{self.name} made no secret for {path}")

    def _claim(self, path: str, at: str, version: str) -> None:
        """Be the only one who writes after this version: the secret's etag decides."""
        secret, newest = self._ask("GET", at), self._ask("GET", f"{at}/versions/latest")
        if secret is None or newest is None or _number(newest) != version:
            raise _stale(path)
        labels = {**(secret.get("labels") or {}), "jx-turn": str(int(version) + 1)}
        body = {"etag": secret.get("etag", ""), "labels": labels}
        if self._ask("PATCH", f"{at}?updateMask=labels", body) is None:
            raise _stale(path)

    def _paths(self) -> list[str]:
        found: list[str] = []
        more = ""
        while True:
            query = urlencode({"pageSize": _PAGE, **({"pageToken": more} if more else {})})
            answer = self._ask("GET", f"secrets?{query}") or {}
            names = (str(one["name"]).rpartition("/")[2] for one in answer.get("secrets") or ())
            found += [_path_of(name) for name in names]
            more = answer.get("nextPageToken") or ""
            if not more:
                return sorted(found)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """An answer; None where it is not there."""
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        url = f"{self._endpoint}/v1/projects/{quote(self._project, safe='')}/{path}"
        try:
            answer = self._pool.request(
                method, url, headers=headers, body=None if body is None else json.dumps(body).encode()
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{self.name} cannot be reached ({type(error).__name__})") from error
        if answer.status == 404:
            return None
        if answer.status >= 400:
            raise self._error(answer.status, f"{method} {path.partition('?')[0]}", path)
        parsed: dict[str, Any] = json.loads(answer.data or b"{}")
        return parsed

    def _error(self, status: int, attempt: str, path: str) -> JxError:
        if status in (409, 412) or (status == 400 and attempt.startswith("PATCH")):
            return _stale(path.partition("?")[0])
        if status in (401, 403):
            return Forbidden(
                f"{self.name} forbids {attempt}", hint="check the login, and its role on the project"
            )
        if status == 429 or status >= 500:
            return Unavailable(f"{self.name} answered {status} to {attempt}")
        return Failed(f"{self.name} answered {status} to {attempt}")


def default_token() -> Token:
    """By Application Default Credentials: a workload's identity, a key file, or `gcloud auth application-default login`."""
    import google.auth
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.urllib3 import Request

    lock = threading.Lock()
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except GoogleAuthError as error:
        raise Forbidden(
            "no login for Google Cloud is found",
            hint="gcloud auth application-default login, or a workload's identity",
        ) from error

    def token() -> str:
        with lock:
            if not credentials.valid:
                try:
                    credentials.refresh(Request(urllib3.PoolManager()))  # type: ignore[no-untyped-call]
                except GoogleAuthError as error:
                    raise Forbidden("the login for Google Cloud has ended", hint="log in again") from error
            return str(credentials.token)

    return token


def _id_of(path: str) -> str:
    parts = path.split("/")
    if any(part in {"", ".", ".."} or not _PART.fullmatch(part) for part in parts):
        raise Invalid(
            f"{path!r} is no path of a secret here", hint="parts have letters, digits, '-', '_' and '.'"
        )
    return "__".join(parts).replace(".", "-dot-")


def _path_of(secret_id: str) -> str:
    return secret_id.replace("-dot-", ".").replace("__", "/")


def _number(answer: Mapping[str, Any]) -> str:
    return str(answer.get("name", "")).rpartition("/")[2]


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", str(text))) if text else None


def _values(text: str) -> dict[str, str]:
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        return {"value": text}
    return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in parsed.items()}


def _stale(path: str) -> Stale:
    return Stale(f"{path} was changed by somebody else meanwhile")
