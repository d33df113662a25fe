"""Chart repositories and registries on the loopback interface, and charts to put into them."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from jx.adapters.helm.archives import digest_of, pack
from jx.adapters.local.memory_catalog import make_chart
from jx.domain.charts.charts import Chart

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-{{ .Chart.Name }}
data:
  version: {{ .Chart.Version | quote }}
"""


@dataclass
class Request:
    """What a server was asked."""

    path: str
    headers: Mapping[str, str]


@dataclass
class Answer:
    """What it answers."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """A server of answers by path; a path may have a function of the request instead."""

    url: str = ""
    answers: dict[str, Answer | Callable[[Request], Answer]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        found = self.answers.get(urlsplit(request.path).path, Answer(b"nothing here", 404))
        return found if isinstance(found, Answer) else found(request)


@contextmanager
def serving() -> Iterator[Server]:
    """A server that runs until the end of the block."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = server.answer(Request(self.path, dict(self.headers.items())))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def simple_chart(name: str, version: str, **values: object) -> Chart:
    """A chart with one ConfigMap."""
    return make_chart(name, version, {"templates/config.yaml": CONFIG_MAP, "values.yaml": json.dumps(values)})


def publish(server: Server, *charts: Chart, digests: bool = True) -> str:
    """Make a server a chart repository with an index; its URL."""
    entries: dict[str, list[dict[str, object]]] = {}
    for chart in charts:
        name, version = chart.ref.name, chart.version
        data = pack(name, chart.files)
        path = f"/charts/archives/{name}-{version}.tgz"
        server.answers[path] = Answer(data)
        entry: dict[str, object] = {
            "name": name,
            "version": version,
            "urls": [f"archives/{name}-{version}.tgz"],
        }
        if digests:
            entry["digest"] = digest_of(data).removeprefix("sha256:")
        entries.setdefault(name, []).append(entry)
    index = json.dumps({"apiVersion": "v1", "entries": entries}).encode()
    etag = f'"{hashlib.sha256(index).hexdigest()[:12]}"'

    def answer(request: Request) -> Answer:
        if request.headers.get("If-None-Match") == etag:
            return Answer(status=304, headers={"ETag": etag})
        return Answer(index, headers={"ETag": etag})

    server.answers["/charts/index.yaml"] = answer
    return f"{server.url}/charts"


def push(server: Server, *charts: Chart, token: str = "", page: int = 100) -> str:
    """Make a server an OCI registry (with a token that anybody is given, where there is one); its URL as a repository."""
    host = urlsplit(server.url).netloc

    def guarded(answer: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def check(request: Request) -> Answer:
            if token and request.headers.get("Authorization") != f"Bearer {token}":
                challenge = f'Bearer realm="{server.url}/token",service="{host}",scope="repository:team:pull"'
                return Answer(status=401, headers={"WWW-Authenticate": challenge})
            return answer(request)

        return check

    server.answers["/token"] = Answer(json.dumps({"token": token}).encode())
    by_name: dict[str, list[Chart]] = {}
    for chart in charts:
        by_name.setdefault(chart.ref.name, []).append(chart)
    for name, listed in by_name.items():
        base = f"/v2/team/{name}"
        tags = [chart.version.replace("+", "_") for chart in listed]
        server.answers[f"{base}/tags/list"] = guarded(_tags(base, tags, page))
        for chart, tag in zip(listed, tags, strict=True):
            data = pack(name, chart.files)
            media_type = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
            layer = {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}
            manifest = Answer(json.dumps({"schemaVersion": 2, "layers": [layer]}).encode())
            blob = Answer(data)
            server.answers[f"{base}/manifests/{tag}"] = guarded(lambda _, answer=manifest: answer)  # type: ignore[misc]
            server.answers[f"{base}/blobs/{digest_of(data)}"] = guarded(lambda _, answer=blob: answer)  # type: ignore[misc]
    return f"oci://{host}/team"


def _tags(base: str, tags: list[str], page: int) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        last = parse_qs(urlsplit(request.path).query).get("last", [""])[0]
        start = tags.index(last) + 1 if last else 0
        shown = tags[start : start + page]
        more = (
            {"Link": f'<{base}/tags/list?last={shown[-1]}>; rel="next"'} if start + page < len(tags) else {}
        )
        return Answer(json.dumps({"tags": shown}).encode(), headers=more)

    return answer


def basic(login: str, password: str) -> str:
    """The value of an Authorization header."""
    return f"Basic {base64.b64encode(f'{login}:{password}'.encode()).decode()}"
