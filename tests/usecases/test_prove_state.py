"""A state is known to be good when everything is healthy and an event by the public route was answered; then it is kept."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from tests.support.worlds import (
    BOB,
    DEV,
    DEV_REPO,
    World,
    config_map,
    deployment,
    environment_tree,
    ref,
    secret,
)

from jx.adapters.git.forge import PlainForge
from jx.adapters.local.memory_deliveries import MemoryDeliveries
from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_records import MemoryActivities
from jx.adapters.local.memory_snapshots import MemorySnapshots
from jx.domain import snapshots, verifying
from jx.domain.environments import Environment
from jx.domain.errors import Failed, Unavailable
from jx.domain.snapshots import Snapshot
from jx.usecases.answer_verification import AnswerVerification
from jx.usecases.propose_change import PlatformAt
from jx.usecases.prove_state import ProveState
from jx.usecases.verify_install import VerifyInstall

WITHIN = timedelta(seconds=5)
ENVIRONMENT = Environment(DEV, "jx", DEV_REPO)


@dataclass
class Place:
    """A world whose controllers answer events as long as `hears`."""

    world: World
    hears: bool = True
    activities: MemoryActivities = field(default_factory=MemoryActivities)
    snapshots: MemorySnapshots = field(default_factory=MemorySnapshots)

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
        )(ENVIRONMENT, within=WITHIN)

    @property
    def snapshot(self) -> Snapshot:
        found = self.snapshots.find(DEV)
        assert found
        return found


@pytest.fixture
def place() -> Place:
    """Version 1.0.0 of an app is applied."""
    world = World()
    for version in ("1.0.0", "2.0.0"):
        settings = config_map("settings", {"version": version})
        password = secret("db", {"password": "hunter22"})
        world.offer("shop", version, deployment("shop", f"shop:{version}"), settings, password)
    place = Place(world)
    apply(place, "1.0.0")
    return place


def apply(place: Place, version: str) -> None:
    place.world.commit(environment_tree({"shop": version}), f"Shop {version}")
    place.world.apply_head()


def test_what_is_healthy_and_answers_is_known_to_be_good(place: Place) -> None:
    assert place.prove()
    anchor = place.world.anchor
    assert anchor.verified
    assert anchor.applied
    assert anchor.verified.plan_digest == anchor.applied.plan_digest
    assert anchor.verified.source.subject == "Shop 1.0.0"


def test_the_snapshot_is_what_the_ledger_has_and_the_values_that_it_has_not(place: Place) -> None:
    assert place.prove()
    assert place.snapshot.digest == snapshots.digest_of(place.world.ledger_files())
    assert base64.b64encode(b"hunter22").decode() in str([one.body for one in place.snapshot.objects])
    assert "hunter22" not in repr(place.snapshot)
    assert place.snapshot.tree == environment_tree({"shop": "1.0.0"})


def test_the_ledger_tells_what_was_verified_and_how(place: Place) -> None:
    applied = place.world.ledger_commits()[-1]
    assert place.prove()
    place.world.apply_head(wait=False)
    note = place.world.ledger_commits()[-1]
    assert note.trailers["Jx-Verified"] == "yes"
    assert note.trailers["Jx-Plan-Digest"] == applied.trailers["Jx-Plan-Digest"]
    assert "a signed event was answered" in note.subject


def test_what_is_proven_is_not_proven_again(place: Place) -> None:
    assert place.prove()
    before = len(place.deliveries.delivered)
    assert place.prove()
    assert len(place.deliveries.delivered) == before


def test_each_new_state_has_to_prove_itself_anew(place: Place) -> None:
    place.prove()
    apply(place, "2.0.0")
    place.hears = False
    with pytest.raises(Failed, match="nobody answers"):
        place.prove()
    anchor = place.world.anchor
    assert anchor.verified
    assert anchor.verified.source.subject == "Shop 1.0.0", "the last one that was proven still counts"
    assert place.snapshot.source.subject == "Shop 1.0.0"
    place.hears = True
    assert place.prove()
    assert place.snapshot.source.subject == "Shop 2.0.0"


def test_a_route_that_leads_nowhere_is_no_proof(place: Place) -> None:
    place.deliveries.fault = Unavailable("nothing answers at http://hook.example/hook")
    with pytest.raises(Failed, match="nothing answers at"):
        place.prove()
    assert place.world.anchor.verified is None


def test_an_answer_that_tells_of_trouble_is_no_proof(place: Place) -> None:
    def down(*_: object, **__: object) -> None:
        raise Unavailable("the git server is down")

    head, place.world.repos.head = place.world.repos.head, down  # type: ignore[method-assign]
    with pytest.raises(Failed, match="the git server is down"):
        place.prove()
    place.world.repos.head = head  # type: ignore[method-assign]
    assert place.prove()


def test_a_workload_that_is_not_healthy_is_no_proof(place: Place) -> None:
    place.world.cluster.break_workload(ref("Deployment", "shop"))
    apply(place, "2.0.0")
    with pytest.raises(Failed, match="Deployment"):
        place.prove()
    assert not place.deliveries.delivered


def test_what_was_changed_behind_our_back_is_no_state_to_go_back_to(place: Place) -> None:
    place.world.cluster.put(config_map("settings", {"version": "other"}, namespace="jx"))
    assert not place.prove()
    assert place.snapshots.find(DEV) is None


def test_the_answer_is_told_to_the_forge_too(place: Place) -> None:
    forge = MemoryForge(place.world.repos, BOB, place.world.clock.now)
    forge.adopt(place.world.repo)
    place.answer = replace(place.answer, forge=forge)
    assert place.prove()
    assert verifying.find_answer(place.activities.list_all(), _number(place))


def _number(place: Place) -> str:
    return verifying.number_of(verifying.find_key(place.deliveries.delivered[-1][1]) or "")
