"""ValidatingAdmissionPolicies: what they mean, say, and refuse; parameters; what cannot be evaluated."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.kubernetes_server import Client, Obj, config_map

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_NUMBERS = itertools.count()


class Policies:
    """Policies and bindings of one test, for the ConfigMaps of its namespace; they go with it."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.made: list[str] = []

    def path(self, name: str = "") -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps" + (f"/{name}" if name else "")

    def policy(self, *validations: Obj, **more: Any) -> Obj:
        """A policy on creates and updates."""
        rule = {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["configmaps"],
        }
        selector = {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": f"policy-{next(_NUMBERS)}"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selector},
                "validations": list(validations),
                **more,
            },
        }

    def add(self, policy: Obj, **binding: Any) -> str:
        """Make a policy and its binding; gives the name of both."""
        name: str = policy["metadata"]["name"]
        bound = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"], **binding},
        }
        for plural, obj in (
            ("validatingadmissionpolicies", policy),
            ("validatingadmissionpolicybindings", bound),
        ):
            answer = self.client.post(f"{ADMISSION}/{plural}", obj)
            assert answer.status == 201, answer.body
            self.made.append(f"{ADMISSION}/{plural}/{name}")
        return name


@pytest.fixture
def policies(client: Client, namespace: str) -> Iterator[Policies]:
    made = Policies(client, namespace)
    yield made
    for path in made.made:
        client.delete(path)


def test_what_a_policy_denies_is_refused_in_its_words(policies: Policies) -> None:
    policy = policies.policy({"expression": "object.data.x != '1'", "message": "no ones"})
    name = policies.add(policy)
    assert policies.client.post(policies.path(), config_map("b", x="2")).status == 201
    answer = policies.client.post(policies.path(), config_map("a", x="1"))
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    told = f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: no ones"
    assert answer.body["message"] == f'configmaps "a" is forbidden: {told}'
    assert answer.body["details"] == {"name": "a", "kind": "configmaps", "causes": [{"message": told}]}


def test_messages_can_be_computed_and_reasons_chosen(policies: Policies) -> None:
    validation = {
        "expression": "size(object.data) < 2",
        "messageExpression": "'got ' + string(size(object.data)) + ' in ' + namespaceObject.metadata.name",
        "reason": "Forbidden",
    }
    policies.add(policies.policy(validation))
    answer = policies.client.post(policies.path(), config_map("a", x="1", y="2"))
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["message"].endswith(f"denied request: got 2 in {policies.namespace}")


def test_a_policy_that_only_warns_lets_pass(policies: Policies) -> None:
    policy = policies.policy({"expression": "false", "message": "mind the gap"})
    name = policies.add(policy, validationActions=["Warn", "Audit"])
    answer = policies.client.post(policies.path(), config_map("a"))
    assert answer.status == 201
    assert answer.headers["warning"] == (
        f"299 - \"Validation failed for ValidatingAdmissionPolicy '{name}' with binding '{name}': mind the gap\""
    )


def test_variables_are_computed_where_they_are_named(policies: Policies) -> None:
    policies.add(
        policies.policy(
            {"expression": "variables.twice == 4"},
            variables=[
                {"name": "count", "expression": "size(object.data)"},
                {"name": "twice", "expression": "variables.count * 2"},
                {"name": "unused", "expression": "object.nothing.there"},
            ],
        )
    )
    assert policies.client.post(policies.path(), config_map("a", x="1", y="2")).status == 201
    refused = policies.client.post(policies.path(), config_map("b", x="1"))
    assert refused.body["message"].endswith("denied request: failed expression: variables.twice == 4")


def test_an_update_can_be_compared_with_what_was_there(policies: Policies) -> None:
    policies.add(policies.policy({"expression": "oldObject == null || oldObject.data == object.data"}))
    assert policies.client.post(policies.path(), config_map("a", x="1")).status == 201
    assert policies.client.merge(policies.path("a"), {"data": {"x": "2"}}).status == 422
    assert policies.client.apply(policies.path("a"), config_map("a", y="3")).status == 422
    assert policies.client.merge(policies.path("a"), {"metadata": {"labels": {"a": "b"}}}).status == 200


def test_a_lease_can_be_the_parameter(policies: Policies) -> None:
    """So a rescue can stop a controller: no lease, or another holder, and its writes are refused."""
    policy = policies.policy(
        {
            "expression": "params.spec.holderIdentity == object.data.holder",
            "message": "the lease is another's",
        },
        paramKind={"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"},
    )
    reference = {"name": "lock", "namespace": policies.namespace, "parameterNotFoundAction": "Deny"}
    name = policies.add(policy, paramRef=reference)
    answer = policies.client.post(policies.path(), config_map("a", holder="me"))
    assert answer.body["message"].endswith(
        f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: failed to configure binding:"
        " no params found for policy binding with `Deny` parameterNotFoundAction"
    )
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{policies.namespace}/leases"
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"}}
    assert policies.client.post(leases, {**lease, "spec": {"holderIdentity": "me"}}).status == 201
    assert policies.client.post(policies.path(), config_map("a", holder="me")).status == 201
    policies.client.merge(f"{leases}/lock", {"spec": {"holderIdentity": "you"}})
    refused = policies.client.post(policies.path(), config_map("b", holder="me"))
    assert refused.body["message"].endswith("denied request: the lease is another's")


def test_without_a_parameter_a_binding_may_let_pass(policies: Policies) -> None:
    policy = policies.policy({"expression": "false"}, paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    policies.add(policy, paramRef={"name": "none", "parameterNotFoundAction": "Allow"})
    assert policies.client.post(policies.path(), config_map("a")).status == 201


def test_every_selected_parameter_counts(policies: Policies) -> None:
    secrets = f"/api/v1/namespaces/{policies.namespace}/secrets"
    for name, most in (("one", "MQ=="), ("nine", "OQ==")):
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": {"limit": "yes"}},
        }
        policies.client.post(secrets, {**secret, "data": {"most": most}})
    policy = policies.policy(
        {"expression": "size(object.data) <= int(string(base64.decode(params.data.most)))"},
        paramKind={"apiVersion": "v1", "kind": "Secret"},
    )
    selector = {"matchLabels": {"limit": "yes"}}
    policies.add(policy, paramRef={"selector": selector, "parameterNotFoundAction": "Deny"})
    assert policies.client.post(policies.path(), config_map("a", x="1")).status == 201
    assert policies.client.post(policies.path(), config_map("b", x="1", y="2")).status == 422


@pytest.mark.parametrize(("failure", "status"), [("Fail", 422), ("Ignore", 201)])
def test_an_expression_without_value_is_a_refusal_or_not(
    policies: Policies, failure: str, status: int
) -> None:
    policies.add(policies.policy({"expression": "object.data.none == 'x'"}, failurePolicy=failure))
    answer = policies.client.post(policies.path(), config_map("a", x="1"))
    assert answer.status == status
    if status == 422:
        assert answer.body["message"].endswith(
            "expression 'object.data.none == 'x'' resulted in error: no such key: none"
        )


def test_conditions_and_resources_narrow_a_policy(policies: Policies) -> None:
    condition = {"name": "only-strict", "expression": "'strict' in object.data"}
    policies.add(policies.policy({"expression": "false"}, matchConditions=[condition]))
    assert policies.client.post(policies.path(), config_map("a")).status == 422
    assert policies.client.post(policies.path(), config_map("b", x="1")).status == 201
    assert policies.client.post(policies.path(), config_map("c", strict="1")).status == 422
    nobody = {"objectSelector": {"matchLabels": {"is": "nobody"}}}
    other = Policies(policies.client, policies.namespace)
    other.add(other.policy({"expression": "false"}), matchResources=nobody)
    policies.made += other.made
    assert policies.client.post(policies.path(), config_map("d", x="1")).status == 201


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"validations": []},
            "spec.validations: Required value: validations or auditAnnotations must contain",
        ),
        ({"matchConstraints": None}, "spec.matchConstraints: Required value"),
        ({"validations": [{"expression": "object.a +"}]}, "spec.validations[0].expression: Invalid value"),
        ({"validations": [{"expression": "params.a == 1"}]}, "undeclared reference to 'params"),
        ({"validations": [{"expression": "'text'"}]}, "must evaluate to bool"),
        (
            {"validations": [{"expression": "true", "messageExpression": "1"}]},
            "spec.validations[0].messageExpression: Invalid value",
        ),
        (
            {"variables": [{"name": "a", "expression": "nobody"}]},
            "spec.variables[0].expression: Invalid value",
        ),
    ],
)
def test_policies_that_could_not_be_evaluated_are_refused(policies: Policies, spec: Obj, told: str) -> None:
    policy = policies.policy({"expression": "true"})
    policy["spec"].update(spec)
    answer = policies.client.post(f"{ADMISSION}/validatingadmissionpolicies", policy)
    assert answer.status == 422
    assert told in answer.body["message"]


def test_mutating_policies_are_refused_and_never_ignored(client: Client) -> None:
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "a"},
        "spec": {},
    }
    answer = client.post(f"{ADMISSION}/mutatingadmissionpolicies", policy)
    assert answer.status == 403
    assert "does not evaluate MutatingAdmissionPolicies" in answer.body["message"]
