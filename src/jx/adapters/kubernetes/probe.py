"""The probe port over the Kubernetes API."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from jx.adapters.kubernetes.api import NAMESPACES, Api, Resource
from jx.adapters.kubernetes.cluster import KubernetesCluster
from jx.adapters.kubernetes.discovery import Discovery
from jx.domain.errors import Forbidden, NotFound, Refused
from jx.domain.platforms.preflight import ClusterLook, Right

_NODES = Resource("v1", "nodes", "Node", namespaced=False)
_REVIEWS = Resource(
    "authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)


class KubernetesProbe:
    """A cluster by its API, before anything is done to it."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def look(self) -> ClusterLook:
        access = self._api.access
        version, headers = self._api.get_version()
        return ClusterLook(
            server=access.server,
            context=access.context_name,
            user=KubernetesCluster(self._api).whoami(),
            version=str(version.get("gitVersion", "")),
            now=_time(headers.get("date", "")),
            nodes=self._count_nodes(),
        )

    def is_allowed(self, right: Right) -> bool:
        attributes = {"verb": right.verb, "resource": right.resource, "group": right.group}
        spec = {
            "resourceAttributes": attributes | ({"namespace": right.namespace} if right.namespace else {})
        }
        body: dict[str, Any] = {"apiVersion": _REVIEWS.api_version, "kind": _REVIEWS.kind, "spec": spec}
        answer = self._api.create(_REVIEWS, "", body)
        return bool((answer.get("status") or {}).get("allowed"))

    def serves(self, api_version: str, kind: str) -> bool:
        return Discovery(self._api).find(api_version, kind) is not None

    def find_phase(self, namespace: str) -> str:
        try:
            found = self._api.get(NAMESPACES, "", namespace)
        except NotFound:
            return ""
        return str((found.get("status") or {}).get("phase") or "Active")

    def _count_nodes(self) -> int:
        try:
            nodes, _ = self._api.list_pages(_NODES)
        except (Forbidden, Refused, NotFound):
            return 0
        return sum(_is_ready(node) for node in nodes)


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _time(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (TypeError, ValueError):
        return None
