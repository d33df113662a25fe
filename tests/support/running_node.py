"""The embedded cluster's node on a real API server: it runs the pods that it can run, as processes, and serves their logs."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import parse_qs, urlsplit

from tests.support.played_node import RemoteApi, playing_node
from tests.support.workloads import FAST

from jx.adapters.local.kubernetes.access.pki import Pki
from jx.adapters.local.kubernetes.api import Api
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import PODS
from jx.adapters.local.kubernetes.controllers.nodes import PodAddresses
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.node.images import Images
from jx.adapters.local.node.node import Node
from jx.adapters.local.node.pods import Settings

_LOOK_SECONDS = 0.1


@contextmanager
def running_node(kubeconfig: Path, folder: Path) -> Iterator[None]:
    """A node on the cluster of a kubeconfig, with the `images.json` of a folder, until the end of the block."""
    api = RemoteApi(kubeconfig)
    server = urlsplit(api.access.server)
    api.pki = SimpleNamespace(authority_pem=api.access.ca)  # type: ignore[attr-defined]
    settings = Settings(server=(str(server.hostname), int(server.port or 443)), stop_seconds=5)
    addresses = PodAddresses(str(folder))
    images = Images(folder / "images.json")
    node = Node(cast(Api, api), folder, images=images, addresses=addresses, settings=settings)
    with (
        _serving(node, folder) as port,
        playing_node(kubeconfig, FAST, is_real=node.is_real, log_port=port),
    ):
        node.start()
        try:
            yield
        finally:
            node.stop()


@contextmanager
def _serving(node: Node, folder: Path) -> Iterator[int]:
    """The part of a kubelet that an API server asks for logs; the port of it."""

    class Logs(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            _, kind, namespace, pod, container = asked.path.split("/")
            assert kind == "containerLogs"
            self.send_response(200)
            self.end_headers()
            follow = parse_qs(asked.query).get("follow") == ["true"]
            for piece in _pieces(node, (namespace, pod, container), follow=follow):
                self.wfile.write(piece)

        def log_message(self, *_words: object) -> None:
            return

    keys = folder / "kubelet"
    Pki.open(keys, datetime.now(UTC))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Logs)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(keys / "server.crt", keys / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def _pieces(node: Node, place: tuple[str, str, str], *, follow: bool) -> Iterator[bytes]:
    namespace, pod, container = place
    start, pause = 0, threading.Event()
    while True:
        found = node.cluster.cache.get(PODS, namespace, pod)
        is_over = found is None or _has_ended(found, container)
        path = node.open(namespace, pod, container, previous=False)
        more = path.read_bytes()[start:] if path else b""
        start += len(more)
        if more:
            yield more
        elif is_over or not follow:
            return
        else:
            pause.wait(_LOOK_SECONDS)


def _has_ended(pod: Obj, container: str) -> bool:
    statuses = objects.status_of(pod).get("containerStatuses") or ()
    return any(each["name"] == container and "terminated" in each["state"] for each in statuses)
