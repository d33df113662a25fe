"""An application's repository beside a platform in memory: people push and offer, controllers look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.engine import SETUP, Engine
from tests.support.faults import Faults
from tests.support.journeys import ANN, BOT, OLGA

from jx.controllers.applications import ApplicationsController
from jx.controllers.environments import PlatformReader
from jx.controllers.runs import KEY, RunsController
from jx.domain.changes.changes import Check, PullRequest
from jx.domain.environments.source_repositories import SourceRepository
from jx.domain.errors import JxError
from jx.domain.layouts.source_repositories_yaml import write_source_repository
from jx.domain.names import Person, Repo, Revision
from jx.domain.runs.activities import Activity
from jx.domain.runs.application_runs import STATUS
from jx.domain.runs.pushes import Push
from jx.domain.trees import Tree
from jx.ports.forge import Offer
from jx.ports.repos import Draft
from jx.usecases.pipelines.resolve_pipeline import ResolvePipeline
from jx.usecases.reviewing.heed_test_requests import HeedTestRequests
from jx.usecases.runs.cancel_checks import CancelChecks
from jx.usecases.runs.follow_application import FollowApplication
from jx.usecases.runs.heed_triggers import HeedTriggers
from jx.usecases.runs.record_runs import RecordRuns
from jx.usecases.runs.record_unrun import RecordUnrun
from jx.usecases.runs.run_application import RunApplication
from jx.usecases.runs.run_pulls import RunPulls


@dataclass
class Looking:
    """The controllers' pod, started anew; it looks at the applications only."""

    controller: ApplicationsController
    errors: list[JxError] = field(default_factory=list)

    def look(self) -> None:
        """A round of the timer."""
        for key in self.controller.list_keys():
            self._look(key)

    def tell(self, repo: Repo, revision: Revision, ref: str) -> None:
        """A webhook of a push."""
        self._look(Push(repo.full_name, ref, revision).key)

    def _look(self, key: str) -> None:
        try:
            self.controller.look(key)
        except JxError as error:
            self.errors.append(error)


@dataclass
class Applications:
    """A repository that was imported into the platform of an engine."""

    engine: Engine
    full_name: str = "acme/shop"

    def imported(self, files: Mapping[str, str]) -> Applications:
        """With these files on its branch `main`."""
        world = self.engine.world
        forge = world.forge_as(OLGA)
        owner, _, name = self.full_name.partition("/")
        forge.ensure_repo(owner, name)
        for person in (BOT, ANN):
            forge.ensure_collaborator(self.repo, person.login, right="write")
        self.push(files)
        text = write_source_repository(SourceRepository(self.repo, "main"))
        path = f"env/templates/{owner}.{name}-sr.yaml"
        world.push(world.tree().put(path, text), f"Import {self.full_name}")
        return self

    @property
    def repo(self) -> Repo:
        return self.engine.world.at.repo.sibling(self.full_name)

    def head(self, branch: str = "main") -> Revision:
        head = self.engine.world.repos.head(self.repo, branch)
        assert head is not None
        return head

    def push(
        self,
        files: Mapping[str, str],
        *,
        branch: str = "main",
        person: Person = ANN,
        message: str = "feat: go on",
    ) -> Revision:
        """A push of files onto a branch, whose webhook is lost."""
        repos = self.engine.world.repos
        base = repos.head(self.repo, branch)
        tree = repos.read(self.repo, base) if base else Tree()
        for path, text in files.items():
            tree = tree.put(path, text)
        return repos.write(self.repo, branch, base=base, draft=Draft(tree, message, person))

    def offer(self, files: Mapping[str, str], person: Person = ANN, *, message: str = "feat: offer") -> int:
        """A pull request from branch `mine`."""
        world = self.engine.world
        tree = world.repos.read(self.repo, self.head())
        for path, text in files.items():
            tree = tree.put(path, text)
        world.repos.replace(
            self.repo, "mine", base=self.head(), draft=Draft(tree, f"{message}\n\nJx-Edit: \n", person)
        )
        return int(world.forge_as(person).propose(self.repo, Offer("mine", "main", "Change it", "")).number)

    def pull(self, number: int) -> PullRequest:
        return self.engine.world.forge.observe(self.repo, number)

    def status(self, revision: Revision) -> Check:
        return self.engine.world.statuses[self.full_name, revision, STATUS]

    def records(self) -> list[Activity]:
        """Of runs of this repository, oldest first."""
        every = self.engine.world.activities.list_all()
        return [one for one in every if one.pipeline.startswith(f"{self.full_name}/")]

    def controller(self, faults: Faults | None = None) -> Looking:
        process: Any = self.engine.world.process(BOT, faults)
        pipelines: Any = process.faults.wrap(self.engine.pipelines, "pipelines")
        run = RunApplication(
            process.repos,
            pipelines,
            process.faults.wrap(self.engine.numbers, "pipelines"),
            process.activities,
            ResolvePipeline(process.repos),
            SETUP,
        )
        unrun = RecordUnrun(process.activities, process.forge, process.clock, process.reporter)
        triggers = HeedTriggers(process.repos)
        heed = HeedTestRequests(process.repos, process.forge)
        cancel = CancelChecks(process.forge, process.reporter, pipelines)
        return Looking(
            ApplicationsController(
                PlatformReader(process.repos, self.engine.world.at),
                process.repos,
                FollowApplication(run, triggers, unrun, process.reporter),
                RunPulls(process.forge, heed, cancel, triggers, run, unrun, process.reporter),
                process.reporter,
            )
        )

    def look(self) -> None:
        """Controllers that were started anew look at everything."""
        self.controller().look()

    def tell(self, revision: Revision, ref: str = "refs/heads/main") -> None:
        """They hear of a push."""
        self.controller().tell(self.repo, revision, ref)

    def record(self) -> None:
        """They write down how runs go."""
        process: Any = self.engine.world.process(BOT)
        record = RecordRuns(self.engine.pipelines, process.activities, process.forge, process.reporter)
        RunsController(PlatformReader(process.repos, self.engine.world.at), record).look(KEY)
