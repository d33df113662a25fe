"""The JSON API below `/api/v1`: translates requests to calls, and results and errors to JSON."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jx.adapters.local.forge import wire
from jx.adapters.local.forge.charts import LARGEST_ARCHIVE
from jx.adapters.local.forge.githttp import token_of
from jx.adapters.local.forge.repositories import Repository
from jx.adapters.local.forge.services import Services
from jx.adapters.local.forge.users import Level, User
from jx.domain.changes.changes import PullState
from jx.domain.errors import Forbidden, Invalid, JxError, Problem, Usage
from jx.domain.names import parse_branch, parse_revision
from jx.ports.forge import MergeRequest, Offer, Protection, Webhook

_LARGEST_BODY = 4 * 1024 * 1024
_MISSING: Any = object()


class _Unauthorized(Exception):
    """No token, or one that is not valid here."""


class Call:
    """One request: who asks, for what, with which words."""

    def __init__(self, services: Services, request: Request, body: bytes) -> None:
        self.services = services
        self.path = request.path_params
        self.query = request.query_params
        self.raw = body
        self._authorization = request.headers.get("authorization", "")
        self._json: Any = None

    @functools.cached_property
    def user(self) -> User:
        """Who asks."""
        user = self.services.users.authenticate(token_of(self._authorization))
        if user is None:
            raise _Unauthorized
        return user

    def admin(self) -> User:
        """Who asks, if they look after the whole forge; else Forbidden."""
        if not self.user.is_admin:
            raise Forbidden(f"{self.user.login} does not look after this forge")
        return self.user

    def repo(self, needs: Level = Level.READ) -> Repository:
        """The repository that the path names."""
        return self.services.repositories.get(self.path["owner"], self.path["name"], self.user, needs=needs)

    def number(self) -> int:
        """The pull request that the path names."""
        return int(self.path["number"])

    def get(self, key: str, kind: type[Any] | tuple[type[Any], ...] = str, default: Any = _MISSING) -> Any:
        """A value of the request's JSON object; Invalid where it is missing or of another kind."""
        if self._json is None:
            try:
                self._json = orjson.loads(self.raw or b"{}")
            except orjson.JSONDecodeError as error:
                raise Invalid("the request is not JSON", Problem("", str(error))) from error
        value = self._json.get(key, default) if isinstance(self._json, dict) else default
        if value is default and default is not _MISSING:
            return value
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            raise Invalid("the request is not understood", Problem(key, "missing, or of another type"))
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts of the request's JSON object."""
        values = self.get(key, list)
        if not all(isinstance(value, str) for value in values):
            raise Invalid("the request is not understood", Problem(key, "a list of texts"))
        return tuple(values)


Handler = Callable[[Call], Any]


def whoami(call: Call) -> Any:
    return wire.person_to_json(call.user.person)


def list_users(call: Call) -> Any:
    call.admin()
    return [wire.person_to_json(user.person) for user in call.services.users.list_all()]


def create_user(call: Call) -> Any:
    call.admin()
    login = call.get("login")
    if login == call.user.login:
        raise Usage(f"{login} is the administrator, whose token is in a file of the forge")
    return {"token": call.services.users.create(login, call.get("name"), call.get("email"))}


def revoke_tokens(call: Call) -> Any:
    call.admin()
    return {"revoked": call.services.users.revoke(call.path["login"])}


def ensure_repo(call: Call) -> Any:
    repo, is_new = call.services.repositories.ensure(
        call.user,
        call.path["owner"],
        call.path["name"],
        private=call.get("private", bool),
        description=call.get("description", str, ""),
    )
    return {"changed": is_new, "clone_url": call.services.pulls.clone_url(repo).url}


def list_repos(call: Call) -> Any:
    services = call.services
    readable = [r for r in services.repositories.list_all() if services.repositories.level(r, call.user)]
    return [
        {"full_name": r.full_name, "private": r.is_private, "clone_url": services.pulls.clone_url(r).url}
        for r in readable
    ]


def delete_repo(call: Call) -> Any:
    call.services.repositories.delete(call.repo(Level.ADMIN))
    return {"changed": True}


def ensure_webhook(call: Call) -> Any:
    hook = Webhook(call.get("url"), call.texts("events"))
    return {"changed": call.services.hooks.ensure(call.repo(Level.ADMIN), hook, secret=call.get("secret"))}


def list_webhooks(call: Call) -> Any:
    repo = call.repo(Level.ADMIN)
    return [{"url": hook.url, "events": list(hook.events)} for hook in call.services.hooks.list_all(repo)]


def list_deliveries(call: Call) -> Any:
    return [asdict(one) for one in call.services.hooks.deliveries(call.repo(Level.ADMIN))]


def ensure_protection(call: Call) -> Any:
    pushers = call.get("pushers", (list, type(None)))
    reporters = call.get("reporters", (list, type(None)), None)
    protection = Protection(
        branch=parse_branch(call.path["branch"]),
        approvals=call.get("approvals", int),
        required_checks=call.texts("required_checks"),
        pushers=None if pushers is None else call.texts("pushers"),
        reporters=None if reporters is None else call.texts("reporters"),
    )
    return {"changed": call.services.protections.ensure(call.repo(Level.ADMIN), protection)}


def ensure_collaborator(call: Call) -> Any:
    repo = call.repo(Level.ADMIN)
    return {"changed": call.services.repositories.grant(repo, call.path["login"], call.get("right"))}


def propose(call: Call) -> Any:
    offer = Offer(
        call.get("head"), call.get("base"), call.get("title"), call.get("body"), call.texts("labels")
    )
    repo = call.repo(Level.WRITE)
    call.services.following.follow(repo, call.user.person)
    pull = call.services.pulls.propose(repo, call.user, offer)
    return wire.pull_to_json(call.services.pulls.observe(repo, pull.number))


def list_pulls(call: Call) -> Any:
    text = call.query.get("state", PullState.OPEN.value)
    if text not in {"all", *PullState}:
        raise Invalid(
            f"{text!r} is not a state of pull requests", Problem("state", "open, merged, closed or all")
        )
    state = None if text == "all" else PullState(text)
    return [wire.pull_to_json(pull) for pull in call.services.pulls.list_pulls(call.repo(), state)]


def observe(call: Call) -> Any:
    return wire.pull_to_json(call.services.pulls.observe(call.repo(), call.number()))


def comment(call: Call) -> Any:
    key = call.get("key", str, "")
    call.services.pulls.comment(call.repo(), call.number(), call.user, call.get("body"), key=key)
    return {}


def approve(call: Call) -> Any:
    revision = parse_revision(call.get("revision"))
    body = call.get("body", str, "")
    repo = call.repo(Level.WRITE)
    call.services.pulls.approve(repo, call.number(), call.user, revision=revision, body=body)
    return {}


def merge(call: Call) -> Any:
    expected, base = (call.get(key, (str, type(None)), None) for key in ("expected", "base"))
    request = MergeRequest(
        call.number(),
        call.get("method"),
        parse_revision(expected) if expected is not None else None,
        parse_revision(base) if base is not None else None,
        call.get("override", str, ""),
    )
    return {"revision": call.services.merges.merge(call.repo(Level.WRITE), call.user, request)}


def close(call: Call) -> Any:
    call.services.pulls.close(call.repo(), call.number(), call.user)
    return {}


def set_status(call: Call) -> Any:
    body = {key: call.get(key) for key in ("context", "state", "description", "target_url")}
    try:
        check = wire.check_from_json(body)
    except ValueError as error:
        raise Invalid("that is no status", Problem("state", str(error))) from error
    revision = parse_revision(call.path["revision"])
    call.services.pulls.set_status(call.repo(Level.WRITE), call.user, revision, check)
    return {}


def put_chart(call: Call) -> Any:
    call.admin()
    return {"changed": call.services.charts.put(call.path["file"], call.raw)}


_REPO = "/api/v1/repos/{owner}/{name}"
_PULL = _REPO + "/pulls/{number:int}"

_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/api/v1/user", whoami),
    ("GET", "/api/v1/users", list_users),
    ("POST", "/api/v1/users", create_user),
    ("DELETE", "/api/v1/users/{login}/tokens", revoke_tokens),
    ("GET", "/api/v1/repos", list_repos),
    ("PUT", _REPO, ensure_repo),
    ("DELETE", _REPO, delete_repo),
    ("PUT", _REPO + "/hooks", ensure_webhook),
    ("GET", _REPO + "/hooks", list_webhooks),
    ("GET", _REPO + "/deliveries", list_deliveries),
    ("PUT", _REPO + "/protections/{branch:path}", ensure_protection),
    ("PUT", _REPO + "/collaborators/{login}", ensure_collaborator),
    ("POST", _REPO + "/statuses/{revision}", set_status),
    ("GET", _REPO + "/pulls", list_pulls),
    ("POST", _REPO + "/pulls", propose),
    ("GET", _PULL, observe),
    ("POST", _PULL + "/comments", comment),
    ("POST", _PULL + "/approvals", approve),
    ("POST", _PULL + "/merge", merge),
    ("POST", _PULL + "/close", close),
    ("PUT", "/charts/{file}", put_chart),
)


def routes(services: Services) -> list[Route]:
    """The API's routes."""
    return [Route(path, _endpoint(services, handler), methods=[method]) for method, path, handler in _TABLE]


def _endpoint(services: Services, handler: Handler) -> Callable[[Request], Any]:
    most = LARGEST_ARCHIVE if handler is put_chart else _LARGEST_BODY

    async def answer(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > most:
                return _error(Invalid("the request is too large", Problem("", f"at most {most} bytes")))
        return await run_in_threadpool(_answer, handler, Call(services, request, body))

    return answer


def _answer(handler: Handler, call: Call) -> Response:
    try:
        return JSONResponse(handler(call))
    except _Unauthorized:
        told = {
            "code": wire.UNAUTHORIZED,
            "message": "the forge does not know this token",
            "hint": "use a valid token",
        }
        return JSONResponse({"error": told}, 401, {"WWW-Authenticate": "Bearer"})
    except JxError as error:
        return _error(error)


def _error(error: JxError) -> Response:
    status, body = wire.error_to_json(error)
    return JSONResponse(body, status)
