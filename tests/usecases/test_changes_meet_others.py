"""Servers that go down, and people who act in between: a command that asks for a change says what is the matter, leaves nothing
half done, and the next run goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import pytest
from tests.support.environments import CHARTS
from tests.support.faults import OUTAGES, Fault, Faults
from tests.support.proposing import ANN, World, repo_of

from jx.domain.changes.changes import PullRequest, PullState
from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.edits import PutApp, SetVersion, Several
from jx.domain.environments.environments import Strategy
from jx.domain.errors import JxError, Stale, Unavailable
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey, Person
from jx.domain.trees import Tree
from jx.ports.forge import MergeRequest
from jx.ports.repos import Draft
from jx.usecases.propose_change import ProposeChange
from jx.usecases.proposing.add_app import AddApp, AddAppRequest
from jx.usecases.proposing.edit_app import EditApp, EditAppRequest
from jx.usecases.proposing.edit_environment import EditEnvironment, EditEnvironmentRequest
from jx.usecases.proposing.edit_requirements import EditRequirements, EditRequirementsRequest
from jx.usecases.proposing.remove_app import RemoveApp, RemoveAppRequest
from jx.usecases.proposing.upgrade_apps import UpgradeApps, UpgradeAppsRequest
from jx.usecases.proposing.upgrade_platform import UpgradePlatform, UpgradePlatformRequest

BOB = Person("Bob", "bob@example.com", "bob")


@dataclass
class Process:
    """One run of a command, with its outside calls counted."""

    world: World
    faults: Faults

    def __post_init__(self) -> None:
        self.repos = self.faults.wrap(self.world.repos, "git")
        self.catalog = self.faults.wrap(self.world.catalog, "charts")
        forge = self.faults.wrap(self.world.forge, "forge")
        self.propose = ProposeChange(self.repos, forge, self.world.heard)
        self.keep = replace(self.world.keep_secrets, catalog=self.catalog)


Command = Callable[[Process], PullRequest | None]


def add(one: Process) -> PullRequest | None:
    return AddApp(one.propose, one.catalog, one.world.heard)(AddAppRequest(one.world.at, "shop"))


def upgrade(one: Process) -> PullRequest | None:
    use = UpgradeApps(one.propose, one.catalog, one.world.heard, one.keep)
    return use(UpgradeAppsRequest(one.world.at))


def delete(one: Process) -> PullRequest | None:
    return RemoveApp(one.propose)(RemoveAppRequest(one.world.at, "redis"))


def edit(one: Process) -> PullRequest | None:
    return EditApp(one.propose, one.keep)(EditAppRequest(one.world.at, "redis", ("size=3",)))


def edit_requirements(one: Process) -> PullRequest | None:
    request = EditRequirementsRequest(one.world.at, ("apply.maxDeletions=50",))
    return EditRequirements(one.propose)(request)


def edit_environment(one: Process) -> PullRequest | None:
    request = EditEnvironmentRequest(one.world.at, "staging", {"promotionStrategy": Strategy.MANUAL.value})
    return EditEnvironment(one.propose)(request)


def upgrade_platform(one: Process) -> PullRequest | None:
    use = UpgradePlatform(one.propose, one.catalog, one.repos, one.world.heard)
    return use(UpgradePlatformRequest(one.world.at))


COMMANDS: tuple[Command, ...] = (
    add,
    upgrade,
    delete,
    edit,
    edit_requirements,
    edit_environment,
    upgrade_platform,
)
each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)


@cache
def start() -> Tree:
    """A platform with two apps that can be upgraded."""
    chart = ChartRef("redis", CHARTS, "1.0.0")
    apps = (App(AppKey(alias or "redis"), chart, alias=alias) for alias in ("", "cache"))
    return umbrella.apply_edit(World().tree(), Several(tuple(PutApp(app) for app in apps)))


def world() -> World:
    made = World()
    made.fill(repo_of(made.environments["dev"]), start())
    return made


def open_pulls(made: World) -> list[PullRequest]:
    return list(made.forge.list_pulls(repo_of(made.environments["dev"])))


def files_of(made: World, pull: PullRequest) -> Tree:
    return made.repos.read(pull.repo, pull.head)


def merging(made: World, pull: PullRequest) -> Callable[[], None]:
    def merge() -> None:
        made.forge.merge(pull.repo, MergeRequest(pull.number))

    return merge


def error_of(command: Command, process: Process) -> JxError | None:
    try:
        command(process)
    except JxError as error:
        return error
    return None


@each_command
@pytest.mark.parametrize("fault", OUTAGES)
def test_a_server_that_is_down_is_said_and_the_next_run_goes_on(command: Command, fault: Fault) -> None:
    calm = world()
    expected = command(Process(calm, Faults()))
    assert expected is not None
    for at in range(1, 100):
        made = world()
        faults = Faults(at, fault)
        error = error_of(command, Process(made, faults))
        if len(faults.calls) < at:
            return
        assert error is None or isinstance(error, Unavailable), "what can be done without that server is done"
        assert all(pull.title == expected.title for pull in open_pulls(made))
        again = command(Process(made, Faults()))
        assert again is not None
        assert [pull.number for pull in open_pulls(made)] == [again.number]
        assert files_of(made, again) == files_of(calm, expected)
    raise AssertionError("it never comes to an end")


@each_command
def test_a_pull_request_that_is_closed_by_hand_in_between_is_opened_anew(command: Command) -> None:
    for at in range(1, 100):
        made = world()
        first = command(Process(made, Faults()))
        assert first is not None
        faults = Faults(at, meddle=partial(made.forge.close, first.repo, first.number))
        found = command(Process(made, faults))
        if len(faults.calls) < at:
            assert found == first
            return
        after = found if found and found.number != first.number else command(Process(made, Faults()))
        assert after is not None
        assert [pull.number for pull in open_pulls(made)] == [after.number]
        assert files_of(made, after) == files_of(made, first)
    raise AssertionError("it never comes to an end")


@each_command
def test_a_pull_request_that_is_merged_by_hand_in_between_leaves_nothing_to_do(command: Command) -> None:
    for at in range(1, 100):
        made = world()
        first = command(Process(made, Faults()))
        assert first is not None
        faults = Faults(at, meddle=merging(made, first))
        error_of(command, Process(made, faults))
        if len(faults.calls) < at:
            return
        merged = made.tree()
        error = error_of(command, Process(made, Faults()))
        assert (error and error.message) == ("app redis is not installed" if command is delete else None)
        assert made.tree() == merged
        assert all(files_of(made, pull) == merged for pull in open_pulls(made)), "one that changes nothing"
        assert umbrella.read(merged).apps
    raise AssertionError("it never comes to an end")


@each_command
def test_a_branch_that_somebody_else_pushed_to_is_left_to_them(command: Command) -> None:
    made = world()
    first = command(Process(made, Faults()))
    assert first is not None
    tree = files_of(made, first).put("NOTES", "mine\n")
    theirs = made.repos.write(
        first.repo, first.head_branch, base=first.head, draft=Draft(tree, "Mine\n", BOB)
    )
    with pytest.raises(Stale, match=f"{first.head_branch} of .* holds commits of Bob"):
        command(Process(made, Faults()))
    assert made.repos.head(first.repo, first.head_branch) == theirs
    assert [(pull.number, pull.state) for pull in open_pulls(made)] == [(first.number, PullState.OPEN)]


@each_command
def test_what_somebody_pushes_to_the_base_in_between_is_kept(command: Command) -> None:
    repo = repo_of(World().environments["dev"])
    for at in range(1, 100):
        made = world()

        def push() -> None:
            base = made.repos.head(repo, "master")  # noqa: B023 - called in this round
            draft = Draft(made.tree().put("NOTES", "theirs\n"), "Theirs\n", BOB)  # noqa: B023
            made.repos.write(repo, "master", base=base, draft=draft)  # noqa: B023

        faults = Faults(at, meddle=push)
        pull = command(Process(made, faults))
        assert pull is not None
        if len(faults.calls) < at:
            return
        made.forge.merge(repo, MergeRequest(pull.number))
        assert made.tree().text("NOTES") == "theirs\n"
    raise AssertionError("it never comes to an end")


def test_the_last_of_several_commits_may_be_all_that_is_left_to_do() -> None:
    """One app of an upgrade of all was upgraded by hand meanwhile."""
    made = world()
    tree = umbrella.apply_edit(made.tree(), SetVersion(AppKey("redis"), "1.2.0"))
    made.fill(repo_of(made.environments["dev"]), tree)
    propose = made.propose_change
    both = Several((SetVersion(AppKey("redis"), "1.2.0"), SetVersion(AppKey("cache"), "1.2.0")))
    pull = propose(propose.target(made.at, "dev"), both)
    assert pull is not None
    log = made.repos.log(pull.repo, pull.head, limit=2)
    assert log[0].subject == "Upgrade cache to 1.2.0"
    assert log[1].revision == made.repos.head(pull.repo, "master")
    assert log[0].author == ANN
