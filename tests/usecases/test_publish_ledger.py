"""Publishing the ledger, when more than one is at it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.worlds import World, deployment, environment_tree

from jx.domain.names import Revision
from jx.usecases.publish_ledger import PublishLedger
from jx.usecases.write_anchor import WriteAnchor


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
