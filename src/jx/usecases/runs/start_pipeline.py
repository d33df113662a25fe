"""Start and stop pipelines by hand: one more run of a branch's head, or an end to one that goes on."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.environments.environments import Environment
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.names import Repo, parse_branch
from jx.domain.platforms.platform import Platform
from jx.domain.runs.environment_runs import pipeline_of, runs_of
from jx.domain.runs.run_choice import RunChoice, choose_run
from jx.domain.runs.runs import Run
from jx.ports.pipelines import Pipelines
from jx.usecases.following.run_environment import RunEnvironment
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.runs.run_application import RunApplication, RunWishes


@dataclass(frozen=True, slots=True)
class StartPipeline:
    """Of an environment, what is started is what the controllers would start for the branch's head, as one more attempt; of any
    other repository, its pipeline as the file says, with no rights of the platform."""

    propose: ProposeChange
    pipelines: Pipelines
    run: RunEnvironment
    application: RunApplication

    def __call__(self, at: PlatformAt, pipeline: str, wishes: RunWishes | None = None) -> Run:
        """Start a run. NotFound for a pipeline that there is not; Refused while one of that environment goes on. `wishes` are for
        applications: Usage where they are said of an environment."""
        platform = self.propose.target(at, "dev").platform
        try:
            environment = find_environment(platform.environments, pipeline)
        except NotFound as unknown:
            return self._start_application(at.repo, pipeline, wishes or RunWishes(), platform, unknown)
        if wishes not in (None, RunWishes()):
            raise Usage(
                f"{pipeline} is an environment's pipeline, which is run as its file says",
                hint="options of a run are for pipelines of applications",
            )
        assert environment.repo is not None
        runs = runs_of(environment, self.pipelines.list_all())
        going = next((run for run in runs if run.state.is_open), None)
        if going is not None:
            raise Refused(
                f"run #{going.build} of {pipeline} goes on",
                hint=f"wait for it, or end it: jx stop pipeline {pipeline} --build {going.build}",
            )
        head = self.run.repos.head(environment.repo, environment.branch)
        if head is None:
            raise NotFound(f"{environment.repo.full_name} has no branch {environment.branch}")
        attempts = [run for run in runs if run.revision == head]
        return self.run.start(environment, head, attempt=len(attempts) + 1)

    def _start_application(
        self, dev: Repo, pipeline: str, wishes: RunWishes, platform: Platform, unknown: NotFound
    ) -> Run:
        owner, _, rest = pipeline.partition("/")
        name, _, branch = rest.partition("/")
        if not branch:
            raise unknown
        repo = dev.sibling(f"{owner}/{name}")
        try:
            self.application.repos.head(repo, parse_branch(branch))
        except NotFound:
            words = f"{pipeline} is no environment's pipeline, and there is no repository {repo.full_name}"
            raise NotFound(words, hint=unknown.hint) from unknown
        return self.application(repo, branch, wishes, grant=platform.find_grant(repo, branch))


def find_environment(environments: tuple[Environment, ...], pipeline: str) -> Environment:
    """The environment whose pipeline this is, or whose name; NotFound with those that there are."""
    known = {pipeline_of(one): one for one in environments if one.repo and not one.is_remote}
    for name, environment in known.items():
        if pipeline in (name, environment.name):
            return environment
    raise NotFound(f"{pipeline} is no environment's pipeline", hint=f"there are: {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class StopPipeline:
    """Ends a run."""

    pipelines: Pipelines

    def __call__(self, choice: RunChoice) -> Run:
        """Have the newest of the runs that are meant end, where one goes on; NotFound, and Refused where all have ended."""
        runs = self.pipelines.list_all()
        newest = choose_run(runs, choice)
        going = [run for run in runs if choice.holds(run) and run.state.is_open]
        if not going or not self.pipelines.cancel(going[-1].name):
            raise Refused(
                f"run #{newest.build} of {newest.pipeline} has ended", hint="nothing is to be stopped"
            )
        return going[-1]
