"""What a chart's schema has to be asked about."""

from __future__ import annotations

from typing import Any

import pytest

from jx.domain.errors import Invalid
from jx.domain.objects.references import Reference, Scheme
from jx.domain.secrets import questions
from jx.domain.secrets.questions import Answers, Kind, Question, interview, read_answer


def _keep(path: tuple[str, ...]) -> Reference:
    return Reference(Scheme.VAULT, "dev/redis", ".".join(path))


def _interview(
    schema: dict[str, Any], existing: dict[str, Any] | None = None, **given: str
) -> tuple[Answers, list[str]]:
    """Answers given by name (dots as double underscores); everything else is left as it is offered."""
    asked: list[str] = []

    def ask(question: Question) -> Any:
        asked.append(question.name)
        return read_answer(question, given.get(question.name.replace(".", "__"), ""))

    return interview(schema, existing or {}, ask, keep=_keep), asked


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


SIMPLE = _object(
    host={"type": "string", "format": "hostname", "title": "Which host?", "description": "Its name in DNS"},
    replicas={"type": "integer", "minimum": 1, "default": 2},
    ratio={"type": "number"},
    debug={"type": "boolean"},
    size={"enum": ["small", "large"]},
    modes={"type": "array", "items": {"enum": ["a", "b", "c"]}},
    names={"type": "array", "items": {"type": "string"}},
    auth=_object(password={"type": "string", "format": "password", "minLength": 8}),
)


def test_leaves_are_asked_in_the_order_of_the_schema_and_come_back_typed() -> None:
    answers, asked = _interview(
        SIMPLE,
        host="db.example",
        ratio="0.5",
        debug="yes",
        size="large",
        modes="a, c",
        names="x,y",
        auth__password="correct horse",
    )
    assert asked == ["host", "replicas", "ratio", "debug", "size", "modes", "names", "auth.password"]
    assert answers.values == {
        "host": "db.example",
        "replicas": 2,
        "ratio": 0.5,
        "debug": True,
        "size": "large",
        "modes": ["a", "c"],
        "names": ["x", "y"],
        "auth": {"password": "vault:dev/redis:auth.password"},
    }
    assert {str(place): value for place, value in answers.secrets.items()} == {
        "vault:dev/redis:auth.password": "correct horse"
    }


def test_what_is_set_already_is_not_asked_again() -> None:
    existing = {"host": "here", "auth": {"password": "vault:prod/x:y"}, "other": 1}
    answers, asked = _interview(SIMPLE, existing)
    assert "host" not in asked
    assert "auth.password" not in asked
    assert answers.values == {**existing, "replicas": 2}


def test_no_answer_leaves_a_value_out() -> None:
    answers, _ = _interview(SIMPLE)
    assert answers.values == {"replicas": 2}


def test_a_secret_shows_in_no_text_of_the_answers() -> None:
    answers, _ = _interview(SIMPLE, auth__password="not-to-be-seen")
    assert "not-to-be-seen" not in repr(answers)


@pytest.mark.parametrize("text", ["<generated>", "<generated:hmac>", "vault:prod/db:password"])
def test_recipes_and_references_are_values_not_secrets(text: str) -> None:
    answers, _ = _interview(SIMPLE, auth__password=text)
    assert answers.values["auth"] == {"password": text}
    assert not answers.secrets


def test_constants_are_set_without_asking() -> None:
    answers, asked = _interview(_object(kind={"const": "redis"}))
    assert (answers.values, asked) == ({"kind": "redis"}, [])


def test_an_answer_decides_what_is_asked_next() -> None:
    schema = {
        **_object(tls={"type": "boolean"}),
        "if": {"properties": {"tls": {"const": True}}, "required": ["tls"]},
        "then": _object(certificate={"type": "string"}),
        "else": _object(port={"type": "integer"}),
    }
    assert _interview(schema, tls="true", certificate="x")[0].values == {"tls": True, "certificate": "x"}
    assert _interview(schema, tls="false", port="80")[0].values == {"tls": False, "port": 80}


def test_parts_and_definitions_are_followed() -> None:
    schema = {
        "allOf": [_object(a={"$ref": "#/definitions/port"}), {"$ref": "#/definitions/more"}],
        "definitions": {"port": {"type": "integer", "maximum": 9}, "more": _object(b={"type": "string"})},
    }
    answers, asked = _interview(schema, a="8", b="x")
    assert (asked, answers.values) == (["a", "b"], {"a": 8, "b": "x"})
    with pytest.raises(Invalid, match="9"):
        _interview(schema, a="10")


def test_of_many_questions_only_what_is_needed_is_asked() -> None:
    many = {f"v{n}": {"type": "string"} for n in range(questions.MOST)}
    schema = {
        **_object(**many, name={"type": "string"}, token={"type": "string", "format": "token"}),
        "required": ["name"],
    }
    _, asked = _interview(schema, name="x")
    assert asked == ["name", "token"]


@pytest.mark.parametrize(
    ("schema", "text", "told"),
    [
        ({"type": "integer"}, "two", "is no whole number"),
        ({"type": "number", "maximum": 1}, "2", "maximum"),
        ({"type": "string", "pattern": "^a"}, "b", "does not match"),
        ({"type": "string", "format": "ipv4"}, "1.2.3", "ipv4"),
        ({"type": "string", "format": "email"}, "nobody", "email"),
        ({"type": "string", "format": "uri"}, "no uri", "uri"),
        ({"type": "string", "minLength": 3}, "ab", "shorter than 3"),
        ({"type": "boolean"}, "perhaps", "neither true nor false"),
        ({"enum": ["a", "b"]}, "c", "is none of a, b"),
    ],
)
def test_a_wrong_answer_is_told_why(schema: dict[str, Any], text: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        _interview(_object(it=schema), it=text)


def test_a_wrong_secret_is_not_shown() -> None:
    with pytest.raises(Invalid) as error:
        _interview(SIMPLE, auth__password="short")
    assert "short" not in error.value.message


def test_what_is_required_and_has_no_default_needs_an_answer() -> None:
    with pytest.raises(Invalid, match="name is needed"):
        _interview({**_object(name={"type": "string"}), "required": ["name"]})


def test_a_question_names_the_variable_that_answers_it() -> None:
    question = Question(("auth", "user-name"), Kind.TEXT, "Who?")
    assert question.variable == "JX_VALUE_AUTH_USER_NAME"


def test_what_the_chart_brings_along_is_the_default_and_decides_conditions() -> None:
    schema = {
        **_object(tls={"type": "boolean"}),
        "if": {"properties": {"tls": {"const": True}}},
        "then": _object(certificate={"type": "string"}),
    }
    asked: list[Question] = []

    def ask(question: Question) -> Any:
        asked.append(question)
        return question.default

    answers = interview(schema, {}, ask, keep=_keep, brought={"tls": False})
    assert [(one.name, one.default) for one in asked] == [("tls", False)]
    assert answers.values == {}


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = _object(child={"$ref": "#/$defs/node"})
    interview({"$defs": {"node": node}, "$ref": "#/$defs/node"}, {}, lambda _: None, keep=_keep)
