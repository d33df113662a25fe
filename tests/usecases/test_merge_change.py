"""What merges itself and what does not, and what is made anew where its base has moved."""

from __future__ import annotations

import pytest
from tests.support.proposing import ANN, World, repo_of

from jx.adapters.local.memory_forge import MemoryForge
from jx.domain.changes.changes import Check, CheckState, PullRequest, PullState
from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.edits import Edit, PutApp, RemoveApp, SetVersion, Several
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey, Person
from jx.ports.forge import Offer, Protection
from jx.ports.repos import Draft
from jx.usecases.reviewing.merge_change import MergeChange

BOB = Person("Bob", "bob@example.com", "bob")


class Staging:
    """Pull requests on one environment, and the controllers that look at them."""

    def __init__(self) -> None:
        self.world = World()
        self.environment = self.world.environments["staging"]
        self.repo = repo_of(self.environment)
        self.forge: MemoryForge = self.world.forge

    def propose(self, edit: Edit, *, auto_merge: bool = True) -> PullRequest:
        propose = self.world.propose_change
        pull = propose(propose.target(self.world.at, "staging"), edit, auto_merge=auto_merge)
        assert pull is not None
        return pull

    def checked(self, edit: Edit, *, auto_merge: bool = True) -> PullRequest:
        pull = self.propose(edit, auto_merge=auto_merge)
        self.plan(pull)
        return pull

    def plan(self, pull: PullRequest) -> None:
        """The plan of it on today's base has nothing against it."""
        base = self.world.repos.head(self.repo, pull.base_branch)
        assert base is not None
        words = f"1 object will change (on {base[:12]})"
        self.forge.set_status(self.repo, pull.head, Check("jx/plan", CheckState.SUCCESS, words))

    def look(self, pull: PullRequest, *, is_asked: bool = False) -> PullRequest:
        use = MergeChange(self.world.repos, self.forge, self.forge, self.world.heard)
        use(self.environment, pull.number, must_replay=is_asked)
        return self.forge.observe(self.repo, pull.number)

    def push(self, branch: str, files: dict[str, str], message: str = "By hand\n") -> None:
        head = self.world.repos.head(self.repo, branch)
        tree = self.world.tree("staging", branch)
        for path, text in files.items():
            tree = tree.put(path, text)
        self.world.repos.write(self.repo, branch, base=head, draft=Draft(tree, message, BOB))


def app(name: str, version: str = "1.0.0") -> PutApp:
    return PutApp(App(AppKey(name), ChartRef(name, "https://charts.example.com", version)))


@pytest.fixture
def staging() -> Staging:
    return Staging()


def test_what_is_labelled_and_checked_is_merged(staging: Staging) -> None:
    assert staging.look(staging.checked(app("redis"))).state is PullState.MERGED


def test_without_the_label_a_person_merges(staging: Staging) -> None:
    assert staging.look(staging.checked(app("redis"), auto_merge=False)).state is PullState.OPEN


def test_without_our_plan_nothing_is_merged_whatever_others_say(staging: Staging) -> None:
    pull = staging.propose(app("redis"))
    staging.forge.set_status(staging.repo, pull.head, Check("ci", CheckState.SUCCESS))
    assert staging.look(pull).state is PullState.OPEN


@pytest.mark.parametrize("state", [CheckState.PENDING, CheckState.FAILURE, CheckState.ERROR])
def test_one_check_that_does_not_say_yes_is_enough_to_wait(staging: Staging, state: CheckState) -> None:
    pull = staging.checked(app("redis"))
    staging.forge.set_status(staging.repo, pull.head, Check("ci", state))
    assert staging.look(pull).state is PullState.OPEN


@pytest.mark.parametrize(
    ("title", "labels"), [("Add redis", ("do-not-merge/hold",)), ("WIP Add redis", ()), ("Draft: redis", ())]
)
def test_people_stop_a_merge_by_label_or_title(staging: Staging, title: str, labels: tuple[str, ...]) -> None:
    pull = staging.checked(app("redis"))
    staging.forge.propose(
        staging.repo, Offer(pull.head_branch, pull.base_branch, title, "", ("updatebot", *labels))
    )
    assert staging.look(pull).state is PullState.OPEN


def test_rules_of_the_branch_are_the_forges_word(staging: Staging) -> None:
    staging.forge.ensure_protection(staging.repo, Protection("master", approvals=1))
    staging.forge.ensure_collaborator(staging.repo, BOB.login, right="write")
    pull = staging.checked(app("redis"))
    assert staging.look(pull).state is PullState.OPEN
    staging.forge.login_as(BOB).approve(staging.repo, pull.number, revision=pull.head)
    assert staging.look(pull).state is PullState.MERGED


def test_what_a_machine_made_is_made_anew_on_a_base_that_moved(staging: Staging) -> None:
    first, second = staging.checked(app("redis")), staging.checked(app("shop"))
    staging.look(first)
    again = staging.look(second)
    assert (again.state, again.head != second.head, again.checks) == (PullState.OPEN, True, ())
    commit = staging.world.repos.log(staging.repo, again.head, limit=1)[0]
    assert (commit.author, commit.trailers["Jx-Requested-By"]) == (ANN, str(ANN))
    assert f"Rebasing PullRequest due to conflict: {again.url}" in staging.world.heard.messages[-1]
    staging.plan(again)
    assert staging.look(again).state is PullState.MERGED
    text = staging.world.tree("staging").text("env/Chart.yaml")
    assert "name: redis" in text
    assert "name: shop" in text


def test_an_upgrade_of_several_apps_stays_a_commit_for_each_when_it_is_made_anew(staging: Staging) -> None:
    for name in ("redis", "shop"):
        staging.look(staging.look(staging.checked(app(name))))
        staging.push("master", {"env/Chart.yaml": staging.world.tree("staging").text("env/Chart.yaml")})
    pull = staging.checked(
        Several((SetVersion(AppKey("redis"), "2.0.0"), SetVersion(AppKey("shop"), "3.0.0")))
    )
    titles = ["Upgrade shop to 3.0.0", "Upgrade redis to 2.0.0"]
    assert [one.subject for one in staging.world.repos.log(staging.repo, pull.head)][:2] == titles
    staging.look(staging.checked(SetVersion(AppKey("redis"), "1.5.0")))
    again = staging.look(pull)
    assert again.head != pull.head
    log = staging.world.repos.log(staging.repo, again.head)
    assert [one.subject for one in log][:2] == titles
    assert log[2].revision == staging.world.repos.head(staging.repo, "master")
    staging.plan(again)
    assert staging.look(again).state is PullState.MERGED
    spec = umbrella.read(staging.world.tree("staging"))
    assert {str(one.key): one.chart.version for one in spec.apps} == {"redis": "2.0.0", "shop": "3.0.0"}


def test_a_persons_own_commits_are_left_to_the_person(staging: Staging) -> None:
    pull = staging.checked(app("shop"))
    staging.push(pull.head_branch, {"env/shop/values.yaml": "a: 1\n"})
    head = staging.world.repos.head(staging.repo, pull.head_branch)
    staging.look(staging.checked(app("redis")))
    assert staging.look(pull).head == head


def test_what_the_base_has_by_now_is_closed_with_a_word(staging: Staging) -> None:
    staging.look(staging.checked(app("redis")))
    upgrade = staging.checked(SetVersion(AppKey("redis"), "2.0.0"))
    text = staging.world.tree("staging").text("env/Chart.yaml").replace("1.0.0", "2.0.0")
    staging.push("master", {"env/Chart.yaml": f"# by hand\n{text}"})
    after = staging.look(upgrade)
    assert after.state is PullState.CLOSED
    assert "nothing left to change" in after.comments[-1].body


def test_what_cannot_be_made_on_the_new_base_says_why_once(staging: Staging) -> None:
    staging.look(staging.checked(app("redis")))
    upgrade, removal = (
        staging.checked(edit) for edit in (SetVersion(AppKey("redis"), "2.0.0"), RemoveApp(AppKey("redis")))
    )
    staging.look(removal)
    for _ in range(2):
        after = staging.look(upgrade)
    assert after.state is PullState.OPEN
    assert [comment.body for comment in after.comments] == [
        "This cannot be made on today's master: app redis is not installed\n"
    ]


def test_what_was_planned_on_a_base_that_moved_waits_for_its_next_plan(staging: Staging) -> None:
    pull = staging.checked(app("redis"))
    staging.push("master", {"README.md": "by hand\n"})
    assert staging.look(pull).state is PullState.OPEN
    staging.plan(pull)
    assert staging.look(pull).state is PullState.MERGED


def said(pull: PullRequest) -> list[str]:
    return [comment.body for comment in pull.comments]


def test_whoever_asks_for_a_rebase_is_told_that_it_was_done(staging: Staging) -> None:
    pull = staging.checked(app("redis"))
    staging.push("master", {"README.md": "by hand\n"})
    base = staging.world.repos.head(staging.repo, "master")
    assert base is not None
    again = staging.look(pull, is_asked=True)
    assert again.head != pull.head
    assert said(again) == [f"It was made anew on master ({base[:12]}). Approvals are given again.\n"]


def test_whoever_asks_for_a_rebase_of_what_is_on_its_base_is_told_so_once(staging: Staging) -> None:
    pull = staging.checked(app("redis"))
    base = staging.world.repos.head(staging.repo, "master")
    assert base is not None
    for _ in range(2):
        after = staging.look(pull, is_asked=True)
    assert after.head == pull.head
    assert said(after) == [f"It is on today's master ({base[:12]}).\n"]


def test_whoever_asks_for_a_rebase_of_a_persons_commits_is_told_who_does_it_and_how(staging: Staging) -> None:
    pull = staging.checked(app("shop"))
    staging.push(pull.head_branch, {"env/shop/values.yaml": "a: 1\n"})
    head = staging.world.repos.head(staging.repo, pull.head_branch)
    for _ in range(2):
        after = staging.look(pull, is_asked=True)
    assert after.head == head
    (words,) = said(after)
    assert "Here are commits of people" in words
    assert "git rebase origin/master" in words
    assert "Nothing conflicts" in words


def test_a_persons_commit_that_conflicts_is_not_said_to_merge_as_it_is(staging: Staging) -> None:
    pull = staging.checked(app("shop"))
    staging.push(pull.head_branch, {"README.md": "mine\n"})
    staging.push("master", {"README.md": "theirs\n"})
    (words,) = said(staging.look(pull, is_asked=True))
    assert "Nothing conflicts" not in words
