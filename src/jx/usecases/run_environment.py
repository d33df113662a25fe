"""Run an environment's pipeline: start exactly one run for what was merged, and never apply anything itself."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.applying import Anchor
from jx.domain.environment_runs import Occasion, RunSetup, new_run, pipeline_of, runs_of
from jx.domain.environments import Environment
from jx.domain.events import Event
from jx.domain.names import Revision
from jx.domain.pipelines.compiling import compile_run
from jx.domain.pipelines.effective import Project
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.runs import Run, RunState
from jx.ports.activities import Activities
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.pipelines import BuildNumbers, Pipelines
from jx.ports.reporter import Reporter
from jx.ports.repos import Commit, Repos
from jx.usecases.follow_environment import FollowRequest, is_applied
from jx.usecases.heed_holds import HeedHolds
from jx.usecases.resolve_pipeline import PackSource, ResolvePipeline


@dataclass(frozen=True, slots=True)
class RunEnvironment:
    """Level-triggered, as applying in this process is. The name of a run follows from the commit, so that a doubled webhook, a
    second controller and one that was started anew start the same run, which is started once."""

    repos: Repos
    anchors: Anchors
    pipelines: Pipelines
    numbers: BuildNumbers
    activities: Activities
    resolve: ResolvePipeline
    setup: RunSetup
    clock: Clock
    reporter: Reporter

    def __call__(self, request: FollowRequest) -> None:
        """Start the run of the branch's head where there is none. Held; Invalid where its pipeline cannot be run."""
        environment = request.environment
        if environment.repo is None or environment.is_remote:
            return
        head = self.repos.head(environment.repo, environment.branch)
        if head is None:
            return
        # Runs before the anchor: one that has ended in between has moved the anchor already.
        runs = runs_of(environment, self.pipelines.list_all())
        anchor = self.anchors.find(environment.name)
        heed = HeedHolds(self.repos, self.anchors, self.clock, self.reporter)
        heed(environment, anchor, head)
        if is_applied(anchor, head):
            heed.publish_what_waits(environment)
            return
        attempts = [run for run in runs if run.revision == head]
        if attempts and not _is_undone(attempts[-1], anchor):
            return
        if not self._is_free(runs, head):
            return
        self.start(environment, head, attempt=len(attempts) + 1)

    def start(self, environment: Environment, head: Revision, *, attempt: int) -> Run:
        """Start a run for a commit; the same attempt twice is once."""
        assert environment.repo is not None
        commit = self.repos.log(environment.repo, head, limit=1)[0]
        pipeline = pipeline_of(environment)
        build = self.numbers.next(pipeline, above=self._highest_build(pipeline))
        occasion = Occasion(head, commit.author, commit.subject, attempt)
        made = self._compile(environment, commit, build)
        run = self.pipelines.start(new_run(environment, occasion, self.setup, build=build, made=made))
        self.reporter.tell(Event(f"run {run.name} applies {head[:12]} to {environment.name}"))
        return run

    def _is_free(self, runs: tuple[Run, ...], head: Revision) -> bool:
        """Whether no other run is at it. One that has not begun makes room: what it would apply is in the newer commit, too."""
        is_free = True
        for run in runs:
            if not run.state.is_open:
                continue
            if run.state is RunState.PENDING:
                self.pipelines.cancel(run.name)
                self.reporter.tell(Event(f"run {run.name} is cancelled: overtaken by {head[:12]}"))
            else:
                is_free = False
        return is_free

    def _compile(self, environment: Environment, commit: Commit, build: int) -> dict[str, object]:
        assert environment.repo is not None
        repo, tree = environment.repo, self.repos.read(environment.repo, commit.revision)
        resolved = self.resolve(tree, Project(repo=repo, tree=tree), source=PackSource())
        return compile_run(
            resolved.file,
            RunRequest(
                repo=repo,
                branch=environment.branch,
                kind=PipelineKind.RELEASE,
                build=build,
                revision=commit.revision,
                account=self.setup.account,
            ),
        )

    def _highest_build(self, pipeline: str) -> int:
        """Of what was recorded before there were counters: those numbers are not given again either."""
        builds = (one.build for one in self.activities.list_all() if one.pipeline == pipeline)
        return max((int(build) for build in builds if build.isdigit()), default=0)


def _is_undone(last: Run, anchor: Anchor | None) -> bool:
    """Whether somebody applied something else since this run ended: then the head is to be applied once more."""
    if last.state.is_open or last.completed is None or anchor is None or anchor.applied is None:
        return False
    return anchor.applied.at >= last.completed and anchor.applied.source.revision != last.revision
