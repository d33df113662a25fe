"""Run a check: start exactly one run of the base's pipeline for a pull request's head on its base."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from jx.domain.changes.changes import Check, CheckState, PullRequest, PullState
from jx.domain.environments.environments import Environment
from jx.domain.errors import Invalid, NotFound
from jx.domain.events import Event
from jx.domain.names import Repo
from jx.domain.pipelines.compiling import compile_run, find_kind
from jx.domain.pipelines.effective import Project
from jx.domain.pipelines.runs import Pull, RunRequest
from jx.domain.pipelines.syntax import PipelineKind, ProjectFile
from jx.domain.runs.check_runs import CheckOccasion, checks_of, new_check
from jx.domain.runs.environment_runs import RunSetup
from jx.domain.runs.runs import CHECK, Run, RunState
from jx.ports.activities import Activities
from jx.ports.forge import Ability, Forge
from jx.ports.pipelines import BuildNumbers, Pipelines
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.following.run_environment import highest_build
from jx.usecases.pipelines.resolve_pipeline import PackSource, ResolvePipeline

_CONTEXT = f"jx/{CHECK}"


@dataclass(frozen=True, slots=True)
class PassCheck:
    """Where nothing runs pipelines: says so, since the branch waits for that check."""

    forge: Forge

    def __call__(self, environment: Environment, number: int, *, asked: int = 0) -> CheckState:
        """Always yes, of a pull request that is open."""
        assert environment.repo is not None
        pull = self.forge.observe(environment.repo, number)
        _report(self.forge, pull, CheckState.SUCCESS, "nothing runs pipelines here")
        return CheckState.SUCCESS

    def cancel_closed(self, repo: Repo, opened: Collection[int]) -> None:
        """There is nothing to end."""


@dataclass(frozen=True, slots=True)
class RunCheck:
    """Level-triggered. What runs is what the base branch says, whatever the pull request makes of that file."""

    repos: Repos
    pipelines: Pipelines
    numbers: BuildNumbers
    activities: Activities
    forge: Forge
    resolve: ResolvePipeline
    setup: RunSetup
    reporter: Reporter

    def __call__(self, environment: Environment, number: int, *, asked: int = 0) -> CheckState:
        """What the base's pipeline says to the head; yes, where it has nothing to say of pull requests. Runs of older heads and
        bases are cancelled. `asked`: how often people asked for one more."""
        assert environment.repo is not None
        pull = self.forge.observe(environment.repo, number)
        base = self.repos.head(pull.repo, pull.base_branch)
        if pull.state is not PullState.OPEN or base is None:
            return CheckState.FAILURE
        occasion = CheckOccasion(pull, base, asked)
        run = self.pipelines.find(occasion.name)
        if run is not None and not run.state.is_open:
            return self._said(pull) if run.state is RunState.SUCCEEDED else CheckState.FAILURE
        self._cancel_others(occasion, run)
        if run is not None:
            return CheckState.PENDING
        try:
            file = self._read(occasion)
            if file is None:
                words = f"{pull.base_branch} has no pipeline for pull requests"
                _report(self.forge, pull, CheckState.SUCCESS, words)
                return CheckState.SUCCESS
            self._start(environment, occasion, file)
        except (Invalid, NotFound) as error:
            self._tell_mistake(occasion, error)
            return CheckState.FAILURE
        return CheckState.PENDING

    def _said(self, pull: PullRequest) -> CheckState:
        """Yes, once the forge has been told, without which it merges nothing."""
        told = {check.context: check.state for check in pull.checks}
        is_told = Ability.STATUSES not in self.forge.abilities or told.get(_CONTEXT) is CheckState.SUCCESS
        return CheckState.SUCCESS if is_told else CheckState.PENDING

    def cancel_closed(self, repo: Repo, opened: Collection[int]) -> None:
        """End the runs of pull requests that are not open any more: nobody waits for them."""
        for run in self.pipelines.list_all():
            number = run.pipeline.removeprefix(f"{repo.full_name}/PR-")
            if run.context != CHECK or not run.state.is_open or not number.isdigit() or int(number) in opened:
                continue
            self.pipelines.cancel(run.name)
            self.reporter.tell(Event(f"run {run.name} is cancelled: #{number} is not open any more"))

    def _cancel_others(self, occasion: CheckOccasion, mine: Run | None) -> None:
        for run in checks_of(occasion, self.pipelines.list_all()):
            if run.state.is_open and (mine is None or run.name != mine.name):
                self.pipelines.cancel(run.name)
                head, base = occasion.pull.head[:12], occasion.base[:12]
                self.reporter.tell(Event(f"run {run.name} is cancelled: overtaken by {head} on {base}"))

    def _read(self, occasion: CheckOccasion) -> ProjectFile | None:
        """The base's file; None where it has no pipeline for pull requests."""
        repo = occasion.pull.repo
        tree = self.repos.read(repo, occasion.base)
        file = self.resolve(tree, Project(repo=repo, tree=tree), source=PackSource()).file
        try:
            find_kind(file, PipelineKind.PULL_REQUEST)
        except NotFound:
            return None
        return file

    def _start(self, environment: Environment, occasion: CheckOccasion, file: ProjectFile) -> None:
        pull = occasion.pull
        records = [one for one in self.activities.list_all() if one.pipeline == occasion.pipeline]
        build = self.numbers.next(occasion.pipeline, above=highest_build(records))
        request = RunRequest(
            repo=pull.repo,
            branch=pull.base_branch,
            kind=PipelineKind.PULL_REQUEST,
            build=build,
            revision=occasion.base,
            pulls=(Pull(pull.number, pull.head),),
            account=self.setup.account,
            clone_image=self.setup.builder_image,
            pod_templates=self.setup.images,
        )
        made = compile_run(file, request)
        run = self.pipelines.start(new_check(environment, occasion, self.setup, build=build, made=made))
        self.reporter.tell(Event(f"run {run.name} checks #{pull.number} of {pull.repo.full_name}"))

    def _tell_mistake(self, occasion: CheckOccasion, error: Invalid | NotFound) -> None:
        """There is no run that could. People can still merge: it may be this change that mends the base."""
        pull = occasion.pull
        problems = error.problems if isinstance(error, Invalid) else ()
        words = "; ".join([f"{pull.base_branch}: {error.message}", *map(str, problems[:3])])
        _report(self.forge, pull, CheckState.FAILURE, words[:140])


def _report(forge: Forge, pull: PullRequest, state: CheckState, words: str) -> None:
    check = Check(_CONTEXT, state, words)
    is_news = pull.state is PullState.OPEN and check not in pull.checks
    if is_news and Ability.STATUSES in forge.abilities:
        forge.set_status(pull.repo, pull.head, check)
