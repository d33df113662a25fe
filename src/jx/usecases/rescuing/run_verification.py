"""Run a verification: a small pipeline on a throw-away commit, started as every other run is; its status comes back there."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import Check, CheckState
from jx.domain.names import Repo, Revision
from jx.domain.pipelines.compiling import PipelineRun, compile_run
from jx.domain.pipelines.effective import Project
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.platforms import verifying
from jx.domain.runs import verification_runs
from jx.domain.runs.environment_runs import RunSetup
from jx.domain.runs.runs import VERIFY, Run, RunState, find_failure
from jx.domain.trees import Tree
from jx.ports.forge import Ability, Forge
from jx.ports.pipelines import Pipelines
from jx.ports.repos import Draft, Repos
from jx.usecases.pipelines.resolve_pipeline import PackSource, ResolvePipeline
from jx.usecases.propose_change import PlatformAt


@dataclass(frozen=True, slots=True)
class RunVerification:
    """Level-triggered: the run of a number is started once, and asking again tells how it stands."""

    repos: Repos
    forge: Forge
    pipelines: Pipelines
    resolve: ResolvePipeline
    setup: RunSetup

    def __call__(self, number: str, at: PlatformAt, head: Revision) -> Run:
        """The run as it is now. Once it has ended, its commit has a status, and what is left of it goes with the next one."""
        run = self.pipelines.find(verification_runs.name_run(number))
        if run is None:
            self._clear()
            run = self._start(number, at, head)
        if not run.state.is_open and Ability.STATUSES in self.forge.abilities:
            self.forge.set_status(at.repo, Revision(run.revision), _check_of(run))
        return run

    def _start(self, number: str, at: PlatformAt, head: Revision) -> Run:
        base = self.repos.read(at.repo, head)
        image = verification_runs.image_of(self._compile(at.repo, at.branch, base, head))
        tree = verification_runs.throw_away(image)
        draft = Draft(tree, verification_runs.message_of(number), verification_runs.BY)
        revision = self.repos.replace(at.repo, verification_runs.BRANCH, base=head, draft=draft)
        made = self._compile(at.repo, verification_runs.BRANCH, tree, revision)
        return self.pipelines.start(verification_runs.start_of(number, at.repo, revision, self.setup, made))

    def _compile(self, repo: Repo, branch: str, tree: Tree, revision: Revision) -> PipelineRun:
        resolved = self.resolve(tree, Project(repo=repo, tree=tree), source=PackSource())
        request = RunRequest(
            repo=repo,
            branch=branch,
            kind=PipelineKind.RELEASE,
            build=1,
            revision=revision,
            account=self.setup.account,
            clone_image=self.setup.builder_image,
            pod_templates=self.setup.images,
        )
        return compile_run(resolved.file, request)

    def _clear(self) -> None:
        """Remove the runs of earlier questions: nobody waits for them."""
        for run in self.pipelines.list_all():
            if run.context == VERIFY and not run.state.is_open:
                self.pipelines.remove(run.name)


def _check_of(run: Run) -> Check:
    if run.state is RunState.SUCCEEDED:
        return Check(verifying.CONTEXT, CheckState.SUCCESS, "CI/CD answers")
    return Check(verifying.CONTEXT, CheckState.FAILURE, find_failure(run)[:140])
