"""The check of a pull request and secrets: what would make one readable, or brings one from somewhere else, is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.support.worlds import ANN, World, definition, environment_tree

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_forge import MemoryForge
from jx.domain.changes.changes import CheckState
from jx.domain.environments.environments import Environment
from jx.domain.names import EnvironmentName
from jx.domain.trees import Tree
from jx.ports.forge import Offer
from jx.ports.repos import Draft
from jx.usecases.planning.plan_environment import PlanEnvironment
from jx.usecases.planning.render_environment import RenderEnvironment
from jx.usecases.reviewing.check_change import CheckChange
from jx.usecases.reviewing.plan_change import PlanChange

PROD = Environment(EnvironmentName("prod"), "jx-prod", None)
PASSWORD = "vault:prod/db:password"

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: db
  {{- with .Values.note }}
  annotations: {note: {{ . | quote }}}
  {{- end }}
data: {password: {{ .Values.password | b64enc }}}
"""
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      {{- with .Values.annotation }}
      annotations: {example.com/token: {{ b64enc . }}}
      {{- end }}
    spec:
      containers: [{name: web, image: "web:1"}]
"""
CONFIG = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {url: {{ .Values.url | quote }}}\n"
)
JOB = """\
{{- with .Values.job }}
apiVersion: batch/v1
kind: Job
metadata: {name: report}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: report, image: "report:1", env: [{name: PASSWORD, value: {{ . | quote }}}]}]
{{- end }}
"""
TEKTON = """\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: release}
spec:
  params: [{name: password, type: string, default: "vault:prod/db:password"}]
"""
TEKTON_SCRIPT = """\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: release}
spec:
  steps: [{name: go, image: "go:1", script: "curl -u ann:{{ .Values.shop.password }} https://db.example"}]
"""


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmRenderer]:
    renderer = HelmRenderer()
    yield renderer
    renderer.close()


class Checked:
    """A repository of environment `prod` whose password is in a Secret, and pull requests to it."""

    def __init__(self, helm: HelmRenderer) -> None:
        self.world = world = World(renderer=helm)
        world.offer("shop", "1.0.0", secret=SECRET, web=WEB, settings=CONFIG, job=JOB)
        world.cluster.put(definition("tekton.dev", "Pipeline"))
        world.cluster.put(definition("tekton.dev", "Task"))
        self.tree = environment_tree({"shop": "1.0.0"}, name="prod", namespace="jx-prod")
        self.tree = self.with_values(password=PASSWORD)
        world.commit(self.tree)
        self.forge = MemoryForge(world.repos, ANN)
        self.forge.adopt(world.repo)
        self._count = 0

    def with_values(self, **values: Any) -> Tree:
        return self.tree.put(
            "env/shop/values.yaml", json.dumps({"password": PASSWORD, "url": "db.example", **values})
        )

    def allow(self, tree: Tree, **secrets: Any) -> Tree:
        text = tree.text("jx-requirements.yml")
        return tree.put("jx-requirements.yml", f"{text}secrets: {json.dumps(secrets)}\n")

    def check(self, tree: Tree, environment: Environment = PROD) -> tuple[CheckState, str]:
        """The verdict on a pull request with these files, and its comment."""
        world = self.world
        self._count += 1
        branch = f"mine-{self._count}"
        base = world.repos.head(world.repo, "master")
        assert base is not None
        world.repos.replace(world.repo, branch, base=base, draft=Draft(tree, "Change it", ANN))
        number = self.forge.propose(world.repo, Offer(branch, "master", "Change it", "")).number
        plan = PlanEnvironment(
            world.catalog, RenderEnvironment(world.renderer, world.reporter), world.cluster, world.reporter
        )
        change = PlanChange(world.repos, world.anchors, plan)
        placed = Environment(environment.name, environment.namespace, world.repo)
        check = CheckChange(world.repos, self.forge, change)(placed, number)
        assert check is not None
        (comment,) = self.forge.observe(world.repo, number).comments
        return check.state, comment.body

    def refused(self, tree: Tree, environment: Environment = PROD) -> str:
        state, text = self.check(tree, environment)
        assert state is CheckState.FAILURE, text
        return text


@pytest.fixture
def checked(helm: HelmRenderer) -> Checked:
    return Checked(helm)


def test_a_reference_that_goes_into_a_secret_passes(checked: Checked) -> None:
    state, _ = checked.check(checked.tree.put("README.md", f"The password is at {PASSWORD}.\n"))
    assert state is CheckState.SUCCESS


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"annotation": PASSWORD}, "spec.template.metadata.annotations.example.com/token holds"),
        ({"note": PASSWORD}, "Secret/db (namespace jx-prod): metadata.annotations.note holds"),
        ({"url": PASSWORD}, "ConfigMap/settings (namespace jx-prod): data.url holds"),
        ({"job": PASSWORD}, "spec.template.spec.containers[name=report].env[name=PASSWORD].value holds"),
    ],
    ids=["annotation", "annotation of a Secret", "ConfigMap", "variable of a Job"],
)
def test_a_reference_that_moves_to_where_everybody_reads_is_refused(
    checked: Checked, values: Mapping[str, Any], place: str
) -> None:
    text = checked.refused(checked.with_values(**values))
    assert "secrets would be readable outside of a Secret" in text
    assert f"{place} {PASSWORD}" in text


@pytest.mark.parametrize("template", [TEKTON, TEKTON_SCRIPT], ids=["parameter", "script"])
def test_a_reference_that_moves_into_an_object_of_tekton_is_refused(checked: Checked, template: str) -> None:
    text = checked.refused(checked.tree.put("env/templates/release.yaml", template))
    assert "secrets would be readable outside of a Secret" in text
    assert PASSWORD in text


@pytest.mark.parametrize(
    "file",
    ["jenkins-x.yml", "jenkins-x-release.yml", "Jenkinsfile", ".lighthouse/release.yaml", ".tekton/run.yaml"],
)
def test_a_reference_that_moves_into_a_pipeline_is_refused_with_its_line(checked: Checked, file: str) -> None:
    text = checked.refused(checked.tree.put(file, f"env:\n- name: PASSWORD\n  value: '{PASSWORD}'\n"))
    assert "secrets would be given to a pipeline" in text
    assert f"{file}:3: a pipeline refers to {PASSWORD}" in text


def test_a_change_elsewhere_is_not_stopped_by_what_a_pipeline_had_before(checked: Checked) -> None:
    there = checked.tree.put("jenkins-x.yml", f"env: ['{PASSWORD}']\n")
    checked.world.commit(there)
    assert checked.check(there.put("README.md", "Hello\n"))[0] is CheckState.SUCCESS


def test_a_reference_to_a_secret_of_another_environment_is_refused_with_its_line(checked: Checked) -> None:
    staging = Environment(EnvironmentName("staging"), "jx-staging", None)
    text = checked.refused(checked.tree, staging)
    assert "env/shop/values.yaml:1: vault:prod/db:password is not for environment staging" in text
    assert "it may read staging/**" in text


def test_nobody_makes_his_environment_another_one_by_the_change_itself(checked: Checked) -> None:
    files = checked.tree.put(
        "jx-requirements.yml", "apply: {environment: prod, namespace: jx-staging, release: x}\n"
    )
    text = checked.refused(files, Environment(EnvironmentName("staging"), "jx-staging", None))
    assert "is not for environment staging" in text


def test_paths_that_a_change_gives_itself_do_not_count(checked: Checked) -> None:
    other = checked.with_values(password="vault:common/db:password")
    text = checked.refused(checked.allow(other, paths=["prod/**", "common/*"]))
    assert "vault:common/db:password is not for environment prod; it may read prod/**" in text
    checked.world.commit(checked.allow(checked.tree, paths=["prod/**", "common/*"]))
    assert checked.check(checked.allow(other, paths=["prod/**", "common/*"]))[0] is CheckState.SUCCESS


def test_fields_that_a_change_gives_itself_do_not_count(checked: Checked) -> None:
    rule = {"kind": "ConfigMap", "name": "settings", "field": "data.url"}
    other = checked.allow(checked.with_values(url=PASSWORD), fields=[rule])
    assert "merged before: secrets.fields: [{kind: ConfigMap" in checked.refused(other)
    checked.world.commit(checked.allow(checked.tree, fields=[rule]))
    assert checked.check(other)[0] is CheckState.SUCCESS


def test_a_path_that_a_change_takes_away_may_not_be_used_by_it(checked: Checked) -> None:
    listed = checked.allow(checked.tree, paths=["prod/**", "common/*"])
    checked.world.commit(listed)
    used = checked.with_values(password="vault:common/db:password")
    assert "it may read prod/**" in checked.refused(used)


def test_a_base_that_cannot_be_read_allows_no_more_than_the_environments_own(checked: Checked) -> None:
    checked.world.commit(checked.tree.put("jx-requirements.yml", "secrets: {paths: common/*, fields: [x]}\n"))
    other = checked.with_values(password="vault:common/db:password")
    text = checked.refused(checked.allow(other, paths=["common/*"]))
    assert "it may read prod/**" in text
    assert checked.check(checked.tree)[0] is CheckState.SUCCESS


def test_a_reviewer_is_told_what_a_change_allows(checked: Checked) -> None:
    rule = {"kind": "ConfigMap", "name": "settings", "field": "data.url"}
    state, text = checked.check(checked.allow(checked.tree, paths=["prod/**", "common/*"], fields=[rule]))
    assert state is CheckState.SUCCESS
    assert "allows references to secrets at common/*, from its merge on" in text
    assert "allows ConfigMap/settings data.url to hold a secret, from its merge on" in text
    assert "prod/**" not in text
