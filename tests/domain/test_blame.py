from __future__ import annotations

from jx.domain.history import blame
from jx.domain.history.blame import BlamedField, ComputedOrigin, TemplateOrigin, UnknownOrigin, ValueOrigin
from jx.domain.secrets import perturbing
from jx.domain.secrets.perturbing import ValuesFile
from jx.domain.texts.yaml_emitter import emit
from jx.domain.trees import Blob, Tree


def test_a_field_is_of_the_text_since_which_it_has_its_value_without_a_break() -> None:
    texts = [emit({"a": one, "b": 1}) for one in ("x", "y", "x")]
    found = blame.attribute(texts)
    assert {path: number for path, (_, number) in found.items()} == {".a": 0, ".b": 2}


def test_lines_that_look_alike_are_told_apart_by_where_they_are() -> None:
    old = emit({"ports": [{"name": "a", "protocol": "TCP"}, {"name": "b", "protocol": "UDP"}]})
    new = emit({"ports": [{"name": "a", "protocol": "TCP"}, {"name": "b", "protocol": "TCP"}]})
    found = blame.attribute([new, old])
    assert found['.ports[name="b"].protocol'][1] == 0
    assert found['.ports[name="a"].protocol'][1] == 1


def test_what_was_deleted_and_made_again_is_of_the_one_that_made_it_again() -> None:
    text = emit({"a": 1})
    assert blame.attribute([text, "", text])[".a"][1] == 0


def test_a_field_that_somebody_else_took_names_them_and_their_value() -> None:
    theirs = {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-01T00:00:00Z"}
    entries = [
        {"manager": "jx", "operation": "Apply", "fieldsV1": {"f:spec": {"f:paused": {}}}},
        {**theirs, "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    ]
    live = {"metadata": {"managedFields": entries}, "spec": {"replicas": 3, "paused": False, "strategy": "x"}}
    ours = [BlamedField(".spec.replicas", "1", 2), BlamedField(".spec.paused", "false", 1)]
    found = {one.path: one for one in blame.add_live(ours, live)}
    taken = found[".spec.replicas"]
    assert (taken.manager, taken.live, taken.since) == ("kubectl-edit", "3", "2026-01-01T00:00:00Z")
    assert found[".spec.paused"].manager == ""
    assert found[".spec.strategy"].manager == "the API server"


def test_origins_are_told_in_a_few_words() -> None:
    value = ValueOrigin("env/values.yaml", 3, "shop.replicas")
    assert [
        blame.origin_words(one)
        for one in (value, TemplateOrigin("t.yaml", None), ComputedOrigin("t.yaml", 7, (value,)), UnknownOrigin("no chart"))
    ] == [
        "env/values.yaml:3 shop.replicas",
        "t.yaml",
        "computed by t.yaml:7 from shop.replicas (env/values.yaml:3)",
        "not told: no chart",
    ]  # fmt: skip


# Perturbing


def test_values_are_found_in_the_file_and_line_that_wins() -> None:
    files = (
        ValuesFile(
            "shop-1.0/values.yaml", "replicas: 1\nimage:\n  tag: a\n  name: b\n", ("shop",), is_default=True
        ),
        ValuesFile(
            "env/values.yaml",
            "shop:\n  # more\n  replicas: 2\n  ports:\n  - {name: web, port: 80}\nother: {}\n",
        ),
    )
    merged, leaves = perturbing.read_leaves(files, frozenset({"shop"}))
    assert merged["shop"]["replicas"] == 2
    assert {(one.name, one.file, one.line, one.is_default) for one in leaves} == {
        ("shop.replicas", "env/values.yaml", 3, False),
        ("shop.image.tag", "shop-1.0/values.yaml", 3, True),
        ("shop.image.name", "shop-1.0/values.yaml", 4, True),
        ("shop.ports[0].name", "env/values.yaml", 5, False),
        ("shop.ports[0].port", "env/values.yaml", 5, False),
    }


def test_every_other_value_is_another_one() -> None:
    every: tuple[object, ...] = (True, 3, 1.5, "x", "", None, {}, [])
    for value in every:
        for way in range(perturbing.WAYS):
            assert perturbing.another(value, way) != value


def test_lines_that_set_a_key_are_marked_and_blocks_are_not() -> None:
    text = "kind: Service\nspec:\n  type: {{ .Values.type }}\n  note: |\n    type: x\n  list:\n  - one\n  - name: web\n"
    chart = Tree({"templates/a.yaml": Blob(text.encode()), "values.yaml": Blob(b"type: x\n")})
    probes = perturbing.list_probes(chart, frozenset({"type", "", "kind"}))
    assert [(one.line, one.key) for one in probes] == [(3, "type"), (5, "type"), (7, "")]
    marked = perturbing.with_probes(chart, probes[:1]).text("templates/a.yaml")
    assert marked.splitlines()[2] == f"  type: {probes[0].word}"
