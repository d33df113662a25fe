"""The ingress router: one loopback port, from which HTTP requests are led to ready pods."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import socket
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from jx.adapters.local.kubernetes.controllers.cluster import INGRESSES, PODS, SERVICES, Cluster
from jx.adapters.local.node import routes
from jx.adapters.local.node.routes import Refusal, Target
from jx.domain.errors import Unavailable

BODY_BYTES = 10 * 1024 * 1024
ANSWER_SECONDS = 60.0
_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "content-length"),
    }
)


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Ingress:
    """An extension of the API server. It looks at the objects that `cluster` has cached, so that must be open."""

    def __init__(self, cluster: Cluster, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._cluster = cluster
        self._wanted = (host, port)
        self._turns = itertools.count()
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._workers: ThreadPoolExecutor | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; 0 while it does not."""
        return int(self._socket.getsockname()[1]) if self._socket else 0

    def start(self) -> None:
        """Listen; Unavailable where the port is taken."""
        try:
            self._socket = socket.create_server(self._wanted, backlog=128)
        except OSError as error:
            raise taken(self._wanted[1], error) from error
        self._workers = ThreadPoolExecutor(max_workers=32, thread_name_prefix="ingress")
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            lifespan="off",
            ws="none",
            loop="asyncio",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="ingress", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join()
        if self._workers is not None:
            self._workers.shutdown(wait=False, cancel_futures=True)
        if self._socket is not None:
            self._socket.close()
        self._server = self._thread = self._socket = None

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        found = self._route(request.headers.get("host", ""), request.url.path)
        if isinstance(found, Refusal):
            return PlainTextResponse(f"{found.text}\n", status_code=found.status)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES:
                text = f"the body is larger than {BODY_BYTES} bytes\n"
                return PlainTextResponse(text, status_code=413, headers={"connection": "close"})
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._workers, _forward, request, bytes(body), found)
        except TimeoutError:
            text = f"service {found.rule.namespace}/{found.rule.service} did not answer in time\n"
            return PlainTextResponse(text, status_code=504)
        except (OSError, http.client.HTTPException) as error:
            text = f"service {found.rule.namespace}/{found.rule.service} at {found.address}:{found.port}: {error}\n"
            return PlainTextResponse(text, status_code=502)
        response = Response(answer.body, status_code=answer.status)
        if request.method == "HEAD":
            response.headers["content-length"] = dict(answer.headers).get("content-length", "0")
        for name, value in answer.headers:
            if name not in _HOP_BY_HOP:
                response.headers.append(name, value)
        return response

    def _route(self, header: str, path: str) -> Target | Refusal:
        host = routes.host_of(header, self.port)
        unknown = Refusal(404, f"no Ingress leads to http://{header}{path}")
        if host is None:
            return unknown
        cache = self._cluster.cache
        rule = routes.find_rule(routes.rules_of(cache.all(INGRESSES)), host, path)
        if rule is None:
            return unknown
        service = cache.get(SERVICES, rule.namespace, rule.service)
        pods = cache.all(PODS, rule.namespace)
        return routes.find_target(rule, service, pods, lambda number: next(self._turns) % number)


def taken(port: int, error: OSError) -> Unavailable:
    """What to tell where a port cannot be listened on."""
    hint = "choose another port, or 0 for any free one"
    return Unavailable(f"cannot listen on port {port}: {error.strerror}", hint=hint)


def _forward(request: Request, body: bytes, target: Target) -> _Answer:
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    query = request.scope.get("query_string") or b""
    path = raw_path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
    connection = http.client.HTTPConnection(target.address, target.port, timeout=ANSWER_SECONDS)
    try:
        connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in _sent_headers(request, body):
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        headers = tuple((name.lower(), value) for name, value in answer.getheaders())
        return _Answer(answer.status, headers, answer.read())
    finally:
        connection.close()


def _sent_headers(request: Request, body: bytes) -> Iterable[tuple[str, str]]:
    named = {part.strip().lower() for part in request.headers.get("connection", "").split(",")}
    for name, value in request.headers.items():
        if name not in _HOP_BY_HOP and name not in named and not name.startswith("x-forwarded-"):
            yield name, value
    if body or request.method in ("POST", "PUT", "PATCH"):
        yield "content-length", str(len(body))
    client = request.client.host if request.client else ""
    yield "x-forwarded-for", client
    yield "x-forwarded-host", request.headers.get("host", "")
    yield "x-forwarded-proto", request.url.scheme
    yield "connection", "close"
