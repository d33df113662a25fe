"""`x-kubernetes-validations`: the CEL rules of custom resources, checked with their definition and run on each write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jx.adapters.local.kubernetes.cel import cel, cel_fields
from jx.adapters.local.kubernetes.cel.cel_schemas import Node, cel_type, to_cel, with_times
from jx.adapters.local.kubernetes.definitions import definition_forms, schema_paths
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_KEY: Final = "x-kubernetes-validations"
_ABSENT: Final = object()
_REASONS: Final = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_LONGEST_MESSAGE: Final = 5 * 1024
_LINE_BREAK: Final = re.compile(r"[\n\r]")
_UNCHECKED: Final = FieldError(
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid;"
    " correct the existing errors to complete validation",
)
_BLOCKING: Final = frozenset(
    {"FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"}
)


@dataclass(frozen=True)
class _Rule:
    """A rule, ready to run."""

    source: str
    test: cel.Expression
    message: str
    message_expression: cel.Expression | None
    reason: str
    field_path: str
    is_optional: bool

    @property
    def is_transition(self) -> bool:
        """Whether it compares with the state before."""
        return "oldSelf" in self.test.names


@dataclass(frozen=True)
class _Node:
    """A node of the schema that has rules, or leads to some."""

    schema: Node
    is_resource: bool
    rules: tuple[_Rule, ...]
    properties: Mapping[str, _Node]
    items: _Node | None
    extra: _Node | None
    parts: tuple[_Node, ...]


@dataclass
class Verdict:
    """What the rules say: mistakes, and what is wrong since before (only worth a warning)."""

    errors: list[FieldError] = field(default_factory=list)
    warnings: list[FieldError] = field(default_factory=list)


class CustomRules:
    """The rules of one version of a definition."""

    def __init__(self, open_api_v3_schema: Obj) -> None:
        self._schema = open_api_v3_schema
        self._has_any = _has_rules(open_api_v3_schema)
        self._root: _Node | None = None

    def judge(self, obj: Obj, old: Obj | None, found: list[FieldError]) -> Verdict:
        """Run all rules; `found` are the schema's own complaints, some of which make the rules pointless."""
        if not self._has_any:
            return Verdict()
        if any(error.reason in _BLOCKING for error in found):
            return Verdict([_UNCHECKED])
        if self._root is None:
            self._root = _node(self._schema, self._schema, is_resource=True)
        verdict = Verdict()
        if self._root is not None:
            _Run(verdict).visit(self._root, obj, _ABSENT if old is None else old, "", is_unchanged=False)
        return verdict


def plain_faults(node: Node, path: str) -> Iterator[FieldError]:
    """What is wrong with the rules of one node of a schema, their expressions aside."""
    for index, rule in enumerate(node.get(_KEY) or ()):
        yield from _faults(rule, node, f"{path}.{_KEY}[{index}]")


def compilation_faults(
    node: Node, path: str, uncorrelated: str, *, is_root: bool = False
) -> Iterator[FieldError]:
    """What is wrong with the expressions of a node; it stands in a part (`uncorrelated`) whose items have no past."""
    for index, rule in enumerate(node.get(_KEY) or ()):
        yield from _expression_faults(rule, node, f"{path}.{_KEY}[{index}]", is_root=is_root)
        yield from _old_faults(rule, f"{path}.{_KEY}[{index}]", uncorrelated)


def _children(node: Node, path: str) -> Iterator[tuple[Node, str]]:
    for name, below in (node.get("properties") or {}).items():
        yield below, f"{path}.properties[{name}]"
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), Mapping):
            yield node[key], f"{path}.{key}"
    for index, part in enumerate(node.get("allOf") or ()):
        if _KEY in part:
            yield {**node, "properties": {}, "items": None, "allOf": (), **part}, f"{path}.allOf[{index}]"


def _has_rules(node: Node) -> bool:
    return bool(node.get(_KEY)) or any(_has_rules(below) for below, _ in _children(node, ""))


def _faults(rule: Obj, node: Node, path: str) -> Iterator[FieldError]:
    source, message = (rule.get("rule") or "").strip(), rule.get("message") or ""
    if not source:
        yield invalid.required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        yield invalid.invalid(f"{path}.message", message, "must be non-empty if specified")
    elif _LINE_BREAK.search(message.strip()):
        yield invalid.invalid(f"{path}.message", message, "must not contain line breaks")
    elif _LINE_BREAK.search(source) and not message:
        yield invalid.required(f"{path}.message", "message must be specified if rule contains line breaks")
    if rule.get("messageExpression") and not rule["messageExpression"].strip():
        yield invalid.required(
            f"{path}.messageExpression", "messageExpression must be non-empty if specified"
        )
    if rule.get("reason") and rule["reason"] not in _REASONS:
        yield invalid.unsupported(f"{path}.reason", rule["reason"], _REASONS)
    place = rule.get("fieldPath") or ""
    if place and not place.strip():
        yield invalid.invalid(f"{path}.fieldPath", place, "must be non-empty if specified")
    if _LINE_BREAK.search(place):
        yield invalid.invalid(f"{path}.fieldPath", place, "must not contain line breaks")
    if place and not _is_field(node, place):
        yield invalid.invalid(f"{path}.fieldPath", place, "must be a valid path")


def _rule_problem(rule: Obj, node: Node, *, is_root: bool) -> str:
    skips_old = bool(rule.get("optionalOldSelf"))
    found = cel_fields.problem(rule["rule"].strip(), node, is_root=is_root, skips_old=skips_old)
    try:
        test = _test(rule, node)
    except cel.CompilationError as error:
        return f"compilation failed: {found if found not in ('', cel_fields.NO_BOOL) else error}"
    if test.type not in ("bool", "dyn") or found == cel_fields.NO_BOOL:
        return cel_fields.NO_BOOL
    return f"compilation failed: {found}" if found else ""


def _expression_faults(rule: Obj, node: Node, path: str, *, is_root: bool) -> Iterator[FieldError]:
    def wrong(place: str, detail: str) -> FieldError:
        return invalid.invalid(f"{path}.{place}", definition_forms.shown_rule(rule), detail)

    if found := _rule_problem(rule, node, is_root=is_root):
        yield wrong("rule", found)
    try:
        message = _message(rule, node)
        if message and message.type not in ("string", "dyn"):
            yield wrong("messageExpression", "messageExpression must evaluate to a string")
    except cel.CompilationError as error:
        yield wrong("messageExpression", f"messageExpression compilation failed: {error}")


def _old_faults(rule: Obj, path: str, uncorrelated: str) -> Iterator[FieldError]:
    uses_old = re.search(r"\boldSelf\b", rule["rule"])
    if uses_old and uncorrelated:
        detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelated}"
        yield invalid.invalid(f"{path}.rule", rule["rule"], detail)
    elif not uses_old and rule.get("optionalOldSelf") is not None:
        detail = "may not be set if oldSelf is not used in rule"
        yield invalid.invalid(f"{path}.optionalOldSelf", rule["optionalOldSelf"], detail)


def _test(rule: Obj, node: Node) -> cel.Expression:
    kind = cel_type(node)
    source = rule["rule"].strip()
    if not rule.get("optionalOldSelf"):
        return cel.compiled(with_times(source, node), {"self": kind, "oldSelf": kind})
    # The library takes no optional variables; `oldSelf` is the optional of a list with one item or none.
    wrapped = f"cel.bind(oldSelf, oldSelf.size() == 0 ? optional.none() : optional.of(oldSelf[0]), {source})"
    return cel.compiled(wrapped, {"self": kind, "oldSelf": f"list({kind})"})


def _message(rule: Obj, node: Node) -> cel.Expression | None:
    if not rule.get("messageExpression"):
        return None
    kind = cel_type(node)
    source = with_times(rule["messageExpression"].strip(), node)
    return cel.compiled(source, {"self": kind, "oldSelf": kind})


def _is_field(node: Node, path: str) -> bool:
    try:
        schema_paths.field_at(dict(node), path)
    except schema_paths.NoSuchField:
        return False
    return True


def _node(rules: Node, schema: Node, *, is_resource: bool) -> _Node | None:
    def below(one: Any, spine: Any) -> _Node | None:
        if not isinstance(one, Mapping) or not isinstance(spine, Mapping):
            return None
        return _node(one, spine, is_resource=bool(spine.get("x-kubernetes-embedded-resource")))

    spine = schema.get("properties") or {}
    made = _Node(
        schema,
        is_resource,
        tuple(_compiled(rule, schema) for rule in rules.get(_KEY) or ()),
        {
            name: node
            for name, child in (rules.get("properties") or {}).items()
            if (node := below(child, spine.get(name)))
        },
        below(rules.get("items"), schema.get("items")),
        below(rules.get("additionalProperties"), schema.get("additionalProperties")),
        tuple(
            node
            for part in rules.get("allOf") or ()
            if (node := _node(part, schema, is_resource=is_resource))
        ),
    )
    return made if made.rules or made.properties or made.items or made.extra or made.parts else None


def _compiled(rule: Obj, node: Node) -> _Rule:
    return _Rule(
        rule["rule"].strip(),
        _test(rule, node),
        (rule.get("message") or "").strip(),
        _message(rule, node),
        rule.get("reason") or "FieldValueInvalid",
        rule.get("fieldPath") or "",
        bool(rule.get("optionalOldSelf")),
    )


@dataclass(frozen=True)
class _Run:
    """One walk over an object and its state before."""

    verdict: Verdict

    def visit(self, node: _Node, value: Any, old: Any, path: str, *, is_unchanged: bool) -> None:
        if value is None:
            return
        if old is not _ABSENT:
            is_unchanged = bool(old == value)
        if node.rules:
            self._run_rules(node, value, old, path, is_unchanged=is_unchanged)
        for part in node.parts:
            self.visit(part, value, old, path, is_unchanged=is_unchanged)
        if isinstance(value, list) and node.items:
            for index, item in enumerate(value):
                before = _matching(item, node.schema, old)
                self.visit(node.items, item, before, f"{path}[{index}]", is_unchanged=is_unchanged)
        elif isinstance(value, dict):
            self._visit_fields(node, value, old, path, is_unchanged=is_unchanged)

    def _visit_fields(self, node: _Node, value: Obj, old: Any, path: str, *, is_unchanged: bool) -> None:
        before = old if isinstance(old, dict) else {}
        for key, child in value.items():
            below, here = node.properties.get(key), f"{path}.{key}" if path else key
            if below is None and node.extra:
                below, here = node.extra, f"{path}[{key}]"
            if below is not None:
                self.visit(below, child, before.get(key, _ABSENT), here, is_unchanged=is_unchanged)

    def _run_rules(self, node: _Node, value: Any, old: Any, path: str, *, is_unchanged: bool) -> None:
        has_old = old is not _ABSENT and old is not None
        variables = {"self": to_cel(value, node.schema, is_resource=node.is_resource)}
        if has_old:
            variables["oldSelf"] = to_cel(old, node.schema, is_resource=node.is_resource)
        for rule in node.rules:
            if rule.is_transition and not has_old and not rule.is_optional:
                continue
            error = _broken(rule, node, value, variables, path)
            if error is None:
                continue
            # Only what a change breaks is refused: a rule may be younger than the object.
            is_old = is_unchanged and not rule.is_transition
            (self.verdict.warnings if is_old else self.verdict.errors).append(error)


def _broken(rule: _Rule, node: _Node, value: Any, variables: Obj, path: str) -> FieldError | None:
    given = variables
    if rule.is_optional:
        given = {**variables, "oldSelf": [variables["oldSelf"]] if "oldSelf" in variables else []}
    kind = node.schema.get("type") or ""
    try:
        if rule.test.evaluate(given) is True:
            return None
    except cel.EvaluationError as error:
        stated = rule.message or rule.source
        detail = f"{error} evaluating rule: {stated}"
        if str(error).startswith("no such overload"):
            detail = (
                f"'{error}': call arguments did not match a supported operator, function or macro signature"
                f" for rule: {stated}"
            )
        return invalid.invalid(path or "<nil>", kind, detail)
    detail = _stated(rule, variables) or rule.message or f"failed rule: {rule.source}"
    place = f"{path}{rule.field_path}".lstrip(".") if rule.field_path else path
    return _as_reason(rule.reason, place or "<nil>", value, detail)


def _stated(rule: _Rule, variables: Obj) -> str:
    if rule.message_expression is None:
        return ""
    try:
        text = rule.message_expression.evaluate(variables)
    except cel.EvaluationError:
        return ""
    text = text.strip() if isinstance(text, str) else ""
    return "" if "\n" in text or len(text) > _LONGEST_MESSAGE else text


def _as_reason(reason: str, path: str, value: Any, detail: str) -> FieldError:
    match reason:
        case "FieldValueForbidden":
            return invalid.forbidden(path, detail)
        case "FieldValueRequired":
            return invalid.required(path, detail)
        case "FieldValueDuplicate":
            return invalid.duplicate(path, value)
        case _:
            if isinstance(value, dict | list):
                return FieldError(path, f"Invalid value: {detail}")
            return invalid.invalid(path, value, detail)


def _matching(item: Any, schema: Node, old: Any) -> Any:
    """The state before of an item; only keyed lists tell which that is."""
    if (
        not isinstance(old, list)
        or schema.get("x-kubernetes-list-type") != "map"
        or not isinstance(item, dict)
    ):
        return _ABSENT
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    wanted = [item.get(key) for key in keys]
    for before in old:
        if isinstance(before, dict) and [before.get(key) for key in keys] == wanted:
            return before
    return _ABSENT
