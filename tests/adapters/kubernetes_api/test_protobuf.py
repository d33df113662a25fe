"""Protobuf bodies, read without anybody's generated code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.adapters.local.kubernetes.types import protobuf


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _text(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value % (1 << 64))


def _body(api_version: str, kind: str, raw: bytes) -> bytes:
    names = _text(1, api_version.encode()) + _text(2, kind.encode())
    return b"k8s\x00" + _text(1, names) + _text(2, raw)


def test_maps_bytes_and_zero_times() -> None:
    meta = _text(1, b"s") + _number(7, 0) + _text(8, b"") + _text(11, _text(1, b"app") + _text(2, b"web"))
    raw = _text(1, meta) + _text(2, _text(1, b"p") + _text(2, b"q"))
    assert protobuf.decode(_body("v1", "Secret", raw)) == {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "s", "labels": {"app": "web"}},
        "data": {"p": "cQ=="},
    }


def test_pointers_keep_their_zero_and_inlined_parts_join_their_parent() -> None:
    handler = _text(2, _text(1, b"/ready") + _text(2, _number(1, 0) + _number(2, 8080)))
    probe = _text(1, handler) + _number(2, 0)
    container = _text(1, b"c") + _text(10, probe)
    template = _text(2, _text(2, container))
    spec = _number(1, 0) + _text(3, template)
    made = protobuf.decode(_body("apps/v1", "Deployment", _text(2, spec)))
    assert made["spec"]["replicas"] == 0
    container_made = made["spec"]["template"]["spec"]["containers"][0]
    assert container_made["livenessProbe"] == {"httpGet": {"path": "/ready", "port": 8080}}


def test_a_source_whose_only_field_is_a_list_stays_an_object_and_a_named_list_is_a_list() -> None:
    file = _text(1, b"ready") + _text(2, _text(2, b"metadata.annotations"))
    sources = [_text(16, _text(1, file)), _text(26, _text(1, _text(2, _text(1, file))))]
    volumes = [_text(1, _text(1, b"v") + _text(2, source)) for source in sources]
    made = protobuf.decode(_body("v1", "Pod", _text(2, b"".join(volumes))))
    items = [{"path": "ready", "fieldRef": {"fieldPath": "metadata.annotations"}}]
    plain, projected = made["spec"]["volumes"]
    assert plain["downwardAPI"] == {"items": items}
    assert projected["projected"] == {"sources": [{"downwardAPI": {"items": items}}]}
    scopes = _text(5, _text(1, b"scopes") + _text(2, _text(1, b"read") + _text(1, b"write")))
    review = protobuf.decode(_body("authorization.k8s.io/v1", "SubjectAccessReview", _text(2, scopes)))
    assert review["spec"]["extra"] == {"scopes": ["read", "write"]}


def test_negative_numbers_and_times() -> None:
    meta = _text(8, _number(1, 1700000000))
    made = protobuf.decode(_body("scheduling.k8s.io/v1", "PriorityClass", _text(1, meta) + _number(2, -5)))
    assert made["value"] == -5
    assert made["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"


def test_an_unknown_kind_is_unreadable() -> None:
    with pytest.raises(protobuf.Unreadable, match='no kind "Gadget" is registered'):
        protobuf.decode(_body("example.org/v1", "Gadget", b""))


@given(st.binary(max_size=60))
def test_damaged_bodies_are_unreadable_and_nothing_worse(noise: bytes) -> None:
    for body in (noise, b"k8s\x00" + noise, _body("v1", "Pod", noise)):
        try:
            protobuf.decode(body)
        except protobuf.Unreadable:
            continue
