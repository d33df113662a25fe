"""Kubernetes' CEL: expressions, its own functions, and the rules of custom resources."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from tests.support.kubernetes_server import Client, Obj, definition

from jx.adapters.local.kubernetes.cel import cel
from jx.adapters.local.kubernetes.definitions import definition_schemas
from jx.adapters.local.kubernetes.definitions.custom_rules import CustomRules


def value_of(source: str, **variables: Any) -> Any:
    return cel.compiled(source, dict.fromkeys(variables, cel.ANY)).evaluate(variables)


@pytest.mark.parametrize(
    "source",
    [
        "quantity('1500m').isGreaterThan(quantity('1'))",
        "quantity('1Gi').add(quantity('1Mi')).compareTo(quantity('1025Mi')) == 0",
        "quantity('50k').add(20).sub(20) == quantity('50k')",
        "quantity('1000m') == quantity('1') && quantity('50k').asInteger() == 50000 && sign(quantity('-1')) == -1",
        "isQuantity('1.3Gi') && !isQuantity('much')",
        "ip('127.0.0.1').isLoopback() && ip('::1').family() == 6 && !isIP('10.0.0.256')",
        "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1')",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
        "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')",
        "cidr('10.1.2.3/8').ip() == ip('10.1.2.3') && cidr('::/0').prefixLength() == 0",
        "url('https://example.com:80/a?b=c').getPort() == '80' && url('https://a/?b=c').getQuery()['b'] == ['c']",
        "url('https://[::1]:80/').getHostname() == '::1' && isURL('/path') && !isURL('nothing')",
        "[1, 2, 3].isSorted() && [1, 3, 2].max() == 3 && ['b', 'a'].min() == 'a' && [1, 2].sum() == 3",
        "'abc 123'.find('[0-9]+') == '123' && 'a1b2'.findAll('[0-9]', 1) == ['1']",
        "sets.contains([1, 2], [2]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
        "'a,b'.split(',') == ['a', 'b'] && 'X'.lowerAscii() == 'x' && 'abcd'.substring(1, 3) == 'bc'",
        "duration('1h') > duration('59m') && timestamp('2026-01-02T03:04:05Z').getFullYear() == 2026",
        "format.dns1123Label().validate('A b').hasValue() && !format.dns1123Label().validate('a-b').hasValue()",
        "format.uuid().validate('no').value()[0] == 'does not match the UUID format'",
        "format.labelValue().validate('a') == null && format.qualifiedName().validate('a/b/c').hasValue()",
        "[1, 2].exists_one(x, x == 2) && {'a': 1}.all(k, k == 'a') && [[1], [2]].flatten() == [1, 2]",
    ],
)
def test_expressions_of_kubernetes_are_understood(source: str) -> None:
    assert value_of(source) is True


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("self.a.b == 1", "no such key: a"),
        ("self.items[3] == 1", "index out of bounds: 3"),
        ("1 / self.zero == 1", "division by zero"),
        ("quantity(self.text) == quantity('1')", "quantities must match"),
        ("self.items.min() == 1", "min called on empty list"),
        ("self.text.size() > self.text", "no such overload"),
    ],
)
def test_what_has_no_value_says_why(source: str, message: str) -> None:
    with pytest.raises(cel.EvaluationError, match=message):
        value_of(source, self={"items": [], "zero": 0, "text": "much"})


def test_what_cannot_be_compiled_says_where() -> None:
    with pytest.raises(cel.CompilationError, match=r"^ERROR: <input>:1:1: undeclared reference to 'nobody'"):
        cel.compiled("nobody == 1", {})


def test_an_unknown_name_is_told_where_it_begins() -> None:
    with pytest.raises(cel.CompilationError) as raised:
        cel.compiled("true && nobody.name == 1", {})
    assert str(raised.value) == (
        "ERROR: <input>:1:9: undeclared reference to 'nobody' (in container '')\n | true && nobody.name == 1\n | ........^"
    )


def test_numbers_beyond_64_bits_are_doubles() -> None:
    assert value_of("self.n > 1.0", self={"n": 2**70}) is True


def test_the_library_is_loaded_with_the_first_expression_only() -> None:
    program = "import sys, jx.adapters.local.kubernetes.api; sys.exit('cel_expr_python' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def rules(node: Obj, **more: Any) -> CustomRules:
    return CustomRules({"type": "object", "properties": {"spec": {"type": "object", **node}}, **more})


def complaints(checked: CustomRules, spec: Any, old: Any = None) -> list[str]:
    def thing(value: Any) -> Obj:
        return {"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": value}

    verdict = checked.judge(thing(spec), thing(old) if old is not None else None, [])
    return [str(error) for error in verdict.errors]


def rule(text: str, **more: Any) -> Obj:
    return {"x-kubernetes-validations": [{"rule": text, **more}]}


INTEGERS: Obj = {"properties": {"least": {"type": "integer"}, "most": {"type": "integer"}}}


def test_a_broken_rule_is_told_at_its_place() -> None:
    checked = rules({**INTEGERS, **rule("self.least <= self.most")})
    assert complaints(checked, {"least": 1, "most": 2}) == []
    assert complaints(checked, {"least": 3, "most": 2}) == [
        "spec: Invalid value: failed rule: self.least <= self.most"
    ]
    assert complaints(checked, {"least": 3}) == [
        'spec: Invalid value: "object": no such key: most evaluating rule: self.least <= self.most'
    ]


def test_messages_reasons_and_paths_are_the_authors() -> None:
    checked = rules(
        {
            **INTEGERS,
            "x-kubernetes-validations": [
                {"rule": "self.least < 5", "message": "too many", "reason": "FieldValueForbidden"},
                {
                    "rule": "self.least <= self.most",
                    "messageExpression": "'at most ' + string(self.most)",
                    "fieldPath": ".least",
                },
            ],
        }
    )
    assert complaints(checked, {"least": 9, "most": 2}) == [
        "spec: Forbidden: too many",
        "spec.least: Invalid value: at most 2",
    ]


def test_rules_of_scalars_show_the_value() -> None:
    checked = rules({"properties": {"name": {"type": "string", **rule("self.startsWith('a')")}}})
    assert complaints(checked, {"name": "b"}) == [
        "spec.name: Invalid value: \"b\": failed rule: self.startsWith('a')"
    ]


def test_transition_rules_need_a_state_before() -> None:
    checked = rules({"properties": {"size": {"type": "integer", **rule("self >= oldSelf")}}})
    assert complaints(checked, {"size": 1}) == []
    assert complaints(checked, {"size": 1}, {}) == []
    assert complaints(checked, {"size": 1}, {"size": 2}) == [
        "spec.size: Invalid value: 1: failed rule: self >= oldSelf"
    ]


def test_optional_old_values_are_asked_for_on_creation_too() -> None:
    text = "oldSelf.hasValue() || self == 1"
    checked = rules({"properties": {"size": {"type": "integer", **rule(text, optionalOldSelf=True)}}})
    assert complaints(checked, {"size": 1}) == []
    assert complaints(checked, {"size": 2}) != []
    assert complaints(checked, {"size": 2}, {"size": 7}) == []


def test_items_of_keyed_lists_know_their_old_selves() -> None:
    item = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
        **rule("self.port == oldSelf.port"),
    }
    keyed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    checked = rules({"properties": {"ports": {**keyed, "items": item}}})
    before = {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}
    after = {"ports": [{"name": "b", "port": 3}, {"name": "a", "port": 1}, {"name": "c", "port": 4}]}
    assert complaints(checked, after, before) == [
        "spec.ports[0]: Invalid value: failed rule: self.port == oldSelf.port"
    ]


def test_what_is_unchanged_may_break_a_younger_rule() -> None:
    checked = rules({"properties": {"a": {"type": "integer", **rule("self > 5")}, "b": {"type": "integer"}}})
    assert complaints(checked, {"a": 1, "b": 2}, {"a": 1, "b": 1}) == []
    assert complaints(checked, {"a": 2, "b": 2}, {"a": 1, "b": 1}) != []


def test_values_have_the_types_of_their_schema() -> None:
    node = {
        "properties": {
            "at": {"type": "string", "format": "date-time"},
            "wait": {"type": "string", "format": "duration"},
            "share": {"type": "number"},
            "some-name": {"type": "integer"},
            "namespace": {"type": "string"},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        **rule(
            "self.at.getFullYear() == 2026 && self.wait == duration('90s') && self.share + 0.5 == 1.5"
            " && self.some__dash__name == 1 && self.__namespace__ == 'x' && self.labels['a-b'] == 'c'"
        ),
    }
    spec = {
        "at": "2026-01-01T00:00:00Z",
        "wait": "1m30s",
        "share": 1,
        "some-name": 1,
        "namespace": "x",
        "labels": {"a-b": "c"},
    }
    assert complaints(rules(node), spec) == []


def test_the_root_knows_its_name_and_nothing_else_of_its_metadata() -> None:
    assert complaints(rules({}, **rule("self.metadata.name == 'a'")), {}) == []
    (error,) = complaints(rules({}, **rule("self.metadata.labels == {}")), {})
    assert "no such key: labels" in error


def told(*listed: Obj) -> dict[str, str]:
    """The faults of a node's rules (and of a field's below it), by their place."""
    below = {"a": {"type": "integer", **rule("self > 'b'")}}
    spec = {"type": "object", "properties": below, "x-kubernetes-validations": list(listed)}
    schema = {"type": "object", "properties": {"spec": spec}}
    found = definition_schemas.mistakes(schema, "s", has_status=False)
    return {error.path.removeprefix("s.properties[spec]."): error.message for error in found}


def test_the_root_knows_its_name_also_beside_times() -> None:
    at = {"type": "string", "format": "date-time"}
    checked = rules({"properties": {"at": at}}, **rule("self.metadata.name == 'a' && self.kind == 'Thing'"))
    assert complaints(checked, {"at": "2026-01-01T00:00:00Z"}) == []


def test_faulty_rules_are_told_with_their_place() -> None:
    found = told({"rule": ""}, {"rule": "true", "fieldPath": ".z"}, {"rule": "1 + 1", "reason": "Because"})
    assert found["x-kubernetes-validations[0].rule"] == "Required value: rule is not specified"
    assert found["x-kubernetes-validations[1].fieldPath"] == 'Invalid value: ".z": must be a valid path'
    assert found["x-kubernetes-validations[2].reason"].startswith('Unsupported value: "Because"')
    assert "x-kubernetes-validations[2].rule" not in found, "expressions wait until all else is right"
    assert "found no matching overload" in found["properties[a].x-kubernetes-validations[0].rule"]


def test_faulty_expressions_are_told_with_the_rule() -> None:
    found = told({"rule": "1 + 1"}, {"rule": "self.all(x, x ==)"}, {"rule": "true", "messageExpression": "1"})
    assert found["x-kubernetes-validations[0].rule"] == (
        'Invalid value: {"Rule":"1 + 1","Message":"","MessageExpression":"","Reason":null,"FieldPath":"",'
        '"OptionalOldSelf":null}: cel expression must evaluate to a bool'
    )
    assert "compilation failed: ERROR: <input>:1:17" in found["x-kubernetes-validations[1].rule"]
    assert found["x-kubernetes-validations[2].messageExpression"].endswith("must evaluate to a string")
    lonely = told({"rule": "true", "optionalOldSelf": True})
    assert "oldSelf is not used" in lonely["x-kubernetes-validations[0].optionalOldSelf"]


def _with_rule(text: str) -> Obj:
    spec = {"type": "object", "properties": {"size": {"type": "integer"}}, **rule(text)}
    schema = {"type": "object", "properties": {"spec": spec}}
    return definition(plural="rulers", kind="Ruler", schema={"openAPIV3Schema": schema})


def test_a_definition_with_a_rule_that_cannot_be_compiled_is_refused(client: Client) -> None:
    answer = client.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", _with_rule("self.size >"))
    assert answer.status == 422
    assert (
        "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule"
        in (answer.body["message"])
    )
    assert "compilation failed: ERROR: <input>:1:12: Syntax error" in answer.body["message"]


def test_rules_are_run_on_each_write(client: Client, namespace: str) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert client.post(definitions, _with_rule("self.size < 10")).status == 201
    path = f"/apis/example.org/v1/namespaces/{namespace}/rulers"
    thing: Obj = {"apiVersion": "example.org/v1", "kind": "Ruler", "metadata": {"name": "a"}}
    assert client.post(path, {**thing, "spec": {"size": 1}}).status == 201
    refused = client.merge(f"{path}/a", {"spec": {"size": 11}})
    assert refused.status == 422
    assert refused.body["message"] == (
        'Ruler.example.org "a" is invalid: spec: Invalid value: failed rule: self.size < 10'
    )
    assert client.apply(f"{path}/b", {**thing, "metadata": {"name": "b"}, "spec": {"size": 12}}).status == 422
