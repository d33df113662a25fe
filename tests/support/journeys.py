"""A whole platform in memory, with the charts that are shipped and Helm's own engine: people, the forge, webhooks, controllers.

The controllers run only as the applied objects say: a broken platform version stops them. `Process` is one running program, a
person's command or a pod; whatever it calls outside passes its faults.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import Any, TypeVar

from tests.support import shipped
from tests.support.faults import Faults, Outage
from tests.support.shipped import Renderer, shipped_charts
from tests.support.worlds import recording

from jx.adapters.local import seed
from jx.adapters.local.fixed_clock import FixedClock
from jx.adapters.local.memory_anchors import MemoryAnchors, MemoryLocks
from jx.adapters.local.memory_catalog import MemoryCatalog
from jx.adapters.local.memory_cluster import MemoryCluster
from jx.adapters.local.memory_credentials import MemoryCredentials
from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_histories import MemoryHistories
from jx.adapters.local.memory_promotions import MemoryPromotions
from jx.adapters.local.memory_records import MemoryActivities, MemoryReporter, MemorySignals
from jx.adapters.local.memory_repos import MemoryRepos
from jx.controllers.environments import (
    ChangesController,
    EnvironmentsController,
    PlatformReader,
    key_of,
)
from jx.controllers.promotions import PromotionsController
from jx.controllers.queue import KeyQueue
from jx.controllers.run import Several
from jx.domain.applying.applying import Anchor, ApplyReport, LiveObject, Source
from jx.domain.applying.locking import LEASE
from jx.domain.changes.changes import GUARDS, Check, CheckState, PullRequest
from jx.domain.changes.promotions import Aim, Promotion
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.environments import Environment
from jx.domain.errors import Failed, JxError, Retryable
from jx.domain.ledger import ledger
from jx.domain.names import EnvironmentName, Person, Repo, Revision
from jx.domain.objects.manifests import ObjectRef
from jx.domain.platforms.installing import InstallFlags, plan_installation
from jx.domain.trees import Tree
from jx.ports.cluster import Scope
from jx.ports.forge import Webhook
from jx.ports.repos import Commit, Draft
from jx.server.webhooks import Delivery, Receiver
from jx.usecases.applying.apply_environment import ApplyEnvironment, ApplyRequest
from jx.usecases.applying.await_health import AwaitHealth
from jx.usecases.applying.await_needs import AwaitNeeds
from jx.usecases.applying.send_plan import SendPlan
from jx.usecases.following.await_apply import AwaitApply
from jx.usecases.following.end_hold import EndHold
from jx.usecases.following.follow_environment import FollowEnvironment
from jx.usecases.history.show_history import Place, ShowHistory
from jx.usecases.history.verify_history import VerifyHistory
from jx.usecases.planning.plan_environment import PlanEnvironment
from jx.usecases.planning.render_environment import RenderEnvironment
from jx.usecases.platform import install_platform
from jx.usecases.platform.install_platform import InstallPlatform, InstallReport, InstallRequest
from jx.usecases.platform.show_applications import ShowApplications
from jx.usecases.platform.show_apps import ShowApps
from jx.usecases.platform.show_environments import ShowEnvironments
from jx.usecases.promoting.advance_promotion import AdvancePromotion
from jx.usecases.promoting.find_good_release import FindGoodRelease
from jx.usecases.promoting.look_at_environment import LookAtEnvironment
from jx.usecases.promoting.promote import Promote, PromoteRequest
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.proposing.add_app import AddApp, AddAppRequest
from jx.usecases.proposing.remove_app import RemoveApp
from jx.usecases.proposing.upgrade_apps import UpgradeApps
from jx.usecases.proposing.upgrade_platform import UpgradePlatform, UpgradePlatformRequest
from jx.usecases.reviewing.check_change import CheckChange
from jx.usecases.reviewing.heed_comments import HeedComments
from jx.usecases.reviewing.merge_change import MergeChange
from jx.usecases.reviewing.plan_change import PlanChange
from jx.usecases.reviewing.review_change import Approve, Merge, ReviewChange, ReviewRequest
from jx.usecases.runs.cancel_checks import CancelChecks
from jx.usecases.runs.run_check import PassCheck
from jx.usecases.secrets.edit_secret import EditSecret
from jx.usecases.secrets.keep_secrets import KeepSecrets

CHARTS = shipped.CHARTS
GIT = "https://git.example.com"
HOOK = "http://hook.jx.example.com/hook"
STREAM = Repo(f"{GIT}/jenkins-x/jenkins-x-versions.git")
OLGA = Person("Olga Own", "olga@example.com", "olga")
ANN = Person("Ann Lee", "ann@example.com", "ann")
BOB = Person("Bob Ray", "bob@example.com", "bob")
BOT = Person("jx", "jx@example.com", "jx-bot")
DEV, STAGING, PRODUCTION = map(EnvironmentName, ("dev", "staging", "production"))
GOOD, BETTER, BROKEN = "1.0.0", "1.1.0", "1.2.0"
"""Versions of the platform that are shipped."""

CONTROLLERS = ObjectRef("apps", "Deployment", "jx", "jx-controllers")
Value = TypeVar("Value")
_PATIENCE = timedelta(minutes=10)
_ZERO = timedelta(0)


class Cluster(MemoryCluster):
    """A cluster in which the platform's own pods show whether they can run: the broken version's never become ready."""

    def live(self, scopes: tuple[Scope, ...]) -> tuple[LiveObject, ...]:
        self._see_breaks()
        return super().live(scopes)

    def changes(self, refs: Any, *, within: timedelta) -> Iterator[LiveObject | None]:
        self._see_breaks()
        return super().changes(refs, within=within)

    def is_running(self) -> bool:
        """Whether the platform's controllers run."""
        return CONTROLLERS in self.objects and not self._is_broken()

    def _is_broken(self) -> bool:
        return "--poll-intervall" in json.dumps(self.objects[CONTROLLERS])

    def _see_breaks(self) -> None:
        if CONTROLLERS not in self.objects:
            return
        if self._is_broken():
            self.break_workload(CONTROLLERS)
        else:
            self.mend_workload(CONTROLLERS)


class Forge:
    """The forge as one user, at the addresses that the repositories name. Remembers what its ports do not show again."""

    def __init__(self, forge: MemoryForge, world: World) -> None:
        self._forge = forge
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._forge, name)

    def ensure_repo(
        self, owner: str, name: str, *, private: bool = True, description: str = ""
    ) -> tuple[Repo, bool]:
        return self._forge.adopt(Repo(f"{GIT}/{owner}/{name}.git"), private=private)

    def ensure_webhook(self, repo: Repo, hook: Webhook, *, secret: str) -> bool:
        self._world.hooks[repo.full_name] = secret
        return self._forge.ensure_webhook(repo, hook, secret=secret)

    def set_status(self, repo: Repo, revision: Revision, check: Check) -> None:
        self._forge.set_status(repo, revision, check)
        self._world.statuses[repo.full_name, revision, check.context] = check


class World:
    """Everything outside of programs, in memory; it survives them."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.cluster = Cluster()
        self.anchors = MemoryAnchors()
        self.promotions = MemoryPromotions()
        self.locks = MemoryLocks(self.clock.now)
        self.catalog = MemoryCatalog(*shipped_charts())
        self.activities = MemoryActivities()
        self.signals = MemorySignals()
        self.credentials = MemoryCredentials()
        self.reporter = MemoryReporter()
        self.repos = MemoryRepos(self.clock.now)
        self.histories = MemoryHistories(self.repos)
        self.forge = MemoryForge(self.repos, OLGA, self.clock.now)
        self.hooks: dict[str, str] = {}
        self.statuses: dict[tuple[str, Revision, str], Check] = {}
        self.down = {name: Outage() for name in ("git", "forge", "charts", "activities", "cluster")}
        self.processes = 0
        self.done: set[str] = set()
        """What people need not do again after an interruption."""
        self._deliveries = 0
        self.repos.create(STREAM)
        self.repos.write(
            STREAM,
            "master",
            base=None,
            draft=Draft(seed.version_stream(CHARTS), "Begin", OLGA, self.clock.now()),
        )

    def copy(self) -> World:
        """Another world that is just like this one; programs of this one do not see it."""
        same: list[Any] = [self.catalog, *self.anchors.list_all()]
        same += [
            part for repo in self.repos._repos.values() for pair in repo.commits.values() for part in pair
        ]
        memo: dict[int, Any] = {id(one): one for one in same}
        memo[id(self.cluster._mutex)] = threading.RLock()
        memo[id(self.signals)] = MemorySignals()
        memo[id(self.reporter)] = MemoryReporter()
        return copy.deepcopy(self, memo)

    # Who acts

    def process(self, person: Person, faults: Faults | None = None) -> Process:
        """A program that a person starts, or a pod (of the bot)."""
        self.processes += 1
        return Process(self, person, faults or Faults())

    def controllers(self, faults: Faults | None = None) -> Controllers:
        """The controllers' pod, started anew."""
        assert self.cluster.is_running(), "the applied objects do not let the controllers run"
        return Controllers(self.process(BOT, faults))

    def settle(self) -> None:
        """Controllers start, look at everything, and work until nothing is left to do; none where the platform is broken."""
        if self.cluster.is_running():
            self.controllers().work()

    # Where everything is

    @cached_property
    def environments(self) -> Mapping[EnvironmentName, Environment]:
        platform = ProposeChange(self.repos, self.forge_as(OLGA), self.reporter).target(self.at, DEV).platform
        return {one.name: one for one in platform.environments}

    @property
    def at(self) -> PlatformAt:
        return PlatformAt(Repo(f"{GIT}/team/environment-acme-dev.git"))

    def repo(self, environment: EnvironmentName = DEV) -> Repo:
        return Repo(f"{GIT}/team/environment-acme-{environment}.git")

    def place(self, environment: EnvironmentName = DEV) -> Place:
        return Place(environment, self.repo(environment))

    def forge_as(self, person: Person) -> Any:
        return Forge(self.forge.login_as(person), self)

    def head(self, environment: EnvironmentName = DEV, branch: str = "master") -> Revision:
        head = self.repos.head(self.repo(environment), branch)
        assert head is not None
        return head

    def tree(self, environment: EnvironmentName = DEV, revision: Revision | None = None) -> Tree:
        return self.repos.read(self.repo(environment), revision or self.head(environment))

    def anchor(self, environment: EnvironmentName = DEV) -> Anchor:
        anchor = self.anchors.find(environment)
        assert anchor is not None
        return anchor

    def status(self, revision: Revision, environment: EnvironmentName = DEV) -> Check | None:
        """What the forge shows for a commit of `jx/apply`."""
        return self.statuses.get((self.repo(environment).full_name, revision, "jx/apply"))

    def pull(self, number: int = 1, environment: EnvironmentName = DEV) -> PullRequest:
        return self.forge.observe(self.repo(environment), number)

    def ledger(self, environment: EnvironmentName = DEV) -> tuple[Commit, ...]:
        """The ledger's commits, oldest first."""
        head = self.repos.head(self.repo(environment), ledger.BRANCH)
        return tuple(reversed(self.repos.log(self.repo(environment), head))) if head else ()

    # What people do besides

    def push(
        self, tree: Tree, subject: str, environment: EnvironmentName = DEV, person: Person = OLGA
    ) -> Revision:
        """A direct push to master, with its webhook lost."""
        self.clock.move(timedelta(minutes=1))
        base = self.repos.head(self.repo(environment), "master")
        return self.repos.write(
            self.repo(environment), "master", base=base, draft=Draft(tree, subject, person)
        )

    def deliver(self, receiver: Receiver, environment: EnvironmentName = DEV, *, again: bool = False) -> int:
        """The forge's webhook for a push, signed as it was told to; the status of the answer."""
        repo = self.repo(environment)
        self._deliveries += not again
        body = json.dumps({"repository": {"full_name": repo.full_name}}).encode()
        signature = hmac.new(self.hooks[repo.full_name].encode(), body, hashlib.sha256).hexdigest()
        delivery = Delivery("push", f"delivery-{self._deliveries}", f"sha256={signature}", body)
        return receiver.receive(delivery)[0]


@dataclass
class Process:
    """One running program: use-cases wired to the world, each port behind this process's faults."""

    world: World
    person: Person
    faults: Faults

    def __post_init__(self) -> None:
        world, down = self.world, self.world.down
        self.holder = f"{self.person.login}@process-{world.processes}"

        def wrap(port: Any, name: str) -> Any:
            return self.faults.wrap(down[name].wrap(port) if name in down else port, name)

        self.repos = wrap(world.repos.login_as(self.person), "git")
        self.forge = wrap(world.forge_as(self.person), "forge")
        self.catalog = wrap(world.catalog, "charts")
        self.renderer = wrap(Renderer(min(world.processes, 2)), "renderer")
        self.cluster = wrap(world.cluster, "cluster")
        self.anchors = wrap(world.anchors, "cluster")
        self.locks = wrap(world.locks, "cluster")
        self.promotions = wrap(world.promotions, "cluster")
        self.activities = wrap(world.activities, "activities")
        self.signals = wrap(world.signals, "signals")
        self.credentials = wrap(world.credentials, "cluster")
        self.clock = wrap(world.clock, "clock")
        self.reporter = wrap(world.reporter, "reporter")

    # Use-cases, wired as in the product

    @property
    def propose_change(self) -> ProposeChange:
        return ProposeChange(self.repos, self.forge, self.reporter)

    @property
    def plan_environment(self) -> PlanEnvironment:
        return PlanEnvironment(
            self.catalog, RenderEnvironment(self.renderer, self.reporter), self.cluster, self.reporter
        )

    @property
    def plan_change(self) -> PlanChange:
        return PlanChange(self.repos, self.anchors, self.plan_environment)

    @property
    def check_change(self) -> CheckChange:
        return CheckChange(self.repos, self.forge, self.plan_change)

    @property
    def await_health(self) -> AwaitHealth:
        return AwaitHealth(self.cluster, self.clock, self.reporter)

    @property
    def await_apply(self) -> AwaitApply:
        return AwaitApply(self.repos, self.anchors, self.await_health, self.clock, self.reporter)

    @property
    def send_plan(self) -> SendPlan:
        needs = AwaitNeeds(self.cluster, self.await_health)
        return SendPlan(self.cluster, needs, self.reporter, workers=1)

    @property
    def apply_environment(self) -> ApplyEnvironment:
        return ApplyEnvironment(
            plan=self.plan_environment,
            send=self.send_plan,
            await_health=self.await_health,
            anchors=self.anchors,
            locks=self.locks,
            repos=self.repos,
            clock=self.clock,
            reporter=self.reporter,
        )

    @property
    def follow(self) -> FollowEnvironment:
        return FollowEnvironment(
            self.repos, self.forge, self.activities, self.apply_environment, self.clock, self.reporter
        )

    @property
    def review_change(self) -> ReviewChange:
        return ReviewChange(self.forge, self.forge, self.reporter)

    @property
    def heed_comments(self) -> HeedComments:
        return HeedComments(self.repos, self.forge, self.forge)

    @property
    def merge_change(self) -> MergeChange:
        return MergeChange(self.repos, self.forge, self.forge, self.reporter)

    @property
    def advance_promotion(self) -> AdvancePromotion:
        return AdvancePromotion(
            self.propose_change,
            self.forge,
            self.promotions,
            self.anchors,
            self.activities,
            self.clock,
            self.reporter,
            LookAtEnvironment(self.cluster),
        )

    def promote(
        self, version: str, *environments: str, app: str = "shop", **changes: Any
    ) -> Promotion | None:
        """`jx promote`."""
        use = Promote(self.advance_promotion, self.catalog, FindGoodRelease(self.repos, self.activities))
        aim = Aim(tuple(environments), all_auto=not environments)
        return use(replace(PromoteRequest(self.world.at, app, aim, version=version), **changes))

    @property
    def end_hold(self) -> EndHold:
        return EndHold(self.anchors, self.forge, self.cluster, self.clock, self.reporter)

    @property
    def show_environments(self) -> ShowEnvironments:
        return ShowEnvironments(self.propose_change, self.repos, self.forge, self.anchors)

    @property
    def show_apps(self) -> ShowApps:
        return ShowApps(self.propose_change, self.anchors)

    @property
    def show_applications(self) -> ShowApplications:
        return ShowApplications(self.propose_change, self.anchors, self.cluster)

    @property
    def show_history(self) -> ShowHistory:
        return ShowHistory(self.world.histories, self.reporter, self.anchors)

    @property
    def verify_history(self) -> VerifyHistory:
        return VerifyHistory(self.world.histories, self.world.histories, self.anchors, self.forge)

    # Commands

    def install(self, *, only_dev: bool = False, **changes: Any) -> InstallReport:
        """`jx install --ng --tekton=false`; what runs pipelines is in `engine.py`."""
        flags = InstallFlags(
            {"ng": True, "tekton": False, "no-default-environments": only_dev}, prefix="acme", owner="team"
        )
        request = InstallRequest(
            installation=plan_installation(flags),
            world=install_platform.World("acme", GIT, GIT, HOOK, ChartRef("jx-platform", CHARTS, ""), STREAM),
            owner=self.person,
            bot=install_platform.Account(BOT.login, "a-token"),
            holder=self.holder,
            timeout=timedelta(minutes=5),
        )
        use = InstallPlatform(self.repos, self.forge, self.credentials, self.apply_environment, self.reporter)
        return use(replace(request, **changes))

    def add_app(self, name: str, environment: EnvironmentName = DEV, version: str = "") -> PullRequest | None:
        """`jx add app`."""
        use = AddApp(self.propose_change, self.catalog, self.reporter)
        return use(AddAppRequest(self.world.at, name, environment, version))

    @property
    def upgrade_apps(self) -> UpgradeApps:
        keep = KeepSecrets(self.catalog, EditSecret({}, self.reporter, recording()), self.reporter)
        return UpgradeApps(self.propose_change, self.catalog, self.reporter, keep)

    @property
    def remove_app(self) -> RemoveApp:
        return RemoveApp(self.propose_change)

    def upgrade_platform(self, version: str) -> PullRequest | None:
        """`jx upgrade platform`."""
        use = UpgradePlatform(self.propose_change, self.catalog, self.repos, self.reporter)
        return use(UpgradePlatformRequest(self.world.at, version))

    def approve(self, number: int, environment: EnvironmentName = DEV) -> None:
        """`jx pr approve`."""
        self.review_change(ReviewRequest(self.world.repo(environment), number, Approve()))

    def merge(self, number: int, environment: EnvironmentName = DEV) -> Revision:
        """`jx pr merge`, which holds it to the commit of the base that it was checked on."""
        repo = self.world.repo(environment)
        verdict = Merge(base=self.world.head(environment))
        pull = self.review_change(ReviewRequest(repo, number, verdict))
        assert pull.merged_as is not None
        return pull.merged_as

    def apply_by_hand(self, tree: Tree, environment: EnvironmentName = DEV, **changes: Any) -> ApplyReport:
        """`jx step env apply` in a clone whose files are those."""
        repo = self.world.repo(environment)
        source = Source(repo, None, tree.digest, self.person, "Revert it")
        request = ApplyRequest(tree, source, self.holder, by_hand=True, reason="rescue")
        report = self.apply_environment(replace(request, **changes))
        if not report.is_good:
            raise Failed(report.message)
        return report

    # Pods

    @property
    def receiver(self) -> Receiver:
        """The webhook receiver, with the secret that the installation gave it."""
        secret = self.world.credentials.ensure("jx", "jx-webhook", {}, keep=True)["hmac"]
        return Receiver(self.signals, self.reporter, secret=secret)


class Controllers:
    """The loops of the controllers' pod without threads: the same queue and controllers, one key at a time."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.clock = process.world.clock
        self.queue = KeyQueue(self.clock.now)
        self._heard: Iterator[str] = iter(())
        self.errors: list[JxError] = []
        self.hear()
        reader = PlatformReader(process.repos, process.world.at)
        self.environments = EnvironmentsController(reader, process.follow, process.holder)
        self.controller = Several(
            self.environments,
            ChangesController(
                reader,
                process.heed_comments,
                process.check_change,
                process.merge_change,
                PassCheck(process.forge),
                CancelChecks(process.forge, process.reporter),
            ),
            PromotionsController(reader, process.advance_promotion),
        )

    def hear(self) -> None:
        """Queue what was told since the last time. What cannot be heard is found by the timer."""
        try:
            for key in self._heard:
                self.queue.add(key)
            self._heard = self.process.signals.listen(within=_ZERO)
        except JxError as error:
            self.errors.append(error)

    def look_at_everything(self) -> None:
        """The timer."""
        try:
            for key in self.controller.list_keys():
                self.queue.add(key)
        except JxError as error:
            self.errors.append(error)

    def work(self, *, patience: timedelta = _PATIENCE) -> None:
        """Rounds of the timer until one goes without an error, and one more; at most for that much time."""
        deadline = self.clock.now() + patience
        is_last = False
        while self.clock.now() <= deadline:
            seen = len(self.errors)
            self.work_off(deadline)
            self.look_at_everything()
            self.work_off(deadline)
            if is_last:
                return
            is_last = len(self.errors) == seen
            self.clock.move(timedelta(seconds=10))

    def work_off(self, deadline: datetime) -> None:
        """What is queued, and what was told; failed keys come back when they are due."""
        due = [self.clock.now()]
        while due:
            self.clock.move(max(due.pop(0) - self.clock.now(), _ZERO))
            self.hear()
            while (key := self.queue.take(within=_ZERO)) is not None:
                try:
                    self.controller.look(key)
                except JxError as error:
                    self.errors.append(error)
                    due.append(self.clock.now() + self.queue.failed(key))
                else:
                    self.queue.done(key)
                self.hear()
            due = sorted(at for at in due if at <= deadline)


def key_for(world: World, environment: EnvironmentName = DEV) -> str:
    """The key by which controllers know an environment's repository."""
    return key_of(world.environments[environment])


# Worlds to begin with


def installed() -> World:
    """A platform that was just installed; all environments are applied. Ann may ask, Bob may approve."""
    return _installed().copy()


@cache
def _installed() -> World:
    world = World()
    world.process(OLGA).install()
    let_people_in(world)
    world.settle()
    return world


def persist(world: World, act: Callable[[], Value]) -> Value:
    """What a person does who is told that it did not work: waits a while and does the same once more."""
    for _ in range(3):
        try:
            return act()
        except (Retryable, Failed):
            world.clock.move(LEASE + timedelta(seconds=1))
    return act()


def let_people_in(world: World) -> None:
    """Ann and Bob get rights on all repositories."""
    for environment in world.environments.values():
        for person in (ANN, BOB):
            assert environment.repo
            world.forge.ensure_collaborator(environment.repo, person.login, right="write")


def checked(world: World, number: int, environment: EnvironmentName = DEV) -> None:
    """The controllers have looked at a pull request, and say yes to all."""
    head, words = world.pull(number, environment).head, f"checked (on {world.head(environment)[:12]})"
    for context in GUARDS:
        check = Check(context, CheckState.SUCCESS, words)
        world.forge_as(BOT).set_status(world.repo(environment), head, check)


def merged(world: World, number: int, environment: EnvironmentName = DEV) -> Revision:
    """Bob approves, the controllers have nothing against it, and he merges; the webhook of the merge is lost."""
    bob = world.process(BOB)
    world.clock.move(timedelta(minutes=1))
    bob.approve(number, environment)
    checked(world, number, environment)
    return bob.merge(number, environment)


def upgraded(world: World, version: str) -> Revision:
    """The platform's upgrade, asked for by Ann, merged, and applied as far as it goes."""
    pull = world.process(ANN).upgrade_platform(version)
    assert pull is not None
    revision = merged(world, pull.number)
    world.settle()
    return revision
