"""What must not stand in git is known by the chart's schema, by the form of tokens, and by names that leave no doubt."""

from __future__ import annotations

from typing import Any

import pytest

from jx.domain.secrets import plain_secrets
from jx.domain.secrets.plain_secrets import Moved
from jx.domain.texts.values import ValuePath

SCHEMA = {
    "definitions": {"login": {"properties": {"pin": {"format": "password"}, "user": {"type": "string"}}}},
    "properties": {
        "key": {"type": "string", "writeOnly": True},
        "admin": {"$ref": "#/definitions/login"},
        "users": {"type": "array", "items": {"$ref": "#/definitions/login"}},
        "hidden": {"type": "object", "writeOnly": True},
        "extra": {"additionalProperties": {"format": "token"}},
        "mode": {"type": "string"},
    },
    "allOf": [{"if": {"required": ["mode"]}, "then": {"properties": {"late": {"format": "password"}}}}],
}


def _move(*settings: tuple[ValuePath, Any], schema: Any = SCHEMA) -> Moved:
    return plain_secrets.move(settings, (schema,), environment="dev", app="shop")


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("key",), "k", "key"),
        (("admin", "pin"), 1234, "admin.pin"),
        (("users", 1, "pin"), "p", "users.1.pin"),
        (("hidden", "deep", "one"), "h", "hidden.deep.one"),
        (("extra", "a.b"), "t", "extra.a-b"),
        (("late",), "l", "late"),
    ],
)
def test_the_schema_says_what_is_a_secret_wherever_it_says_it(path: ValuePath, value: Any, key: str) -> None:
    moved = _move((path, value))
    reference = f"vault:dev/shop:{key}"
    assert moved.settings == ((path, reference),)
    assert {str(one): text for one, text in moved.secrets.items()} == {reference: str(value)}


@pytest.mark.parametrize(
    "text",
    [
        "ghp_" + "a1B2" * 9,
        "glpat-" + "abcde" * 4,
        "hvs." + "CAESIJ" * 8,
        "AKIA" + "ABCD1234EFGH5678",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----",
        "postgres://app:hunter2@db.example/app",
    ],
)
def test_a_token_is_known_by_its_form_whatever_its_field_is_called(text: str) -> None:
    assert list(_move((("mode",), text)).secrets.values()) == [text]


@pytest.mark.parametrize("name", ["password", "rootPassword", "ROOT_PASSWORD", "apiToken", "api-key"])
def test_names_that_leave_no_doubt_need_no_schema(name: str) -> None:
    assert _move((("auth", name), "text"), schema={}).places


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("admin", "user"), "ann"),
        (("mode",), "https://ann@git.example.com/x"),
        (("usePassword",), True),
        (("auth", "existingSecret"), "my-secret"),
        (("auth", "passwordKey"), "redis-password"),
        (("key",), ""),
        (("key",), None),
        (("key",), "vault:prod/x:key"),
        (("key",), "<generated:password,length=40>"),
    ],
)
def test_what_is_no_secret_or_none_any_more_is_left_alone(path: ValuePath, value: Any) -> None:
    moved = _move((path, value))
    assert moved.settings == ((path, value),)
    assert not moved.secrets


def test_secrets_within_a_whole_value_are_taken_out_of_it() -> None:
    moved = _move((("users",), [{"user": "ann", "pin": "p1"}, {"user": "bob", "pin": "p2"}]))
    users = [
        {"user": "ann", "pin": "vault:dev/shop:users.0.pin"},
        {"user": "bob", "pin": "vault:dev/shop:users.1.pin"},
    ]
    assert moved.settings == ((("users",), users),)
    assert "p1" not in repr(moved)


def test_a_schema_that_refers_to_itself_has_an_end() -> None:
    schema: dict[str, Any] = {"properties": {"node": {"$ref": "#"}, "pin": {"format": "password"}}}
    assert _move((("node", "node", "pin"), "p"), schema=schema).places
    assert not _move((("a",), "b"), schema={"$ref": "#"}).places
