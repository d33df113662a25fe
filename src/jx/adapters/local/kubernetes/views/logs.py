"""The output of containers, as a whole, its last lines, or as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from jx.adapters.local.kubernetes.calls.exchange import Call, Response
from jx.adapters.local.kubernetes.errors import bad_request
from jx.adapters.local.kubernetes.types.facts import Obj

_LOOK_SECONDS = 0.1
_CHUNK = 256 * 1024


class LogSource(Protocol):
    """Where the output of containers is found."""

    def open(self, namespace: str, pod: str, container: str, *, previous: bool) -> Path | None:
        """The file that the container's output is appended to; None where there is none yet."""


def respond(call: Call, pod: Obj, source: LogSource | None, is_over: Callable[[], bool]) -> Response:
    """The answer to `pods/NAME/log`. `is_over` tells whether the pod will write no more."""
    container = _container(call, pod)
    meta = pod["metadata"]
    previous = call.flag("previous")
    path = source.open(meta["namespace"], meta["name"], container, previous=previous) if source else None
    if path is None and previous:
        raise bad_request(f'previous terminated container "{container}" in pod "{meta["name"]}" not found')
    if path is None and (pod.get("status") or {}).get("phase") == "Pending":
        what = f'container "{container}" in pod "{meta["name"]}"'
        raise bad_request(f"{what} is waiting to start: {_waiting_for(pod, container)}")
    tail = call.number("tailLines") if "tailLines" in call.query else None
    limit = call.number("limitBytes")
    start, end = range_of(path, tail)
    if limit:
        end = min(end, start + limit)
    if path is None:
        return Response(200, b"", "text/plain")
    if not call.flag("follow"):
        return Response(200, content_type="text/plain", stream=_from_to(path, start, end))
    return Response(200, content_type="text/plain", stream=_follow(call, path, start, is_over))


def _container(call: Call, pod: Obj) -> str:
    spec = pod.get("spec") or {}
    names = [one["name"] for one in spec.get("containers") or ()]
    others = [one["name"] for one in spec.get("initContainers") or ()]
    wanted = call.query.get("container", "")
    name = pod["metadata"]["name"]
    if wanted in (*names, *others):
        return wanted
    if wanted:
        raise bad_request(f"container {wanted} is not valid for pod {name}")
    default: str = (pod["metadata"].get("annotations") or {}).get(
        "kubectl.kubernetes.io/default-container", ""
    )
    if default in names:
        return default
    if len(names) == 1:
        return str(names[0])
    hint = f" or one of the init containers: [{' '.join(others)}]" if others else ""
    raise bad_request(
        f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]{hint}"
    )


def _waiting_for(pod: Obj, container: str) -> str:
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status.get("name") == container:
            waiting = (status.get("state") or {}).get("waiting") or {}
            return str(waiting.get("reason") or "ContainerCreating")
    return "ContainerCreating"


def range_of(path: Path | None, tail: int | None) -> tuple[int, int]:
    """Where in a log to begin, and where it ends now: its last lines are looked for from its end."""
    try:
        end = path.stat().st_size if path else 0
    except FileNotFoundError:
        return 0, 0
    if path is None or tail is None:
        return 0, end
    if tail <= 0:
        return end, end
    with path.open("rb") as file:
        start, left = end, tail
        while start > 0:
            begin = max(0, start - _CHUNK)
            file.seek(begin)
            piece = file.read(start - begin)
            at = len(piece) - (start == end and piece.endswith(b"\n"))
            while left and (at := piece.rfind(b"\n", 0, at)) >= 0:
                left -= 1
            if not left:
                return begin + at + 1, end
            start = begin
    return 0, end


async def _from_to(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    while start < end:
        more, start = _from(path, start, end - start)
        if not more:
            return
        yield more


async def _follow(call: Call, path: Path, start: int, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    gone, end = asyncio.ensure_future(call.disconnected()), start
    try:
        while not gone.done():
            over = is_over()
            more, end = _from(path, end)
            if more:
                yield more
                continue
            if over:
                return
            await asyncio.wait((gone,), timeout=_LOOK_SECONDS)
    finally:
        gone.cancel()


def _from(path: Path, start: int, at_most: int = _CHUNK) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            file.seek(start)
            more = file.read(min(at_most, _CHUNK))
    except FileNotFoundError:
        return b"", start
    return more, start + len(more)
