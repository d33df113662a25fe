"""The API over HTTP: an ASGI application that knows who calls, what for, and whether he may."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import orjson

from jx.adapters.local.kubernetes.access import authn
from jx.adapters.local.kubernetes.access.pki import SERVER_NAMES
from jx.adapters.local.kubernetes.access.rbac import Action
from jx.adapters.local.kubernetes.access.reviews import Reviews
from jx.adapters.local.kubernetes.api import Api
from jx.adapters.local.kubernetes.audit import AuditLog
from jx.adapters.local.kubernetes.calls import exchange, forms, paths
from jx.adapters.local.kubernetes.calls.drafts import Draft, Outstanding
from jx.adapters.local.kubernetes.calls.exchange import Call, Response
from jx.adapters.local.kubernetes.calls.paths import Target
from jx.adapters.local.kubernetes.errors import (
    ApiError,
    NoSuchPath,
    method_not_allowed,
    no_such_path,
    no_such_resource,
)
from jx.adapters.local.kubernetes.resources import Resources
from jx.adapters.local.kubernetes.subresources import Subresources
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views import discovery, openapi_protobuf, reading
from jx.adapters.local.kubernetes.views.discovery import Discovery, version_info
from jx.adapters.local.kubernetes.views.openapi import OpenApi
from jx.adapters.local.kubernetes.views.watch import Hub

Scope: TypeAlias = dict[str, Any]
Message: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_log = logging.getLogger(__name__)
_CHECKS = ("ping", "log", "etcd")
_HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
_V2_DISCOVERY = "as=apigroupdiscoverylist"


class App:
    """The ASGI application. `state.client_certificate` of the scope is the verified certificate, if any."""

    def __init__(self, api: Api, audit: AuditLog | None = None) -> None:
        self._api = api
        self._audit = audit
        self.hub = Hub(api.verbs)
        self._resources = Resources(api.verbs, self.hub)
        self._subresources = Subresources(api.verbs, self._resources, api.accounts, lambda: api.log_source)
        self._reviews = Reviews(api.verbs, api.authorizer, api.accounts)
        self._discovery = Discovery(api.verbs.registry)
        self._openapi = OpenApi(api.verbs.registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        received, calls = datetime.now(UTC), list[Call]()
        response = await self._respond(scope, receive, calls)
        if self._audit and calls:
            self._audit.tell(calls[-1], response, received=received)
        await _send(response, send, with_body=scope["method"] != "HEAD")

    async def _respond(self, scope: Scope, receive: Receive, calls: list[Call]) -> Response:
        """The answer, also where it is a refusal; the call is noted as soon as it is known who makes it."""
        draft = Draft()
        try:
            return await self._answered(scope, receive, draft, calls)
        except NoSuchPath as error:
            known = discovery.is_builtin(scope["path"])
            response = exchange.of_error(no_such_resource() if known else error, draft.warnings)
        except ApiError as error:
            response = exchange.of_error(error, draft.warnings)
        except Exception as error:  # noqa: BLE001 - one request's fault must not end the server
            _log.exception("request failed: %s %s", scope["method"], scope["path"])
            text = f"Internal error occurred: {type(error).__name__}"
            response = exchange.of_error(ApiError(500, "InternalError", text))
        return _refused(scope, response)

    async def _answered(self, scope: Scope, receive: Receive, draft: Draft, calls: list[Call]) -> Response:
        body = await _body(scope, receive)
        while True:
            try:
                with self._api.verbs.operation():
                    call = self._call(scope, receive, body, draft)
                    calls.append(call)
                    return self._handle(call)
            except Outstanding as outstanding:
                await _in_thread(outstanding.settle)

    def _call(self, scope: Scope, receive: Receive, body: bytes, draft: Draft) -> Call:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        _check_host(headers.get("host", ""))
        certificate = scope.get("state", {}).get("client_certificate")
        return Call(
            scope["method"],
            scope["path"],
            dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers,
            authn.caller(scope["headers"], certificate, self._api.accounts, self._api.authorizer),
            body,
            lambda: _disconnected(receive),
            draft,
        )

    def _handle(self, call: Call) -> Response:
        target = paths.parse(call.path)
        if target is None:
            self._api.authorizer.check(call.user, Action(call.method.lower(), path=call.path))
            return self._document(call)
        watches = target.is_watch or (call.flag("watch") and call.method == "GET" and not target.name)
        verb = paths.verb_of(call.method, target, watch=watches)
        name = target.name or (reading.named(call.query) if verb in ("list", "watch") else "")
        self._api.authorizer.check(
            call.user,
            Action(verb, target.group, target.plural, target.subresource, target.namespace, name),
        )
        served = self._api.verbs.registry.find(target.group, target.version, target.plural)
        if served is None:
            raise no_such_path()
        if not _is_placed(target, namespaced=served.resource.namespaced, verb=verb):
            # A collection over all namespaces is there, but can only be read.
            is_collection = not target.name and not target.namespace and served.custom is None
            raise method_not_allowed() if is_collection else no_such_path()
        if target.subresource:
            return self._subresources.handle(verb, call, served, target)
        if served.is_stored:
            return self._resources.handle(verb, call, served, target)
        if verb != "create":
            raise method_not_allowed()
        if target.plural == "bindings":
            return self._subresources.bind(call, served, target)
        return self._reviews.answer(call, served, target)

    def _document(self, call: Call) -> Response:
        path = call.path.rstrip("/")
        if path.startswith(("/healthz", "/livez", "/readyz")):
            return _health(call, path)
        if path == "/apis":
            return self._roots(call, path)
        if call.method not in ("GET", "HEAD"):
            self._check_known(path)
            raise method_not_allowed()
        if path.startswith("/openapi/"):
            return self._open_api(call, path)
        if path == "/api":
            return self._roots(call, path)
        return _document(
            call, self._described(path), routed=path.count("/") == (2 if path.startswith("/api/") else 3)
        )

    def _check_known(self, path: str) -> None:
        """404 for a path that no method finds anything at."""
        if path != "/api" and not path.startswith("/openapi/"):
            self._described(path)

    def _described(self, path: str) -> Obj:
        match path.split("/")[1:]:
            case ["version"]:
                return version_info()
            case ["api", version]:
                return self._discovery.resources("", version)
            case ["apis", group]:
                return self._discovery.group(group)
            case ["apis", group, version]:
                return self._discovery.resources(group, version)
            case ["openid", "v1", "jwks"]:
                return self._api.pki.public_keys()
            case []:
                return {"paths": ["/api", "/apis", "/healthz", "/openapi/v2", "/openapi/v3", "/version"]}
            case _:
                raise no_such_path()

    def _roots(self, call: Call, root: str) -> Response:
        accept = call.headers.get("accept", "").replace(" ", "").lower()
        if _V2_DISCOVERY in accept and (
            "v=v2;" in accept + ";" or "v=v2beta1" in accept or "v=v2," in accept
        ):
            version = "v2" if "v=v2;" in accept + ";" or "v=v2," in accept + "," else "v2beta1"
            body = self._discovery.aggregated(version, core=root == "/api")
            form = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
            return Response(200, body, form)
        if root == "/api":
            return _document(call, self._discovery.core_versions(call.headers.get("host", "")))
        return _document(call, self._discovery.groups())

    def _open_api(self, call: Call, path: str) -> Response:
        if path == "/openapi/v2":
            if "proto-openapi" in call.headers.get("accept", ""):
                return Response(200, self._openapi.v2_protobuf(), openapi_protobuf.MEDIA_TYPE)
            return Response(200, self._openapi.v2())
        if path == "/openapi/v3":
            return Response(200, self._openapi.v3_index())
        if not path.startswith("/openapi/v3/"):
            raise no_such_path()
        try:
            return Response(200, self._openapi.v3(path.removeprefix("/openapi/v3/")))
        except NoSuchPath:
            return Response(404, b"", exchange.TEXT)  # of a group, the real server says nothing


def create_app(api: Api, audit: AuditLog | None = None) -> App:
    """The ASGI application for an API; with a log of all that is asked of it, where one is given."""
    return App(api, audit)


def _check_host(host: str) -> None:
    """A page that a browser believes to be from elsewhere must not reach the API under that name."""
    name = host.rpartition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]
    if name and name not in SERVER_NAMES:
        raise ApiError(421, "MisdirectedRequest", f"this server is not {name}")


def _is_placed(target: Target, *, namespaced: bool, verb: str) -> bool:
    """Objects of a namespace are only there; lists and watches may ask for all namespaces."""
    if not namespaced:
        return not target.namespace or target.plural == "namespaces"
    return bool(target.namespace) or (not target.name and verb in ("list", "watch"))


def _refused(scope: Scope, response: Response) -> Response:
    """A refusal in the form that the caller wants answers in."""
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"").decode("latin-1")
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    indented = query.get("pretty", "").lower() in ("true", "1")
    if response.content_type != forms.JSON or not (indented or "yaml" in accept):
        return response
    with contextlib.suppress(ApiError):
        body, content_type = forms.encoded(forms.negotiate(accept), response.body, indented=indented)
        return replace(response, body=body, content_type=content_type)
    return response


def _document(call: Call, document: Obj, *, routed: bool = False) -> Response:
    """A document in the form that the caller wants."""
    form = forms.negotiate(call.headers.get("accept", ""), plain=True, routed=routed)
    return Response(200, *forms.encoded(form, orjson.dumps(document)))


def _health(call: Call, path: str) -> Response:
    root, _, check = path.strip("/").partition("/")
    if f"/{root}" not in _HEALTH or check not in ("", *_CHECKS):
        raise no_such_path()
    if "verbose" not in call.query:
        return Response(200, b"ok", exchange.TEXT)
    left_out = set(filter(None, [call.query.get("exclude", "")]))
    lines = [f"[+]{name} {'excluded: ' if name in left_out else ''}ok" for name in _CHECKS]
    if unknown := left_out - set(_CHECKS):
        listed = ",".join(f'"{name}"' for name in sorted(unknown))
        lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}")
    return Response(200, "\n".join([*lines, f"{root} check passed", ""]).encode(), exchange.TEXT)


async def _in_thread(work: Callable[[], None]) -> None:
    """Wait for work that blocks; a thread that nobody waits for any more does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(error: Exception | None) -> None:
        if not done.done():
            done.set_exception(error) if error else done.set_result(None)

    def run() -> None:
        error: Exception | None = None
        try:
            work()
        except Exception as caught:  # noqa: BLE001 - raised again where it is waited for
            error = caught
        with contextlib.suppress(RuntimeError):  # the server has ended
            loop.call_soon_threadsafe(tell, error)

    threading.Thread(target=run, name="outside", daemon=True).start()
    await done


async def _body(scope: Scope, receive: Receive) -> bytes:
    if scope["method"] in ("GET", "HEAD"):
        return b""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(response: Response, send: Send, *, with_body: bool) -> None:
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"cache-control", b"no-cache, private"),
        *response.headers,
    ]
    if response.stream is None:
        headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body if with_body else b""})
        return
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    async for chunk in response.stream:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
