"""The contract of ports.repos, held to every adapter of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jx.adapters.git.repos import GitRepos
from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.errors import Failed, NotFound, Stale
from jx.domain.names import Person, Repo, Revision
from jx.domain.trees import Blob, Tree
from jx.ports.repos import Draft, Repos

ANN = Person("Ann Lee", "ann@example.com")
TREE = Tree({"env/Chart.yaml": Blob(b"name: env\n"), "run.sh": Blob(b"#!/bin/sh\n", executable=True)})
World = tuple[Repos, Repo]


def memory(folder: Path) -> World:
    repos = MemoryRepos()
    return repos, repos.create(Repo("memory://acme/environment-jx-dev"))


def git(folder: Path) -> World:
    origin = folder / "acme" / "environment-jx-dev.git"
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    return GitRepos(folder / "cache"), Repo(f"file://{origin}")


@pytest.fixture(params=[memory, git])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    make: Callable[[Path], World] = request.param
    return make(tmp_path)


def draft(tree: Tree = TREE, message: str = "Begin", at: datetime | None = None) -> Draft:
    return Draft(tree, message, ANN, at)


def test_a_branch_that_is_not_there_has_no_head(world: World) -> None:
    repos, repo = world
    assert repos.head(repo, "master") is None


def test_all_branches_are_listed_with_their_commits(world: World) -> None:
    repos, repo = world
    assert dict(repos.refs(repo)) == {}
    first = repos.write(repo, "master", base=None, draft=draft())
    other = repos.write(repo, "feature/x", base=None, draft=draft(message="Begin elsewhere"))
    assert dict(repos.refs(repo)) == {"refs/heads/master": first, "refs/heads/feature/x": other}


def test_tags_are_listed_with_the_commits_that_they_mean(tmp_path: Path) -> None:
    repos, repo = git(tmp_path)
    head = repos.write(repo, "master", base=None, draft=draft())
    folder = repo.url.removeprefix("file://")
    for words in (["light", head], ["-a", "-m", "Release", "v1.2.3", head]):
        named = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
        subprocess.run(["git", "-C", folder, *named, "tag", *words], check=True)
    assert {name: oid for name, oid in repos.refs(repo).items() if "tags" in name} == {
        "refs/tags/light": head,
        "refs/tags/v1.2.3": head,
    }


def test_what_is_written_is_read_back_with_its_modes(world: World) -> None:
    repos, repo = world
    revision = repos.write(repo, "master", base=None, draft=draft())
    assert repos.head(repo, "master") == revision
    assert repos.read(repo, revision) == TREE


def test_a_write_on_a_moved_base_is_stale_and_writes_nothing(world: World) -> None:
    repos, repo = world
    first = repos.write(repo, "master", base=None, draft=draft())
    second = repos.write(repo, "master", base=first, draft=draft(TREE.put("a", "1")))
    with pytest.raises(Stale):
        repos.write(repo, "master", base=first, draft=draft(TREE.put("b", "2")))
    with pytest.raises(Stale):
        repos.write(repo, "master", base=None, draft=draft(TREE.put("b", "2")))
    assert repos.head(repo, "master") == second


def test_writing_what_is_there_makes_no_commit(world: World) -> None:
    repos, repo = world
    first = repos.write(repo, "master", base=None, draft=draft())
    assert repos.write(repo, "master", base=first, draft=draft(message="again")) == first


def test_the_log_is_newest_first_and_ends_before_after(world: World) -> None:
    repos, repo = world
    first = repos.write(repo, "master", base=None, draft=draft())
    second = repos.write(repo, "master", base=first, draft=draft(TREE.put("a", "1"), "Add a"))
    third = repos.write(
        repo, "master", base=second, draft=draft(TREE.put("a", "2"), "Set a\n\nwhy\n\nJx-Edit: {}\n")
    )
    assert [c.revision for c in repos.log(repo, third)] == [third, second, first]
    newest = repos.log(repo, third, after=second)
    assert [(c.subject, c.author, dict(c.trailers)) for c in newest] == [("Set a", ANN, {"Jx-Edit": "{}"})]


def test_replacing_twice_is_replacing_once(world: World) -> None:
    repos, repo = world
    base = repos.write(repo, "master", base=None, draft=draft())
    offer = draft(TREE.put("a", "1"), "Add a\n\nbody\n\nJx-Edit: {}\n")
    first = repos.replace(repo, "add-a", base=base, draft=offer)
    assert repos.replace(repo, "add-a", base=base, draft=offer) == first
    assert [c.revision for c in repos.log(repo, first)] == [first, base]


def test_an_own_branch_may_be_several_commits_and_repeating_them_pushes_nothing(world: World) -> None:
    repos, repo = world
    base = repos.write(repo, "master", base=None, draft=draft())
    one = draft(TREE.put("a", "1"), "Add a\n\nbody\n\nJx-Edit: {}\n")
    two = draft(TREE.put("a", "1").put("b", "1"), "Add b\n\nbody\n\nJx-Edit: {}\n")
    tip = repos.replace(repo, "both", base=base, draft=two, before=[one])
    assert [c.subject for c in repos.log(repo, tip)][:2] == ["Add b", "Add a"]
    assert repos.log(repo, tip)[2].revision == base
    assert repos.read(repo, repos.log(repo, tip)[1].revision) == one.tree
    assert repos.replace(repo, "both", base=base, draft=two, before=[one]) == tip
    alone = repos.replace(repo, "both", base=base, draft=two)
    assert [c.revision for c in repos.log(repo, alone)] == [alone, base]
    assert repos.head(repo, "both") == alone


def test_an_own_branch_is_made_anew_on_a_newer_base(world: World) -> None:
    repos, repo = world
    base = repos.write(repo, "master", base=None, draft=draft())
    message = "Add a\n\nbody\n\nJx-Edit: {}\n"
    repos.replace(repo, "add-a", base=base, draft=draft(TREE.put("a", "1"), message))
    newer = repos.write(repo, "master", base=base, draft=draft(TREE.put("b", "1"), "b"))
    tip = repos.replace(repo, "add-a", base=newer, draft=draft(TREE.put("b", "1").put("a", "1"), message))
    assert [c.revision for c in repos.log(repo, tip)] == [tip, newer, base]


def test_a_branch_with_somebody_elses_commits_is_left_alone(world: World) -> None:
    repos, repo = world
    base = repos.write(repo, "master", base=None, draft=draft())
    message = "Add a\n\nbody\n\nJx-Edit: {}\n"
    tip = repos.replace(repo, "add-a", base=base, draft=draft(TREE.put("a", "1"), message))
    theirs = repos.write(repo, "add-a", base=tip, draft=draft(TREE.put("a", "2"), "By hand"))
    with pytest.raises(Stale):
        repos.replace(repo, "add-a", base=base, draft=draft(TREE.put("a", "1"), message))
    assert repos.head(repo, "add-a") == theirs


def test_a_ledger_grows_forward_only_and_the_same_entry_is_the_same_commit(world: World) -> None:
    repos, repo = world
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    entry = draft(Tree({"jx/apps/Deployment/a.yaml": Blob(b"a: 1\n")}), "Applied", at)
    first = repos.append(repo, "jx-ledger", parent=None, draft=entry)
    assert repos.append(repo, "jx-ledger", parent=None, draft=entry) == first
    second = repos.append(repo, "jx-ledger", parent=first, draft=draft(Tree(), "Applied 2", at))
    with pytest.raises(Stale):
        repos.append(repo, "jx-ledger", parent=first, draft=draft(TREE, "Applied 3", at))
    assert repos.head(repo, "jx-ledger") == second
    assert repos.read(repo, second) == Tree()


def test_what_is_not_there_is_named(world: World) -> None:
    repos, repo = world
    with pytest.raises(NotFound):
        repos.head(Repo(repo.url + "-missing"), "master")
    with pytest.raises(NotFound):
        repos.read(repo, Revision("0" * 39 + "1"))


@pytest.mark.parametrize(
    "tag", [["packs/v1"], ["-a", "-m", "Release", "packs/v1"]], ids=["plain", "annotated"]
)
def test_a_tag_is_its_commit(tmp_path: Path, tag: list[str]) -> None:
    repos, repo = git(tmp_path)
    commit = repos.write(repo, "master", base=None, draft=draft())
    assert repos.head(repo, "refs/tags/packs/v1") is None
    named = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "tag", *tag, commit]
    subprocess.run(["git", "-C", repo.url.removeprefix("file://"), *named], check=True)
    repos.write(repo, "master", base=commit, draft=draft(TREE.put("more", "x")))
    found = repos.head(repo, "refs/tags/packs/v1")
    assert found == commit
    assert repos.head(repo, "packs/v1") is None
    assert repos.read(repo, found) == TREE


def test_a_symlink_is_refused_by_name(tmp_path: Path) -> None:
    from jx.domain.errors import Invalid

    repos, repo = git(tmp_path)
    work = tmp_path / "work"
    subprocess.run(["git", "init", "-q", "-b", "master", str(work)], check=True)
    (work / "leak").symlink_to("/etc/hostname")
    identity = ["-c", "user.name=Eve", "-c", "user.email=eve@example.com"]
    subprocess.run(["git", "-C", str(work), "add", "leak"], check=True)
    subprocess.run(["git", "-C", str(work), *identity, "commit", "-qm", "x"], check=True)
    subprocess.run(["git", "-C", str(work), "push", "-q", repo.url, "master"], check=True)
    head = repos.head(repo, "master")
    assert head is not None
    with pytest.raises(Invalid) as caught:
        repos.read(repo, head)
    assert [problem.where for problem in caught.value.problems] == ["leak"]


def test_a_mirror_whose_making_was_killed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repos, repo = git(tmp_path)
    real = shutil.which("git")
    half = tmp_path / "bin" / "git"
    half.parent.mkdir()
    half.write_text(
        f'#!/bin/sh\ncase " $* " in *" init "*) ;; *) exec {real} "$@" ;; esac\nfor last; do :; done\n'
        'mkdir -p "$last" && echo "ref: refs/heads/master" > "$last/HEAD"\nkill -9 $$\n'
    )
    half.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(half.parent), prepend=os.pathsep)
        with pytest.raises(Failed):
            repos.write(repo, "master", base=None, draft=draft())
    revision = repos.write(repo, "master", base=None, draft=draft())
    assert repos.read(repo, revision) == TREE


def test_what_comes_into_a_mirror_comes_as_a_whole_so_that_a_kill_leaves_no_commit_without_its_files(
    tmp_path: Path,
) -> None:
    repos, repo = git(tmp_path)
    revision = repos.write(repo, "master", base=None, draft=draft())
    reader = GitRepos(tmp_path / "other")
    assert reader.read(repo, revision) == TREE
    for cache in ("cache", "other"):
        (mirror,) = (tmp_path / cache).iterdir()
        loose = subprocess.run(
            ["git", "-C", str(mirror), "count-objects"], capture_output=True, text=True, check=True
        )
        assert loose.stdout.startswith("0 objects")


def test_a_lock_that_a_killed_git_left_in_a_mirror_is_taken_away_and_a_fresh_one_is_respected(
    tmp_path: Path,
) -> None:
    repos, repo = git(tmp_path)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    revision = repos.write(repo, "master", base=None, draft=draft(at=at))
    (mirror,) = (tmp_path / "cache").iterdir()
    (left,) = (mirror / "refs" / "jx" / "drafts").iterdir()
    lock = left.with_name(f"{left.name}.lock")
    left.unlink()
    lock.touch()
    with pytest.raises(Stale):
        repos.append(repo, "master", parent=None, draft=draft(at=at))
    os.utime(lock, (0, 0))
    assert repos.append(repo, "master", parent=None, draft=draft(at=at)) == revision
    assert not lock.exists()
