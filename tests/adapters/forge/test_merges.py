from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.adapters.forge.conftest import Clone
from tests.support.forge import git

from jx.adapters.local.forge.following import Following
from jx.adapters.local.forge.git import BareGit
from jx.adapters.local.forge.repositories import Repository
from jx.adapters.local.forge.services import Services, open_services
from jx.adapters.local.forge.users import User
from jx.domain.changes.changes import PullState
from jx.domain.errors import JxError
from jx.domain.names import Person, Revision
from jx.ports.forge import MergeRequest, Offer, Protection

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Killed(Exception):
    """Stands for a kill -9: nothing after it runs."""


@dataclass(frozen=True)
class Fuse(Following):
    """Blows when a branch is followed that has moved to a merge of ours."""

    def follow(self, repo: Repository, actor: Person) -> None:
        moved = self.store.rows("SELECT 1 FROM pulls WHERE merging_as IS NOT NULL")
        if moved:
            raise Killed
        super().follow(repo, actor)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = open_services(tmp_path / "forge", url="http://127.0.0.1:1", now=lambda: NOW)
    yield services
    services.store.close()


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_merge_that_was_killed_before_its_record_is_found_at_the_next_start(
    services: Services, tmp_path: Path, method: str
) -> None:
    services.users.create("ann", "Ann Lee", "ann@example.com")
    ann = services.users.get("ann")
    repo = _seed(services, ann, tmp_path)
    services.pulls.propose(repo, ann, Offer("topic", "master", "Topic", ""))
    fuse = Fuse(services.store, services.repositories, services.pulls)
    with pytest.raises(Killed):
        replace(services.merges, following=fuse).merge(repo, ann, MergeRequest(1, method=method))
    moved = repo.git.head("master")
    assert services.pulls.view(repo, 1).state is PullState.OPEN
    services.following.follow_all()
    pull = services.pulls.view(repo, 1)
    assert (pull.state, pull.merged_as, pull.merged_by) == (PullState.MERGED, moved, ann.person)
    assert services.merges.merge(repo, ann, MergeRequest(1)) == moved


def _seed(services: Services, user: User, folder: Path) -> Repository:
    repo, _ = services.repositories.ensure(user, "acme", "dev")
    work = folder / "work"
    work.mkdir()
    git("init", "-q", "-b", "master", cwd=work)
    git("commit", "-q", "--allow-empty", "-m", "Begin", cwd=work)
    git("push", "-q", str(repo.git.folder), "master", cwd=work)
    git("checkout", "-q", "-b", "topic", cwd=work)
    (work / "a").write_text("1")
    git("add", "a", cwd=work)
    git("commit", "-q", "-m", "Topic", cwd=work)
    git("push", "-q", str(repo.git.folder), "topic", cwd=work)
    services.following.follow(repo, user.person)
    return repo


def test_what_is_merged_is_what_was_approved_whatever_is_pushed_meanwhile(clone: Clone) -> None:
    ann, bob = clone.users.forge("ann"), clone.users.forge("bob")
    ann.ensure_protection(clone.repo, Protection("master", approvals=1, pushers=()))
    clone.git("checkout", "-q", "-b", "topic")
    for round_ in range(4):
        approved = Revision(clone.commit("a", f"good {round_}"))
        clone.git("push", "-qf", "origin", "topic")
        number = ann.propose(clone.repo, Offer("topic", "master", "Topic", "")).number
        bob.approve(clone.repo, number, revision=approved)
        clone.commit("a", f"sneaked in {round_}")
        pushing = threading.Thread(target=clone.git, args=("push", "-q", "origin", "topic"))
        pushing.start()
        with contextlib.suppress(JxError):
            bob.merge(clone.repo, MergeRequest(number, expected=approved))
        pushing.join()
        clone.git("fetch", "-q", "origin", "master")
        assert "sneaked" not in clone.git("log", "-p", "-m", "--first-parent", "--format=", "FETCH_HEAD")
        clone.git("reset", "-q", "--hard", "FETCH_HEAD")


def test_two_merges_into_one_branch_at_the_same_time_both_count(clone: Clone) -> None:
    numbers: list[int] = []
    for name in ("one", "two", "three"):
        clone.git("checkout", "-q", "-b", name, "origin/master" if numbers else "HEAD")
        clone.commit(name, "1")
        clone.git("push", "-q", "origin", name)
        clone.git("fetch", "-q", "origin")
        numbers.append(clone.users.forge("ann").propose(clone.repo, Offer(name, "master", name, "")).number)
    threads = [
        threading.Thread(target=clone.users.forge("bob").merge, args=(clone.repo, MergeRequest(number)))
        for number in numbers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clone.git("fetch", "-q", "origin", "master")
    files = clone.git("ls-tree", "--name-only", "FETCH_HEAD").split()
    assert {"one", "two", "three"} <= set(files)
    pulls = clone.users.forge("ann").list_pulls(clone.repo, state=PullState.MERGED)
    assert len({pull.merged_as for pull in pulls}) == 3


def test_the_merge_commit_names_the_requester_as_author_and_the_merger_as_committer(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "topic")
    head = clone.commit("b", "2")
    clone.git("push", "-q", "origin", "topic")
    clone.users.forge("ann").propose(clone.repo, Offer("topic", "master", "Topic", ""))
    merged_as = clone.users.forge("bob").merge(clone.repo, MergeRequest(1))
    clone.git("fetch", "-q", "origin", "master")
    assert clone.git("log", "-1", "--format=%an|%ae|%cn|%P", merged_as).split("|")[:3] == [
        "Ann Lee",
        "ann@example.com",
        "Bob Ray",
    ]
    assert clone.git("log", "-1", "--format=%P", merged_as).split()[1] == head


def test_a_pull_request_merged_by_hand_and_pushed_is_seen_as_merged(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "topic")
    clone.commit("b", "2")
    clone.git("push", "-q", "origin", "topic")
    clone.users.forge("ann").propose(clone.repo, Offer("topic", "master", "Topic", ""))
    clone.git("checkout", "-q", "-b", "local", "origin/master")
    clone.commit("c", "3")
    clone.git("merge", "-q", "--no-ff", "-m", "By hand", "topic")
    by_hand = clone.git("rev-parse", "HEAD")
    clone.commit("d", "4")
    clone.git("push", "-q", "origin", "HEAD:master", login="bob")
    pull = clone.users.forge("ann").observe(clone.repo, 1)
    assert (pull.state, pull.merged_as) == (PullState.MERGED, by_hand)
    assert pull.merged_by is not None
    assert pull.merged_by.login == "bob"


def test_a_conflict_is_told_beforehand_and_names_the_file(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "topic")
    clone.commit("README.md", "theirs\n")
    clone.git("push", "-q", "origin", "topic")
    clone.users.forge("ann").propose(clone.repo, Offer("topic", "master", "Topic", ""))
    clone.git("checkout", "-q", "-b", "local", "origin/master")
    clone.commit("README.md", "ours\n")
    clone.git("push", "-q", "origin", "HEAD:master")
    assert clone.users.forge("ann").observe(clone.repo, 1).is_mergeable is False
    with pytest.raises(JxError, match=r"conflicts in README\.md"):
        clone.users.forge("ann").merge(clone.repo, MergeRequest(1))


def test_the_landing_of_a_fast_forward_is_the_head_itself(services: Services, tmp_path: Path) -> None:
    services.users.create("ann", "Ann Lee", "ann@example.com")
    bare: BareGit = _seed(services, services.users.get("ann"), tmp_path).git
    head = bare.require("topic")
    assert bare.landing(head, head) == head
