"""What the ledger masks is filled from what has it, and an object that cannot be filled is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from jx.domain.applying.applying import LiveObject
from jx.domain.errors import Invalid
from jx.domain.ledger import ledger, recalls
from jx.domain.objects.derived import DERIVED, MASKED
from jx.domain.objects.manifests import ChartPin, Manifest, ref_of
from jx.domain.objects.references import parse_reference
from jx.domain.trees import Tree

REFERENCE = parse_reference("vault:dev/db:password")


def pod(*containers: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "jx"},
        "spec": {"containers": list(containers)},
    }


def secret(**data: str) -> dict[str, Any]:
    metadata = {"name": "db", "namespace": "jx"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def manifest(body: dict[str, Any]) -> Manifest:
    return Manifest(ref_of(body), body["apiVersion"], body)


def complete(
    body: dict[str, Any],
    live: dict[str, Any] | None = None,
    kept: dict[str, Any] | None = None,
    values: dict[Any, str] | None = None,
) -> recalls.Completed:
    there = LiveObject(ref_of(live), "u", "1", live) if live else None
    held = manifest(kept) if kept else None
    whole = manifest(body)
    return recalls.complete(whole, kept=held, live=there, item=None, values=values or {}, drawn={})


def test_what_has_no_mask_is_as_it_stands() -> None:
    done = complete(pod({"name": "a", "image": "a:1"}))
    assert (done.origin, done.why_not) == ("", "")
    assert done.manifest.body == pod({"name": "a", "image": "a:1"})


def test_the_snapshot_goes_before_the_live_object_and_that_before_the_store() -> None:
    masked = secret(password="<secret:vault:dev/db:password>")
    from_store = complete(masked, values={REFERENCE: "three"})
    assert from_store.manifest.body["data"] == {"password": "dGhyZWU="}
    assert from_store.origin == recalls.STORE
    live = complete(masked, live=secret(password="dHdv"), values={REFERENCE: "three"})
    assert (live.manifest.body["data"], live.origin) == ({"password": "dHdv"}, recalls.LIVE)
    kept = complete(masked, secret(password="dHdv"), secret(password="b25l", more="bW9yZQ=="))
    assert (kept.manifest.body["data"], kept.origin) == ({"password": "b25l"}, recalls.SNAPSHOT)


def test_items_of_lists_are_told_apart_by_their_names() -> None:
    masked = pod({"name": "b", "image": "b:1", "args": [DERIVED]}, {"name": "a", "image": "a:2"})
    live = pod({"name": "a", "image": "a:1"}, {"name": "b", "image": "b:0", "args": ["--token=x"]})
    assert complete(masked, live).manifest.body["spec"]["containers"][0]["args"] == ["--token=x"]
    longer = pod({"name": "b", "args": ["one", "two"]})
    assert "args" in complete(masked, longer).why_not


def test_a_value_within_a_text_is_taken_only_where_the_text_around_it_is_the_same() -> None:
    url = "postgres://ann:<secret:vault:dev/db:password>@{}"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "jx"}}
    masked = body | {"data": {"url": url.format("db.new")}}
    live = body | {"data": {"url": "postgres://ann:hunter2@db.old"}}
    assert "data.url" in complete(masked, live).why_not
    done = complete(masked, live, values={REFERENCE: "hunter3"})
    assert done.manifest.body["data"]["url"] == "postgres://ann:hunter3@db.new"
    same = body | {"data": {"url": "postgres://ann:hunter2@db.new"}}
    assert complete(masked, same).manifest.body["data"]["url"] == "postgres://ann:hunter2@db.new"


def test_an_object_that_is_masked_as_a_whole_comes_from_a_snapshot_or_not_at_all() -> None:
    masked = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "masked": MASKED}
    live = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    assert "structure depends" in complete(masked, live).why_not


def test_every_file_of_a_ledger_is_the_object_that_its_name_says() -> None:
    body = secret(password="<secret:password>")
    path = ledger.path_of(ref_of(body))
    files = Tree().put(path, ledger.text_of(body)).put(ledger.CAPABILITIES, "version: v1.36.0\n")
    (found,) = recalls.read_objects(files.put(ledger.SOURCES, f"{path}: env/charts/db/templates/a.yaml\n"))
    assert (found.body, found.source) == (body, "env/charts/db/templates/a.yaml")
    with pytest.raises(Invalid, match="holds Secret/db"):
        recalls.read_objects(Tree().put("jx/core/Secret/other.yaml", ledger.text_of(body)))


def test_charts_are_named_by_their_keys() -> None:
    trailers = [("Jx-Chart", "redis 1.0.0 sha256:a as cache"), ("Jx-Chart", "shop 2.0.0 sha256:b")]
    assert recalls.pins_of(trailers) == (
        ChartPin("cache", "redis", "1.0.0", digest="sha256:a"),
        ChartPin("shop", "shop", "2.0.0", digest="sha256:b"),
    )
