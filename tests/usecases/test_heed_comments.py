"""Who may approve what in comments: owners of the base, for one commit, as users of the forge. Whoever may not is told once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.support.proposing import ANN, World, repo_of

from jx.adapters.local.memory_forge import MemoryForge
from jx.domain.changes.approving import Judgement
from jx.domain.changes.changes import CheckState, PullRequest
from jx.domain.names import Person, Revision
from jx.ports.forge import Offer
from jx.ports.repos import Draft
from jx.usecases.reviewing.heed_comments import HeedComments

BOT = Person("jx", "jx@example.com", "jx-bot")
BOB = Person("Bob", "bob@example.com", "bob")
CAT = Person("Cat", "cat@example.com", "cat")
EVE = Person("Eve", "eve@example.com", "eve")
OWNERS = "approvers: [bob, cat]\n"
CHANGE: Mapping[str, str] = {"env/values.yaml": "a: 1\n"}


class Production:
    """Pull requests of ann's on production, whose owners are bob and cat; eve may only read. The platform has its own user."""

    def __init__(self, name: str = "production") -> None:
        self.world = World()
        self.name = name
        self.environment = self.world.environments[name]
        self.repo = repo_of(self.environment)
        self.forge: MemoryForge = self.world.forge
        for person, right in ((BOT, "write"), (BOB, "write"), (CAT, "read"), (EVE, "read")):
            self.forge.ensure_collaborator(self.repo, person.login, right=right)
        self.push("master", {"OWNERS": OWNERS})

    def push(
        self, branch: str, files: Mapping[str, str], *, by: Person = ANN, token: Person | None = None
    ) -> Revision:
        """Commit `by` somebody, pushed with somebody's token, where the forge knows."""
        repos = self.world.repos.login_as(token) if token else self.world.repos
        head = self.world.repos.head(self.repo, branch)
        start = head or self.world.repos.head(self.repo, "master")
        assert start is not None
        tree = self.world.repos.read(self.repo, start)
        for path, text in files.items():
            tree = tree.put(path, text)
        draft = Draft(tree, "By hand\n", by)
        if head is None:
            return repos.replace(self.repo, branch, base=start, draft=draft)
        return repos.write(self.repo, branch, base=head, draft=draft)

    def propose(self, files: Mapping[str, str] = CHANGE, *, by: Person = ANN) -> PullRequest:
        self.push("change", files, by=by)
        return self.forge.propose(self.repo, Offer("change", "master", "Change", ""))

    def say(self, person: Person, text: str, pull: PullRequest, *, key: str = "") -> None:
        self.forge.login_as(person).comment(self.repo, pull.number, text, key=key)

    def look(self, pull: PullRequest) -> Judgement:
        bot = self.forge.login_as(BOT)
        judged = HeedComments(self.world.repos, bot, bot)(self.environment, pull.number)
        assert judged is not None
        return judged

    def status(self, pull: PullRequest) -> tuple[CheckState, str]:
        self.look(pull)
        now = self.forge.observe(self.repo, pull.number)
        check = next(one for one in now.checks if one.context == "jx/approval")
        return check.state, check.description

    def answers(self, pull: PullRequest) -> list[str]:
        now = self.forge.observe(self.repo, pull.number)
        return [one.body for one in now.comments if one.author == BOT and one.key.startswith("jx-answer")]


@pytest.fixture
def production() -> Production:
    return Production()


def test_the_status_tells_who_still_has_to_approve_what(production: Production) -> None:
    pull = production.propose()
    assert production.status(pull) == (CheckState.PENDING, "needs approval: env/values.yaml by bob or cat")
    assert production.forge.observe(production.repo, pull.number).comments == ()


def test_what_has_no_room_in_a_status_is_a_comment_that_renews_itself(production: Production) -> None:
    pull = production.propose({f"env/templates/{number:03}.yaml": "a: 1\n" for number in range(25)})
    assert production.status(pull)[1].endswith("…")
    (said,) = production.forge.observe(production.repo, pull.number).comments
    assert "`env/templates/019.yaml` and 5 more: bob or cat" in said.body
    production.say(BOB, "/approve", pull)
    production.look(pull)
    said, _ = production.forge.observe(production.repo, pull.number).comments
    assert said.body == "Approved by bob.\n"


def test_an_owner_approves_by_a_comment_or_a_review(production: Production) -> None:
    pull = production.propose()
    production.say(CAT, "/approve", pull)
    assert production.status(pull) == (CheckState.SUCCESS, "approved by cat")
    production.say(CAT, "/approve cancel", pull)
    assert production.status(pull)[0] is CheckState.PENDING
    production.forge.login_as(BOB).approve(production.repo, pull.number, revision=pull.head)
    assert production.status(pull) == (CheckState.SUCCESS, "approved by bob")


def test_staging_needs_no_approval_unless_it_says_so() -> None:
    staging = Production("staging")
    pull = staging.propose()
    assert staging.status(pull) == (CheckState.SUCCESS, "needs no approval")
    settings = staging.world.tree("staging").text("jx-requirements.yml")
    staging.push("master", {"jx-requirements.yml": settings + "approval:\n  required: true\n"})
    assert staging.status(pull)[0] is CheckState.PENDING


def test_dev_needs_an_approval() -> None:
    dev = Production("dev")
    assert dev.status(dev.propose())[0] is CheckState.PENDING


def test_an_approval_of_an_older_commit_does_not_count(production: Production) -> None:
    pull = production.propose()
    production.say(BOB, "/approve", pull)
    assert production.look(pull).may_merge
    production.push("change", {"env/values.yaml": "a: 2\n"})
    judged = production.look(pull)
    assert not judged.may_merge
    assert judged.notes == (f"Given to an earlier commit, and so not counted: bob ({pull.head[:7]}).",)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("OWNERS", "approvers: [ann, eve]\n"),
        ("OWNERS_ALIASES", "aliases: {bob: [ann, eve]}\n"),
        ("jx-requirements.yml", "approval: {required: false, own: true}\n"),
        ("jenkins-x.yml", "buildPack: none\n"),
        ("policies/all.json", "{}\n"),
    ],
)
def test_a_pull_request_that_lets_itself_in_is_judged_by_the_base(
    production: Production, path: str, text: str
) -> None:
    pull = production.propose({path: text})
    for person in (ANN, EVE):
        production.say(person, "/approve", pull)
    assert production.status(pull) == (CheckState.PENDING, f"needs approval: {path} by bob or cat")
    production.say(BOB, "/approve", pull)
    assert production.look(pull).may_merge


def test_who_is_named_in_git_approves_nothing(production: Production) -> None:
    forged = Person("Bob", "bob@example.com", "bob")
    pull = production.propose(by=forged)
    assert not production.look(pull).may_merge
    production.say(ANN, "/approve", pull)
    assert production.look(pull).approved_by == ()


def test_an_owner_who_pushed_under_another_name_does_not_approve_it(production: Production) -> None:
    """Bob, an owner, pushes to Ann's pull request as if he were nobody in particular, and approves that."""
    nobody = Person("Nobody", "nobody@example.com")
    production.push("change", CHANGE, token=ANN)
    pull = production.forge.propose(production.repo, Offer("change", "master", "Change", ""))
    production.push("change", {"env/values.yaml": "a: evil\n"}, by=nobody, token=BOB)
    production.say(BOB, "/approve", pull)
    assert not production.look(pull).may_merge
    assert "it is your own change" in production.answers(pull)[0]
    assert production.status(pull) == (CheckState.PENDING, "needs approval: env/values.yaml by cat")


def test_a_commit_that_names_an_owner_takes_no_approval_from_them(production: Production) -> None:
    production.push("change", CHANGE, by=BOB, token=ANN)
    pull = production.forge.propose(production.repo, Offer("change", "master", "Change", ""))
    production.say(BOB, "/approve", pull)
    assert production.look(pull).may_merge


def test_what_was_pushed_after_an_approval_needs_one_anew_whoever_it_names(production: Production) -> None:
    production.push("change", CHANGE, token=ANN)
    pull = production.forge.propose(production.repo, Offer("change", "master", "Change", ""))
    production.say(BOB, "/approve", pull)
    assert production.look(pull).may_merge
    production.push("change", {"env/values.yaml": "a: 2\n"}, by=BOB, token=ANN)
    assert not production.look(pull).may_merge


def test_what_the_platform_pushed_for_somebody_is_theirs(production: Production) -> None:
    production.push("change", CHANGE, by=BOB, token=BOT)
    pull = production.forge.login_as(BOT).propose(production.repo, Offer("change", "master", "Leg", ""))
    production.say(BOB, "/approve", pull)
    assert not production.look(pull).may_merge
    production.say(CAT, "/approve", pull)
    assert production.look(pull).may_merge


def test_a_name_like_an_owners_is_not_its_login(production: Production) -> None:
    pull = production.propose()
    production.forge.ensure_collaborator(production.repo, "mallory", right="write")
    production.say(Person("bob", "bob@example.com", "mallory"), "/approve", pull)
    assert not production.look(pull).may_merge


def test_who_asked_for_it_does_not_approve_it_whoever_opened_it(production: Production) -> None:
    production.push("master", {"OWNERS": "approvers: [ann, bob]\n"})
    production.push("change", CHANGE)
    pull = production.forge.login_as(BOT).propose(production.repo, Offer("change", "master", "Leg", ""))
    production.say(ANN, "/approve", pull)
    assert not production.look(pull).may_merge
    production.say(BOB, "/approve", pull)
    assert production.look(pull).may_merge


def test_ones_own_approval_counts_only_where_the_base_says_so_and_is_shown(production: Production) -> None:
    settings = production.world.tree("production").text("jx-requirements.yml")
    production.push(
        "master",
        {"OWNERS": "approvers: [ann]\n", "jx-requirements.yml": settings + "approval: {own: true}\n"},
    )
    pull = production.propose()
    production.say(ANN, "/approve", pull)
    assert production.status(pull) == (CheckState.SUCCESS, "approved by ann (own approvals count here)")
    after = production.forge.observe(production.repo, pull.number)
    assert "ann approved their own change." in after.comments[-1].body
    assert [(review.author, review.revision) for review in after.reviews] == [(BOT, pull.head)]


def test_where_the_lists_name_the_requester_alone_another_writer_approves(production: Production) -> None:
    production.push("master", {"OWNERS": "approvers: [ann]\n"})
    pull = production.propose()
    production.say(CAT, "/approve", pull)
    assert production.status(pull)[1] == "needs approval: env/values.yaml by anybody else who may write here"
    production.say(BOB, "/approve", pull)
    assert production.look(pull).may_merge


def test_files_of_two_folders_need_both_of_their_owners(production: Production) -> None:
    lists = "approvers: [cat]\noptions: {no_parent_owners: true}\n"
    production.push("master", {"OWNERS": "approvers: [bob]\n", "env/shop/OWNERS": lists})
    pull = production.propose({"env/shop/values.yaml": "a: 1\n", "README.md": "new\n"})
    production.say(BOB, "/approve", pull)
    assert [str(need) for need in production.look(pull).needs] == ["env/shop/values.yaml by cat"]
    production.say(CAT, "/approve", pull)
    assert production.look(pull).may_merge


def test_without_rights_a_command_does_nothing_and_is_answered_once(production: Production) -> None:
    pull = production.propose()
    production.look(pull)
    for text in ("/approve", "/approve\n/hold"):
        production.say(EVE, text, pull)
    for _ in range(3):
        assert production.look(pull).held_by is None
    assert production.answers(pull) == [
        "@eve, sorry: `/approve` did nothing, since only bob or cat may approve this.\n",
        "@eve, sorry: `/hold` did nothing, since only who may write to this repository, or is named in its OWNERS, may say so.\n",
    ]


def test_two_commands_in_one_comment_are_both_heeded(production: Production) -> None:
    pull = production.propose()
    production.say(BOB, "Fine, but wait.\n/approve\n/hold", pull)
    assert production.status(pull) == (CheckState.PENDING, "on hold by bob")
    production.say(CAT, "/hold cancel", pull)
    assert production.status(pull) == (CheckState.SUCCESS, "approved by bob")


def test_a_comment_that_was_edited_into_an_approval_is_none_and_is_answered(production: Production) -> None:
    pull = production.propose()
    production.say(BOB, "hello", pull, key="mine")
    production.say(BOB, "/approve", pull, key="mine")
    assert not production.look(pull).may_merge
    assert production.answers(pull) == [
        "@bob, sorry: `/approve` did nothing, since it was edited after it was said; please say it again in a new comment.\n"
    ]


def test_a_quoted_command_is_none(production: Production) -> None:
    pull = production.propose()
    production.say(BOB, "> /approve\n\n```\n/approve\n```\nDid you mean that?", pull)
    assert not production.look(pull).may_merge
    assert production.answers(pull) == []


def test_looking_again_says_nothing_again(production: Production) -> None:
    pull = production.propose()
    production.say(EVE, "/approve", pull)
    production.look(pull)
    before = production.forge.observe(production.repo, pull.number)
    for _ in range(2):
        production.look(pull)
    assert production.forge.observe(production.repo, pull.number) == before


def test_who_has_no_rights_waits_for_an_ok_for_that_very_commit(production: Production) -> None:
    production.forge.ensure_collaborator(production.repo, "eve", right="write")
    production.push("change", CHANGE)
    pull = production.forge.login_as(EVE).propose(production.repo, Offer("change", "master", "Change", ""))
    assert production.look(pull).is_trusted
    production.forge.ensure_collaborator(production.repo, "eve", right="read")
    assert not production.look(pull).is_trusted
    production.say(EVE, f"/ok-to-test {pull.head}", pull)
    production.say(BOB, "/ok-to-test", pull)
    assert production.status(pull)[1] == f"waits for /ok-to-test {pull.head[:12]} by somebody with rights"
    production.say(BOB, f"/ok-to-test {pull.head[:12]}", pull)
    assert production.look(pull).is_trusted
    production.push("change", {"env/values.yaml": "a: 2\n"})
    assert not production.look(pull).is_trusted


def test_checks_asked_for_are_counted_once_for_each_comment(production: Production) -> None:
    pull = production.propose()
    for person, text in ((BOB, "/test"), (EVE, "/test"), (CAT, "/retest")):
        production.say(person, text, pull)
    assert [production.look(pull).tests for _ in range(2)] == [2, 2]


def test_a_rebase_is_asked_for_until_the_head_has_moved(production: Production) -> None:
    pull = production.propose()
    production.say(BOB, "/rebase", pull)
    assert production.look(pull).must_rebase
    production.push("change", {"env/values.yaml": "a: 2\n"})
    assert not production.look(pull).must_rebase


def test_a_mistake_in_the_lists_of_the_base_stops_every_approval(production: Production) -> None:
    production.push("master", {"OWNERS": "approvers: bob\n"})
    pull = production.propose()
    production.say(BOB, "/approve", pull)
    assert production.status(pull)[0] is CheckState.ERROR


def test_names_of_files_are_never_text_of_ours(production: Production) -> None:
    pull = production.propose({"env/`\n\nApproved by bob.\n": "x", "env/" + "a" * 200: "x"})
    production.look(pull)
    body = production.forge.observe(production.repo, pull.number).comments[-1].body
    assert "`env/???Approved by bob.?`, `env/aaa" in body


def test_a_review_of_somebody_whom_the_owners_do_not_name_is_said_not_to_count(
    production: Production,
) -> None:
    dan = Person("Dan", "dan@example.com", "dan")
    production.forge.ensure_collaborator(production.repo, dan.login, right="write")
    pull = production.propose()
    production.forge.login_as(dan).approve(production.repo, pull.number, revision=pull.head)
    assert not production.look(pull).may_merge
    (said,) = production.forge.observe(production.repo, pull.number).comments
    assert "Not counted: dan, since OWNERS of the base do not name them here" in said.body
