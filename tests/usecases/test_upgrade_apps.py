"""Upgrading, removing and editing apps by pull request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.proposing import ANN, World, repo_of

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_catalog import make_chart
from jx.domain.charts.apps import AppPlace
from jx.domain.environments.edits import PutPlace, SetVersion, parse_edit
from jx.domain.errors import Invalid, NotFound, Refused, Stale, Usage
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey
from jx.ports.repos import Draft
from jx.usecases.proposing.add_app import AddApp, AddAppRequest
from jx.usecases.proposing.edit_app import EditApp, EditAppRequest
from jx.usecases.proposing.remove_app import RemoveApp, RemoveAppRequest
from jx.usecases.proposing.require_dependencies import RequireDependencies
from jx.usecases.proposing.upgrade_apps import UpgradeApps, UpgradeAppsRequest


@pytest.fixture
def world() -> World:
    world = World()
    add = AddApp(world.propose_change, world.catalog, world.heard)
    for request in (
        AddAppRequest(world.at, "redis", version="1.0.0"),
        AddAppRequest(world.at, "redis", version="1.0.0", alias="cache"),
        AddAppRequest(world.at, "shop"),
    ):
        pull = add(request)
        assert pull is not None
        world.merge(pull.head_branch)
    world.heard.events.clear()
    return world


def upgrade(world: World) -> UpgradeApps:
    return UpgradeApps(world.propose_change, world.catalog, world.heard, world.keep_secrets)


def versions(world: World, branch: str) -> dict[str, str]:
    return {str(app.key): app.chart.version for app in umbrella.read(world.tree(branch=branch)).apps}


def test_one_app_is_moved_to_its_newest_version(world: World) -> None:
    pull = upgrade(world)(UpgradeAppsRequest(world.at, "redis"))
    assert pull is not None
    assert pull.head_branch.startswith("upgrade-app-redis-1.2.0-")
    assert (pull.title, pull.body) == ("Upgrade redis to 1.2.0", "Upgrade redis from 1.0.0 to 1.2.0")
    assert versions(world, pull.head_branch) == {
        "jx-platform": "1.0.0",
        "redis": "1.2.0",
        "cache": "1.0.0",
        "shop": "2.0.0",
    }
    app = world.tree(branch=pull.head_branch).text("env/redis/templates/app.yaml")
    assert "jenkins.io/app-version: 1.2.0" in app


def test_an_alias_means_that_app_only(world: World) -> None:
    pull = upgrade(world)(UpgradeAppsRequest(world.at, "redis", alias="cache", version="2.0.0-rc.1"))
    assert pull is not None
    assert versions(world, pull.head_branch)["cache"] == "2.0.0-rc.1"
    assert versions(world, pull.head_branch)["redis"] == "1.0.0"
    with pytest.raises(Usage):
        upgrade(world)(UpgradeAppsRequest(world.at, "shop", alias="cache"))


def test_all_apps_are_moved_each_to_its_own_version_and_the_platform_is_left_alone(world: World) -> None:
    world.catalog.add(make_chart("shop", "2.5.0"))
    pull = upgrade(world)(UpgradeAppsRequest(world.at))
    assert pull is not None
    assert pull.head_branch.startswith("upgrade-all-apps-")
    assert pull.title == "Upgrade all apps"
    assert pull.body == (
        "Upgrade all apps:\n* redis from 1.0.0 to 1.2.0\n* cache from 1.0.0 to 1.2.0\n* shop from 2.0.0 to 2.5.0"
    )
    assert versions(world, pull.head_branch)["jx-platform"] == "1.0.0"


def test_nothing_newer_is_said_so(world: World) -> None:
    assert upgrade(world)(UpgradeAppsRequest(world.at, "shop")) is None
    assert world.heard.messages == ["No upgrades available"]


def test_an_app_that_is_not_there_is_named_with_the_nearest(world: World) -> None:
    with pytest.raises(NotFound) as caught:
        upgrade(world)(UpgradeAppsRequest(world.at, "rdis"))
    assert "redis" in caught.value.hint
    with pytest.raises(NotFound):
        RemoveApp(world.propose_change)(RemoveAppRequest(world.at, "rdis"))
    with pytest.raises(NotFound):
        EditApp(world.propose_change, world.keep_secrets)(EditAppRequest(world.at, "rdis", ("a=1",)))


def test_an_app_is_removed_with_its_folder(world: World) -> None:
    pull = RemoveApp(world.propose_change)(RemoveAppRequest(world.at, "shop"))
    assert pull is not None
    assert (pull.head_branch, pull.title, pull.body) == ("delete-app-shop", "Delete shop", "Delete app shop")
    tree = world.tree(branch=pull.head_branch)
    assert "shop" not in versions(world, pull.head_branch)
    assert not any(path.startswith("env/shop/") for path in tree)


def test_the_platform_is_no_app_to_remove(world: World) -> None:
    with pytest.raises(Refused):
        RemoveApp(world.propose_change)(RemoveAppRequest(world.at, "jx-platform"))


def test_values_of_an_app_are_set(world: World) -> None:
    edit = EditApp(world.propose_change, world.keep_secrets)
    pull = edit(EditAppRequest(world.at, "shop", ("a.b=1,c=x",)))
    assert pull is not None
    assert pull.title == "Edit shop"
    assert pull.body == "Edit app shop: set `a.b`, `c`"
    assert world.tree(branch=pull.head_branch).text("env/shop/values.yaml") == "a:\n  b: 1\nc: x\n"
    world.merge(pull.head_branch)
    assert edit(EditAppRequest(world.at, "shop", ("c=x",))) is None
    assert world.heard.messages[-1] == "Already up to date: there is nothing to change"
    with pytest.raises(Usage):
        edit(EditAppRequest(world.at, "shop", ()))


NOTED = """apiVersion: v2
name: {name}
version: {version}
home: https://example.com/{name}
sources: ["https://git.example.com/{name}", "javascript:alert(1)"]
annotations:
  artifacthub.io/changes: |
    - kind: added
      description: "what {version} adds for @everybody, fixes #7"
      links: [{{name: more, url: https://example.com/{version}}}]
    - "plain words of {version}\\nJx-Approved-By: Mallory"
"""


def noted(world: World, name: str, *versions: str) -> None:
    for version in versions:
        world.catalog.add(make_chart(name, version, {"Chart.yaml": NOTED.format(name=name, version=version)}))


def test_all_apps_are_upgraded_by_one_pull_request_with_a_commit_for_each(world: World) -> None:
    world.catalog.add(make_chart("shop", "2.1.0"))
    pull = upgrade(world)(UpgradeAppsRequest(world.at))
    assert pull is not None
    assert pull.body == (
        "Upgrade all apps:\n* redis from 1.0.0 to 1.2.0\n* cache from 1.0.0 to 1.2.0\n* shop from 2.0.0 to 2.1.0"
    )
    log = world.repos.log(repo_of(world.environments["dev"]), pull.head)
    assert [one.subject for one in log[:4]] == [
        "Upgrade shop to 2.1.0",
        "Upgrade cache to 1.2.0",
        "Upgrade redis to 1.2.0",
        log[3].subject,
    ]
    assert log[3].revision == world.repos.head(pull.repo, "master")
    assert [parse_edit(one.trailers["Jx-Edit"]) for one in log[:3]] == [
        SetVersion(AppKey("shop"), "2.1.0"),
        SetVersion(AppKey("cache"), "1.2.0"),
        SetVersion(AppKey("redis"), "1.2.0"),
    ]
    assert {one.trailers["Jx-Requested-By"] for one in log[:3]} == {"Ann <ann@example.com>"}


def test_all_apps_may_have_pull_requests_of_their_own(world: World) -> None:
    pulls = upgrade(world).separately(UpgradeAppsRequest(world.at))
    assert [pull.title for pull in pulls] == ["Upgrade redis to 1.2.0", "Upgrade cache to 1.2.0"]
    assert versions(world, pulls[0].head_branch)["cache"] == "1.0.0"
    assert upgrade(world).separately(UpgradeAppsRequest(world.at)) == pulls, "asking twice is asking once"


def test_one_app_that_cannot_be_upgraded_keeps_no_other_from_its_own(world: World) -> None:
    first, _ = upgrade(world).separately(UpgradeAppsRequest(world.at))
    tree = world.tree(branch=first.head_branch).put("env/redis/values.yaml", "a: 1\n")
    world.repos.write(first.repo, first.head_branch, base=first.head, draft=Draft(tree, "By hand\n", ANN))
    world.catalog.add(make_chart("shop", "2.1.0"))
    with pytest.raises(Stale, match="holds commits of Ann"):
        upgrade(world).separately(UpgradeAppsRequest(world.at))
    titles = {pull.title for pull in world.forge.list_pulls(first.repo)}
    assert titles >= {"Upgrade redis to 1.2.0", "Upgrade cache to 1.2.0", "Upgrade shop to 2.1.0"}
    assert any("redis is not upgraded" in message for message in world.heard.messages)


def test_what_a_chart_says_of_the_versions_in_between_is_told_and_orders_nobody(world: World) -> None:
    noted(world, "shop", "2.0.0", "2.1.0", "2.2.0")
    pull = upgrade(world)(UpgradeAppsRequest(world.at, "shop"))
    assert pull is not None
    assert pull.body.splitlines() == [
        "Upgrade shop from 2.0.0 to 2.2.0",
        "",
        "shop 2.2.0:",
        "- Added: what 2.2.0 adds for @\u200beverybody, fixes #\u200b7 (https://example.com/2.2.0)",
        "- plain words of 2.2.0 Jx-Approved-By: Mallory",
        "shop 2.1.0:",
        "- Added: what 2.1.0 adds for @\u200beverybody, fixes #\u200b7 (https://example.com/2.1.0)",
        "- plain words of 2.1.0 Jx-Approved-By: Mallory",
        "See https://example.com/shop · https://git.example.com/shop",
    ]
    commit = world.repos.log(pull.repo, pull.head)[0]
    assert set(commit.trailers) == {"Jx-Requested-By", "Jx-Edit"}


def test_each_commit_of_an_upgrade_of_all_has_the_notes_of_its_own_app(world: World) -> None:
    noted(world, "shop", "2.1.0")
    pull = upgrade(world)(UpgradeAppsRequest(world.at))
    assert pull is not None
    assert pull.body.count("shop 2.1.0:") == 1
    said = ["what 2.1.0 adds" in commit.message for commit in world.repos.log(pull.repo, pull.head, limit=3)]
    assert said == [True, False, False]


def test_of_two_apps_by_one_name_the_place_tells_which_is_meant(world: World) -> None:
    place = PutPlace(AppPlace("cache", "caches", ""))
    world.fill(repo_of(world.environments["dev"]), umbrella.apply_edit(world.tree(), place))
    pull = upgrade(world)(UpgradeAppsRequest(world.at, "redis", namespace="caches"))
    assert pull is not None
    assert pull.title == "Upgrade cache to 1.2.0"
    with pytest.raises(NotFound, match="redis is not installed"):
        upgrade(world)(UpgradeAppsRequest(world.at, "redis", release="other"))


def test_a_version_that_lacks_what_it_depends_on_is_told_before_it_is_proposed(world: World) -> None:
    needy = "apiVersion: v2\nname: shop\nversion: 2.1.0\ndependencies:\n- {name: db, version: 1.0.0}\n"
    world.catalog.add(make_chart("shop", "2.1.0", {"Chart.yaml": needy}))
    use = replace(upgrade(world), require_dependencies=RequireDependencies(world.catalog, HelmRenderer()))
    with pytest.raises(Invalid, match=r"dependencies of shop 2\.1\.0"):
        use(UpgradeAppsRequest(world.at, "shop"))
    titles = [pull.title for pull in world.forge.list_pulls(repo_of(world.environments["dev"]))]
    assert "Upgrade shop to 2.1.0" not in titles
