"""Credentials that follow a redirect, or are told to another host than theirs."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.kubernetes import Authority, QuickClock, Reply, ScriptedServer, Seen

from jx.adapters.git.process import Git
from jx.adapters.kubernetes.access import BearerToken
from jx.adapters.kubernetes.transport import Request, Transport
from jx.domain.errors import Failed

TOKEN = "c4n4ry-token"


def packet(text: str) -> bytes:
    return f"{len(text) + 4:04x}{text}".encode()


ADVERTISED = (
    packet("# service=git-upload-pack\n") + b"0000" + packet("version 2\n") + packet("ls-refs\n") + b"0000"
)


@dataclass
class Host:
    """A git server that answers to everything, or sends elsewhere; it remembers what it was told."""

    elsewhere: str = ""
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    url: str = ""

    @property
    def told(self) -> str:
        """All headers of all requests."""
        return "\n".join(headers for _, _, headers in self.seen)


@contextmanager
def serving(host: Host) -> Iterator[Host]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            host.seen.append((self.command, self.path, str(self.headers)))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(302 if host.elsewhere else 200)
            if host.elsewhere:
                self.send_header("Location", host.elsewhere + self.path)
            is_first = self.command == "GET"
            kind = "advertisement" if is_first else "result"
            self.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
            self.end_headers()
            self.wfile.write(ADVERTISED if is_first else b"0000")

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# 4 Credentials forwarded on redirect or to other hosts


def test_4_git_tells_its_token_to_the_host_it_is_for() -> None:
    with serving(Host()) as host:
        git = Git(logins=lambda _: ("ann", TOKEN))
        git.run("ls-remote", f"{host.url}/acme/env.git", url=f"{host.url}/acme/env.git")
        assert [method for method, _, _ in host.seen] == ["GET", "POST"]
        assert host.told.count("Authorization: Basic") == 2


def test_4_git_does_not_take_its_token_along_to_where_it_is_sent() -> None:
    with serving(Host()) as thief, serving(Host(elsewhere=thief.url)) as host:
        git = Git(logins=lambda _: ("ann", TOKEN))
        url = f"{host.url}/acme/env.git"
        with pytest.raises(Failed, match="has moved to another address, and a token is not taken along"):
            git.run("ls-remote", url, url=url)
        assert "Authorization: Basic" in host.told
        assert "Authorization" not in thief.told


def test_4_a_token_of_the_cluster_stays_with_its_api_server(tmp_path: Path) -> None:
    with serving(Host()) as thief:

        def away(seen: Seen) -> Reply:
            return Reply(302, {}, {"Location": f"{thief.url}{seen.path}"})

        with ScriptedServer(Authority.make(), tmp_path, away) as server:
            transport = Transport(server.access(BearerToken(TOKEN)), QuickClock())
            assert transport.request(Request("GET", "/api", is_repeatable=True)).status == 302
            transport.close()
        assert thief.seen == []
