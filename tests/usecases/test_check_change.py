"""The check of a pull request: one comment and one status, made anew when what they speak of has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.faults import Faults
from tests.support.journeys import ANN, BOB, BOT, DEV, GOOD, World, installed, merged

from jx.domain.changes.changes import Check, CheckState, PullState
from jx.domain.errors import Unavailable
from jx.domain.names import Person
from jx.ports.forge import Offer
from jx.ports.repos import Draft
from jx.usecases.reviewing.check_change import COMMENT_KEY, CONTEXT
from jx.usecases.reviewing.review_change import Close, ReviewRequest

PLAIN = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  password: hunter22-and-more\n"
BAD_TEMPLATE = "env/templates/a.yaml"


@pytest.fixture
def world() -> World:
    world = installed()
    world.process(ANN).add_app("redis")
    return world


def check(world: World, number: int = 1, faults: Faults | None = None) -> Check | None:
    return world.process(BOT, faults).check_change(world.environments[DEV], number)


def offer(world: World, files: dict[str, str], person: Person = ANN, branch: str = "mine") -> int:
    """A person's own pull request, with files as they are to be."""
    tree, repo = world.tree(), world.repo()
    for path, text in files.items():
        tree = tree.put(path, text)
    at = world.repos.head(repo, branch)
    if at is None:
        # Commits on a branch of one's own begin at master's head.
        draft = Draft(tree, "Change it by hand\n\nJx-Edit: \n", person)
        world.repos.replace(repo, branch, base=world.head(), draft=draft)
    else:
        world.repos.write(repo, branch, base=at, draft=Draft(tree, "Change it again\n", person))
    offered = Offer(branch, "master", "Change it by hand", "")
    return int(world.forge_as(person).propose(repo, offered).number)


def only_comment(world: World, number: int = 1) -> str:
    (comment,) = world.pull(number).comments
    assert comment.key == COMMENT_KEY
    assert comment.author == BOT
    return comment.body


def test_it_says_what_a_merge_would_do_to_the_cluster(world: World) -> None:
    made = check(world)
    assert made is not None
    assert (made.context, made.state) == (CONTEXT, CheckState.SUCCESS)
    assert made.description == f"5 objects will change (on {world.head()[:12]})"
    text = only_comment(world)
    assert "5 to create, 0 to update, 0 to delete" in text.partition("\n")[0]
    assert "| redis | not installed → 1.1.0 | 4 |  |  |  |" in text
    assert "create StatefulSet.apps/jenkins-x-redis" in text


def test_a_plan_for_another_cluster_says_that_what_runs_there_is_not_seen(world: World) -> None:
    elsewhere = replace(world.environments[DEV], is_remote=True, cluster="europe")
    assert world.process(BOT).check_change(elsewhere, 1)
    assert "Environment dev is in cluster europe, whose own controllers apply it" in only_comment(world)


def test_nothing_in_the_cluster_is_changed(world: World) -> None:
    writes = len(world.cluster.writes())
    check(world)
    assert len(world.cluster.writes()) == writes


def test_no_secret_value_is_in_the_comment(world: World) -> None:
    world.push(world.tree().put("env/templates/s.yaml", PLAIN), "Bring one from before there was a check")
    number = offer(world, {"env/templates/a.yaml": config("a")})
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.SUCCESS
    assert "create Secret/s" in only_comment(world, number)
    assert "hunter22" not in only_comment(world, number)


def test_the_data_of_a_secret_that_a_change_writes_into_git_is_told_by_its_place_never_by_its_value(
    world: World,
) -> None:
    values = f"{world.tree().text('env/values.yaml')}word: hunter22\n"
    number = offer(world, {"env/templates/s.yaml": PLAIN, "env/values.yaml": values})
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.FAILURE
    told = only_comment(world, number)
    assert "- env/templates/s.yaml:6: password: the value of password of Secret/s" in told
    assert "hunter22" not in told + made.description


def test_a_token_in_any_file_of_a_change_is_told_by_its_place(world: World) -> None:
    token = "ghp_" + "aB3" * 12
    number = offer(world, {"README.md": f"# How to\n\nUse {token}\n"})
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.FAILURE
    told = only_comment(world, number)
    assert "- README.md:3: it has the form of a token of GitHub" in told
    assert token not in told


def test_what_is_no_secret_is_allowed_by_the_base_and_not_by_the_change_itself(world: World) -> None:
    plain = "secrets:\n  plain:\n  - {file: env/templates/*, name: password}\n"
    settings = (world.tree().find_text("jx-requirements.yml") or "") + plain
    number = offer(world, {"env/templates/s.yaml": PLAIN, "jx-requirements.yml": settings})
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.FAILURE
    world.push(world.tree().put("jx-requirements.yml", settings), "Allow it")
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.SUCCESS


def test_what_was_checked_on_todays_base_is_left_alone(world: World) -> None:
    check(world)
    faults = Faults()
    assert check(world, faults=faults) is None
    assert [call for call in faults.calls if call[0] == "forge"] == [("forge", "observe")]


def test_a_check_that_was_interrupted_between_comment_and_status_is_made_again(world: World) -> None:
    world.process(BOT).forge.comment(world.repo(), 1, "half done", key=COMMENT_KEY)
    assert check(world)
    assert "5 to create" in only_comment(world)


def test_a_new_commit_on_the_branch_is_checked_anew(world: World) -> None:
    number = offer(world, {"env/templates/a.yaml": config("a")})
    first = check(world, number)
    offer(world, {"env/templates/a.yaml": config("a"), "env/templates/b.yaml": config("b")})
    second = check(world, number)
    assert first is not None
    assert second is not None
    assert [first.description[:1], second.description[:1]] == ["1", "2"]
    assert "ConfigMap/b" in only_comment(world, number)


def test_it_is_checked_anew_when_the_base_has_moved(world: World) -> None:
    check(world)
    world.process(ANN).add_app("shop")
    merged(world, 2)
    world.settle()
    made = check(world)
    assert made is None  # the controllers did it
    (plan,) = (one for one in world.pull().checks if one.context == "jx/plan")
    assert f"(on {world.head()[:12]})" in plan.description
    assert "create StatefulSet.apps/jenkins-x-redis" in only_comment(world)
    assert "jenkins-x-shop" not in only_comment(world)


def test_a_chart_that_does_not_render_is_a_failure_with_file_and_line(world: World) -> None:
    number = offer(world, {BAD_TEMPLATE: "apiVersion: v1\nkind: ConfigMap\n{{ .Values.nothing.there }}\n"})
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.FAILURE
    text = only_comment(world, number)
    assert text.startswith("### This cannot be applied")
    assert "templates/a.yaml:3" in text


def test_files_that_are_wrong_are_all_named(world: World) -> None:
    number = offer(world, {"env/Chart.yaml": "dependencies: [\n", "jx-requirements.yml": "apply: [\n"})
    check(world, number)
    text = only_comment(world, number)
    assert "env/Chart.yaml" in text
    assert "jx-requirements.yml" in text


def test_a_plan_that_a_guard_refuses_is_a_failure_that_shows_the_plan_nevertheless(world: World) -> None:
    chart = world.tree().text("env/Chart.yaml")
    assert GOOD in chart
    number = offer(world, {"env/Chart.yaml": "apiVersion: v2\nname: env\nversion: 0.0.1\n"})
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.FAILURE
    assert "**Refused:**" in only_comment(world, number)
    assert "**Deletes:**" in only_comment(world, number)


def test_a_conflict_with_the_base_is_a_failure_that_names_the_files(world: World) -> None:
    values = world.tree().text("env/values.yaml")
    number = offer(world, {"env/values.yaml": f"{values}redis:\n  replicas: 2\n"})
    world.push(world.tree().put("env/values.yaml", f"{values}redis:\n  replicas: 3\n"), "Three")
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.FAILURE
    assert "conflicts with master in env/values.yaml" in only_comment(world, number)
    assert "rebase mine onto master" in only_comment(world, number)


def test_the_change_that_mends_a_broken_branch_passes(world: World) -> None:
    good = world.tree().text("env/Chart.yaml")
    world.push(world.tree().put("env/Chart.yaml", "dependencies: [\n"), "Break it")
    number = offer(world, {"env/Chart.yaml": good})
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.SUCCESS


@pytest.mark.parametrize("server", ["cluster", "git", "forge"])
def test_a_server_that_is_down_leaves_the_pull_request_as_it_is(world: World, server: str) -> None:
    world.down[server].is_down = True
    with pytest.raises(Unavailable):
        check(world)
    assert not world.pull().checks
    assert not world.pull().comments


def test_a_plan_that_waits_for_charts_says_so_until_they_are_there(world: World) -> None:
    world.down["charts"].is_down = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            check(world)
        (waits,) = world.pull().checks
        assert waits.state is CheckState.PENDING
        assert waits.description.startswith("it is tried again: ")
    assert not world.pull().comments
    world.down["charts"].is_down = False
    made = check(world)
    assert made is not None
    assert [one.state for one in world.pull().checks] == [CheckState.SUCCESS]


def test_a_merged_or_closed_pull_request_keeps_the_comment_that_its_approver_saw(world: World) -> None:
    check(world)
    seen = only_comment(world)
    merged(world, 1)
    assert check(world) is None
    assert only_comment(world) == seen
    world.process(ANN).add_app("shop")
    world.process(BOB).review_change(ReviewRequest(world.repo(), 2, Close()))
    assert check(world, 2) is None
    assert world.pull(2).state is PullState.CLOSED
    assert not world.pull(2).comments


def config(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: b\n"


def test_an_order_that_cannot_be_is_a_failure_before_the_merge(world: World) -> None:
    body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: {jenkins.io/depends-on: "ConfigMap/b"}\n'
    number = offer(world, {BAD_TEMPLATE: body})
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.FAILURE
    assert "names ConfigMap/b, which is not among the objects" in only_comment(world, number)


def test_the_comment_tells_which_secrets_come_and_go(world: World) -> None:
    values = "x: {a: vault:dev/x:old}\n"
    world.push(
        world.tree().put("env/values.yaml", world.tree().text("env/values.yaml") + values), "Refer to one"
    )
    other = "x: {a: vault:dev/x:new, b: <generated>}\n"
    text = world.tree().text("env/values.yaml").replace(values, other)
    number = offer(world, {"env/values.yaml": text})
    check(world, number)
    told = only_comment(world, number)
    assert "needs secret vault:dev/x:new for x.a; it has to be in its store before the merge" in told
    assert "needs secret vault:generated/dev/x:b for x.b; made by its first apply" in told
    assert "no longer uses secret vault:dev/x:old" in told


def test_the_comment_tells_what_is_drawn_anew(world: World) -> None:
    drawing = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: {{ randAlphaNum 20 | b64enc }}}\n"
    world.push(world.tree().put("env/templates/s.yaml", drawing), "Draw")
    world.settle()
    number = offer(world, {"env/templates/more.yaml": drawing.replace("name: s", "name: more")})
    check(world, number)
    told = only_comment(world, number)
    assert "the environment: what its chart draws at random is drawn anew: it now draws Secret/more" in told


def test_an_object_that_breaks_a_policy_of_the_base_is_refused_with_its_plan_shown(world: World) -> None:
    names = "{properties: {metadata: {properties: {name: {pattern: ^team-}}}}}"
    rule = f"kinds: [ConfigMap]\nmessage: names begin with team\nschema: {names}\n"
    bad = world.tree().put("env/templates/a.yaml", config("a"))
    world.push(bad, "Name one as we did")
    world.settle()
    number = offer(world, {"env/templates/b.yaml": config("b")})
    world.push(world.tree().put("policies/names.yaml", rule), "Rule how things are named")
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.FAILURE
    told = only_comment(world, number)
    assert (
        "> - policies/names.yaml: ConfigMap/b (namespace jx) at metadata.name: names begin with team" in told
    )
    assert "create ConfigMap/b" in told
    assert "ConfigMap/a" not in told, "what the change does not touch is not its fault"


def test_a_policy_that_is_new_is_told_and_not_yet_heeded(world: World) -> None:
    rule = "kinds: ['*']\nschema: {required: [nothing]}\n"
    number = offer(world, {"policies/all.yaml": rule})
    made = check(world, number)
    assert made is not None
    assert made.state is CheckState.SUCCESS
    assert "- brings policy policies/all.yaml: " in only_comment(world, number)
