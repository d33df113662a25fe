"""The webhook receiver: bytes -> a verified event -> a key. The content is thrown away: a key only says "look"."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from jx.domain.errors import JxError
from jx.domain.events import Event, Level
from jx.domain.platforms import verifying
from jx.domain.runs import pushes
from jx.ports.reporter import Reporter
from jx.ports.signals import Signals

_LIMIT = 5 * 1024 * 1024
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a forge sent: headers in lower case, and the body as it came."""

    event: str
    delivery: str
    signature: str
    body: bytes


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether the `X-Hub-Signature-256` is ours, compared in constant time. No secret, no trust."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = signature.encode(errors="replace")  # texts are compared only where both are ASCII
    return bool(secret) and hmac.compare_digest(expected.encode(), given)


def find_keys(body: bytes) -> tuple[str, ...]:
    """The keys that an event speaks of: its repository, and before it what was pushed there; none where it names no
    repository."""
    try:
        event = json.loads(body)
        name = event["repository"]["full_name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    if not isinstance(name, str) or not name:
        return ()
    push = pushes.read_push(event)
    return (*((push.key,) if push else ()), f"repo:{name}")


def _has_only_begun(body: bytes) -> bool:
    """Whether a status says no more than that something goes on. Most of these are our own."""
    return bool(json.loads(body).get("state") == "pending")


class Receiver:
    """Verifies deliveries and passes their keys on. A delivery that was seen is answered and dropped: a replay does nothing.

    What was seen is forgotten with the process, and the number of a delivery is not signed. So a replay that gets through is one
    more look, as late and doubled deliveries are: whoever looks acts on what is there, never on what a delivery says.
    """

    def __init__(self, signals: Signals, reporter: Reporter, *, secret: str) -> None:
        self._signals = signals
        self._reporter = reporter
        self._secret = secret
        self._seen: OrderedDict[str, None] = OrderedDict()

    def receive(self, delivery: Delivery) -> tuple[int, str]:
        """Status code and text of the answer."""
        if not is_signed(delivery.body, delivery.signature, self._secret):
            self._reporter.tell(Event("a delivery with a wrong signature was refused", Level.WARNING))
            return 401, "the signature is missing or wrong"
        if delivery.event == "ping":
            return 200, "pong"
        is_check = delivery.event == verifying.EVENT
        number = verifying.find_key(delivery.body) if is_check else None
        keys = ((number,) if number else ()) if is_check else find_keys(delivery.body)
        if not keys:
            return 400, "the event names no number" if is_check else "the event names no repository"
        if delivery.delivery and delivery.delivery in self._seen:
            return 200, "seen before"
        if delivery.event == "status" and _has_only_begun(delivery.body):
            return 200, "nothing waits for a check that has only begun"
        try:
            for key in keys:
                self._signals.tell(key)
        except JxError as error:
            self._reporter.tell(Event(f"{keys[-1]} was not passed on: {error.message}", Level.ERROR))
            return 503, "the controllers cannot be told; try again"
        self._remember(delivery.delivery)
        self._reporter.tell(Event(f"{delivery.event}: look at {keys[-1]}", facts={"key": keys[-1]}))
        return 202, "told"

    def _remember(self, delivery: str) -> None:
        self._seen[delivery] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def create_app(receiver: Receiver) -> Starlette:
    """`POST /hook` for forges, `GET /ready` and `/health` for the cluster."""

    async def hook(request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return PlainTextResponse("too large", 413)
        delivery = Delivery(
            event=request.headers.get("x-github-event", ""),
            delivery=request.headers.get("x-github-delivery", ""),
            signature=request.headers.get("x-hub-signature-256", ""),
            body=body,
        )
        status, text = await run_in_threadpool(receiver.receive, delivery)
        return PlainTextResponse(text + "\n", status)

    return Starlette(routes=[Route("/hook", hook, methods=["POST"]), *health_routes(lambda: True)])


def health_routes(is_ready: Callable[[], bool]) -> list[Route]:
    """`/health`: the process lives; `/ready`: it works."""

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(request: Request) -> Response:
        return PlainTextResponse("ready\n") if is_ready() else PlainTextResponse("not ready\n", 503)

    handlers: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
        ("/health", health),
        ("/ready", ready),
    ]
    return [Route(path, handler) for path, handler in handlers]


async def _read(request: Request) -> bytes | None:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _LIMIT:
            return None
        parts.append(part)
    return b"".join(parts)
