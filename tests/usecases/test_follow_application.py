"""Pushes to an application's repository start its pipeline by themselves: each push once, with nothing of the platform."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.support.applications import Applications
from tests.support.engine import Engine
from tests.support.faults import Fault, Faults
from tests.support.fuses import Crash
from tests.support.interruptions import is_change
from tests.support.journeys import ANN, BOT, installed

from jx.domain.changes.changes import CheckState
from jx.domain.names import Person, Revision
from jx.domain.runs.activities import ActivityStatus
from jx.domain.runs.runs import RunState
from jx.domain.trees import Tree
from jx.ports.repos import Draft

EVE = Person("Eve", "eve@example.com", "eve")
FILE = """\
buildPack: none
pipelineConfig:
  pipelines:
    release: {pipeline: {agent: {image: go}, stages: [{name: build, steps: [{command: make}]}]}}
    pullRequest: {pipeline: {agent: {image: go}, stages: [{name: test, steps: [{command: make test}]}]}}
"""


@pytest.fixture
def shop() -> Applications:
    return Applications(Engine(installed())).imported({"jenkins-x.yml": FILE})


def let_in(shop: Applications, person: Person, right: str) -> None:
    shop.engine.world.forge.ensure_collaborator(shop.repo, person.login, right=right)


def builds(shop: Applications) -> list[tuple[str, str]]:
    """Branch or pull request, and commit, of each run that was started."""
    return [(run.pipeline.removeprefix("acme/shop/"), run.revision) for run in shop.engine.pipelines.started]


def test_the_head_of_an_imported_repository_is_built_once_whatever_is_told(shop: Applications) -> None:
    head = shop.head()
    shop.look()
    shop.tell(head)
    shop.tell(head)
    shop.look()
    assert builds(shop) == [("main", head)]


def test_each_of_ten_pushes_in_a_second_is_a_build_in_their_order(shop: Applications) -> None:
    first = shop.head()
    shop.look()
    pushed = [shop.push({"n": str(number)}) for number in range(10)]
    controller = shop.controller()
    for revision in reversed(pushed):
        controller.tell(shop.repo, revision, "refs/heads/main")
    controller.look()
    assert sorted(builds(shop)) == sorted([("main", first), *(("main", one) for one in pushed)])
    assert [int(one.build) for one in shop.engine.pipelines.list_all()] == list(range(1, 12))


def test_a_push_whose_webhook_is_lost_is_found_and_what_came_before_it_is_in_it(shop: Applications) -> None:
    first = shop.head()
    shop.look()
    shop.push({"n": "1"})
    newest = shop.push({"n": "2"})
    shop.look()
    assert builds(shop) == [("main", first), ("main", newest)]


def test_a_late_webhook_of_what_was_before_the_import_starts_nothing(shop: Applications) -> None:
    first = shop.head()
    newest = shop.push({"n": "1"})
    shop.look()
    shop.tell(first)
    shop.tell(Revision("0" * 39 + "1"))
    assert builds(shop) == [("main", newest)]


def test_what_was_recorded_is_not_built_again_when_its_run_was_cleared_away(shop: Applications) -> None:
    shop.look()
    (run,) = shop.engine.pipelines.list_all()
    shop.engine.end(run)
    shop.record()
    shop.engine.pipelines.remove(run.name)
    shop.tell(shop.head())
    shop.look()
    assert len(shop.engine.pipelines.started) == 1


def test_a_run_of_a_push_has_no_rights_and_its_commit_is_told_how_it_goes(shop: Applications) -> None:
    shop.look()
    (made,) = shop.engine.pipelines.started
    assert made.spec["taskRunTemplate"]["serviceAccountName"] == "default"
    clone, make = made.spec["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"]
    assert "secretKeyRef" in str(clone["env"])
    assert "secretKeyRef" not in str(make)
    (run,) = shop.engine.pipelines.list_all()
    shop.engine.end(run)
    shop.record()
    status = shop.status(shop.head())
    assert (status.state, status.description) == (CheckState.SUCCESS, "run #1 succeeded")
    (record,) = shop.records()
    assert (record.pipeline, record.build, record.git_url) == ("acme/shop/main", "1", shop.repo.url)


def test_mistakes_in_its_file_are_recorded_and_told_once_for_a_commit(shop: Applications) -> None:
    head = shop.push({"jenkins-x.yml": FILE.replace("release:", "relase:")})
    shop.look()
    shop.look()
    assert builds(shop) == []
    (record,) = shop.records()
    assert record.status is ActivityStatus.FAILED
    assert "jenkins-x.yml:4: relase is not known here" in record.steps[0].description
    assert shop.status(head).state is CheckState.FAILURE


def with_options(text: str) -> str:
    """The file, with these options of its pipelines."""
    return FILE.replace("agent: {image: go}", f"agent: {{image: go}}, options: {{{text}}}")


def with_secret(name: str) -> str:
    return with_options(
        f"containerOptions: {{env: [{{name: T, valueFrom: {{secretKeyRef: {{name: {name}, key: t}}}}}}]}}"
    )


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (with_secret("jx-git"), "a step names Secret jx-git"),
        (
            with_options("containerOptions: {envFrom: [{secretRef: {name: jx-webhook}}]}"),
            "names Secret jx-webhook",
        ),
        (with_options("volumes: [{name: root, hostPath: {path: /}}]"), "a volume is a hostPath"),
        (
            with_options("volumes: [{name: data, persistentVolumeClaim: {claimName: redis-data}}]"),
            "a volume is claim redis-data",
        ),
        (
            with_options("containerOptions: {securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}}"),
            "adds the capability SYS_ADMIN",
        ),
        (
            with_options("containerOptions: {securityContext: {procMount: Unmasked}}"),
            "sees /proc as Unmasked",
        ),
        (
            with_options("containerOptions: {securityContext: {seccompProfile: {type: Unconfined}}}"),
            "has seccompProfile Unconfined",
        ),
        (
            with_options("sidecars: [{name: s, image: x, ports: [{containerPort: 1, hostPort: 80}]}]"),
            "port 80 of the node",
        ),
        (with_options("volumes: [{name: s, secret: {secretName: jx-git}}]"), "a step names Secret jx-git"),
        (
            with_options("volumes: [{name: s, projected: {sources: [{secret: {name: jx-git}}]}}]"),
            "a step names Secret jx-git",
        ),
        (with_options("containerOptions: {securityContext: {privileged: true}}"), "a step is privileged"),
        (
            with_options("sidecars: [{name: s, image: x, securityContext: {privileged: true}}]"),
            "a step is privileged",
        ),
    ],
)
def test_a_pipeline_that_asks_for_what_is_the_platforms_is_not_run(
    shop: Applications, file: str, words: str
) -> None:
    shop.push({"jenkins-x.yml": file})
    shop.look()
    assert builds(shop) == []
    (record,) = shop.records()
    assert words in record.steps[0].description


GRANT = """\
pipelines:
  applications: [{name: acme/shop, account: shop-releases, secrets: [jx-registry], claims: [shop-cache]}]
"""


def test_what_only_looks_like_more_is_run(shop: Applications) -> None:
    options = (
        "podLabels: {team: brie}, volumes: [{name: tmp, emptyDir: {}}, {name: c, configMap: {name: settings}}], "
        "containerOptions: {securityContext: {capabilities: {add: [NET_BIND_SERVICE], drop: [ALL]}, runAsUser: 1000}}"
    )
    shop.push({"jenkins-x.yml": with_options(options)})
    shop.look()
    assert len(shop.engine.pipelines.started) == 1


def test_nothing_of_the_file_is_beside_what_clones_with_the_login(shop: Applications) -> None:
    shop.push(
        {
            "jenkins-x.yml": with_options(
                "sidecars: [{name: db, image: db}], containerOptions: {env: [{name: A, value: b}]}"
            )
        }
    )
    shop.look()
    (made,) = shop.engine.pipelines.started
    clone, build = made.spec["pipelineSpec"]["tasks"]
    assert "secretKeyRef" in str(clone)
    assert "sidecars" not in clone["taskSpec"]
    assert {"name": "A", "value": "b"} not in clone["taskSpec"]["steps"][0]["env"]
    assert build["runAfter"] == [clone["name"]]
    assert "secretKeyRef" not in str(build)


def test_a_branch_whose_name_nobody_could_say_keeps_no_other_from_its_run(shop: Applications) -> None:
    controller = shop.controller()
    controller.look()
    file = {"jenkins-x.yml": f"triggers: {{branches: ['**']}}\n{FEATURE}"}
    shop.push(file, branch="a$(id)")
    good = shop.push(file, branch="good")
    controller.look()
    controller.look()
    assert builds(shop)[1:] == [("good", good)]
    assert shop.engine.world.reporter.text.count("so it is not run") == 1


def pushed(shop: Applications) -> None:
    shop.push({"n": "1"})


def offered(shop: Applications) -> None:
    shop.offer({"n": "1"})


def broken(shop: Applications) -> None:
    shop.push({"jenkins-x.yml": FILE.replace("release:", "relase:")})


def skipped(shop: Applications) -> None:
    shop.push({"n": "1"}, message="docs [skip ci]")


def after(happening: Callable[[Applications], None], faults: Faults) -> Applications:
    """What is there once controllers died as the faults say, and others were started."""
    shop = Applications(Engine(installed())).imported({"jenkins-x.yml": FILE})
    shop.look()
    happening(shop)
    with contextlib.suppress(Crash):
        shop.controller(faults).look()
    shop.look()
    shop.look()
    return shop


@pytest.mark.parametrize(
    ("happening", "runs", "records"), [(pushed, 2, 0), (offered, 2, 0), (broken, 1, 1), (skipped, 1, 1)]
)
def test_controllers_that_die_after_any_of_their_calls_do_each_thing_once(
    happening: Callable[[Applications], None], runs: int, records: int
) -> None:
    dry = Faults()
    after(happening, dry)
    calls = [n for n, call in enumerate(dry.calls, 1) if is_change(*call)]
    assert calls
    for n in calls:
        shop = after(happening, Faults(n, Fault.CRASH_AFTER))
        assert (len(shop.engine.pipelines.started), len(shop.records())) == (runs, records), dry.calls[n - 1]


def test_the_dev_repository_lets_pushes_of_an_application_have_more_but_no_pull_request(
    shop: Applications,
) -> None:
    world = shop.engine.world
    text = world.tree().find_text("jx-requirements.yml") or ""
    world.push(world.tree().put("jx-requirements.yml", text + GRANT), "Let it release")
    claim = "volumes: [{name: cache, persistentVolumeClaim: {claimName: shop-cache}}]"
    file = with_secret("jx-registry").replace("options: {", f"options: {{{claim}, ")
    shop.push({"jenkins-x.yml": file})
    shop.look()
    (made,) = shop.engine.pipelines.started
    assert made.spec["taskRunTemplate"]["serviceAccountName"] == "shop-releases"
    shop.offer({"n": "1"})
    shop.look()
    assert len(shop.engine.pipelines.started) == 1
    assert "a step names Secret jx-registry" in shop.records()[-1].steps[0].description


def test_a_pull_request_is_run_merged_onto_its_base_and_the_newest_head_wins(shop: Applications) -> None:
    base = shop.head()
    shop.look()
    number = shop.offer({"n": "1"})
    shop.look()
    shop.look()
    first = shop.engine.pipelines.started[-1]
    assert (first.pipeline, first.pull_url) == (f"acme/shop/PR-{number}", shop.pull(number).url)
    clone = first.spec["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"][0]
    env = {one["name"]: one.get("value") for one in clone["env"]}
    assert env["PULL_BASE_SHA"] == base
    assert env["PULL_HEADS"] == f"refs/pull/{number}/head={shop.pull(number).head}"
    assert "make test" in str(first.spec)
    shop.push({"n": "2"}, branch="mine")
    shop.look()
    second = shop.engine.pipelines.started[-1]
    assert len(shop.engine.pipelines.started) == 3
    found = [shop.engine.pipelines.find(one.name) for one in (first, second)]
    assert [one.state for one in found if one] == [RunState.CANCELLED, RunState.PENDING]


def test_a_pull_request_that_is_closed_has_its_run_ended(shop: Applications) -> None:
    number = shop.offer({"n": "1"})
    shop.look()
    shop.engine.world.forge_as(ANN).close(shop.repo, number)
    shop.look()
    assert shop.engine.pipelines.list_all()[-1].state is RunState.CANCELLED


def test_somebody_without_rights_waits_for_somebody_with_rights_who_names_the_commit(
    shop: Applications,
) -> None:
    let_in(shop, EVE, "write")
    number = shop.offer({"jenkins-x.yml": FILE.replace("make test", "evil")}, EVE)
    let_in(shop, EVE, "read")
    shop.look()
    head = shop.pull(number).head
    assert [branch for branch, _ in builds(shop)] == ["main"]
    assert shop.status(head).state is CheckState.PENDING
    assert shop.status(head).description == f"waits for /ok-to-test {head[:12]} by somebody with rights"
    eve, ann = shop.engine.world.forge_as(EVE), shop.engine.world.forge_as(ANN)
    eve.comment(shop.repo, number, f"/ok-to-test {head}")
    ann.comment(shop.repo, number, "/ok-to-test")
    shop.look()
    shop.look()
    assert [branch for branch, _ in builds(shop)] == ["main"]
    answers = [one.body for one in shop.pull(number).comments if one.author.login == BOT.login]
    assert len(answers) == 2
    assert "@eve, sorry: `/ok-to-test` did nothing" in answers[0]
    ann.comment(shop.repo, number, f"/ok-to-test {head}")
    shop.look()
    assert builds(shop)[-1] == (f"PR-{number}", head)
    newer = shop.push({"n": "2"}, branch="mine", person=EVE)
    shop.look()
    assert shop.status(newer).state is CheckState.PENDING
    assert builds(shop)[-1] == (f"PR-{number}", head)


def test_people_ask_for_one_more_run_or_for_the_end_of_it(shop: Applications) -> None:
    number = shop.offer({"n": "1"})
    shop.look()
    ann = shop.engine.world.forge_as(ANN)
    ann.comment(shop.repo, number, "/retest")
    shop.look()
    shop.look()
    first, second = shop.engine.pipelines.list_all()[-2:]
    assert (first.state, second.state) == (RunState.CANCELLED, RunState.PENDING)
    shop.engine.world.clock.move(timedelta(days=400))
    ann.comment(shop.repo, number, "/cancel")
    shop.look()
    assert shop.engine.pipelines.list_all()[-1].state is RunState.CANCELLED
    let_in(shop, EVE, "read")
    shop.engine.world.forge_as(EVE).comment(shop.repo, number, "/test all")
    shop.look()
    assert len(shop.engine.pipelines.started) == 3
    assert "@eve, sorry: `/test` did nothing" in shop.pull(number).comments[-1].body


def test_a_repository_that_vanishes_is_told_once_and_keeps_no_other_from_its_runs(shop: Applications) -> None:
    controller = shop.controller()
    shop.engine.world.repos.delete(shop.repo)
    controller.look()
    controller.look()
    told = [one.message for one in shop.engine.world.reporter.events if "acme/shop" in one.message]
    assert len([one for one in told if "nothing of it is started until it is back" in one]) == 1


def test_repositories_and_branches_whose_names_run_together_have_runs_of_their_own() -> None:
    engine = Engine(installed())
    for name in ("acme/shop-api", "acme-shop/api"):
        Applications(engine, name).imported({"jenkins-x.yml": FILE})
    Applications(engine, "acme/shop-api").look()
    started = sorted(run.pipeline for run in engine.pipelines.started)
    assert started == ["acme-shop/api/main", "acme/shop-api/main"]


KEEP = "pipelines: {keepRuns: 1}\n"


def test_the_dev_repository_says_how_many_runs_stay(shop: Applications) -> None:
    world = shop.engine.world
    text = world.tree().find_text("jx-requirements.yml") or ""
    world.push(world.tree().put("jx-requirements.yml", text + KEEP), "Keep one")
    for number in range(3):
        shop.push({"n": str(number)})
        shop.look()
        shop.engine.end(shop.engine.pipelines.list_all()[-1])
    shop.record()
    shop.record()
    assert [run.build for run in shop.engine.pipelines.list_all()] == ["3"]
    assert len(shop.records()) == 3


def test_what_is_not_imported_starts_nothing(shop: Applications) -> None:
    world = shop.engine.world
    other = world.repos.create(world.at.repo.sibling("acme/other"))
    world.repos.write(other, "main", base=None, draft=Draft(Tree().put("jenkins-x.yml", FILE), "Begin", ANN))
    controller = shop.controller()
    controller.controller.look("repo:acme/other")
    assert builds(shop) == []


def with_triggers(text: str) -> dict[str, str]:
    return {"jenkins-x.yml": f"triggers: {{{text}}}\n{FILE}"}


FEATURE = (
    FILE
    + "    feature: {pipeline: {agent: {image: go}, stages: [{name: try, steps: [{command: make try}]}]}}\n"
)


@pytest.mark.parametrize("words", ["docs [skip ci]", "docs\n\n[CI skip] it", "docs [no ci]"])
def test_a_push_whose_message_asks_for_no_run_is_recorded_as_skipped(shop: Applications, words: str) -> None:
    shop.look()
    head = shop.push({"n": "1"}, message=words)
    shop.look()
    shop.look()
    assert len(builds(shop)) == 1
    record = shop.records()[-1]
    assert (record.status, record.build, record.revision) == (ActivityStatus.NOT_EXECUTED, "", head)
    assert record.steps[0].description.lower().startswith("its message says [")
    assert shop.status(head).state is CheckState.SUCCESS


def test_a_push_that_changes_nothing_that_matters_is_skipped_and_the_next_is_compared_with_it(
    shop: Applications,
) -> None:
    first = shop.push(with_triggers("paths: ['src/**'], pathsIgnore: ['**/*.md']"))
    shop.look()
    elsewhere = shop.push({"docs/a": "1"})
    shop.look()
    assert "none of the files that matter" in shop.status(elsewhere).description
    words = shop.push({"src/deep/read.md": "1", "README.md": "1"})
    shop.look()
    assert "only files have changed that do not matter" in shop.status(words).description
    matters = shop.push({"src/deep/a.c": "1"})
    shop.look()
    assert builds(shop) == [("main", first), ("main", matters)]


def test_a_pull_request_that_is_skipped_says_why_and_runs_when_people_ask(shop: Applications) -> None:
    shop.push(with_triggers("pathsIgnore: ['docs/**']"))
    number = shop.offer({"docs/a": "1"})
    shop.look()
    head = shop.pull(number).head
    assert [branch for branch, _ in builds(shop)] == ["main"]
    assert shop.status(head).state is CheckState.SUCCESS
    assert "only files have changed that do not matter" in shop.status(head).description
    shop.engine.world.forge_as(ANN).comment(shop.repo, number, "/test")
    shop.look()
    assert builds(shop)[-1] == (f"PR-{number}", head)


def test_nobody_takes_a_pull_request_for_tested_whose_author_asked_for_no_run(shop: Applications) -> None:
    number = shop.offer({"n": "1"}, message="feat: quick [skip ci]")
    shop.look()
    check = shop.status(shop.pull(number).head)
    assert (check.state, check.description) == (
        CheckState.PENDING,
        "its message says [skip ci]; /test runs it",
    )


def test_other_branches_are_built_where_their_own_file_asks_for_it_and_the_newest_push_wins(
    shop: Applications,
) -> None:
    controller = shop.controller()
    controller.look()
    file = {"jenkins-x.yml": f"triggers: {{branches: ['feature/*']}}\n{FEATURE}"}
    shop.push(file, branch="feature/deep/x")
    shop.push({"jenkins-x.yml": FEATURE}, branch="feature/silent")
    first = shop.push(file, branch="feature/x")
    controller.look()
    second = shop.push({"n": "1"}, branch="feature/x")
    controller.look()
    assert builds(shop)[1:] == [("feature/x", first), ("feature/x", second)]
    made = shop.engine.pipelines.started[-1]
    assert "make try" in str(made.spec)
    states = [run.state for run in shop.engine.pipelines.list_all()]
    assert states[1:] == [RunState.CANCELLED, RunState.PENDING]
    third = shop.push({"n": "2"}, branch="feature/x")
    shop.look()
    assert builds(shop)[-1] == ("feature/x", third), "controllers that are started anew know of its records"


def test_a_tag_is_released_with_its_version_where_its_file_asks_for_it(shop: Applications) -> None:
    head = shop.push({**with_triggers("tags: ['v*']"), "n": "1"}, message="release 1.2.3 [ci skip]")
    controller = shop.controller()
    controller.look()
    shop.engine.world.repos.tag(shop.repo, "v1.2.3", head)
    shop.engine.world.repos.tag(shop.repo, "other", head)
    controller.look()
    controller.tell(shop.repo, head, "refs/tags/v1.2.3")
    assert builds(shop) == [("v1.2.3", head)]
    (made,) = shop.engine.pipelines.started
    assert {"name": "version", "value": "1.2.3"} in made.spec["params"]
    clone = made.spec["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"][0]
    env = {one["name"]: one.get("value") for one in clone["env"]}
    assert (env["TAG_NAME"], env["BRANCH_NAME"], env["PULL_BASE_REF"]) == ("v1.2.3", "v1.2.3", "main")
    assert env["PULL_BASE_SHA"] == head


def test_branches_and_tags_that_were_there_before_anybody_looked_start_nothing(shop: Applications) -> None:
    head = shop.push({"jenkins-x.yml": f"triggers: {{branches: ['**'], tags: ['**']}}\n{FEATURE}"})
    shop.push(with_triggers("branches: ['**']"), branch="old")
    shop.engine.world.repos.tag(shop.repo, "v1", head)
    shop.look()
    assert [branch for branch, _ in builds(shop)] == ["main"]


def test_a_tag_off_the_released_branch_has_nothing_of_what_releases_may_have(shop: Applications) -> None:
    world = shop.engine.world
    text = world.tree().find_text("jx-requirements.yml") or ""
    world.push(world.tree().put("jx-requirements.yml", text + GRANT), "Let it release")
    on = shop.push(with_triggers("tags: ['**']"))
    off = shop.push(with_triggers("tags: ['**']"), branch="aside")
    controller = shop.controller()
    controller.look()
    for name, revision in (("v1", on), ("v2", off)):
        world.repos.tag(shop.repo, name, revision)
    controller.look()
    accounts = {
        run.pipeline: run.spec["taskRunTemplate"]["serviceAccountName"]
        for run in shop.engine.pipelines.started
    }
    assert accounts["acme/shop/v1"] == "shop-releases"
    assert accounts["acme/shop/v2"] == "default"
