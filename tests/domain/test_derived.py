"""What comes from secrets in rendered objects: masked where it is shown, refused where it is readable."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.errors import Invalid
from jx.domain.objects import derived, markers
from jx.domain.objects.manifests import Manifest, ref_of
from jx.domain.objects.references import parse_reference

DB = parse_reference("vault:prod/db:password")
KNOWN = markers.words_of((DB,))
VALUE = "hunter2-and-more"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _object(kind: str, name: str = "db", **fields: Any) -> Manifest:
    metadata = {"name": name, "namespace": "jx"}
    body = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}
    return Manifest(ref_of(body), "v1", body, f"chart/templates/{kind.lower()}.yaml")


def _render(password: str) -> tuple[Manifest, ...]:
    """What a chart makes of a password."""
    checksum = hashlib.sha256(password.encode()).hexdigest()
    return (
        _object("Secret", data={"password": _b64(password), "user": _b64("ann")}),
        _object("ConfigMap", data={"host": "db.example"}),
        _object("Pod", spec={"containers": [{"name": "a", "env": [{"name": "SUM", "value": checksum}]}]}),
    )


def _compared(render: Any) -> tuple[tuple[Manifest, ...], derived.Comparison]:
    first = render(markers.marker(DB))
    return first, derived.compare(first, render(VALUE), KNOWN)


def test_what_comes_from_a_secret_is_masked_and_the_rest_is_shown() -> None:
    first, comparison = _compared(_render)
    secret, config, pod = first
    assert comparison.marked[secret.ref].body["data"] == {
        "password": "<secret:vault:prod/db:password>",
        "user": _b64("ann"),
    }
    assert config.ref not in comparison.marked
    assert comparison.marked[pod.ref].body["spec"]["containers"][0]["env"] == [
        {"name": "SUM", "value": derived.DERIVED}
    ]


def test_the_text_around_a_secret_is_shown() -> None:
    first, comparison = _compared(
        lambda word: (_object("Secret", stringData={"url": f"postgres://ann:{word}@db"}),)
    )
    assert comparison.marked[first[0].ref].body["stringData"] == {
        "url": "postgres://ann:<secret:vault:prod/db:password>@db"
    }


def test_an_object_whose_structure_depends_on_a_secret_is_masked_whole() -> None:
    def render(word: str) -> tuple[Manifest, ...]:
        return (_object("Secret", data=dict.fromkeys(word, "eA==")),)

    first, comparison = _compared(render)
    marked = comparison.marked[first[0].ref]
    assert marked.is_whole
    assert marked.body == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "jx"},
        "masked": derived.MASKED,
    }


def test_a_name_that_depends_on_a_secret_is_refused_without_showing_it() -> None:
    with pytest.raises(Invalid, match="depends on a secret") as error:
        _compared(lambda word: (_object("Secret", name=f"db-{word}"),))
    assert VALUE not in "".join(map(str, error.value.problems))
    assert markers.marker(DB) in str(error.value.problems[0])


@pytest.mark.parametrize(
    ("manifest", "place"),
    [
        (lambda word: _object("ConfigMap", data={"url": f"x://{word}"}), "data.url"),
        (lambda word: _object("ConfigMap", data={"all": _b64(f"a={word}")}), "data.all"),
        (lambda word: _object("ConfigMap", data={"all": json.dumps({"a": word})}), "data.all"),
        (
            lambda word: _object("Pod", spec={"containers": [{"name": "a", "args": [f"--pw={word}"]}]}),
            "spec.containers[name=a].args[0]",
        ),
        (lambda word: _object("Secret", extra={"data": {"a": word}}), "extra.data.a"),
    ],
)
def test_a_secret_that_is_readable_elsewhere_is_found(manifest: Any, place: str) -> None:
    first, comparison = _compared(lambda word: (manifest(word),))
    (landing,) = derived.landings(first, comparison, KNOWN)
    assert str(landing) == f"{first[0].ref}: {place} holds vault:prod/db:password"


def test_an_annotation_of_a_secret_is_no_place_for_its_value() -> None:
    def render(word: str) -> tuple[Manifest, ...]:
        metadata = {"name": "db", "namespace": "jx", "annotations": {"note": word}}
        return (_object("Secret", metadata=metadata),)

    first, comparison = _compared(render)
    assert [str(one) for one in derived.landings(first, comparison, KNOWN)] == [
        "Secret/db (namespace jx): metadata.annotations.note holds vault:prod/db:password"
    ]


def test_the_data_of_secrets_and_hashes_are_no_landings() -> None:
    first, comparison = _compared(_render)
    assert derived.landings(first, comparison, KNOWN) == ()


@given(st.text(min_size=6).map(lambda text: f"§{text}§"))
def test_no_value_is_ever_shown(value: str) -> None:
    first = _render(markers.marker(DB))
    comparison = derived.compare(first, _render(value), KNOWN)
    whole = json.dumps([dict(one.body) for one in comparison.marked.values()], ensure_ascii=False)
    assert value not in whole
    assert _b64(value) not in whole
