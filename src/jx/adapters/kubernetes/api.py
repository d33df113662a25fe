"""Api: JSON objects in and out of one Kubernetes API, errors translated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from jx.adapters.kubernetes import errors
from jx.adapters.kubernetes.access import ClusterAccess
from jx.adapters.kubernetes.errors import Attempt
from jx.adapters.kubernetes.streams import LineStream
from jx.adapters.kubernetes.transport import Request, Response, Transport, path_of
from jx.domain.errors import NotFound, Stale
from jx.domain.objects.manifests import api_group
from jx.ports.clock import Clock

Json = dict[str, Any]
"""A Kubernetes object or a part of one, fresh from the wire."""

Query = Mapping[str, str]

APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"

RECORD_MANAGER = "jx-records"
"""Who writes what no environment declares. Not `jx`: that name is for what is applied, and nothing else."""

_PAGE = "500"
_VERBS = {"GET": "get", "PUT": "update", "POST": "create", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as it is served: where its objects are."""

    api_version: str
    plural: str
    kind: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of one object, or of all (of a namespace) where `name` is empty."""
        root = (
            ("api", self.api_version)
            if "/" not in self.api_version
            else ("apis", *self.api_version.split("/"))
        )
        space = ("namespaces", namespace) if self.namespaced and namespace else ()
        return path_of(*root, *space, self.plural, name, subresource)

    def describe(self, namespace: str = "", name: str = "") -> str:
        """The object for people: `Deployment.apps/shop (namespace jx)`."""
        group = api_group(self.api_version)
        kind = f"{self.kind}.{group}" if group else self.kind
        space = f" (namespace {namespace})" if namespace and self.namespaced else ""
        return f"{kind}/{name}{space}" if name else f"{kind}{space}"


CONFIG_MAPS = Resource("v1", "configmaps", "ConfigMap")
SECRETS = Resource("v1", "secrets", "Secret")
PODS = Resource("v1", "pods", "Pod")
NAMESPACES = Resource("v1", "namespaces", "Namespace", namespaced=False)
LEASES = Resource("coordination.k8s.io/v1", "leases", "Lease")


class Api:
    """One cluster's API. Thread-safe. Every call raises Unavailable and Forbidden; others are named with the call."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @classmethod
    def connect(cls, access: ClusterAccess, clock: Clock, *, is_interactive: bool = False) -> Api:
        """An API over a pool of connections of its own; nothing is sent yet."""
        return cls(Transport(access, clock, is_interactive=is_interactive))

    @property
    def access(self) -> ClusterAccess:
        """Where this API is, and as whom it is spoken to."""
        return self._transport.access

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    def get_path(
        self, path: str, *, query: Query | None = None, accept: str = "application/json"
    ) -> Response:
        """Any path, as it is answered; NotFound."""
        request = Request("GET", path, _pairs(query), headers={"Accept": accept}, is_repeatable=True)
        return self._checked(request, self._attempt("GET", None, path))

    def get_version(self) -> tuple[Json, Mapping[str, str]]:
        """What the server says of its own version, and the headers it said it with. What has none is no Kubernetes API."""
        attempt = self._attempt("GET", None, "/version")
        try:
            answer = self.get_path(attempt.thing)
        except NotFound as error:
            raise errors.no_api(attempt) from error
        return parse_object(answer.body, attempt), answer.headers

    def get(self, resource: Resource, namespace: str, name: str) -> Json:
        """One object; NotFound."""
        request = Request("GET", resource.path(namespace, name), is_repeatable=True)
        return self._json(request, self._attempt("GET", resource, resource.describe(namespace, name)))

    def list_pages(
        self, resource: Resource, namespace: str = "", *, query: Query | None = None
    ) -> tuple[list[Json], str]:
        """All objects of a kind (in a namespace), read page by page, and the resourceVersion to watch from; NotFound where the
        kind is not served."""
        try:
            return self._list(resource, namespace, {**(query or {}), "limit": _PAGE})
        except Stale:  # the pages took longer than the server remembers: all at once, then
            return self._list(resource, namespace, dict(query or {}))

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        """A new object; Stale where there is one of that name, Invalid, Refused."""
        request = Request("POST", resource.path(namespace), _RECORD, _dump(body), _JSON_BODY)
        name = str(body.get("metadata", {}).get("name", ""))
        return self._json(request, self._attempt("POST", resource, resource.describe(namespace, name)))

    def replace(
        self, resource: Resource, namespace: str, body: Json, *, within: timedelta | None = None
    ) -> Json:
        """An object as a whole, by its name and resourceVersion; Stale where it has another one, NotFound, Invalid, Refused."""
        name = str(body["metadata"]["name"])
        path = resource.path(namespace, name)
        request = Request("PUT", path, _RECORD, _dump(body), _JSON_BODY, within=within)
        return self._json(request, self._attempt("PUT", resource, resource.describe(namespace, name)))

    def merge(
        self, resource: Resource, namespace: str, name: str, patch: Json, *, subresource: str = ""
    ) -> Json:
        """A JSON merge patch; NotFound, Invalid, Refused. Sent again where no answer came: merging twice is merging once."""
        headers = {"Content-Type": MERGE_PATCH}
        path = resource.path(namespace, name, subresource)
        request = Request("PATCH", path, _RECORD, _dump(patch), headers, is_repeatable=True)
        return self._json(request, self._attempt("PATCH", resource, resource.describe(namespace, name)))

    def apply(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        query: Query,
        within: timedelta | None = None,
    ) -> Json:
        """Server-side apply; Conflict, Stale, NotFound (the namespace), Invalid, Refused, Overtaken. It is over `within` a time,
        for the server too."""
        name = str(body["metadata"]["name"])
        headers = {"Content-Type": APPLY_PATCH}
        path = resource.path(namespace, name)
        request = Request(
            "PATCH", path, _pairs(query), _dump(body), headers, is_repeatable=True, within=within
        )
        return self._json(request, self._attempt("PATCH", resource, resource.describe(namespace, name)))

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        options: Json | None = None,
        *,
        within: timedelta | None = None,
    ) -> None:
        """Delete an object; NotFound, Stale where a precondition of `options` does not hold."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **(options or {})}
        path = resource.path(namespace, name)
        request = Request("DELETE", path, (), _dump(body), _JSON_BODY, is_repeatable=True, within=within)
        self._checked(request, self._attempt("DELETE", resource, resource.describe(namespace, name)))

    def watch(self, resource: Resource, namespace: str, query: Query) -> LineStream:
        """The open answer of a watch; NotFound, Stale where the resourceVersion is too old."""
        full = {**query, "watch": "1", "allowWatchBookmarks": "true"}
        request = Request("GET", resource.path(namespace), _pairs(full), is_repeatable=True)
        answer = self._transport.stream(request)
        if isinstance(answer, LineStream):
            return answer
        attempt = Attempt("watch", resource.describe(namespace), self.access.host, resource.kind == "Secret")
        raise errors.translate(attempt, answer.status, answer.body)

    def read_log(self, namespace: str, pod: str, container: str, *, follow: bool) -> LineStream:
        """What a container printed, as it comes; NotFound, and Invalid where it has not begun."""
        query = {"container": container, "follow": "true" if follow else ""}
        path = PODS.path(namespace, pod, "log")
        headers = {"Accept": "*/*"}
        answer = self._transport.stream(
            Request("GET", path, _pairs(query), headers=headers, is_repeatable=True)
        )
        if isinstance(answer, LineStream):
            return answer
        attempt = Attempt("get", f"log of {PODS.describe(namespace, pod)}", self.access.host)
        raise errors.translate(attempt, answer.status, answer.body)

    def _list(self, resource: Resource, namespace: str, query: dict[str, str]) -> tuple[list[Json], str]:
        items: list[Json] = []
        version = ""
        for page in self._pages(resource, namespace, query):
            items += page.get("items") or []
            version = str(page.get("metadata", {}).get("resourceVersion", ""))
        for item in items:  # the items of a list do not say what they are
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return items, version

    def _pages(self, resource: Resource, namespace: str, query: dict[str, str]) -> Iterator[Json]:
        attempt = Attempt("list", resource.describe(namespace), self.access.host, resource.kind == "Secret")
        while True:
            page = self._json(
                Request("GET", resource.path(namespace), _pairs(query), is_repeatable=True), attempt
            )
            yield page
            rest = page.get("metadata", {}).get("continue")
            if not rest:
                return
            query = {**query, "continue": str(rest)}

    def _attempt(self, method: str, resource: Resource | None, thing: str) -> Attempt:
        is_secret = resource is not None and resource.kind == "Secret"
        return Attempt(_VERBS[method], thing, self.access.host, is_secret)

    def _json(self, request: Request, attempt: Attempt) -> Json:
        response = self._checked(request, attempt)
        return parse_object(response.body, attempt)

    def _checked(self, request: Request, attempt: Attempt) -> Response:
        response = self._transport.request(request)
        if response.status >= 300:
            raise errors.translate(attempt, response.status, response.body)
        return response


def parse_object(body: bytes, attempt: Attempt) -> Json:
    """A JSON object, or Unavailable: something else than a Kubernetes API answered."""
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        raise errors.no_api(attempt)
    return content


_RECORD = (("fieldManager", RECORD_MANAGER),)
_JSON_BODY = {"Content-Type": "application/json"}


def _dump(body: Mapping[str, Any]) -> bytes:
    return orjson.dumps(body, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _pairs(query: Query | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in (query or {}).items() if value)
