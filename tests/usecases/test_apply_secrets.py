"""Secrets in an apply: their values reach the cluster, and nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from tests.support.worlds import World, environment_tree

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.applying.applying import Action
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.errors import Invalid, JxError, NotFound, Unavailable
from jx.domain.ledger import diffing
from jx.domain.ledger.trailers import list_trailers
from jx.domain.trees import Tree

VALUE, OTHER = "hunter2/and+more", "correct-horse battery"
WITHOUT_STORE = Allowed(frozenset({Guard.SECRETS}))

SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: db}
data:
  password: {{ .Values.password | b64enc }}
  url: {{ printf "postgres://ann:%s@%s" .Values.password .Values.host | b64enc }}
  user: {{ .Values.user | b64enc }}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {checksum/db: {{ .Values.password | sha256sum }}}
    spec:
      containers:
      - {name: web, image: "web:{{ .Values.tag }}"}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {host: {{ .Values.host }}}\n"
VALUES = {"password": "vault:dev/db:password", "host": "db.example", "user": "ann", "tag": "1"}


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmRenderer]:
    renderer = HelmRenderer()
    yield renderer
    renderer.close()


@pytest.fixture
def world(helm: HelmRenderer) -> World:
    world = World(renderer=helm, secrets=MemorySecrets({"dev/db": {"password": VALUE}}))
    world.offer("shop", "1.0.0", secret=SECRET, web=DEPLOYMENT, settings=CONFIG)
    return world


def _tree(values: dict[str, Any] | None = None, requirements: str = "", **apps: str) -> Tree:
    tree = environment_tree(apps or {"shop": "1.0.0"})
    tree = tree.put("env/shop/values.yaml", json.dumps({**VALUES, **(values or {})}))
    return tree.put("jx-requirements.yml", tree.text("jx-requirements.yml") + requirements)


def _applied(world: World, values: dict[str, Any] | None = None, **changes: Any) -> Any:
    world.commit(_tree(values))
    return world.apply_head(**changes)


def _data(world: World, key: str) -> str:
    secret = world.get("Secret", "db")
    assert secret is not None
    return base64.b64decode(secret["data"][key]).decode()


def _shapes(value: str) -> set[str]:
    return {value, base64.b64encode(value.encode()).decode(), quote(value, safe="")}


def _seen(world: World) -> str:
    """Everything that anybody but the cluster and the store can look at."""
    parts = [*world.ledger_files().values(), world.reporter.text, repr(world.anchor.applied)]
    parts += [commit.message for commit in world.ledger_commits()]
    head = world.repos.head(world.repo, "master")
    tree = world.repos.read(world.repo, head) if head else Tree()
    return "\n".join([*parts, *(tree.text(path) for path in tree)])


def test_values_reach_the_cluster_and_nothing_else(world: World) -> None:
    report = _applied(world)
    assert report.is_good
    assert _data(world, "password") == VALUE
    assert _data(world, "url") == f"postgres://ann:{VALUE}@db.example"
    assert _data(world, "user") == "ann"
    shown = _seen(world) + diffing.render_diff(report.plan, {}) + repr(report.plan)
    assert not [shape for shape in _shapes(VALUE) if shape in shown]


def test_a_second_apply_sends_nothing(world: World) -> None:
    _applied(world)
    before = len(world.cluster.requests)
    assert not world.apply_head().plan.has_changes
    assert not [one for one in world.cluster.requests[before:] if one[0] != "live"]


def test_the_ledger_shows_everything_that_is_no_secret(world: World) -> None:
    _applied(world)
    files = world.ledger_files()
    assert "<derived from a secret>" in files["jx/apps/Deployment/web.yaml"]
    assert "image: web:1" in files["jx/apps/Deployment/web.yaml"]
    assert "<secret:vault:dev/db:password>" in files["jx/core/Secret/db.yaml"]
    assert "host: db.example" in files["jx/core/ConfigMap/settings.yaml"]


def test_a_check_without_values_plans_what_an_apply_with_them_does(world: World) -> None:
    world.commit(_tree())
    before = world.check_head().plan
    report = world.apply_head()
    assert before.digest == report.plan.digest
    assert not world.check_head().plan.has_changes
    world.commit(_tree({"host": "other.example"}))
    changed = world.check_head().plan
    assert {str(step.ref.name) for step in changed.changes} == {"settings", "db"}
    assert changed.digest == world.apply_head().plan.digest


def test_a_secret_that_was_rotated_is_sent_and_nothing_else(world: World) -> None:
    _applied(world)
    there = world.secrets.read(("dev/db",))["dev/db"]
    world.secrets.write("dev/db", {"password": OTHER}, version=there.version)
    report = world.apply_head()
    assert {(step.ref.name, step.reason) for step in report.plan.changes} == {
        ("db", "a secret has changed"),
        ("web", "a secret has changed"),
    }
    assert report.is_good
    assert _data(world, "password") == OTHER
    assert not world.apply_head().plan.has_changes


def test_fields_that_come_from_secrets_belong_to_a_manager_of_their_own(world: World) -> None:
    _applied(world)
    secret = world.get("Secret", "db")
    assert secret is not None
    owned = {
        entry["manager"]: entry["fieldsV1"].get("f:data", {}) for entry in secret["metadata"]["managedFields"]
    }
    assert set(owned["jx-secrets"]) == {"f:password", "f:url"}
    assert set(owned["jx"]) == {"f:user"}


def test_a_store_that_is_down_stops_an_apply_before_anything_is_sent(world: World) -> None:
    _applied(world)
    world.secrets.fault = Unavailable("the store is sealed")
    before = len(world.cluster.requests)
    with pytest.raises(Unavailable, match="sealed"):
        _applied(world, {"tag": "2"})
    assert not [one for one in world.cluster.requests[before:] if one[0] == "send"]


def test_without_the_store_the_rest_is_applied_and_secrets_stay(world: World) -> None:
    _applied(world)
    world.secrets.fault = Unavailable("the store is sealed")
    report = _applied(world, {"tag": "2", "user": "bob"}, allowed=WITHOUT_STORE)
    assert report.is_good
    web = world.get("Deployment", "web", group="apps")
    assert web is not None
    template = web["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "web:2"
    assert len(template["metadata"]["annotations"]["checksum/db"]) == 64
    assert (_data(world, "password"), _data(world, "user")) == (VALUE, "bob")
    world.secrets.fault = None
    assert not world.apply_head().plan.has_changes


def test_without_the_store_what_is_not_there_yet_is_left_out_and_named(world: World) -> None:
    world.secrets.fault = Unavailable("the store is sealed")
    report = _applied(world, allowed=WITHOUT_STORE)
    kept = {step.ref.name: step.reason for step in report.plan.steps if step.action is Action.KEEP}
    assert set(kept) == {"db", "web"}
    assert "its secrets cannot be read" in kept["db"]
    assert world.get("Secret", "db") is None
    assert world.get("ConfigMap", "settings") is not None
    world.secrets.fault = None
    assert world.apply_head().is_good
    assert _data(world, "password") == VALUE


def test_a_diff_shows_what_changes_around_secrets_and_no_secret(world: World) -> None:
    allowed = "secrets: {fields: [{kind: ConfigMap, name: settings, field: data.host}]}\n"
    values = {"host": "vault:dev/db:password"}
    world.commit(_tree(values, allowed))
    created = world.diff_head()
    assert "<secret:vault:dev/db:password>" in created
    world.apply_head()
    assert world.diff_head() == ""
    world.commit(_tree({**values, "tag": "2"}, allowed))
    changed = world.diff_head()
    assert [line for line in changed.splitlines() if line.startswith(("+ ", "- "))] == [
        "-      - image: web:1",
        "+      - image: web:2",
    ]
    plan = world.apply_head(dry_run=True).plan
    shown = created + changed + diffing.render_diff(plan, world.check_head().live)
    assert not [shape for shape in _shapes(VALUE) if shape in shown]


def test_a_missing_secret_is_told_with_file_line_path_and_key(world: World) -> None:
    world.secrets.remove("dev/db")
    with pytest.raises(NotFound) as error:
        _applied(world)
    assert "env/shop/values.yaml:1: there is nothing at dev/db (key password)" in error.value.message
    assert world.get("ConfigMap", "settings") is None


def test_what_is_generated_is_made_once_by_the_apply_and_never_by_a_check(world: World) -> None:
    world.commit(_tree({"password": "<generated:password,length=30>"}))
    world.check_head()
    assert world.generator.made == 0
    assert world.apply_head().is_good
    made = _data(world, "password")
    assert len(made) == 30
    assert not world.apply_head().plan.has_changes
    assert world.generator.made == 1
    assert made not in _seen(world)


@pytest.mark.parametrize("check", ["check", "apply"])
def test_a_secret_that_would_be_readable_in_a_config_map_is_refused(world: World, check: str) -> None:
    world.commit(_tree({"host": "vault:dev/db:password"}))
    with pytest.raises(Invalid, match="readable outside of a Secret") as error:
        world.check_head() if check == "check" else world.apply_head()
    assert [str(problem) for problem in error.value.problems] == [
        "env/charts/shop/templates/settings.yaml: ConfigMap/settings (namespace jx): data.host holds vault:dev/db:password"
    ]
    assert "secrets.fields: [{kind: ConfigMap, name: settings, field: data.host}]" in error.value.hint
    assert world.get("ConfigMap", "settings") is None


def test_a_field_that_is_to_hold_a_secret_may_be_named(world: World) -> None:
    allowed = "secrets: {fields: [{kind: ConfigMap, name: settings, field: data.host}]}\n"
    world.commit(_tree({"host": "vault:dev/db:password"}, allowed))
    assert world.apply_head().is_good
    settings = world.get("ConfigMap", "settings")
    assert settings is not None
    assert settings["data"]["host"] == VALUE
    assert "<secret:vault:dev/db:password>" in world.ledger_files()["jx/core/ConfigMap/settings.yaml"]
    assert VALUE not in _seen(world)


@pytest.mark.parametrize("check", ["check", "apply"])
def test_a_secret_of_another_environment_is_refused(world: World, check: str) -> None:
    world.secrets.write("prod/db", {"password": OTHER})
    world.commit(_tree({"password": "vault:prod/db:password"}))
    with pytest.raises(Invalid, match="of somewhere else") as error:
        world.check_head() if check == "check" else world.apply_head()
    assert "vault:prod/db:password is not for environment dev" in str(error.value.problems[0])


def test_paths_may_be_listed(world: World) -> None:
    world.secrets.write("common/db", {"password": OTHER})
    listed = "secrets: {paths: [common/*]}\n"
    world.commit(_tree({"password": "vault:common/db:password"}, listed))
    assert world.apply_head().is_good
    assert _data(world, "password") == OTHER


def test_a_template_that_fails_says_nothing_of_the_value(world: World) -> None:
    world.offer("shop", "1.0.1", secret=SECRET, bad='{{ fail (printf "no: %s" (b64dec .Values.password)) }}')
    world.secrets.remove("dev/db")
    world.secrets.write("dev/db", {"password": base64.b64encode(VALUE.encode()).decode()})
    world.commit(_tree(shop="1.0.1"))
    with pytest.raises(JxError) as error:
        world.apply_head()
    told = f"{error.value.message} {error.value.hint} {getattr(error.value, 'problems', '')}"
    assert not [shape for shape in _shapes(VALUE) if shape in told]


def test_references_in_templates_of_the_environment_are_filled(world: World) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "own"},
        "stringData": {"a": "vault:dev/db:password"},
        "data": {"b": "vault:dev/db:password"},
    }
    world.commit(_tree().put("env/templates/own.yaml", json.dumps(body)))
    assert world.apply_head().is_good
    own = world.get("Secret", "own")
    assert own is not None
    assert {base64.b64decode(value).decode() for value in own["data"].values()} == {VALUE}
    assert VALUE not in _seen(world)


def test_an_object_that_was_there_before_its_secret_was_a_reference_is_handed_over(world: World) -> None:
    _applied(world, {"password": "in-git-by-mistake"})
    assert _data(world, "password") == "in-git-by-mistake"
    assert _applied(world).is_good
    assert _data(world, "password") == VALUE
    assert not world.apply_head().plan.has_changes


def test_the_ledger_names_the_versions_of_the_secrets_and_a_rotation_is_seen_in_it(world: World) -> None:
    _applied(world)
    there = world.secrets.read(("dev/db",))["dev/db"]
    world.secrets.write("dev/db", {"password": OTHER}, version=there.version)
    world.apply_head()
    named = [dict(list_trailers(one.message)).get("Jx-Secret") for one in world.ledger_commits()]
    assert named == ["vault:dev/db=1", "vault:dev/db=2"]
    assert not [shape for value in (VALUE, OTHER) for shape in _shapes(value) if shape in _seen(world)]
