"""A state is known to be good when everything is healthy and an event by the public route was answered; then it is kept."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from tests.support.proving import Place
from tests.support.worlds import (
    BOB,
    DEV,
    World,
    config_map,
    deployment,
    environment_tree,
    ref,
    secret,
)

from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_pipelines import MemoryPipelines
from jx.domain.changes.changes import Check, CheckState
from jx.domain.errors import Failed, Refused, Unavailable
from jx.domain.ledger import snapshots
from jx.domain.ledger.snapshots import Snapshot
from jx.domain.names import Repo, Revision
from jx.domain.platforms import verifying
from jx.domain.runs.runs import Run, RunState


@pytest.fixture
def place() -> Place:
    """Version 1.0.0 of an app is applied."""
    world = World()
    for version in ("1.0.0", "2.0.0"):
        settings = config_map("settings", {"version": version})
        password = secret("db", {"password": "hunter22"})
        world.offer("shop", version, deployment("shop", f"shop:{version}"), settings, password)
    place = Place(world)
    place.apply("1.0.0")
    return place


def test_what_is_healthy_and_answers_is_known_to_be_good(place: Place) -> None:
    assert place.prove()
    anchor = place.world.anchor
    assert anchor.verified
    assert anchor.applied
    assert anchor.verified.plan_digest == anchor.applied.plan_digest
    assert anchor.verified.source.subject == "Version 1.0.0"


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


def test_a_snapshot_that_somebody_deleted_is_made_once_more(place: Place) -> None:
    assert place.prove()
    good, entries = place.world.anchor.verified, len(place.world.ledger_commits())
    place.snapshots.keep_only(DEV, "")
    assert place.prove()
    assert place.snapshot.digest == snapshots.digest_of(place.world.ledger_files())
    assert place.world.anchor.verified == good
    assert len(place.world.ledger_commits()) == entries, "it was known to be good before"


def test_each_new_state_has_to_prove_itself_anew(place: Place) -> None:
    place.prove()
    place.apply("2.0.0")
    place.hears = False
    with pytest.raises(Failed, match="nobody answers"):
        place.prove()
    anchor = place.world.anchor
    assert anchor.verified
    assert anchor.verified.source.subject == "Version 1.0.0", "the last one that was proven still counts"
    assert place.snapshot.source.subject == "Version 1.0.0"
    place.hears = True
    assert place.prove()
    assert place.snapshot.source.subject == "Version 2.0.0"


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
    place.apply("2.0.0")
    with pytest.raises(Failed, match="Deployment"):
        place.prove()
    assert not place.deliveries.delivered


def test_what_was_changed_behind_our_back_is_no_state_to_go_back_to(place: Place) -> None:
    place.world.cluster.put(config_map("settings", {"version": "other"}, namespace="jx"))
    assert not place.prove()
    assert place.world.anchor.verified is None


def test_the_answer_is_told_to_the_forge_too(place: Place) -> None:
    forge = MemoryForge(place.world.repos, BOB, place.world.clock.now)
    forge.adopt(place.world.repo)
    place.answer = replace(place.answer, forge=forge)
    assert place.prove()
    assert verifying.find_answer(place.activities.list_all(), _number(place))


def _number(place: Place) -> str:
    return verifying.number_of(verifying.find_key(place.deliveries.delivered[-1][1]) or "")


def test_an_apply_that_begins_during_the_proof_loses_nothing_of_the_state_before(place: Place) -> None:
    place.prove()
    place.apply("2.0.0")
    save = place.snapshots.save

    def save_and_be_overtaken(snapshot: Snapshot) -> None:
        save(snapshot)
        place.apply("1.0.0")

    place.snapshots.save = save_and_be_overtaken  # type: ignore[method-assign]
    assert not place.prove()
    assert place.snapshot.source.subject == "Version 1.0.0"


class Steadily(MemoryPipelines):
    """An engine whose runs go on by themselves, each time that somebody looks, and end as they are to."""

    def __init__(self, *ends: RunState) -> None:
        super().__init__()
        self.ends = list(ends)

    def find(self, name: str) -> Run | None:
        found = super().find(name)
        if found and found.state is RunState.PENDING:
            self.tell(name, RunState.RUNNING)
        elif found and found.state is RunState.RUNNING and self.ends:
            self.tell(name, self.ends.pop(0), words="the node is full")
        return super().find(name)


class Told(MemoryForge):
    """A forge that remembers which commits were spoken of."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.world.repos, BOB, place.world.clock.now)
        self.told: dict[str, Check] = {}

    def set_status(self, repo: Repo, revision: Revision, check: Check) -> None:
        super().set_status(repo, revision, check)
        self.told[revision] = check


def with_engine(place: Place, *ends: RunState) -> tuple[Steadily, Told]:
    forge = Told(place)
    forge.adopt(place.world.repo)
    pipelines = Steadily(*ends)
    place.have_engine(forge, pipelines)
    return pipelines, forge


def test_with_an_engine_a_run_on_a_throw_away_commit_has_to_succeed(place: Place) -> None:
    pipelines, forge = with_engine(place, RunState.SUCCEEDED)
    assert place.prove()
    (run,) = pipelines.started
    repos, repo = place.world.repos, place.world.repo
    assert run.revision == repos.head(repo, "jx-verify") != repos.head(repo, "master")
    assert set(repos.read(repo, Revision(run.revision)).files) == {"README.md", "jenkins-x.yml"}
    assert [*forge.told] == [run.revision], "only the throw-away commit is spoken of"
    assert forge.told[run.revision].context == "jx/verify"
    assert forge.told[run.revision].state is CheckState.SUCCESS


def test_the_run_has_the_account_and_the_login_that_applies_have(place: Place) -> None:
    pipelines, _ = with_engine(place, RunState.SUCCEEDED)
    assert place.prove()
    (run,) = pipelines.started
    assert run.spec["taskRunTemplate"]["serviceAccountName"] == "jx-controllers"
    (task,) = run.spec["pipelineSpec"]["tasks"]
    assert "JX_GIT_TOKEN" in str(task["taskSpec"]["stepTemplate"]["env"])
    assert [step["name"] for step in task["taskSpec"]["steps"]] == ["git-clone", "answer"]


def test_a_run_that_never_ends_is_no_proof_and_is_not_started_twice(place: Place) -> None:
    pipelines, _ = with_engine(place)
    with pytest.raises(Failed, match=r"run jx-verify-[0-9a-f]+ goes on"):
        place.prove()
    assert len(pipelines.started) == 1
    assert place.world.anchor.verified is None


def test_a_run_that_fails_is_no_proof_and_the_next_question_is_another_run(place: Place) -> None:
    pipelines, forge = with_engine(place, RunState.FAILED, RunState.SUCCEEDED)
    with pytest.raises(Failed, match="the node is full"):
        place.prove()
    failed = pipelines.started[0]
    assert forge.told[failed.revision].state is CheckState.FAILURE
    assert place.prove()
    assert len({run.name for run in pipelines.started}) == len(pipelines.started) > 1
    assert failed.name not in {run.name for run in pipelines.list_all()}, "old ones are cleared away"


def test_an_engine_that_takes_no_runs_is_no_proof(place: Place) -> None:
    pipelines, _ = with_engine(place)

    def refuse(*_: object) -> Run:
        raise Refused("there is no kind PipelineRun in this cluster")

    pipelines.start = refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(Failed, match="there is no kind PipelineRun"):
        place.prove()
