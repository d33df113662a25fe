"""A world in which states of the platform are proven, watched over, and gone back to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from tests.support.worlds import DEV, DEV_REPO, World, Wrap, environment_tree

from jx.adapters.git.absent import AbsentRepos
from jx.adapters.git.forge import PlainForge
from jx.adapters.local.memory_deliveries import MemoryDeliveries
from jx.adapters.local.memory_records import MemoryActivities
from jx.adapters.local.memory_snapshots import MemorySnapshots
from jx.adapters.local.memory_watchdogs import MemoryWatchdogs
from jx.domain.applying.applying import ApplyReport
from jx.domain.environments.environments import Environment
from jx.domain.environments.watchdogs import Watch
from jx.domain.ledger.snapshots import Snapshot
from jx.domain.platforms import verifying
from jx.domain.runs.environment_runs import RunSetup
from jx.ports.forge import Forge
from jx.ports.pipelines import Pipelines
from jx.usecases.applying.start_watchdog import StartWatchdog
from jx.usecases.pipelines.resolve_pipeline import ResolvePipeline
from jx.usecases.propose_change import PlatformAt
from jx.usecases.rescuing.answer_verification import AnswerVerification
from jx.usecases.rescuing.look_health import LookHealth
from jx.usecases.rescuing.prove_state import ProveState
from jx.usecases.rescuing.return_to_verified import ReturnToVerified
from jx.usecases.rescuing.run_verification import RunVerification
from jx.usecases.rescuing.verify_install import VerifyInstall
from jx.usecases.rescuing.watch_state import WatchState

WITHIN = timedelta(seconds=5)
WITH_A_RUN = timedelta(seconds=20)
SETUP = RunSetup("jx-controllers", "jx-git", "https://git.example.com", {"JX_NAMESPACE": "jx"})
ENVIRONMENT = Environment(DEV, "jx", DEV_REPO)


@dataclass
class Place:
    """A world whose controllers answer events as long as `hears`."""

    world: World
    hears: bool = True
    activities: MemoryActivities = field(default_factory=MemoryActivities)
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)
    watchdogs: MemoryWatchdogs = field(default_factory=MemoryWatchdogs)

    def __post_init__(self) -> None:
        world = self.world
        self.answer = AnswerVerification(
            world.repos, PlainForge("jx"), world.anchors, self.activities, world.clock
        )
        self.deliveries = MemoryDeliveries(self._hear)

    def _hear(self, event: str, body: bytes) -> None:
        key = verifying.find_key(body)
        if self.hears and event == verifying.EVENT and key:
            self.answer(verifying.number_of(key), PlatformAt(self.world.repo))

    def have_engine(self, forge: Forge, pipelines: Pipelines) -> None:
        """From now on pipelines run: each verification is a run."""
        world = self.world
        resolve = ResolvePipeline(world.repos)
        run = RunVerification(world.repos, forge, pipelines, resolve, SETUP)
        self.answer = replace(self.answer, forge=forge, run=run)

    def prove(self) -> bool:
        world = self.world
        verify = VerifyInstall(world.anchors, world.cluster, self.deliveries, self.activities, world.clock)
        use_case = world.use_case()
        return ProveState(
            plan=use_case.plan,
            verify=verify,
            anchors=world.anchors,
            snapshots=self.snapshots,
            repos=world.repos,
            clock=world.clock,
            reporter=world.reporter,
        )(ENVIRONMENT, within=WITH_A_RUN if self.answer.run else WITHIN)

    @property
    def snapshot(self) -> Snapshot:
        good = self.world.anchor.verified
        found = self.snapshots.find(DEV, good.plan_digest) if good else None
        assert found
        return found

    def apply(self, version: str, *, app: str = "shop", **apply: Any) -> ApplyReport:
        """What the controllers do with a merge of that version."""
        self.world.commit(environment_tree({app: version}, apply=apply), f"Version {version}")
        start = StartWatchdog(self.watchdogs, self.snapshots, self.world.clock, self.world.reporter)
        use_case = replace(self.world.use_case(), watchdog=start)
        return use_case(self.world.request_head(timeout=timedelta(seconds=3)))

    def watch_state(self, wrap: Wrap = lambda port: port) -> WatchState:
        """The watchdog's process."""
        world = self.world
        apply = replace(world.use_case(wrap), repos=AbsentRepos())
        return WatchState(
            watchdogs=wrap(self.watchdogs),
            anchors=wrap(world.anchors),
            go_back=ReturnToVerified(apply, wrap(self.snapshots), world.reporter, "watchdog@pod"),
            look=LookHealth(wrap(world.cluster)),
            clock=wrap(world.clock),
            reporter=world.reporter,
        )

    def begin(self, watch: Watch) -> None:
        """As the pod's process does first of all: report."""
        self.watch_state()._begin(watch.orders.environment)
