"""Clients that other people wrote, against the embedded API: Helm's own, and the official one for Python."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.kubernetes_server import Client, Obj, admin, definition
from tests.support.workloads import FAST

from jx.adapters.local.kubernetes.controllers.nodes import PodAddresses
from jx.adapters.local.kubernetes.controllers.workloads import Settings, Workloads
from jx.adapters.local.kubernetes.serve import Server

pytestmark = pytest.mark.slow

# Helm's library may not live in a process that forks, so it gets one of its own.
HELM = """
import json, sys
import helm_python
request = json.load(sys.stdin)
with helm_python.Config(kubeconfig_path=request["kubeconfig"], namespace=request["namespace"]) as config:
    try:
        answer = getattr(config, request["do"])(*request["given"], **request["options"])
        json.dump({"answer": answer}, sys.stdout)
    except helm_python.HelmError as error:
        json.dump({"error": str(error)}, sys.stdout)
"""

TEMPLATES = {
    "deployment.yaml": """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: "{{ .Release.Name }}", labels: {app: web}}
        spec:
          replicas: {{ .Values.replicas }}
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: web, image: "{{ .Values.image }}", ports: [{containerPort: 80}]}]}
        """,
    "service.yaml": """
        apiVersion: v1
        kind: Service
        metadata: {name: "{{ .Release.Name }}"}
        spec: {selector: {app: web}, ports: [{port: 80}]}
        """,
    "hooks.yaml": """
        {{- range $event := list "pre-install" "post-install" "pre-upgrade" "post-delete" }}
        ---
        apiVersion: batch/v1
        kind: Job
        metadata:
          name: "{{ $event }}"
          annotations: {helm.sh/hook: "{{ $event }}", helm.sh/hook-delete-policy: before-hook-creation}
        spec:
          template: {spec: {restartPolicy: Never, containers: [{name: hook, image: "hook:1"}]}}
        {{- end }}
        """,
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose workloads are played."""
    with Server(tmp_path_factory.mktemp("kubernetes")) as running:
        workloads = Workloads(running.api, PodAddresses("clients"), Settings(play=FAST))
        workloads.start()
        try:
            yield running
        finally:
            workloads.stop()


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chart")
    (folder / "templates").mkdir()
    (folder / "crds").mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text('replicas: 2\nimage: "web:1"\n')
    (folder / "crds" / "gadgets.json").write_text(json.dumps(definition(plural="helmlings", kind="Helmling")))
    for name, text in TEMPLATES.items():
        (folder / "templates" / name).write_text(textwrap.dedent(text))
    return folder


Helm = Callable[..., Any]


@pytest.fixture
def helm(cluster: Server) -> Helm:
    def run(do: str, *given: Any, **options: Any) -> Any:
        request = {
            "kubeconfig": str(cluster.kubeconfig),
            "namespace": "helm",
            "do": do,
            "given": given,
            "options": options,
        }
        done = subprocess.run(
            [sys.executable, "-c", HELM],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        return result["error"] if "error" in result else result["answer"]

    return run


def test_helm_installs_upgrades_rolls_back_and_uninstalls(cluster: Server, chart: Path, helm: Helm) -> None:
    client = admin(cluster)
    wait: dict[str, Any] = {"wait": "watcher", "timeout": 20}
    installed = helm("install", str(chart), "web", create_namespace=True, **wait)
    assert (installed["status"], installed["revision"]) == ("deployed", 1), installed
    deployments = "/apis/apps/v1/namespaces/helm/deployments/web"
    assert client.get(deployments).body["status"]["readyReplicas"] == 2
    assert _jobs(client) == {"pre-install": 1, "post-install": 1}
    assert (
        client.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/helmlings.example.org").status
        == 200
    )

    upgraded = helm("upgrade", str(chart), "web", {"replicas": 3, "image": "web:2"}, **wait)
    assert upgraded["revision"] == 2
    live = client.get(deployments).body
    assert (live["spec"]["replicas"], live["status"]["updatedReplicas"]) == (3, 3)
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert "pre-upgrade" in _jobs(client)

    assert helm("rollback", "web", **wait) is None
    live = client.get(deployments).body
    assert (live["spec"]["replicas"], live["status"]["readyReplicas"]) == (2, 2)
    assert [one["status"] for one in helm("history", "web")] == ["superseded", "superseded", "deployed"]

    helm("uninstall", "web", **wait)
    assert client.get(deployments).status == 404
    assert client.get("/api/v1/namespaces/helm/services/web").status == 404
    assert "post-delete" in _jobs(client)


def test_helm_tells_why_an_install_failed(cluster: Server, chart: Path, helm: Helm) -> None:
    told = helm("install", str(chart), "web2", {"replicas": -1}, create_namespace=True)
    assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in told


def _jobs(client: Client) -> dict[str, int]:
    jobs = client.get("/apis/batch/v1/namespaces/helm/jobs").body["items"]
    return {job["metadata"]["name"]: job["status"].get("succeeded", 0) for job in jobs}


def package(name: str) -> Any:
    """A module of the official client; its types are not what this is about."""
    return importlib.import_module(name)


@pytest.fixture(scope="module")
def official(cluster: Server) -> Iterator[Any]:
    """An ApiClient of the package `kubernetes`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package("kubernetes.config").load_kube_config(str(cluster.kubeconfig))
        with package("kubernetes.client").ApiClient() as made:
            yield made


DEPLOYMENT: Obj = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "official"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "official"}},
        "template": {
            "metadata": {"labels": {"app": "official"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        },
    },
}


def test_the_official_client_creates_and_watches(official: Any) -> None:
    client, watch = package("kubernetes.client"), package("kubernetes.watch")
    apps = client.AppsV1Api(official)
    made = apps.create_namespaced_deployment("default", DEPLOYMENT)
    assert made.spec.replicas == 2
    ready = None
    watcher = watch.Watch()
    for event in watcher.stream(apps.list_namespaced_deployment, "default", timeout_seconds=20):
        if event["object"].metadata.name == "official" and event["object"].status.ready_replicas == 2:
            ready = event["object"]
            watcher.stop()
    assert ready is not None
    pods = client.CoreV1Api(official).list_namespaced_pod("default", label_selector="app=official")
    assert [pod.status.phase for pod in pods.items] == ["Running", "Running"]
    apps.patch_namespaced_deployment_scale("official", "default", {"spec": {"replicas": 1}})
    assert apps.read_namespaced_deployment_scale("official", "default").spec.replicas == 1
    apps.delete_namespaced_deployment("official", "default")
    with pytest.raises(client.ApiException) as raised:
        apps.read_namespaced_deployment("official", "default")
    assert (raised.value.status, json.loads(raised.value.body)["reason"]) == (404, "NotFound")


def test_the_official_dynamic_client_applies(official: Any) -> None:
    dynamic = package("kubernetes.dynamic").DynamicClient(official)
    conflict = package("kubernetes.dynamic.exceptions").ConflictError
    definitions = dynamic.resources.get(
        api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition"
    )
    offered = definition(plural="widgets", kind="Widget")
    applied = definitions.server_side_apply(offered, name="widgets.example.org", field_manager="one")
    assert applied.metadata.managedFields[0].manager == "one"
    dynamic.resources.invalidate_cache()
    widgets = dynamic.resources.get(api_version="example.org/v1", kind="Widget")
    widget = {
        "apiVersion": "example.org/v1",
        "kind": "Widget",
        "metadata": {"name": "a"},
        "spec": {"size": 1},
    }
    made = widgets.server_side_apply(widget, name="a", namespace="default", field_manager="one")
    assert made.spec.size == 1
    widget["spec"] = {"size": 2}
    with pytest.raises(conflict, match="conflict with"):
        widgets.server_side_apply(widget, name="a", namespace="default", field_manager="two")
    forced = widgets.server_side_apply(
        widget, name="a", namespace="default", field_manager="two", force_conflicts=True
    )
    assert forced.spec.size == 2
    assert [item.metadata.name for item in widgets.get(namespace="default").items] == ["a"]
