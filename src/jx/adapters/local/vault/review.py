"""Review: whose service account token it is, asked of the cluster that issued it (TokenReview), as Vault does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api, Resource
from jx.domain.errors import JxError
from jx.ports.clock import Clock

_REVIEWS = Resource("authentication.k8s.io/v1", "tokenreviews", "TokenReview", namespaced=False)


def reviewer(path: Path, clock: Clock) -> Callable[[str], tuple[str, str] | None]:
    """From a token to the namespace and name of its account; None where the cluster knows no such account, or does not answer."""

    def review(token: str) -> tuple[str, str] | None:
        if not token:
            return None
        body = {"apiVersion": _REVIEWS.api_version, "kind": _REVIEWS.kind, "spec": {"token": token}}
        try:
            api = Api.connect(kubeconfig.load([path]), clock)
            try:
                status = api.create(_REVIEWS, "", body).get("status") or {}
            finally:
                api.close()
        except JxError:
            return None
        return _account(status.get("user") or {}) if status.get("authenticated") else None

    return review


def _account(user: dict[str, object]) -> tuple[str, str] | None:
    match str(user.get("username", "")).split(":"):
        case ["system", "serviceaccount", namespace, name]:
            return namespace, name
        case _:
            return None
