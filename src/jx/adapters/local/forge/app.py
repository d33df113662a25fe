"""The forge over HTTP: API, git, charts and pages behind one check of the Host header."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from jx.adapters.local.forge import api, browse, wire
from jx.adapters.local.forge.githttp import GitHttp
from jx.adapters.local.forge.services import Services
from jx.adapters.local.forge.webhooks import Deliverer
from jx.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class HostCheck:
    """Answers only under its own names, so that no page of the web can reach the forge by a name that it points at us."""

    app: ASGIApp
    hosts: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that is meant for us."""
        if scope["type"] == "http" and Headers(scope=scope).get("host", "").lower() not in self.hosts:
            await PlainTextResponse("this server does not go by that name\n", 421)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def make_app(services: Services, now: Callable[[], datetime], *, hosts: Collection[str]) -> ASGIApp:
    """The whole application. `hosts` are the values of the Host header that are ours, port included."""
    git = GitHttp(
        services.users, services.repositories, services.protections, services.pushes, services.following,
        services.folder / "repositories", services.url,
    )  # fmt: skip
    deliverer = Deliverer(services.hooks, now)

    @asynccontextmanager
    async def deliver(app: Starlette) -> AsyncIterator[None]:
        deliverer.start()
        try:
            yield
        finally:
            deliverer.stop()

    routes = [
        Route("/healthz", lambda request: PlainTextResponse("ok")),
        *api.routes(services),
        Route("/charts/index.yaml", _chart_index(services)),
        Route("/charts/{file}", _chart_archive(services)),
        *(
            Route("/{owner}/{name}/" + end, git)
            for end in ("info/refs", "git-upload-pack", "git-receive-pack")
        ),
        *browse.routes(services),
    ]
    return HostCheck(Starlette(routes=routes, lifespan=deliver), frozenset(host.lower() for host in hosts))


def _chart_index(services: Services) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        # The stamp first: an archive that comes between the two is then told with the next question.
        tag = f'"{services.charts.stamp()}"'
        if request.headers.get("If-None-Match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(services.charts.index(), media_type="application/yaml", headers={"ETag": tag})

    return answer


def _chart_archive(services: Services) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        try:
            data = services.charts.read(request.path_params["file"])
        except NotFound as error:
            status, body = wire.error_to_json(error)
            return JSONResponse(body, status)
        return Response(data, media_type="application/gzip")

    return answer
