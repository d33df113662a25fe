"""Bytes over HTTP: bounded in size and time, and careful with who is told what."""

from __future__ import annotations

import http.client
import ipaddress
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import urljoin, urlsplit

from jx.domain.errors import Forbidden, Invalid, NotFound, Unavailable

_CHUNK = 256 * 1024
_SECRET_HEADERS = ("Authorization", "Cookie")

Authorize = Callable[[str], str | None]
"""From a URL's origin (`https://host:port`) to the value of an Authorization header, or None."""


def no_authorization(origin: str) -> None:
    """Go without credentials."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Names of headers are in lower case."""

    status: int
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of a URL, without a login."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(url: str) -> None:
    """Invalid for anything but http and https, and for a URL that holds a login."""
    try:
        parts = urlsplit(url)
        has_login = bool(parts.username or parts.password)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise Invalid(f"this is not a URL of charts: {error}") from error
    if has_login:
        raise Invalid(
            f"the URL of a chart repository may not hold a login: {origin_of(url)}",
            hint="leave it out of the URL, and keep it in the store: jx add login URL --username NAME --password-stdin",
        )
    if not known or any(character <= " " for character in url):
        raise Invalid(
            f"charts come over http and https only, not from {url!r}",
            hint="check `repository` of the dependency",
        )


class _SameRules(urllib.request.HTTPRedirectHandler):
    """A redirect leads to http(s) only, never from https to http, and another host is not told our secrets."""

    max_redirections = 5

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        target = urljoin(req.full_url, newurl)
        check_url(target)
        if req.full_url.startswith("https:") and not target.startswith("https:"):
            raise Invalid(
                f"{origin_of(req.full_url)} redirects to {origin_of(target)}, which is not encrypted"
            )
        following = super().redirect_request(req, fp, code, msg, headers, target)
        if following is not None and origin_of(target) != origin_of(req.full_url):
            for name in _SECRET_HEADERS:
                following.remove_header(name)
        return following


class _Bypass(urllib.request.ProxyHandler):
    """The proxies of the environment, but never for this machine itself."""

    def proxy_open(  # type: ignore[no-untyped-def]  # the base class has no types here
        self, req, proxy, type
    ):
        if is_loopback(urlsplit(req.full_url).hostname or ""):
            return None
        return super().proxy_open(req, proxy, type)


def check_peer(url: str, peer: str) -> None:
    """Forbidden for an address that only ever serves the machine that asks it: clouds give credentials out there. It is asked
    about once the connection stands, so that no name can mean another address by then."""
    if ipaddress.ip_address(peer.partition("%")[0]).is_link_local:
        raise Forbidden(
            f"{origin_of(url)} is at {peer}, a link-local address, where no charts come from",
            hint="check `repository` of the dependency, and who wrote it",
        )


def _check_connection(connection: http.client.HTTPConnection, scheme: str) -> None:
    try:
        check_peer(f"{scheme}://{connection.host}", connection.sock.getpeername()[0])
    except Forbidden:
        connection.close()
        raise


class _HTTPConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _check_connection(self, "http")


class _HTTPSConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _check_connection(self, "https")


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPConnection, req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPSConnection, req)


class Downloader:
    """GET, with limits. Never raises anything but the errors of jx."""

    def __init__(
        self, *, authorize: Authorize = no_authorization, timeout: float = 30, deadline: float = 300
    ) -> None:
        """`timeout` is for one silence, `deadline` for a whole answer, both in seconds."""
        self._authorize = authorize
        self._timeout = timeout
        self._deadline = deadline
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            _Bypass(),
            _HTTPHandler(),
            _HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            _SameRules(),
            urllib.request.HTTPErrorProcessor(),
        ):
            self._opener.add_handler(handler)

    def get(
        self,
        url: str,
        *,
        limit: int,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> Response:
        """The answer to a GET, if its status is 200 or in `accept`. `limit` bounds its body, in bytes.

        NotFound for 404 and 410, Forbidden for 401 and 403, else Unavailable; Invalid where the body is larger.
        """
        check_url(url)
        request = urllib.request.Request(url, headers={"User-Agent": "jx", **(headers or {})})
        secret = self._authorize(origin_of(url))
        if secret and not request.has_header("Authorization"):
            request.add_header("Authorization", secret)
        response = self._open(request, limit)
        if response.status == 200 or response.status in accept:
            return response
        raise _refusal(response.status, url, has_login=request.has_header("Authorization"))

    def _open(self, request: urllib.request.Request, limit: int) -> Response:
        url = request.full_url
        try:
            answer = self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            with error:
                lowered = {name.lower(): value for name, value in error.headers.items()}
                return Response(error.code, url, lowered)
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(url, error) from error
        with answer:
            try:
                body = self._read(answer, url, limit)
            except (OSError, http.client.HTTPException) as error:
                raise unreachable(url, error) from error
            lowered = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status, answer.url, lowered, body)

    def _read(self, answer: http.client.HTTPResponse, url: str, limit: int) -> bytes:
        end = time.monotonic() + self._deadline
        parts: list[bytes] = []
        size = 0
        while chunk := answer.read1(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise Invalid(f"{url} has more than {limit:,} bytes, which is more than a chart needs")
            if time.monotonic() > end:
                raise Unavailable(
                    f"{origin_of(url)} took more than {self._deadline:g} s", hint="try again later"
                )
            parts.append(chunk)
        announced = answer.headers.get("Content-Length", "")
        if announced.isdigit() and int(announced) != size:
            raise Unavailable(f"{origin_of(url)} broke off in the middle of {url}", hint="try again")
        return b"".join(parts)


def unreachable(url: str, error: Exception) -> Unavailable:
    """The error for a host that gives no answer."""
    reason = getattr(error, "reason", None) or error
    return Unavailable(
        f"the chart repository {origin_of(url)} cannot be reached: {reason}",
        hint="check the network and the URL, then try again; charts that were fetched before still work by exact version",
    )


def _refusal(status: int, url: str, *, has_login: bool) -> Forbidden | NotFound | Unavailable:
    if status in {401, 403}:
        how = f"jx add login {origin_of(url)} --username NAME --password-stdin"
        return Forbidden(
            f"{origin_of(url)} does not let us read {urlsplit(url).path} (HTTP {status})",
            hint=f"it was asked with the login that is kept for it; to keep another: {how}"
            if has_login
            else f"is the repository private? name a login: {how}",
        )
    if status in {404, 410}:
        return NotFound(
            f"there is nothing at {url} (HTTP {status})", hint="check the address of the chart repository"
        )
    return Unavailable(
        f"the chart repository {origin_of(url)} answered HTTP {status}", hint="try again later"
    )
