"""The credentials port over Secrets of the cluster."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import SECRETS, Api, Json
from jx.domain.errors import NotFound, Stale

_ATTEMPTS = 5


class KubernetesCredentials:
    """Small secrets by namespace and name, each an Opaque Secret."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def ensure(
        self, namespace: str, name: str, values: Mapping[str, str], *, keep: bool
    ) -> Mapping[str, str]:
        """The secret's values, after making what was not there; by compare-and-swap, so that two never mix."""
        for _ in range(_ATTEMPTS):
            try:
                return self._try(namespace, name, values, keep=keep)
            except Stale:
                continue
        raise Stale(
            f"Secret/{name} (namespace {namespace}) is being changed by many at once",
            hint="try again in a moment",
        )

    def remove(self, namespace: str, name: str) -> bool:
        """Remove it; False where there was none."""
        try:
            self._api.delete(SECRETS, namespace, name)
        except NotFound:
            return False
        return True

    def _try(self, namespace: str, name: str, values: Mapping[str, str], *, keep: bool) -> Mapping[str, str]:
        try:
            found = self._api.get(SECRETS, namespace, name)
        except NotFound:
            ensure_namespace(self._api, namespace)
            self._api.create(SECRETS, namespace, _secret(namespace, name, values))
            return dict(values)
        there = {key: base64.b64decode(text).decode() for key, text in (found.get("data") or {}).items()}
        wanted = {**values, **there} if keep else dict(values)
        if wanted == there:
            return there
        found["data"] = _encoded(wanted)
        self._api.replace(SECRETS, namespace, found)
        return wanted


def _secret(namespace: str, name: str, values: Mapping[str, str]) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "jx"},
        },
        "type": "Opaque",
        "data": _encoded(values),
    }


def _encoded(values: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
