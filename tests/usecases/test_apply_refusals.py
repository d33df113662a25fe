"""A cluster that says no: an admission webhook, a CRD that is never served, a namespace on its way out, missing rights, limits.
On the embedded API, and on a real one where there is one."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.embedded import GROUP, embedded_api, fresh_name
from tests.support.foreign import ACCOUNTS, EMBEDDED, SERVERS, server, token_of
from tests.support.kubernetes import Authority, Reply, ScriptedServer, Seen
from tests.support.places import Place, make_place
from tests.support.worlds import config_map, definition, deployment

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.access import BearerToken, ClusterAccess
from jx.adapters.kubernetes.api import CONFIG_MAPS, NAMESPACES, Api, Json, Resource
from jx.domain.applying.applying import ApplyReport, ApplyResult
from jx.domain.applying.locking import LEASE
from jx.domain.environments.guards import ImmutableFields
from jx.domain.errors import Forbidden, NotFound, Refused

__all__ = ["embedded_api"]

pytestmark = GROUP

WEBHOOKS = Resource(
    "admissionregistration.k8s.io/v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
ROLES = Resource("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", namespaced=False)
BINDINGS = Resource(
    "rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
BY_TEST = {"fieldManager": "test", "force": "true"}


@pytest.fixture(scope="module", params=SERVERS)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    if request.param == EMBEDDED:
        yield request.getfixturevalue("embedded_api")
        return
    with server(request.param, tmp_path_factory.mktemp("none")) as path:
        made = Api.connect(kubeconfig.load([path]), SystemClock())
        yield made
        made.close()


@pytest.fixture
def place(api: Api) -> Place:
    """An environment whose app `web` 1.0.0 runs, and 1.1.0 is committed."""
    place = make_place(api)
    place.world.commit(place.tree(web="1.0.0"))
    assert place.apply().result is ApplyResult.APPLIED
    place.world.commit(place.tree(web="1.1.0"))
    return place


def errors(report: ApplyReport) -> list[str]:
    """What is told of each object that could not be done."""
    return [f"{outcome.step.ref}: {outcome.error}" for outcome in report.outcomes if outcome.error]


def finish(place: Place) -> None:
    """What was in the way is gone: the next apply does the rest, and the one after that nothing. Where the server broke off a
    request, the lock is kept until that cannot come late any more."""
    place.world.clock.move(LEASE)
    assert errors(place.apply()) == []
    assert not place.apply().plan.has_changes


def images(api: Api, place: Place) -> list[str]:
    deployments = Resource("apps/v1", "deployments", "Deployment")
    found, _ = api.list_pages(deployments, place.name)
    return [one["spec"]["template"]["spec"]["containers"][0]["image"] for one in found]


# Admission


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make()


@contextmanager
def asked(api: Api, hook: ScriptedServer, place: Place, resource: str) -> Iterator[None]:
    """While this lasts, a webhook is asked about each change of a resource in a namespace."""
    name = f"{place.name}.example.com"
    webhook = {
        "name": name,
        "clientConfig": {
            "url": f"https://127.0.0.1:{hook.port}/check",
            "caBundle": base64.b64encode(hook.authority.pem.encode()).decode(),
        },
        "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": [resource]}],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 5,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.name}},
    }
    body = {
        "apiVersion": WEBHOOKS.api_version,
        "kind": WEBHOOKS.kind,
        "metadata": {"name": name},
        "webhooks": [webhook],
    }
    api.apply(WEBHOOKS, "", body, query=BY_TEST)
    try:
        yield
    finally:
        api.delete(WEBHOOKS, "", name)


def refusing(words: str) -> Callable[[Seen], Reply]:
    def answer(seen: Seen) -> Reply:
        review = json.loads(seen.body)
        response = {
            "uid": review["request"]["uid"],
            "allowed": False,
            "status": {"code": 403, "message": words},
        }
        return Reply(
            200, {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        )

    return answer


def broken(_: Seen) -> Reply:
    return Reply(500)


def test_a_refusing_webhook_is_quoted_and_nothing_after_it_is_tried(
    api: Api, place: Place, authority: Authority, tmp_path: Path
) -> None:
    answer = refusing("images come from our registry")
    with ScriptedServer(authority, tmp_path, answer) as hook, asked(api, hook, place, "deployments"):
        report = place.apply()
    assert report.result is ApplyResult.FAILED
    [error] = errors(report)
    assert error.startswith(f"Deployment.apps/web (namespace {place.name}): the cluster refused")
    assert "images come from our registry" in error
    assert "1 failed, 1 not tried" in report.message
    assert images(api, place) == ["web:1"]
    assert api.get(CONFIG_MAPS, place.name, "old")
    finish(place)
    assert images(api, place) == ["web:2"]


def test_a_webhook_that_does_not_answer_is_told_as_what_is_broken(
    api: Api, place: Place, authority: Authority, tmp_path: Path
) -> None:
    with ScriptedServer(authority, tmp_path, broken) as hook, asked(api, hook, place, "deployments"):
        report = place.apply()
    [error] = errors(report)
    assert "failed calling webhook" in error
    assert "repair its service, or remove its webhook configuration" in error
    assert [outcome.can_retry for outcome in report.outcomes if outcome.error] == [True]
    finish(place)


# Definitions and namespaces


def test_a_crd_that_is_never_established_is_told_with_the_reason_and_its_objects_are_not_tried(
    api: Api, place: Place
) -> None:
    group = f"{place.name}.example.com"
    taken = definition(group, "Window")
    taken["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": {"type": "object"}}
    crds = Resource(
        "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
    )
    api.apply(crds, "", taken, query=BY_TEST)
    wanted = definition(group, "Pane")
    wanted["spec"]["names"] |= {"kind": "Window", "listKind": "WindowList"}
    wanted["spec"]["versions"] = taken["spec"]["versions"]
    custom = {"apiVersion": f"{group}/v1", "kind": "Window", "metadata": {"name": "front"}}
    place.world.offer("glass", "1.0.0", wanted, custom, config_map("after", {}))
    place.world.commit(place.tree(web="1.0.0", glass="1.0.0"))
    report = place.world.apply_head(wait=False, timeout=timedelta(seconds=1))
    [error] = errors(report)
    assert "not established" in error
    assert "is already in use" in error
    assert "not tried" in report.message
    place.world.commit(place.tree(web="1.1.0"))
    finish(place)


def test_a_namespace_on_its_way_out_takes_nothing_new_and_it_is_said_what_to_wait_for(
    api: Api, place: Place
) -> None:
    body: Json = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "stays", "finalizers": ["example.com/stay"]},
    }
    api.apply(CONFIG_MAPS, place.name, body, query=BY_TEST)
    api.delete(NAMESPACES, "", place.name)
    while takes_new_objects(api, place.name):  # the server's own caches need a moment to know
        continue
    place.world.offer("more", "1.0.0", config_map("more", {}))
    place.world.commit(place.tree(web="1.0.0", more="1.0.0"))
    report = place.apply()
    assert report.result is ApplyResult.FAILED
    assert "it is being terminated" in report.message
    assert "wait until the namespace is gone" in report.message
    with contextlib.suppress(NotFound):
        api.merge(CONFIG_MAPS, place.name, "stays", {"metadata": {"finalizers": None}})


def takes_new_objects(api: Api, namespace: str) -> bool:
    body: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "try"}}
    try:
        api.apply(CONFIG_MAPS, namespace, body, query={**BY_TEST, "dryRun": "All"})
    except Refused:
        return False
    return True


# Rights and limits


def restricted(api: Api, place: Place, *rules: Json) -> Api:
    """The API as an account that may keep records, read, and what else these rules say."""
    name = fresh_name("restricted")
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": "default"},
    }
    api.apply(ACCOUNTS, "default", account, query=BY_TEST)
    token = token_of(api, "default", name, is_admin=False)
    everywhere = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["*"]},
        *rules,
    ]
    role = {
        "apiVersion": ROLES.api_version,
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": everywhere,
    }
    binding = {
        "apiVersion": BINDINGS.api_version,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
    }
    api.apply(ROLES, "", role, query=BY_TEST)
    api.apply(BINDINGS, "", binding, query=BY_TEST)
    access = ClusterAccess(api.access.server, BearerToken(token), ca=api.access.ca, user_name=name)
    return Api.connect(access, SystemClock())


RECORDS = {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["*"]}


def test_a_missing_right_to_change_names_account_verb_resource_and_namespace(api: Api, place: Place) -> None:
    theirs = restricted(api, place, RECORDS)
    place.reach(theirs)
    report = place.apply()
    [error] = errors(report)
    assert f"may not patch deployments.apps in namespace {place.name}" in error
    assert "system:serviceaccount:default:restricted-" in error
    assert "have a Role with verb patch on deployments.apps" in error
    theirs.close()
    place.reach(api)
    finish(place)


def test_a_missing_right_to_keep_records_stops_before_anything_is_sent(api: Api, place: Place) -> None:
    theirs = restricted(api, place, {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]})
    place.reach(theirs)
    with pytest.raises(
        Forbidden, match=r"may not (create|update) (secrets|configmaps) in namespace jx-anchors"
    ):
        place.apply()
    assert images(api, place) == ["web:1"]
    theirs.close()
    place.reach(api)
    finish(place)


def test_an_object_above_the_limit_is_told_as_too_large(api: Api, place: Place) -> None:
    place.world.offer(
        "large", "1.0.0", config_map("large", {"a": "x" * 1_100_000}), deployment("after", "a:1")
    )
    place.world.commit(place.tree(web="1.0.0", large="1.0.0"))
    report = place.apply()
    [error] = errors(report)
    assert f"ConfigMap/large (namespace {place.name}) is too large for the cluster" in error
    assert "1,048,576 bytes" in error
    assert "not tried" in report.message
    place.world.commit(place.tree(web="1.1.0"))
    finish(place)


def test_what_no_request_can_carry_is_told_as_too_large(api: Api, place: Place) -> None:
    many = {f"k{number}": "x" * 500_000 for number in range(7)}
    place.world.offer("large", "1.0.0", config_map("large", many))
    place.world.commit(place.tree(web="1.0.0", large="1.0.0"))
    [error] = errors(place.apply())
    assert "too large for the cluster" in error
    place.world.commit(place.tree(web="1.1.0"))
    finish(place)


def test_a_field_that_cannot_change_is_told_with_its_path(api: Api, place: Place) -> None:
    other: dict[str, Any] = deployment("web", "web:2")
    other["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    other["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    place.world.offer("web", "2.0.0", other)
    place.world.commit(place.tree(web="2.0.0"))
    with pytest.raises(ImmutableFields, match=r"spec\.selector cannot be changed in place"):
        place.apply()
    assert images(api, place) == ["web:1"]
    place.world.commit(place.tree(web="1.1.0"))
    finish(place)
