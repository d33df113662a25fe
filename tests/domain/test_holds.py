from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.applying.applying import (
    Anchor,
    Applied,
    ApplyResult,
    Hold,
    InventoryItem,
    PendingEntry,
    Source,
)
from jx.domain.environments import holds
from jx.domain.errors import Invalid
from jx.domain.ledger.anchor_records import anchor_to_data, parse_anchor
from jx.domain.names import EnvironmentName, Person, Repo, Revision
from jx.domain.objects.manifests import ChartPin, ObjectRef
from jx.domain.trees import Blob, Tree

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BAD, NEWER = Revision("b" * 40), Revision("c" * 40)


def tree(*lines: str, **files: str) -> Tree:
    texts = {"env/Chart.yaml": "\n".join(lines) + "\n", **files}
    return Tree({path: Blob(text.encode()) for path, text in texts.items()})


def rescue(skipped: Tree, applied: Tree) -> Hold:
    return Hold(
        "bob",
        "CI is down",
        NOW,
        BAD,
        applied_tree=applied.digest,
        undoes=holds.undone_hunks(skipped, applied),
    )


GOOD = tree("apps:", "- web", "- platform 1.0", "- db 1.1", "end")
BROKEN = tree("apps:", "- web", "- platform 1.1", "- db 1.1", "end")


@pytest.mark.parametrize(
    ("head", "is_over"),
    [
        (GOOD, True),
        (BROKEN, False),
        (tree("apps:", "- web", "- new", "- platform 1.1", "- db 1.1", "end"), False),
        (tree("apps:", "- platform 1.1", "end"), False),
        (tree("apps:", "- web", "- new", "- platform 1.0", "- db 1.1", "end"), True),
        (tree("apps:", "- web", "- platform 1.0", "- db 1.1", "end", "more"), True),
        (tree("apps:", "- web", "- platform 1.2", "- db 1.1", "end"), True),
        (tree("apps:", "- web", "- db 1.1", "end"), True),
    ],
)
def test_a_rescue_hold_lasts_while_the_branch_holds_what_was_undone(head: Tree, is_over: bool) -> None:
    assert holds.is_over(rescue(BROKEN, GOOD), head=NEWER, tree=head) is is_over


def test_the_skipped_commit_itself_is_never_applied_again() -> None:
    assert not holds.is_over(rescue(BROKEN, GOOD), head=BAD, tree=tree("something else"))


def test_a_file_that_was_added_or_removed_counts_too() -> None:
    added = tree("apps:", extra="bad\n")
    plain = tree("apps:")
    assert not holds.is_over(rescue(added, plain), head=NEWER, tree=tree("apps:", "more", extra="bad\n"))
    assert holds.is_over(rescue(added, plain), head=NEWER, tree=tree("apps:", "more"))
    assert not holds.is_over(rescue(plain, added), head=NEWER, tree=tree("apps:", "more"))
    assert holds.is_over(rescue(plain, added), head=NEWER, tree=tree("apps:", "more", extra="bad\n"))


def test_a_hold_without_a_known_commit_ends_with_equal_files_only() -> None:
    hold = Hold("bob", "the git server is down", NOW, applied_tree=GOOD.digest)
    assert holds.is_over(hold, head=NEWER, tree=GOOD)
    assert not holds.is_over(hold, head=NEWER, tree=tree("anything"))


def test_a_persons_hold_never_ends_by_itself() -> None:
    assert not holds.is_over(Hold("bob", "quiet", NOW, kind=holds.PERSON), head=NEWER, tree=GOOD)


def test_the_refusal_says_who_when_why_and_the_way_out() -> None:
    refusal = holds.refusal(rescue(BROKEN, GOOD), "dev")
    assert "bob at 2026-01-01 00:00 UTC (CI is down)" in refusal.message
    assert refusal.hint == "push the revert, or `jx resume dev`"
    assert "quiet" in holds.refusal(Hold("bob", "quiet", NOW, kind=holds.PERSON), "dev").message


LINES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6)


@given(LINES, LINES)
def test_pushing_what_was_applied_ends_a_hold_and_the_skipped_files_never_do(
    one: list[str], other: list[str]
) -> None:
    skipped, applied = tree(*one), tree(*other)
    hold = rescue(skipped, applied)
    assert holds.is_over(hold, head=NEWER, tree=applied)
    if skipped != applied:
        assert not holds.is_over(hold, head=NEWER, tree=skipped)


# Anchors, which keep holds, survive their stay in a cluster


def full_anchor() -> Anchor:
    source = Source(
        Repo("https://x/a/b"), NEWER, "sha256:t", Person("Ann", "a@x", "ann"), "Add", "https://x/1", ("bob",)
    )
    applied = Applied(
        source, "sha256:p", ApplyResult.FAILED, NOW, "controller", (ChartPin("k", "n", "1"),), True, "no"
    )
    item = InventoryItem(ObjectRef("apps", "Deployment", "jx", "web"), "apps/v1", "u", "s", "o")
    return Anchor(
        EnvironmentName("dev"),
        Repo("https://x/a/b"),
        "c1",
        "jx",
        "jenkins-x",
        (item,),
        applied,
        "l" * 40,
        (rescue(BROKEN, GOOD), Hold("eve", "quiet", NOW, kind=holds.PERSON)),
        (PendingEntry("e1", b"\x00\xff"),),
        ("1.0.0",),
        version="7",
    )


def test_an_anchor_is_the_same_after_being_stored() -> None:
    anchor = full_anchor()
    assert parse_anchor(anchor_to_data(anchor), version="7") == anchor


def test_a_damaged_anchor_is_an_error_that_names_its_environment() -> None:
    data = anchor_to_data(full_anchor()) | {"inventory": [["too", "short"]]}
    with pytest.raises(Invalid, match="dev"):
        parse_anchor(data)
