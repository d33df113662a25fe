"""The ApplySet of an environment, as kubectl sees it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.embedded import running_api
from tests.support.worlds import World, config_map, deployment, environment_tree, secret

from jx.adapters.kubernetes.anchors import KubernetesAnchors
from jx.adapters.kubernetes.api import CONFIG_MAPS, Api
from jx.adapters.kubernetes.cluster import KubernetesCluster
from jx.adapters.kubernetes.locks import KubernetesLocks
from jx.domain.objects.membership import ANCHORS_NAMESPACE

KUBECTL = shutil.which("kubectl")
KINDS = "applyset.kubernetes.io/contains-group-kinds"
SPACES = "applyset.kubernetes.io/additional-namespaces"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl")]


class Kubectl:
    """kubectl on a cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "KUBECTL_APPLYSET": "true"}

    def __call__(self, *arguments: str, told: str = "") -> subprocess.CompletedProcess[str]:
        assert KUBECTL is not None
        return subprocess.run(
            [KUBECTL, *arguments],
            env=self._environment,
            input=told,
            capture_output=True,
            text=True,
            check=False,
        )


def world_on(api: Api) -> World:
    world = World()
    world.cluster = KubernetesCluster(api)  # type: ignore[assignment]
    world.anchors = KubernetesAnchors(api)  # type: ignore[assignment]
    world.locks = KubernetesLocks(api, world.clock)  # type: ignore[assignment]
    world.offer("web", "1.0.0", deployment("web", "web:1"), config_map("web", {"a": "1"}))
    world.offer("web", "1.1.0", config_map("web", {"a": "1"}))
    world.offer("far", "1.0.0", config_map("far", {"a": "1"}, namespace="far"))
    return world


def parent(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, "environment-dev")
    return found


def test_kubectl_sees_the_members_and_leaves_the_set_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with running_api(tmp_path) as api:
        world, kubectl = world_on(api), Kubectl(tmp_path / "admin.kubeconfig")
        world.commit(environment_tree({"web": "1.0.0", "far": "1.0.0"}))
        assert world.apply_head(wait=False).is_good
        notes = parent(api)["metadata"]["annotations"]
        assert notes[KINDS] == "ConfigMap,Deployment.apps,Namespace"
        assert notes[SPACES] == "far,jx"
        # What any tool finds that knows of ApplySets: objects of these kinds in these namespaces with this label.
        label = (
            f"applyset.kubernetes.io/part-of={parent(api)['metadata']['labels']['applyset.kubernetes.io/id']}"
        )
        names = kubectl("get", notes[KINDS], "-A", "-l", label, "-o", "name")
        assert sorted(names.stdout.split()) == [
            "configmap/far",
            "configmap/web",
            "deployment.apps/web",
            "namespace/far",
            "namespace/jx",
        ]
        mine = kubectl("get", "deployments", "-n", "jx", "-l", "jenkins.io/chart-release", "-o", "name")
        assert mine.stdout.split() == ["deployment.apps/web"]
        # kubectl itself refuses to prune what another tool manages.
        nothing = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}'
        pruned = kubectl(
            *("apply", "--server-side", "--prune", "--applyset=configmap/environment-dev"),
            *("-n", ANCHORS_NAMESPACE, "-f", "-"),
            told=nothing,
        )
        assert pruned.returncode
        assert 'is managed by tooling "jx" instead of "kubectl"' in pruned.stderr
        assert not world.apply_head(wait=False).plan.has_changes


def test_kinds_and_namespaces_are_widened_before_anything_is_sent_and_narrowed_when_all_is_done(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o700)
    with running_api(tmp_path) as api:
        world = world_on(api)
        world.offer("more", "1.0.0", secret("more", {"a": "b"}))
        world.commit(environment_tree({"web": "1.0.0", "far": "1.0.0"}))
        world.apply_head(wait=False)
        world.commit(environment_tree({"web": "1.1.0", "more": "1.0.0"}))
        seen: list[tuple[str, str]] = []

        class Looking(KubernetesCluster):
            def send(self, *arguments: Any, **more: Any) -> Any:
                seen.append(self.notes())
                return super().send(*arguments, **more)

            def delete(self, *arguments: Any, **more: Any) -> None:
                seen.append(self.notes())
                super().delete(*arguments, **more)

            def notes(self) -> tuple[str, str]:
                notes = parent(api)["metadata"]["annotations"]
                return notes[KINDS], notes[SPACES]

        looking = world.cluster = Looking(api)  # type: ignore[assignment]
        report = world.apply_head(wait=False)
        assert len(seen) == len(report.plan.changes)
        whole = "ConfigMap,Deployment.apps,Namespace,Secret"
        assert set(seen) == {(whole, "far,jx")}
        # The namespace is kept, since it may hold more than what we applied.
        narrow = "ConfigMap,Namespace,Secret"
        assert looking.notes() == (narrow, "jx")
