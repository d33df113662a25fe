"""Engines: what runs pipelines, and the use-cases around pipelines and their runs. A storey of the wiring."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jx.domain.errors import Usage
from jx.outside import Outside

if TYPE_CHECKING:
    from jx.domain.runs.environment_runs import RunSetup
    from jx.usecases.following.run_environment import RunEnvironment
    from jx.usecases.pipelines.log_git_in import LogGitIn
    from jx.usecases.pipelines.make_run import MakeRun
    from jx.usecases.pipelines.read_pipeline import ReadPipeline
    from jx.usecases.pipelines.resolve_pipeline import ResolvePipeline
    from jx.usecases.pipelines.validate_pipelines import ValidatePipelines
    from jx.usecases.proposing.import_repository import ImportRepository
    from jx.usecases.rescuing.run_verification import RunVerification
    from jx.usecases.runs.clear_records import ClearRecords
    from jx.usecases.runs.record_runs import RecordRuns
    from jx.usecases.runs.run_application import RunApplication
    from jx.usecases.runs.run_check import RunCheck
    from jx.usecases.runs.show_logs import ShowLogs
    from jx.usecases.runs.start_pipeline import StartPipeline, StopPipeline

TEKTON = "tekton"
ACCOUNT = "jx-controllers"
"""Runs of environments apply as the controllers do: whoever applies needs the same rights and the same secrets."""
CHECKS_ACCOUNT = "jx-checks"
"""Checks of pull requests only read, and no Secrets: they may run what anybody proposed."""
GIT_SECRET = "jx-git"
_OF_STORES = ("VAULT_ADDR", "JX_VAULT_ROLE")


class Engines(Outside):
    """Makes use-cases around runs."""

    @property
    def has_engine(self) -> bool:
        """Whether runs apply what is merged; where not, the controllers do."""
        if self.settings.pipelines not in {"", TEKTON}:
            raise Usage(
                f"JX_PIPELINES is {self.settings.pipelines!r}",
                hint=f"{TEKTON!r}, or nothing: the controllers apply by themselves then",
            )
        return bool(self.settings.pipelines)

    def validate_pipelines(self) -> ValidatePipelines:
        """`jx step syntax validate`."""
        from jx.usecases.pipelines.validate_pipelines import ValidatePipelines

        return ValidatePipelines(self.folders)

    def resolve_pipeline(self) -> ResolvePipeline:
        """The step below what shows and what runs pipelines."""
        from jx.usecases.pipelines.resolve_pipeline import ResolvePipeline

        return ResolvePipeline(self.repos)

    def read_pipeline(self) -> ReadPipeline:
        """`jx step syntax effective`, and the step that `jx step create task` begins with."""
        from jx.usecases.pipelines.read_pipeline import ReadPipeline

        return ReadPipeline(self.folders, self.resolve_pipeline())

    def log_git_in(self) -> LogGitIn:
        """`jx step git credentials`."""
        from jx.adapters.git.logins import GitVariableLogins
        from jx.usecases.pipelines.log_git_in import LogGitIn

        return LogGitIn(GitVariableLogins(), self.reporter)

    def make_run(self) -> MakeRun:
        """`jx step create task`."""
        from jx.usecases.pipelines.make_run import MakeRun

        return MakeRun(self.read_pipeline(), lambda: self.build_numbers)

    def run_environment(self) -> RunEnvironment:
        """What starts the runs of environments."""
        from jx.usecases.following.run_environment import RunEnvironment

        return RunEnvironment(
            repos=self.repos,
            anchors=self.anchors,
            pipelines=self.pipelines,
            numbers=self.build_numbers,
            activities=self.activities,
            forge=self.forge,
            resolve=self.resolve_pipeline(),
            setup=self._run_setup,
            clock=self.clock,
            reporter=self.reporter,
        )

    def run_check(self) -> RunCheck:
        """What starts the runs that check pull requests."""
        from jx.usecases.runs.run_check import RunCheck

        setup = self._run_setup
        variables = {name: value for name, value in setup.variables.items() if name not in _OF_STORES}
        return RunCheck(
            repos=self.repos,
            pipelines=self.pipelines,
            numbers=self.build_numbers,
            activities=self.activities,
            forge=self.forge,
            resolve=self.resolve_pipeline(),
            setup=replace(setup, account=CHECKS_ACCOUNT, variables=variables),
            reporter=self.reporter,
        )

    def run_verification(self) -> RunVerification:
        """What proves that runs work."""
        from jx.usecases.rescuing.run_verification import RunVerification

        return RunVerification(
            self.repos, self.forge, self.pipelines, self.resolve_pipeline(), self._run_setup
        )

    def record_runs(self) -> RecordRuns:
        """What writes down how runs go."""
        from jx.usecases.runs.record_runs import RecordRuns

        return RecordRuns(self.pipelines, self.activities, self.forge, self.reporter)

    def clear_records(self) -> ClearRecords:
        """What removes old records."""
        from jx.usecases.runs.clear_records import ClearRecords

        return ClearRecords(self.activities, self.reporter, self.pipelines if self.has_engine else None)

    def show_logs(self) -> ShowLogs:
        """`jx get build logs`."""
        from jx.usecases.runs.show_logs import ShowLogs

        return ShowLogs(self.pipelines, self.log_store, self.clock)

    def start_pipeline(self) -> StartPipeline:
        """`jx start pipeline`."""
        from jx.usecases.propose_change import ProposeChange
        from jx.usecases.runs.start_pipeline import StartPipeline

        propose = ProposeChange(self.repos, self.forge, self.reporter)
        return StartPipeline(propose, self.pipelines, self.run_environment(), self.run_application())

    def run_application(self) -> RunApplication:
        """What starts the runs of applications."""
        from jx.usecases.runs.run_application import RunApplication

        return RunApplication(
            self.repos,
            self.pipelines,
            self.build_numbers,
            self.activities,
            self.resolve_pipeline(),
            self._run_setup,
        )

    def import_repository(self) -> ImportRepository:
        """`jx import`, `jx delete application`."""
        from jx.usecases.propose_change import ProposeChange
        from jx.usecases.proposing.import_repository import ImportRepository
        from jx.usecases.set_up_repository import SetUpRepository

        return ImportRepository(
            ProposeChange(self.repos, self.forge, self.reporter),
            self.owner_repos,
            SetUpRepository(self.forge_admin),
            self.credentials,
            self.forge_admin.whoami(),
        )

    def stop_pipeline(self) -> StopPipeline:
        """`jx stop pipeline`."""
        from jx.usecases.runs.start_pipeline import StopPipeline

        return StopPipeline(self.pipelines)

    @property
    def _run_setup(self) -> RunSetup:
        from jx.domain.layouts.new_environment import BUILDER_IMAGE
        from jx.domain.runs.environment_runs import RunSetup

        settings = self.settings
        platform = self.find_platform()
        variables = {
            "JX_DEV_REPO_URL": self.dev_repo.url,
            "JX_FORGE_URL": settings.forge_url or (platform.forge_url if platform else ""),
            "JX_NAMESPACE": self.namespace,
            "VAULT_ADDR": settings.vault_address or (platform.vault_url if platform else ""),
            "JX_VAULT_ROLE": settings.vault_role or "jx",
        }
        git_url = self.git_url if settings.dev_repo_url else variables["JX_FORGE_URL"]
        image = settings.builder_image or BUILDER_IMAGE
        return RunSetup(ACCOUNT, GIT_SECRET, git_url, variables, image)
