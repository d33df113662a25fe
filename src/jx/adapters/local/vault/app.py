"""The HTTP API: the part of Vault's that jx uses, with its paths, answers and status codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jx.adapters.local.vault.access import Accesses, Bearer
from jx.adapters.local.vault.audit import Audit
from jx.adapters.local.vault.engine import Engine, Version
from jx.domain.errors import Forbidden, Invalid, JxError, Stale

MOUNT: Final = "secret"
_MOST_BYTES: Final = 1024 * 1024
_LONGEST: Final = 200

Review: TypeAlias = Callable[[str], tuple[str, str] | None]
"""From a service account's token to its namespace and name; None for a token that the cluster does not know."""
_PURPOSE: Final = "x-jx-for"
"""The header in which a client says what it asks for: `apply of dev at 29259323a029`."""


@dataclass(frozen=True, slots=True)
class Services:
    """What the API is made of."""

    engine: Engine
    accesses: Accesses
    review: Review
    audit: Audit
    now: Callable[[], datetime]
    cluster: str = "the embedded one"
    """Whose accounts may log in, for who asks."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read."""

    method: str
    path: str
    token: str
    body: Mapping[str, Any]
    purpose: str = ""

    @property
    def written(self) -> Mapping[str, Any]:
        """The values that are to be written."""
        values = self.body.get("data")
        return values if isinstance(values, Mapping) else {}


def make_app(services: Services) -> Starlette:
    """The application; every answer is JSON, and none is kept by a cache."""
    api = _Api(services)

    async def serve(request: Request) -> Response:
        content = await request.body()
        if len(content) > _MOST_BYTES:
            return _errors(413, "the request is too large")
        try:
            asked = _read(request, content)
            return await run_in_threadpool(api.answer, asked)
        except JxError as error:
            return _errors(_STATUS.get(type(error), 400), error.message)
        except OSError as error:
            return _errors(500, f"nothing is done, or told, that cannot be written down: {error.strerror}")

    methods = ["GET", "POST", "PUT", "DELETE"]
    return Starlette(routes=[Route("/v1/{path:path}", serve, methods=methods)])


_STATUS: Final = {Forbidden: 403, Stale: 400, Invalid: 400}
_CAPABILITIES: Final = {"GET": "read", "LIST": "list", "POST": "update", "PUT": "update", "DELETE": "delete"}


class _Api:
    def __init__(self, services: Services) -> None:
        self._on = services

    def answer(self, asked: Asked) -> Response:
        """The answer to a request; raises Forbidden, Stale and Invalid, and OSError where it cannot be written down."""
        if asked.path in {"sys/health", "sys/seal-status"}:
            return JSONResponse({"initialized": True, "sealed": False, "standby": False, "version": "jx"})
        bearer = self._on.accesses.find_bearer(asked.token)
        verb = self._capability(asked)
        entry = self._on.audit.asked(
            bearer.name if bearer else "nobody",
            verb,
            asked.path,
            token=asked.token,
            purpose=asked.purpose,
            values=asked.written,
        )
        try:
            response = self._answer(asked, bearer, verb)
        except JxError as error:
            self._on.audit.answered(entry, _STATUS.get(type(error), 400), {})
            raise
        self._on.audit.answered(entry, response.status_code, _given(asked, response))
        return response

    def _answer(self, asked: Asked, bearer: Bearer | None, verb: str) -> Response:
        if asked.path == "auth/kubernetes/login":
            return self._log_in(asked.body)
        if bearer is None:
            raise Forbidden("permission denied")
        match asked.path.split("/"):
            case ["auth", "token", "lookup-self" | "renew-self" as own]:
                return self._of_token(own, asked.token, bearer)
            case ["sys", "capabilities-self"]:
                return self._capabilities(asked.body, bearer)
            case ["sys", "internal", "ui", "mounts", mount]:
                return self._mount(mount)
        if not self._on.accesses.allows(bearer, verb, asked.path):
            raise Forbidden("permission denied")
        return self._guarded(asked)

    def _guarded(self, asked: Asked) -> Response:
        match asked.path.split("/"):
            case [mount, "data", *rest] if mount == MOUNT and rest:
                return self._data(asked, "/".join(rest))
            case [mount, "metadata", *rest] if mount == MOUNT:
                return self._metadata(asked, "/".join(rest))
            case ["sys", "policies", "acl", name]:
                return self._policy(asked, name)
            case ["auth", "kubernetes", "role", name]:
                return self._role(asked, name)
            case ["auth", "token", "create"]:
                return self._create_token(asked.body)
            case _:
                return self._about(asked)

    def _about(self, asked: Asked) -> Response:
        """What is set up here and cannot be otherwise."""
        known: dict[str, Mapping[str, Any]] = {
            "sys/auth": {"kubernetes/": {"type": "kubernetes"}, "token/": {"type": "token"}},
            "sys/mounts": {f"{MOUNT}/": {"type": "kv", "options": {"version": "2"}}},
            "auth/kubernetes/config": {"kubernetes_host": self._on.cluster},
        }
        found = known.get(asked.path) if asked.method == "GET" else None
        return _errors(404, "no handler for route") if found is None else _data(found)

    def _capability(self, asked: Asked) -> str:
        if asked.method not in {"POST", "PUT"}:
            return _CAPABILITIES[asked.method]
        head = f"{MOUNT}/data/"
        is_new = asked.path.startswith(head) and self._on.engine.read(asked.path.removeprefix(head)) is None
        return "create" if is_new else "update"

    def _log_in(self, body: Mapping[str, Any]) -> Response:
        account = self._on.review(str(body.get("jwt") or ""))
        if account is None:
            raise Forbidden("permission denied")
        token, bearer = self._on.accesses.log_in(
            str(body.get("role") or ""), namespace=account[0], account=account[1]
        )
        return JSONResponse({"auth": self._auth(token, bearer)})

    def _create_token(self, body: Mapping[str, Any]) -> Response:
        name, policies = str(body.get("display_name") or "token"), body.get("policies") or ()
        token, bearer = self._on.accesses.issue(name, tuple(map(str, policies)), body.get("ttl"))
        return JSONResponse({"auth": self._auth(token, bearer)})

    def _of_token(self, verb: str, token: str, bearer: Bearer) -> Response:
        if verb == "lookup-self":
            seconds = int((bearer.ends - self._on.now()).total_seconds()) if bearer.ends else 0
            policies = list(bearer.policies)
            return _data({"ttl": seconds, "renewable": bearer.ends is not None, "policies": policies})
        renewed = self._on.accesses.renew(token) or bearer
        return JSONResponse({"auth": self._auth(token, renewed)})

    def _capabilities(self, body: Mapping[str, Any], bearer: Bearer) -> Response:
        known = ("create", "delete", "list", "read", "update")
        return _data(
            {
                path: [one for one in known if self._on.accesses.allows(bearer, one, path)] or ["deny"]
                for path in map(str, body.get("paths") or ())
            }
        )

    def _auth(self, token: str, bearer: Bearer) -> dict[str, Any]:
        seconds = int((bearer.ends - self._on.now()).total_seconds()) if bearer.ends else 0
        return {
            "client_token": token,
            "policies": list(bearer.policies),
            "lease_duration": seconds,
            "renewable": bearer.ends is not None,
        }

    def _mount(self, mount: str) -> Response:
        if mount != MOUNT:
            raise Forbidden(
                "preflight capability check returned 403, please ensure client's policies grant access"
            )
        return _data({"type": "kv", "options": {"version": "2"}, "path": f"{MOUNT}/"})

    def _data(self, asked: Asked, path: str) -> Response:
        engine = self._on.engine
        if asked.method in {"POST", "PUT"}:
            cas = (asked.body.get("options") or {}).get("cas")
            values = asked.body.get("data")
            if not isinstance(values, dict):
                raise Invalid("no data provided")
            return _data(_described(engine.write(path, values, cas=cas)))
        if asked.method == "DELETE":
            engine.delete(path)
            return Response(status_code=204)
        found = engine.read(path)
        if found is None:
            return _errors(404)
        status = 404 if found.values is None else 200
        return _data({"data": found.values, "metadata": _described(found)}, status)

    def _metadata(self, asked: Asked, path: str) -> Response:
        engine = self._on.engine
        if asked.method == "LIST":
            names = engine.names(path)
            return _data({"keys": names}) if names else _errors(404)
        if asked.method == "DELETE":
            engine.destroy(path)
            return Response(status_code=204)
        found = engine.read(path) if path else None
        if found is None:
            return _errors(404)
        return _data({"current_version": found.number, "updated_time": _text(found.created)})

    def _policy(self, asked: Asked, name: str) -> Response:
        if asked.method in {"POST", "PUT"}:
            self._on.accesses.put_policy(name, _json(str(asked.body.get("policy") or "")))
            return Response(status_code=204)
        policy = self._on.accesses.find("policies", name)
        return _errors(404) if policy is None else _data({"name": name, "policy": json.dumps(policy)})

    def _role(self, asked: Asked, name: str) -> Response:
        if asked.method in {"POST", "PUT"}:
            self._on.accesses.put_role(name, asked.body)
            return Response(status_code=204)
        role = self._on.accesses.find("roles", name)
        return _errors(404) if role is None else _data(role)


def _read(request: Request, content: bytes) -> Asked:
    method = "LIST" if request.query_params.get("list") == "true" else request.method
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    token = request.headers.get("x-vault-token", bearer)
    return Asked(
        method,
        request.path_params["path"].strip("/"),
        token,
        _json(content.decode()) if content else {},
        unquote(request.headers.get(_PURPOSE, ""))[:_LONGEST],
    )


def _given(asked: Asked, response: Response) -> Mapping[str, Any]:
    """The values that an answer holds."""
    if asked.method != "GET" or not asked.path.startswith(f"{MOUNT}/data/") or response.status_code != 200:
        return {}
    values = _json(bytes(response.body).decode())["data"]["data"]
    return values if isinstance(values, Mapping) else {}


def _json(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise Invalid("failed to parse JSON") from error
    if not isinstance(parsed, dict):
        raise Invalid("failed to parse JSON")
    return parsed


def _described(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "created_time": _text(version.created),
        "deletion_time": "",
        "destroyed": False,
    }


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _data(data: Mapping[str, Any], status: int = 200) -> Response:
    return JSONResponse({"data": data}, status, headers={"Cache-Control": "no-store"})


def _errors(status: int, *messages: str) -> Response:
    return JSONResponse({"errors": list(messages)}, status)
