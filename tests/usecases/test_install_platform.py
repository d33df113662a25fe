"""An installation: what it makes, what a second run leaves alone, and what it refuses to touch."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.journeys import (
    ANN,
    BETTER,
    BOB,
    BOT,
    BROKEN,
    CHARTS,
    DEV,
    GOOD,
    OLGA,
    PRODUCTION,
    STAGING,
    STREAM,
    World,
    installed,
    merged,
    upgraded,
)

from jx.domain.charts.charts import ChartRef
from jx.domain.environments.edits import PutEnvironment
from jx.domain.errors import Failed, Locked, NotFound, Refused
from jx.domain.layouts import umbrella
from jx.domain.names import EnvironmentName, Repo
from jx.domain.secrets.vault_choice import VaultAt
from jx.domain.trees import Tree
from jx.ports.forge import Protection
from jx.ports.repos import Draft
from jx.usecases.platform import install_platform
from jx.usecases.proposing.upgrade_platform import UpgradePlatform, UpgradePlatformRequest
from jx.usecases.set_up_repository import RenewRules

NAMES = (DEV, STAGING, PRODUCTION)


@pytest.fixture
def world() -> World:
    return installed()


def install_again(world: World) -> tuple[str, ...]:
    return world.process(OLGA).install().changed


def test_repositories_content_rights_and_webhooks_are_made_and_named() -> None:
    world = World()
    report = world.process(OLGA).install()
    assert [one.name for one in report.environments] == list(NAMES)
    assert report.dev.name == DEV
    for name in NAMES:
        for what in ("repository", "content of", "rights on", "webhook of"):
            assert f"{what} team/environment-acme-{name}" in report.changed
        assert report.heads[name] == world.head(name)


def test_the_first_commit_is_of_whoever_installs(world: World) -> None:
    for name in NAMES:
        commit = world.repos.log(world.repo(name), world.head(name))[-1]
        assert commit.author == OLGA
        assert commit.subject.startswith("Initial import of ")


def test_the_version_stream_says_which_platform_is_installed(world: World) -> None:
    applied = world.anchor().applied
    assert applied is not None
    assert [(pin.name, pin.version) for pin in applied.charts] == [("jx-platform", GOOD)]


def test_a_named_version_wins_over_the_version_stream() -> None:
    world = World()
    outside = install_platform.World(
        "acme", "https://git.example.com", "https://git.example.com", "http://hook",
        ChartRef("jx-platform", CHARTS, BETTER), STREAM,
    )  # fmt: skip
    world.process(OLGA).install(world=outside)
    applied = world.anchor().applied
    assert applied is not None
    assert applied.charts[0].version == BETTER


def test_a_version_stream_that_does_not_know_the_platform_is_not_found() -> None:
    world = World()
    world.repos.write(
        STREAM, "master", base=world.repos.head(STREAM, "master"), draft=Draft(Tree(), "Empty it", OLGA)
    )
    with pytest.raises(NotFound, match="names no version of jx-platform") as caught:
        world.process(OLGA).install()
    assert "--version" in caught.value.hint
    assert world.cluster.writes() == []


def test_without_default_environments_there_is_only_dev() -> None:
    world = World()
    report = world.process(OLGA).install(only_dev=True)
    assert [one.name for one in report.environments] == [DEV]


def test_without_an_apply_the_cluster_gets_nothing_but_credentials() -> None:
    world = World()
    world.process(OLGA).install(apply=False)
    assert world.cluster.writes() == []
    assert world.credentials.ensure("jx", "jx-git", {}, keep=True) == {
        "username": "jx-bot",
        "token": "a-token",
    }


def test_a_second_run_changes_nothing(world: World) -> None:
    writes, hooks, heads = (
        len(world.cluster.writes()),
        dict(world.hooks),
        [world.head(name) for name in NAMES],
    )
    assert install_again(world) == ()
    assert len(world.cluster.writes()) == writes
    assert world.hooks == hooks
    assert [world.head(name) for name in NAMES] == heads
    assert len(world.ledger()) == 1


def test_a_second_run_after_changes_takes_nothing_back(world: World) -> None:
    upgraded(world, BETTER)
    world.process(ANN).add_app("redis")
    merged(world, 2)
    world.settle()
    before = copy.deepcopy(world.cluster.objects)
    assert install_again(world) == ()
    assert world.cluster.objects == before
    applied = world.anchor().applied
    assert applied is not None
    assert {pin.key: pin.version for pin in applied.charts} == {"jx-platform": BETTER, "redis": "1.1.0"}


def test_a_second_run_puts_back_what_somebody_took_away(world: World) -> None:
    for ref in [ref for ref in world.cluster.objects if ref.kind == "Deployment"]:
        world.cluster.remove(ref)
    world.forge.ensure_collaborator(world.repo(STAGING), BOT.login, right="read")
    assert install_again(world) == ("rights on team/environment-acme-staging", "objects of dev")
    assert world.cluster.is_running()
    assert install_again(world) == ()


def test_the_key_of_the_webhooks_is_drawn_once_and_a_new_token_is_taken_over(world: World) -> None:
    key = world.credentials.ensure("jx", "jx-webhook", {}, keep=True)["hmac"]
    assert set(world.hooks.values()) == {key}
    world.process(OLGA).install(bot=install_platform.Account("jx-bot", "another-token"))
    assert set(world.hooks.values()) == {key}
    assert world.credentials.ensure("jx", "jx-git", {}, keep=True)["token"] == "another-token"


def test_no_token_is_ever_told(world: World) -> None:
    account = install_platform.Account("jx-bot", "a-token")
    assert "a-token" not in repr(account)
    assert "a-token" not in world.reporter.text


def test_a_repository_that_holds_something_else_is_refused_before_anything_is_applied() -> None:
    world = World()
    repo = world.repo(STAGING)
    world.forge.adopt(repo)
    other = Tree().put("README.md", "Something of mine.\n")
    world.repos.write(repo, "master", base=None, draft=Draft(other, "Begin", ANN))
    with pytest.raises(Refused, match="holds no environment") as caught:
        world.process(OLGA).install()
    assert "--default-environment-prefix" in caught.value.hint
    assert world.repos.read(repo, world.head(STAGING)) == other
    assert world.cluster.writes() == []


def test_an_environment_that_is_there_already_is_kept_as_it_is() -> None:
    """Another cluster's, perhaps: what is on its branch is what gets installed."""
    first = installed()
    upgraded(first, BETTER)
    second = World()
    second.repos, second.forge = first.repos, first.forge
    report = second.process(OLGA).install(apply=False)
    assert report.heads[DEV] == first.head()


def test_a_dev_repository_that_knows_nothing_of_the_store_is_kept_and_that_is_said(world: World) -> None:
    outside = install_platform.World(
        "acme", "https://git.example.com", "https://git.example.com", "http://hook", ChartRef("jx-platform", CHARTS, ""),
        STREAM, vault=VaultAt("https://vault.example"),
    )  # fmt: skip
    head = world.head()
    world.process(OLGA).install(world=outside)
    assert world.head() == head
    told = [event.message for event in world.reporter.events if "vault.url" in event.message]
    way = "jx edit app jx-platform --set vault.url=https://vault.example"
    assert told == [f"team/environment-acme-dev is there already, and does not name the secret store: {way}"]


def test_two_installations_at_once_end_as_one() -> None:
    world = World()
    other: list[install_platform.InstallReport] = []

    class Meanwhile:
        """Repositories that somebody else fills right before we do."""

        def __getattr__(self, name: str) -> object:
            if name == "write" and not other:
                other.append(world.process(OLGA).install())
            return getattr(world.repos, name)

    mine = world.process(OLGA)
    mine.repos = Meanwhile()
    report = mine.install()
    assert report.heads == other[0].heads
    assert len(world.repos.log(world.repo(), world.head())) == 1
    assert len(world.ledger()) == 1


def test_an_apply_that_runs_already_is_not_disturbed_but_waited_for(world: World) -> None:
    world.locks.acquire(DEV, holder="the controllers", lease=timedelta(minutes=2))
    process = world.process(OLGA)
    before = world.clock.elapsed()
    assert process.install().changed == ()
    assert world.clock.elapsed() - before >= timedelta(minutes=2)
    waits = [event.message for event in world.reporter.events if event.message.startswith("Waiting: ")]
    assert len(waits) == 1
    assert "the controllers" in waits[0]


def test_an_apply_that_does_not_end_is_named_when_the_time_is_over(world: World) -> None:
    world.locks.acquire(DEV, holder="the controllers", lease=timedelta(hours=2))
    with pytest.raises(Locked, match="the controllers"):
        install_again(world)


def test_a_platform_that_does_not_come_up_is_a_failure_each_time_and_told_once_in_the_ledger() -> None:
    world = World()
    outside = install_platform.World(
        "acme", "https://git.example.com", "https://git.example.com", "http://hook",
        ChartRef("jx-platform", CHARTS, BROKEN), STREAM,
    )  # fmt: skip
    for _ in range(2):
        with pytest.raises(Failed, match="jx-controllers"):
            world.process(OLGA).install(world=outside)
    assert len(world.ledger()) == 1


def test_people_get_no_rights_that_nobody_gave_them(world: World) -> None:
    stranger = replace(BOB, login="eve")
    with pytest.raises(NotFound):
        world.forge_as(stranger).list_pulls(world.repo())


def make_rules_old(world: World, *names: str) -> None:
    """As an earlier version left them: an approval, and no check."""
    for name in names:
        repo = world.environments[name].repo  # type: ignore[index]
        assert repo is not None
        world.forge_as(OLGA).ensure_protection(repo, Protection("master", approvals=1))


def created(world: World, name: str) -> None:
    """An environment of somebody's own, as `jx create env` declares it, with a repository that has no rules."""
    repo = Repo(world.repo(STAGING).url.replace("staging", name))
    world.forge_as(OLGA).ensure_repo(repo.owner, repo.name)
    edit = PutEnvironment(
        EnvironmentName(name),
        {"namespace": f"jx-{name}", "kind": "Permanent", "promotionStrategy": "Auto", "order": 50}
        | {"source": {"url": repo.url, "ref": "master"}},
    )
    world.push(umbrella.apply_edit(world.tree(), edit), f"Create {name}")


def test_a_second_run_renews_rules_that_an_older_version_made(world: World) -> None:
    make_rules_old(world, DEV, STAGING, PRODUCTION)
    again = install_again(world)
    assert {f"rights on {world.repo(name).full_name}" for name in NAMES} <= set(again)
    assert install_again(world) == ()


def test_a_second_run_renews_the_rules_of_environments_that_were_created_since(world: World) -> None:
    created(world, "qa")
    again = install_again(world)
    assert "rights on team/environment-acme-qa" in again
    assert "webhook of team/environment-acme-qa" in again
    assert install_again(world) == ()


def test_an_upgrade_renews_rules_once_there_is_nothing_left_to_upgrade(world: World) -> None:
    created(world, "qa")
    make_rules_old(world, DEV, STAGING)
    renew = RenewRules(
        world.process(OLGA).forge, lambda: OLGA, world.credentials, "http://hook", world.reporter
    )
    process = world.process(ANN)
    use = UpgradePlatform(process.propose_change, process.catalog, process.repos, world.reporter, renew)
    assert use(UpgradePlatformRequest(world.at, BETTER)) is not None
    assert use(UpgradePlatformRequest(world.at, GOOD, only_check=True)) is None
    assert "Renewed" not in world.reporter.text, "older controllers report nothing of what newer rules want"
    assert use(UpgradePlatformRequest(world.at, GOOD)) is None
    for name in ("dev", "staging", "qa"):
        assert f"Renewed rights on team/environment-acme-{name}" in world.reporter.text
    told = world.reporter.text.count("Renewed")
    assert use(UpgradePlatformRequest(world.at, GOOD)) is None
    assert world.reporter.text.count("Renewed") == told


def test_rules_that_may_not_be_renewed_are_told_and_keep_nobody_from_anything(world: World) -> None:
    renew = RenewRules(
        world.process(ANN).forge, lambda: ANN, world.credentials, "http://hook", world.reporter
    )
    process = world.process(ANN)
    use = UpgradePlatform(process.propose_change, process.catalog, process.repos, world.reporter, renew)
    assert use(UpgradePlatformRequest(world.at, GOOD)) is None
    assert (
        "the rules of team/environment-acme-dev stay as they are: ann has no right to admin"
        in world.reporter.text
    )
