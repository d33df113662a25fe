"""Structural schemas: pruning, defaulting, validation and unknown fields."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.adapters.local.kubernetes.definitions.schemas import CrdValidator, unknown_fields
from jx.adapters.local.kubernetes.types import facts
from jx.adapters.local.kubernetes.types.facts import Obj


def validator(spec: Obj, **root: Any) -> CrdValidator:
    return CrdValidator({"type": "object", "properties": {"spec": spec}, **root})


def fields(**properties: Obj) -> CrdValidator:
    return validator({"type": "object", "properties": properties})


def thing(spec: Any) -> Obj:
    return {"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec}


def test_what_the_schema_does_not_name_is_pruned() -> None:
    crd = fields(
        known={"type": "string"},
        free={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        labels={"type": "object", "additionalProperties": {"type": "string"}},
        items={"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
        pod={"type": "object", "x-kubernetes-embedded-resource": True},
    )
    spec = {
        "known": "x",
        "unknown": 1,
        "free": {"any": {"thing": 1}},
        "labels": {"l": "1"},
        "items": [{"a": "1", "b": "2"}],
        "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}},
    }
    pruned = crd.prune({**thing(spec), "other": 1})
    assert pruned == thing(
        {
            "known": "x",
            "free": {"any": {"thing": 1}},
            "labels": {"l": "1"},
            "items": [{"a": "1"}],
            "pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}},
        }
    )


def test_defaults_fill_what_is_missing_and_nulls_that_are_not_allowed_go() -> None:
    crd = fields(
        size={"type": "integer", "default": 3},
        nested={"type": "object", "default": {}, "properties": {"on": {"type": "boolean", "default": True}}},
        items={
            "type": "array",
            "items": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}},
        },
        nullable={"type": "string", "nullable": True, "default": "x"},
        plain={"type": "string"},
    )
    made = crd.default(thing({"items": [{}, {"n": 2}], "nullable": None, "plain": None}))
    assert made["spec"] == {
        "size": 3,
        "nested": {"on": True},
        "items": [{"n": 1}, {"n": 2}],
        "nullable": None,
    }


def test_defaulting_leaves_its_argument_alone() -> None:
    obj = thing({})
    fields(size={"type": "integer", "default": 3}).default(obj)
    assert obj == thing({})


@pytest.mark.parametrize(
    ("schema", "value", "sentence"),
    [
        (
            {"type": "integer"},
            "3",
            'spec.f: Invalid value: "string": spec.f in body must be of type integer: "string"',
        ),
        (
            {"type": "string"},
            3,
            'spec.f: Invalid value: "integer": spec.f in body must be of type string: "integer"',
        ),
        (
            {"x-kubernetes-int-or-string": True},
            True,
            'spec.f: Invalid value: "boolean": spec.f in body must be of type integer,string: "boolean"',
        ),
        (
            {"type": "string", "enum": ["a", "b"]},
            "c",
            'spec.f: Unsupported value: "c": supported values: "a", "b"',
        ),
        (
            {"type": "string", "pattern": "^a+$"},
            "b",
            "spec.f: Invalid value: \"b\": spec.f in body should match '^a+$'",
        ),
        ({"type": "string", "maxLength": 1}, "ab", "spec.f: Too long: may not be more than 1 byte"),
        (
            {"type": "string", "minLength": 1},
            "",
            'spec.f: Invalid value: "": spec.f in body should be at least 1 chars long',
        ),
        (
            {"type": "integer", "minimum": 1},
            0,
            "spec.f: Invalid value: 0: spec.f in body should be greater than or equal to 1",
        ),
        (
            {"type": "integer", "maximum": 5, "exclusiveMaximum": True},
            5,
            "spec.f: Invalid value: 5: spec.f in body should be less than 5",
        ),
        (
            {"type": "array", "minItems": 1, "items": {}},
            [],
            "spec.f: Invalid value: 0: spec.f in body should have at least 1 items",
        ),
        (
            {"type": "array", "maxItems": 1, "items": {}},
            [1, 2],
            "spec.f: Too many: 2: must have at most 1 item",
        ),
        (
            {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            ["a", "a"],
            'spec.f[1]: Duplicate value: "a"',
        ),
        (
            {"type": "string", "format": "date-time"},
            "soon",
            'spec.f: Invalid value: "soon": spec.f in body must be of type date-time: "soon"',
        ),
        (
            {"type": "object", "required": ["a"]},
            {},
            "spec.f.a: Required value",
        ),
    ],
)
def test_a_mistake_is_told_in_the_servers_words(schema: Obj, value: Any, sentence: str) -> None:
    assert [str(error) for error in fields(f=schema).validate(thing({"f": value}))] == [sentence]


def test_a_keyed_list_refuses_a_key_twice() -> None:
    crd = fields(
        l={
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {"name": {"type": "string"}}},
        }
    )
    (error,) = crd.validate(thing({"l": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}))
    assert str(error) == 'spec.l[2]: Duplicate value: {"name":"a"}'
    assert error.reason == "FieldValueDuplicate"


def test_alternatives_are_told_as_such() -> None:
    crd = validator(
        {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        }
    )
    errors = [str(error) for error in crd.validate(thing({}))]
    assert errors == [
        '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid',
        "spec.a: Required value",
    ]
    assert crd.validate(thing({"a": "1"})) == []


def test_a_missing_spec_is_told_at_the_root() -> None:
    crd = CrdValidator({"type": "object", "properties": {"spec": {"type": "object"}}, "required": ["spec"]})
    (error,) = crd.validate({"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {}})
    assert (str(error), error.reason) == ("spec: Required value", "FieldValueRequired")


def test_an_update_may_keep_what_was_wrong_before() -> None:
    crd = fields(a={"type": "integer", "minimum": 5}, b={"type": "integer", "minimum": 5})
    old = thing({"a": 1, "b": 7})
    assert crd.validate(thing({"a": 1, "b": 8}), old) == []
    assert [error.path for error in crd.validate(thing({"a": 2, "b": 8}), old)] == ["spec.a"]


def test_unknown_fields_of_built_in_kinds_are_named_once() -> None:
    schema = facts.load().schema(("apps", "v1", "Deployment"))
    obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "labels": {"any": "key"}},
        "spec": {"replcas": 1, "template": {"spec": {"containers": [{"name": "a", "imagee": "b"}]}}},
    }
    assert unknown_fields(schema, obj) == [
        'unknown field "spec.replcas"',
        'unknown field "spec.template.spec.containers[0].imagee"',
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcz"), inner, max_size=3),
    max_leaves=10,
)
NESTED = fields(
    a={"type": "integer", "default": 1},
    b={"type": "array", "items": {"type": "object", "properties": {"c": {"type": "string", "default": "x"}}}},
    c={"type": "object", "additionalProperties": {"type": "string"}},
)


@given(VALUES)
def test_pruning_and_defaulting_twice_is_once_and_validation_never_fails(spec: Any) -> None:
    obj = thing(spec)
    before = copy.deepcopy(obj)
    once = NESTED.default(NESTED.prune(obj))
    assert NESTED.default(NESTED.prune(once)) == once
    NESTED.validate(once)
    assert obj == before
