"""The contract of `ports.clones.Clones`: what a clone remembers without its server, and the branch that is left in it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jx.adapters.git.clones import GitClones
from jx.adapters.local.memory_clones import MemoryClones
from jx.adapters.local.memory_repos import MemoryRepos
from jx.domain.errors import NotFound, Refused
from jx.domain.names import Person, Repo, Revision
from jx.domain.trees import Tree
from jx.ports.clones import Clones
from jx.ports.repos import Draft

ANN = Person("Ann Lee", "ann@example.com")
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


@dataclass
class Place:
    """A clone whose server is gone; its remote had branches `master` and `jx-ledger`, both at one commit."""

    clones: Clones
    folder: str

    @property
    def head(self) -> Revision:
        head = self.clones.find(self.folder, "jx-ledger")
        assert head
        return head


def git(folder: Path, *words: str) -> str:
    login = ["-c", "user.name=Ann Lee", "-c", "user.email=ann@example.com"]
    done = subprocess.run(["git", *login, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def in_memory(_: Path) -> Place:
    repo, repos = Repo("memory://acme/env-dev"), MemoryRepos(lambda: AT)
    repos.create(repo)
    draft = Draft(Tree().put("a.txt", "one\n"), "Begin", ANN)
    head = repos.write(repo, "master", base=None, draft=draft)
    repos.append(repo, "jx-ledger", parent=None, draft=draft)
    clones = MemoryClones(repos)
    clones.fetch("clone", repo, "master", "jx-ledger")
    assert clones.find("clone", "master") == head
    return Place(clones, "clone")


def with_git(folder: Path) -> Place:
    server, work = folder / "server", folder / "clone"
    server.mkdir()
    git(server, "init", "-q", "-b", "master")
    (server / "a.txt").write_text("one\n")
    git(server, "add", "-A")
    git(server, "commit", "-qm", "Begin")
    git(server, "branch", "jx-ledger")
    git(folder, "clone", "-q", str(server), str(work))
    (work / "env").mkdir()
    shutil.rmtree(server)
    return Place(GitClones(), str(work / "env"))


@pytest.fixture(params=[in_memory, with_git])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    make: Callable[[Path], Place] = request.param
    return make(tmp_path)


def test_branches_of_the_remote_are_known_without_it(place: Place) -> None:
    assert place.clones.find(place.folder, "nothing") is None
    assert place.clones.read(place.folder, place.head).text("a.txt") == "one\n"
    (commit,) = place.clones.log(place.folder, place.head)
    assert (commit.subject, commit.author) == ("Begin", ANN)


def test_a_commit_that_was_never_fetched_is_told(place: Place) -> None:
    with pytest.raises(NotFound, match="has no commit"):
        place.clones.read(place.folder, Revision("1" * 40))


def test_a_folder_that_is_in_no_clone_is_told(place: Place, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="in no clone"):
        place.clones.find(str(tmp_path), "master")


def test_a_branch_is_left_once_and_never_over_something_else(place: Place) -> None:
    clones, base = place.clones, place.head
    draft = Draft(Tree().put("a.txt", "two\n"), "Go back\n", ANN, AT)
    made = clones.branch(place.folder, "back", base=base, draft=draft)
    assert clones.branch(place.folder, "back", base=base, draft=draft) == made
    assert clones.read(place.folder, made).text("a.txt") == "two\n"
    assert clones.find(place.folder, "back") == made
    other = Draft(Tree().put("a.txt", "three\n"), "Go back\n", ANN, AT)
    with pytest.raises(Refused, match="something else"):
        clones.branch(place.folder, "back", base=base, draft=other)


def test_what_is_checked_out_stays_as_it_is(tmp_path: Path) -> None:
    place = with_git(tmp_path)
    draft = Draft(Tree().put("a.txt", "two\n"), "Go back\n", ANN, AT)
    place.clones.branch(place.folder, "back", base=place.head, draft=draft)
    assert git(tmp_path / "clone", "status", "--porcelain") == ""
