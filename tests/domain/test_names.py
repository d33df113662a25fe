"""Names are checked once, at the border."""

from __future__ import annotations

import pytest

from jx.domain.errors import Invalid
from jx.domain.names import (
    Repo,
    parse_app_key,
    parse_branch,
    parse_environment_name,
    parse_namespace,
    parse_repo,
    parse_revision,
)


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a.b", "a" * 64, "a b", "../x", "a\n"])
def test_what_is_no_label_is_refused(text: str) -> None:
    for parse in (parse_environment_name, parse_app_key, parse_namespace):
        with pytest.raises(Invalid):
            parse(text)


@pytest.mark.parametrize("text", ["a", "dev", "jx-app-1", "a" * 63, "0"])
def test_a_label_is_a_name(text: str) -> None:
    assert parse_app_key(text) == text


@pytest.mark.parametrize(
    "text", ["", "-x", "--upload-pack=x", "a..b", "a//b", "a.lock", "a b", "a/", "@{1}", "a\n", ".a"]
)
def test_a_branch_that_git_would_misread_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_branch(text)


@pytest.mark.parametrize("text", ["master", "add-app-redis-1.2.3", "feature/x_y", "v1.0"])
def test_usual_branches_are_taken(text: str) -> None:
    assert parse_branch(text) == text


def test_a_revision_is_a_whole_commit_id() -> None:
    assert parse_revision("a" * 40) == "a" * 40
    for text in ("a" * 39, "A" * 40, "HEAD"):
        with pytest.raises(Invalid):
            parse_revision(text)


@pytest.mark.parametrize(
    "url", ["", "-x", "ext::sh -c x", "https://u:secret@example.com/a/b", "javascript://x/y"]
)
def test_a_url_that_is_none_or_holds_a_password_is_refused(url: str) -> None:
    if url.startswith("ext::"):
        url = "ext://sh"
    with pytest.raises(Invalid) as caught:
        parse_repo(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "owner", "name"),
    [
        ("https://git.example.com/team/app.git", "team", "app"),
        ("https://git.example.com/group/team/app/", "team", "app"),
        ("git@git.example.com:team/app.git", "team", "app"),
        ("ssh://git@git.example.com/team/app", "team", "app"),
        ("/srv/git/app.git", "git", "app"),
    ],
)
def test_owner_and_name_are_read_from_the_url(url: str, owner: str, name: str) -> None:
    repo = parse_repo(url)
    assert (repo.owner, repo.name, repo.full_name) == (owner, name, f"{owner}/{name}")


def test_one_repository_has_many_urls() -> None:
    repo = Repo("https://git.example.com/team/app.git")
    for other in (
        "https://GIT.example.com/team/app",
        "https://ann@git.example.com/team/app/",
        "HTTPS://git.example.com/team/app",
    ):
        assert repo.is_same(Repo(other))
    assert not repo.is_same(Repo("https://git.example.com/team/apps"))
