"""A cluster with a node that runs steps, its API over HTTPS, and the runner beside it, which can be made anew at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from tests.support.node import IMPATIENT, RealWorld
from tests.support.seen_runs import seen
from tests.support.workloads import FAST, Obj

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api
from jx.adapters.local.kubernetes.serve import Server
from jx.adapters.local.node.daemon import Cluster, Options
from jx.adapters.local.node.pods import Settings
from jx.adapters.local.runner.runner import Runner
from jx.adapters.local.seed import charts_folder

DONE = ("True", "False")
SECONDS = 60.0


def definitions() -> list[Obj]:
    """The kinds that the platform's chart brings with the runner."""
    text = (charts_folder() / "jx-platform" / "files" / "tekton.yaml").read_text()
    return list(yaml.safe_load_all(text))


class RunnerWorld(RealWorld):
    """A world in which PipelineRuns are run."""

    def __init__(self, server: Server, cluster: Cluster, client: Api) -> None:
        super().__init__(server.api, cluster)
        self.client = client
        self.parallel = 4

    @contextmanager
    def runner(self, client: Any = None) -> Iterator[None]:
        """The runner, until the end of the block."""
        stop, ready = threading.Event(), threading.Event()
        runner = Runner(client or self.client, namespace="default", parallel=self.parallel)
        thread = threading.Thread(target=runner.run, args=(stop,), kwargs={"ready": ready.set}, daemon=True)
        thread.start()
        try:
            assert ready.wait(SECONDS)
            yield
        finally:
            stop.set()
            thread.join(SECONDS)
            assert not thread.is_alive()

    def start(self, name: str, **spec: Any) -> Obj:
        """A PipelineRun of this spec; `tasks`, `finally_`, `params_` and `results` go into its pipeline."""
        return self.apply(pipeline_run(name, **spec))

    def run(self, name: str = "run") -> Obj:
        return self.api.get(self.api.resource("tekton.dev", "PipelineRun"), "default", name)

    def task_run(self, name: str) -> Obj:
        return self.api.get(self.api.resource("tekton.dev", "TaskRun"), "default", name)

    def ended(self, name: str = "run") -> Obj:
        """The run, once it has ended."""

        def look() -> Obj | None:
            run = self.run(name)
            return run if outcome(run)[0] in DONE else None

        found: Obj = self.until(look, SECONDS)
        return found

    def wish(self, name: str, status: str) -> None:
        """Set `spec.status` of a run."""
        resource = self.api.resource("tekton.dev", "PipelineRun")
        self.api.merge(resource, "default", name, {"spec": {"status": status}}, manager="test")

    def log(self, task: str, *, step: str = "step-unnamed-0", run: str = "run", attempt: int = 0) -> bytes:
        """What a step of a task printed."""
        suffix = f"-retry{attempt}" if attempt else ""
        path = self.cluster.node.open("default", f"{run}-{task}-pod{suffix}", step, previous=False)
        return path.read_bytes() if path else b""

    def log_until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that a step does, of which the API tells nothing."""
        from tests.support.steps import until

        until(holds)


def pipeline_run(name: str, **spec: Any) -> Obj:
    inner = {key.rstrip("_"): spec.pop(key) for key in ("tasks", "finally_", "results") if key in spec}
    if "params_" in spec:
        inner["params"] = spec.pop("params_")
    if "workspaces_" in spec:
        inner["workspaces"] = spec.pop("workspaces_")
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": name},
        "spec": {"pipelineSpec": inner, **spec},
    }


def task(name: str, *scripts: str, **more: Any) -> Obj:
    """A task whose steps are these scripts; `spec` is merged into its taskSpec."""
    steps = [{"image": "tools", "script": script} for script in scripts]
    return {"name": name, "taskSpec": {"steps": steps, **more.pop("spec", {})}, **more}


def outcome(run: Obj) -> tuple[str, str]:
    """Status and reason of the condition `Succeeded`."""
    conditions = (run.get("status") or {}).get("conditions") or [{}]
    return conditions[0].get("status", ""), conditions[0].get("reason", "")


def message(run: Obj) -> str:
    found: str = run["status"]["conditions"][0]["message"]
    return found


@contextmanager
def running_runner_world(folder: Path) -> Iterator[RunnerWorld]:
    """A cluster on a folder, served over HTTPS; the runner is started by tests."""
    with Server(folder, port=0, name="test", namespace="default") as server:
        settings = Settings(patience=IMPATIENT, server=("127.0.0.1", server.port), stop_seconds=5)
        cluster = Cluster(server.api, Options(folder, play=FAST), settings)
        client = Api.connect(kubeconfig.load([folder / "admin.kubeconfig"]), SystemClock())
        world = RunnerWorld(server, cluster, client)
        cluster.start()
        try:
            for each in definitions():
                world.apply(each)
            yield world
        finally:
            latest = {obj["metadata"]["uid"]: obj for _, kind, obj in world.history if kind == "PipelineRun"}
            for run in latest.values():
                seen(run)
            cluster.stop()
            client.close()
