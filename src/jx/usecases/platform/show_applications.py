"""Show applications: which version of which app runs in which environment, how many pods are ready, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jx.domain.environments.environments import Environment
from jx.ports.anchor import Anchors
from jx.ports.cluster import Cluster
from jx.usecases.promoting.look_at_environment import LookAtEnvironment, Placed
from jx.usecases.propose_change import PlatformAt, ProposeChange

_WORKLOADS = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"))
_NAME, _CHART = "app.kubernetes.io/name", "helm.sh/chart"


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

    def __call__(self, at: PlatformAt, *, environment: str = "", namespace: str = "") -> Applications:
        """All applications, of one environment, those of one namespace, or all; NotFound for an unknown environment."""
        platform = self.propose_change.target(at, environment or "dev").platform
        chosen = tuple(
            one
            for one in platform.environments
            if environment in {"", one.name} and namespace in {"", one.namespace}
        )
        rows: dict[str, dict[str, Placed]] = {}
        look = LookAtEnvironment(self.cluster)
        for one in chosen:
            anchor = self.anchors.find(one.name)
            if anchor is None or anchor.applied is None:
                continue
            for key, placed in look.place(anchor).items():
                rows.setdefault(key, {})[one.name] = placed
        return Applications(chosen, dict(sorted(rows.items())))
