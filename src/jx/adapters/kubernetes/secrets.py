"""The secret store over Secrets of the cluster: a path is `namespace/name`, its keys are the Secret's."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import SECRETS, Api, Json
from jx.domain.errors import Invalid, NotFound, Stale, about
from jx.ports.secrets import Listed, Secret

_THREADS = 8
_OWN = {"app.kubernetes.io/managed-by": "jx"}


class KubernetesSecrets:
    """Secrets of one cluster. Paths have two parts, never more."""

    def __init__(self, api: Api) -> None:
        self._api = api

    depth = 2

    @property
    def name(self) -> str:
        """`Secrets of the cluster at https://...`."""
        return f"Secrets of the cluster at {self._api.access.host}"

    def check(self) -> None:
        """Raises what reads would raise now."""
        self._api.get_version()

    def read(self, paths: tuple[str, ...], *, purpose: str = "") -> Mapping[str, Secret]:
        """The secrets at these paths, as far as they are there."""
        wanted = tuple(dict.fromkeys(paths))
        if not wanted:
            return {}
        with ThreadPoolExecutor(min(_THREADS, len(wanted)), thread_name_prefix="secrets") as pool:
            found = list(pool.map(self._read, wanted))
        return {one.path: one for one in found if one is not None}

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        """Make these be all values of a path, if its version still is the one given."""
        namespace, name = self._split(path)
        body: Json = {
            "apiVersion": SECRETS.api_version,
            "kind": SECRETS.kind,
            "metadata": {"name": name, "namespace": namespace, "labels": dict(_OWN)},
            "type": "Opaque",
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
        }
        if not version:
            return _secret(path, self._create(namespace, body))
        there = self._find(namespace, name)
        if there is None or there["metadata"]["resourceVersion"] != version:
            raise Stale(f"Secret {path} was changed by somebody else meanwhile")
        there["data"] = body["data"]
        return _secret(path, self._api.replace(SECRETS, namespace, there))

    def list_under(self, prefix: str = "") -> tuple[Listed, ...]:
        """Everything at and below a path: a namespace, a Secret, or all namespaces."""
        namespace, _, name = prefix.strip("/").partition("/")
        try:
            items, _ = self._api.list_pages(SECRETS, namespace)
        except NotFound:
            return ()
        found = (_secret(f"{one['metadata']['namespace']}/{one['metadata']['name']}", one) for one in items)
        return tuple(
            Listed(one.path, one.version, one.changed)
            for one in sorted(found, key=lambda one: one.path)
            if not name or one.path == f"{namespace}/{name}"
        )

    def remove(self, path: str, *, purpose: str = "") -> bool:
        """Remove a Secret; False where there was none."""
        namespace, name = self._split(path)
        try:
            self._api.delete(SECRETS, namespace, name)
        except NotFound:
            return False
        return True

    def _split(self, path: str) -> tuple[str, str]:
        namespace, slash, name = path.partition("/")
        if slash and "/" not in name and not {namespace, name} & {"", ".", ".."}:
            return namespace, name
        what = (
            "is a namespace, which is a folder, not a secret"
            if path and not slash
            else "is no path of a secret"
        )
        raise Invalid(f"{path!r} {what}", hint="the form is k8s:NAMESPACE/NAME:KEY")

    def _read(self, path: str) -> Secret | None:
        with about(path):
            body = self._find(*self._split(path))
        return None if body is None else _secret(path, body)

    def _find(self, namespace: str, name: str) -> Json | None:
        try:
            return self._api.get(SECRETS, namespace, name)
        except NotFound:
            return None

    def _create(self, namespace: str, body: Json) -> Json:
        try:
            return self._api.create(SECRETS, namespace, body)
        except NotFound:
            ensure_namespace(self._api, namespace)
            return self._api.create(SECRETS, namespace, body)


def _secret(path: str, body: Json) -> Secret:
    data = body.get("data") or {}
    values = {key: base64.b64decode(text).decode("utf-8", "replace") for key, text in data.items()}
    return Secret(path, values, str(body["metadata"]["resourceVersion"]), _changed(body))


def _changed(body: Json) -> datetime | None:
    """The last time that anybody set a field of it."""
    metadata = body["metadata"]
    times = [str(one["time"]) for one in metadata.get("managedFields") or () if one.get("time")]
    newest = max(times, default=str(metadata.get("creationTimestamp") or ""))
    return datetime.fromisoformat(newest) if newest else None
