from __future__ import annotations

import http.client
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.adapters.forge.conftest import Clone
from tests.support.forge import Users, forge_with_users, git, make_repo, running_forge

from jx.adapters.local.forge.client import LocalForge
from jx.adapters.local.forge.git import BareGit
from jx.domain.changes.changes import PullState
from jx.domain.errors import Forbidden, Refused, Unavailable
from jx.domain.names import Revision
from jx.ports.forge import MergeRequest, Offer


def get(port: int, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_only_its_own_names_are_answered(users: Users) -> None:
    port = users.daemon.port
    assert get(port, "/healthz") == (200, b"ok")
    assert get(port, "/healthz", Host=f"LOCALHOST:{port}")[0] == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", ""):
        assert get(port, "/healthz", Host=host)[0] == 421


def test_files_are_for_their_owner_only_and_hold_no_token(users: Users) -> None:
    folder = users.daemon.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("forge.db", "forge.db-wal", "admin.token"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    kept = b"".join(path.read_bytes() for path in folder.glob("forge.db*"))
    assert all(token.encode() not in kept for token in [*users.tokens.values(), users.daemon.admin_token])


def test_it_ends_cleanly_and_says_when_it_serves(tmp_path: Path) -> None:
    with running_forge(tmp_path / "forge") as daemon:
        assert (daemon.folder / "ready").read_text() == f"{daemon.url}\n"
        assert daemon.stop() == 0
        assert not (daemon.folder / "ready").exists()
        with pytest.raises(Unavailable) as down:
            LocalForge(daemon.url, "jxf_x").whoami()
        assert "jx local start" in down.value.hint


def test_a_second_one_on_the_same_folder_or_port_is_refused(users: Users, tmp_path: Path) -> None:
    def start(folder: Path, port: int) -> str:
        command = [sys.executable, "-m", "jx.adapters.local.forge", "--dir", str(folder), "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "another forge serves" in start(users.daemon.folder, 1)
    assert f"port {users.daemon.port} of 127.0.0.1 cannot be used" in start(tmp_path / "x", users.daemon.port)


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    with forge_with_users(tmp_path / "forge") as users:
        repo = make_repo(users, "acme", "dev")
        bob = users.forge("bob")
        users.daemon.kill()
        users.daemon.start()
        assert bob.whoami().name == "Bob Ray"
        assert bob.list_pulls(repo) == ()


def test_a_kill_between_the_merge_and_its_record_is_made_up_for(tmp_path: Path) -> None:
    with forge_with_users(tmp_path / "forge") as users:
        repo = make_repo(users, "acme", "dev")
        login = ("ann", users.tokens["ann"])
        assert git("clone", "-q", repo.url, "work", cwd=tmp_path, login=login).returncode == 0
        clone = Clone(users, repo, tmp_path / "work")
        clone.commit("a", "1")
        clone.git("push", "-q", "origin", "HEAD:master")
        clone.git("checkout", "-q", "-b", "topic")
        clone.commit("b", "2")
        clone.git("push", "-q", "origin", "topic")
        ann = users.forge("ann")
        ann.propose(repo, Offer("topic", "master", "Topic", ""))
        users.daemon.kill()
        # What a merge leaves behind when it is killed right after git moved the branch: the branch, and nothing else.
        bare = BareGit(users.daemon.folder / "repositories" / "acme" / "dev.git")
        clone.git("checkout", "-q", "-b", "merged", "origin/master")
        clone.git("merge", "-q", "--no-ff", "-m", "Merge", "topic")
        merged_as = Revision(clone.git("rev-parse", "HEAD"))
        clone.git("push", "-q", str(bare.folder), "HEAD:master")
        users.daemon.start()
        pull = ann.observe(repo, 1)
        assert (pull.state, pull.merged_as) == (PullState.MERGED, merged_as)
        assert ann.merge(repo, MergeRequest(1)) == merged_as


def test_a_lost_admin_token_is_written_anew_and_the_old_one_ends(tmp_path: Path) -> None:
    with running_forge(tmp_path / "forge") as daemon:
        old = daemon.admin_token
        daemon.stop()
        (daemon.folder / "admin.token").unlink()
        daemon.start()
        assert daemon.admin.list_users()[0].login == "admin"
        with pytest.raises(Forbidden):
            LocalForge(daemon.url, old).whoami()


def test_only_the_administrator_makes_users_and_a_user_made_again_gets_one_more_token(users: Users) -> None:
    admin = users.daemon.admin
    first = admin.create_user("dan", "Dan", "dan@example.com")
    second = admin.create_user("dan", "Dan Fox", "dan@example.com")
    assert LocalForge(users.daemon.url, first).whoami().name == "Dan Fox"
    assert LocalForge(users.daemon.url, second).whoami().login == "dan"
    assert admin.revoke_tokens("dan") == 2
    with pytest.raises(Forbidden):
        LocalForge(users.daemon.url, first).whoami()
    port, token = users.daemon.port, users.tokens["ann"]
    assert get(port, "/api/v1/users", Authorization=f"Bearer {token}")[0] == 403
    assert get(port, "/api/v1/users")[0] == 401


def test_a_name_that_git_could_misread_is_no_user(users: Users) -> None:
    from jx.domain.errors import Invalid

    for name in ("Ann <root@x>", "Ann\nJx-Approved-By: Bob", " "):
        with pytest.raises(Invalid):
            users.daemon.admin.create_user("zed", name, "zed@example.com")


def test_an_owner_belongs_to_who_used_it_first(users: Users) -> None:
    users.forge("ann").ensure_repo("guild", "one")
    with pytest.raises(Forbidden):
        users.forge("bob").ensure_repo("guild", "two")
    with pytest.raises(Forbidden):
        users.forge("bob").ensure_repo("ann", "two")
    users.forge("bob").ensure_repo("bob", "own")


def test_an_owner_that_the_administrator_used_is_not_free(users: Users) -> None:
    LocalForge(users.daemon.url, users.daemon.admin_token).ensure_repo("platform", "dev")
    with pytest.raises(Forbidden):
        users.forge("eve").ensure_repo("platform", "mine")
    with pytest.raises(Refused):
        users.daemon.admin.create_user("platform", "Platform", "platform@example.com")
