from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.forge import Users, forge_with_users, git, make_repo

from jx.domain.names import Repo

_numbers = itertools.count()


@pytest.fixture(scope="session")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    with forge_with_users(tmp_path_factory.mktemp("forge") / "forge") as users:
        yield users


@dataclass(frozen=True)
class Clone:
    """Ann's clone of a repository that holds one commit on master."""

    users: Users
    repo: Repo
    path: Path

    def git(self, *arguments: str, login: str = "ann", ok: bool = True) -> str:
        done = git(*arguments, cwd=self.path, login=(login, self.users.tokens[login]))
        assert (done.returncode == 0) is ok, done.stderr
        return done.stdout.strip() if ok else done.stderr

    def commit(self, path: str, text: str) -> str:
        """Write, commit; the commit."""
        (self.path / path).write_text(text)
        self.git("add", path)
        self.git("commit", "-q", "-m", f"Write {path}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def clone(users: Users, tmp_path: Path) -> Clone:
    repo = make_repo(users, "acme", f"app-{next(_numbers)}")
    done = git("clone", "-q", repo.url, "work", cwd=tmp_path, login=("ann", users.tokens["ann"]))
    assert done.returncode == 0, done.stderr
    made = Clone(users, repo, tmp_path / "work")
    made.commit("README.md", "hello\n")
    made.git("push", "-q", "origin", "HEAD:master")
    return made
