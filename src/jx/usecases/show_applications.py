"""Show applications: which version of which app runs in which environment, how many pods are ready, and where it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.applying import Anchor, LiveObject
from jx.domain.apps import OLD_PLATFORM_CHART, PLATFORM_CHART
from jx.domain.environments import Environment
from jx.domain.manifests import ChartPin
from jx.ports.anchor import Anchors
from jx.ports.cluster import Cluster, Scope
from jx.usecases.propose_change import PlatformAt, ProposeChange

_WORKLOADS = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"))
_NAME, _CHART = "app.kubernetes.io/name", "helm.sh/chart"


@dataclass(frozen=True, slots=True)
class Placed:
    """One app in one environment."""

    version: str
    ready: int
    wanted: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Applications:
    """Rows by app, columns by environment."""

    environments: tuple[Environment, ...]
    rows: Mapping[str, Mapping[str, Placed]]
    """By app key, then by environment name."""


@dataclass(frozen=True, slots=True)
class ShowApplications:
    """Reads the anchors (what was applied) and the workloads (what runs). The platform itself is no application."""

    propose_change: ProposeChange
    anchors: Anchors
    cluster: Cluster

    def __call__(self, at: PlatformAt, *, environment: str = "") -> Applications:
        """All applications, of one environment or all; NotFound for an unknown environment."""
        platform = self.propose_change.target(at, environment or "dev").platform
        chosen = tuple(one for one in platform.environments if not environment or one.name == environment)
        rows: dict[str, dict[str, Placed]] = {}
        for one in chosen:
            anchor = self.anchors.find(one.name)
            if anchor is None or anchor.applied is None:
                continue
            ours = {item.ref for item in anchor.inventory}
            live = tuple(one for one in self.cluster.live(tuple(_scopes(anchor))) if one.ref in ours)
            for pin in anchor.applied.charts:
                if pin.name not in {PLATFORM_CHART, OLD_PLATFORM_CHART}:
                    rows.setdefault(pin.key, {})[one.name] = _placed(pin, live)
        return Applications(chosen, dict(sorted(rows.items())))


def _scopes(anchor: Anchor) -> Iterable[Scope]:
    wanted = {*_WORKLOADS, ("networking.k8s.io/v1", "Ingress")}
    used = {(item.api_version, item.ref.kind, item.ref.namespace) for item in anchor.inventory}
    return (
        Scope(version, kind, namespace)
        for version, kind, namespace in sorted(used)
        if (version, kind) in wanted
    )


def _placed(pin: ChartPin, live: tuple[LiveObject, ...]) -> Placed:
    mine = [one for one in live if _is_of(pin, one)]
    ready = wanted = 0
    url = ""
    for one in mine:
        spec, status = one.body.get("spec") or {}, one.body.get("status") or {}
        if one.ref.kind == "Ingress":
            url = url or _url(spec)
        elif one.ref.kind == "DaemonSet":
            ready, wanted = (
                ready + int(status.get("numberReady") or 0),
                wanted + int(status.get("desiredNumberScheduled") or 0),
            )
        else:
            ready, wanted = (
                ready + int(status.get("readyReplicas") or 0),
                wanted + int(spec.get("replicas", 1)),
            )
    return Placed(pin.version, ready, wanted, url)


def _is_of(pin: ChartPin, live: LiveObject) -> bool:
    """By the labels that charts usually have; by its name where it has none of them."""
    labels = (live.body.get("metadata") or {}).get("labels") or {}
    if _NAME in labels:
        return labels[_NAME] in {pin.name, pin.key}
    if _CHART in labels:
        return bool(str(labels[_CHART]).startswith(f"{pin.name}-{pin.version}".replace("+", "_")))
    return (
        live.ref.name == pin.key
        or live.ref.name.startswith(f"{pin.key}-")
        or live.ref.name.endswith(f"-{pin.key}")
    )


def _url(spec: Mapping[str, Any]) -> str:
    rules = spec.get("rules") or []
    host = next((rule.get("host") for rule in rules if rule.get("host")), "")
    return f"{'https' if spec.get('tls') else 'http'}://{host}" if host else ""
