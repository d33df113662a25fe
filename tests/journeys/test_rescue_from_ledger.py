"""A rescue with everything else down: the git server, the chart repositories, the platform. The embedded API stands for the
cluster, and a real API server where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from tests.support.foreign import DEPLOYMENTS, SERVERS, Foreign, server
from tests.support.platform import machine_at

from jx.adapters.kubernetes.api import CONFIG_MAPS, SECRETS
from jx.domain.errors import NotFound

pytestmark = pytest.mark.xdist_group("foreign-clusters")

WEB = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "web:{{ .Chart.Version }}"}]
---
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {password: {{ .Values.password }}}
"""
EXTRA = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"


@dataclass
class Place:
    """A cluster where version 2.0.0 of an app was applied after 1.0.0, and a clone; git and the charts are gone since."""

    foreign: Foreign
    clone: Path

    def rescue(self, *words: str) -> str:
        run = self.foreign.jx("step", "env", "apply", "--no-wait", "--from-ledger", *words, cwd=self.clone)
        return run.ok().told

    def image(self) -> str:
        found = self.foreign.api.get(DEPLOYMENTS, "jx-staging", "web")
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def put_version(foreign: Foreign, clone: Path, version: str, *more: str) -> None:
    """Put the app into the clone, commit, push and apply it."""
    chart = clone / "env" / "charts" / "web"
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: web\nversion: {version}\n")
    (chart / "values.yaml").write_text("password: hunter22\n")
    (chart / "templates" / "all.yaml").write_text("---\n".join([WEB, *more]))
    own = yaml.safe_load((clone / "env" / "Chart.yaml").read_text())
    own["dependencies"] = [{"name": "web", "version": version, "repository": "file://charts/web"}]
    (clone / "env" / "Chart.yaml").write_text(yaml.safe_dump(own))
    foreign.machine.shell(f"git add -A; git commit -qm 'Web {version}'; git push -q", cwd=clone).ok()
    foreign.jx("step", "env", "apply", "--no-wait", cwd=clone).ok()


@pytest.fixture(scope="module", params=SERVERS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("ledger")
    with server(request.param, folder / "kubernetes") as kubeconfig, machine_at(folder) as machine:
        foreign = Foreign(machine, kubeconfig, "rescue")
        foreign.jx(*foreign.install_words, "-b", "--no-wait").ok()
        clone = foreign.clone("staging", "clone")
        put_version(foreign, clone, "1.0.0")
        put_version(foreign, clone, "2.0.0", EXTRA)
        machine.shell("git fetch -q", cwd=clone).ok()
        foreign.git.rename(folder / "git-is-gone")
        machine.shell("rm -rf .jx/cache", cwd=machine.home).ok()
        yield Place(foreign, clone)
        foreign.jx("uninstall", "--yes")
        foreign.api.close()


def test_a_rescue_wants_a_reason_before_it_does_anything(place: Place) -> None:
    words = ("step", "env", "apply", "--from-ledger", "~1")
    assert "--reason" in place.foreign.jx(*words, cwd=place.clone).ended(2).err
    assert place.image() == "web:2.0.0"


def test_the_state_before_comes_back_with_git_charts_and_platform_gone(place: Place) -> None:
    before = place.foreign.api.get(SECRETS, "jx-staging", "web")["data"]
    told = place.rescue("~1", "--reason", "2.0.0 loses orders")
    assert "git server: down" in told
    assert "instead: the ledger: nothing is rendered" in told
    assert place.image() == "web:1.0.0"
    assert place.foreign.api.get(SECRETS, "jx-staging", "web")["data"] == before
    with pytest.raises(NotFound):
        place.foreign.api.get(CONFIG_MAPS, "jx-staging", "extra")
    assert "git push origin go-back-" in told


def test_the_same_command_again_changes_nothing(place: Place) -> None:
    good = place.foreign.machine.shell("git rev-parse HEAD~1", cwd=place.clone).ok().out.strip()
    assert "nothing changes" in place.rescue(good, "--reason", "2.0.0 loses orders")


def test_the_branch_that_is_left_undoes_the_bad_version_in_git(place: Place) -> None:
    shell = place.foreign.machine.shell
    script = 'git show "$(git branch --format="%(refname:short)" --list "go-back-*" | head -1)":env/charts/web/Chart.yaml'
    assert "version: 1.0.0" in shell(script, cwd=place.clone).ok().out
    assert shell("git status --porcelain", cwd=place.clone).ok().out == ""
