"""The contract of ports.histories, held to every adapter of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jx.adapters.git.histories import CloneHistories, MirrorHistories
from jx.adapters.git.repos import GitRepos
from jx.adapters.local.memory_histories import MemoryHistories
from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.errors import NotFound
from jx.domain.history.history import FileChange
from jx.domain.names import Person, Repo, Revision
from jx.domain.trees import Blob, Tree
from jx.ports.histories import Histories, Proofs
from jx.ports.repos import Draft, Repos

ANN = Person("Ann Lee", "ann@example.com")
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


Adapter = MemoryHistories | MirrorHistories | CloneHistories
"""Each is a Histories and a Proofs."""


def test_every_adapter_is_both_ports(world: World) -> None:
    world.commit({"a": "1\n"})
    made = world.make()
    history: Histories = made
    proofs: Proofs = made
    assert history is proofs  # type: ignore[comparison-overlap]


@dataclass
class World:
    repos: Repos
    repo: Repo
    make: Callable[[], Adapter]

    def commit(self, files: dict[str, str], parent: Revision | None = None, *, days: int = 0) -> Revision:
        tree = Tree({path: Blob(text.encode()) for path, text in files.items()})
        draft = Draft(tree, f"Day {days}", ANN, AT + timedelta(days=days))
        return self.repos.append(self.repo, "jx-ledger", parent=parent, draft=draft)


def memory(folder: Path) -> World:
    repos = MemoryRepos()
    return World(
        repos, repos.create(Repo("memory://acme/environment-jx-dev")), lambda: MemoryHistories(repos)
    )


def _origin(folder: Path) -> Repo:
    origin = folder / "acme" / "environment-jx-dev.git"
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    return Repo(f"file://{origin}")


def mirror(folder: Path) -> World:
    repos = GitRepos(folder / "cache")
    return World(repos, _origin(folder), lambda: MirrorHistories(GitRepos(folder / "other")))


def clone(folder: Path) -> World:
    repo = _origin(folder)

    def cloned() -> Adapter:
        subprocess.run(
            ["git", "clone", "-q", repo.url, str(folder / "clone")], check=True, capture_output=True
        )
        return CloneHistories(folder / "clone")

    return World(GitRepos(folder / "cache"), repo, cloned)


@pytest.fixture(params=[memory, mirror, clone])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    make: Callable[[Path], World] = request.param
    return make(tmp_path)


def test_changes_are_told_newest_first_with_the_texts_of_both_sides(world: World) -> None:
    first = world.commit({"a": "1\n", "b": "1\n"})
    second = world.commit({"a": "2\n", "c": "é\n"}, first, days=1)
    found = world.make().changes(world.repo, second)
    assert [one.commit.revision for one in found] == [second, first]
    assert found[0].files == (
        FileChange("a", "1\n", "2\n"),
        FileChange("b", "1\n", None),
        FileChange("c", None, "é\n"),
    )
    assert found[1].files == (FileChange("a", None, "1\n"), FileChange("b", None, "1\n"))


def test_a_commit_that_changes_nothing_is_told_without_files(world: World) -> None:
    first = world.commit({"a": "1\n"})
    second = world.commit({"a": "1\n"}, first, days=1)
    assert [len(one.files) for one in world.make().changes(world.repo, second)] == [0, 1]


def test_changes_are_narrowed_to_a_time_a_file_and_a_number(world: World) -> None:
    first = world.commit({"a": "1\n", "b*": "1\n"})
    second = world.commit({"a": "2\n", "b*": "1\n"}, first, days=1)
    third = world.commit({"a": "2\n", "b*": "2\n"}, second, days=2)
    histories = world.make()

    def found(**which: object) -> list[Revision]:
        return [one.commit.revision for one in histories.changes(world.repo, third, **which)]  # type: ignore[arg-type]

    assert found(since=AT + timedelta(days=1)) == [third, second]
    assert found(path="a") == [second, first]
    assert found(path="b*") == [third, first]
    assert found(limit=1) == [third]


def test_the_newest_commit_and_what_it_holds(world: World) -> None:
    first = world.commit({"a": "1\n"})
    histories = world.make()
    assert histories.head(world.repo, "jx-ledger") == first
    assert histories.head(world.repo, "nothing") is None
    assert histories.read(world.repo, first).text("a") == "1\n"
    assert histories.log(world.repo, first)[0].author == ANN


def test_from_a_folder_of_a_clone_all_of_it_is_seen(tmp_path: Path) -> None:
    world = clone(tmp_path)
    revision = world.commit({"a": "1\n", "env/Chart.yaml": "name: env\n"})
    world.make()
    (tmp_path / "clone" / "env").mkdir()
    histories = CloneHistories(tmp_path / "clone" / "env")
    assert sorted(histories.read(world.repo, revision)) == ["a", "env/Chart.yaml"]
    (change,) = histories.changes(world.repo, revision, path="a")
    assert [one.path for one in change.files] == ["a"]


def test_who_comes_after_whom(world: World) -> None:
    first = world.commit({"a": "1\n"})
    second = world.commit({"a": "2\n"}, first, days=1)
    histories = world.make()
    assert histories.contains(world.repo, second, ancestor=first)
    assert histories.contains(world.repo, second, ancestor=second)
    assert not histories.contains(world.repo, first, ancestor=second)
    assert not histories.contains(world.repo, second, ancestor=Revision("0" * 39 + "1"))


def test_what_is_not_signed_has_no_signature_and_what_is_whole_no_damage(world: World) -> None:
    first = world.commit({"a": "1\n"})
    histories = world.make()
    assert [one.state for one in histories.signatures(world.repo, (first,))] == ["none"]
    assert histories.find_damage(world.repo, first) == ()


def test_digests_of_many_commits_are_those_of_their_trees(world: World) -> None:
    first = world.commit({"env/a": "1\n", "env/b/c": "é\n", "d": ""})
    second = world.commit({"env/a": "2\n", "env-b": "x"}, first, days=1)
    found = world.make().digests(world.repo, (second, first, Revision("0" * 39 + "1")))
    assert found == {one: world.repos.read(world.repo, one).digest for one in (first, second)}


def test_a_commit_that_is_nowhere_is_not_found(world: World) -> None:
    world.commit({"a": "1\n"})
    with pytest.raises(NotFound):
        world.make().log(world.repo, Revision("0" * 39 + "1"))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen to sign with")
def test_a_signature_names_who_signed_and_a_false_one_is_told(tmp_path: Path) -> None:
    script = """
    ssh-keygen -q -t ed25519 -N '' -f ann; ssh-keygen -q -t ed25519 -N '' -f eve
    echo "ann@example.com $(cat ann.pub)" > allowed
    git init -q -b master repo; cd repo
    git config user.name Ann; git config user.email ann@example.com
    git config gpg.format ssh; git config gpg.ssh.allowedSignersFile ../allowed
    git -c user.signingkey=../ann.pub commit -q -S --allow-empty -m signed
    git commit -q --allow-empty -m plain
    git -c user.signingkey=../eve.pub commit -q -S --allow-empty -m strange
    git cat-file commit HEAD~2 | sed 's/^signed$/forged/' | git hash-object -t commit -w --stdin > ../forged
    git rev-list --reverse HEAD > ../commits
    """
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True, capture_output=True)
    commits = tuple(map(Revision, (tmp_path / "commits").read_text().split()))
    forged = Revision((tmp_path / "forged").read_text().strip())
    found = CloneHistories(tmp_path / "repo").signatures(Repo("file:///nowhere"), (*commits, forged))
    assert [one.state for one in found] == ["good", "none", "unknown", "bad"]
    assert found[0].signer == "ann@example.com"
