"""kubectl does what people use it for, beside the embedded API as beside a real one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.embedded import fresh_name

pytestmark = pytest.mark.slow

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {a: "1"}
"""

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: parts.example.com}
spec:
  group: example.com
  names: {plural: parts, kind: Part, shortNames: [pa]}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties: {size: {type: integer, description: How big it is.}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""

PART = "apiVersion: example.com/v1\nkind: Part\nmetadata: {name: bolt}\nspec: {size: 3}\n"

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def namespace() -> str:
    return fresh_name("test")


@pytest.fixture
def environment(cluster: Path, tmp_path: Path) -> dict[str, str]:
    return {"KUBECONFIG": str(cluster), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}


@pytest.fixture
def kubectl(kubectl_program: str, environment: dict[str, str], namespace: str) -> Kubectl:
    """Runs kubectl in the namespace of the test; `fails` says which exit code is expected."""

    def run(*arguments: str, stdin: str = "", fails: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [kubectl_program, "-n", namespace, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment,
            timeout=30,
            check=False,
        )
        assert done.returncode == fails, done.stdout + done.stderr
        return done

    run("create", "namespace", namespace)
    run("wait", "--for=create", "cm/kube-root-ca.crt", "--timeout=20s")
    return run


def test_client_side_apply_creates_changes_and_leaves_alone(kubectl: Kubectl) -> None:
    first = kubectl("apply", "-f", "-", stdin=MANIFEST).stdout
    assert first.split("\n")[:3] == [
        "deployment.apps/web created",
        "service/web created",
        "configmap/web created",
    ]
    changed = MANIFEST.replace("replicas: 2", "replicas: 3")
    difference = kubectl("diff", "-f", "-", stdin=changed, fails=1).stdout
    assert "-  replicas: 2\n+  replicas: 3" in difference
    second = kubectl("apply", "-f", "-", stdin=changed).stdout
    assert second.split("\n")[:3] == [
        "deployment.apps/web configured",
        "service/web unchanged",
        "configmap/web unchanged",
    ]
    kubectl("diff", "-f", "-", stdin=changed)
    kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    assert "deployment.apps/web   3/3" in kubectl("get", "deploy,svc,cm").stdout


def test_server_side_apply_conflicts_with_who_owns_the_field(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST)
    kubectl("scale", "deploy", "web", "--replicas=5")
    refused = kubectl("apply", "--server-side", "-f", "-", stdin=MANIFEST, fails=1).stderr
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1' in refused
    assert ".spec.replicas" in refused
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=MANIFEST)
    assert kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}").stdout == "2"


def test_typed_creates_and_all_that_edits(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "c", "--from-literal=a=1")
    kubectl("create", "secret", "generic", "s", "--from-literal=p=q")
    kubectl("create", "deployment", "d", "--image=nginx:1")
    kubectl("create", "job", "j", "--image=busybox", "--", "echo", "hi")
    kubectl("create", "ingress", "i", "--rule=a.example/*=web:80")
    kubectl("create", "service", "clusterip", "svc", "--tcp=80")
    kubectl("patch", "cm", "c", "-p", '{"data":{"b":"2"}}')
    kubectl("patch", "cm", "c", "--type=json", "-p", '[{"op":"remove","path":"/data/a"}]')
    kubectl("label", "cm", "c", "x=y")
    kubectl("annotate", "cm", "c", "note=n")
    kubectl("set", "image", "deploy/d", "nginx=nginx:2")
    config = json.loads(kubectl("get", "cm", "c", "-o", "json").stdout)
    assert (config["data"], config["metadata"]["labels"]) == ({"b": "2"}, {"x": "y"})
    assert kubectl("get", "secret", "s", "-o", "jsonpath={.data.p}").stdout == "cQ=="
    assert kubectl("get", "deploy", "d", "-o", "jsonpath={..image}").stdout == "nginx:2"
    described = kubectl("describe", "deploy", "d").stdout
    assert "Replicas:               1 desired" in described
    assert "nginx:2" in described


def test_what_the_server_knows_is_listed_and_explained(kubectl: Kubectl) -> None:
    resources = kubectl("api-resources").stdout
    assert "deployments" in resources
    assert "apps/v1" in kubectl("api-versions").stdout
    assert "FIELD: replicas <integer>" in kubectl("explain", "deployment.spec.replicas").stdout
    assert "Server Version: v1.36." in kubectl("version").stdout
    assert "is running at" in kubectl("cluster-info").stdout


def test_rights_can_be_asked_and_tokens_made(kubectl: Kubectl, namespace: str) -> None:
    kubectl("create", "serviceaccount", "bot")
    kubectl("create", "role", "r", "--verb=get,list", "--resource=pods")
    kubectl("create", "rolebinding", "rb", "--role=r", f"--serviceaccount={namespace}:bot")
    user = f"--as=system:serviceaccount:{namespace}:bot"
    assert kubectl("auth", "can-i", "list", "pods", user).stdout == "yes\n"
    assert kubectl("auth", "can-i", "delete", "pods", user, fails=1).stdout == "no\n"
    assert kubectl("auth", "can-i", "--list").returncode == 0
    assert "kubernetes-admin" in kubectl("auth", "whoami").stdout
    assert kubectl("create", "token", "bot").stdout.count(".") == 2


def test_a_list_is_validated_and_made_item_by_item(kubectl: Kubectl) -> None:
    items = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "two"}},
    ]
    listed = {"apiVersion": "v1", "kind": "List", "items": items}
    made = kubectl("create", "-f", "-", stdin=json.dumps(listed)).stdout
    assert made == "configmap/one created\nserviceaccount/two created\n"
    items[0]["nonsense"] = "x"
    refused = kubectl("apply", "-f", "-", stdin=json.dumps(listed), fails=1).stderr
    assert 'unknown field "nonsense" in io.k8s.api.core.v1.ConfigMap' in refused


def test_custom_resources_from_definition_to_removal(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=DEFINITION)
    kubectl("wait", "--for=condition=Established", "crd/parts.example.com", "--timeout=5s")
    kubectl("apply", "-f", "-", stdin=PART)
    assert kubectl("get", "pa").stdout.split() == ["NAME", "SIZE", "bolt", "3"]
    assert "How big it is." in kubectl("explain", "part.spec.size").stdout
    refused = kubectl(
        "apply", "-f", "-", stdin=PART.replace("size: 3", "size: 3, colour: red"), fails=1
    ).stderr
    assert 'unknown field "spec.colour"' in refused
    status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
    kubectl("patch", "pa", "bolt", "--subresource=status", "--type=merge", "-p", status)
    kubectl("wait", "--for=condition=Ready", "pa/bolt", "--timeout=5s")
    kubectl("delete", "crd", "parts.example.com", "--timeout=10s")
    kubectl("get", "pa", fails=1)


def test_deletes_wait_until_what_they_delete_is_gone(kubectl: Kubectl, namespace: str) -> None:
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("delete", "--timeout=10s", "-f", "-", stdin=MANIFEST)
    kubectl("wait", "--for=delete", "cm/web", "--timeout=5s")
    kubectl("delete", "namespace", namespace, "--timeout=10s")
    assert namespace not in kubectl("get", "ns").stdout


def test_a_followed_list_shows_what_happens(
    kubectl: Kubectl, namespace: str, environment: dict[str, str]
) -> None:
    kubectl("create", "configmap", "first", "--from-literal=a=1")
    command = ["kubectl", "-n", namespace, "get", "cm", "-w", "-o", "name"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as following:
        assert following.stdout is not None
        seen = [following.stdout.readline().strip() for _ in range(2)]
        kubectl("create", "configmap", "second", "--from-literal=a=1")
        seen.append(following.stdout.readline().strip())
        following.terminate()
    assert seen == ["configmap/first", "configmap/kube-root-ca.crt", "configmap/second"]
