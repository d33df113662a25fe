"""Several pull requests that merge by themselves at once: each is checked on the base that it is merged into, and all survive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.engine import Engine
from tests.support.journeys import ANN, OLGA, STAGING, World, installed

from jx.domain.changes.changes import Check, CheckState, PullRequest, PullState
from jx.domain.errors import Refused
from jx.domain.names import Revision
from jx.domain.runs.runs import CHECK, NewRun, RunState
from jx.ports.forge import Offer
from jx.ports.repos import Commit, Draft
from jx.usecases.propose_change import AUTO_MERGE_LABEL
from jx.usecases.proposing.add_app import AddApp, AddAppRequest

ROUNDS = 30


@pytest.fixture
def engine() -> Engine:
    return Engine(installed())


def add(world: World, app: str, alias: str = "") -> None:
    use = AddApp(world.process(ANN).propose_change, world.catalog, world.reporter)
    assert use(AddAppRequest(world.at, app, STAGING, alias=alias, auto_merge=True))


def push(world: World, branch: str, path: str, text: str) -> None:
    """A person's own commit, offered to be merged by itself."""
    repo = world.repo(STAGING)
    draft = Draft(world.tree(STAGING).put(path, text), f"Write {path}", ANN)
    base = world.head(STAGING)
    world.repos.login_as(ANN).replace(repo, branch, base=base, draft=draft)
    world.forge_as(ANN).propose(repo, Offer(branch, "master", branch, "", (AUTO_MERGE_LABEL,)))


def pulls(world: World, state: PullState = PullState.OPEN) -> tuple[PullRequest, ...]:
    return world.forge.list_pulls(world.repo(STAGING), state=state)


def check_all(engine: Engine) -> None:
    """The engine ends every check that it was given, as good."""
    for run in engine.pipelines.list_all():
        if run.context == CHECK and run.state.is_open:
            engine.end(engine.begin(run))


def drain(engine: Engine) -> None:
    """Controllers look and checks end, until nothing is open."""
    for _ in range(ROUNDS):
        engine.checking().work(patience=timedelta(seconds=1))
        check_all(engine)
        if not pulls(engine.world):
            return
    raise AssertionError(f"still open: {[pull.title for pull in pulls(engine.world)]}")


def merges(world: World) -> list[Commit]:
    log = world.repos.log(world.repo(STAGING), world.head(STAGING))
    return [commit for commit in log if len(commit.parents) == 2]


def was_checked(engine: Engine, head: Revision, base: Revision) -> bool:
    good = {run.name for run in engine.pipelines.list_all() if run.state is RunState.SUCCEEDED}
    found: list[NewRun] = [run for run in engine.pipelines.started if run.context == CHECK]
    return any(run.name in good and run.revision == head and base[:12] in run.name for run in found)


def test_a_change_that_reached_the_base_by_another_way_is_closed_with_a_word(engine: Engine) -> None:
    world = engine.world
    use = AddApp(world.process(ANN).propose_change, world.catalog, world.reporter)
    pull = use(AddAppRequest(world.at, "redis", STAGING))
    assert pull is not None
    repo = world.repo(STAGING)
    tree = world.repos.read(repo, pull.head).put("README.md", "and something else\n")
    world.repos.login_as(ANN).write(
        repo, "master", base=world.head(STAGING), draft=Draft(tree, "By hand", ANN)
    )
    engine.checking().work(patience=timedelta(seconds=1))
    (closed,) = pulls(world, PullState.CLOSED)
    assert closed.number == pull.number
    assert "master is so already: there is nothing left to change.\n" in [
        one.body for one in world.pull(pull.number, STAGING).comments
    ]
    assert not merges(world)


def test_promotions_into_one_file_and_peoples_commits_are_all_merged(engine: Engine) -> None:
    world = engine.world
    add(world, "shop")
    add(world, "redis")
    add(world, "redis", "cache")
    push(world, "mine", "README.md", "mine\n")
    push(world, "more", "NOTES.md", "more\n")
    drain(engine)
    text = world.tree(STAGING).text("env/Chart.yaml")
    assert [word for word in ("name: shop", "name: redis", "alias: cache") if word in text] == [
        "name: shop", "name: redis", "alias: cache",
    ]  # fmt: skip
    assert "# The apps." in text
    assert (world.tree(STAGING).text("README.md"), world.tree(STAGING).text("NOTES.md")) == (
        "mine\n",
        "more\n",
    )
    assert len(pulls(world, PullState.MERGED)) == 5


def test_each_was_checked_on_the_very_base_that_it_went_into(engine: Engine) -> None:
    world = engine.world
    add(world, "shop")
    add(world, "redis")
    push(world, "mine", "README.md", "mine\n")
    drain(engine)
    landed = merges(world)
    assert len(landed) == 3
    for commit in landed:
        base, head = commit.parents
        assert was_checked(engine, head, base), commit.subject


def test_two_promotions_of_one_app_leave_the_newer(engine: Engine) -> None:
    world = engine.world
    world.process(ANN).promote("1.0.0", STAGING)
    world.process(ANN).promote("2.0.0", STAGING)
    drain(engine)
    assert "version: 2.0.0" in world.tree(STAGING).text("env/Chart.yaml")


def test_one_that_a_person_has_to_mend_keeps_no_other_from_being_merged(engine: Engine) -> None:
    world = engine.world
    push(world, "mine", "README.md", "mine\n")
    push(world, "yours", "README.md", "yours\n")
    add(world, "shop")
    for _ in range(6):
        engine.checking().work(patience=timedelta(seconds=1))
        check_all(engine)
    assert [pull.title for pull in pulls(world)] == ["yours"]
    assert "name: shop" in world.tree(STAGING).text("env/Chart.yaml")


def test_a_check_that_fails_is_not_merged_and_the_next_is(engine: Engine) -> None:
    world = engine.world
    add(world, "shop")
    add(world, "redis")
    engine.checking().work(patience=timedelta(seconds=1))
    first = next(
        run for run in engine.pipelines.list_all() if run.context == CHECK and run.pipeline.endswith("PR-1")
    )
    engine.end(engine.begin(first), RunState.FAILED, "no")
    for _ in range(4):
        check_others(engine, "PR-1")
        engine.checking().work(patience=timedelta(seconds=1))
    assert [pull.number for pull in pulls(world, PullState.MERGED)] == [2]


def check_others(engine: Engine, but: str) -> None:
    for run in engine.pipelines.list_all():
        if run.context == CHECK and run.state.is_open:
            is_bad = run.pipeline.endswith(but)
            engine.end(engine.begin(run), RunState.FAILED if is_bad else RunState.SUCCEEDED)


def test_a_merge_by_hand_in_between_has_the_next_checked_anew(engine: Engine) -> None:
    world = engine.world
    add(world, "shop")
    engine.checking().work(patience=timedelta(seconds=1))
    check_all(engine)
    world.push(world.tree(STAGING).put("NOTES.md", "by hand\n"), "By hand", STAGING)
    base = world.head(STAGING)
    drain(engine)
    (landed,) = merges(world)
    assert landed.parents[0] == base
    assert was_checked(engine, landed.parents[1], base)


# After a merge the others would have to be checked on another base, and most of them for nothing


MANY = 6


def propose(world: World, number: int) -> Revision:
    """Somebody's commit for dev, which needs an approval, into a file of its own."""
    repo, branch = world.repo(), f"mine-{number}"
    draft = Draft(world.tree().put(f"notes/{number}.md", "mine\n"), f"Note {number}", ANN)
    head = world.repos.login_as(ANN).replace(repo, branch, base=world.head(), draft=draft)
    world.forge_as(ANN).propose(repo, Offer(branch, "master", branch, ""))
    return head


def look(engine: Engine) -> None:
    engine.checking().work(patience=timedelta(seconds=1))


def plan_of(world: World, number: int) -> Check:
    return next(one for one in world.pull(number).checks if one.context == "jx/plan")


def count_checks(engine: Engine) -> int:
    return sum(run.context == CHECK for run in engine.pipelines.started)


@pytest.fixture
def waiting(engine: Engine) -> Engine:
    """Pull requests that all were checked, and a base that has moved since."""
    for number in range(1, MANY + 1):
        propose(engine.world, number)
    look(engine)
    check_all(engine)
    look(engine)
    engine.world.push(engine.world.tree().put("NOTES.md", "x\n"), "Move on")
    look(engine)
    check_all(engine)
    look(engine)
    return engine


def test_a_base_that_moved_has_the_oldest_checked_anew_and_the_others_say_that_they_wait(
    waiting: Engine,
) -> None:
    world = waiting.world
    assert count_checks(waiting) == MANY + 1
    assert f"(on {world.head()[:12]})" in plan_of(world, 1).description
    plans = [plan_of(world, number) for number in range(2, MANY + 1)]
    assert {plan.state for plan in plans} == {CheckState.PENDING}
    assert {plan.description for plan in plans} == {
        "master has moved: checked anew when its turn comes to be merged, or now by /test (waits)"
    }


def test_nothing_is_merged_by_a_plan_for_a_base_that_has_moved(waiting: Engine) -> None:
    world = waiting.world
    world.process(OLGA).approve(3)
    with pytest.raises(Refused, match="jx/plan"):
        world.process(OLGA).merge(3)


def test_what_somebody_approves_is_checked_on_todays_base(waiting: Engine) -> None:
    world = waiting.world
    world.process(OLGA).approve(3)
    look(waiting)
    check_all(waiting)
    look(waiting)
    assert f"(on {world.head()[:12]})" in plan_of(world, 3).description
    assert count_checks(waiting) == MANY + 2
    world.process(OLGA).merge(3)


def test_one_that_waits_is_checked_at_once_when_somebody_asks(waiting: Engine) -> None:
    world = waiting.world
    world.forge_as(OLGA).comment(world.repo(), 4, "/test")
    look(waiting)
    assert f"(on {world.head()[:12]}, asked 1)" in plan_of(world, 4).description
    assert count_checks(waiting) == MANY + 2
    world.push(world.tree().put("NOTES.md", "y\n"), "Move on again")
    look(waiting)
    assert plan_of(world, 4).description.endswith("(waits, asked 1)")


def test_a_new_commit_is_checked_whatever_else_waits(waiting: Engine) -> None:
    world = waiting.world
    head = world.repos.head(world.repo(), "mine-5")
    draft = Draft(world.tree().put("notes/5.md", "better\n"), "Note 5, better", ANN)
    world.repos.login_as(ANN).write(world.repo(), "mine-5", base=head, draft=draft)
    look(waiting)
    assert f"(on {world.head()[:12]})" in plan_of(world, 5).description


def test_what_merges_by_itself_takes_checks_that_grow_with_their_number_not_with_its_square(
    engine: Engine,
) -> None:
    world = engine.world
    for number in range(MANY):
        push(world, f"mine-{number}", f"notes/{number}.md", "mine\n")
    drain(engine)
    assert len(pulls(world, PullState.MERGED)) == MANY
    # Each once when it came, and once more when its turn came: all but the first.
    assert count_checks(engine) == 2 * MANY - 1
    for commit in merges(world):
        base, head = commit.parents
        assert was_checked(engine, head, base), commit.subject


def test_a_check_that_fails_at_its_turn_lets_the_next_have_its_own(engine: Engine) -> None:
    world = engine.world
    for number in range(3):
        push(world, f"mine-{number}", f"notes/{number}.md", "mine\n")
    look(engine)
    for _ in range(4):
        check_others(engine, "PR-1")
        look(engine)
    assert [pull.number for pull in pulls(world, PullState.MERGED)] == [3, 2]
