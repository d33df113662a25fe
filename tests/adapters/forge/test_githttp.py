from __future__ import annotations

import http.client
import random
import string
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.forge.conftest import Clone
from tests.support.forge import git

from jx.adapters.local.forge.githttp import Command, parse_commands, token_of
from jx.domain.names import Revision
from jx.ports.forge import Offer, Protection

ZERO = "0" * 40


def test_a_clone_has_what_was_pushed(clone: Clone, tmp_path: Path) -> None:
    login = ("bob", clone.users.tokens["bob"])
    done = git("clone", "-q", clone.repo.url, "other", cwd=tmp_path, login=login)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "other" / "README.md").read_text() == "hello\n"


def test_a_shallow_and_a_partial_clone_work(clone: Clone, tmp_path: Path) -> None:
    clone.commit("b", "2")
    clone.git("push", "-q", "origin", "HEAD:master")
    login = ("ann", clone.users.tokens["ann"])
    for number, option in enumerate(("--depth=1", "--filter=blob:none")):
        done = git("clone", "-q", option, clone.repo.url, f"c{number}", cwd=tmp_path, login=login)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"c{number}" / "b").read_text() == "2"


def test_protocol_2_is_spoken(clone: Clone) -> None:
    login = ("ann", clone.users.tokens["ann"])
    target = urlsplit(clone.repo.url)
    connection = http.client.HTTPConnection("127.0.0.1", target.port or 0)
    headers = {"Git-Protocol": "version=2", "Authorization": f"Bearer {login[1]}"}
    connection.request("GET", f"{target.path}/info/refs?service=git-upload-pack", headers=headers)
    assert b"version 2" in connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
def test_a_form_of_a_web_page_is_no_request_of_git(clone: Clone, service: str) -> None:
    target = urlsplit(clone.repo.url)
    connection = http.client.HTTPConnection("127.0.0.1", target.port or 0)
    headers = {"Content-Type": "text/plain", "Authorization": f"Bearer {clone.users.tokens['ann']}"}
    connection.request("POST", f"{target.path}/{service}", body=b"0000", headers=headers)
    assert connection.getresponse().status == 415
    connection.close()


def test_a_large_push_and_its_fetch_flow_through(clone: Clone, tmp_path: Path) -> None:
    # More than http.postBuffer, so that git sends it in chunks, and not compressible.
    (clone.path / "big").write_bytes(random.Random(1).randbytes(4_000_000))
    clone.git("add", "big")
    clone.git("commit", "-q", "-m", "Big")
    clone.git("push", "-q", "origin", "HEAD:master")
    login = ("ann", clone.users.tokens["ann"])
    assert git("clone", "-q", clone.repo.url, "copy", cwd=tmp_path, login=login).returncode == 0
    assert (tmp_path / "copy" / "big").stat().st_size == 4_000_000


def test_a_fetch_that_git_sends_packed_works(clone: Clone, tmp_path: Path) -> None:
    login = ("ann", clone.users.tokens["ann"])
    assert git("clone", "-q", clone.repo.url, "copy", cwd=tmp_path, login=login).returncode == 0
    # Many commits that the server has not: the negotiation gets above 1024 bytes, which git then packs.
    for number in range(40):
        git("commit", "-q", "--allow-empty", "-m", str(number), cwd=tmp_path / "copy")
    clone.commit("c", "3")
    clone.git("push", "-q", "origin", "HEAD:master")
    done = git("fetch", "-q", "origin", cwd=tmp_path / "copy", login=login)
    assert done.returncode == 0, done.stderr


def test_a_private_repository_asks_for_a_login_and_a_public_one_only_for_pushes(
    clone: Clone, tmp_path: Path
) -> None:
    assert "could not read Username" in git("ls-remote", clone.repo.url, cwd=tmp_path).stderr
    public, _ = clone.users.forge("ann").ensure_repo("acme", clone.repo.name + "-public", private=False)
    clone.git("push", "-q", public.url, "HEAD:master")
    assert "refs/heads/master" in git("ls-remote", public.url, cwd=tmp_path).stdout
    assert "could not read Username" in git("push", public.url, "HEAD:x", cwd=clone.path).stderr


def test_the_challenge_names_its_realm(clone: Clone) -> None:
    target = urlsplit(clone.repo.url)
    connection = http.client.HTTPConnection("127.0.0.1", target.port or 0)
    connection.request("GET", f"{target.path}/info/refs?service=git-upload-pack")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 401
    assert (answer.getheader("WWW-Authenticate") or "").startswith('Basic realm="jx"')


def test_a_wrong_token_and_a_missing_right_are_told_apart(clone: Clone, tmp_path: Path) -> None:
    wrong = git("ls-remote", clone.repo.url, cwd=tmp_path, login=("ann", "jxf_wrong"))
    assert "Authentication failed" in wrong.stderr
    stranger = git("ls-remote", clone.repo.url, cwd=tmp_path, login=("eve", clone.users.tokens["eve"]))
    assert "not found" in stranger.stderr
    clone.users.forge("ann").ensure_collaborator(clone.repo, "eve", right="read")
    clone.git("ls-remote", clone.repo.url, login="eve")
    assert "403" in clone.git("push", "origin", "HEAD:x", login="eve", ok=False)


def test_a_protected_branch_refuses_a_push_in_git_s_own_words(clone: Clone) -> None:
    clone.users.forge("ann").ensure_protection(clone.repo, Protection("master", approvals=1, pushers=()))
    before = clone.git("ls-remote", "origin", "master")
    clone.commit("b", "2")
    told = clone.git("push", "origin", "HEAD:master", "HEAD:other", ok=False)
    where = clone.repo.url.removesuffix(".git")
    assert f"remote: master is a protected branch: changes come by pull request: {where}" in told
    assert "! [remote rejected] HEAD -> master (protected branch: changes come by pull request)" in told
    assert "! [remote rejected] HEAD -> other" in told
    assert clone.git("ls-remote", "origin", "master") == before
    assert clone.git("ls-remote", "origin", "other") == ""
    clone.git("push", "-q", "origin", "HEAD:other")


def test_who_may_push_to_a_protected_branch_may_only_append(clone: Clone) -> None:
    clone.users.forge("ann").ensure_protection(clone.repo, Protection("jx-ledger", pushers=("bob",)))
    clone.commit("b", "2")
    assert "only bob may push to it" in clone.git("push", "origin", "HEAD:jx-ledger", ok=False)
    clone.git("push", "-q", "origin", "HEAD:jx-ledger", login="bob")
    clone.git("reset", "-q", "--hard", "HEAD~1")
    clone.commit("c", "3")
    assert "non-fast-forward" in clone.git("push", "-f", "origin", "HEAD:jx-ledger", login="bob", ok=False)
    told = clone.git("push", "origin", ":jx-ledger", login="bob", ok=False)
    assert "protected branch: it cannot be deleted" in told
    clone.git("push", "-q", "origin", "HEAD:free")
    clone.git("push", "-qf", "origin", "HEAD~1:free")
    clone.git("push", "-q", "origin", ":free")


def test_the_forge_s_own_refs_cannot_be_pushed(clone: Clone) -> None:
    for ref in ("refs/pull/1/head", "refs/replace/" + "0" * 40):
        clone.git("push", "origin", f"HEAD:{ref}", ok=False)


def test_a_certificate_is_no_way_around_protection(clone: Clone) -> None:
    command = f"{ZERO} {'1' * 40} refs/heads/master\n"
    lines = ["push-cert\0report-status\n", "certificate version 0.1\n", command, "push-cert-end\n"]
    body = "".join(f"{len(line) + 4:04x}{line}" for line in lines).encode() + b"0000"
    target = urlsplit(clone.repo.url)
    connection = http.client.HTTPConnection("127.0.0.1", target.port or 0)
    headers = {
        "Authorization": f"Bearer {clone.users.tokens['bob']}",
        "Content-Type": "application/x-git-receive-pack-request",
    }
    connection.request("POST", f"{target.path}/git-receive-pack", body, headers)
    answer = connection.getresponse()
    assert (answer.status, b"not understood" in answer.read()) == (400, True)
    connection.close()


def test_pushes_at_the_same_time_all_arrive(clone: Clone) -> None:
    for number in range(4):
        clone.git("branch", f"b{number}")
    results: list[int] = []

    def push(number: int) -> None:
        login = ("ann", clone.users.tokens["ann"])
        results.append(git("push", "-q", "origin", f"b{number}", cwd=clone.path, login=login).returncode)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 4


def test_a_push_is_seen_in_its_pull_request_at_once(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "topic")
    clone.commit("b", "2")
    clone.git("push", "-q", "origin", "topic")
    ann = clone.users.forge("ann")
    ann.propose(clone.repo, Offer("topic", "master", "Topic", ""))
    head = clone.commit("b", "3")
    clone.git("push", "-q", "origin", "topic")
    assert ann.observe(clone.repo, 1).head == head


def test_the_commits_of_a_pull_request_stay_when_its_branch_goes(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "topic")
    head = clone.commit("b", "2")
    clone.git("push", "-q", "origin", "topic")
    ann = clone.users.forge("ann")
    ann.propose(clone.repo, Offer("topic", "master", "Topic", ""))
    clone.git("push", "-q", "origin", ":topic")
    pull = ann.observe(clone.repo, 1)
    assert (pull.state.value, pull.head) == ("closed", Revision(head))
    assert head in clone.git("ls-remote", "origin", "refs/pull/1/head")


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("token abc", "abc"),
        ("Basic YW5uOmE6Yg==", "a:b"),
        ("Basic !!", ""),
        ("Digest abc", ""),
        ("", ""),
    ],
)
def test_a_token_is_read_from_each_kind_of_header(header: str, token: str) -> None:
    assert token_of(header) == token


OBJECTS = st.text("0123456789abcdef", min_size=40, max_size=40)
REFS = st.text(string.ascii_letters + "/-äö", min_size=1, max_size=40).map(lambda text: "refs/heads/" + text)


@given(st.lists(st.builds(Command, OBJECTS, OBJECTS, REFS), min_size=1), st.binary(max_size=20), st.data())
def test_commands_are_read_the_same_however_the_bytes_come(
    commands: list[Command], pack: bytes, data: st.DataObject
) -> None:
    lines = [f"{one.old} {one.new} {one.ref}".encode() for one in commands]
    lines[0] += b"\0 report-status side-band-64k"
    body = b"".join(f"{len(line) + 4:04x}".encode() + line for line in lines) + b"0000"
    assert parse_commands(body + pack) == (commands, frozenset({"report-status", "side-band-64k"}))
    assert parse_commands(body[: data.draw(st.integers(0, len(body) - 1))]) is None
