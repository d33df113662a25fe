"""The contract of ports.forge, held to every adapter of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from tests.support.forge import PEOPLE, TREE, Users, forge_with_users

from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.changes.changes import Check, CheckState, PullState
from jx.domain.errors import Forbidden, NotFound, Refused, Stale
from jx.domain.names import Person, Repo, Revision
from jx.ports.forge import Forge, ForgeAdmin, ForgeReviews, MergeRequest, Offer, Protection, Webhook
from jx.ports.repos import Draft, Repos

OFFER = Offer("add-redis", "master", "Add redis", "because", labels=("app",))
SECRET = "a secret of the webhook"
_numbers = itertools.count()


class AnyForge(Forge, ForgeReviews, ForgeAdmin, Protocol):
    """All that a forge does."""


@dataclass(frozen=True)
class World:
    """A forge by user, repositories to push with, and a repository of ann's in which bob may write."""

    login: Callable[[str], AnyForge]
    repos: Repos
    repo: Repo
    repos_of: Callable[[str], Repos]

    @property
    def ann(self) -> AnyForge:
        return self.login("ann")

    @property
    def bob(self) -> AnyForge:
        return self.login("bob")

    def commit(
        self,
        branch: str,
        path: str,
        text: str,
        *,
        base: Revision | None = None,
        by: str = "ann",
        author: str = "ann",
    ) -> Revision:
        """One more commit on a branch, which begins at `base` where it is new: pushed by one person, and saying that another
        wrote it."""
        repos = self.repos_of(by)
        head = self.repos.head(self.repo, branch)
        tree = (
            TREE
            if head is None and base is None
            else self.repos.read(self.repo, head or base or Revision(""))
        )
        person = Person(PEOPLE.get(author, author), f"{author}@example.com")
        draft = Draft(tree.put(path, text), f"Write {path}", person)
        if head is None and base is not None:
            return repos.replace(self.repo, branch, base=base, draft=draft)
        return repos.write(self.repo, branch, base=head, draft=draft)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    with forge_with_users(tmp_path_factory.mktemp("contract") / "forge") as users:
        yield users


def memory(request: pytest.FixtureRequest, folder: Path) -> World:
    repos = MemoryRepos()
    ann = MemoryForge(repos, Person(PEOPLE["ann"], "ann@example.com", "ann"))
    repo, _ = ann.ensure_repo("acme", "dev")

    def person(login: str) -> Person:
        return Person(PEOPLE[login], f"{login}@example.com", login)

    return World(
        lambda login: ann.login_as(person(login)), repos, repo, lambda login: repos.login_as(person(login))
    )


def local(request: pytest.FixtureRequest, folder: Path) -> World:
    users: Users = request.getfixturevalue("live")
    repo, _ = users.forge("ann").ensure_repo("acme", f"dev-{next(_numbers)}")
    return World(
        users.forge,
        users.repos("ann", folder / "cache"),
        repo,
        lambda login: users.repos(login, folder / login),
    )


@pytest.fixture(params=[memory, local])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    make: Callable[[pytest.FixtureRequest, Path], World] = request.param
    world = make(request, tmp_path)
    world.ann.ensure_collaborator(world.repo, "bob", right="write")
    base = world.commit("master", "a", "1")
    world.commit("add-redis", "redis", "1", base=base)
    return world


def head(world: World, branch: str = "add-redis") -> Revision:
    found = world.repos.head(world.repo, branch)
    assert found is not None
    return found


def test_the_user_is_the_token_s(world: World) -> None:
    assert world.bob.whoami() == Person("Bob Ray", "bob@example.com", "bob")


def test_a_pull_request_is_opened_and_seen(world: World) -> None:
    pull = world.ann.propose(world.repo, OFFER)
    assert (pull.number, pull.state, pull.title, pull.body) == (1, PullState.OPEN, "Add redis", "because")
    assert (pull.head_branch, pull.base_branch, pull.head) == ("add-redis", "master", head(world))
    assert pull.author.login == "ann"
    assert pull.labels == ("app",)
    assert pull.url.endswith("/pulls/1")
    assert pull.is_mergeable
    assert world.bob.observe(world.repo, 1) == pull


def test_proposing_the_same_branches_again_renews_what_is_open(world: World) -> None:
    first = world.ann.propose(world.repo, OFFER)
    second = world.ann.propose(world.repo, Offer("add-redis", "master", "Add redis 2", "why", ("urgent",)))
    assert second.number == first.number
    assert (second.title, second.body, second.labels) == ("Add redis 2", "why", ("app", "urgent"))


def test_a_comment_tells_the_commit_that_it_was_about_and_what_its_author_may_do(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    seen = head(world)
    world.bob.comment(world.repo, 1, "good")
    world.ann.ensure_collaborator(world.repo, "eve", right="read")
    world.login("eve").comment(world.repo, 1, "well")
    world.commit("add-redis", "redis", "2")
    pull = world.ann.observe(world.repo, 1)
    assert pull.head != seen
    assert [(one.body, one.revision, one.may_write) for one in pull.comments] == [
        ("good", seen, True), ("well", seen, False),
    ]  # fmt: skip
    assert pull.author_may_write


def test_a_comment_that_says_something_else_by_now_says_so(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    world.bob.comment(world.repo, 1, "bad", key="mine")
    seen = head(world)
    assert not world.ann.observe(world.repo, 1).comments[0].is_edited
    world.commit("add-redis", "redis", "2")
    world.bob.comment(world.repo, 1, "good", key="mine")
    (said,) = world.ann.observe(world.repo, 1).comments
    assert (said.body, said.is_edited, said.revision) == ("good", True, seen)


def test_who_approved_and_may_not_write_any_more_is_seen(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    world.bob.approve(world.repo, 1, revision=head(world))
    assert world.ann.observe(world.repo, 1).reviews[0].may_write
    world.ann.ensure_collaborator(world.repo, "bob", right="read")
    assert not world.ann.observe(world.repo, 1).reviews[0].may_write


def test_a_new_pull_request_may_follow_a_closed_one(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    world.ann.close(world.repo, 1)
    assert world.ann.propose(world.repo, OFFER).number == 2
    assert [pull.number for pull in world.ann.list_pulls(world.repo, state=None)] == [2, 1]
    assert [pull.number for pull in world.ann.list_pulls(world.repo)] == [2]
    assert [pull.number for pull in world.ann.list_pulls(world.repo, state=PullState.CLOSED)] == [1]


def test_a_branch_without_commits_of_its_own_is_no_pull_request(world: World) -> None:
    with pytest.raises(Refused):
        world.ann.propose(world.repo, Offer("master", "master", "Nothing", ""))
    with pytest.raises(NotFound):
        world.ann.propose(world.repo, Offer("nowhere", "master", "Nothing", ""))


def test_what_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.ann.observe(world.repo, 99)
    with pytest.raises(NotFound):
        world.ann.list_pulls(Repo(world.repo.url.replace("acme", "nobody")))


def test_a_comment_with_a_key_is_renewed_and_others_are_repeated(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    world.bob.comment(world.repo, 1, "plan 1", key="jx-plan")
    world.bob.comment(world.repo, 1, "hm")
    world.bob.comment(world.repo, 1, "plan 2", key="jx-plan")
    world.bob.comment(world.repo, 1, "hm")
    world.ann.comment(world.repo, 1, "not bob's", key="jx-plan")
    comments = world.ann.observe(world.repo, 1).comments
    said = [(comment.author.login, comment.body, comment.key) for comment in comments]
    assert said == [
        ("bob", "plan 2", "jx-plan"),
        ("bob", "hm", ""),
        ("bob", "hm", ""),
        ("ann", "not bob's", "jx-plan"),
    ]


def test_a_status_replaces_the_one_of_its_context(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    for state in (CheckState.PENDING, CheckState.SUCCESS):
        world.bob.set_status(world.repo, head(world), Check("jx/check", state, state.value))
    world.bob.set_status(world.repo, head(world), Check("jx/apply", CheckState.PENDING))
    assert world.ann.observe(world.repo, 1).checks == (
        Check("jx/apply", CheckState.PENDING),
        Check("jx/check", CheckState.SUCCESS, "success"),
    )


def test_an_approval_is_of_one_commit(world: World) -> None:
    first = world.ann.propose(world.repo, OFFER).head
    world.bob.approve(world.repo, 1, revision=first, body="fine")
    world.bob.approve(world.repo, 1, revision=first, body="fine")
    second = world.commit("add-redis", "redis", "2")
    pull = world.ann.observe(world.repo, 1)
    assert [(r.author.login, r.revision, r.approves) for r in pull.reviews] == [("bob", first, True)]
    assert pull.head == second
    with pytest.raises(Stale):
        world.bob.approve(world.repo, 1, revision=first)


def test_nobody_approves_what_they_asked_for(world: World) -> None:
    pull = world.ann.propose(world.repo, OFFER)
    with pytest.raises(Refused):
        world.ann.approve(world.repo, 1, revision=pull.head)


def test_nobody_approves_what_somebody_else_offered_for_them(world: World) -> None:
    pull = world.bob.propose(world.repo, OFFER)
    with pytest.raises(Refused, match="your own change"):
        world.ann.approve(world.repo, 1, revision=pull.head)


def test_a_merge_brings_the_changes_and_says_who_asked_and_who_approved(world: World) -> None:
    pull = world.ann.propose(world.repo, OFFER)
    world.bob.approve(world.repo, 1, revision=pull.head)
    merged_as = world.bob.merge(world.repo, MergeRequest(1, expected=pull.head))
    assert world.repos.head(world.repo, "master") == merged_as
    assert world.repos.read(world.repo, merged_as).text("redis") == "1"
    commit = world.repos.log(world.repo, merged_as, limit=1)[0]
    assert commit.subject == "Merge pull request #1 from add-redis"
    assert (commit.author.name, commit.author.email) == ("Ann Lee", "ann@example.com")
    assert commit.trailers == {
        "Jx-Requested-By": "Ann Lee <ann@example.com>",
        "Jx-Approved-By": "Bob Ray <bob@example.com>",
        "Jx-Pull-Request": pull.url,
    }
    seen = world.ann.observe(world.repo, 1)
    assert (seen.state, seen.merged_as, seen.merged_by) == (PullState.MERGED, merged_as, world.bob.whoami())


def test_merging_again_returns_the_same(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    merged_as = world.ann.merge(world.repo, MergeRequest(1))
    assert world.ann.merge(world.repo, MergeRequest(1)) == merged_as
    with pytest.raises(Refused):
        world.ann.close(world.repo, 1)


def test_a_squash_is_one_commit(world: World) -> None:
    world.commit("add-redis", "redis", "2")
    world.ann.propose(world.repo, OFFER)
    merged_as = world.ann.merge(world.repo, MergeRequest(1, method="squash"))
    commit = world.repos.log(world.repo, merged_as, limit=1)[0]
    assert commit.subject == "Add redis (#1)"
    assert len(commit.parents) == 1
    assert world.repos.read(world.repo, merged_as).text("redis") == "2"


def test_changes_on_both_branches_are_merged_and_conflicts_refused(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    world.commit("master", "b", "2")
    merged_as = world.ann.merge(world.repo, MergeRequest(1))
    assert {"redis", "a", "b"} <= set(world.repos.read(world.repo, merged_as))
    world.commit("clash", "a", "from the branch", base=merged_as)
    world.ann.propose(world.repo, Offer("clash", "master", "Clash", ""))
    moved = world.commit("master", "a", "from master")
    with pytest.raises(Refused, match="conflicts"):
        world.ann.merge(world.repo, MergeRequest(2))
    assert world.repos.head(world.repo, "master") == moved
    assert world.ann.observe(world.repo, 2).state is PullState.OPEN


def test_a_merge_of_what_was_not_reviewed_is_stale(world: World) -> None:
    reviewed = world.ann.propose(world.repo, OFFER).head
    world.commit("add-redis", "redis", "2")
    with pytest.raises(Stale):
        world.ann.merge(world.repo, MergeRequest(1, expected=reviewed))


def test_a_closed_pull_request_stays_so(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    world.bob.close(world.repo, 1)
    world.bob.close(world.repo, 1)
    assert world.ann.observe(world.repo, 1).state is PullState.CLOSED
    with pytest.raises(Refused):
        world.ann.merge(world.repo, MergeRequest(1))
    with pytest.raises(Refused):
        world.bob.approve(world.repo, 1, revision=head(world))


def test_a_protected_branch_names_everything_that_a_merge_lacks(world: World) -> None:
    rules = Protection("master", approvals=1, required_checks=("jx/check", "jx/policy"), pushers=())
    world.ann.ensure_protection(world.repo, rules)
    pull = world.ann.propose(world.repo, OFFER)
    world.ann.set_status(world.repo, pull.head, Check("jx/policy", CheckState.FAILURE, "no limits"))
    with pytest.raises(Refused) as refused:
        world.ann.merge(world.repo, MergeRequest(1))
    assert "0 of 1 approvals" in refused.value.message
    assert "check jx/check has not reported" in refused.value.message
    assert "check jx/policy is failure: no limits" in refused.value.message
    world.bob.approve(world.repo, 1, revision=pull.head)
    for context in rules.required_checks:
        world.ann.set_status(world.repo, pull.head, Check(context, CheckState.SUCCESS))
    world.ann.merge(world.repo, MergeRequest(1))


def test_an_approval_does_not_reach_what_was_pushed_after_it(world: World) -> None:
    world.ann.ensure_protection(world.repo, Protection("master", approvals=1))
    world.bob.approve(world.repo, 1, revision=world.ann.propose(world.repo, OFFER).head)
    world.commit("add-redis", "redis", "2")
    with pytest.raises(Refused, match="earlier commit"):
        world.bob.merge(world.repo, MergeRequest(1))


def test_a_pull_request_whose_head_reaches_the_base_by_a_push_is_merged(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    reached = head(world)
    tree = world.repos.read(world.repo, reached)
    base = world.repos.head(world.repo, "master")
    commit = world.repos.log(world.repo, reached, limit=1)[0]
    draft = Draft(tree, commit.message, commit.author, commit.committed)
    assert world.repos.append(world.repo, "master", parent=base, draft=draft) == reached
    seen = world.ann.observe(world.repo, 1)
    assert (seen.state, seen.merged_as) == (PullState.MERGED, reached)


def test_rights_are_kept(world: World) -> None:
    eve = world.login("eve")
    world.ann.propose(world.repo, OFFER)
    with pytest.raises(NotFound):
        eve.observe(world.repo, 1)
    assert world.ann.ensure_collaborator(world.repo, "eve", right="read")
    assert not world.ann.ensure_collaborator(world.repo, "eve", right="read")
    assert eve.observe(world.repo, 1).number == 1
    eve.comment(world.repo, 1, "nice")
    for forbidden in (
        lambda: eve.merge(world.repo, MergeRequest(1)),
        lambda: eve.approve(world.repo, 1, revision=head(world)),
        lambda: eve.close(world.repo, 1),
        lambda: eve.set_status(world.repo, head(world), Check("jx/check", CheckState.SUCCESS)),
        lambda: eve.propose(world.repo, OFFER),
        lambda: eve.ensure_protection(world.repo, Protection("master")),
        lambda: world.bob.ensure_collaborator(world.repo, "eve", right="admin"),
        lambda: world.bob.delete_repo(world.repo),
    ):
        with pytest.raises(Forbidden):
            forbidden()


def test_what_an_installation_does_is_repeatable(world: World) -> None:
    again, is_new = world.ann.ensure_repo(world.repo.owner, world.repo.name)
    assert (again, is_new) == (world.repo, False)
    hook = Webhook("http://127.0.0.1:9/hook")
    assert world.ann.list_webhooks(world.repo) == ()
    assert world.ann.ensure_webhook(world.repo, hook, secret=SECRET)
    assert world.ann.list_webhooks(world.repo) == (hook,)
    assert not world.ann.ensure_webhook(world.repo, hook, secret=SECRET)
    assert world.ann.ensure_webhook(world.repo, hook, secret=SECRET + "!")
    assert world.ann.ensure_protection(world.repo, Protection("master", approvals=1))
    assert not world.ann.ensure_protection(world.repo, Protection("master", approvals=1))
    assert world.ann.ensure_protection(world.repo, Protection("master", approvals=1, pushers=("bob",)))


def test_a_deleted_repository_is_gone_with_all_it_held(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    assert world.ann.delete_repo(world.repo)
    assert not world.ann.delete_repo(world.repo)
    with pytest.raises(NotFound):
        world.ann.observe(world.repo, 1)
    world.ann.ensure_repo(world.repo.owner, world.repo.name)
    assert world.ann.list_pulls(world.repo, state=None) == ()


def protected(world: World) -> None:
    world.ann.ensure_protection(world.repo, Protection("master", approvals=1))
    world.ann.propose(world.repo, OFFER)


def test_a_comment_that_approves_counts_as_a_review_does(world: World) -> None:
    protected(world)
    world.bob.comment(world.repo, 1, "/approve")
    merged = world.bob.merge(world.repo, MergeRequest(1))
    (commit,) = world.repos.log(world.repo, merged, limit=1)
    assert commit.trailers["Jx-Approved-By"] == "Bob Ray <bob@example.com>"


def test_a_comment_approves_what_was_the_head_then(world: World) -> None:
    protected(world)
    world.bob.comment(world.repo, 1, "/approve")
    world.commit("add-redis", "redis", "2")
    with pytest.raises(Refused, match=r"0 of 1 approvals.*1 were given to an earlier commit"):
        world.bob.merge(world.repo, MergeRequest(1))


def test_a_comment_by_the_requester_or_without_the_right_to_write_approves_nothing(world: World) -> None:
    protected(world)
    world.ann.ensure_collaborator(world.repo, "eve", right="read")
    for login in ("ann", "eve"):
        world.login(login).comment(world.repo, 1, "/approve")
    with pytest.raises(Refused, match="0 of 1 approvals"):
        world.ann.merge(world.repo, MergeRequest(1))


def test_who_wrote_the_change_does_not_approve_it_by_a_comment_whoever_opened_it(world: World) -> None:
    world.ann.ensure_protection(world.repo, Protection("master", approvals=1))
    world.bob.propose(world.repo, OFFER)
    world.ann.comment(world.repo, 1, "/approve")
    with pytest.raises(Refused, match="0 of 1 approvals"):
        world.ann.merge(world.repo, MergeRequest(1))


RULES = Protection("master", approvals=1)
GUARDED = Protection("master", required_checks=("jx/plan", "jx/approval"), reporters=("bob",))


def test_who_pushed_is_told_by_their_tokens_whatever_the_commits_say(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    assert [one.login for one in world.bob.observe(world.repo, 1).pushed_by] == ["ann"]
    world.commit("add-redis", "redis", "2", by="bob", author="eve")
    assert [one.login for one in world.bob.observe(world.repo, 1).pushed_by] == ["ann", "bob"]


def test_who_pushed_under_another_name_does_not_approve_it(world: World) -> None:
    world.ann.ensure_protection(world.repo, RULES)
    world.ann.propose(world.repo, OFFER)
    world.commit("add-redis", "redis", "evil", by="bob", author="somebody")
    with pytest.raises(Refused, match="your own change"):
        world.bob.approve(world.repo, 1, revision=head(world))
    world.bob.comment(world.repo, 1, "/approve")
    with pytest.raises(Refused, match="0 of 1 approvals"):
        world.bob.merge(world.repo, MergeRequest(1))


def test_an_approval_that_was_given_before_one_pushed_does_not_come_back(world: World) -> None:
    world.ann.ensure_protection(world.repo, RULES)
    world.ann.propose(world.repo, OFFER)
    world.bob.approve(world.repo, 1, revision=head(world))
    world.commit("add-redis", "redis", "evil", by="bob", author="ann")
    world.bob.comment(world.repo, 1, "/approve")
    with pytest.raises(Refused, match="0 of 1 approvals"):
        world.bob.merge(world.repo, MergeRequest(1))


def test_a_commit_that_names_somebody_takes_no_approval_from_them(world: World) -> None:
    world.ann.ensure_protection(world.repo, RULES)
    world.commit("add-redis", "redis", "2", by="ann", author="bob")
    world.ann.propose(world.repo, OFFER)
    world.bob.approve(world.repo, 1, revision=head(world))
    world.ann.merge(world.repo, MergeRequest(1))


def test_what_the_platform_made_for_somebody_is_not_approved_by_them(world: World) -> None:
    rules = Protection("master", approvals=1, required_checks=("jx/plan",), reporters=("bob",))
    world.ann.ensure_protection(world.repo, rules)
    world.ann.ensure_collaborator(world.repo, "eve", right="write")
    base = head(world, "master")
    world.commit("made", "shop", "2", base=base, by="bob", author="eve")
    world.bob.propose(world.repo, Offer("made", "master", "Promote", ""))
    with pytest.raises(Refused, match="your own change"):
        world.login("eve").approve(world.repo, 1, revision=head(world, "made"))


def test_what_a_branch_needs_is_reported_only_by_whom_it_names(world: World) -> None:
    world.ann.ensure_protection(world.repo, GUARDED)
    pull = world.ann.propose(world.repo, OFFER)
    good = Check("jx/plan", CheckState.SUCCESS)
    with pytest.raises(Forbidden, match=r"jx/plan is reported by"):
        world.ann.set_status(world.repo, pull.head, good)
    world.ann.set_status(world.repo, pull.head, Check("ci", CheckState.SUCCESS))
    world.bob.set_status(world.repo, pull.head, good)
    assert good in world.ann.observe(world.repo, 1).checks


def test_a_refused_merge_says_which_command_gives_what_is_missing(world: World) -> None:
    world.ann.ensure_protection(world.repo, GUARDED)
    pull = world.ann.propose(world.repo, OFFER)
    world.bob.set_status(
        world.repo, pull.head, Check("jx/approval", CheckState.PENDING, "needs approval: a by bob")
    )
    with pytest.raises(Refused) as refused:
        world.bob.merge(world.repo, MergeRequest(1))
    assert "check jx/plan has not reported; check jx/approval is pending: needs approval: a by bob" in (
        refused.value.message
    )
    assert refused.value.hint == f"jx pr view {pull.url}; jx pr approve {pull.url}"


def test_only_who_looks_after_a_repository_merges_against_its_rules_and_that_is_kept(world: World) -> None:
    world.ann.ensure_protection(world.repo, GUARDED)
    world.ann.propose(world.repo, OFFER)
    against = MergeRequest(1, override="the charts' server\nis down")
    with pytest.raises(Forbidden, match="only who looks after"):
        world.bob.merge(world.repo, against)
    with pytest.raises(Refused, match="has not reported") as refused:
        world.ann.merge(world.repo, MergeRequest(1, override=" "))
    assert "--override REASON" in str(refused.value.hint)
    merged = world.ann.merge(world.repo, against)
    missing = "(missing: check jx/plan has not reported; check jx/approval has not reported)"
    (commit,) = world.repos.log(world.repo, merged, limit=1)
    assert commit.trailers["Jx-Override"] == (
        f"Ann Lee <ann@example.com>: the charts' server is down {missing}"
    )
    (said,) = world.ann.observe(world.repo, 1).comments
    assert said.body == f"Merged against the rules of master: the charts' server is down {missing}"
    assert said.author.login == "ann"


def test_a_merge_that_needs_no_override_keeps_none(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    merged = world.ann.merge(world.repo, MergeRequest(1, override="to be sure"))
    (commit,) = world.repos.log(world.repo, merged, limit=1)
    assert "Jx-Override" not in commit.trailers


def test_what_was_checked_on_a_base_that_moved_is_not_merged(world: World) -> None:
    world.ann.propose(world.repo, OFFER)
    seen = head(world, "master")
    moved = world.commit("master", "a", "2")
    with pytest.raises(Stale, match="master"):
        world.ann.merge(world.repo, MergeRequest(1, base=seen))
    world.ann.merge(world.repo, MergeRequest(1, base=moved))
