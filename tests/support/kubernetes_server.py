"""A running embedded API server, and a client as small as http.client allows."""

from __future__ import annotations

import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jx.adapters.local.kubernetes.serve import Server

Obj = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A status and a parsed body."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Client:
    """Requests to one server as one caller: a client certificate, a token, or nobody."""

    def __init__(
        self, server: Server, *, token: str = "", certificate: tuple[str, str] | None = None
    ) -> None:
        self._server = server
        self._token = token
        self._context = ssl.create_default_context(cadata=server.api.pki.authority_pem)
        if certificate:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "pair.pem")
                path.write_text("".join(certificate))
                self._context.load_cert_chain(path)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        **headers: str,
    ) -> Answer:
        with self.connection() as connection:
            response = self.send(connection, method, path, body, content_type, headers)
            raw = response.read()
            found = {key.lower(): value for key, value in response.getheaders()}
            is_json = found.get("content-type", "").startswith("application/json")
            return Answer(response.status, json.loads(raw) if is_json and raw else raw.decode(), found)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.request("POST", path, body, **headers)

    def put(self, path: str, body: Any) -> Answer:
        return self.request("PUT", path, body)

    def delete(self, path: str, body: Any = None) -> Answer:
        return self.request("DELETE", path, body)

    def apply(
        self, path: str, body: Any, *, manager: str = "tester", force: bool = False, **headers: str
    ) -> Answer:
        options = f"?fieldManager={manager}&force={'true' if force else 'false'}"
        return self.request(
            "PATCH", path + options, body, content_type="application/apply-patch+yaml", **headers
        )

    def merge(self, path: str, body: Any) -> Answer:
        return self.request("PATCH", path, body, content_type="application/merge-patch+json")

    @contextmanager
    def watch(self, path: str) -> Iterator[Iterator[Obj]]:
        """The events of a watch, as they come; a silence of 5 seconds is an error."""
        with self.connection() as connection:
            response = self.send(connection, "GET", path, None, "", {})
            assert response.status == 200, response.read()
            try:
                yield (json.loads(line) for line in iter(response.readline, b""))
            finally:
                response.close()

    @contextmanager
    def connection(self) -> Iterator[http.client.HTTPSConnection]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._server.port, context=self._context, timeout=5
        )
        try:
            yield connection
        finally:
            connection.close()

    def send(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: Any,
        content_type: str,
        headers: dict[str, str],
    ) -> http.client.HTTPResponse:
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            sent["Content-Type"] = content_type
        raw = body if isinstance(body, bytes | str | None) else json.dumps(body)
        connection.request(method, path, raw, sent)
        return connection.getresponse()


def admin(server: Server) -> Client:
    """The administrator, by client certificate."""
    return Client(server, certificate=(server.api.pki.admin.certificate, server.api.pki.admin.key))


def config_map(name: str, **data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def definition(*, plural: str = "gadgets", kind: str = "Gadget", **version: Any) -> Obj:
    """A CustomResourceDefinition of the group example.org."""
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "shortNames": ["gd"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    **version,
                }
            ],
        },
    }
