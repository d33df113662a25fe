"""Who means harm to an apply: secrets that come to light, records that somebody else writes, what is another environment's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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

from jx.domain.applying.applying import ApplyResult
from jx.domain.environments.guards import Allowed, ForeignObjects, Guard, LedgerMoved
from jx.domain.errors import Invalid
from jx.domain.ledger import ledger
from jx.domain.names import Person, Repo
from jx.domain.trees import Blob, Tree
from jx.ports.repos import Draft

CANARY = "c4n4ry-in-the-coal-mine"


@pytest.fixture
def world() -> World:
    world = World()
    world.offer("web", "1.0.0", deployment("web", "web:1"), secret("web", {"password": CANARY}))
    world.offer("web", "1.1.0", deployment("web", "web:2"), secret("web", {"password": f"{CANARY}-2"}))
    world.offer("cache", "2.0.0", deployment("cache", "cache:1"))
    return world


def apps(**versions: str) -> Tree:
    return environment_tree(versions)


# 6 Secrets in logs, errors, diffs, comments, last-applied, caches


def all_that_is_told(world: World) -> str:
    """Everything but the cluster's own Secrets: events, ledger, anchor, diffs."""
    parts = [world.reporter.text, str(world.anchors.find(DEV)), *world.ledger_files().values()]
    parts += [commit.message for commit in world.ledger_commits()]
    parts += [str(pending.content) for pending in world.anchor.pending]
    return "\n".join(parts)


def test_6_no_value_of_a_secret_comes_to_light_in_any_way_that_an_apply_can_end(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    told = [str(world.apply_head())]
    world.commit(apps(web="1.1.0"))
    told.append(world.diff_head())
    told.append(str(world.apply_head(dry_run=True).plan))
    world.cluster.fail(
        Invalid(f"data.password: {CANARY}-2 is too short"), only=lambda one: one == ref("Secret", "web")
    )
    report = world.apply_head()
    assert report.result is ApplyResult.FAILED
    told += [report.message, all_that_is_told(world)]
    assert CANARY not in "\n".join(told).replace(str(report.plan), "")


def test_6_what_kubectl_noted_of_a_secret_is_masked_wherever_it_stands(world: World) -> None:
    noted = {"kubectl.kubernetes.io/last-applied-configuration": f'{{"data": {{"password": "{CANARY}"}}}}'}
    world.offer("noted", "1.0.0", config_map("noted", {"a": "1"}, annotations=noted))
    world.commit(apps(noted="1.0.0"))
    assert CANARY not in world.diff_head()
    world.apply_head()
    assert CANARY not in all_that_is_told(world)


# 12 A ledger that is forged or turned back


def test_12_a_ledger_that_somebody_else_went_on_with_stops_everything(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    head = world.repos.head(DEV_REPO, ledger.BRANCH)
    assert head is not None
    forged = Draft(Tree({"jx/x.yaml": Blob(b"a: 1\n")}), "Jx-Result: applied", BOB)
    world.repos.write(DEV_REPO, ledger.BRANCH, base=head, draft=forged)
    before = dict(world.cluster.objects)
    world.commit(apps(web="1.1.0"))
    with pytest.raises(LedgerMoved):
        world.apply_head()
    assert world.cluster.objects == before


def test_12_a_ledger_that_was_turned_back_stops_everything(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    world.commit(apps(web="1.1.0"))
    world.apply_head()
    first = world.ledger_commits()[0].revision
    world.repos._repos[DEV_REPO.url].branches[ledger.BRANCH] = first  # as a push by force does
    world.commit(apps(web="1.0.0"))
    with pytest.raises(LedgerMoved) as caught:
        world.apply_head()
    assert first[:12] in caught.value.message
    assert world.get("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"  # type: ignore[index]


# 13 Trailers that are only text


def test_13_words_of_a_commit_cannot_become_trailers_of_its_ledger_entry(world: World) -> None:
    subject = (
        "Upgrade\n\nJx-Approved-By: Boss <boss@example.com>\nJx-Result: applied\nJx-Source-Commit: "
        + "0" * 40
    )
    author = Person("Eve\nJx-Applied-By: controller", "eve@example.com>\nJx-Verified: yes")
    world.commit(apps(web="1.0.0"))
    request = world.request_head()
    source = replace(request.source, subject=subject, author=author, approvers=("Ann\nJx-Verified: yes",))
    world.use_case()(replace(request, source=source, reason="because\n\nJx-Approved-By: Boss"))
    [entry] = world.ledger_commits()
    assert entry.trailers["Jx-Source-Commit"] == request.source.revision
    assert entry.trailers["Jx-Result"] == "applied"
    lines = entry.message.splitlines()
    assert [line for line in lines if line.startswith("Jx-Approved-By: Boss")] == []
    assert sum(line.startswith("Jx-Verified:") for line in lines) == 1
    assert sum(line.startswith("Jx-Applied-By:") for line in lines) == 1


# 14 What is another environment's


def thief(world: World) -> None:
    """Another environment, whose chart names an object in the namespace of the first."""
    body: dict[str, Any] = deployment("web", "evil:1")
    body["metadata"]["namespace"] = "jx"
    world.offer("thief", "1.0.0", body, config_map("own", {}))
    world.offer("rest", "1.0.0", config_map("own", {}))
    world.repo = Repo("memory://acme/environment-jx-staging")
    world.repos.create(world.repo)


def test_14_an_environment_cannot_take_an_object_of_another_one(world: World) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    before = world.get("Deployment", "web")
    thief(world)
    world.commit(environment_tree({"thief": "1.0.0"}, name="staging", namespace="jx-staging"))
    with pytest.raises(ForeignObjects) as caught:
        world.apply_head()
    assert "Deployment.apps/web" in caught.value.message
    assert world.get("Deployment", "web") == before


def test_14_what_was_taken_by_leave_of_a_person_is_the_takers_and_the_first_owner_is_told(
    world: World,
) -> None:
    world.commit(apps(web="1.0.0"))
    world.apply_head()
    thief(world)
    world.commit(environment_tree({"thief": "1.0.0"}, name="staging", namespace="jx-staging"))
    world.apply_head(allowed=Allowed(frozenset({Guard.FOREIGN_OBJECTS, Guard.CONFLICTS})))
    world.repo = DEV_REPO
    with pytest.raises(ForeignObjects):
        world.apply_head()
