"""A tiny HTTPS server that answers as a test says, certificates for it, and an access to it."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jx.adapters.kubernetes.access import Anonymous, Auth, ClusterAccess


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: str = ""
    """Common name of the client certificate."""
    connection: int = 0


@dataclass(frozen=True)
class Reply:
    """What to answer: `drop` closes the connection instead; `pieces` makes it chunked, cut exactly so."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    pieces: tuple[bytes, ...] | None = None
    hold: threading.Event | None = None
    """After the pieces, keep the answer open until this is set."""


AUTHORITY_NAME = "test-ca"


@dataclass
class Authority:
    """A certificate authority of one test run."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key, _sign(AUTHORITY_NAME, key.public_key(), AUTHORITY_NAME, key, is_ca=True))

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, name: str) -> tuple[str, str]:
        """Certificate and key, PEM, for this machine's loopback (and under `name`)."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(name, key.public_key(), AUTHORITY_NAME, self.key, is_ca=False)
        return (
            certificate.public_bytes(serialization.Encoding.PEM).decode(),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
        )


def _sign(
    name: str,
    public: ec.EllipticCurvePublicKey,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.sign(key, hashes.SHA256())


class ScriptedServer:
    """Answers each request by a function; remembers what came. Use as a context manager."""

    def __init__(
        self, authority: Authority, folder: Path, answer: Callable[[Seen], Reply], *, name: str = "kubernetes"
    ) -> None:
        self.seen: list[Seen] = []
        self.authority = authority
        outer = self
        certificate, key = authority.issue(name)
        both = folder / "server.pem"
        both.write_text(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
        context.load_verify_locations(cadata=authority.pem)
        context.verify_mode = ssl.CERT_OPTIONAL

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle()

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                seen = Seen(
                    self.command,
                    self.path,
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                    _common_name(self.connection),
                    id(self.connection),
                )
                outer.seen.append(seen)
                _write(self, answer(seen))

            def __getattr__(self, name: str) -> Callable[[], None]:
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def access(self, auth: Auth = Anonymous(), **more: Any) -> ClusterAccess:
        facts: dict[str, Any] = {"ca": self.authority.pem, "context_name": "test", "user_name": "ann"}
        return ClusterAccess(f"https://127.0.0.1:{self.port}", auth, **{**facts, **more})

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _common_name(connection: Any) -> str:
    peer = connection.getpeercert() or {}
    return next((value for row in peer.get("subject", ()) for key, value in row if key == "commonName"), "")


def _write(handler: http.server.BaseHTTPRequestHandler, reply: Reply) -> None:
    if reply.drop:
        handler.close_connection = True
        return
    handler.send_response(reply.status)
    for name, value in {"Content-Type": "application/json", **reply.headers}.items():
        handler.send_header(name, value)
    if reply.pieces is None:
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body or {}).encode()
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
        return
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for piece in reply.pieces:
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.flush()
    if reply.hold is not None:
        reply.hold.wait(10)
    handler.wfile.write(b"0\r\n\r\n")


def status(code: int, reason: str, message: str, **details: Any) -> Reply:
    """A Kubernetes `Status` as an answer."""
    return Reply(
        code,
        {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details,
            "code": code,
        },
    )


class QuickClock:
    """A clock whose waits end at once, and are remembered, and move its time."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self.time = datetime.datetime(2026, 11, 1, 12, tzinfo=datetime.UTC)

    def now(self) -> datetime.datetime:
        return self.time

    def elapsed(self) -> datetime.timedelta:
        return self.time - datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def wait(self, duration: datetime.timedelta) -> bool:
        self.waited.append(duration.total_seconds())
        self.time += duration
        return False

    def move(self, duration: datetime.timedelta) -> None:
        self.time += duration
