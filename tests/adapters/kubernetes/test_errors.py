"""Real answers of kube-apiserver, and what they mean to jx."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jx.adapters.kubernetes.errors import Attempt, translate
from jx.domain.errors import Conflict, Forbidden, Invalid, JxError, NotFound, Refused, Stale, Unavailable

DEPLOYMENT = Attempt("patch", "Deployment.apps/shop (namespace jx)", "k8s.example:6443")
SECRET = Attempt("patch", "Secret/keys (namespace jx)", "k8s.example:6443", is_secret=True)


def told(
    code: int, reason: str, message: str, *causes: dict[str, str], attempt: Attempt = DEPLOYMENT
) -> JxError:
    status: dict[str, Any] = {"kind": "Status", "code": code, "reason": reason, "message": message}
    status["details"] = {"causes": list(causes)}
    return translate(attempt, code, json.dumps(status).encode())


def test_a_missing_right_names_user_verb_resource_and_namespace() -> None:
    error = told(
        403,
        "Forbidden",
        'deployments.apps "shop" is forbidden: User "system:serviceaccount:jx:jx" cannot patch resource '
        '"deployments" in API group "apps" in the namespace "jx"',
    )
    assert isinstance(error, Forbidden)
    assert "system:serviceaccount:jx:jx may not patch deployments.apps in namespace jx" in error.message
    assert "Role" in error.hint


def test_a_missing_right_on_a_cluster_scoped_resource_names_no_namespace() -> None:
    error = told(
        403,
        "Forbidden",
        'namespaces "x" is forbidden: User "ann" cannot get resource "namespaces" in API group "" at the cluster scope',
    )
    assert isinstance(error, Forbidden)
    assert "ann may not get namespaces" in error.message


def test_granting_more_than_one_has_is_forbidden() -> None:
    error = told(
        403,
        "Forbidden",
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["dev"]) is attempting to grant RBAC '
        'permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    )
    assert isinstance(error, Forbidden)
    assert "escalate" in error.hint


@pytest.mark.parametrize(
    "message",
    [
        'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3',
        'pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
        'admission webhook "policy.example" denied the request: no',
    ],
)
def test_quotas_and_admission_are_refusals_of_the_cluster(message: str) -> None:
    assert isinstance(told(403, "Forbidden", message), Refused)


def test_a_terminating_namespace_is_refused_with_the_advice_to_wait() -> None:
    error = told(
        403,
        "Forbidden",
        'configmaps "x" is forbidden: unable to create new content in namespace jx because it is being terminated',
        {
            "reason": "NamespaceTerminating",
            "message": "namespace jx is being terminated",
            "field": "metadata.namespace",
        },
    )
    assert isinstance(error, Refused)
    assert "wait" in error.hint


def test_a_conflict_names_manager_field_since_when_and_the_ways_out() -> None:
    error = told(
        409,
        "Conflict",
        "Apply failed with 2 conflicts",
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using apps/v1 at 2026-11-01T10:00:00Z',
            "field": ".spec.replicas",
        },
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "autoscaler" with subresource "scale"',
            "field": '.spec.template.spec.containers[name="app"].image',
        },
    )
    assert isinstance(error, Conflict)
    assert ".spec.replicas is managed by 'kubectl-edit' since 2026-11-01T10:00:00Z" in error.message
    assert "image is managed by 'autoscaler'" in error.message
    assert all(way in error.hint for way in ("take", "yield", "share"))


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (
            409,
            "Conflict",
            'Operation cannot be fulfilled on configmaps "x": Precondition failed: UID in precondition: a',
        ),
        (409, "AlreadyExists", 'configmaps "x" already exists'),
        (410, "Expired", "The provided continue parameter is too old"),
    ],
)
def test_lost_races_are_stale(code: int, reason: str, message: str) -> None:
    assert isinstance(told(code, reason, message), Stale)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (413, "request entity too large"),
        (422, 'ConfigMap "x" is invalid: []: Too long: must have at most 1048576 bytes'),
        (400, "Request entity too large: limit is 3145728"),
        (500, "etcdserver: request is too large"),
    ],
)
def test_what_is_too_large_is_refused_and_not_tried_again(code: int, message: str) -> None:
    error = told(code, "", message)
    assert isinstance(error, Refused)
    assert "1,048,576" in error.hint


@pytest.mark.parametrize(
    "message",
    [
        'Deployment.apps "shop" is invalid: spec.selector: Invalid value: {}: field is immutable',
        'StatefulSet.apps "db" is invalid: spec: Forbidden: updates to statefulset spec for fields other than x',
    ],
)
def test_an_immutable_field_is_refused_with_the_field(message: str) -> None:
    error = told(
        422, "Invalid", message, {"reason": "FieldValueInvalid", "message": "x", "field": "spec.selector"}
    )
    assert isinstance(error, Refused)
    assert "spec.selector is immutable" in error.hint


def test_all_mistakes_of_an_object_are_told_with_their_places() -> None:
    error = told(
        422,
        "Invalid",
        'Deployment.apps "shop" is invalid',
        {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.selector"},
        {
            "reason": "FieldValueInvalid",
            "message": 'Invalid value: "X": a lowercase name',
            "field": "metadata.name",
        },
    )
    assert isinstance(error, Invalid)
    assert [problem.where for problem in error.problems] == ["spec.selector", "metadata.name"]


@pytest.mark.parametrize("code", [400, 403, 409, 413, 422, 429, 500])
def test_no_message_about_a_secret_quotes_a_value(code: int) -> None:
    error = told(
        code,
        "Invalid",
        'Secret "keys" is invalid: data[password]: Invalid value: "hunter2"',
        {"reason": "FieldValueInvalid", "message": 'Invalid value: "hunter2"', "field": "data[password]"},
        attempt=SECRET,
    )
    problems = " ".join(str(problem) for problem in getattr(error, "problems", ()))
    assert "hunter2" not in error.message + error.hint + problems
    assert "data[password]" in error.message


def test_an_answer_about_a_secret_that_is_no_status_is_not_quoted() -> None:
    assert "hunter2" not in translate(SECRET, 400, b"bad value hunter2").message


def test_a_webhook_that_does_not_answer_is_named_as_such() -> None:
    error = told(
        500,
        "InternalError",
        'Internal error occurred: failed calling webhook "v.example": failed to call webhook: connection refused',
    )
    assert isinstance(error, Unavailable)
    assert "webhook" in error.hint


@pytest.mark.parametrize(
    ("code", "kind"), [(401, Forbidden), (404, NotFound), (400, Invalid), (429, Unavailable)]
)
def test_the_other_codes_have_one_meaning_each(code: int, kind: type[JxError]) -> None:
    assert isinstance(told(code, "", "some words"), kind)


def test_an_answer_without_json_is_told_by_its_words_or_its_status() -> None:
    assert "upstream timed out" in translate(DEPLOYMENT, 504, b"upstream timed out").message
    assert "502" in translate(DEPLOYMENT, 502, b"").message


def test_an_apply_that_names_the_uid_of_an_object_that_is_gone_is_stale() -> None:
    gone = told(
        409,
        "Conflict",
        'uid mismatch: the provided object specified uid "2038068f", and no existing object was found',
    )
    replaced = told(
        422,
        "Invalid",
        'Deployment.apps "shop" is invalid: metadata.uid: Invalid value: "2038068f": field is immutable',
        {
            "reason": "FieldValueInvalid",
            "message": 'Invalid value: "2038068f": field is immutable',
            "field": "metadata.uid",
        },
    )
    assert isinstance(gone, Stale)
    assert isinstance(replaced, Stale)
    assert "deleted and made anew" in replaced.message
