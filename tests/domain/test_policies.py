"""Policies: objects are held to the rules of the base branch, and told by path what they break."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.worlds import config_map, deployment, secret, tree_of

from jx.domain.changes import policies
from jx.domain.errors import Invalid
from jx.domain.objects.manifests import Manifest, ref_of
from jx.domain.trees import Tree

FILE = "policies/limits.yaml"
LIMITS = """\
kinds: [Deployment.apps]
message: every container says how much memory it may use
schema:
  properties: {spec: {properties: {template: {properties: {spec: {properties: {containers: {items: {
    required: [resources]}}}}}}}}}
"""


def manifest(body: dict[str, Any]) -> Manifest:
    return Manifest(ref_of(body), str(body["apiVersion"]), body)


def rule(**schema: Any) -> Tree:
    return tree_of({FILE: json.dumps({"kinds": ["*"], "schema": schema})})


def broken(before: Tree, *bodies: dict[str, Any], after: Tree | None = None) -> str:
    chosen = policies.choose(before, before if after is None else after)
    refusal = policies.judge(chosen, [manifest(body) for body in bodies])
    return refusal.message if refusal else ""


def test_what_breaks_a_policy_is_told_with_its_path_and_the_policys_words() -> None:
    assert broken(tree_of({FILE: LIMITS}), deployment("web", "web:1"), config_map("a", {})) == (
        "1 object breaks policies of this environment:\n"
        f"- {FILE}: Deployment.apps/web at spec.template.spec.containers[0]: every container says how much memory it may use"
    )


def test_a_policy_is_for_its_kinds_alone() -> None:
    for kind, hits in (
        ("Deployment", True),
        ("Deployment.apps", True),
        ("Deployment.other", False),
        ("*", True),
    ):
        tree = tree_of({FILE: LIMITS.replace("Deployment.apps", f"'{kind}'")})
        assert bool(broken(tree, deployment("web", "web:1"))) is hits


def test_a_policy_without_words_has_those_of_its_schema_and_no_value_is_quoted() -> None:
    tree = rule(properties={"data": {"additionalProperties": {"maxLength": 3}}})
    told = broken(tree, config_map("a", {"key": "hidden-by-me"}))
    assert "ConfigMap/a at data.key: the value is longer than 3 characters" in told
    assert "hidden" not in told


def test_secrets_are_judged_without_their_values() -> None:
    tree = rule(properties={"data": {"additionalProperties": {"pattern": "^<secret:"}}})
    body = {**secret("s", {}), "data": {"password": "aHVudGVyMjI="}}
    assert broken(tree, body) == ""


def test_the_change_that_breaks_a_policy_cannot_take_it_away() -> None:
    before = tree_of({FILE: LIMITS})
    assert broken(before, deployment("web", "web:1"), after=Tree())
    assert not broken(Tree(), deployment("web", "web:1"), after=before)


def test_what_a_change_does_to_policies_is_told_with_what_would_break_them() -> None:
    objects = [manifest(deployment("web", "web:1"))]
    tree = tree_of({FILE: LIMITS})
    assert policies.in_words(Tree(), tree, objects) == (f"brings policy {FILE}: 1 object would break it",)
    assert policies.in_words(tree, tree.put(FILE, LIMITS.replace("apps", "other")), objects) == (
        f"changes policy {FILE}: no objects would break it",
    )
    assert policies.in_words(tree, Tree(), objects) == (f"takes policy {FILE} away",)
    assert policies.in_words(tree, tree, objects) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kinds: [A]\n", "a policy needs schema"),
        ("schema: {type: object}\n", "a policy needs kinds"),
        ("kinds: [A]\nschema: {type: objekt}\n", "its schema is none"),
        ("kinds: [A]\nschema: {pattern: '('}\n", "its schema is none"),
        ("kinds: [A]\nschema: {$ref: 'http://127.0.0.1:9/x'}\n", "its schema is none"),
        ("kinds: [A]\nschema: {$ref: '#/nowhere'}\n", "its schema is none"),
        ("kind: [A]\nschema: {type: object}\n", "did you mean kinds?"),
        ("kinds: [\n", FILE),
    ],
)
def test_a_policy_with_a_mistake_is_told_with_its_file(text: str, told: str) -> None:
    with pytest.raises(Invalid) as raised:
        policies.choose(Tree(), tree_of({FILE: text}))
    problems = [str(problem) for problem in raised.value.problems]
    assert any(told in problem for problem in problems), problems
    assert all(problem.startswith(FILE) for problem in problems)


def test_a_broken_policy_of_the_base_counts_as_the_change_mends_it() -> None:
    before, after = tree_of({FILE: "kinds: ["}), tree_of({FILE: LIMITS})
    assert broken(before, deployment("web", "web:1"), after=after)
    with pytest.raises(Invalid):
        policies.choose(before, before)


def test_a_flood_of_breaches_is_counted() -> None:
    told = broken(rule(required=["nothing"]), *(config_map(f"c{number}", {}) for number in range(30)))
    assert told.startswith("30 objects break policies")
    assert told.endswith("- and 10 more")
