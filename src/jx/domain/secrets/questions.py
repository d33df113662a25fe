"""Questions: what a chart's `values.schema.json` has to be asked about before its app is added or upgraded.

A leaf of the schema is one question: its type, format, enum and default say how. Passwords and tokens (`format: password`,
`token`, both with `-passthrough`; `writeOnly`) go to the secret store, and a reference into the values. Keywords that only
restrict hold answers to them. `allOf` and `if/then/else` add to what is asked. What is set already is not asked again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import jsonschema_rs

from jx.domain.errors import Invalid, Problem
from jx.domain.objects.references import Reference
from jx.domain.secrets.plain_secrets import FORMATS, is_kept_elsewhere, is_secret_field
from jx.domain.texts import values

MOST: Final = 25
"""More questions than this and only what is required, and secrets, is asked: public charts describe hundreds of values."""
VARIABLES: Final = "JX_VALUE_"
"""How the names of environment variables begin that answer questions."""
_DEEPEST: Final = 16
"""Schemas may refer to themselves."""

Schema = Mapping[str, Any]
Path = tuple[str, ...]


class Kind(StrEnum):
    """How a question is answered."""

    TEXT = "text"
    SECRET = "secret"
    """Not shown while it is typed; kept in the store."""
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CHOICES = "choices"
    """Any number of the choices."""
    LIST = "list"
    """Texts, separated by commas."""


@dataclass(frozen=True, slots=True)
class Question:
    """One value that is wanted."""

    path: Path
    kind: Kind
    title: str
    """What is asked."""
    help: str = ""
    default: Any = None
    """What counts where nobody answers; None: there is none."""
    choices: tuple[Any, ...] = ()
    is_required: bool = False
    """Whether there has to be an answer: the schema requires it, and the chart itself brings none."""
    schema: Schema = field(default_factory=dict, repr=False)

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def name(self) -> str:
        """`auth.password`."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The environment variable that answers it where nobody can be asked: `JX_VALUE_AUTH_PASSWORD`."""
        return VARIABLES + re.sub(r"[^A-Z0-9]", "_", "_".join(self.path).upper())


Ask = Callable[[Question], Any]
"""Gives an answer that `read_answer` took, or None for none."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """All values, those that were set already among them; with references in place of secrets."""
    answered: Mapping[Path, Any] = field(default_factory=dict)
    """Those that were not set before."""
    secrets: Mapping[Reference, str] = field(default_factory=dict, repr=False)
    """What is to be kept in the store."""

    def __hash__(self) -> int:
        return hash(tuple(self.secrets))


def interview(
    schema: Schema,
    existing: Mapping[str, Any],
    ask: Ask,
    *,
    keep: Callable[[Path], Reference],
    brought: Mapping[str, Any] | None = None,
) -> Answers:
    """Ask what the schema wants and the existing values do not say. `keep` tells where a secret is to be kept; `brought` are the
    chart's own values: they are defaults, and an answer that says the same is not written down."""
    interviewer = _Interviewer(schema, dict(existing), ask, keep, brought or {})
    interviewer.run()
    return Answers(interviewer.values, interviewer.answered, interviewer.secrets)


def read_answer(question: Question, text: str) -> Any:
    """The value that a text means; Invalid with what is wrong. An empty text is the default."""
    if text == "" and question.default is not None:
        return question.default
    if text == "":
        if question.is_required:
            raise Invalid(f"{question.name} is needed")
        return None
    value = _typed(question, text)
    problems = _problems(question, value)
    if problems:
        raise Invalid(f"{question.name}: {problems}")
    return value


class _Interviewer:
    def __init__(
        self,
        schema: Schema,
        existing: dict[str, Any],
        ask: Ask,
        keep: Callable[[Path], Reference],
        brought: Mapping[str, Any],
    ) -> None:
        self.root = schema
        self.values = existing
        self.answered: dict[Path, Any] = {}
        self._brought = brought
        self.secrets: dict[Reference, str] = {}
        self._ask = ask
        self._keep = keep
        self._asked: set[Path] = set()

    def run(self) -> None:
        """Answers may bring new questions (`if`), so the schema is gone through until none is left."""
        while True:
            wanted = [
                one for one in self._questions(self.root, (), is_required=True) if one.path not in self._asked
            ]
            if not wanted:
                return
            if len(wanted) > MOST:
                unasked = [one.path for one in wanted if not (one.is_required or one.kind is Kind.SECRET)]
                self._asked.update(unasked)
                wanted = [one for one in wanted if one.path not in self._asked]
            for question in wanted[:1]:
                self._asked.add(question.path)
                self._take(question, self._ask(question))

    def _take(self, question: Question, answer: Any) -> None:
        if answer is None:
            return
        if question.kind is Kind.SECRET and not is_kept_elsewhere(answer):
            reference = self._keep(question.path)
            self.secrets[reference] = str(answer)
            answer = str(reference)
        self._put(question.path, answer)

    def _put(self, path: Path, value: Any) -> None:
        if values.find(self._brought, path) == (True, value):
            return
        self.values = values.put(self.values, path, value)
        self.answered[path] = value

    def _questions(self, schema: Schema, path: Path, *, is_required: bool) -> Iterator[Question]:
        if len(path) > _DEEPEST:
            return
        schema = self._resolved(schema)
        for part in self._parts(schema, path):
            yield from self._of_part(part, path, is_required=is_required)

    def _of_part(self, schema: Schema, path: Path, *, is_required: bool) -> Iterator[Question]:
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            required = set(schema.get("required") or ())
            for name, child in properties.items():
                if isinstance(child, Mapping):
                    yield from self._questions(
                        child, (*path, str(name)), is_required=is_required and name in required
                    )
            return
        if not path or values.find(self.values, path)[0]:
            return
        if "const" in schema:
            self._put(path, schema["const"])
            return
        question = _question(
            schema, path, is_required=is_required, brought=values.find(self._brought, path)[1]
        )
        if question is not None:
            yield question

    def _parts(self, schema: Schema, path: Path) -> Iterator[Schema]:
        """A schema, and those that it brings along."""
        yield schema
        for part in schema.get("allOf") or ():
            if isinstance(part, Mapping):
                yield from self._parts(self._resolved(part), path)
        condition = schema.get("if")
        if isinstance(condition, Mapping):
            known = values.merge(self._brought, self.values)
            _, here = values.find(known, path) if path else (True, known)
            holds = jsonschema_rs.is_valid(dict(self._resolved(condition)), here if here is not None else {})
            chosen = schema.get("then" if holds else "else")
            if isinstance(chosen, Mapping):
                yield from self._parts(self._resolved(chosen), path)

    def _resolved(self, schema: Schema) -> Schema:
        """The schema that a `$ref` within the same document means."""
        target = schema.get("$ref")
        if not isinstance(target, str) or not target.startswith("#/"):
            return schema
        found: Any = self.root
        for part in target[2:].split("/"):
            found = (
                found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
            )
        if not isinstance(found, Mapping) or found is schema:
            raise Invalid(
                "the schema of the chart's values is wrong",
                Problem("values.schema.json", f"nothing is at {target}"),
            )
        return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}


def _question(schema: Schema, path: Path, *, is_required: bool, brought: Any) -> Question | None:
    kind = _kind_of(schema)
    if kind is None:
        return None
    choices = tuple(schema.get("enum") or (schema.get("items") or {}).get("enum") or ())
    description = str(schema.get("description") or "")
    return Question(
        path=path,
        kind=kind,
        title=str(schema.get("title") or description or ".".join(path)),
        help=description if schema.get("title") else "",
        default=_default(schema, kind, brought),
        choices=choices,
        is_required=is_required and brought in (None, ""),
        schema=schema,
    )


def _default(schema: Schema, kind: Kind, brought: Any) -> Any:
    """What the chart brings along comes first, since that counts where nothing is said. No secret is ever offered."""
    offered = [one for one in (brought, schema.get("default")) if one not in (None, "")]
    if kind is Kind.SECRET:
        offered = [one for one in offered if is_kept_elsewhere(one)]
    return offered[0] if offered else None


def _kind_of(schema: Schema) -> Kind | None:
    """None for what cannot be asked on a line: objects, lists of them, null."""
    if is_secret_field(schema):
        return Kind.SECRET
    if schema.get("enum"):
        return Kind.CHOICE
    types = schema.get("type")
    first = next((one for one in types if one != "null"), None) if isinstance(types, list) else types
    if first == "array":
        items = schema.get("items")
        items = items if isinstance(items, Mapping) else {}
        if items.get("enum"):
            return Kind.CHOICES
        return Kind.LIST if items.get("type") == "string" else None
    simple = {"string": Kind.TEXT, "number": Kind.NUMBER, "integer": Kind.INTEGER, "boolean": Kind.BOOLEAN}
    return simple.get(str(first))


def _typed(question: Question, text: str) -> Any:
    match question.kind:
        case Kind.INTEGER | Kind.NUMBER:
            return _number(question, text)
        case Kind.BOOLEAN:
            known = {"true": True, "yes": True, "y": True, "false": False, "no": False, "n": False}
            if text.lower() not in known:
                raise Invalid(f"{question.name}: {text!r} is neither true nor false")
            return known[text.lower()]
        case Kind.CHOICE:
            return _choice(question, text)
        case Kind.CHOICES:
            return [_choice(question, part.strip()) for part in text.split(",") if part.strip()]
        case Kind.LIST:
            return [part.strip() for part in text.split(",") if part.strip()]
        case _:
            return text


def _number(question: Question, text: str) -> int | float:
    try:
        return int(text) if question.kind is Kind.INTEGER or re.fullmatch(r"[-+]?\d+", text) else float(text)
    except ValueError as error:
        what = "whole number" if question.kind is Kind.INTEGER else "number"
        raise Invalid(f"{question.name}: {text!r} is no {what}") from error


def _choice(question: Question, text: str) -> Any:
    for choice in question.choices:
        if str(choice) == text or (isinstance(choice, bool) and str(choice).lower() == text.lower()):
            return choice
    listed = ", ".join(map(str, question.choices))
    raise Invalid(f"{question.name}: {text!r} is none of {listed}")


def _problems(question: Question, value: Any) -> str:
    if question.kind is Kind.SECRET and is_kept_elsewhere(value):
        return ""
    held = {
        key: part
        for key, part in question.schema.items()
        if key not in ("$ref", "if", "then", "else", "allOf")
    }
    if held.get("format") in FORMATS:
        held.pop("format")
    validator = jsonschema_rs.validator_for(held, validate_formats=True)
    found = [error.message for error in validator.iter_errors(value)]
    if question.kind is Kind.SECRET:
        # The validator quotes what it was given.
        return "it is not as the chart's schema wants it" if found else ""
    return "; ".join(found)
