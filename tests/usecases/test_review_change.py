"""A reviewer's verdict on a pull request."""

from __future__ import annotations

import pytest
from tests.support.journeys import ANN, BOB, OLGA, World, checked, installed

from jx.domain.changes.changes import PullRequest, PullState
from jx.domain.errors import Forbidden, NotFound, Refused, Stale
from jx.domain.names import Person, Revision
from jx.ports.repos import Draft
from jx.usecases.reviewing.review_change import Approve, Close, CommentOn, Merge, ReviewRequest, Verdict


@pytest.fixture
def world() -> World:
    world = installed()
    world.process(ANN).add_app("redis")
    return world


def review(world: World, verdict: Verdict, person: Person = BOB, number: int = 1) -> PullRequest:
    return world.process(person).review_change(ReviewRequest(world.repo(), number, verdict))


def push_again(world: World) -> Revision:
    """Ann pushes one more commit to the branch of her pull request."""
    branch, repo = world.pull().head_branch, world.repo()
    head = world.head(branch=branch)
    tree = world.tree(revision=head).put("README.md", "More.\n")
    return world.repos.write(repo, branch, base=head, draft=Draft(tree, "More", ANN))


def test_a_comment_is_one_more_comment(world: World) -> None:
    review(world, CommentOn("Why?"))
    pull = review(world, CommentOn("Because."), ANN)
    assert [(one.author, one.body) for one in pull.comments] == [(BOB, "Why?"), (ANN, "Because.")]


def test_an_approval_is_of_the_commit_that_is_there_now(world: World) -> None:
    pull = review(world, Approve("Good."))
    assert [(one.author, one.approves, one.revision) for one in pull.reviews] == [(BOB, True, pull.head)]
    assert f"Approved pull request #1 at {pull.head[:12]}: Add redis" in world.reporter.text


def test_an_approval_of_what_has_changed_since_is_stale(world: World) -> None:
    seen = world.pull().head
    now = push_again(world)
    with pytest.raises(Stale, match=f"changed since {seen[:12]}: it is at {now[:12]} now") as caught:
        review(world, Approve(revision=seen))
    assert "jx pr diff 1" in caught.value.hint
    assert not world.pull().reviews


def test_nobody_approves_what_they_asked_for(world: World) -> None:
    with pytest.raises(Refused, match="your own"):
        review(world, Approve(), ANN)


def test_a_merge_needs_an_approval_of_the_newest_commit(world: World) -> None:
    review(world, Approve(), OLGA)
    world.settle()
    push_again(world)
    world.settle()
    with pytest.raises(Refused, match=r"check jx/approval is pending: needs approval: .* by olga$"):
        review(world, Merge())
    assert world.pull().state is PullState.OPEN


def test_a_merge_says_as_which_commit_and_who_took_part(world: World) -> None:
    review(world, Approve())
    checked(world, 1)
    pull = review(world, Merge())
    assert pull.state is PullState.MERGED
    assert pull.merged_as == world.head()
    commit = world.repos.log(world.repo(), world.head(), limit=1)[0]
    assert commit.trailers["Jx-Approved-By"] == str(BOB)
    assert commit.trailers["Jx-Requested-By"] == str(ANN)


def test_a_repeated_merge_is_the_same_merge(world: World) -> None:
    review(world, Approve())
    checked(world, 1)
    first = review(world, Merge()).merged_as
    commits = len(world.repos.log(world.repo(), world.head()))
    assert review(world, Merge()).merged_as == first
    assert len(world.repos.log(world.repo(), world.head())) == commits


def test_a_squash_names_the_pull_request(world: World) -> None:
    review(world, Approve())
    checked(world, 1)
    review(world, Merge("squash"))
    assert world.repos.log(world.repo(), world.head(), limit=1)[0].subject.endswith("(#1)")


def test_a_closed_one_is_neither_approved_nor_merged_and_stays_closed(world: World) -> None:
    assert review(world, Close()).state is PullState.CLOSED
    assert review(world, Close()).state is PullState.CLOSED
    with pytest.raises(Refused, match="nothing to approve"):
        review(world, Approve())
    with pytest.raises(Refused, match="#1 is closed"):
        review(world, Merge())


def test_a_pull_request_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="no pull request #7"):
        review(world, Approve(), number=7)


def test_a_merge_against_the_rules_is_the_owners_and_says_so(world: World) -> None:
    with pytest.raises(Forbidden, match="only who looks after"):
        review(world, Merge(override="in a hurry"))
    pull = review(world, Merge(override="the controllers are down"), OLGA)
    assert pull.state is PullState.MERGED
    commit = world.repos.log(world.repo(), world.head(), limit=1)[0]
    assert commit.trailers["Jx-Override"].startswith(
        f"{OLGA}: the controllers are down (missing: check jx/approval"
    )
    assert "Merged against the rules of master: the controllers are down" in pull.comments[-1].body


def test_what_was_checked_on_another_base_is_not_merged(world: World) -> None:
    checked(world, 1)
    base = world.head()
    world.push(world.tree().put("NOTES.md", "x\n"), "Move on")
    with pytest.raises(Stale, match="master"):
        review(world, Merge(base=base))
