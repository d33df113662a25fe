"""Label and field selectors, with the messages of the real server."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words.names import label_key_problems, label_value_problems

LabelPredicate: TypeAlias = Callable[[Mapping[str, str]], bool]
ObjPredicate: TypeAlias = Callable[[Obj], bool]

_TOKEN = re.compile(r"\s*(!=|==|=|!|\(|\)|,|<|>|[^\s!=(),<>]+)")
_NO_START = frozenset(("", "!=", "==", "=", "(", ")", ",", "<", ">"))
_SYMBOLS = frozenset(("!=", "==", "=", "!", "(", ")", ",", "<", ">"))
_OPERATORS = frozenset(("=", "==", "!=", "in", "notin", "<", ">"))


# Fields that are called otherwise than they are stored, or read as something where an object has none.
_ALIASES = {
    "status.successful": ("status.succeeded", "0"),
    "status.replicas": ("status.replicas", "0"),
    "spec.hostNetwork": ("spec.hostNetwork", "false"),
    "spec.unschedulable": ("spec.unschedulable", "false"),
    "source": ("source.component", ""),
    "reportingController": ("reportingComponent", ""),
    **{
        f"regarding.{name}": (f"involvedObject.{name}", "")
        for name in ("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid")
    },
}


class SelectorError(ValueError):
    """A selector that cannot be read (HTTP 400)."""


@dataclass(frozen=True)
class Requirement:
    """One condition on one label; `operator` is in, notin, exists, !, gt or lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fulfil it; a label that is missing fulfils `notin` and `!`."""
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case _:
                return _compares(self.operator, value, self.values[0])


def parse_labels(text: str) -> LabelPredicate:
    """A predicate on labels; the empty selector matches all.

    Raises SelectorError.
    """
    requirements = parse_requirements(text)
    return lambda labels: all(requirement.matches(labels) for requirement in requirements)


def parse_requirements(text: str) -> tuple[Requirement, ...]:
    """The conditions of a label selector, in its order.

    Raises SelectorError.
    """
    parser = _Parser(text)
    requirements = []
    while not parser.is_done:
        if parser.peek() in _SYMBOLS - {"!"}:
            raise SelectorError(f"found '{parser.peek()}', expected: !, identifier, or 'end of string'")
        requirements.append(parser.requirement())
        if parser.is_done:
            break
        following = parser.next()
        if following != ",":
            raise SelectorError(f"found '{following}', expected: ',' or 'end of string'")
        if parser.peek() in _NO_START:
            raise SelectorError(f"found '{parser.peek()}', expected: identifier after ','")
    return tuple(requirements)


def not_supported(field: str) -> str:
    """What most kinds say to a field that they cannot be selected by."""
    return f"field label not supported: {field}"


def parse_fields(
    text: str, supported: frozenset[str] | None = None, problem: Callable[[str], str] = not_supported
) -> ObjPredicate:
    """A predicate on objects; a field that an object lacks reads as the empty string.

    `supported` are the fields that the kind can be selected by; None takes any. Of another, SelectorError tells the `problem`.
    """
    conditions = []
    for field, operator, value in parse_field_terms(text):
        if supported is not None and field not in supported:
            raise SelectorError(problem(field))
        conditions.append((_ALIASES.get(field) or (field, ""), operator == "=", value))
    return lambda obj: all(
        ((_read(obj, tuple(field.split("."))) or absent) == value) is wanted
        for (field, absent), wanted, value in conditions
    )


def parse_field_terms(text: str) -> tuple[tuple[str, str, str], ...]:
    """The terms of a field selector as (field, "=" or "!=", value).

    Raises SelectorError.
    """
    parsed = (_parse_term(term, text) for term in _split_terms(text))
    return tuple((field, "!=" if operator == "!=" else "=", value) for field, operator, value in parsed)


def matches_label_selector(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether labels match a LabelSelector; none matches nothing, an empty one all."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(e).matches(labels) for e in selector.get("matchExpressions") or ())


_EXPRESSIONS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def _expression(expression: Mapping[str, Any]) -> Requirement:
    operator = _EXPRESSIONS.get(expression.get("operator", ""))
    if operator is None:
        raise SelectorError(f'"{expression.get("operator", "")}" is not a valid label selector operator')
    return Requirement(expression.get("key", ""), operator, tuple(expression.get("values") or ()))


def _compares(operator: str, value: str | None, bound: str) -> bool:
    try:
        number = int(value or "")
    except ValueError:
        return False
    return number > int(bound) if operator == "gt" else number < int(bound)


class _Parser:
    """Reads the requirements of a label selector, token by token."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    @property
    def is_done(self) -> bool:
        return self._at >= len(self._tokens)

    def peek(self) -> str:
        return "" if self.is_done else self._tokens[self._at]

    def next(self) -> str:
        token = self.peek()
        self._at += 1
        return token

    def requirement(self) -> Requirement:
        negated = self.peek() == "!"
        if negated:
            self.next()
        key = self.next()
        if key in _SYMBOLS or not key:
            raise SelectorError(f"unable to parse requirement: found '{key}', expected: identifier")
        _refuse_key(key)
        if negated:
            return Requirement(key, "!")
        if self.peek() in ("", ","):
            return Requirement(key, "exists")
        return self._with_operator(key)

    def _with_operator(self, key: str) -> Requirement:
        operator = self.next()
        if operator not in _OPERATORS:
            expected = "in, notin, =, ==, !=, gt, lt"
            raise SelectorError(f"unable to parse requirement: found '{operator}', expected: {expected}")
        several = operator in ("in", "notin")
        values = tuple(self._values()) if several else (self._single_value(),)
        if operator in ("<", ">"):
            return Requirement(key, "gt" if operator == ">" else "lt", (_integer(key, values[0]),))
        for value in values:
            _refuse_value(key, value)
        return Requirement(key, "notin" if operator in ("!=", "notin") else "in", values)

    def _single_value(self) -> str:
        if self.peek() in ("", ","):
            return ""
        value = self.next()
        if value in _SYMBOLS:
            raise SelectorError(f"unable to parse requirement: found '{value}', expected: identifier")
        return value

    def _values(self) -> Iterator[str]:
        opening = self.next()
        if opening != "(":
            raise SelectorError(f"unable to parse requirement: found '{opening}' expected: '('")
        while True:
            if self.peek() in (",", ")"):
                yield ""
            else:
                value = self.next()
                if value in _SYMBOLS or not value:
                    raise SelectorError(
                        f"unable to parse requirement: found '{value}', expected: ',', or identifier"
                    )
                yield value
            following = self.next()
            if following == ")":
                return
            if following != ",":
                raise SelectorError(f"unable to parse requirement: found '{following}', expected: ',' or ')'")


def _integer(key: str, value: str) -> str:
    if not re.fullmatch(r"[+-]?\d+", value):
        raise SelectorError(
            f'unable to parse requirement: values[0]: Invalid value: "{value}": '
            "for 'Gt', 'Lt' operators, the value must be an integer"
        )
    return value


def _refuse_key(key: str) -> None:
    problems = label_key_problems(key)
    if problems:
        raise SelectorError(
            f'unable to parse requirement: <nil>: Invalid value: "{key}": {"; ".join(problems)}'
        )


def _refuse_value(key: str, value: str) -> None:
    problems = label_value_problems(value)
    if problems:
        raise SelectorError(
            f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": {"; ".join(problems)}'
        )


def _split_terms(text: str) -> list[str]:
    """The terms between commas; a backslash keeps a comma."""
    return [term for term in re.split(r"(?<!\\),", text) if term]


def _parse_term(term: str, text: str) -> tuple[str, str, str]:
    for at, character in enumerate(term):
        for operator in ("!=", "==", "="):
            if character in "!=" and term.startswith(operator, at):
                return term[:at], operator, _unescape(term[at + len(operator) :])
    raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")


def _unescape(value: str) -> str:
    return re.sub(r"\\([\\,=])", r"\1", value)


def _read(obj: Obj, path: tuple[str, ...]) -> str:
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
