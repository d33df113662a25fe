"""Markers: what stands for a secret, and how it is found again."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.objects import markers
from jx.domain.objects.markers import Shape
from jx.domain.objects.references import Reference, parse_reference

DB = parse_reference("vault:prod/db:password")
OTHER = parse_reference("vault:prod/db:user")
KNOWN = markers.words_of((DB, OTHER))


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("hunter2", Shape.TEXT),
        ("0123", Shape.TEXT),
        ("12", Shape.NUMBER),
        ("-7", Shape.NUMBER),
        ('{"a": 1}', Shape.JSON),
        ("{not json", Shape.TEXT),
        ("-----BEGIN RSA PRIVATE KEY-----\nx\n", Shape.PEM),
        ("", Shape.TEXT),
    ],
)
def test_values_have_shapes(value: str, shape: Shape) -> None:
    assert markers.shape_of(value) is shape


@pytest.mark.parametrize("shape", Shape)
def test_a_marker_has_the_shape_it_stands_for(shape: Shape) -> None:
    assert markers.shape_of(markers.marker(DB, shape)) is shape


def test_a_text_marker_is_base64_and_plain_yaml() -> None:
    word = markers.marker(DB)
    assert base64.b64decode(word, validate=True)
    assert yaml.safe_load(f"a: {word}") == {"a": word}


def test_references_and_draws_have_markers_of_their_own() -> None:
    made = {markers.marker(reference, draw=draw) for reference in (DB, OTHER) for draw in (0, 1)}
    assert len(made) == 4
    assert markers.marker(DB) == markers.marker(DB)


WRAPS: dict[str, Callable[[str], str]] = {
    "base64": _b64,
    "base64 without padding": lambda text: _b64(text).rstrip("="),
    "url": lambda text: quote(text, safe=""),
    "json": lambda text: json.dumps({"auths": {"x": {"auth": text}}}),
    "around": lambda text: f"postgres://ann:{text}@db/x?y",
}


@given(st.lists(st.sampled_from(sorted(WRAPS)), max_size=3))
def test_a_marker_is_found_through_encodings(wraps: list[str]) -> None:
    text = markers.marker(DB)
    for wrap in wraps:
        text = WRAPS[wrap](text)
    assert markers.find_in(text, KNOWN) == (DB,)


def test_nothing_is_found_where_nothing_is() -> None:
    assert markers.find_in(_b64("a text without secrets, long enough"), KNOWN) == ()
    stranger = Reference(DB.scheme, "else", "where")
    assert markers.find_in(markers.marker(stranger), KNOWN) == ()


def test_a_shown_text_names_the_reference() -> None:
    text = f"postgres://ann:{markers.marker(DB)}@db"
    assert markers.with_names(text, KNOWN) == "postgres://ann:<secret:vault:prod/db:password>@db"


def test_markers_that_somebody_wrote_are_found() -> None:
    assert markers.list_written({"a": {"b": [markers.marker(DB)]}, "c": "jxref is no marker"}) == (
        ("a", "b", 0),
    )
