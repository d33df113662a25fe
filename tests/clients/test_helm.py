"""Helm's own client: it installs, upgrades, rolls back and uninstalls, with hooks and waiting, as beside a real server."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.embedded import fresh_name
from tests.support.kubernetes_server import definition

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api
from jx.domain.errors import NotFound

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
            metadata:
              labels: {app: web}
              annotations: {local.jenkins-x.io/fail: {{ .Values.fail | quote }}}
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
          backoffLimit: 0
          template:
            metadata: {annotations: {local.jenkins-x.io/fail: {{ $.Values.failHook | quote }}}}
            spec: {restartPolicy: Never, containers: [{name: hook, image: "hook:1"}]}
        {{- end }}
        """,
    "test.yaml": """
        apiVersion: v1
        kind: Pod
        metadata: {name: "{{ .Release.Name }}-test", annotations: {helm.sh/hook: test}}
        spec: {restartPolicy: Never, containers: [{name: test, image: "test:1"}]}
        """,
}


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chart")
    (folder / "templates").mkdir()
    (folder / "crds").mkdir()
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text('replicas: 2\nimage: "web:1"\nfail: ""\nfailHook: ""\n')
    (folder / "crds" / "helmlings.json").write_text(
        json.dumps(definition(plural="helmlings", kind="Helmling"))
    )
    for name, text in TEMPLATES.items():
        (folder / "templates" / name).write_text(textwrap.dedent(text))
    return folder


@dataclass(frozen=True)
class Namespace:
    """A namespace of a cluster, as Helm and as the API show it."""

    cluster: Path
    name: str
    api: Api

    def helm(self, do: str, *given: Any, **options: Any) -> Any:
        """What a method of Helm's configuration gives; the message where it fails."""
        request = {
            "kubeconfig": str(self.cluster),
            "namespace": self.name,
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

    def find(self, place: str) -> Any:
        """An object or list at a path of the namespace; None where there is none."""
        version, _, rest = place.partition(":")
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        try:
            return json.loads(self.api.get_path(f"{root}/namespaces/{self.name}/{rest}").body)
        except NotFound:
            return None

    def deployment(self, name: str = "web") -> Any:
        return self.find(f"apps/v1:deployments/{name}")

    def jobs(self) -> dict[str, int]:
        found = self.find("batch/v1:jobs")["items"]
        return {job["metadata"]["name"]: job["status"].get("succeeded", 0) for job in found}


@pytest.fixture
def space(cluster: Path) -> Iterator[Namespace]:
    api = Api.connect(kubeconfig.load([cluster]), SystemClock())
    yield Namespace(cluster, fresh_name("helm"), api)
    api.close()


WAIT: dict[str, Any] = {"wait": "watcher", "timeout": 30}


def test_helm_installs_upgrades_rolls_back_and_uninstalls(space: Namespace, chart: Path) -> None:
    installed = space.helm("install", str(chart), "web", create_namespace=True, **WAIT)
    assert (installed["status"], installed["revision"]) == ("deployed", 1), installed
    assert space.deployment()["status"]["readyReplicas"] == 2
    assert space.jobs() == {"pre-install": 1, "post-install": 1}
    space.api.get_path("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/helmlings.example.org")

    upgraded = space.helm("upgrade", str(chart), "web", {"replicas": 3, "image": "web:2"}, **WAIT)
    assert upgraded["revision"] == 2
    live = space.deployment()
    assert (live["spec"]["replicas"], live["status"]["updatedReplicas"]) == (3, 3)
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert "pre-upgrade" in space.jobs()

    assert space.helm("rollback", "web", **WAIT) is None
    live = space.deployment()
    assert (live["spec"]["replicas"], live["status"]["readyReplicas"]) == (2, 2)
    assert [one["status"] for one in space.helm("history", "web")] == ["superseded", "superseded", "deployed"]

    space.helm("uninstall", "web", **WAIT)
    assert space.deployment() is None
    assert space.find("v1:services/web") is None
    assert "post-delete" in space.jobs()
    assert space.helm("history", "web") == "release: not found"


def test_helm_tells_why_an_install_failed(space: Namespace, chart: Path) -> None:
    told = space.helm("install", str(chart), "web", {"replicas": -1}, create_namespace=True)
    assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in told
    assert space.helm("status", "web")["status"] == "failed"


def test_an_upgrade_that_does_not_become_ready_fails_and_can_go_back_by_itself(
    space: Namespace, chart: Path
) -> None:
    space.helm("install", str(chart), "web", create_namespace=True, **WAIT)
    waits = {"wait": "watcher", "timeout": 3}
    told = space.helm("upgrade", str(chart), "web", {"image": "web:2", "fail": "never-ready"}, **waits)
    assert "web" in told
    assert space.helm("status", "web")["status"] == "failed"
    told = space.helm(
        "upgrade",
        str(chart),
        "web",
        {"image": "web:3", "fail": "image-pull"},
        **waits,
        rollback_on_failure=True,
    )
    assert "rolled back" in told
    live = space.deployment()
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] in ("web:1", "web:2")
    assert space.helm("status", "web")["status"] == "deployed"


def test_a_hook_that_fails_stops_the_install(space: Namespace, chart: Path) -> None:
    told = space.helm("install", str(chart), "web", {"failHook": "job-failed"}, create_namespace=True, **WAIT)
    assert "pre-install" in told
    assert space.deployment() is None
    assert space.helm("status", "web")["status"] == "failed"


def test_a_release_can_be_read_listed_and_tested(space: Namespace, chart: Path) -> None:
    space.helm(
        "install", str(chart), "web", {"replicas": 1}, create_namespace=True, labels={"team": "a"}, **WAIT
    )
    assert space.helm("get_values", "web") == {"replicas": 1}
    assert [one["name"] for one in space.helm("list")] == ["web"]
    space.helm("test", "web", timeout=20)
    tested = space.find("v1:pods/web-test")
    assert tested["status"]["phase"] == "Succeeded"
    again = space.helm("install", str(chart), "web")
    assert "cannot reuse a name that is still in use" in again
