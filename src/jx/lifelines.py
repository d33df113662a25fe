"""Lifelines: what keeps a platform alive, made from the use-cases of `wiring`: controllers, verification, rescue."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from jx.wiring import Wiring

if TYPE_CHECKING:
    from jx.controllers.applications import ApplicationsController
    from jx.controllers.environments import Follow, PlatformReader
    from jx.controllers.run import Controller, Loops
    from jx.usecases.applying.apply_environment import ApplyEnvironment
    from jx.usecases.following.end_hold import EndHold
    from jx.usecases.following.find_drift import FindDrift
    from jx.usecases.following.run_environment import RunEnvironment
    from jx.usecases.following.set_hold import SetHold
    from jx.usecases.platform.examine_platform import ExaminePlatform
    from jx.usecases.rescuing.prove_state import ProveState
    from jx.usecases.rescuing.rescue_environment import RescueEnvironment
    from jx.usecases.rescuing.verify_install import VerifyInstall
    from jx.usecases.rescuing.watch_state import WatchState
    from jx.usecases.reviewing.await_checks import AwaitChecks
    from jx.usecases.reviewing.check_files import CheckFiles

_WITHIN = timedelta(seconds=20)
_WITH_A_RUN = timedelta(seconds=120)
"""Longer: a pod has to start for it, whose image may not be on the node yet."""


class Lifelines(Wiring):
    """Makes all use-cases that there are."""

    def controllers(self, *, poll: timedelta) -> Loops:
        """`jx controllers run`."""
        from jx.controllers.drift import DriftController
        from jx.controllers.environments import ChangesController, EnvironmentsController, PlatformReader
        from jx.controllers.promotions import PromotionsController
        from jx.controllers.run import Loops, Several
        from jx.controllers.runs import RecordsController, RunsController, RunSignals
        from jx.controllers.verification import VerificationController
        from jx.usecases.following.follow_environment import FollowEnvironment
        from jx.usecases.following.watch_drift import WatchDrift
        from jx.usecases.rescuing.answer_verification import AnswerVerification
        from jx.usecases.rescuing.propose_return import ProposeReturn
        from jx.usecases.reviewing.heed_comments import HeedComments
        from jx.usecases.reviewing.merge_change import MergeChange
        from jx.usecases.runs.cancel_checks import CancelChecks
        from jx.usecases.runs.run_check import PassCheck

        platform, apply = PlatformReader(self.repos, self.platform_at), self.apply_environment()
        follow: Follow = FollowEnvironment(
            self.repos, self.forge, self.activities, apply, self.clock, self.reporter
        )
        runs: tuple[RunsController, ...] = ()
        heal: ApplyEnvironment | RunEnvironment = apply
        if self.has_engine:
            follow = heal = self.run_environment()
            runs = (RunsController(platform, self.record_runs()),)
        watch = WatchDrift(self.find_drift(), heal, self.repos, self.clock, self.reporter)
        check = self.check_change()
        heed = HeedComments(self.repos, self.forge, self.forge)
        merge = MergeChange(self.repos, self.forge, self.forge, self.reporter)
        cancel = CancelChecks(self.forge, self.reporter, self.pipelines if self.has_engine else None)
        run = self.run_check() if self.has_engine else PassCheck(self.forge)
        verify = self.run_verification() if self.has_engine else None
        answer = AnswerVerification(self.repos, self.forge, self.anchors, self.activities, self.clock, verify)
        propose = ProposeReturn(self.repos, self.forge, self.anchors, self.reporter)
        controller = Several(
            EnvironmentsController(platform, follow, self.holder),
            PromotionsController(platform, self.advance_promotion()),
            DriftController(platform, watch, self.clock, self.holder),
            VerificationController(
                platform, answer, self.prove_state(), propose, within=_WITH_A_RUN if verify else _WITHIN
            ),
            *runs,
            RecordsController(platform, self.clear_records()),
        )
        also = (RunSignals(self.pipelines),) if self.has_engine else ()
        changes = ChangesController(platform, heed, check, merge, run, cancel)
        beside: list[Controller] = [changes, *([self._applications(platform)] if self.has_engine else ())]
        return Loops(
            controller, self.signals, self.clock, self.reporter, poll, also=also, beside=tuple(beside)
        )

    def _applications(self, platform: PlatformReader) -> ApplicationsController:
        from jx.controllers.applications import ApplicationsController
        from jx.usecases.reviewing.heed_test_requests import HeedTestRequests
        from jx.usecases.runs.cancel_checks import CancelChecks
        from jx.usecases.runs.follow_application import FollowApplication
        from jx.usecases.runs.heed_triggers import HeedTriggers
        from jx.usecases.runs.record_unrun import RecordUnrun
        from jx.usecases.runs.run_pulls import RunPulls

        run = self.run_application()
        unrun = RecordUnrun(self.activities, self.forge, self.clock, self.reporter)
        triggers = HeedTriggers(self.repos)
        heed = HeedTestRequests(self.repos, self.forge)
        cancel = CancelChecks(self.forge, self.reporter, self.pipelines)
        return ApplicationsController(
            platform,
            self.repos,
            FollowApplication(run, triggers, unrun, self.reporter),
            RunPulls(self.forge, heed, cancel, triggers, run, unrun, self.reporter),
            self.reporter,
        )

    def set_hold(self) -> SetHold:
        """`jx hold`."""
        from jx.usecases.following.set_hold import SetHold

        return SetHold(self.anchors, self.forge, self.cluster, self.clock, self.reporter)

    def end_hold(self) -> EndHold:
        """`jx resume`."""
        from jx.usecases.following.end_hold import EndHold

        return EndHold(self.anchors, self.forge, self.cluster, self.clock, self.reporter)

    def find_drift(self) -> FindDrift:
        """`jx get drift`."""
        from jx.usecases.following.find_drift import FindDrift

        return FindDrift(self.cluster, self.anchors, self.repos)

    def await_checks(self) -> AwaitChecks:
        """What `jx pr merge` begins with."""
        from jx.usecases.reviewing.await_checks import AwaitChecks

        return AwaitChecks(self.repos, self.forge, self.clock, self.reporter)

    def check_files(self) -> CheckFiles:
        """`jx step verify pr` in the run of a check."""
        from jx.usecases.reviewing.check_files import CheckFiles

        return CheckFiles(self.catalog, self._render(), self.cluster, self.settle_environment())

    def rescue_environment(self) -> RescueEnvironment:
        """`jx step env apply --from-ledger`."""
        from jx.usecases.rescuing.check_rescue import CheckRescue
        from jx.usecases.rescuing.find_state import FindState
        from jx.usecases.rescuing.leave_branch import LeaveBranch
        from jx.usecases.rescuing.rescue_environment import RescueEnvironment

        return RescueEnvironment(
            apply=self.apply_environment(),
            find_state=FindState(self.clones, self.repos),
            check=CheckRescue(self.cluster, self.locks, self.repos, self.secret_stores),
            leave_branch=LeaveBranch(self.clones),
            snapshots=self.snapshots,
            reporter=self.reporter,
        )

    def watch_state(self) -> WatchState:
        """`jx watchdog run`: without git server, forge, charts and secret store."""
        from jx.adapters.git.absent import AbsentRepos
        from jx.usecases.rescuing.look_health import LookHealth
        from jx.usecases.rescuing.return_to_verified import ReturnToVerified
        from jx.usecases.rescuing.watch_state import WatchState

        apply = replace(
            self.apply_environment(), plan=self.plan_environment(), repos=AbsentRepos(), watchdog=None
        )
        return WatchState(
            watchdogs=self.watchdogs,
            anchors=self.anchors,
            go_back=ReturnToVerified(apply, self.snapshots, self.reporter, self.holder),
            look=LookHealth(self.cluster),
            clock=self.clock,
            reporter=self.reporter,
        )

    def apply_environment(self) -> ApplyEnvironment:
        """As ever; in a pod of the platform, which may be what it breaks, with a watchdog."""
        from jx.usecases.applying.start_watchdog import StartWatchdog

        apply = super().apply_environment()
        if not self.settings.in_cluster:
            return apply
        return replace(
            apply, watchdog=StartWatchdog(self.watchdogs, self.snapshots, self.clock, self.reporter)
        )

    def verify_install(self) -> VerifyInstall:
        """`jx step verify install`."""
        from jx.usecases.rescuing.verify_install import VerifyInstall

        return VerifyInstall(self.anchors, self.cluster, self.deliveries, self.activities, self.clock)

    def examine_platform(self) -> ExaminePlatform:
        """`jx doctor`. NotFound where nothing is installed; whatever else is broken is for the checks to tell."""
        from jx.examining import checks_of
        from jx.usecases.platform.examine_platform import ExaminePlatform

        return ExaminePlatform(checks_of(self), self.clock)

    def prove_state(self) -> ProveState:
        """What the controllers do with each new state of the platform."""
        from jx.usecases.rescuing.prove_state import ProveState

        plan = replace(self.plan_environment(), render=self._render(with_secrets=True))
        return ProveState(
            plan=plan,
            verify=self.verify_install(),
            anchors=self.anchors,
            snapshots=self.snapshots,
            repos=self.repos,
            clock=self.clock,
            reporter=self.reporter,
        )
