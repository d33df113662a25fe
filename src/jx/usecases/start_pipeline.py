"""Start and stop pipelines by hand: one more run of an environment's head, or an end to one that goes on."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.environment_runs import pipeline_of, runs_of
from jx.domain.environments import Environment
from jx.domain.errors import NotFound, Refused
from jx.domain.run_choice import RunChoice, choose_run
from jx.domain.runs import Run
from jx.ports.pipelines import Pipelines
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.run_environment import RunEnvironment


@dataclass(frozen=True, slots=True)
class StartPipeline:
    """What is started is what the controllers would start for the branch's head, as one more attempt."""

    propose: ProposeChange
    pipelines: Pipelines
    run: RunEnvironment

    def __call__(self, at: PlatformAt, pipeline: str) -> Run:
        """Start a run. NotFound for a pipeline that is no environment's; Refused while one goes on."""
        platform = self.propose.target(at, "dev").platform
        environment = find_environment(platform.environments, pipeline)
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
