"""Places: an environment of its own on a shared Kubernetes API, applied over the very adapters of a real cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.embedded import fresh_name
from tests.support.fuses import Fuse
from tests.support.worlds import World, config_map, deployment, environment_tree, secret

from jx.adapters.kubernetes.anchors import KubernetesAnchors
from jx.adapters.kubernetes.api import Api
from jx.adapters.kubernetes.cluster import KubernetesCluster
from jx.adapters.kubernetes.locks import KubernetesLocks
from jx.domain.applying.applying import ApplyReport
from jx.domain.names import EnvironmentName
from jx.domain.objects.membership import applyset_id
from jx.domain.trees import Tree
from jx.usecases.applying.apply_environment import ApplyEnvironment

NORMALISED: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "creationTimestamp": None},
    "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}, "clusterIP": ""},
    "status": {"loadBalancer": {}},
}


class CountingCluster(KubernetesCluster):
    """Remembers what could have changed something."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self.writes = 0

    def send(self, *args: Any, **kwargs: Any) -> Any:
        self.writes += 1
        return super().send(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> None:
        self.writes += 1
        super().delete(*args, **kwargs)


@dataclass
class Place:
    """An environment of its own on a shared API."""

    world: World
    cluster: CountingCluster
    name: EnvironmentName

    def tree(self, **apps: str) -> Tree:
        return environment_tree(apps, name=self.name, namespace=self.name)

    def use_case(self, fuse: Fuse | None = None) -> ApplyEnvironment:
        return self.world.use_case(fuse.wrap) if fuse else self.world.use_case()

    def reach(self, api: Api) -> None:
        """From now on the cluster is spoken to by that API."""
        self.cluster = CountingCluster(api)
        self.world.cluster = self.cluster  # type: ignore[assignment]
        self.world.anchors = KubernetesAnchors(api)  # type: ignore[assignment]
        self.world.locks = KubernetesLocks(api, self.world.clock)  # type: ignore[assignment]

    def apply(self) -> ApplyReport:
        return self.world.apply_head(wait=False)

    @property
    def part_of(self) -> str:
        """The id of the environment's ApplySet, which its objects carry."""
        return applyset_id(self.name)

    def inventory(self) -> set[str]:
        """The objects that the anchor names, without the name of this place."""
        anchor = self.world.anchors.find(self.name)
        assert anchor is not None
        return {str(item.ref).replace(self.name, "here") for item in anchor.inventory}


def make_place(api: Api) -> Place:
    """An environment with apps `web` 1.0.0 and 1.1.0 on offer; nothing is committed yet."""
    world = World()
    web = deployment("web", "web:1")
    web["spec"]["template"]["spec"]["containers"][0] |= {
        "resources": {"limits": {"cpu": "1000m", "memory": "0.5Gi"}},
        "ports": [{"containerPort": 80}],
        "env": [{"name": "A", "value": ""}],
    }
    world.offer(
        "web",
        "1.0.0",
        web,
        NORMALISED,
        secret("web", {"password": "hunter22"}),
        config_map("old", {"a": "1"}),
    )
    world.offer(
        "web", "1.1.0", deployment("web", "web:2"), NORMALISED, secret("web", {"password": "hunter23"})
    )
    world.offer(
        "web", "1.2.0", deployment("web", "web:3"), NORMALISED, secret("web", {"password": "hunter24"})
    )
    place = Place(world, CountingCluster(api), EnvironmentName(fresh_name("env")))
    place.reach(api)
    return place
