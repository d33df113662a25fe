"""Run pull requests: one run of an application's pipeline for each head of each open pull request, merged onto its base."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from jx.domain.changes.changes import Check, CheckState, PullRequest
from jx.domain.errors import Invalid, JxError, NotFound
from jx.domain.events import Event
from jx.domain.names import Repo, Revision
from jx.domain.pipelines.runs import Pull, RunRequest
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.runs.application_runs import STATUS, RunOrder, name_pull
from jx.domain.runs.runs import Run
from jx.ports.forge import Ability, Forge
from jx.ports.reporter import Reporter
from jx.usecases.reviewing.heed_test_requests import HeedTestRequests
from jx.usecases.runs.cancel_checks import CancelChecks
from jx.usecases.runs.heed_triggers import HeedTriggers
from jx.usecases.runs.record_unrun import RecordUnrun
from jx.usecases.runs.run_application import RunApplication

ACCOUNT = "default"
"""Of all of them, whatever the application's pushes may have: it has no rights anywhere, and they get no Secret either."""


@dataclass(frozen=True, slots=True)
class RunPulls:
    """Level-triggered. What runs is what the pull request's own files say, as their author is trusted with it or somebody with
    rights has looked at that very commit (`/ok-to-test SHA`). The newest head wins."""

    forge: Forge
    heed: HeedTestRequests
    cancel: CancelChecks
    triggers: HeedTriggers
    run: RunApplication
    unrun: RecordUnrun
    reporter: Reporter

    def __call__(self, repo: Repo) -> None:
        """Start what is to be started, oldest pull request first, and end what nobody waits for. One that cannot be looked at
        keeps no other waiting; the first error is raised after all."""
        if Ability.PULLS not in self.forge.abilities:
            return
        failed: JxError | None = None
        pulls = self.forge.list_pulls(repo)
        for pull in reversed(pulls):
            try:
                self._look_at(self.forge.observe(repo, pull.number))
            except JxError as error:
                failed = failed or error
        self._cancel_closed(repo, {pull.number for pull in pulls})
        if failed is not None:
            raise failed

    def _look_at(self, pull: PullRequest) -> None:
        judged = self.heed(pull)
        base = self.run.repos.head(pull.repo, pull.base_branch)
        if judged is None or base is None:
            return
        self.cancel(pull.repo, pull.number, judged.cancels)
        order = _order(pull, base, judged.tests)
        there = self.run.pipelines.find(order.name)
        self._cancel_others(order, there)
        if not judged.is_trusted:
            words = f"waits for /ok-to-test {pull.head[:12]} by somebody with rights"
            self._report(pull, Check(STATUS, CheckState.PENDING, words))
            return
        if there is not None or (not judged.tests and self._is_known(order)):
            return
        try:
            skip = None if judged.tests else self.triggers.of_pull(pull, base)
            if skip is not None:
                self.unrun.skip(order, skip.words, blocks=skip.blocks)
                return
            run = self.run.start(order)
        except (Invalid, NotFound) as error:
            self.unrun.mistake(order, error)
            return
        self.reporter.tell(Event(f"run {run.name} is of #{pull.number} of {pull.repo.full_name}"))

    def _is_known(self, order: RunOrder) -> bool:
        records = self.run.activities.list_all()
        return any((one.pipeline, one.revision) == (order.pipeline, order.revision) for one in records)

    def _report(self, pull: PullRequest, check: Check) -> None:
        if check not in pull.checks and Ability.STATUSES in self.forge.abilities:
            self.forge.set_status(pull.repo, pull.head, check)

    def _cancel_others(self, order: RunOrder, mine: Run | None) -> None:
        """Those of older heads, and the one before somebody asked for another. An engine may call a run otherwise than it was
        asked for."""
        runs = (run for run in self.run.pipelines.list_all() if run.pipeline == order.pipeline)
        others = (run for run in runs if mine is None or run.name != mine.name)
        self._end(others, f"overtaken by {order.revision[:12]}")

    def _cancel_closed(self, repo: Repo, opened: Collection[int]) -> None:
        for run in self.run.pipelines.list_all():
            number = run.pipeline.removeprefix(f"{repo.full_name}/PR-")
            if number.isdigit() and int(number) not in opened:
                self._end([run], f"#{number} is not open any more")

    def _end(self, runs: Iterable[Run], why: str) -> None:
        for run in runs:
            if run.state.is_open and self.run.pipelines.cancel(run.name):
                self.reporter.tell(Event(f"run {run.name} is cancelled: {why}"))


def _order(pull: PullRequest, base: Revision, asked: int) -> RunOrder:
    request = RunRequest(
        repo=pull.repo,
        branch=pull.base_branch,
        kind=PipelineKind.PULL_REQUEST,
        build=1,
        revision=base,
        pulls=(Pull(pull.number, pull.head),),
        account=ACCOUNT,
    )
    return RunOrder(
        request, pull.head, pull.author, pull.title, name=name_pull(pull, asked), pull_url=pull.url
    )
