"""Run an environment's pipeline: start exactly one run for what was merged, and never apply anything itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from jx.domain.applying.applying import Anchor, DriftNote
from jx.domain.changes.changes import Check, CheckState
from jx.domain.environments.environments import Environment
from jx.domain.errors import Invalid, JxError, NotFound, Unavailable
from jx.domain.events import Event, Level
from jx.domain.names import Person, Revision
from jx.domain.pipelines.compiling import compile_run
from jx.domain.pipelines.effective import Project
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.runs.activities import Activity, ActivityStatus, ActivityStep
from jx.domain.runs.environment_runs import Occasion, RunSetup, name_run, new_run, pipeline_of, runs_of
from jx.domain.runs.runs import APPLY, Run, RunState, is_passing
from jx.ports.activities import Activities
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.forge import Ability, Forge
from jx.ports.pipelines import BuildNumbers, Pipelines
from jx.ports.reporter import Reporter
from jx.ports.repos import Commit, Repos
from jx.usecases.following.follow_environment import FollowRequest, is_applied
from jx.usecases.following.heed_holds import HeedHolds
from jx.usecases.pipelines.resolve_pipeline import PackSource, ResolvePipeline

_TRIES = 8
_FIRST_DELAY, _LONGEST_DELAY = timedelta(seconds=10), timedelta(minutes=5)
_FILE = "pipeline file"
"""The step of a record whose run could not be made."""
TOLD_AT_MOST = 20
"""Commits that are told that a newer one is applied in their place."""


@dataclass(frozen=True, slots=True)
class RunEnvironment:
    """Level-triggered, as applying in this process is. The name of a run follows from the commit, so that a doubled webhook, a
    second controller and one that was started anew start the same run, which is started once."""

    repos: Repos
    anchors: Anchors
    pipelines: Pipelines
    numbers: BuildNumbers
    activities: Activities
    forge: Forge
    resolve: ResolvePipeline
    setup: RunSetup
    clock: Clock
    reporter: Reporter

    def __call__(self, request: FollowRequest) -> None:
        """Start the run of the branch's head where there is none. Held; Invalid where its pipeline cannot be run."""
        environment = request.environment
        if environment.repo is None or environment.is_remote:
            return
        head = request.head or self.repos.head(environment.repo, environment.branch)
        if head is None:
            return
        if self._is_done(environment, head):
            return
        # Runs before the anchor: one that has ended in between has moved the anchor already.
        runs = runs_of(environment, self.pipelines.list_all())
        anchor = self.anchors.find(environment.name)
        if is_applied(anchor, head):
            return
        attempts = [run for run in runs if run.revision == head]
        if attempts and not (_is_undone(attempts[-1], anchor) or self._is_due(attempts)):
            return
        if not self._is_free(runs, head):
            return
        if not attempts:
            self._tell_overtaken(environment, head, runs, anchor)
        self.start(environment, head, attempt=len(attempts) + 1)

    def _is_done(self, environment: Environment, head: Revision) -> bool:
        """Whether this head is what was applied: then what waits to be published is, and no run has to be asked for."""
        anchor = self.anchors.find(environment.name)
        heed = HeedHolds(self.repos, self.anchors, self.clock, self.reporter)
        heed(environment, anchor, head)
        if not is_applied(anchor, head):
            return False
        if anchor and (anchor.pending or anchor.holds):
            heed.publish_what_waits(environment)
        return True

    def start_again(self, environment: Environment) -> Run | None:
        """One more run of the head where the last one failed, as a person wants it who mends a platform; None where nothing is
        to be started, or nothing runs pipelines."""
        assert environment.repo is not None
        head = self.repos.head(environment.repo, environment.branch)
        try:
            runs = runs_of(environment, self.pipelines.list_all())
        except Unavailable:
            return None
        attempts = [run for run in runs if run.revision == head]
        has_failed = bool(attempts) and attempts[-1].state in (RunState.FAILED, RunState.CANCELLED)
        if head is None or not has_failed or is_applied(self.anchors.find(environment.name), head):
            return None
        return self.start(environment, head, attempt=len(attempts) + 1)

    def _is_due(self, attempts: Sequence[Run]) -> bool:
        """Whether what failed by something that passes is to be tried once more now, each time after a longer while."""
        last = attempts[-1]
        if len(attempts) >= _TRIES or last.completed is None or not is_passing(last):
            return False
        delay = min(_FIRST_DELAY * (1 << len(attempts) - 1), _LONGEST_DELAY)
        return self.clock.now() - last.completed >= delay

    def heal(self, environment: Environment, head: Revision, note: DriftNote) -> None:
        """Start the run that applies what is applied once more: one for a drift, however often that is seen. Nothing while
        another run goes on, which may heal it as well."""
        runs = runs_of(environment, self.pipelines.list_all())
        if any(run.state.is_open for run in runs):
            return
        occasion = Occasion(head, Person("controller"), note.words, 1, heals=f"{note.since:%Y%m%d%H%M%S}")
        there = self.pipelines.find(name_run(environment, occasion))
        if there is None:
            self._start(environment, occasion)
            return
        told = "it came back" if there.state is RunState.SUCCEEDED else f"that {there.state}: {there.words}"
        words = f"drift of {environment.name} is there after run {there.name}, and {told}; no other is started for it"
        self.reporter.tell(Event(words, Level.WARNING))

    def start(self, environment: Environment, head: Revision, *, attempt: int) -> Run:
        """Start a run for a commit; the same attempt twice is once."""
        assert environment.repo is not None
        commit = self.repos.log(environment.repo, head, limit=1)[0]
        return self._start(environment, Occasion(head, commit.author, commit.subject, attempt))

    def _start(self, environment: Environment, occasion: Occasion) -> Run:
        assert environment.repo is not None
        head = occasion.revision
        commit = self.repos.log(environment.repo, head, limit=1)[0]
        pipeline = pipeline_of(environment)
        records = [one for one in self.activities.list_all() if one.pipeline == pipeline]
        build = self.numbers.next(pipeline, above=highest_build(records))
        try:
            made = self._compile(environment, commit, build)
        except (Invalid, NotFound) as error:
            self._record_mistake(environment, commit, build, error, records)
            raise
        run = self.pipelines.start(new_run(environment, occasion, self.setup, build=build, made=made))
        what = "heals the drift of" if occasion.heals else f"applies {head[:12]} to"
        self.reporter.tell(Event(f"run {run.name} {what} {environment.name}"))
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

    def _tell_overtaken(
        self, environment: Environment, head: Revision, runs: tuple[Run, ...], anchor: Anchor | None
    ) -> None:
        """Say at the commits that came before this head, and have no run of their own, that it holds them. Best effort, and
        before the run is there: whoever comes back after a crash says it again."""
        assert environment.repo is not None
        repo = environment.repo
        applied = anchor.applied.source.revision if anchor and anchor.applied else ""
        since = runs[-1].revision if runs else applied
        if not since or Ability.STATUSES not in self.forge.abilities:
            return
        try:
            commits = self.repos.log(repo, head, after=Revision(since), limit=TOLD_AT_MOST + 1)[1:]
            if not commits:
                return
            known = {one.revision for one in self.activities.list_all()} | {run.revision for run in runs}
            check = Check(f"jx/{APPLY}", CheckState.ERROR, f"overtaken by {head[:12]}, which holds it")
            for commit in commits:
                if commit.revision not in known:
                    self.forge.set_status(repo, commit.revision, check)
        except JxError as error:
            self.reporter.tell(Event(f"not told: {error.message}", Level.WARNING))

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
                clone_image=self.setup.builder_image,
                pod_templates=self.setup.images,
            ),
        )

    def _record_mistake(
        self,
        environment: Environment,
        commit: Commit,
        build: int,
        error: Invalid | NotFound,
        records: Sequence[Activity],
    ) -> None:
        """There is no run that could tell of it. Told once for a commit."""
        assert environment.repo is not None
        if any(
            one.revision == commit.revision and one.steps[:1] and one.steps[0].name == _FILE
            for one in records
        ):
            return
        problems = error.problems if isinstance(error, Invalid) else ()
        words = "; ".join([error.message, *map(str, problems[:3])])
        failed, now = ActivityStatus.FAILED, self.clock.now()
        record = Activity(
            name=f"{pipeline_of(environment).replace('/', '-')}-{build}",
            pipeline=pipeline_of(environment),
            build=str(build),
            status=failed,
            revision=commit.revision,
            author=commit.author.name,
            message=commit.subject,
            git_url=environment.repo.url,
            started=now,
            completed=now,
            steps=(ActivityStep(_FILE, failed, now, now, words),),
        )
        try:
            if Ability.STATUSES in self.forge.abilities:
                check = Check(f"jx/{APPLY}", CheckState.FAILURE, words[:140])
                self.forge.set_status(environment.repo, commit.revision, check)
            self.activities.save(record)
        except JxError as trouble:
            self.reporter.tell(Event(f"not recorded: {trouble.message}", Level.WARNING))


def highest_build(records: Sequence[Activity]) -> int:
    """Of what was recorded before there were counters: those numbers are not given again either."""
    return max((int(one.build) for one in records if one.build.isdigit()), default=0)


def _is_undone(last: Run, anchor: Anchor | None) -> bool:
    """Whether somebody applied something else since this run ended: then the head is to be applied once more."""
    if last.state.is_open or last.completed is None or anchor is None or anchor.applied is None:
        return False
    return anchor.applied.at >= last.completed and anchor.applied.source.revision != last.revision
