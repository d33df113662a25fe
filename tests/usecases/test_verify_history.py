"""Verifying history: a ledger that was written anew, cut or forged is found, and what cannot be proven is said."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.journeys import ANN, BOB, DEV, OLGA, World, installed, merged

from jx.adapters.git.histories import CloneHistories
from jx.adapters.git.repos import GitRepos
from jx.domain.changes.changes import PullRequest
from jx.domain.errors import Unavailable
from jx.domain.history.history_proofs import Standing
from jx.domain.ledger import ledger
from jx.domain.names import EnvironmentName, Repo, Revision
from jx.domain.trees import Blob, Tree
from jx.ports.repos import Draft
from jx.usecases.history.show_history import Place
from jx.usecases.history.verify_history import Proof, VerifyHistory


@pytest.fixture
def world() -> World:
    world = installed()
    world.process(ANN).add_app("redis")
    merged(world, 1)
    world.settle()
    return world


def proof(world: World) -> Proof:
    return world.process(BOB).verify_history(world.place())


def broken(found: Proof) -> str:
    return "\n".join(one.words for one in found.findings if one.standing is Standing.BROKEN)


def unproven(found: Proof) -> str:
    return "\n".join(one.words for one in found.findings if one.standing is Standing.UNPROVEN)


def proven(found: Proof) -> str:
    return "\n".join(one.words for one in found.findings if one.standing is Standing.PROVEN)


def head_of(world: World) -> Revision:
    head = world.repos.head(world.repo(), ledger.BRANCH)
    assert head
    return head


def put(world: World, head: Revision | None) -> None:
    """Have the branch of the ledger end there, as somebody could who may push to it by force."""
    world.repos._repos[world.repo().url].branches[ledger.BRANCH] = head  # type: ignore[assignment]


def forged(world: World, message: str, *, parent: Revision | None, tree: Tree | None = None) -> Revision:
    """A commit of somebody who is no applier."""
    draft = Draft(
        tree if tree is not None else world.repos.read(world.repo(), head_of(world)),
        message,
        ANN,
        world.clock.now(),
    )
    before = head_of(world)
    put(world, parent)
    revision = world.repos.append(world.repo(), ledger.BRANCH, parent=parent, draft=draft)
    put(world, before)
    return revision


def test_a_ledger_that_nobody_touched_is_whole_and_its_claims_are_proven(world: World) -> None:
    found = proof(world)
    assert found.is_whole, broken(found)
    assert "as the cluster remembers" in proven(found)
    assert "author and approvals, by the forge" in proven(found)
    assert "the files of the source commit are those that were applied" in proven(found)
    assert "who applied by hand" in unproven(found)


def test_an_entry_that_was_put_on_top_is_found(world: World) -> None:
    message = "Nothing to see\n\nJx-Environment: dev\nJx-Applied-By: controller\nJx-Result: applied\n"
    put(world, forged(world, message, parent=head_of(world)))
    assert "forged entries" in broken(proof(world))


def test_a_ledger_that_was_cut_is_found(world: World) -> None:
    put(world, world.ledger()[-2].revision)
    assert "it was cut" in broken(proof(world))


def test_a_ledger_that_was_deleted_is_found(world: World) -> None:
    del world.repos._repos[world.repo().url].branches[ledger.BRANCH]
    found = proof(world)
    assert not found.is_whole
    assert "cut" in broken(found)


def test_a_ledger_that_was_written_anew_with_another_author_is_found(world: World) -> None:
    parent: Revision | None = None
    for commit in world.ledger():
        tree = world.repos.read(world.repo(), commit.revision)
        parent = forged(world, commit.message + "\n", parent=parent, tree=tree)
    put(world, parent)
    found = broken(proof(world))
    assert "it was written anew" in found


def test_an_approval_that_nobody_gave_is_found_even_if_the_cluster_believes_it(world: World) -> None:
    world.process(ANN).add_app("shop")
    revision = merged(world, 2)
    commit, tree = world.repos._get(world.repo(), revision)
    message = commit.message.replace("Bob Ray <bob@example.com>", "Olga Own <olga@example.com>")
    world.repos._repos[world.repo().url].commits[revision] = (replace(commit, message=message), tree)
    world.settle()
    assert "the forge knows of no approval by Olga Own" in broken(proof(world))


def test_a_pull_request_that_is_not_there_is_found(world: World) -> None:
    tree = world.tree().put("note.md", "x")
    world.push(
        tree,
        f"Merge\n\nJx-Pull-Request: {world.repo().url}/pulls/77\nJx-Approved-By: Bob Ray <bob@example.com>",
        person=ANN,
    )
    world.settle()
    assert "the forge has no such pull request" in broken(proof(world))


def test_each_pull_request_is_asked_about_once_and_a_forge_that_is_down_is_waited_for_once(
    world: World,
) -> None:
    world.process(ANN).add_app("shop")
    merged(world, 2)
    world.settle()
    forge, asked = world.process(ANN).forge, list[int]()

    def observe(repo: Repo, number: int) -> PullRequest:
        asked.append(number)
        found: PullRequest = seen(repo, number)
        return found

    seen, forge.observe = forge.observe, observe
    verify = VerifyHistory(world.histories, world.histories, world.anchors, forge)
    assert verify(world.place()).is_whole
    assert sorted(asked) == [1, 2]

    def down(repo: Repo, number: int) -> PullRequest:
        asked.append(number)
        raise Unavailable("the forge is down")

    asked.clear()
    forge.observe = down
    found = verify(world.place())
    assert "the forge could not be asked" in unproven(found)
    assert asked == [1]


def test_an_approval_without_a_pull_request_is_found(world: World) -> None:
    world.push(world.tree().put("note.md", "x"), "Push\n\nJx-Approved-By: Bob Ray <bob@example.com>")
    world.settle()
    assert "it claims an approval without a pull request" in broken(proof(world))


def test_the_author_of_a_plain_push_is_said_to_be_unproven(world: World) -> None:
    world.push(world.tree().put("note.md", "x"), "A note", person=OLGA)
    world.settle()
    found = proof(world)
    assert found.is_whole
    assert "pushed without a pull request and without a signature" in unproven(found)


def test_a_branch_whose_past_was_changed_is_found(world: World) -> None:
    tree = world.tree()
    repo = world.repo()
    world.repos._repos[repo.url].branches["master"] = world.repos.log(repo, world.head())[1].revision
    world.push(tree.put("note.md", "x"), "Somebody pushed by force")
    assert "is not on the branch (any more)" in broken(proof(world))


def test_without_cluster_and_forge_it_says_what_is_left_unproven(world: World) -> None:
    found = VerifyHistory(world.histories, world.histories)(world.place())
    assert found.is_whole
    assert "that nobody wrote it anew as a whole: no cluster is asked" in unproven(found)
    assert "the forge could not be asked" in unproven(found)


# On git itself


def in_clone(folder: Path) -> tuple[Place, VerifyHistory, Path]:
    """A repository with three applies, and a clone of it."""
    origin = folder / "env.git"
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    repo, repos = Repo(f"file://{origin}"), GitRepos(folder / "cache")
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    parent = source = None
    for day in range(3):
        at = begin + timedelta(days=day)
        tree = Tree({"env/Chart.yaml": Blob(f"version: {day}\n".encode())})
        source = repos.write(repo, "master", base=source, draft=Draft(tree, f"Day {day}", ANN, at))
        message = (
            f"Day {day}\n\nJx-Environment: dev\nJx-Source-Commit: {source}\nJx-Source-Tree: {tree.digest}\n"
            "Jx-Applied-By: controller\n"
        )
        files = Tree({"jx/core/ConfigMap/a.yaml": Blob(f"data: {day}\n".encode())})
        parent = repos.append(repo, ledger.BRANCH, parent=parent, draft=Draft(files, message, ANN, at))
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", repo.url, str(clone)], check=True, capture_output=True)
    histories = CloneHistories(clone)
    return Place(EnvironmentName("dev"), repo), VerifyHistory(histories, histories), clone


def test_a_clone_alone_proves_the_chain_and_the_files_of_its_source(tmp_path: Path) -> None:
    place, verify, _ = in_clone(tmp_path)
    found = verify(place)
    assert found.is_whole, broken(found)
    assert "3 entries" in proven(found)
    assert proven(found).count("the files of the source commit") == 3


def test_an_object_that_was_changed_on_disk_is_found(tmp_path: Path) -> None:
    place, verify, clone = in_clone(tmp_path)
    script = (
        "mkdir t; mv .git/objects/pack/* t/; for p in t/*.pack; do git unpack-objects -q < $p; done; rm -rf t;"
        "o=$(git rev-parse origin/jx-ledger~1:jx/core/ConfigMap/a.yaml); f=.git/objects/${o%${o#??}}/${o#??};"
        "n=$(echo forged | git hash-object -w --stdin); chmod u+w $f; cp .git/objects/${n%${n#??}}/${n#??} $f"
    )
    subprocess.run(["bash", "-euc", script], cwd=clone, check=True, capture_output=True)
    assert not verify(place).is_whole


def test_files_that_are_not_those_of_the_source_commit_are_found(tmp_path: Path) -> None:
    place, verify, clone = in_clone(tmp_path)
    script = (
        "git checkout -q -B jx-ledger origin/jx-ledger; git -c user.name=x -c user.email=x commit -q --amend "
        "-m \"$(git log -1 --format=%B | sed 's/sha256:..../sha256:0000/')\"; git push -qf origin jx-ledger"
    )
    subprocess.run(["bash", "-euc", script], cwd=clone, check=True, capture_output=True)
    assert "are not those that it says were applied" in broken(verify(place))


def test_somebody_elses_entry_for_another_environment_is_found(world: World) -> None:
    put(
        world,
        forged(world, "x\n\nJx-Environment: production\nJx-Applied-By: controller\n", parent=head_of(world)),
    )
    found = world.process(BOB).verify_history(replace(world.place(), environment=DEV))
    assert "its trailer says production" in broken(found)
