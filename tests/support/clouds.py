"""Secret managers of clouds, on this machine: moto's for AWS; for Google a small server after its published REST documents."""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

from jx.adapters.aws.secrets import AwsSecrets
from jx.adapters.gcp.secrets import GcpSecrets

TOKEN = "token-of-tests"
_LOGIN = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def aws() -> Iterator[AwsSecrets]:
    """Secrets Manager as moto has it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        with mock.patch.dict(os.environ, _LOGIN):
            store = AwsSecrets(region="eu-west-1", prefix="jx/tests", endpoint=f"http://{host}:{port}")
        yield store
        store.close()
    finally:
        server.stop()


@contextmanager
def gcp() -> Iterator[GcpSecrets]:
    """Secret Manager after https://cloud.google.com/secret-manager/docs/reference/rest."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Google)
    server.daemon_threads = True
    server.secrets = {}  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    store = GcpSecrets("tests", lambda: TOKEN, endpoint=f"http://127.0.0.1:{server.server_address[1]}")
    try:
        yield store
    finally:
        store.close()
        server.shutdown()
        server.server_close()


class _Google(http.server.BaseHTTPRequestHandler):
    """secrets.create, get, list, patch, delete, addVersion; versions.get and access of `latest`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.endswith("/secrets"):
            names = sorted(self._secrets)
            query = parse_qs(url.query)
            begin = int(query.get("pageToken", ["0"])[0])
            size = int(query["pageSize"][0])
            more = {"nextPageToken": str(begin + size)} if begin + size < len(names) else {}
            page = [self._described(name) for name in names[begin : begin + size]]
            return self._answer(200, {"secrets": page, **more})
        name, _, rest = self._named(url.path)
        if name not in self._secrets:
            return self._answer(404, {})
        if not rest:
            return self._answer(200, self._described(name))
        versions = self._secrets[name]["versions"]
        if not versions:
            return self._answer(404, {})
        number, (data, at) = len(versions), versions[-1]
        full = f"projects/1/secrets/{name}/versions/{number}"
        if rest.endswith(":access"):
            return self._answer(200, {"name": full, "payload": {"data": data}})
        return self._answer(200, {"name": full, "createTime": at, "state": "ENABLED"})

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        body = self._body()
        if url.path.endswith("/secrets"):
            name = parse_qs(url.query)["secretId"][0]
            if name in self._secrets:
                return self._answer(409, {})
            self._secrets[name] = {"labels": body.get("labels", {}), "etag": 1, "versions": []}
            return self._answer(200, self._described(name))
        name, verb, _ = self._named(url.path)
        if verb != "addVersion" or name not in self._secrets:
            return self._answer(404, {})
        base64.b64decode(body["payload"]["data"], validate=True)
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self._secrets[name]["versions"].append((body["payload"]["data"], at))
        number = len(self._secrets[name]["versions"])
        return self._answer(200, {"name": f"projects/1/secrets/{name}/versions/{number}", "createTime": at})

    def do_PATCH(self) -> None:
        name, _, _ = self._named(urlsplit(self.path).path)
        body = self._body()
        if name not in self._secrets:
            return self._answer(404, {})
        if body.get("etag") != str(self._secrets[name]["etag"]):
            return self._answer(400, {"error": {"status": "FAILED_PRECONDITION"}})
        self._secrets[name] |= {"labels": body["labels"], "etag": self._secrets[name]["etag"] + 1}
        return self._answer(200, self._described(name))

    def do_DELETE(self) -> None:
        name, _, _ = self._named(urlsplit(self.path).path)
        return self._answer(404 if self._secrets.pop(name, None) is None else 200, {})

    def log_message(self, *_: object) -> None:
        pass

    @property
    def _secrets(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.server.secrets  # type: ignore[attr-defined]
        return found

    def _named(self, path: str) -> tuple[str, str, str]:
        found = re.fullmatch(r"/v1/projects/tests/secrets/([A-Za-z0-9_-]+)(?::(\w+))?(/.*)?", path)
        assert found, path
        return found[1], found[2] or "", found[3] or ""

    def _described(self, name: str) -> dict[str, Any]:
        one = self._secrets[name]
        return {"name": f"projects/1/secrets/{name}", "labels": one["labels"], "etag": str(one["etag"])}

    def _body(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return read

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            status, body = 401, {}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
