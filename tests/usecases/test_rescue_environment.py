"""Going back to a state of the ledger: no chart, no render; values from the live objects or the store, and never a hole."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.fuses import Crash, Fuse
from tests.support.worlds import BOB, World, environment_tree

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_clones import MemoryClones
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.adapters.local.memory_snapshots import MemorySnapshots
from jx.domain.applying.applying import Action
from jx.domain.applying.locking import LEASE
from jx.domain.environments.guards import LedgerMoved
from jx.domain.errors import NotFound, Unavailable, Usage
from jx.domain.ledger import ledger
from jx.domain.names import EnvironmentName
from jx.domain.objects.manifests import ObjectRef
from jx.domain.objects.references import Scheme
from jx.domain.trees import Tree
from jx.ports.folders import Folder
from jx.usecases.rescuing.check_rescue import CheckRescue
from jx.usecases.rescuing.find_state import FindState
from jx.usecases.rescuing.leave_branch import LeaveBranch
from jx.usecases.rescuing.rescue_environment import Prepared, Rescued, RescueEnvironment

VALUE, OTHER, DRAWN = "hunter2/and+more", "correct-horse", "plain-of-the-chart"
CLONE = "clone"
DB = ObjectRef("", "Secret", "jx", "db")
WEB = ObjectRef("apps", "Deployment", "jx", "web")

SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: db}
data:
  password: {{ .Values.password | b64enc }}
  url: {{ printf "postgres://ann:%s@%s" .Values.password .Values.host | b64enc }}
  own: {{ "plain-of-the-chart" | b64enc }}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {checksum/db: {{ .Values.password | sha256sum }}}
    spec:
      containers:
      - {name: web, image: "web:{{ .Chart.Version }}"}
"""
CONFIG = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {version: '{{ .Chart.Version }}'}\n"
)
EXTRA = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"
HOOK = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ran, annotations: {helm.sh/hook: post-upgrade}}\n"


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmRenderer]:
    renderer = HelmRenderer()
    yield renderer
    renderer.close()


@dataclass
class Rescuer:
    """Bob at his clone; what he goes without is what `world` makes him go without."""

    world: World
    clones: MemoryClones = field(init=False)
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)

    def __post_init__(self) -> None:
        self.clones = MemoryClones(self.world.repos)
        self.fetch()

    def fetch(self) -> None:
        self.clones.fetch(CLONE, self.world.repo, "master", ledger.BRANCH)

    @property
    def folder(self) -> Folder:
        head = self.clones.find(CLONE, "master")
        assert head
        return Folder(CLONE, self.clones.read(CLONE, head), origin=self.world.repo, head=head, user=BOB)

    def use_case(self, fuse: Fuse | None = None) -> RescueEnvironment:
        wrap = fuse.wrap if fuse else lambda port: port
        world = self.world
        return RescueEnvironment(
            apply=world.use_case(wrap),
            find_state=FindState(wrap(self.clones), wrap(world.repos)),
            check=CheckRescue(
                wrap(world.cluster), wrap(world.locks), wrap(world.repos), {Scheme.VAULT: wrap(world.secrets)}
            ),
            leave_branch=LeaveBranch(wrap(self.clones)),
            snapshots=wrap(self.snapshots),
            reporter=world.reporter,
        )

    def prepare(self, word: str = "", fuse: Fuse | None = None, **changes: Any) -> Prepared:
        changes = dict[str, Any](reason="it is broken", wait=False) | changes
        request = self.world.request_by_hand(self.folder.tree, **changes)
        return self.use_case(fuse).prepare(request, self.folder, word)

    def rescue(self, word: str = "", fuse: Fuse | None = None, **changes: Any) -> Rescued:
        return self.use_case(fuse)(self.prepare(word, fuse, **changes), self.folder)


def tree(version: str, **values: str) -> Tree:
    own = {"password": "vault:dev/db:password", "host": "db.example", **values}
    return environment_tree({"shop": version}).put("env/shop/values.yaml", json.dumps(own))


@pytest.fixture
def world(helm: HelmRenderer) -> World:
    """Version 2.0.0 of the shop is applied, after 1.0.0."""
    world = World(renderer=helm, secrets=MemorySecrets({"dev/db": {"password": VALUE}}))
    world.offer("shop", "1.0.0", secret=SECRET, web=DEPLOYMENT, settings=CONFIG, ran=HOOK)
    world.offer("shop", "2.0.0", web=DEPLOYMENT, settings=CONFIG, extra=EXTRA, secret=SECRET, ran=HOOK)
    for version in ("1.0.0", "2.0.0"):
        world.commit(tree(version), f"Shop {version}")
        assert world.apply_head().is_good
    return world


def offline(world: World) -> None:
    """No chart repository and no store answers, and nothing can be rendered."""
    world.secrets.fault = Unavailable("the store is down")
    world.catalog.resolve = world.catalog.fetch = _down  # type: ignore[method-assign]
    world.renderer = None


def _down(*_: Any, **__: Any) -> Any:
    raise Unavailable("the chart repository is down")


def state(world: World) -> dict[str, Any]:
    """What is live, without what every write changes."""
    skipped = {"uid", "managedFields", "resourceVersion", "generation", "creationTimestamp"}
    return {
        str(ref): {
            **{key: part for key, part in body.items() if key != "status"},
            "metadata": {key: part for key, part in body["metadata"].items() if key not in skipped},
        }
        for ref, body in world.cluster.objects.items()
        if ref.name != "ran"
    }


def data(world: World) -> dict[str, str]:
    found = world.get("Secret", "db")
    assert found
    return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}


def test_the_state_before_comes_back_with_nothing_rendered_and_the_store_down(helm: HelmRenderer) -> None:
    world = World(renderer=helm, secrets=MemorySecrets({"dev/db": {"password": VALUE}}))
    world.offer("shop", "1.0.0", secret=SECRET, web=DEPLOYMENT, settings=CONFIG)
    world.offer("shop", "2.0.0", secret=SECRET, web=DEPLOYMENT, settings=CONFIG, extra=EXTRA)
    world.commit(tree("1.0.0"))
    world.apply_head()
    before = state(world)
    world.commit(tree("2.0.0"))
    world.apply_head()
    rescuer = Rescuer(world)
    offline(world)
    rescued = rescuer.rescue("~1")
    assert rescued.report.is_good
    assert state(world) == before
    assert not rescuer.rescue("~0").report.plan.has_changes


def test_objects_that_are_the_same_in_both_states_are_not_sent(world: World) -> None:
    rescuer = Rescuer(world)
    offline(world)
    report = rescuer.rescue("~1").report
    done = {step.ref.name: step.action for step in report.plan.changes}
    assert done == {"web": Action.UPDATE, "settings": Action.UPDATE, "extra": Action.PRUNE}


def test_no_hook_runs_on_the_way_back(world: World) -> None:
    assert Rescuer(world).rescue("~1").report.plan.hooks == ()


def test_what_the_cluster_lost_is_filled_from_the_store(world: World) -> None:
    world.offer("shop", "3.0.0", secret=SECRET.replace('{{ "plain-of-the-chart" | b64enc }}', '""'))
    world.cluster.objects.pop(DB)
    world.cluster.objects.pop(WEB)
    report = Rescuer(world).rescue("~1").report
    assert world.get("Secret", "db") is None, "one of its values is in no store, and half a Secret is none"
    told = {step.ref: step for step in report.plan.steps}[DB]
    assert told.action is Action.KEEP
    assert "nothing tells the value of data" in told.reason
    assert "Secret/db (namespace jx) is left untouched" in world.reporter.text


def test_a_secret_whose_every_value_is_in_the_store_comes_back_from_it(helm: HelmRenderer) -> None:
    world = World(renderer=helm, secrets=MemorySecrets({"dev/db": {"password": VALUE}}))
    only = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {password: {{ .Values.password | b64enc }}}\n"
    world.offer("shop", "1.0.0", secret=only, settings=CONFIG)
    world.commit(tree("1.0.0"))
    world.apply_head()
    world.cluster.objects.pop(DB)
    assert Rescuer(world).rescue("~0").report.is_good
    assert data(world) == {"password": VALUE}
    assert not world.apply_head().plan.has_changes


def test_the_next_apply_of_the_same_files_finds_nothing_to_do(world: World) -> None:
    Rescuer(world).rescue("~1")
    back = world.repos.log(world.repo, world.repos.head(world.repo, "master") or _none())[1]
    world.commit(world.repos.read(world.repo, back.revision), "Revert")
    report = world.apply_head()
    assert not report.plan.changes
    assert not world.anchor.holds


def test_a_field_whose_surroundings_have_changed_is_not_filled_from_the_live_object(world: World) -> None:
    world.commit(tree("2.0.0", host="db.other"))
    assert world.apply_head().is_good
    offline(world)
    report = Rescuer(world).rescue("~1").report
    assert report.is_good
    assert data(world)["url"].startswith("postgres://ann:")


def test_the_rescue_holds_until_git_says_the_same_and_leaves_the_branch_that_does(world: World) -> None:
    rescuer = Rescuer(world)
    rescued = rescuer.rescue("~1")
    (hold,) = world.anchor.holds
    assert (hold.skips, hold.reason) == (world.repos.head(world.repo, "master"), "it is broken")
    assert rescued.left is not None
    left = rescuer.clones.find(CLONE, rescued.left.name)
    assert left
    assert rescuer.clones.read(CLONE, left) == tree("1.0.0")
    world.commit(rescuer.clones.read(CLONE, left), "Go back")
    assert not world.apply_head().plan.changes
    assert not world.anchor.holds


def test_the_ledger_tells_who_went_back_and_why(world: World) -> None:
    Rescuer(world).rescue("~1")
    entry = world.ledger_commits()[-1]
    assert entry.author == BOB
    assert entry.subject == "Go back to: Shop 1.0.0"
    assert entry.trailers["Jx-Reason"] == "it is broken"
    assert world.ledger_files()["jx/core/ConfigMap/settings.yaml"].count('version: "1.0.0"') == 1


def test_states_are_named_by_commits_of_the_ledger_or_of_the_environment(world: World) -> None:
    rescuer = Rescuer(world)
    first = world.ledger_commits()[0]
    for word in (first.revision, first.revision[:8], first.trailers["Jx-Source-Commit"][:10], ""):
        assert rescuer.prepare(word).found.state.name == first.revision
    with pytest.raises(NotFound, match="deadbeef") as caught:
        rescuer.prepare("deadbeef")
    assert "Shop 1.0.0" in caught.value.hint
    with pytest.raises(NotFound, match="known to be good"):
        rescuer.prepare("verified")
    with pytest.raises(Usage):
        rescuer.prepare("the one before")


def test_entries_that_were_never_published_count_too(world: World) -> None:
    write, world.repos.append = world.repos.append, _down  # type: ignore[method-assign]
    world.commit(tree("1.0.0", host="db.third"), "Shop again")
    world.apply_head()
    world.repos.append = write  # type: ignore[method-assign]
    rescuer = Rescuer(world)
    assert rescuer.prepare("~0").found.state.subject == "Shop again"
    assert rescuer.prepare("~1").found.state.subject == "Shop 2.0.0"


def test_a_ledger_that_the_cluster_does_not_know_is_not_applied(world: World) -> None:
    rescuer = Rescuer(world)
    world.anchors.save(replace(world.anchor, ledger_head="f" * 40))
    with pytest.raises(LedgerMoved):
        rescuer.prepare("~1")


def test_the_check_says_what_is_down_and_what_is_used_instead(world: World) -> None:
    rescuer = Rescuer(world)
    offline(world)
    world.repos.head = _down  # type: ignore[method-assign]
    world.locks.acquire(EnvironmentName("dev"), holder="a controller", lease=LEASE)
    found = {one.what: one for one in rescuer.prepare("~1").findings}
    assert found["git server"].state.startswith("down")
    assert found["secret store"].instead == "the snapshot and the live objects"
    assert found["lock"].state == "held by a controller"
    assert found["controllers"].instead == "this machine applies"


def test_a_dry_run_changes_nothing(world: World) -> None:
    rescuer, writes = Rescuer(world), len(world.cluster.writes())
    report = rescuer.rescue("~1", dry_run=True).report
    assert report.plan.has_changes
    assert len(world.cluster.writes()) == writes
    assert not world.anchor.holds


def test_a_rescue_that_is_killed_anywhere_is_finished_by_the_same_command(helm: HelmRenderer) -> None:
    def build() -> World:
        world = World(renderer=helm, secrets=MemorySecrets({"dev/db": {"password": VALUE}}))
        world.offer("shop", "1.0.0", secret=SECRET, settings=CONFIG)
        world.offer("shop", "2.0.0", settings=CONFIG, extra=EXTRA, secret=SECRET)
        for version in ("1.0.0", "2.0.0"):
            world.commit(tree(version), f"Shop {version}")
            world.apply_head(wait=False)
        offline(world)
        return world

    counted, fuse = build(), Fuse()
    good = counted.ledger_commits()[0].revision
    assert Rescuer(counted).rescue(good, fuse).left
    for at in range(1, fuse.calls + 1):
        world = build()
        rescuer = Rescuer(world)
        with pytest.raises(Crash):
            rescuer.rescue(good, Fuse(at))
        world.clock.move(LEASE + timedelta(seconds=1))
        rescued = rescuer.rescue(good)
        assert rescued.report.is_good, f"killed at call {at}"
        assert rescued.left
        assert state(world) == state(counted)
        assert not rescuer.rescue(good).report.plan.has_changes


def _none() -> Any:
    raise AssertionError("nothing is committed")
