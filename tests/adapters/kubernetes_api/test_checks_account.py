"""The account of checks, as the platform's chart makes it: it reads, but no Secret, and writes nothing."""

from __future__ import annotations

import pytest
from tests.support.kubernetes_server import Client, config_map

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local import seed
from jx.adapters.local.kubernetes.serve import Server
from jx.domain.objects.manifests import Capabilities
from jx.ports.renderer import RenderRequest

RBAC = "/apis/rbac.authorization.k8s.io/v1"
PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ClusterRole": f"{RBAC}/clusterroles",
    "ClusterRoleBinding": f"{RBAC}/clusterrolebindings",
}


@pytest.fixture
def checks(server: Server, client: Client, namespace: str) -> Client:
    """Whoever has the token of a check's pod."""
    chart = seed.build_charts()["jx-platform", "1.1.0"]
    values = {"controllers": {"pipelines": "tekton"}}
    renderer = HelmRenderer()
    try:
        rendered = renderer.render(RenderRequest("jenkins-x", namespace, chart, {}, Capabilities(), values))
    finally:
        renderer.close()
    own = [one for one in rendered.objects if one.ref.name.startswith("jx-checks")]
    assert sorted(one.ref.kind for one in own) == sorted(PATHS)
    for one in own:
        assert client.post(PATHS[one.ref.kind].format(namespace), dict(one.body)).status == 201
    return Client(server, token=server.api.token_for(namespace, "jx-checks"))


def test_it_reads_what_runs_and_no_secret(checks: Client, client: Client, namespace: str) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "jx-git"}}
    assert client.post(f"/api/v1/namespaces/{namespace}/secrets", secret).status == 201
    assert checks.get(f"/apis/apps/v1/namespaces/{namespace}/deployments").status == 200
    assert checks.get(f"/api/v1/namespaces/{namespace}/configmaps").status == 200
    for path in (f"/api/v1/namespaces/{namespace}/secrets/jx-git", "/api/v1/secrets"):
        assert checks.get(path).status == 403
    for query in ("", "?watch=true"):
        assert checks.get(f"/api/v1/namespaces/{namespace}/secrets{query}").status == 403


def test_it_writes_nothing_and_gets_no_other_account(checks: Client, client: Client, namespace: str) -> None:
    place = f"/api/v1/namespaces/{namespace}"
    assert client.post(f"{place}/configmaps", config_map("mine")).status == 201
    assert checks.post(f"{place}/configmaps", config_map("other")).status == 403
    assert checks.merge(f"{place}/configmaps/mine", {"data": {"x": "1"}}).status == 403
    assert checks.request("DELETE", f"{place}/configmaps/mine").status == 403
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"serviceAccountName": "jx-controllers", "containers": [{"name": "c", "image": "x"}]},
    }
    assert checks.post(f"{place}/pods", pod).status == 403
    run = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "r"}, "spec": {}}
    assert checks.post(f"/apis/tekton.dev/v1/namespaces/{namespace}/pipelineruns", run).status in (403, 404)
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    assert checks.post(f"{place}/serviceaccounts/jx-checks/token", token).status == 403
    assert checks.get(f"{place}/pods/any/log").status == 403
