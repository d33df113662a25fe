"""Transport: HTTP(S) requests to one API server over a pool of kept connections. Blocking and thread-safe.

Proxy settings of the environment are not looked at. What a status code means is told in `errors`; here is only what may be sent
again: a request that the server refused to look at (429), and an idempotent one that got no answer or a passing 5xx.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import select
import socket
import ssl
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote, urlencode, urlsplit

from jx.adapters.kubernetes import errors
from jx.adapters.kubernetes.access import ClusterAccess
from jx.adapters.kubernetes.authentication import Authentication, Credential
from jx.adapters.kubernetes.streams import LineStream
from jx.domain.errors import Invalid, Unavailable
from jx.ports.clock import Clock

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_IDLE_SECONDS = 55.0
"""Shorter than what servers and load balancers keep."""
_ATTEMPTS = 5
_CONNECTS = 3
"""Attempts that end without an answer. Below a second in all: a server that is down is to be told soon."""
_LONGEST_WAIT_SECONDS = 10.0
_LEAST_SECONDS = 0.1
"""Less than this is no time for an attempt."""
_PASSING = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` begins with a slash and is quoted already (see `path_of`)."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    is_repeatable: bool = False
    """Sending it twice is the same as sending it once, also if the first one was done."""
    within: timedelta | None = None
    """It is over by then, with all its attempts, and the server is told so: what comes too late is not done."""

    def target(self, seconds: float | None) -> str:
        """Path and query, of an attempt that may take so long."""
        limit = () if seconds is None else (("timeout", f"{max(seconds, 0.1):.1f}s"),)
        query = (*self.query, *limit)
        return f"{self.path}?{urlencode(query)}" if query else self.path


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)


def path_of(*parts: str) -> str:
    """A path of these parts, each quoted; empty ones are left out."""
    return "".join(f"/{quote(part, safe='')}" for part in parts if part)


@dataclass(slots=True)
class _Link:
    """A connection and the credential it was made with."""

    connection: http.client.HTTPConnection
    credential: Credential
    used: float


@dataclass(frozen=True, slots=True)
class _Deadline:
    """When a request has to be over."""

    clock: Clock
    at: timedelta | None

    @property
    def seconds(self) -> float | None:
        """How long an attempt that begins now may take; None for as long as any."""
        return None if self.at is None else (self.at - self.clock.elapsed()).total_seconds()

    def allows(self, pause: float) -> bool:
        """Whether there is time for an attempt after a pause."""
        left = self.seconds
        return left is None or left > pause + _LEAST_SECONDS


class Transport:
    """Requests to the server of one access. Raises Unavailable (with the server's host), Forbidden where no credentials can be
    had, and Invalid where the server's certificate does not fit the kubeconfig."""

    def __init__(self, access: ClusterAccess, clock: Clock, *, is_interactive: bool = False) -> None:
        self.access = access
        self._clock = clock
        self._authentication = Authentication(access, clock, is_interactive=is_interactive)
        self._url = urlsplit(access.server)
        self._idle: deque[_Link] = deque()
        self._lock = threading.Lock()
        self._context: tuple[Credential, ssl.SSLContext] | None = None

    def request(self, request: Request) -> Response:
        """Send a request and read the whole answer, of any status."""
        end = None if request.within is None else self._clock.elapsed() + request.within
        deadline = _Deadline(self._clock, end)
        credential = self._authentication.current()
        response = self._persist(request, credential, deadline)
        if response.status != 401 or not self._authentication.forget(credential):
            return response
        renewed = self._authentication.current()
        return response if renewed == credential else self._persist(request, renewed, deadline)

    def stream(self, request: Request) -> LineStream | Response:
        """Send a request whose answer has no end (a watch): its lines, or the answer where it is not 200."""
        link = self._open(self._authentication.current())
        try:
            sock = link.connection.sock
            answer = self._send(link, request)
            if answer.status == 200:
                return LineStream(sock, answer, link.connection)
            response = Response(answer.status, _lowered(answer), answer.read())
        except (OSError, http.client.HTTPException) as error:
            link.connection.close()
            raise errors.unreachable(self.access, error) from error
        except BaseException:
            link.connection.close()
            raise
        link.connection.close()
        if response.status == 401:
            self._authentication.forget(link.credential)
        return response

    def close(self) -> None:
        """Close all idle connections; the transport may still be used."""
        with self._lock:
            links, self._idle = list(self._idle), deque()
        for link in links:
            link.connection.close()

    def _wait(self, seconds: float) -> None:
        if self._clock.wait(timedelta(seconds=seconds)):
            raise Unavailable(f"stopped waiting for {self.access.host}, since this process is to end")

    def _persist(self, request: Request, credential: Credential, deadline: _Deadline) -> Response:
        for attempt in itertools.count(1):
            try:
                response = self._once(request, credential, deadline.seconds)
            except Unavailable as error:
                is_slow = isinstance(error.__cause__, TimeoutError)
                pause = 0.1 * 2**attempt
                if attempt == _CONNECTS or is_slow or not request.is_repeatable or not deadline.allows(pause):
                    raise
                self._wait(pause)
                continue
            answered = _pause_after(response, request, attempt)
            is_last = attempt >= _ATTEMPTS and deadline.at is None
            if answered is None or is_last or not deadline.allows(answered):
                return response
            self._wait(answered)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, request: Request, credential: Credential, seconds: float | None) -> Response:
        link = self._take(credential)
        try:
            if seconds is not None and link.connection.sock:
                link.connection.sock.settimeout(min(max(seconds, _LEAST_SECONDS), _ANSWER_SECONDS))
            answer = self._send(link, request, seconds)
            response = Response(answer.status, _lowered(answer), answer.read())
        except (OSError, http.client.HTTPException) as error:
            link.connection.close()
            raise errors.unreachable(self.access, error) from error
        except BaseException:
            link.connection.close()
            raise
        if answer.will_close:
            link.connection.close()
        else:
            self._give_back(link)
        return response

    def _send(self, link: _Link, request: Request, seconds: float | None = None) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json", "User-Agent": "jx", **request.headers}
        if link.credential.token:
            headers["Authorization"] = f"Bearer {link.credential.token}"
        connection = link.connection
        connection.putrequest(
            request.method, self._url.path + request.target(seconds), skip_accept_encoding=True
        )
        for name, value in (*headers.items(), *self.access.impersonation):
            connection.putheader(name, value)
        if request.body is not None:
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
        return connection.getresponse()

    def _take(self, credential: Credential) -> _Link:
        oldest = time.monotonic() - _IDLE_SECONDS
        while True:
            with self._lock:
                link = self._idle.pop() if self._idle else None
            if link is None:
                return self._open(credential)
            if link.credential == credential and link.used > oldest and _is_quiet(link.connection.sock):
                return link
            link.connection.close()

    def _give_back(self, link: _Link) -> None:
        link.used = time.monotonic()
        if link.connection.sock:
            link.connection.sock.settimeout(_ANSWER_SECONDS)
        with self._lock:
            self._idle.append(link)

    def _open(self, credential: Credential) -> _Link:
        host, port = self._url.hostname or "", self._url.port
        connection: http.client.HTTPConnection
        if self._url.scheme == "https":
            name = self.access.tls_server_name or host
            connection = _NamedHTTPSConnection(host, port or 443, self._tls(credential), name)
        else:
            connection = http.client.HTTPConnection(host, port or 80, timeout=_CONNECT_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(_ANSWER_SECONDS)
        except ssl.SSLCertVerificationError as error:
            connection.close()
            raise errors.untrusted(self.access, error) from error
        except OSError as error:
            connection.close()
            raise errors.unreachable(self.access, error) from error
        return _Link(connection, credential, time.monotonic())

    def _tls(self, credential: Credential) -> ssl.SSLContext:
        with self._lock:
            if self._context is None or self._context[0] != credential:
                self._context = (credential, _tls_context(self.access, credential))
            return self._context[1]


class _NamedHTTPSConnection(http.client.HTTPSConnection):
    """HTTPS that expects another name in the certificate than the one it connects to (`tls-server-name`)."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, name: str) -> None:
        super().__init__(host, port, timeout=_CONNECT_SECONDS, context=context)
        self._tls = context
        self._name = name

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), self.timeout)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._name)
        except BaseException:
            plain.close()
            raise


def _tls_context(access: ClusterAccess, credential: Credential) -> ssl.SSLContext:
    # Not `create_default_context`: its strict mode refuses the certificate authorities that many clusters made for themselves.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        if access.is_insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif access.ca:
            context.load_verify_locations(cadata=access.ca)
        else:
            context.load_default_certs()
    except (ssl.SSLError, ValueError) as error:
        raise Invalid(f"the certificate authority of context {access.context_name!r} is not PEM") from error
    if credential.certificate:
        try:
            _load_certificate(context, credential)
        except ssl.SSLError as error:
            raise Invalid(
                f"the client certificate and key of user {access.user_name!r} do not fit or are no PEM"
            ) from error
    return context


def _load_certificate(context: ssl.SSLContext, credential: Credential) -> None:
    # OpenSSL wants a file: it is readable by us alone, and gone before the next line runs.
    handle, path = tempfile.mkstemp(prefix="jx-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{credential.certificate.strip()}\n{credential.key.strip()}\n")
        context.load_cert_chain(path, password="")  # an encrypted key is an error, never a question
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _pause_after(response: Response, request: Request, attempt: int) -> float | None:
    """Seconds to wait before the same again, or None where the answer stands."""
    told = response.headers.get("retry-after", "")
    is_passing = response.status in _PASSING or (response.status == 500 and bool(told))
    if response.status != 429 and not (is_passing and request.is_repeatable):
        return None
    seconds = float(told) if told.isdigit() else 0.1 * 2**attempt
    return min(max(seconds, 0.05), _LONGEST_WAIT_SECONDS)


def _is_quiet(sock: socket.socket | None) -> bool:
    """Whether an idle connection still is one: a server that has closed it made it readable."""
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLHUP | select.POLLERR)
    return not poll.poll(0)


def _lowered(answer: http.client.HTTPResponse) -> dict[str, str]:
    """The headers by name in lower case; those that are sent several times (warnings) are joined, as HTTP says."""
    joined: dict[str, str] = {}
    for name, value in answer.getheaders():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined
