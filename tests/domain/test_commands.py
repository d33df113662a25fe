"""What is a command in a comment, and what is none; and which approvals stand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jx.domain.changes.changes import Comment, PullRequest, PullState, Review
from jx.domain.changes.commands import Verb, earlier_approvals, list_approvals, list_commands
from jx.domain.names import Person, Repo, Revision

OLD, HEAD = Revision("a" * 40), Revision("b" * 40)
BOB, ANN = Person("Bob", login="bob"), Person("Ann", login="ann")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def said(
    body: str, revision: Revision | None = HEAD, *, by: Person = BOB, is_edited: bool = False
) -> Comment:
    return Comment(by, body, NOW, revision=revision, is_edited=is_edited)


def words(body: str) -> list[tuple[str, str]]:
    return [(command.verb.value, command.argument) for command in list_commands([said(body)])]


def pull(*comments: Comment, reviews: tuple[Review, ...] = ()) -> PullRequest:
    return PullRequest(
        Repo("https://git.example.com/acme/dev.git"), 1, "", "Add redis", "", ANN, PullState.OPEN,
        "add-redis", HEAD, "master", NOW, comments=comments, reviews=reviews,
    )  # fmt: skip


def approved(*comments: Comment, reviews: tuple[Review, ...] = ()) -> list[str]:
    return [one.author.login for one in list_approvals(pull(*comments, reviews=reviews))]


def test_two_commands_in_one_comment_are_two() -> None:
    assert words("Fine.\r\n/lgtm\r\n/approve  \r\nthanks") == [("lgtm", ""), ("approve", "")]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("/Approve", [("approve", "")]),
        ("/approve cancel", [("approve", "cancel")]),
        ("/hold until Monday", [("hold", "until Monday")]),
        (f"/ok-to-test {HEAD}", [("ok-to-test", HEAD)]),
        ("/approve, I think", []),
        ("/approve not yet", []),
        ("I would /approve", []),
        ("/approved", []),
        ("/etc/passwd", []),
    ],
)
def test_a_command_is_a_line_of_its_own(body: str, found: list[tuple[str, str]]) -> None:
    assert words(body) == found


@pytest.mark.parametrize(
    "body",
    [
        "```\n/approve\n```",
        "~~~ sh\n/approve\n```\n/approve",
        "````\n```\n/approve\n````",
        "- ```\n/approve\n```",
        "    /approve",
        "\t/approve",
        "> /approve",
        "> Bob said\n/approve",
        "see `the\n/approve\nline`",
        "<!--\n/approve\n-->",
        "<!-- never closed\n/approve",
        "<pre>\n/approve\n</pre>",
        "/approve" + " " * 70_000,
    ],
)
def test_code_quotes_and_what_is_not_seen_are_no_commands(body: str) -> None:
    assert words(body) == []


@pytest.mark.parametrize(
    "body", ["```\na\n```\n/approve", "> quoted\n\n/approve", "`a`\n/approve", "a ` b\n\n/approve\n\n`"]
)
def test_after_code_and_quotes_people_speak_again(body: str) -> None:
    assert words(body) == [("approve", "")]


def test_an_approval_is_one_of_the_commit_that_was_seen() -> None:
    assert approved(said("/approve")) == ["bob"]
    assert approved(said("/approve", OLD)) == []
    assert approved(said("/approve", None)) == []
    assert [(p.login, r) for p, r in earlier_approvals(pull(said("/approve", OLD)))] == [("bob", OLD)]
    assert earlier_approvals(pull(said("/approve", OLD), said("/approve"))) == ()


def test_an_approval_is_taken_back_and_given_again() -> None:
    assert approved(said("/approve"), said("/approve cancel")) == []
    assert approved(said("/approve"), said("/approve cancel", by=ANN)) == ["bob"]
    assert approved(said("/approve cancel"), said("/approve")) == ["bob"]
    assert approved(said("/approve\n/approve cancel")) == []


def test_a_review_is_taken_back_by_the_same_word() -> None:
    review = Review(BOB, approves=True, revision=HEAD)
    assert approved(reviews=(review,)) == ["bob"]
    assert approved(said("/approve cancel"), reviews=(review,)) == []
    assert approved(said("/approve cancel", OLD), reviews=(review,)) == ["bob"]


def test_a_comment_that_was_edited_says_nothing_any_more() -> None:
    assert approved(said("/approve", is_edited=True)) == []
    assert [one.verb for one in list_commands([said("/approve", is_edited=True)])] == [Verb.APPROVE]
