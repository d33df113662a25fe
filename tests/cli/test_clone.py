"""Working in a clone: logins without tokens in sight, protected branches, and every mistake that an apply may meet."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.platform import Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-shared")]


@pytest.fixture
def clone(platform: Machine, tmp_path: Path) -> Path:
    """A fresh clone of dev."""
    made = platform.clone(f"clone-{tmp_path.name}")
    assert made.is_dir()
    return made


@contextmanager
def watching_arguments() -> Iterator[set[str]]:
    """The arguments of all processes that are seen meanwhile."""
    seen: set[str] = set()
    end = threading.Event()

    def look() -> None:
        while not end.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        end.set()
        watcher.join()


def tokens(machine: Machine) -> list[str]:
    return [path.read_text().strip() for path in (machine.platform() / "tokens").iterdir()]


def test_no_token_is_in_sight_anywhere(platform: Machine) -> None:
    with watching_arguments() as seen:
        shell = platform.shell(
            'eval "$(jx --as ann local env)"; git clone $MY_DEV_GIT_CLONE_URL in-sight; cd in-sight; git remote -v;'
            " git config --list; git checkout -q -b seen; git commit -q --allow-empty -m Seen; git push origin seen;"
            " env; jx local env; jx local status -o json; jx local logs; jx local kubeconfig --merge",
            env={"KUBECONFIG": str(platform.home / "elsewhere")},
        ).ok()
        ran = platform.jx("--verbose", "add", "app", "shop", "--env", "production", user="ann").ok()
        platform.jx("pr", "close", ran.pull, "--env", "production", user="ann").ok()
    assert any("git-credential" in words for words in seen), "nothing was watched"
    everything = "\n".join([shell.told, ran.told, *seen])
    assert tokens(platform)
    for token in tokens(platform):
        assert token not in everything


def test_the_platforms_files_are_for_their_owner_only(platform: Machine) -> None:
    for folder in (platform.platform(), platform.platform() / "tokens"):
        assert folder.stat().st_mode & 0o777 == 0o700
    for path in [*(platform.platform() / "tokens").iterdir(), platform.kubeconfig()]:
        assert path.stat().st_mode & 0o777 == 0o600, path


@pytest.mark.parametrize(
    ("push", "said"),
    [
        ("HEAD:master", "protected branch: only dana may push to it"),
        ("+HEAD:master", "protected branch: only dana may push to it"),
        (":master", "protected branch"),
        ("+HEAD:jx-ledger", "protected branch: only jx-bot may push to it"),
    ],
)
def test_ann_cannot_push_to_a_protected_branch(platform: Machine, clone: Path, push: str, said: str) -> None:
    pushed = platform.shell(
        f'eval "$(jx --as ann local env)"; git commit -q --allow-empty -m Sneak; git push origin {push}',
        cwd=clone,
    )
    assert pushed.code == 1
    assert said in pushed.err


def test_a_stranger_cannot_read_a_private_repository(platform: Machine) -> None:
    platform.jx("local", "user", "add", "eve").ok()
    url = platform.shell('eval "$(jx local env)"; echo $MY_DEV_GIT_CLONE_URL').out.strip()
    assert platform.shell(f"git clone {url} nobody", env={"GIT_TERMINAL_PROMPT": "0"}).code == 128


MISTAKES = {
    "yaml": (
        "printf 'redis:\\n  a: 1\\n b: 2\\n' > env/values.yaml", 5, ["env/values.yaml:3:"],
    ),
    "template": (
        "printf 'kind: ConfigMap\\nmetadata:\\n  name: {{ .Values.a.b.c }}\\n' > env/templates/bad.yaml; git add .",
        5, ["env/templates/bad.yaml:3", "nil pointer evaluating interface {}.b"],
    ),
    "no object": (
        "printf 'kind: ConfigMap\\nmetadata: [\\n' > env/templates/bad.yaml; git add .", 5, ["env/templates/bad.yaml:"],
    ),
    "unknown version": (
        "sed -i 's/version: 1\\.0\\.0/version: 7.7.7/' env/Chart.yaml", 4,
        ["there is no version 7.7.7 of chart jx-platform", "1.1.0, 1.0.0"],
    ),
    "unreachable repository": (
        "sed -i 's#repository: http://.*#repository: http://127.0.0.1:1/charts#' env/Chart.yaml", 10,
        ["http://127.0.0.1:1 cannot be reached"],
    ),
    "schema": (
        "printf 'controllers:\\n  replicas: many\\n' > env/jx-platform/values.yaml", 5, ["replicas"],
    ),
    "no chart": ("rm env/Chart.yaml", 4, ["neither env/Chart.yaml nor Chart.yaml"]),
    "empty render": (
        "sed -i '/^dependencies/,$d' env/Chart.yaml; git rm -rqf env/templates", 3,
        ["rendered nothing", "--allow empty-render"],
    ),
    "symlink": ("ln -s /etc/passwd env/passwd; git add .", 5, ["env/passwd: symbolic links are not allowed"]),
    "many deletions": ("sed -i '/^dependencies/,$d' env/Chart.yaml", 3, ["would be deleted", "--allow deletions"]),
    "other namespace": ("DEPLOY=other", 3, ["namespace jx -> other", "--allow other-cluster"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_clone_is_told_with_its_place_and_nothing_is_applied(
    platform: Machine, clone: Path, mistake: str
) -> None:
    script, code, said = MISTAKES[mistake]
    more = ["--namespace", "other"] if mistake == "other namespace" else []
    before = platform.jx("get", "env", "-o", "json").out
    platform.shell(script, cwd=clone).ok()
    for words in (["step", "env", "apply", *more, "--dry-run"], ["step", "env", "apply", *more]):
        ran = platform.jx(*words, cwd=clone / "env").ended(code)
        for part in said:
            assert part in ran.told
        assert "on hold" not in ran.told
    assert platform.jx("get", "env", "-o", "json").out == before


def test_what_is_not_committed_counts_and_what_git_does_not_track_is_named(
    platform: Machine, clone: Path
) -> None:
    (clone / "env" / "values.yaml").write_text("redis: {}\n")
    (clone / "env" / "templates" / "mine.yaml").write_text("kind: ConfigMap\n")
    ran = platform.jx("step", "env", "apply", "--dry-run", cwd=clone / "env").ok()
    assert "has changes that are not committed" in ran.err
    assert "git does not track env/templates/mine.yaml" in ran.err
    assert "ConfigMap" not in ran.out


def test_outside_of_any_clone_it_is_said_how_to_get_one(platform: Machine) -> None:
    for words in (["step", "env", "apply"], ["diff"], ["step", "helm", "build"]):
        ran = platform.jx(*words).ended(4)
        assert "is neither in a clone nor a chart" in ran.err
        assert "git clone $MY_DEV_GIT_CLONE_URL jenkins-x-dev-env" in ran.err


def test_a_template_that_breaks_is_told_on_its_pull_request(platform: Machine, clone: Path) -> None:
    platform.shell(
        'eval "$(jx --as ann local env)"; git checkout -q -b broken;'
        " printf 'kind: ConfigMap\\nmetadata:\\n  name: {{ fail \"no name\" }}\\n' > env/templates/bad.yaml;"
        " git add .; git commit -qm 'Break it'; git push -q origin broken",
        cwd=clone,
    ).ok()
    assert re.search("broken", platform.shell("git branch -a", cwd=clone).out)


def test_the_clone_of_another_environment_is_applied_as_that_one(platform: Machine) -> None:
    staging = platform.clone("clone-staging", environment="staging")
    ran = platform.jx("step", "env", "apply", cwd=staging).ok()
    assert "namespace jx-staging" in ran.out
    ran = platform.jx("step", "env", "apply", "--namespace", "jx", cwd=staging).ended(3)
    assert "namespace jx-staging -> jx" in ran.err
    shutil.rmtree(staging)


def test_events_are_json_lines_and_the_last_says_how_it_ended(platform: Machine) -> None:
    clone = platform.clone("staging-events", environment="staging")
    ran = platform.jx("step", "env", "apply", "-o", "events", cwd=clone).ok()
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert lines
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    assert (lines[-1]["result"], lines[-1]["environment"]) == ("applied", "staging")
    assert lines[-1]["digest"].startswith("sha256:")


def test_the_server_is_asked_in_a_dry_run_and_has_nothing_against_what_is_applied(platform: Machine) -> None:
    clone = platform.clone("staging-asked", environment="staging")
    ran = platform.jx("step", "env", "apply", "--dry-run=server", "-o", "json", cwd=clone).ok()
    assert json.loads(ran.out)["environment"] == "staging"
