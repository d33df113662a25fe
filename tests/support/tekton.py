"""Tekton's own definitions and its own admission webhook on a cluster, built from the module that `testtekton/go.mod` pins."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from tests.support.embedded import fresh_name, served

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS, NAMESPACES, SECRETS, Api, Resource
from jx.adapters.tekton.translating import PIPELINE_RUNS, TASK_RUNS
from jx.domain.errors import JxError, Stale

ROOT = Path(__file__).parents[2]
Obj = dict[str, Any]

SOURCES = ROOT / "testtekton"
MODULE = "github.com/tektoncd/pipeline"
PROGRAMS = ("webhook", "controller", "entrypoint", "nop", "workingdirinit")
NAMESPACE, SERVICE = "tekton-pipelines", "tekton-pipelines-webhook"
SERVED = (PIPELINE_RUNS, TASK_RUNS)
_KINDS = {
    "ConfigMap": CONFIG_MAPS,
    "Secret": SECRETS,
    "Service": Resource("v1", "services", "Service"),
    "Namespace": NAMESPACES,
    "CustomResourceDefinition": Resource(
        "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
    ),
    **{
        kind: Resource("admissionregistration.k8s.io/v1", f"{kind.lower()}s", kind, namespaced=False)
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
    },
}
_START_SECONDS = 60


def built() -> Path:
    """The folder of Tekton's programs, built where their pins are newer than what is kept."""
    found = hashlib.sha256(_go("version").encode())
    for name in ("go.mod", "go.sum"):
        found.update((SOURCES / name).read_bytes())
    programs = ROOT / ".cache" / "testtekton" / found.hexdigest()[:16] / "programs"
    if not programs.exists():
        made = programs.with_suffix(f".{os.getpid()}")
        made.mkdir(parents=True)
        every = [f"{MODULE}/cmd/{name}" for name in PROGRAMS]
        _go("build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", f"{made}/", *every)
        made.replace(programs)
    return programs


def _go(*words: str) -> str:
    go = shutil.which("go")
    assert go, "Tekton's webhook is built by Go"
    environment = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run(
        [go, *words], cwd=SOURCES, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _config(*names: str) -> Iterator[Obj]:
    """Manifests of Tekton's release, as they come but for one flag: `when` may be an expression."""
    # The programs may be kept, and the module they were built from may not.
    folder = Path(json.loads(_go("mod", "download", "-json", MODULE))["Dir"]) / "config"
    for name in names:
        for path in sorted(folder.glob(name)):
            for each in yaml.safe_load_all(path.read_text()):
                if each and each["metadata"]["name"] == "feature-flags":
                    each["data"]["enable-cel-in-whenexpression"] = "true"
                if each:
                    yield each


@contextmanager
def installed(api: Api, kubeconfig: Path, folder: Path) -> Iterator[None]:
    """The cluster with Tekton's definitions, and its webhook as a process of this machine, until the end of the block."""
    ports = free_ports(4)
    ensure_namespace(api, NAMESPACE)
    made = []
    for body in (*_config("300-crds/*.yaml", "config-*.yaml"), *_hooked(ports[0])):
        if body["kind"] == "CustomResourceDefinition" and "conversion" in body["spec"]:
            _send_to(body["spec"]["conversion"]["webhook"]["clientConfig"], ports[0])
        if _put(api, body):
            made.append(body)
    with ExitStack() as stack:
        log = stack.enter_context((folder / "webhook.log").open("wb"))
        process = subprocess.Popen(
            [str(built() / "webhook"), "-disable-ha"],
            env=_environment(kubeconfig, ports),
            stdout=log,
            stderr=log,
        )
        stack.callback(end, process)
        for resource in SERVED:
            served(api, resource, "default")
        _wait(api, process, folder / "webhook.log")
        yield
        for body in made:
            if body["kind"].endswith("WebhookConfiguration"):
                api.delete(_KINDS[body["kind"]], "", body["metadata"]["name"])


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _hooked(port: int) -> Iterator[Obj]:
    """The webhook's configurations, and a service that stands for this machine."""
    for body in _config("500-webhooks.yaml"):
        for hook in body.get("webhooks") or ():
            _send_to(hook["clientConfig"], port)
        yield body
    spec = {"type": "ExternalName", "externalName": "127.0.0.1"}
    meta = {"name": SERVICE, "namespace": NAMESPACE}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def _send_to(client: Obj, port: int) -> None:
    client["service"]["port"] = port


def _put(api: Api, body: Obj) -> bool:
    """Whether it was not there before."""
    namespace = body["metadata"].get("namespace", "")
    try:
        api.create(_KINDS[body["kind"]], namespace, body)
    except Stale:
        return False
    return True


def _environment(kubeconfig: Path, ports: list[int]) -> Mapping[str, str]:
    names = ("WEBHOOK_PORT", "PROBES_PORT", "METRICS_PROMETHEUS_PORT", "PROFILING_PORT")
    return {
        **os.environ,
        **{name: str(port) for name, port in zip(names, ports, strict=True)},
        "KUBECONFIG": str(kubeconfig),
        "SYSTEM_NAMESPACE": NAMESPACE,
        "WEBHOOK_SERVICE_NAME": SERVICE,
        "WEBHOOK_SECRET_NAME": "webhook-certs",
        "WEBHOOK_ADMISSION_CONTROLLER_NAME": "webhook.pipeline.tekton.dev",
        "CONFIG_LOGGING_NAME": "config-logging",
        "CONFIG_OBSERVABILITY_NAME": "config-observability",
        "CONFIG_LEADERELECTION_NAME": "config-leader-election-webhook",
        "CONFIG_FEATURE_FLAGS_NAME": "feature-flags",
        "METRICS_DOMAIN": "tekton.dev/pipeline",
    }


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in held]


def _wait(api: Api, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the webhook has been asked: it refuses a run without tasks, in words that are not the definition's."""
    last, pause, said = time.monotonic() + _START_SECONDS, threading.Event(), ""
    probe: Obj = {"pipelineSpec": {"tasks": []}}
    while time.monotonic() < last and process.poll() is None:
        said = refusal(api, {"metadata": {"name": "probe"}, "spec": probe})
        if "validation.webhook.pipeline.tekton.dev" in said and "denied the request" in said:
            return
        pause.wait(0.1)
    raise AssertionError(f"Tekton's webhook does not answer: {said}\n{log.read_text()[-3000:]}")


def refusal(api: Api, run: Mapping[str, Any]) -> str:
    """Why a PipelineRun is refused; empty where it is accepted. Nothing is made."""
    meta = run["metadata"]
    kept = {key: meta[key] for key in ("labels", "annotations") if key in meta}
    body = {
        "apiVersion": PIPELINE_RUNS.api_version,
        "kind": PIPELINE_RUNS.kind,
        "metadata": {**kept, "name": fresh_name("judged"), "namespace": "default"},
        "spec": run["spec"],
    }
    query = {"dryRun": "All", "fieldManager": "test", "fieldValidation": "Strict"}
    try:
        api.apply(PIPELINE_RUNS, "default", body, query=query)
    except JxError as error:
        return "\n".join([error.message, *(str(each) for each in getattr(error, "problems", ()))])
    return ""


if __name__ == "__main__":
    print(built())
