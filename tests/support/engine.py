"""An engine for pipelines beside a world in memory: controllers that only start runs, and whoever does what their steps do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from tests.support.faults import Faults
from tests.support.journeys import BOT, DEV, Controllers, World

from jx.adapters.local.memory_pipelines import MemoryBuildNumbers, MemoryPipelines
from jx.controllers.environments import ChangesController, EnvironmentsController, PlatformReader
from jx.controllers.run import Several
from jx.controllers.runs import RunsController
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.names import EnvironmentName, Revision
from jx.domain.runs.environment_runs import HEAL_VARIABLE, RunSetup
from jx.domain.runs.runs import Run, RunState
from jx.usecases.applying.apply_environment import ApplyRequest
from jx.usecases.find_source import source_of
from jx.usecases.following.run_environment import RunEnvironment
from jx.usecases.pipelines.resolve_pipeline import ResolvePipeline
from jx.usecases.runs.cancel_checks import CancelChecks
from jx.usecases.runs.record_runs import RecordRuns
from jx.usecases.runs.run_check import RunCheck

SETUP = RunSetup("jx-controllers", "jx-git", "https://git.example.com", {"JX_NAMESPACE": "jx"})
CHECKS = RunSetup("jx-checks", "jx-git", "https://git.example.com", {"JX_NAMESPACE": "jx"})


@dataclass
class Engine:
    """Runs of a world."""

    world: World
    pipelines: MemoryPipelines = field(default_factory=MemoryPipelines)
    numbers: MemoryBuildNumbers = field(default_factory=MemoryBuildNumbers)
    keep: int = 20

    def use_case(self, process: Any) -> RunEnvironment:
        """What starts runs, each port behind the faults of that process."""

        def wrap(port: Any) -> Any:
            return process.faults.wrap(port, "pipelines")

        return RunEnvironment(
            repos=process.repos,
            anchors=process.anchors,
            pipelines=wrap(self.pipelines),
            numbers=wrap(self.numbers),
            activities=process.activities,
            forge=process.forge,
            resolve=ResolvePipeline(process.repos),
            setup=SETUP,
            clock=process.clock,
            reporter=process.reporter,
        )

    def checks(self, process: Any) -> RunCheck:
        """What starts the runs of checks, likewise."""

        def wrap(port: Any) -> Any:
            return process.faults.wrap(port, "pipelines")

        return RunCheck(
            repos=process.repos,
            pipelines=wrap(self.pipelines),
            numbers=wrap(self.numbers),
            activities=process.activities,
            forge=process.forge,
            resolve=ResolvePipeline(process.repos),
            setup=CHECKS,
            reporter=process.reporter,
        )

    def checking(self, faults: Faults | None = None) -> Controllers:
        """As `controllers`, with those that look at pull requests."""
        found = self.controllers(faults)
        process = found.process
        reader = PlatformReader(process.repos, self.world.at)
        changes = ChangesController(
            reader,
            process.heed_comments,
            process.check_change,
            process.merge_change,
            self.checks(process),
            CancelChecks(process.forge, process.reporter, process.faults.wrap(self.pipelines, "pipelines")),
        )
        found.controller = Several(changes, found.controller)
        return found

    def controllers(self, faults: Faults | None = None) -> Controllers:
        """The controllers' pod, started anew, with an engine."""
        found = Controllers(self.world.process(BOT, faults))
        process = found.process
        reader = PlatformReader(process.repos, self.world.at)
        pipelines = process.faults.wrap(self.pipelines, "pipelines")
        record = RecordRuns(pipelines, process.activities, process.forge, process.reporter, self.keep)
        found.environments = EnvironmentsController(reader, self.use_case(process), process.holder)
        found.controller = Several(found.environments, RunsController(reader, record))
        return found

    def settle(self) -> None:
        """Controllers look at everything."""
        self.controllers().work(patience=timedelta(seconds=30))

    def begin(self, run: Run) -> Run:
        """The engine begins with a run."""
        return self.pipelines.tell(run.name, RunState.RUNNING, started=self.world.clock.now())

    def work(self) -> None:
        """The steps of every run that waits: each applies its commit, as `jx step env apply` does in a pipeline."""
        for run in self.pipelines.list_all():
            if run.state.is_open:
                self.begin(run)
                self.apply(run)
                self.end(run)

    def end(self, run: Run, state: RunState = RunState.SUCCEEDED, words: str = "") -> Run:
        self.world.clock.move(timedelta(seconds=1))
        return self.pipelines.tell(run.name, state, completed=self.world.clock.now(), words=words)

    def apply(self, run: Run, name: EnvironmentName = DEV) -> None:
        """What the step of a run does."""
        process, environment = self.world.process(BOT), self._environment(run) or name
        repo = self.world.repo(environment)
        commit = self.world.repos.log(repo, Revision(run.revision), limit=1)[0]
        tree = self.world.repos.read(repo, commit.revision)
        source = source_of(repo, commit, tree.digest)
        request = ApplyRequest(
            tree=tree,
            source=source,
            holder=process.holder,
            environment=environment,
            applier=f"run {run.name}",
        )
        if self._heals(run):
            allowed = Allowed(frozenset({Guard.CONFLICTS}))
            request = replace(request, allowed=allowed, reason="drift is healed", wait=False)
        process.apply_environment(request)

    def _heals(self, run: Run) -> bool:
        """As its steps are told."""
        spec = next(one.spec for one in self.pipelines.started if one.name == run.name)
        (task,) = spec["pipelineSpec"]["tasks"]
        return {"name": HEAL_VARIABLE, "value": "true"} in task["taskSpec"]["stepTemplate"]["env"]

    def _environment(self, run: Run) -> EnvironmentName | None:
        names = self.world.environments
        return next((name for name in names if self.world.repo(name).full_name == run.repo_name), None)
