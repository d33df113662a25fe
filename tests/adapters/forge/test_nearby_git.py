"""Heads of a forge on this machine are asked for without git, and are what git would have said."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.adapters.forge.conftest import Clone
from tests.support.forge import Users, make_repo

from jx.adapters.git.nearby import ask_refs, read_advert
from jx.adapters.git.repos import GitRepos
from jx.domain.errors import Forbidden


def advert(*lines: bytes) -> bytes:
    """An answer as servers write it: a line that says what it is, then the refs."""

    def packed(line: bytes) -> bytes:
        return b"%04x%s" % (len(line) + 4, line)

    return packed(b"# service=git-upload-pack\n") + b"0000" + b"".join(map(packed, lines)) + b"0000"


def test_the_head_of_a_branch_is_known_without_git(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.git("push", "-q", "origin", "HEAD:feature/one", "HEAD:refs/tags/v1")
    heads = clone.git("ls-remote", clone.repo.url)
    repos = clone.users.repos("ann", tmp_path / "cache")
    monkeypatch.setenv("PATH", str(tmp_path))
    for branch in ("master", "feature/one"):
        assert f"{repos.head(clone.repo, branch)}\trefs/heads/{branch}" in heads
    assert repos.head(clone.repo, "none") is None
    assert repos.head(clone.repo, "one") is None


def test_an_empty_repository_has_no_head(users: Users, tmp_path: Path) -> None:
    repo = make_repo(users, "acme", "nothing-yet")
    assert users.repos("ann", tmp_path / "cache").head(repo, "master") is None


def test_whoever_is_not_let_in_is_told_so_as_git_tells_it(clone: Clone, tmp_path: Path) -> None:
    assert ask_refs(clone.repo.url, ("ann", "wrong")) is None
    with pytest.raises(Forbidden, match="no right at"):
        GitRepos(tmp_path / "cache", logins=lambda url: ("ann", "wrong")).head(clone.repo, "master")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:1/acme/shop.git",
        "http://git.example.com/acme/shop.git",
        "http://localhost.example.com/acme/shop.git",
        "http://ann@127.0.0.1:1/acme/shop.git",
        "http://127.0.0.1:1/acme/shop.git",
        "http://[::1/acme/shop.git",
        "http://127.0.0.1:99999/acme/shop.git",
        "file:///srv/shop.git",
        "git@example.com:acme/shop.git",
    ],
)
def test_what_is_not_plainly_here_is_left_to_git(url: str) -> None:
    assert ask_refs(url, ("ann", "token")) is None


def test_an_answer_that_is_not_whole_is_left_to_git() -> None:
    whole = advert(
        b"%b refs/heads/master\0side-band ofs-delta\n" % (b"a" * 40), b"%b refs/tags/v1\n" % (b"b" * 40)
    )
    assert read_advert(whole) == {"refs/heads/master": "a" * 40, "refs/tags/v1": "b" * 40}
    assert read_advert(advert(b"%b capabilities^{}\0side-band\n" % (b"0" * 40))) == {}
    for end in range(len(whole)):
        assert read_advert(whole[:end]) is None
    for other in (b"<html>", b"0003", b"zzzz", whole + b"x"):
        assert read_advert(other) is None
