"""What charts draw at random: drawn once, kept in the cluster, put back; never in git and never shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.worlds import World, environment_tree, ref, tree_of

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.applying.applying import Action
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.errors import Invalid, Unavailable
from jx.domain.ledger import recalls
from jx.domain.ledger.recalls import Recall
from jx.domain.trees import Tree

SECRET = """\
{{- $ca := genCAWithKey .Values.name 365 (genPrivateKey "ecdsa") }}
{{- $key := genPrivateKey "ecdsa" }}
{{- $cert := genSignedCertWithKey .Values.name nil (list .Values.name) 365 $ca $key }}
apiVersion: v1
kind: Secret
metadata: {name: shop}
data:
  password: {{ .Values.password | default (randAlphaNum 20) | b64enc }}
  tls.crt: {{ $cert.Cert | b64enc }}
  tls.key: {{ $cert.Key | b64enc }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shop}
data:
  made: {{ now | date "2006-01-02" | quote }}
  ca: {{ $ca.Cert | quote }}
  conf: |
    id = {{ uuidv4 }}
    host = {{ .Values.host }}
    pin = {{ randNumeric 12 }}
"""
WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata:
      labels: {app: shop}
      annotations: {checksum/secret: {{ include (print $.Template.BasePath "/secret.yaml") . | sha256sum }}}
    spec:
      containers:
      - {name: shop, image: "shop:{{ .Values.tag }}"}
"""
EXTRA = "apiVersion: v1\nkind: Secret\nmetadata: {name: extra}\ndata: {key: {{ randAlphaNum 16 | b64enc }}}\n"
VALUES = {"name": "shop.example", "host": "db.example", "tag": "1", "password": ""}


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmRenderer]:
    renderer = HelmRenderer()
    yield renderer
    renderer.close()


@pytest.fixture
def world(helm: HelmRenderer) -> World:
    world = World(renderer=_Anew(helm), secrets=MemorySecrets({"dev/db": {"password": "hunter2-hunter2"}}))
    world.offer("shop", "1.0.0", secret=SECRET, workload=WORKLOAD)
    world.offer("shop", "1.1.0", secret=SECRET, workload=WORKLOAD, extra=EXTRA)
    return world


class _Anew:
    """Helm in a process of its own for each render: nothing is remembered from one apply to the next."""

    def __init__(self, helm: HelmRenderer) -> None:
        self._helm = helm

    def render(self, request: Any) -> Any:
        return self._helm._render(request)

    def assemble(self, request: Any) -> Any:
        return self._helm.assemble(request)


def _tree(values: dict[str, Any] | None = None, version: str = "1.0.0") -> Tree:
    tree = environment_tree({"shop": version})
    return tree.put("env/shop/values.yaml", json.dumps({**VALUES, **(values or {})}))


def _apply(world: World, values: dict[str, Any] | None = None, version: str = "1.0.0", **more: Any) -> Any:
    world.commit(_tree(values, version))
    report = world.apply_head(**more)
    assert report.is_good
    return report


def _data(world: World, kind: str = "Secret", name: str = "shop") -> dict[str, str]:
    body = world.get(kind, name)
    assert body is not None
    return {
        key: base64.b64decode(text).decode() if kind == "Secret" else text
        for key, text in body["data"].items()
    }


def _checksum(world: World) -> str:
    body = world.get("Deployment", "shop", group="apps")
    assert body is not None
    return str(body["spec"]["template"]["metadata"]["annotations"]["checksum/secret"])


def test_a_second_apply_writes_nothing_and_a_check_sees_no_change(world: World) -> None:
    _apply(world)
    before = len(world.cluster.requests)
    anchor = world.anchor
    assert not world.check_head().plan.has_changes
    assert not _apply(world).plan.has_changes
    assert not [one for one in world.cluster.requests[before:] if one[0] != "live"]
    assert world.anchor.drawn == anchor.drawn


def test_what_changes_around_draws_is_applied_and_draws_stay(world: World) -> None:
    _apply(world)
    secret, config, checksum = _data(world), _data(world, "ConfigMap"), _checksum(world)
    report = _apply(world, {"host": "other.example", "tag": "2"})
    assert {step.ref.name for step in report.plan.changes} == {"shop"}
    assert _data(world) == secret
    after = _data(world, "ConfigMap")
    assert after == {**config, "conf": config["conf"].replace("db.example", "other.example")}
    assert _checksum(world) != checksum


def test_what_was_drawn_comes_back_as_it_was_where_somebody_deletes_it(world: World) -> None:
    _apply(world)
    secret, config = _data(world), _data(world, "ConfigMap")
    world.cluster.remove(ref("Secret", "shop"))
    _apply(world)
    assert _data(world) == secret
    assert _data(world, "ConfigMap") == config


def test_a_draw_in_a_new_place_draws_the_chart_anew_and_says_so(world: World) -> None:
    _apply(world)
    password = _data(world)["password"]
    _apply(world, version="1.1.0")
    assert (
        "shop: what its chart draws at random is drawn anew: it now draws Secret/extra" in world.reporter.text
    )
    assert _data(world)["password"] != password
    again = _data(world)
    assert not _apply(world, version="1.1.0").plan.has_changes
    assert _data(world) == again


def test_a_certificate_for_another_name_is_drawn_anew_and_said_so(world: World) -> None:
    _apply(world)
    before = _data(world)
    _apply(world, {"name": "other.example"})
    assert "is about other names now" in world.reporter.text
    assert _data(world)["tls.crt"] != before["tls.crt"]
    assert not _apply(world, {"name": "other.example"}).plan.has_changes


def test_a_person_can_have_all_of_an_app_drawn_anew(world: World) -> None:
    _apply(world)
    before = _data(world)
    _apply(world, allowed=Allowed(redraws=frozenset({"shop"})))
    assert "is drawn anew: somebody asks for it" in world.reporter.text
    after = _data(world)
    assert not {key for key in before if before[key] == after[key]}
    assert not _apply(world).plan.has_changes
    with pytest.raises(Invalid, match="drawn anew for other, which is no app"):
        _apply(world, allowed=Allowed(redraws=frozenset({"other"})))


def test_a_value_that_is_set_ends_the_drawing_of_it_and_leaves_the_rest(world: World) -> None:
    _apply(world)
    before = _data(world)
    _apply(world, {"password": "vault:dev/db:password"})
    assert _data(world) == {**before, "password": "hunter2-hunter2"}


def test_nothing_that_is_drawn_is_shown_anywhere(world: World) -> None:
    report = _apply(world)
    world.commit(_tree({"tag": "2"}))
    texts = [world.diff_head(), repr(report.plan), repr(world.anchor), world.reporter.text]
    texts += [*world.ledger_files().values(), *(one.message for one in world.ledger_commits())]
    secret, config = _data(world), _data(world, "ConfigMap")
    identifier = config["conf"].split()[2]
    for word in (
        secret["password"],
        secret["tls.key"].split("\n")[1],
        config["ca"].split("\n")[1],
        identifier,
    ):
        assert not [text for text in texts if word in text]
        assert not [text for text in texts if base64.b64encode(word.encode()).decode() in text]
    shown = world.ledger_files()["jx/core/ConfigMap/shop.yaml"]
    assert "id = <drawn at random>\n" in shown
    assert "host = db.example\n" in shown


def test_no_error_of_the_server_quotes_what_is_drawn(world: World) -> None:
    _apply(world)
    secret, config = _data(world), _data(world, "ConfigMap")
    identifier, made = config["conf"].split()[2], config["made"]
    world.cluster.remove(ref("ConfigMap", "shop"))
    said = f'ConfigMap "shop" is invalid: data[made]: Invalid value: "{made[:4]}": and {identifier} or {secret["password"]}'
    world.cluster.fail(Invalid(said))
    report = world.apply_head()
    (error,) = [one.error for one in report.outcomes if one.error]
    assert (
        error
        == 'ConfigMap "shop" is invalid: data[made]: Invalid value: <redacted>: and <redacted> or <redacted>'
    )


def test_with_references_in_the_environment_it_is_the_same(world: World) -> None:
    values = {"host": "db.example", "password": "vault:dev/db:password"}
    _apply(world, values)
    before = _data(world)
    assert not _apply(world, values).plan.has_changes
    digest = world.check_head().plan.digest
    assert digest == world.apply_head().plan.digest
    there = world.secrets.read(("dev/db",))["dev/db"]
    world.secrets.write("dev/db", {"password": "another-password"}, version=there.version)
    assert _apply(world, values).plan.has_changes
    assert _data(world) == {**before, "password": "another-password"}


def test_without_the_store_what_is_drawn_stays_as_it_is_in_the_cluster(world: World) -> None:
    values = {"password": "vault:dev/db:password"}
    _apply(world, values)
    before, kept = _data(world), world.anchor.drawn
    world.secrets.fault = Unavailable("the store is sealed")
    report = _apply(world, {**values, "tag": "2"}, allowed=Allowed(frozenset({Guard.SECRETS})))
    assert report.plan.count(Action.UPDATE)
    assert (_data(world), world.anchor.drawn) == (before, kept)
    world.secrets.fault = None
    assert not _apply(world, {**values, "tag": "2"}).plan.has_changes


def test_a_name_that_is_drawn_is_refused(world: World) -> None:
    named = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: job-{{ randAlphaNum 5 | lower }}}\n"
    world.offer("odd", "1.0.0", named=named)
    world.commit(environment_tree({"odd": "1.0.0"}))
    with pytest.raises(Invalid, match="what it is called, is drawn at random"):
        world.apply_head()


def test_a_lookup_never_reads_the_cluster(world: World) -> None:
    looking = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: found}\n"
        'data: {there: {{ lookup "v1" "Secret" .Release.Namespace "shop" | len | quote }}}\n'
    )
    _apply(world)
    world.offer("look", "1.0.0", looking=looking)
    tree = environment_tree({"shop": "1.0.0", "look": "1.0.0"})
    world.commit(tree.put("env/shop/values.yaml", json.dumps(VALUES)))
    assert world.apply_head().is_good
    assert _data(world, "ConfigMap", "found") == {"there": "0"}


def test_going_back_to_the_ledger_puts_what_was_drawn_in_place_of_masks(world: World) -> None:
    _apply(world)
    before = _data(world, "ConfigMap"), _data(world), _checksum(world)
    objects = recalls.read_objects(tree_of(world.ledger_files()))
    _apply(world, {"host": "other.example"})
    recall = Recall(tuple(one for one in objects if one.ref.kind != "Namespace"), name="the first one")
    report = world.use_case()(world.request_head(recall=recall))
    assert report.is_good
    after = _data(world, "ConfigMap"), _data(world), _checksum(world)
    assert after[:2] == before[:2]
    assert not [text for text in json.dumps(after).split() if "<" in text]
