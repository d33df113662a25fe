from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.objects import secrets
from jx.domain.texts.yaml_emitter import emit


def make(data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "data": data, **more}


def test_a_marker_stands_for_each_value_and_never_changes_with_it() -> None:
    one, other = secrets.mask(make({"password": "YQ=="})), secrets.mask(make({"password": "Yg=="}))
    assert one == other
    assert one["data"] == {"password": "<secret:password>"}


def test_string_data_is_masked_too_and_the_original_is_left_alone() -> None:
    body = make({}, stringData={"token": "abc"})
    assert secrets.mask(body)["stringData"] == {"token": "<secret:token>"}
    assert body["stringData"] == {"token": "abc"}


def test_last_applied_annotations_are_masked_on_every_kind() -> None:
    annotations = {secrets.LAST_APPLIED: '{"data":{"password":"hunter22"}}', "other": "stays"}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "annotations": annotations}}
    assert secrets.mask(body)["metadata"]["annotations"] == {
        secrets.LAST_APPLIED: secrets.REDACTED,
        "other": "stays",
    }


def test_only_secrets_of_the_core_group_are_masked() -> None:
    body = make({"a": "b"}) | {"apiVersion": "external.example.com/v1"}
    assert secrets.mask(body) == body


def test_a_pair_tells_which_values_differ_and_neither_value() -> None:
    _, new = secrets.mask_pair(
        make({"a": "MQ==", "b": "MQ=="}), make({"a": "MQ==", "b": "Mg==", "c": "Mw=="})
    )
    assert new["data"] == {"a": "<secret:a>", "b": "<secret:b, changed>", "c": "<secret:c>"}


def test_values_are_taken_out_of_foreign_texts_encoded_and_decoded() -> None:
    values = secrets.values_of([make({"password": base64.b64encode(b"hunter22").decode()})])
    text = secrets.scrub("bad value hunter22 (aHVudGVyMjI=)", values)
    assert "hunter22" not in text
    assert "aHVudGVyMjI=" not in text


@pytest.mark.parametrize(
    "shown", ["a%2Fb%2Bc%20%22d%22", "a/b%2Bc%20%22d%22", "a%2Fb%2Bc+%22d%22", r"a/b+c \"d\"", "YS9iK2MgImQi"]
)
def test_values_are_taken_out_however_they_are_written(shown: str) -> None:
    text = secrets.scrub(f"denied: {shown}", frozenset({'a/b+c "d"'}))
    assert "d" not in text.replace("denied", "").replace(secrets.REDACTED, "")


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=3), st.text("WXYZ!", min_size=9).map(str.strip), max_size=4
    )
)
def test_no_value_survives_masking(texts: dict[str, str]) -> None:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    shown = emit(secrets.mask(make(data, stringData=texts)))
    assert not any(value in shown for value in [*texts.values(), *data.values()])


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_a_value_within_something_that_was_encoded_is_taken_out_too(before: str) -> None:
    value = "a/b+c~~?>and more"
    for encode in (base64.b64encode, base64.urlsafe_b64encode, bytes.hex):
        text = encode(f"{before}{value} and so on".encode())
        text = text.decode() if isinstance(text, bytes) else text
        scrubbed = secrets.scrub(f"denied: {text}", frozenset({value}))
        assert secrets.REDACTED in scrubbed
        around = encode(f"{before} and so on".encode())
        # What is left is what stood around it, and letters that it shares with that.
        assert len(scrubbed.replace(secrets.REDACTED, "")) <= len("denied: ") + len(around) + 3
