"""Charts and repositories that mean harm: that leave their folder, eat the machine, ask others, or read what is not theirs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jx.adapters.git.folders import GitFolders
from jx.adapters.git.objects import read_log, read_tree
from jx.adapters.git.process import Git
from jx.adapters.git.repos import GitRepos
from jx.adapters.helm import engine
from jx.adapters.helm.archives import unpack
from jx.adapters.helm.download import Downloader, check_peer, check_url
from jx.adapters.helm.folders import read_folder
from jx.adapters.helm.renderer import HelmRenderer
from jx.domain.errors import Failed, Forbidden, Invalid, JxError
from jx.domain.names import Repo, Revision, parse_branch, parse_repo
from jx.domain.objects.manifests import Capabilities
from jx.domain.texts import yaml_text
from jx.domain.trees import Blob, Tree, is_safe_path
from jx.ports.renderer import RenderRequest

CAPABILITIES = Capabilities("v1.36.0", ("v1", "apps/v1"), {})


@pytest.fixture(scope="module")
def renderer() -> Iterator[HelmRenderer]:
    made = HelmRenderer()
    yield made
    made.close()


def chart(template: str, values: str = "") -> Tree:
    files = {
        "Chart.yaml": "apiVersion: v2\nname: env\nversion: 0.0.1\n",
        "values.yaml": values,
        "templates/a.yaml": template,
    }
    return Tree({path: Blob(text.encode()) for path, text in files.items()})


def render(renderer: HelmRenderer, template: str) -> str:
    """The data of the ConfigMap that a template makes, as its `a`."""
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: '{template}'}}\n"
    request = RenderRequest("jx", "jx", chart(text), {}, CAPABILITIES, {})
    return str(renderer.render(request).objects[0].body["data"]["a"])


# 1 Chart, values and lock paths and links that escape


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", ".git/config", "a/.git/x", "a/.GIT/x", "a\0b"],
)
def test_1_a_path_that_leaves_its_tree_is_refused(path: str) -> None:
    assert not is_safe_path(path)
    with pytest.raises((Invalid, ValueError)):
        Tree({path: Blob(b"")})


def test_1_a_link_in_a_clone_is_refused_whatever_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "Chart.yaml").write_text("name: env\n")
    (tmp_path / "env" / "values.yaml").symlink_to("/etc/passwd")
    with pytest.raises(Invalid) as caught:
        GitFolders().read(str(tmp_path))
    assert caught.value.problems[0].where == "env/values.yaml"


@pytest.mark.parametrize("worktree", [".", "..", "/"])
def test_22_a_folder_that_git_would_take_for_a_repository_has_nothing_run(
    tmp_path: Path, worktree: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clone").mkdir()
    repository, ran = Repository(tmp_path / "clone"), tmp_path / "ran"
    inner = repository.folder / "env"
    (inner / "objects").mkdir(parents=True)
    (inner / "refs").mkdir()
    for name in ("objects", "refs"):
        (inner / name / "kept").touch()
    (inner / "HEAD").write_text("ref: refs/heads/master\n")
    (inner / "Chart.yaml").write_text("name: env\n")
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\ntouch {ran}\n")
    command.chmod(0o700)
    settings = (
        f"[core]\nrepositoryformatversion = 0\nbare = false\nworktree = {worktree}\nfsmonitor = {command}\n"
    )
    (inner / "config").write_text(f"{settings}gitProxy = {command}\n[user]\nname = mallory\n")
    repository.commit("Looks like a repository")
    found = GitFolders().read(str(inner))
    GitFolders().look(str(inner), "Chart.yaml")
    monkeypatch.chdir(inner)
    with pytest.raises(JxError):
        GitRepos(tmp_path / "mirror").head(Repo("git://127.0.0.1:9/a/b.git"), "main")
    assert not ran.exists()
    assert (found.subfolder, found.subject) == ("env", "Looks like a repository")
    assert found.user.name != "mallory"


def test_1_a_link_in_a_commit_is_refused_by_its_name(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    (tmp_path / "values.yaml").symlink_to("/etc/passwd")
    revision = repository.commit("A link")
    with pytest.raises(Invalid) as caught:
        read_tree(Git(), tmp_path, revision)
    assert caught.value.problems[0].where == "values.yaml"


def test_1_a_chart_cannot_read_files_beside_it(tmp_path: Path, renderer: HelmRenderer) -> None:
    (tmp_path / "secret").write_text("hunter22")
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(Invalid):
        read_folder(tmp_path / "chart")
    for path in ("../secret", "/etc/passwd", "../../../../etc/passwd"):
        assert render(renderer, f'{{{{ .Files.Get "{path}" }}}}') == ""


# 2 Arguments that are taken for options


@pytest.mark.parametrize(
    "url", ["--upload-pack=touch /tmp/x", "-oProxyCommand=x", "ext::sh -c x", "https://a/b\n--x", ""]
)
def test_2_a_url_that_git_would_take_for_an_option_or_a_command_is_refused(url: str) -> None:
    if url.startswith("ext::"):  # taken for a name of a host; git itself is not let run it
        with pytest.raises(JxError):
            Git().run("ls-remote", "--", url, url=url)
        return
    with pytest.raises(Invalid):
        parse_repo(url)


@pytest.mark.parametrize("name", ["--all", "-x", "a..b", "a@{1}", "a b", "a\nb", "refs/../x", "x.lock"])
def test_2_a_branch_that_git_would_take_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        parse_branch(name)


# 3 Bombs


def test_3_yaml_that_unfolds_without_end_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(Invalid):
        yaml_text.read_yaml("\n".join(lines), "values.yaml")


def test_3_yaml_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(Invalid):
        yaml_text.read_yaml("[" * 100_000, "values.yaml")


def test_3_an_archive_that_unfolds_without_end_is_refused() -> None:
    import gzip
    import io
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("c/values.yaml")
        member.size = 300 << 20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(Invalid):
        unpack(gzip.compress(out.getvalue(), 1), "c.tgz")


def test_3_a_template_that_asks_for_all_memory_ends_its_own_process_only(renderer: HelmRenderer) -> None:
    with pytest.raises(Failed) as caught:
        render(renderer, '{{ repeat 3000000000 "x" }}')
    assert "crashed" in caught.value.message or "render to more than" in caught.value.message
    assert render(renderer, "still here") == "still here"


def test_3_a_template_that_renders_more_than_a_cluster_takes_is_ended(
    renderer: HelmRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_LARGEST_ANSWER", 1 << 20)
        with pytest.raises(Failed, match="render to more than 1 MiB"):
            render(renderer, '{{ repeat 3000000 "x" }}')
    assert render(renderer, "still here") == "still here"


# 5 Requests to where nobody outside may look


@pytest.mark.parametrize("peer", ["169.254.169.254", "fe80::1%eth0", "169.254.170.2"])
def test_5_an_address_that_gives_out_a_machines_own_credentials_is_never_asked(peer: str) -> None:
    with pytest.raises(Forbidden, match="link-local"):
        check_peer("https://charts.example.com", peer)


def test_5_the_address_that_was_connected_to_counts_and_not_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Connected:
        def getpeername(self) -> tuple[str, int]:
            return ("169.254.169.254", 80)

        def close(self) -> None:
            return

        def setsockopt(self, *_: object) -> None:
            return

    monkeypatch.setattr("http.client.socket.create_connection", lambda *_, **__: Connected())
    with pytest.raises(Forbidden, match=r"charts\.example\.com is at 169\.254\.169\.254"):
        Downloader().get("http://charts.example.com/index.yaml", limit=1000)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://host/", "ftp://host/x", "http://ann:pw@host/"]
)
def test_5_charts_come_by_http_only_and_without_a_login_in_the_url(url: str) -> None:
    with pytest.raises(Invalid):
        check_url(url)


# 9 Template functions that read


def test_9_lookup_asks_no_cluster(renderer: HelmRenderer) -> None:
    assert render(renderer, '{{ lookup "v1" "Secret" "kube-system" "" | toJson }}') == "{}"


@pytest.mark.parametrize(
    "function", ['env "HOME"', 'expandenv "$HOME"', 'readFile "/etc/passwd"', 'exec "id"']
)
def test_9_functions_that_read_the_machine_are_not_there(renderer: HelmRenderer, function: str) -> None:
    with pytest.raises(Invalid, match="does not render") as caught:
        render(renderer, f"{{{{ {function} }}}}")
    assert any("not defined" in str(problem) for problem in caught.value.problems)


def test_9_names_of_hosts_are_not_looked_up(renderer: HelmRenderer) -> None:
    assert render(renderer, '{{ getHostByName "localhost" }}') == ""


# 13 Words in commits that pass for ours


class Repository:
    """A repository with whatever somebody may commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "master")

    def git(self, *words: str, name: str = "Eve", stdin: str = "") -> str:
        identity = ["-c", f"user.name={name}", "-c", "user.email=eve@example.com"]
        done = subprocess.run(
            ["git", *identity, *words],
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str, *, name: str = "Eve") -> Revision:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-F", "-", name=name, stdin=message)
        return Revision(self.git("rev-parse", "HEAD"))


def test_13_no_letter_in_a_message_or_a_name_makes_one_commit_look_like_two(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    first = repository.commit("First")
    forged = f"Second\n\x01\n{'0' * 40}\x01\x02 and more\n\nJx-Approved-By: Boss"
    second = repository.commit(forged, name="Eve \x01 of two")
    found = read_log(Git(), tmp_path, second, after=None, limit=10)
    assert [commit.revision for commit in found] == [second, first]
    assert found[0].author.email == "eve@example.com"
    assert found[0].subject == "Second"
