"""Look at an environment: whether what was applied there is healthy now, and where its applications are. Nobody is waited for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.applying.applying import Anchor, LiveObject
from jx.domain.charts.apps import OLD_PLATFORM_CHART, PLATFORM_CHART
from jx.domain.objects import health
from jx.domain.objects.health import State
from jx.domain.objects.manifests import ChartPin
from jx.ports.cluster import Cluster, Scope

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
class LookAtEnvironment:
    """Reads only. The platform itself is no application."""

    cluster: Cluster

    def list_unhealthy(self, anchor: Anchor) -> tuple[str, ...]:
        """What is not healthy and why, a line each; empty where all workloads of the inventory are."""
        wanted = {item.ref: item for item in anchor.inventory if health.is_waited_for(item.ref)}
        scopes = {Scope(item.api_version, item.ref.kind, item.ref.namespace) for item in wanted.values()}
        order = tuple(sorted(scopes, key=lambda scope: (scope.api_version, scope.kind, scope.namespace)))
        live = {one.ref: one for one in self.cluster.live(order)} if order else {}
        lines = []
        for ref in wanted:
            if ref not in live:
                lines.append(f"{ref}: it is not there")
                continue
            found = health.assess(live[ref].body)
            if found.state is not State.CURRENT:
                lines.append(f"{ref}: {found.message or found.state.value}")
        return tuple(lines)

    def place(self, anchor: Anchor) -> dict[str, Placed]:
        """The applications of what was applied last, by key."""
        if anchor.applied is None:
            return {}
        ours = {item.ref for item in anchor.inventory}
        live = tuple(one for one in self.cluster.live(tuple(_scopes(anchor))) if one.ref in ours)
        return {
            pin.key: _placed(pin, live)
            for pin in anchor.applied.charts
            if pin.name not in {PLATFORM_CHART, OLD_PLATFORM_CHART}
        }


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
