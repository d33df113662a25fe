"""A proxy in front of a Kubernetes API that lets chosen requests go wrong: refused, dropped, slow, lost or cut."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import re
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jx.adapters.kubernetes.access import Anonymous, ClientCertificate, ClusterAccess

WRITES = "POST|PUT|PATCH|DELETE"


class Trouble(Enum):
    """What becomes of a request, other than an answer of our own."""

    DROP = "the connection ends, and the server has never seen it"
    LOSE = "the server does it, and the answer is lost"
    HANG = "nothing happens until `release`, when the caller has given up; then it is done all the same"
    CUT = "the answer ends in the middle of its first line"


@dataclass(frozen=True)
class Answer:
    """An answer that is given instead of the server's."""

    status: int
    message: str = ""
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": self.status}
        return json.dumps({**status, "reason": self.reason, "message": self.message}).encode()


@dataclass
class _Rule:
    method: re.Pattern[str]
    path: re.Pattern[str]
    trouble: Trouble | Answer
    skip: int
    times: int

    def takes(self, method: str, path: str) -> bool:
        if not self.times or not self.method.fullmatch(method) or not self.path.search(path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class FaultyApi:
    """Use as a context manager; `access` leads through it. `seen` are requests that came, `done` those that the server did."""

    def __init__(self, behind: ClusterAccess) -> None:
        self._behind = behind
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._context = _tls(behind)
        self._open: set[http.client.HTTPSConnection] = set()
        self._writes_left: int | None = None
        self.seen: list[tuple[str, str]] = []
        self.done: list[tuple[str, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle()

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return lambda: outer._serve(self)
                raise AttributeError(name)

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def access(self) -> ClusterAccess:
        """The same cluster, through here."""
        port = int(self._server.server_address[1])
        return ClusterAccess(f"http://127.0.0.1:{port}", Anonymous(), context_name="faulty", user_name="ann")

    def on(
        self, method: str, path: str, trouble: Trouble | Answer, *, after: int = 0, times: int = 1
    ) -> None:
        """Let requests go wrong whose method and path (with query) match: the first `after` of them do not, then `times` do."""
        with self._lock:
            self._rules.append(_Rule(re.compile(method), re.compile(path), trouble, after, times))

    def go_down_after(self, writes: int) -> None:
        """Be there for that many more writes; from the next one on, drop everything."""
        with self._lock:
            self._writes_left = writes

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        with self._lock:
            self._rules.clear()
            self._writes_left = None

    @property
    def is_down(self) -> bool:
        """Whether it has gone down."""
        return self._writes_left is not None and self._writes_left < 0

    def release(self) -> None:
        """Let what hangs go on."""
        self._released.set()

    def writes(self) -> list[tuple[str, str]]:
        """What the server did of that which changes something."""
        return [one for one in self.done if re.fullmatch(WRITES, one[0]) and "dryRun" not in one[1]]

    def __enter__(self) -> FaultyApi:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        for connection in tuple(self._open):  # watches have no end of their own
            with contextlib.suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = (handler.command, handler.path)
        with self._lock:
            self.seen.append(request)
            rule = next((rule for rule in self._rules if rule.takes(*request)), None)
            if self._writes_left is not None and re.fullmatch(WRITES, handler.command):
                self._writes_left -= 1
            is_down = self.is_down
        trouble = rule.trouble if rule else None
        if isinstance(trouble, Answer):
            _answer(handler, trouble)
            return
        if is_down or trouble is Trouble.DROP:
            handler.close_connection = True
            return
        if trouble is Trouble.HANG:
            self._released.wait(20)
        with self._asked(handler, body) as answer:
            self.done.append(request)
            if trouble in {Trouble.LOSE, Trouble.HANG}:
                handler.close_connection = True
                return
            _pass_on(handler, answer, is_cut=trouble is Trouble.CUT)

    @contextlib.contextmanager
    def _asked(
        self, handler: http.server.BaseHTTPRequestHandler, body: bytes
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(self._behind.server)
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, context=self._context, timeout=30
        )
        self._open.add(connection)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() != "host"}
            connection.request(handler.command, parts.path + handler.path, body or None, headers)
            yield connection.getresponse()
        finally:
            self._open.discard(connection)
            connection.close()


def _answer(handler: http.server.BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    for name, value in {"Content-Type": "application/json", **answer.headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    handler.wfile.write(answer.body)


def _pass_on(
    handler: http.server.BaseHTTPRequestHandler, answer: http.client.HTTPResponse, *, is_cut: bool
) -> None:
    length = answer.headers.get("Content-Length")
    handler.send_response(answer.status)
    for name, value in answer.getheaders():
        if name.lower() not in {"connection", "transfer-encoding", "date", "server"}:
            handler.send_header(name, value)
    if length is None:
        handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    if is_cut:
        line = answer.readline() if length is None else answer.read()
        half = line[: len(line) // 2]
        handler.wfile.write(half if length is not None else b"%x\r\n%s\r\n" % (len(half), half))
        handler.close_connection = True
        return
    if length is not None:
        handler.wfile.write(answer.read())
        return
    with contextlib.suppress(OSError):  # of the server: for the caller that is an end, too
        while piece := answer.read1(1 << 16):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            handler.wfile.flush()
    handler.wfile.write(b"0\r\n\r\n")


def _tls(access: ClusterAccess) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=access.ca)
    auth = access.auth
    assert isinstance(auth, ClientCertificate)
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "pem"
        pem.write_text(f"{auth.certificate.strip()}\n{auth.key.strip()}\n")
        context.load_cert_chain(pem)
    return context
