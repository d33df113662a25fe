"""The embedded Kubernetes API beside Kubernetes' own server, with one client for both.

Both run at the same time and are asked in turns, a little at a time, so that what else happens on the machine meets both;
figures are medians of the turns.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import select
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from benchmarks import api_servers, kubernetes_objects
from benchmarks.api_servers import ApiServer
from benchmarks.kubernetes_objects import encoded, named
from benchmarks.report import Report
from jx.adapters.kubernetes.streams import LineStream
from jx.adapters.kubernetes.transport import Request

CONNECTIONS = 8
SLICE = 50
APPLIED = 5_000
UNCHANGED = 1_000
# Among how many objects an apply is measured, and how many of the slices around that count.
GROWTH = ((100, 4), (1_000, 8), (5_000, 8))
CREATED = 10_000
LISTS = 7
UPDATES = 100
ROUNDS = 4
STARTS = 3
SPACE = "bench"
APPLY = "application/apply-patch+yaml"
MISSING = (
    "No real API server to compare with: run `make test-cluster` once (it needs Go), or name one that may be written to "
    "in JX_TEST_KUBECONFIG. Until then these figures have no peer."
)
AIMS = {
    "start, fresh (s)": "< 0.5",
    "apply of new objects, the first 1,000 (objects/s)": "ratio > 0.5",
    "apply of the same again, unchanged (objects/s)": "ratio > 0.5",
    "memory, fresh (MB)": "ratio < 1",
    "memory, with 15,000 objects (MB)": "ratio < 1",
}

Figures: TypeAlias = dict[str, float]
Turn: TypeAlias = Callable[[ApiServer], float]


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as parent:
        folder = Path(parent, "kubernetes")
        with contextlib.ExitStack() as stack:
            ours = stack.enter_context(api_servers.embedded(folder))
            theirs = stack.enter_context(api_servers.real())
            servers = [ours, theirs] if theirs else [ours]
            if not theirs:
                report.say(MISSING)
                report.note(MISSING)
            figures = _measured(report, servers)
        figures[0] |= _starts(folder)
    for title, value in figures[0].items():
        name, _, unit = title.rstrip(")").rpartition(" (")
        peer = figures[1].get(title) if len(figures) > 1 else None
        report.add(name, value, unit, peer=peer, aim=AIMS.get(title, ""))


def _starts(folder: Path) -> Figures:
    """A start on what the other measures left behind, and on nothing; the middle one of several."""
    full, fresh = [], []
    for _ in range(STARTS):
        with api_servers.embedded(folder) as server:
            full.append(server.start_seconds or 0.0)
        with api_servers.embedded() as server:
            fresh.append(server.start_seconds or 0.0)
    return {
        "start, fresh (s)": statistics.median(fresh),
        "start, with 15,000 objects (s)": statistics.median(full),
    }


def _measured(report: Report, servers: Sequence[ApiServer]) -> list[Figures]:
    figures: list[Figures] = [{} for _ in servers]
    for server, found in zip(servers, figures, strict=True):
        if server.start_seconds is not None:
            found["start, fresh (s)"] = server.start_seconds
        if server.pids:
            found["memory, fresh (MB)"] = server.megabytes()
        _checked(server.send("POST", "/api/v1/namespaces", encoded(named("Namespace", "v1", SPACE))))
    for part in (_applied, _watched, _listed):
        for found, new in zip(figures, part(report, servers), strict=True):
            found |= new
    for server, found in zip(servers, figures, strict=True):
        if server.pids:
            found["memory, with 15,000 objects (MB)"] = server.megabytes()
    return figures


def _in_turns(servers: Sequence[ApiServer], turns: Sequence[Turn]) -> list[list[float]]:
    """What each turn gave, per server."""
    given: list[list[float]] = [[] for _ in servers]
    for turn in turns:
        for server, values in zip(servers, given, strict=True):
            values.append(turn(server))
    return given


def _applied(report: Report, servers: Sequence[ApiServer]) -> Iterator[Figures]:
    report.say(f"  {APPLIED} objects of ten kinds by server-side apply on {CONNECTIONS} connections")
    objects = list(itertools.islice(kubernetes_objects.mixed(SPACE), APPLIED))
    turns = [_applying(objects[start : start + SLICE]) for start in range(0, APPLIED, SLICE)]
    new = _in_turns(servers, turns)
    report.say(f"  {UNCHANGED} of them again, unchanged")
    again = _in_turns(servers, turns[: UNCHANGED // SLICE])
    for rates, unchanged in zip(new, again, strict=True):
        figures = {
            "apply of new objects, the first 1,000 (objects/s)": statistics.median(rates[: 1_000 // SLICE])
        }
        for count, width in GROWTH:
            end = min(count // SLICE + width // 2, len(rates))
            title = f"apply of new objects, among {count:,} (objects/s)"
            figures[title] = statistics.median(rates[end - width : end])
        yield {**figures, "apply of the same again, unchanged (objects/s)": statistics.median(unchanged)}


def _applying(objects: Sequence[tuple[str, bytes]]) -> Turn:
    def turn(server: ApiServer) -> float:
        def apply(item: tuple[str, bytes]) -> None:
            path, body = item
            _checked(server.send("PATCH", f"{path}?fieldManager=bench&force=true", body, APPLY))

        return len(objects) / api_servers.in_parallel(CONNECTIONS, objects, apply)

    return turn


def _listed(report: Report, servers: Sequence[ApiServer]) -> Iterator[Figures]:
    report.say(f"  {CREATED} ConfigMaps made, and listed")
    path = f"/api/v1/namespaces/{SPACE}/configmaps"
    bodies = [
        encoded({**named("ConfigMap", "v1", f"listed-{n}"), "data": {"n": str(n)}}) for n in range(CREATED)
    ]

    def creating(some: Sequence[bytes]) -> Turn:
        def turn(server: ApiServer) -> float:
            def create(body: bytes) -> None:
                _checked(server.send("POST", path, body))

            return len(some) / api_servers.in_parallel(CONNECTIONS, some, create)

        return turn

    def listing(server: ApiServer) -> float:
        begin = time.perf_counter()
        _checked(server.send("GET", path))
        return (time.perf_counter() - begin) * 1000

    width = SLICE * 5
    made = _in_turns(servers, [creating(bodies[start : start + width]) for start in range(0, CREATED, width)])
    listed = _in_turns(servers, [listing] * LISTS)
    for rates, times in zip(made, listed, strict=True):
        yield {
            "create (objects/s)": statistics.median(rates),
            "list of 11,000 (ms)": statistics.median(times),
        }


def _watched(report: Report, servers: Sequence[ApiServer]) -> Iterator[Figures]:
    report.say(f"  {ROUNDS * UPDATES} updates seen by a watch")
    with contextlib.ExitStack() as stack:
        watches = {server.name: stack.enter_context(_Watched(server)) for server in servers}
        waits: dict[str, list[float]] = {server.name: [] for server in servers}
        for _ in range(ROUNDS):
            for name, watch in watches.items():
                waits[name] += [watch.update() for _ in range(UPDATES)]
    for server in servers:
        ordered = sorted(waits[server.name])
        yield {
            "watch latency, median (ms)": statistics.median(ordered),
            "watch latency, 99th of 100 (ms)": ordered[len(ordered) * 99 // 100],
        }


class _Watched:
    """An object that is watched, and how long it takes from sending an update until the watch tells of it."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._path = f"/api/v1/namespaces/{SPACE}/configmaps"
        self._count = 0
        self._seen: dict[str, float] = {}
        self._arrived = threading.Condition()
        first = {**named("ConfigMap", "v1", "watched"), "data": {"n": "0"}}
        _checked(server.send("POST", self._path, encoded(first)))
        query = (("watch", "1"), ("fieldSelector", "metadata.name=watched"))
        stream = server.transport.stream(Request("GET", self._path, query))
        assert isinstance(stream, LineStream)
        self._stream = stream
        self._is_over = False
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> _Watched:
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._listener.join()
        self._stream.close()

    def update(self) -> float:
        """One update; gives milliseconds."""
        self._count += 1
        wanted = str(self._count)
        begin = time.perf_counter()
        change = encoded({"data": {"n": wanted}})
        _checked(self._server.send("PATCH", f"{self._path}/watched", change, "application/merge-patch+json"))
        with self._arrived:
            if not self._arrived.wait_for(lambda: wanted in self._seen, 10):
                raise SystemExit(f"the watch of the {self._server.name} server did not tell of an update")
        return (self._seen[wanted] - begin) * 1000

    def _listen(self) -> None:
        while not self._is_over and not self._stream.has_ended:
            if not self._stream.has_buffered and not select.select([self._stream], [], [], 0.2)[0]:
                continue
            lines = self._stream.read()
            now = time.perf_counter()
            with self._arrived:
                for line in lines:
                    self._seen[json.loads(line)["object"]["data"]["n"]] = now
                self._arrived.notify()


def _checked(response: api_servers.Response) -> None:
    if response.status >= 300:
        raise SystemExit(f"the API server refused: {response.status} {response.body.decode()[:500]}")
