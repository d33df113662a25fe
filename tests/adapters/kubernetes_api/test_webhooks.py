"""Admission webhooks: real HTTPS servers that complete, warn, deny, fail and come back to the API while they are asked."""

from __future__ import annotations

import base64
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.kubernetes import AUTHORITY_NAME, Authority, Reply, ScriptedServer, Seen
from tests.support.kubernetes_server import Answer, Client, Obj, config_map

from jx.adapters.local.kubernetes.serve import Server

HOOKS = "/apis/admissionregistration.k8s.io/v1"
_NUMBERS = itertools.count()
Decide = Callable[[Obj], Obj]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make()


class Hook:
    """One webhook server and its configurations, as a test wants them."""

    def __init__(self, client: Client, namespace: str, server: ScriptedServer) -> None:
        self.client = client
        self.namespace = namespace
        self.server = server
        self.made: list[str] = []

    @property
    def asked(self) -> list[Obj]:
        """The AdmissionRequests that came."""
        return [json.loads(seen.body)["request"] for seen in self.server.seen]

    def configure(self, kind: str = "Validating", **more: Any) -> str:
        """Make a configuration with one webhook for the ConfigMaps of the test's namespace; gives the webhook's name."""
        answer = self.configuration(kind, **more)
        assert answer.status == 201, answer.body
        self.made.append(f"{HOOKS}/{kind.lower()}webhookconfigurations/{answer.body['metadata']['name']}")
        name: str = answer.body["webhooks"][0]["name"]
        return name

    def configuration(self, kind: str = "Validating", **more: Any) -> Answer:
        """Offer a configuration to the API."""
        number = next(_NUMBERS)
        name = f"hook-{number}.example.org"
        webhook: Obj = {
            "name": name,
            "clientConfig": {"url": f"https://127.0.0.1:{self.server.port}/check", "caBundle": self.bundle},
            "rules": [rule("configmaps")],
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}},
            "timeoutSeconds": 2,
            **more,
        }
        plural = f"{kind.lower()}webhookconfigurations"
        configuration = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": f"config-{number}"},
            "webhooks": [webhook],
        }
        return self.client.post(f"{HOOKS}/{plural}", configuration)

    @property
    def bundle(self) -> str:
        return base64.b64encode(self.server.authority.pem.encode()).decode()

    def path(self, name: str = "") -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps" + (f"/{name}" if name else "")

    def create(self, name: str = "a", query: str = "", **data: str) -> Answer:
        return self.client.post(self.path() + query, config_map(name, **data))


def rule(*resources: str, operations: tuple[str, ...] = ("CREATE", "UPDATE"), version: str = "v1") -> Obj:
    return {
        "apiGroups": [""],
        "apiVersions": [version],
        "operations": list(operations),
        "resources": list(resources),
    }


def allow(_request: Obj) -> Obj:
    return {"allowed": True}


def patching(*operations: Obj) -> Decide:
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return lambda _request: {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def reviewed(decide: Decide) -> Callable[[Seen], Reply]:
    def answer(seen: Seen) -> Reply:
        review = json.loads(seen.body)
        response = {"uid": review["request"]["uid"], **decide(review["request"])}
        return Reply(
            200, {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}
        )

    return answer


@pytest.fixture
def hooks(
    client: Client, namespace: str, authority: Authority, tmp_path: Path
) -> Iterator[Callable[[Callable[[Seen], Reply]], Hook]]:
    with _hooks(client, namespace, authority, tmp_path) as make:
        yield make


@contextmanager
def _hooks(
    client: Client, namespace: str, authority: Authority, folder: Path
) -> Iterator[Callable[[Callable[[Seen], Reply]], Hook]]:
    running: list[Hook] = []

    def make(answer: Callable[[Seen], Reply]) -> Hook:
        server = ScriptedServer(authority, folder, answer, name=f"hook.{namespace}.svc")
        server.__enter__()
        running.append(Hook(client, namespace, server))
        return running[-1]

    try:
        yield make
    finally:
        for hook in running:
            for path in hook.made:
                client.delete(path)
            hook.server.__exit__()


Make = Callable[[Callable[[Seen], Reply]], Hook]


def test_a_webhook_sees_the_whole_request(hooks: Make) -> None:
    hook = hooks(reviewed(allow))
    hook.configure()
    assert hook.create(x="1").status == 201
    (request,) = hook.asked
    assert request["operation"] == "CREATE"
    assert request["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert request["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (request["name"], request["namespace"], request["dryRun"]) == ("a", hook.namespace, False)
    assert request["userInfo"]["username"] == "kubernetes-admin"
    assert request["object"]["data"] == {"x": "1"}
    assert request["object"]["metadata"]["uid"]
    assert request["oldObject"] is None
    assert hook.server.seen[0].path == "/check?timeout=2s"


def test_a_refusal_is_the_answer(hooks: Make) -> None:
    status = {"code": 403, "reason": "Forbidden", "message": "not on a Monday"}
    hook = hooks(reviewed(lambda _request: {"allowed": False, "status": status}))
    name = hook.configure()
    answer = hook.create()
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["message"] == f'admission webhook "{name}" denied the request: not on a Monday'
    assert hook.client.get(hook.path("a")).status == 404


@pytest.mark.parametrize(
    ("status", "code", "end"),
    [({}, 400, " without explanation"), ({"reason": "NoReason", "code": 200}, 400, ": NoReason")],
)
def test_a_refusal_without_words_is_a_bad_request(hooks: Make, status: Obj, code: int, end: str) -> None:
    hook = hooks(reviewed(lambda _request: {"allowed": False, "status": status}))
    name = hook.configure()
    answer = hook.create()
    assert answer.status == code
    assert answer.body["message"] == f'admission webhook "{name}" denied the request{end}'


def test_warnings_reach_the_caller_also_beside_a_refusal(hooks: Make) -> None:
    hook = hooks(
        reviewed(lambda request: {"allowed": "x" in request["object"]["data"], "warnings": ["mind"]})
    )
    hook.configure()
    assert hook.create(x="1").headers["warning"] == '299 - "mind"'
    assert hook.create("b", y="1").headers["warning"] == '299 - "mind"'


def test_a_patch_completes_the_object_and_owns_nothing(hooks: Make) -> None:
    hook = hooks(
        reviewed(
            patching(
                {"op": "add", "path": "/metadata/labels", "value": {"team": "a"}},
                {"op": "add", "path": "/data/z", "value": "3"},
                {"op": "replace", "path": "/metadata/name", "value": "other"},
            )
        )
    )
    hook.configure("Mutating")
    made = hook.create(x="1").body
    assert (made["metadata"]["name"], made["metadata"]["labels"]) == ("a", {"team": "a"})
    assert made["data"] == {"x": "1", "z": "3"}
    (entry,) = made["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:data": {".": {}, "f:x": {}}}


def test_generated_names_are_the_same_for_the_webhook_and_the_store(hooks: Make) -> None:
    hook = hooks(reviewed(allow))
    hook.configure()
    obj = {**config_map("x"), "metadata": {"generateName": "some-"}}
    made = hook.client.post(hook.path(), obj).body
    (request,) = hook.asked
    assert request["object"]["metadata"]["name"] == made["metadata"]["name"]
    assert request["object"]["metadata"]["uid"] == made["metadata"]["uid"]


def test_webhooks_run_in_order_and_again_where_they_wish(hooks: Make) -> None:
    def count(request: Obj) -> Obj:
        seen = int(request["object"]["data"].get("seen", "0"))
        return patching({"op": "add", "path": "/data/seen", "value": str(seen + 1)})(request)

    first, second = (
        hooks(reviewed(count)),
        hooks(reviewed(patching({"op": "add", "path": "/data/b", "value": "1"}))),
    )
    first.configure("Mutating", reinvocationPolicy="IfNeeded")
    second.configure("Mutating")
    assert first.create(x="1").body["data"] == {"x": "1", "b": "1", "seen": "2"}
    assert (len(first.asked), len(second.asked)) == (2, 1)


def test_a_webhook_may_use_the_api_while_it_is_asked(hooks: Make, client: Client) -> None:
    def look(request: Obj) -> Obj:
        found = client.get(f"/api/v1/namespaces/{request['namespace']}")
        made = client.post("/api/v1/namespaces/default/configmaps", config_map(f"by-{request['namespace']}"))
        return {"allowed": found.status == 200 and made.status in (201, 409)}

    hook = hooks(reviewed(look))
    hook.configure()
    assert hook.create().status == 201


def test_every_verb_is_asked_about(hooks: Make) -> None:
    hook = hooks(reviewed(allow))
    hook.configure(rules=[rule("configmaps", operations=("*",))])
    hook.create(x="1")
    hook.client.merge(hook.path("a"), {"data": {"x": "2"}})
    hook.client.apply(hook.path("b"), config_map("b", y="1"))
    hook.client.delete(hook.path("b"))
    hook.client.delete(hook.path())
    operations = [request["operation"] for request in hook.asked]
    assert operations[:4] == ["CREATE", "UPDATE", "CREATE", "DELETE"]
    assert set(operations[4:]) == {"DELETE"}
    update, removal = hook.asked[1], hook.asked[3]
    assert (update["oldObject"]["data"], update["object"]["data"]) == ({"x": "1"}, {"x": "2"})
    assert (removal["object"], removal["oldObject"]["data"]) == (None, {"y": "1"})
    assert hook.client.get(hook.path("a")).status == 404


def test_a_collection_is_kept_whole_when_one_removal_is_refused(hooks: Make) -> None:
    hook = hooks(reviewed(lambda request: {"allowed": request["name"] != "b"}))
    hook.create("a")
    hook.create("b")
    hook.configure(rules=[rule("configmaps", operations=("DELETE",))])
    assert hook.client.delete(hook.path()).status == 400
    assert hook.client.get(hook.path("a")).status == 200


@pytest.mark.parametrize(
    ("more", "is_asked"),
    [
        ({"rules": [rule("secrets")]}, False),
        ({"rules": [rule("*")]}, True),
        ({"rules": [rule("configmaps", operations=("DELETE",))]}, False),
        ({"rules": [rule("configmaps", version="v2")]}, False),
        ({"rules": [{**rule("configmaps"), "scope": "Cluster"}]}, False),
        ({"namespaceSelector": {"matchLabels": {"nobody": "has-it"}}}, False),
        ({"objectSelector": {"matchLabels": {"app": "a"}}}, False),
        ({"objectSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}, True),
        ({"matchConditions": [{"name": "x", "expression": "object.data.x == '1'"}]}, True),
        ({"matchConditions": [{"name": "x", "expression": "request.userInfo.username == 'nobody'"}]}, False),
    ],
)
def test_only_what_is_meant_is_asked(hooks: Make, more: Obj, *, is_asked: bool) -> None:
    hook = hooks(reviewed(allow))
    hook.configure(**more)
    assert hook.create(x="1").status == 201
    assert bool(hook.asked) is is_asked


def test_a_change_of_scale_is_seen_as_a_scale(hooks: Make, client: Client) -> None:
    hook = hooks(reviewed(lambda request: {"allowed": request["object"]["spec"]["replicas"] < 3}))
    path = f"/apis/apps/v1/namespaces/{hook.namespace}/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
    assert client.post(path, deployment).status == 201
    hook.configure(rules=[{**rule("deployments/scale"), "apiGroups": ["apps"]}])
    assert client.merge(f"{path}/a/scale", {"spec": {"replicas": 2}}).status == 200
    assert client.merge(f"{path}/a/scale", {"spec": {"replicas": 4}}).status == 400
    assert client.merge(f"{path}/a", {"spec": {"replicas": 5}}).status == 200
    assert [request["kind"]["kind"] for request in hook.asked] == ["Scale", "Scale"]
    assert hook.asked[0]["oldObject"]["spec"] == {"replicas": 1}


def test_rules_for_another_version_mean_the_same_resource(hooks: Make, client: Client) -> None:
    hook = hooks(reviewed(allow))
    meant = {**rule("horizontalpodautoscalers", version="v1"), "apiGroups": ["autoscaling"]}
    hook.configure(rules=[meant])
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "a"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3},
    }
    path = f"/apis/autoscaling/v2/namespaces/{hook.namespace}/horizontalpodautoscalers"
    assert client.post(path, scaler).status == 201
    (request,) = hook.asked
    assert (request["kind"]["version"], request["requestKind"]["version"]) == ("v1", "v2")
    assert request["object"]["apiVersion"] == "autoscaling/v1"


def test_conditions_that_cannot_be_compiled_are_refused(client: Client, hooks: Make) -> None:
    hook = hooks(reviewed(allow))
    answer = hook.configuration(matchConditions=[{"name": "x", "expression": "nobody == 1"}])
    assert answer.status == 422
    assert "webhooks[0].matchConditions[0].expression" in answer.body["message"]
    assert "compilation failed: ERROR: <input>:1:1: undeclared reference" in answer.body["message"]


def test_a_failing_webhook_fails_the_request_or_not_as_its_policy_says(hooks: Make) -> None:
    hook = hooks(lambda _seen: Reply(500, b"broken"))
    name = hook.configure()
    answer = hook.create()
    assert (answer.status, answer.body["reason"]) == (500, "InternalError")
    assert answer.body["message"] == (
        f'Internal error occurred: failed calling webhook "{name}": failed to call webhook:'
        ' an error on the server ("broken") has prevented the request from succeeding'
    )
    hook.client.delete(hook.made.pop())
    hook.configure(failurePolicy="Ignore")
    assert hook.create().status == 201


def test_a_webhook_that_is_not_there_is_named_with_its_address(hooks: Make) -> None:
    hook = hooks(reviewed(allow))
    name = hook.configure(clientConfig={"url": "https://127.0.0.1:1/x"})
    assert hook.create().body["message"] == (
        f'Internal error occurred: failed calling webhook "{name}": failed to call webhook:'
        ' Post "https://127.0.0.1:1/x?timeout=2s": dial tcp 127.0.0.1:1: connect: connection refused'
    )


def test_a_certificate_of_another_authority_is_refused(hooks: Make) -> None:
    hook = hooks(reviewed(allow))
    other = base64.b64encode(Authority.make().pem.encode()).decode()
    hook.configure(clientConfig={"url": f"https://127.0.0.1:{hook.server.port}/", "caBundle": other})
    assert (
        hook.create()
        .body["message"]
        .endswith("tls: failed to verify certificate: x509: certificate signed by unknown authority")
    )


def test_an_authority_and_a_server_may_bear_one_name(
    hooks: Make, authority: Authority, tmp_path: Path
) -> None:
    hook = hooks(reviewed(allow))
    with ScriptedServer(authority, tmp_path, reviewed(allow), name=AUTHORITY_NAME) as server:
        url = f"https://127.0.0.1:{server.port}/"
        other = base64.b64encode(Authority.make().pem.encode()).decode()
        hook.configure(clientConfig={"url": url, "caBundle": hook.bundle})
        assert hook.create().status == 201
        assert len(server.seen) == 1
        hook.configure(clientConfig={"url": url, "caBundle": other})
        refused = hook.create("b").body["message"]
    assert refused.endswith("x509: certificate signed by unknown authority")


def test_a_silent_webhook_is_given_its_time_only(hooks: Make) -> None:
    never = threading.Event()
    hook = hooks(lambda _seen: Reply(200, pieces=(), hold=never))
    hook.configure(timeoutSeconds=1)
    answer = hook.create()
    never.set()
    assert answer.status == 500
    assert answer.body["message"].endswith("context deadline exceeded")


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        ({"uid": "other", "allowed": True}, 'expected response.uid="'),
        ({"allowed": True, "patch": "W10="}, "validating webhook may not return response.patch"),
    ],
)
def test_answers_that_are_no_reviews_are_refused(hooks: Make, response: Obj, problem: str) -> None:
    hook = hooks(reviewed(lambda _request: response))
    hook.configure()
    assert f"received invalid webhook response: {problem}" in hook.create().body["message"]


def test_a_dry_run_is_asked_about_as_such(hooks: Make) -> None:
    hook = hooks(reviewed(allow))
    hook.configure()
    assert hook.create(query="?dryRun=All").status == 201
    assert hook.asked[0]["dryRun"] is True
    assert hook.client.get(hook.path("a")).status == 404


def _service(hook: Hook, port: int) -> None:
    path = f"/api/v1/namespaces/{hook.namespace}/services"
    spec = {"ports": [{"port": 443, "targetPort": port}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"}, "spec": spec}
    assert hook.client.post(path, service).status == 201


def _endpoints(hook: Hook, port: int, *, ready: bool = True, **more: Any) -> None:
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{hook.namespace}/endpointslices"
    each = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": ready}, **more}],
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
    }
    assert hook.client.post(slices, each).status == 201


def _by_service(hook: Hook) -> Obj:
    return {"service": {"name": "hook", "namespace": hook.namespace, "path": "/go"}, "caBundle": hook.bundle}


def test_a_service_leads_to_a_ready_endpoint(hooks: Make) -> None:
    hook = hooks(reviewed(allow))
    hook.configure(clientConfig=_by_service(hook))
    begin = f'failed to call webhook: Post "https://hook.{hook.namespace}.svc:443/go?timeout=2s": '
    assert hook.create().body["message"].endswith(begin + 'service "hook" not found')
    _service(hook, hook.server.port)
    assert hook.create().body["message"].endswith(begin + 'no endpoints available for service "hook"')
    _endpoints(hook, hook.server.port)
    assert hook.create().status == 201
    assert hook.server.seen[0].path == "/go?timeout=2s"


def test_a_webhook_whose_pods_are_only_played_is_left_out_with_a_warning(server: Server, hooks: Make) -> None:
    hook = hooks(reviewed(allow))
    name = hook.configure(clientConfig=_by_service(hook))
    pods = f"/api/v1/namespaces/{hook.namespace}/pods"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hook"}, "spec": {}}
    assert (
        hook.client.post(pods, {**pod, "spec": {"containers": [{"name": "a", "image": "b"}]}}).status == 201
    )
    _service(hook, hook.server.port)
    _endpoints(hook, hook.server.port, targetRef={"kind": "Pod", "name": "hook", "namespace": hook.namespace})
    before, server.api.webhooks.is_played = server.api.webhooks.is_played, lambda _pod: True
    try:
        answer = hook.create()
    finally:
        server.api.webhooks.is_played = before
    assert answer.status == 201
    assert answer.headers["warning"] == (
        f'299 - "admission webhook \\"{name}\\" is not asked: its pods are only played here"'
    )


def test_configurations_themselves_are_never_asked_about(hooks: Make) -> None:
    hook = hooks(reviewed(lambda _request: {"allowed": False}))
    every = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}
    hook.configure(rules=[every])
    assert hook.create().status == 400
    assert hook.client.delete(hook.made.pop()).status == 200
    assert hook.create().status == 201


def test_writes_of_controllers_are_asked_about_too(server: Server, hooks: Make) -> None:
    hook = hooks(reviewed(patching({"op": "add", "path": "/data/by", "value": "hook"})))
    hook.configure("Mutating")
    configs = server.api.resource("", "configmaps")
    made = server.api.create(configs, hook.namespace, config_map("a", x="1"), manager="controller")
    assert made["data"] == {"x": "1", "by": "hook"}
