"""What the forge keeps of git's answers: no answer about refs outlives a move of one, whoever moved it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from jx.adapters.local.forge import git
from jx.adapters.local.forge.remembered import Remembered
from jx.domain.names import Revision

LONG_AGO = 1_600_000_000


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A bare repository with one commit on master, all of it written long ago."""
    folder = tmp_path / "dev.git"
    git.init_bare(folder)
    tree = _git(folder, "mktree")
    first = _git(folder, "commit-tree", tree, "-m", "First")
    _git(folder, "update-ref", "refs/heads/master", first)
    _age(folder)
    return folder


def _git(folder: Path, *words: str) -> str:
    who = {f"GIT_{role}_{key}": "x" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", f"--git-dir={folder}", *words],
        env={**git.environment(folder), **who},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def _age(folder: Path) -> None:
    """As if everything had been written long ago, and nothing at the same time."""
    for number, path in enumerate(sorted(folder.rglob("*"))):
        os.utime(path, (LONG_AGO + number, LONG_AGO + number))
    os.utime(folder, (LONG_AGO, LONG_AGO))


class Asked:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        return self.times


def test_while_no_ref_moves_git_is_asked_once(bare: Path) -> None:
    known, ask = Remembered(), Asked()

    assert [known.of_refs(bare, "heads", ask) for _ in range(3)] == [1, 1, 1]


def test_each_question_has_its_own_answer(bare: Path) -> None:
    known = Remembered()

    assert known.of_refs(bare, "one", lambda: 1) == 1
    assert known.of_refs(bare, "two", lambda: 2) == 2
    assert known.of_refs(bare, "one", lambda: 3) == 1


@pytest.mark.parametrize(
    "move",
    [
        "update-ref refs/heads/master second",
        "update-ref refs/heads/team/feature second",
        "update-ref refs/pull/7/head second",
        "update-ref -d refs/tags/second",
        "pack-refs --all --prune",
        "symbolic-ref HEAD refs/heads/main",
    ],
)
def test_a_ref_that_git_moved_alone_is_asked_for_anew(bare: Path, move: str) -> None:
    _git(bare, "tag", "second", _git(bare, "commit-tree", _git(bare, "mktree"), "-m", "Second"))
    _age(bare)
    known, ask = Remembered(), Asked()
    known.of_refs(bare, "heads", ask)

    _git(bare, *move.split())

    assert known.of_refs(bare, "heads", ask) == 2


def test_what_was_written_just_now_is_not_trusted_yet(bare: Path) -> None:
    # A second write within a tick of the file system's clock would have the time of the first.
    known, ask = Remembered(), Asked()
    future = 4_000_000_000
    os.utime(bare / "refs" / "heads", (future, future))

    assert [known.of_refs(bare, "heads", ask) for _ in range(2)] == [1, 2]


def test_where_files_have_times_in_seconds_what_was_written_in_this_one_is_not_trusted_either(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, ask = Remembered(), Asked()
    newest = max(path.stat().st_mtime_ns for path in [bare / "HEAD", *bare.glob("refs/**")])
    monkeypatch.setattr(time, "time_ns", lambda: newest + 1_500_000_000)
    assert [known.of_refs(bare, "heads", ask) for _ in range(2)] == [1, 2]
    monkeypatch.setattr(time, "time_ns", lambda: newest + 2_500_000_000)
    assert [known.of_refs(bare, "heads", ask) for _ in range(2)] == [3, 3]


def test_a_folder_that_is_gone_is_asked_for_each_time(tmp_path: Path) -> None:
    known, ask = Remembered(), Asked()

    assert [known.of_refs(tmp_path / "gone", "heads", ask) for _ in range(2)] == [1, 2]


def test_what_is_not_there_yet_is_not_kept_of_commits() -> None:
    known = Remembered()

    assert known.of_commits("one", lambda: None) is None
    assert known.of_commits("one", lambda: True)
    assert known.of_commits("one", lambda: None)


def test_a_branch_is_where_git_says_after_each_move(bare: Path) -> None:
    repository = git.BareGit(bare)
    first = repository.require("master")
    tree = _git(bare, "mktree")
    parent = first
    for number in range(3):
        newer = _git(bare, "commit-tree", tree, "-p", parent, "-m", str(number))
        _git(bare, "update-ref", "refs/heads/master", newer)
        parent = Revision(newer)

        assert repository.head("master") == newer
        assert repository.branches() == {"master": newer}
        assert newer.encode() in repository.advert("upload-pack", "")
