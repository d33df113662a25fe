"""The pipelines port over PipelineRuns of one namespace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from jx.adapters.kubernetes.api import Api, Json
from jx.adapters.kubernetes.watching import Target, Watching
from jx.adapters.tekton.reading import read_logs
from jx.adapters.tekton.translating import PIPELINE_RUNS, RUN_LABEL, TASK_RUNS, body_of, dns_name, run_of
from jx.domain.errors import NotFound, Stale, Unavailable
from jx.domain.runs.runs import LogLine, NewRun, Run

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class TektonPipelines:
    """Runs as PipelineRuns. Tekton and the embedded runner are the same to it."""

    def __init__(self, api: Api, *, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def start(self, run: NewRun) -> Run:
        try:
            made = self._api.create(PIPELINE_RUNS, self._namespace, body_of(run, self._namespace))
        except Stale:
            made = self._api.get(PIPELINE_RUNS, self._namespace, dns_name(run.name))
        except NotFound as error:
            raise self._not_there() from error
        return run_of(made, self._made_by(made))

    def find(self, name: str) -> Run | None:
        try:
            body = self._api.get(PIPELINE_RUNS, self._namespace, dns_name(name))
        except NotFound:
            return None
        return run_of(body, self._made_by(body))

    def list_all(self) -> tuple[Run, ...]:
        try:
            bodies, _ = self._api.list_pages(PIPELINE_RUNS, self._namespace)
            made, _ = self._api.list_pages(TASK_RUNS, self._namespace)
        except NotFound as error:
            raise self._not_there() from error
        by_run: dict[str, list[Json]] = {}
        for each in made:
            by_run.setdefault(_owner(each), []).append(each)
        runs = [run_of(body, by_run.get(body["metadata"]["name"], [])) for body in bodies]
        return tuple(sorted(runs, key=_age))

    def changes(self, *, within: timedelta) -> Iterator[Run | None]:
        kinds = (PIPELINE_RUNS, TASK_RUNS)
        watching = Watching(self._api, [Target(kind, self._namespace) for kind in kinds])
        return self._told(watching, within)

    def _told(self, watching: Watching, within: timedelta) -> Iterator[Run | None]:
        bodies: dict[str, Json] = {}
        made: dict[str, dict[str, Json]] = {}
        told: dict[str, Run] = {}
        for change in watching.changes(within=within):
            if change is None:
                yield None
                continue
            name = change.body["metadata"]["name"]
            is_run = change.target.resource == PIPELINE_RUNS
            run_name = name if is_run else _owner(change.body)
            if change.is_deleted:
                (bodies if is_run else made.get(run_name, {})).pop(name, None)
                continue
            if is_run:
                bodies[name] = change.body
            else:
                made.setdefault(run_name, {})[name] = change.body
            if run_name not in bodies:
                continue
            run = run_of(bodies[run_name], made.get(run_name, {}).values())
            if not run.state.is_open and any(stage.state.is_open for stage in run.stages):
                # Each kind has a watch of its own, and that of the tasks is behind. They ended before their run did.
                found = self._made_by(bodies[run_name])
                made[run_name] = {each["metadata"]["name"]: each for each in found}
                run = run_of(bodies[run_name], found)
            if told.get(run_name) != run:
                told[run_name] = run
                yield run

    def cancel(self, name: str) -> bool:
        run = self.find(name)
        if run is None:
            raise NotFound(f"there is no run {name}", hint="jx get pipelines lists them")
        if not run.state.is_open:
            return False
        self._api.merge(PIPELINE_RUNS, self._namespace, run.name, {"spec": {"status": "Cancelled"}})
        return True

    def remove(self, name: str) -> None:
        options = {"propagationPolicy": "Background"}
        try:
            self._api.delete(PIPELINE_RUNS, self._namespace, dns_name(name), options)
        except NotFound:
            return

    def logs(self, run: Run, *, follow: bool = False) -> Iterator[LogLine]:
        return read_logs(self._api, self._namespace, run, self.find if follow else None)

    def _made_by(self, body: Json) -> list[Json]:
        query = {"labelSelector": f"{RUN_LABEL}={body['metadata']['name']}"}
        return self._api.list_pages(TASK_RUNS, self._namespace, query=query)[0]

    def _not_there(self) -> Unavailable:
        return Unavailable(
            f"{self._api.access.host} has no {PIPELINE_RUNS.api_version} PipelineRun: nothing there runs pipelines",
            hint="install Tekton; on the embedded platform set runner.enabled of jx-platform",
        )


def _owner(made: Json) -> str:
    return str((made["metadata"].get("labels") or {}).get(RUN_LABEL, ""))


def _age(run: Run) -> tuple[datetime, int, str]:
    return run.created or _LONG_AGO, int(run.build) if run.build.isdigit() else 0, run.name
