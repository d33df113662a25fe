"""Journey 3: a release is promoted through environments; the command ends, and the controllers go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.faults import Faults
from tests.support.journeys import ANN, BOB, OLGA, PRODUCTION, STAGING, World, checked, installed, merged

from jx.domain.changes.changes import PullState
from jx.domain.changes.promotions import HEALTH, LIFE, Aim, AppPromotions, LegState, Promotion, Result
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.events import Level
from jx.domain.ledger import ledger
from jx.domain.names import AppKey
from jx.domain.objects.manifests import ObjectRef
from jx.domain.runs.activities import Activity, ActivityStatus
from jx.domain.trees import Tree
from jx.ports.promotions import Promotions
from jx.ports.repos import Draft
from jx.usecases.promoting.await_promotion import AwaitPromotion, AwaitPromotionRequest
from jx.usecases.promoting.find_good_release import FindGoodRelease
from jx.usecases.promoting.promote import Promote, PromoteRequest
from jx.usecases.proposing.add_app import AddApp, AddAppRequest

SHOP = AppKey("shop")


@pytest.fixture
def world() -> World:
    return installed()


def promoted(world: World, version: str, *environments: str, **changes: Any) -> Promotion:
    promotion = world.process(ANN).promote(version, *environments, **changes)
    assert promotion is not None
    return promotion


def record(world: World, number: int) -> Promotion:
    known = world.promotions.find(SHOP)
    assert known is not None
    promotion = known.get(number)
    assert promotion is not None
    return promotion


def states(promotion: Promotion) -> list[str]:
    return [leg.state.value for leg in promotion.legs]


def runs(world: World, environment: str) -> str:
    anchor = world.anchors.find(world.environments[environment].name)  # type: ignore[index]
    assert anchor is not None
    assert anchor.applied is not None
    return next((pin.version for pin in anchor.applied.charts if pin.key == SHOP), "")


def test_the_first_pull_request_is_open_when_the_command_ends(world: World) -> None:
    promotion = promoted(world, "1.0.0", STAGING)
    pull = world.pull(1, STAGING)
    assert (pull.title, pull.body) == ("chore: shop to 1.0.0", "chore: Promote shop to version 1.0.0")
    assert (pull.head_branch, pull.author) == ("promote-shop-1.0.0", ANN)
    assert pull.labels == ("updatebot",)
    assert f"Created Pull Request: {pull.url}" in world.reporter.text
    assert states(promotion) == ["proposed"]


@dataclass
class Overtaken:
    """The records as a command has them that is overtaken by the controllers just before it writes down its first step."""

    records: Promotions
    meanwhile: Callable[[], object]
    saved: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.records, name)

    def save(self, known: AppPromotions) -> AppPromotions:
        self.saved += 1
        if self.saved == 2:
            self.meanwhile()
        return self.records.save(known)


def test_a_command_that_the_controllers_overtake_tells_no_trouble(world: World) -> None:
    process = world.process(ANN)
    overtaken = Overtaken(process.promotions, lambda: world.controllers().work(patience=timedelta(0)))
    advance = replace(process.advance_promotion, promotions=overtaken)
    use = Promote(advance, process.catalog, FindGoodRelease(process.repos, process.activities))
    promotion = use(PromoteRequest(world.at, "shop", Aim((STAGING,)), version="1.0.0"))
    assert promotion is not None
    assert promotion.legs[0].url == world.pull(1, STAGING).url
    assert [event.message for event in world.reporter.events if event.level is Level.WARNING] == []


def test_an_automatic_environment_takes_a_release_without_a_person(world: World) -> None:
    promoted(world, "1.0.0", STAGING)
    world.settle()
    assert states(record(world, 1)) == ["applied"]
    assert runs(world, STAGING) == "1.0.0"
    assert record(world, 1).result is Result.DONE


def test_production_comes_after_staging_and_waits_for_an_approval_and_a_merge(world: World) -> None:
    promoted(world, "1.0.0", PRODUCTION, STAGING)
    assert world.forge.list_pulls(world.repo(PRODUCTION)) == ()
    world.settle()
    assert states(record(world, 1)) == ["applied", "proposed"]
    pull = world.pull(1, PRODUCTION)
    assert pull.labels == ()
    commit = world.repos.log(world.repo(PRODUCTION), pull.head, limit=1)[0]
    assert commit.trailers["Jx-Requested-By"] == "Ann Lee <ann@example.com>"
    with pytest.raises(Refused, match="your own change"):
        world.process(ANN).approve(1, PRODUCTION)
    merged(world, 1, PRODUCTION)
    world.settle()
    assert states(record(world, 1)) == ["applied", "applied"]
    assert runs(world, PRODUCTION) == "1.0.0"


def test_all_auto_means_those_that_take_releases_by_themselves(world: World) -> None:
    promotion = promoted(world, "1.0.0")
    assert promotion.environments == (STAGING,)


def test_no_version_means_the_newest(world: World) -> None:
    assert promoted(world, "", STAGING).version == "2.0.0"


def test_the_same_twice_is_one(world: World) -> None:
    first = promoted(world, "1.0.0", STAGING)
    second = promoted(world, "1.0.0", STAGING)
    assert first.number == second.number
    assert len(world.forge.list_pulls(world.repo(STAGING), state=None)) == 1
    assert "on its way already" in world.reporter.text


def test_a_newer_promotion_closes_the_pull_request_of_an_older_one(world: World) -> None:
    promoted(world, "1.0.0", STAGING, auto_merge=False)
    world.settle()
    promoted(world, "2.0.0", STAGING)
    old = world.pull(1, STAGING)
    assert old.state is PullState.CLOSED
    assert "superseded by shop 2.0.0, which ann asked for" in old.comments[-1].body
    assert record(world, 1).result is Result.SUPERSEDED
    world.settle()
    assert runs(world, STAGING) == "2.0.0"
    assert [one.status for one in world.activities.list_all() if one.pipeline.endswith("/promote")] == [
        ActivityStatus.ABORTED,
        ActivityStatus.SUCCEEDED,
    ]


def test_what_is_superseded_on_staging_does_not_get_into_production(world: World) -> None:
    promoted(world, "1.0.0", STAGING, PRODUCTION, auto_merge=False)
    promoted(world, "2.0.0", STAGING)
    world.settle()
    assert states(record(world, 1)) == ["superseded", "superseded"]
    assert world.forge.list_pulls(world.repo(PRODUCTION), state=None) == ()


def test_a_newer_release_on_staging_leaves_an_older_one_on_its_way_into_production(world: World) -> None:
    promoted(world, "1.0.0", STAGING, PRODUCTION)
    world.settle()
    promoted(world, "2.0.0", STAGING)
    merged(world, 1, PRODUCTION)
    world.settle()
    assert (runs(world, STAGING), runs(world, PRODUCTION)) == ("2.0.0", "1.0.0")
    assert states(record(world, 1)) == ["applied", "applied"]


def test_an_older_pull_request_that_is_merged_late_does_not_take_the_newer_release_back(world: World) -> None:
    promoted(world, "1.0.0", PRODUCTION)
    world.settle()
    world.process(BOB).approve(1, PRODUCTION)
    checked(world, 1, PRODUCTION)
    world.process(BOB).merge(1, PRODUCTION)
    promoted(world, "2.0.0", PRODUCTION)
    merged(world, 2, PRODUCTION)
    world.settle()
    assert runs(world, PRODUCTION) == "2.0.0"
    assert record(world, 2).result is Result.DONE


def test_a_pull_request_that_a_person_closes_ends_the_promotion(world: World) -> None:
    promotion = promoted(world, "1.0.0", STAGING, PRODUCTION, auto_merge=False)
    world.forge_as(ANN).close(world.repo(STAGING), 1)
    world.settle()
    after = record(world, promotion.number)
    assert states(after) == ["failed", "pending"]
    url = world.pull(1, STAGING).url
    assert after.legs[0].message == f"Promotion failed as Pull Request {url} is closed without merging"
    assert world.forge.list_pulls(world.repo(PRODUCTION), state=None) == ()


def test_a_leg_is_done_when_the_environment_runs_the_release_and_not_before(world: World) -> None:
    promoted(world, "1.0.0", STAGING)
    controllers = world.controllers()
    world.down["charts"].is_down = True
    controllers.work(patience=timedelta(minutes=1))
    world.down["charts"].is_down = False
    assert record(world, 1).legs[0].state in {LegState.PROPOSED, LegState.MERGED}
    world.settle()
    assert states(record(world, 1)) == ["applied"]


def test_a_release_that_does_not_get_healthy_fails_and_goes_no_further(world: World) -> None:
    world.cluster.break_workload(ObjectRef("apps", "Deployment", "jx-staging", "jx-shop"))
    promoted(world, "1.0.0", STAGING, PRODUCTION)
    world.settle()
    assert record(world, 1).legs[0].state is LegState.MERGED
    world.clock.move(HEALTH)
    world.settle()
    assert states(record(world, 1)) == ["failed", "pending"]
    assert "it is applied, but not healthy: Deployment" in record(world, 1).legs[0].message


def test_a_release_that_gets_healthy_late_is_there_all_the_same(world: World) -> None:
    shop = ObjectRef("apps", "Deployment", "jx-staging", "jx-shop")
    world.cluster.break_workload(shop)
    promoted(world, "1.0.0", STAGING)
    world.settle()
    world.cluster.mend_workload(shop)
    next(world.cluster.changes(((shop, "apps/v1"),), within=timedelta(0)))  # its controller looks at it
    world.settle()
    assert states(record(world, 1)) == ["applied"]


def test_the_ledger_names_the_person_where_the_platform_opened_the_pull_request(world: World) -> None:
    promoted(world, "1.0.0", STAGING, PRODUCTION)
    world.settle()
    assert world.pull(1, PRODUCTION).author.login == "jx-bot"
    merged(world, 1, PRODUCTION)
    world.settle()
    assert world.ledger(PRODUCTION)[-1].author.name == "Ann Lee"


def test_what_is_labelled_merges_itself_once_checked_and_approved(world: World) -> None:
    use = AddApp(world.process(ANN).propose_change, world.catalog, world.reporter)
    use(AddAppRequest(world.at, "redis", STAGING, auto_merge=True))
    use(AddAppRequest(world.at, "redis", auto_merge=True))
    world.settle()
    assert world.pull(1, STAGING).state is PullState.MERGED
    assert world.pull(1).state is PullState.OPEN, "dev wants an approval"
    world.process(BOB).approve(1)
    world.settle()
    assert world.pull(1).state is PullState.OPEN, "bob may write, but OWNERS name olga"
    world.process(OLGA).approve(1)
    world.settle()
    assert world.pull(1).state is PullState.MERGED


def test_an_environment_that_has_the_release_needs_no_pull_request(world: World) -> None:
    promoted(world, "1.0.0", STAGING)
    world.settle()
    again = promoted(world, "1.0.0", STAGING)
    assert states(again) == ["applied"]
    assert len(world.forge.list_pulls(world.repo(STAGING), state=None)) == 1


def test_a_rollback_proposes_what_was_good_there_before(world: World) -> None:
    for version in ("1.0.0", "2.0.0"):
        promoted(world, version, STAGING)
        world.settle()
    back = promoted(world, "", STAGING, rollback=True)
    assert (back.version, back.reason) == ("1.0.0", "rollback of staging")
    world.settle()
    assert runs(world, STAGING) == "1.0.0"
    with pytest.raises(NotFound, match="no good version of shop before"):
        promoted(world, "", STAGING, rollback=True)


def test_a_promotion_that_nobody_merges_ends_one_day_and_its_pull_request_with_it(world: World) -> None:
    promoted(world, "1.0.0", STAGING, auto_merge=False)
    world.clock.move(LIFE)
    world.settle()
    assert states(record(world, 1)) == ["failed"]
    assert world.pull(1, STAGING).state is PullState.CLOSED


def test_two_promotions_into_one_file_both_survive_with_peoples_comments(world: World) -> None:
    chart = world.tree(STAGING).text("env/Chart.yaml")
    world.push(world.tree(STAGING).put("env/Chart.yaml", f"# ours, says olga\n{chart}"), "A comment", STAGING)
    promoted(world, "1.0.0", STAGING)
    promoted(world, "1.1.0", STAGING, app="redis")
    world.settle()
    text = world.tree(STAGING).text("env/Chart.yaml")
    assert text.startswith("# ours, says olga\n")
    assert runs(world, STAGING) == "1.0.0"
    assert "redis" in text
    assert [one.state for one in world.forge.list_pulls(world.repo(STAGING), state=None)] == [
        PullState.MERGED
    ] * 2


def test_waiting_tells_each_state_and_ends_with_the_promotion(world: World) -> None:
    promotion = promoted(world, "1.0.0", STAGING)
    world.settle()
    wait = AwaitPromotion(world.promotions, world.clock, world.reporter)
    seen = len(world.reporter.events)
    done = wait(AwaitPromotionRequest(SHOP, promotion.number, timedelta(minutes=1), seen=promotion))
    assert [event.message for event in world.reporter.events[seen:]] == ["shop 1.0.0 in staging: applied"]
    again = wait(AwaitPromotionRequest(SHOP, promotion.number, timedelta(minutes=1), seen=done))
    assert again == done
    assert done.result is Result.DONE
    assert "shop 1.0.0 in staging: applied" in world.reporter.text


def test_the_record_of_a_promotion_has_the_steps_of_jenkins_x(world: World) -> None:
    promoted(world, "1.0.0", STAGING)
    world.settle()
    activity = next(one for one in world.activities.list_all() if one.name == "team-shop-promote-1")
    (step,) = activity.promotes
    assert (activity.status, step.environment, step.status) == (
        ActivityStatus.SUCCEEDED,
        "staging",
        ActivityStatus.SUCCEEDED,
    )
    pull = world.pull(1, STAGING)
    assert step.pull_request is not None
    assert (step.pull_request.url, step.pull_request.merge_commit) == (pull.url, pull.merged_as)
    assert step.application_url.startswith("http://")


def test_where_nothing_may_go_nothing_goes(world: World) -> None:
    with pytest.raises(Refused, match="holds the platform itself"):
        promoted(world, "1.0.0", "dev")
    with pytest.raises(NotFound) as caught:
        promoted(world, "1.0.0", "stagin")
    assert "staging" in caught.value.hint
    with pytest.raises(NotFound):
        promoted(world, "9.9.9", STAGING)
    with pytest.raises(Usage):
        world.process(ANN).promote("1.0.0", aim=Aim())
    assert world.promotions.list_all() == ()


def test_of_two_who_ask_at_the_same_moment_the_later_write_supersedes(world: World) -> None:
    saving = Faults()
    world.copy().process(ANN, saving).promote("1.0.0", STAGING, auto_merge=False)
    at = saving.calls.index(("cluster", "save")) + 1

    def bob_is_faster() -> None:
        world.process(BOB).promote("2.0.0", STAGING, auto_merge=False)

    faults = Faults(at, meddle=bob_is_faster)
    world.process(ANN, faults).promote("1.0.0", STAGING, auto_merge=False)
    known = world.promotions.find(SHOP)
    assert known is not None
    assert [(one.version, one.requester.login, states(one)) for one in known.promotions] == [
        ("2.0.0", "bob", ["superseded"]),
        ("1.0.0", "ann", ["proposed"]),
    ]
    pulls = world.forge.list_pulls(world.repo(STAGING), state=None)
    assert [(one.title, one.state) for one in pulls] == [
        ("chore: shop to 1.0.0", PullState.OPEN),
        ("chore: shop to 2.0.0", PullState.CLOSED),
    ]


def test_the_run_that_asked_tells_the_promotion_with_its_own_steps(world: World) -> None:
    build = Activity(
        "team-shop-master-7", "team/shop/master", "7", ActivityStatus.SUCCEEDED, message="feat: x"
    )
    world.activities.save(build)
    promoted(world, "1.0.0", STAGING, pipeline="team/shop/master", build="7")
    world.settle()
    (found,) = [one for one in world.activities.list_all() if one.name == build.name]
    assert (found.message, found.status, found.version) == ("feat: x", ActivityStatus.SUCCEEDED, "1.0.0")
    assert [(step.environment, step.status) for step in found.promotes] == [
        ("staging", ActivityStatus.SUCCEEDED)
    ]


def test_an_app_has_the_same_key_everywhere_whatever_its_chart_is_called(world: World) -> None:
    promoted(world, "1.0.0", STAGING, alias="store")
    world.settle()
    assert "alias: store" in world.tree(STAGING).text("env/Chart.yaml")
    promoted(world, "1.0.0", PRODUCTION)  # the chart's name finds it in staging
    merged(world, 1, PRODUCTION)
    world.settle()
    known = world.promotions.find(AppKey("store"))
    assert known is not None
    assert [states(one) for one in known.promotions] == [["applied"], ["applied"]]
    assert "alias: store" in world.tree(PRODUCTION).text("env/Chart.yaml")


def test_a_part_of_a_name_finds_the_one_app_that_has_it(world: World) -> None:
    promoted(world, "1.0.0", STAGING)
    world.settle()
    assert promoted(world, "2.0.0", STAGING, app="", part="sho").app == SHOP
    with pytest.raises(NotFound, match="no app's name holds"):
        promoted(world, "2.0.0", STAGING, app="", part="zzz")


def test_a_namespace_stands_for_its_environment(world: World) -> None:
    promotion = promoted(world, "1.0.0", aim=Aim(namespace="jx-staging"))
    assert promotion.environments == (STAGING,)


def test_an_environment_that_was_taken_away_ends_what_was_on_its_way_there(world: World) -> None:
    promoted(world, "1.0.0", STAGING, auto_merge=False)
    world.push(world.tree().remove("env/templates/staging-env.yaml"), "Staging goes")
    world.settle()
    assert states(record(world, 1)) == ["failed"]
    assert record(world, 1).legs[0].message == "there is no environment staging"


def test_an_environment_in_another_cluster_tells_by_its_ledger_what_it_runs(world: World) -> None:
    path = "env/templates/staging-env.yaml"
    here = world.tree().text(path)
    world.push(world.tree().put(path, f"{here}  remoteCluster: true\n"), "Staging is elsewhere")
    world.settle()
    promoted(world, "1.0.0", STAGING)
    world.settle()
    leg = record(world, 1).legs[0]
    assert (leg.state, leg.message) == (LegState.MERGED, "is not applied yet, as its ledger tells")
    for result, state in (("failed", LegState.MERGED), ("applied", LegState.APPLIED)):
        message = f"Apply\n\n1 created\n\nJx-Source-Commit: {leg.merged_as}\nJx-Result: {result}\n"
        parent = world.repos.head(world.repo(STAGING), ledger.BRANCH)
        draft = Draft(Tree(), message, BOB, world.clock.now())
        world.repos.append(world.repo(STAGING), ledger.BRANCH, parent=parent, draft=draft)
        world.settle()
        assert record(world, 1).legs[0].state is state
