"""Jenkins X on a cluster that was there before, with git servers that are git and nothing else. The embedded API stands for it
by itself, and a real API server where there is one."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from tests.support.embedded import fresh_name
from tests.support.foreign import SERVERS, Foreign, server, token_of, write_kubeconfig
from tests.support.platform import Ran, machine_at

from jx.adapters.kubernetes.api import NAMESPACES

pytestmark = pytest.mark.xdist_group("foreign-clusters")

EDITS = ("edit app jx-platform --set a=b",)

APP = """apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Chart.Name }}}
spec:
  selector: {matchLabels: {app: {{ .Chart.Name }}}}
  template:
    metadata: {labels: {app: {{ .Chart.Name }}}}
    spec:
      containers: [{name: app, image: "app:{{ .Chart.Version }}"}]
"""


@dataclass
class Installed:
    """A cluster that Jenkins X was installed on, and how that went."""

    foreign: Foreign
    untouched: Seen
    looked: Ran
    after_look: Seen
    installed: Ran

    def new_clone(self, environment: str = "staging") -> Path:
        """A clone of an environment, in a folder of its own."""
        folder = self.foreign.machine.folder / fresh_name("clone")
        self.foreign.clone(environment, folder.name)
        return folder

    def push(self, clone: Path, subject: str) -> None:
        """Commit all and push it."""
        script = f"git add -A; git commit -qm {shlex.quote(subject)}; git push -q"
        self.foreign.machine.shell(script, cwd=clone).ok()


@dataclass(frozen=True)
class Seen:
    """Every branch of every repository, and every object of the environments with its version."""

    heads: dict[str, str]
    objects: dict[str, str]

    @classmethod
    def of(cls, foreign: Foreign) -> Seen:
        return cls(foreign.heads(), foreign.versions())


@pytest.fixture(scope="module", params=SERVERS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("foreign")
    with server(request.param, folder / "kubernetes") as kubeconfig, machine_at(folder) as machine:
        foreign = Foreign(machine, kubeconfig, "shop")
        untouched = Seen.of(foreign)
        looked = foreign.jx(*foreign.install_words, "--dry-run").ok()
        after_look = Seen.of(foreign)
        installed = foreign.jx(*foreign.install_words, "-b", "--no-wait").ok()
        yield Installed(foreign, untouched, looked, after_look, installed)
        foreign.api.close()


@pytest.fixture
def foreign(place: Installed) -> Foreign:
    return place.foreign


@pytest.fixture
def staging(place: Installed) -> Path:
    """A fresh clone of staging."""
    return place.new_clone()


def put_app(clone: Path, name: str, version: str) -> None:
    """Put a chart beside the environment's own, as its repository may hold it, and depend on it."""
    chart = clone / "env" / "charts" / name
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {version}\n")
    (chart / "templates" / "app.yaml").write_text(APP)
    own = yaml.safe_load((clone / "env" / "Chart.yaml").read_text())
    others = [one for one in own.get("dependencies") or () if one["name"] != name]
    own["dependencies"] = [*others, {"name": name, "version": version, "repository": f"file://charts/{name}"}]
    (clone / "env" / "Chart.yaml").write_text(yaml.safe_dump(own))


def test_a_dry_run_looks_at_cluster_and_git_and_touches_neither(place: Installed) -> None:
    assert "api server                 ok" in place.looked.out
    assert "repository of staging      ok" in place.looked.out
    assert place.after_look == place.untouched


def test_an_installation_fills_the_repositories_and_applies_them(place: Installed) -> None:
    assert "Jenkins X is installed" in place.installed.told
    seen = Seen.of(place.foreign)
    assert all("refs/heads/master" in refs and "refs/heads/jx-ledger" in refs for refs in seen.heads.values())
    assert "Deployment/jx/jx-controllers" in seen.objects


def test_a_second_installation_writes_nothing_into_git_or_the_environments(foreign: Foreign) -> None:
    seen = Seen.of(foreign)
    assert "all is right" in foreign.jx(*foreign.install_words, "-b", "--no-wait").ok().told
    assert Seen.of(foreign) == seen


def test_what_looks_works_without_pull_requests(foreign: Foreign, staging: Path) -> None:
    environments = foreign.jx("get", "env").ok().out
    assert "staging" in environments
    assert str(foreign.bare("staging")) in environments
    assert "Cluster https://127.0.0.1" in foreign.jx().ok().out
    assert "0 to delete" in foreign.jx("diff", cwd=staging).ok().told
    foreign.jx("get", "apps", cwd=staging).ok()


@pytest.mark.parametrize(
    "words",
    [
        "pr list",
        "pr view 1",
        "pr diff 1",
        "pr merge 1",
        "pr approve 1",
        "pr comment 1 -b x",
        "pr close 1",
        *EDITS,
    ],
)
def test_what_needs_pull_requests_says_what_to_do_instead(foreign: Foreign, words: str) -> None:
    heads = foreign.heads()
    told = foreign.jx(*words.split()).ended(3).err
    assert "is plain git" in told
    assert "hint: " in told
    assert foreign.heads() == heads


def test_a_change_in_a_clone_is_shown_applied_and_then_unchanged(place: Installed, staging: Path) -> None:
    foreign = place.foreign
    put_app(staging, "till", "1.0.0")
    foreign.machine.shell("git add -A", cwd=staging).ok()
    assert "+kind: Deployment" in foreign.jx("diff", cwd=staging).ok().out
    foreign.jx("diff", "--exit-code", cwd=staging).ended(11)
    place.push(staging, "Open the till")
    told = foreign.jx("step", "env", "apply", "--no-wait", cwd=staging).ok().told
    assert "Deployment.apps/till (namespace jx-staging): create" in told
    foreign.jx("diff", "--exit-code", cwd=staging).ok()
    objects = foreign.versions()
    assert "nothing changes" in foreign.jx("step", "env", "apply", "--no-wait", cwd=staging).ok().told
    assert foreign.versions() == objects
    assert "till" in foreign.jx("get", "apps", "--env", "staging").ok().out


def test_another_person_applies_from_another_clone_with_another_account(
    place: Installed, tmp_path: Path
) -> None:
    foreign = place.foreign
    token = token_of(foreign.api, "default", "carol")
    theirs = write_kubeconfig(tmp_path / "theirs", foreign.kubeconfig, {"token": token})
    production = place.new_clone("production")
    put_app(production, "shop", "1.1.0")
    place.push(production, "Open the shop")
    words = ("--kubeconfig", str(theirs), "step", "env", "apply", "--no-wait")
    told = foreign.jx(*words, cwd=production).ok().told
    assert "Deployment.apps/shop (namespace jx-production): create" in told
    entry = foreign.machine.shell(
        "git fetch -q; git log -1 --format=%B origin/jx-ledger", cwd=production
    ).ok()
    assert "Jx-Applied-By: system:serviceaccount:default:carol" in entry.out
    assert token not in told


def test_files_that_are_not_pushed_put_the_environment_on_hold_until_they_are(
    place: Installed, staging: Path
) -> None:
    foreign = place.foreign
    put_app(staging, "slow", "1.0.0")
    foreign.machine.shell("git add -A", cwd=staging).ok()
    foreign.jx("step", "env", "apply", "--no-wait", "--reason", "it is urgent", cwd=staging).ok()
    assert "it is urgent" in foreign.jx("get", "env").ok().out
    place.push(staging, "What was urgent")
    foreign.jx("step", "env", "apply", "--no-wait", cwd=staging).ok()
    assert "it is urgent" not in foreign.jx("get", "env").ok().out


def test_what_the_cluster_refuses_is_told_with_what_is_done_what_is_not_and_what_to_do(
    place: Installed, staging: Path
) -> None:
    foreign = place.foreign
    put_app(staging, "wide", "1.0.0")
    large = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wide}\ndata: {a: '{{ repeat 1100000 \"x\" }}'}\n"
    )
    (staging / "env" / "charts" / "wide" / "templates" / "large.yaml").write_text(large)
    foreign.machine.shell("git add -A", cwd=staging).ok()
    ran = foreign.jx("step", "env", "apply", "--no-wait", cwd=staging).ended(1)
    assert "1 failed, 1 not tried" in ran.out
    assert "ConfigMap/wide (namespace jx-staging) is too large for the cluster" in ran.out
    assert "mend what is named; the same command goes on from there" in ran.err
    (staging / "env" / "charts" / "wide" / "templates" / "large.yaml").unlink()
    foreign.machine.shell("git add -A", cwd=staging).ok()
    assert "Deployment.apps/wide" in foreign.jx("step", "env", "apply", "--no-wait", cwd=staging).ok().told
    foreign.machine.shell("git reset -q --hard", cwd=staging).ok()
    foreign.jx("step", "env", "apply", "--no-wait", "--allow", "empty-render", cwd=staging).ok()


def test_what_is_removed_in_a_clone_is_pruned_and_nothing_else(place: Installed, staging: Path) -> None:
    foreign = place.foreign
    before = (staging / "env" / "Chart.yaml").read_text()
    put_app(staging, "stall", "1.0.0")
    place.push(staging, "Open a stall")
    foreign.jx("step", "env", "apply", "--no-wait", cwd=staging).ok()
    objects = foreign.versions()
    (staging / "env" / "Chart.yaml").write_text(before)
    shutil.rmtree(staging / "env" / "charts" / "stall")
    place.push(staging, "Close it again")
    words = ("step", "env", "apply", "--no-wait", "--allow", "empty-render")
    told = foreign.jx(*words, cwd=staging).ok().told
    assert "Deployment.apps/stall (namespace jx-staging): prune" in told
    assert objects.keys() - foreign.versions().keys() == {"Deployment/jx-staging/stall"}


def test_a_revert_is_previewed_and_without_pull_requests_done_in_the_clone(
    place: Installed, staging: Path
) -> None:
    foreign = place.foreign
    for version in ("1.0.0", "2.0.0"):
        put_app(staging, "kiosk", version)
        place.push(staging, f"Kiosk {version}")
        foreign.jx("step", "env", "apply", "--no-wait", cwd=staging).ok()
    seen = Seen.of(foreign)
    words = ("revert", "kiosk", "--env", "staging")
    shown = json.loads(foreign.jx(*words, "--dry-run", "-o", "json").ok().out)
    assert [one["subject"] for one in shown["commits"]] == ["Kiosk 2.0.0"]
    assert [one["name"] for one in shown["objects"]["changed"]] == ["kiosk"]
    assert not shown["objects"]["deleted"]
    assert shown["downgrades"] == ["kiosk 2.0.0 → 1.0.0"]
    told = foreign.jx(*words, "-b").ended(3).err
    assert "is plain git" in told
    assert "hint: " in told
    assert Seen.of(foreign) == seen, "nothing was changed, neither in git nor in the cluster"
    foreign.machine.shell("git revert --no-edit HEAD", cwd=staging).ok()
    foreign.jx("step", "env", "apply", "--no-wait", "--reason", "2.0.0 is slow", cwd=staging).ok()
    foreign.machine.shell("git push -q", cwd=staging).ok()
    (newest, *_) = json.loads(
        foreign.jx("get", "history", "staging", "--app", "kiosk", "-o", "json").ok().out
    )
    assert newest["versions"] == [{"app": "kiosk", "was": "2.0.0", "now": "1.0.0"}]
    assert newest["reason"] == "2.0.0 is slow"


def test_the_platform_goes_leaves_what_holds_data_and_comes_again(foreign: Foreign) -> None:
    heads = foreign.heads()
    foreign.jx("uninstall", "--yes").ok()
    assert "Deployment/jx/jx-controllers" not in foreign.versions()
    assert foreign.api.get(NAMESPACES, "", "jx-staging")
    assert foreign.heads().keys() == heads.keys()
    assert foreign.jx("get", "env").ok().out.count("never applied") == 3
    foreign.jx(*foreign.install_words, "-b", "--no-wait").ok()
    assert "Deployment/jx/jx-controllers" in foreign.versions()
