"""Publishing the ledger, when more than one is at it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.worlds import DEV, World, deployment, environment_tree

from jx.domain.environments.guards import LedgerMoved
from jx.domain.errors import Stale
from jx.domain.ledger import ledger
from jx.domain.names import Person, Repo, Revision
from jx.domain.trees import Tree
from jx.ports.repos import Draft
from jx.usecases.applying.publish_ledger import PublishLedger
from jx.usecases.applying.write_anchor import WriteAnchor


@pytest.mark.parametrize("is_sent", [True, False], ids=["after its push", "before its push"])
def test_a_publisher_that_stood_still_while_others_went_on_does_not_set_the_anchor_back(
    is_sent: bool,
) -> None:
    world = World()
    for version in ("1.0.0", "1.1.0"):
        world.offer("web", version, deployment("web", f"web:{version}"))
    world.commit(environment_tree({"web": "1.0.0"}), "One")
    world.apply_head()
    append = world.repos.append

    def late(*args: Any, **kwargs: Any) -> Revision:
        """Is not heard of until others have published what it was about to, and more."""
        revision = append(*args, **kwargs) if is_sent else None
        world.repos.append = append  # type: ignore[method-assign]
        PublishLedger(world.repos, WriteAnchor(world.anchors), world.reporter)(world.anchor, world.repo)
        world.commit(environment_tree({"web": "1.0.0"}), "Three")
        world.apply_head()
        return revision or append(*args, **kwargs)

    world.commit(environment_tree({"web": "1.1.0"}), "Two")
    world.repos.append = late  # type: ignore[method-assign]
    world.apply_head()
    assert world.anchor.ledger_head == world.repos.head(world.repo, "jx-ledger")
    world.commit(environment_tree({"web": "1.1.0"}), "Four")
    world.apply_head()
    assert [commit.subject for commit in world.ledger_commits()] == ["One", "Two", "Three", "Four"]


def note(world: World) -> None:
    """Others note something that the ledger is to tell."""
    by, at = Person("jx"), world.clock.now()
    entry = ledger.make_note(DEV, ledger.Happening.VERIFIED, "all is well", by=by, at=at)
    world.anchors.save(ledger.noted(world.anchor, entry))


def publish(world: World) -> None:
    PublishLedger(world.repos, WriteAnchor(world.anchors), world.reporter)(world.anchor, world.repo)


@pytest.fixture
def world() -> World:
    world = World()
    world.offer("web", "1.0.0", deployment("web", "web:1.0.0"))
    world.commit(environment_tree({"web": "1.0.0"}), "One")
    world.apply_head()
    return world


def test_one_whose_push_is_beaten_by_that_of_the_very_same_entry_has_published_it(world: World) -> None:
    note(world)
    append = world.repos.append

    def beaten(*args: Any, **kwargs: Any) -> Revision:
        """Others push between the look at the branch and the push, and have not yet written the anchor."""
        world.repos.append = append  # type: ignore[method-assign]
        append(*args, **kwargs)
        raise Stale("the branch has moved")

    world.repos.append = beaten  # type: ignore[method-assign]
    publish(world)
    assert not world.anchor.pending
    assert world.anchor.ledger_head == world.repos.head(world.repo, "jx-ledger")


def test_an_apply_during_which_others_publish_goes_on_from_there(world: World) -> None:
    find = world.anchors.find

    def just_before(name: Any) -> Any:
        world.anchors.find = find  # type: ignore[method-assign]
        found = find(name)
        note(world)
        publish(world)
        return found

    world.commit(environment_tree({"web": "1.0.0"}, files={"README.md": "new"}), "Two")
    world.anchors.find = just_before  # type: ignore[method-assign,assignment]
    assert world.apply_head().is_good
    assert [commit.subject for commit in world.ledger_commits()] == [
        "One", "Verified: all is well", "Two",
    ]  # fmt: skip


def test_a_branch_that_is_not_even_what_the_newest_anchor_says_is_told(world: World) -> None:
    draft = Draft(Tree(), "Somebody else", Person("eve"), at=world.clock.now())
    head = Revision(world.anchor.ledger_head)
    world.repos.append(world.repo, "jx-ledger", parent=head, draft=draft)
    world.commit(environment_tree({"web": "1.0.0"}), "Two")
    with pytest.raises(LedgerMoved):
        world.apply_head()
    note(world)
    with pytest.raises(LedgerMoved):
        publish(world)


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "only pushed"])
def test_an_apply_is_not_refused_since_others_publish_between_its_look_at_the_anchor_and_that_at_the_branch(
    is_recorded: bool,
) -> None:
    """As a proof of what runs does, which takes no lock. A refusal would keep the commit from being applied for good."""
    world = World()
    for version in ("1.0.0", "1.1.0"):
        world.offer("web", version, deployment("web", f"web:{version}"))
    world.commit(environment_tree({"web": "1.0.0"}), "One")
    world.apply_head()
    head, writes = world.repos.head, WriteAnchor(world.anchors)

    def prove() -> None:
        note = ledger.make_note(
            world.anchor.environment,
            ledger.Happening.VERIFIED,
            "all is well",
            by=Person("jx"),
            at=world.clock.now(),
        )
        noted = writes(world.anchor, lambda anchor: ledger.noted(anchor, note))
        if is_recorded:
            PublishLedger(world.repos, writes, world.reporter)(noted, world.repo)
        else:
            PublishLedger(world.repos, writes, world.reporter)._append(noted, world.repo, noted.pending[0])

    def look(repo: Repo, branch: str) -> Revision | None:
        if branch == ledger.BRANCH:
            world.repos.head = head  # type: ignore[method-assign]
            prove()
        return head(repo, branch)

    world.commit(environment_tree({"web": "1.1.0"}), "Two")
    world.repos.head = look  # type: ignore[method-assign]
    assert world.apply_head().is_good
    assert world.anchor.ledger_head == head(world.repo, ledger.BRANCH)
    assert [commit.subject for commit in world.ledger_commits()] == ["One", "Verified: all is well", "Two"]
