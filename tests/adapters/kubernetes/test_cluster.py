"""What the cluster adapter asks of an API, to the letter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.support.kubernetes import Reply, ScriptedServer, Seen, status

from jx.adapters.kubernetes.api import Api
from jx.adapters.kubernetes.cluster import KubernetesCluster
from jx.domain.applying.applying import Action, Step
from jx.domain.errors import Forbidden, Invalid, NotFound
from jx.domain.objects.manifests import Manifest, ref_of
from jx.ports.cluster import Scope

Serve = Callable[..., tuple[ScriptedServer, Api]]
Answers = dict[str, Reply]

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "namespace": "jx"},
    "spec": {"replicas": 1},
}
STORED = {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "uid": "u1", "resourceVersion": "7"}}
ONE = "/apis/apps/v1/namespaces/jx/deployments/shop"
ALL = "/apis/apps/v1/namespaces/jx/deployments"


def discovery(group: str, *resources: tuple[str, str, str]) -> Reply:
    rows = [{"resource": r, "responseKind": {"kind": k}, "scope": s} for r, k, s in resources]
    item = {"metadata": {"name": group}, "versions": [{"version": "v1", "resources": rows}]}
    return Reply(body={"kind": "APIGroupDiscoveryList", "items": [item]})


def answers(more: Answers) -> Callable[[Seen], Reply]:
    known = {
        "/api": discovery("", ("pods", "Pod", "Namespaced"), ("namespaces", "Namespace", "Cluster")),
        "/apis": discovery("apps", ("deployments", "Deployment", "Namespaced")),
        **more,
    }
    return lambda seen: known.get(seen.path.partition("?")[0], status(404, "NotFound", "not found"))


def step(action: Action = Action.UPDATE, *, uid: str = "", version: str = "") -> Step:
    manifest = Manifest(ref_of(DEPLOYMENT), "apps/v1", DEPLOYMENT)
    return Step(action, manifest.ref, "apps/v1", 0, "", manifest, uid, version)


def query(seen: Seen) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(seen.path).query).items()}


def test_an_apply_is_by_manager_jx_unforced_and_warns_only(serve: Serve) -> None:
    server, api = serve(answers({ONE: Reply(body=STORED)}))
    live = KubernetesCluster(api).send(step())
    seen = server.seen[-1]
    assert (seen.method, seen.headers["content-type"]) == ("PATCH", "application/apply-patch+yaml")
    assert query(seen) == {"fieldManager": "jx", "force": "false", "fieldValidation": "Warn"}
    assert json.loads(seen.body) == DEPLOYMENT
    assert (live.uid, live.resource_version) == ("u1", "7")


def test_a_dry_run_is_strict_and_an_apply_by_uid_carries_it(serve: Serve) -> None:
    server, api = serve(answers({ONE: Reply(body=STORED)}))
    KubernetesCluster(api).send(step(uid="u1"), dry_run=True, force=True)
    seen = server.seen[-1]
    assert query(seen) == {
        "fieldManager": "jx",
        "force": "true",
        "fieldValidation": "Strict",
        "dryRun": "All",
    }
    assert json.loads(seen.body)["metadata"]["uid"] == "u1"
    assert "uid" not in DEPLOYMENT["metadata"]


def test_a_delete_states_what_it_saw_and_lets_the_cluster_collect_what_belongs_to_it(serve: Serve) -> None:
    server, api = serve(answers({ONE: Reply(body={"kind": "Status"})}))
    KubernetesCluster(api).delete(step(Action.PRUNE, uid="u1", version="7"))
    body = json.loads(server.seen[-1].body)
    assert body["preconditions"] == {"uid": "u1", "resourceVersion": "7"}
    assert body["propagationPolicy"] == "Background"


def test_an_object_without_the_namespace_it_needs_is_never_sent(serve: Serve) -> None:
    server, api = serve(answers({}))
    body = {**DEPLOYMENT, "metadata": {"name": "shop"}}
    manifest = Manifest(ref_of(body), "apps/v1", body)
    with pytest.raises(Invalid, match="namespace"):
        KubernetesCluster(api).send(Step(Action.CREATE, manifest.ref, "apps/v1", 0, "", manifest))
    assert {seen.method for seen in server.seen} == {"GET"}


def test_a_retired_version_is_listed_in_the_served_one_but_not_sent(serve: Serve) -> None:
    items = {"items": [{"metadata": STORED["metadata"]}], "metadata": {}}
    _, api = serve(answers({ALL: Reply(body=items)}))
    cluster = KubernetesCluster(api)
    (live,) = cluster.live((Scope("apps/v1beta1", "Deployment", "jx"),))
    assert (live.ref, live.body["apiVersion"]) == (ref_of(DEPLOYMENT), "apps/v1")
    old = {**DEPLOYMENT, "apiVersion": "apps/v1beta1"}
    manifest = Manifest(ref_of(old), "apps/v1beta1", old)
    with pytest.raises(Invalid, match="it serves apps/v1"):
        cluster.send(Step(Action.UPDATE, manifest.ref, "apps/v1beta1", 0, "", manifest))


def test_a_kind_that_is_served_elsewhere_since_a_moment_ago_is_sent_there(serve: Serve) -> None:
    kinds = [discovery("apps", ("shops", "Deployment", "Namespaced"))]
    known = answers({ONE: Reply(body=STORED)})

    def answer(seen: Seen) -> Reply:
        return kinds.pop() if seen.path == "/apis" and kinds else known(seen)

    server, api = serve(answer)
    assert KubernetesCluster(api).send(step()).uid == "u1"
    sent = [urlsplit(seen.path).path for seen in server.seen if seen.method == "PATCH"]
    assert sent == [ONE.replace("deployments", "shops"), ONE]


def test_an_object_whose_namespace_is_not_there_is_sent_once(serve: Serve) -> None:
    server, api = serve(answers({}))
    with pytest.raises(NotFound):
        KubernetesCluster(api).send(step())
    assert sum(seen.method == "PATCH" for seen in server.seen) == 1


def test_a_scope_asked_twice_is_listed_once(serve: Serve) -> None:
    server, api = serve(answers({ALL: Reply(body={"items": [], "metadata": {}})}))
    KubernetesCluster(api).live((Scope("apps/v1", "Deployment", "jx"),) * 3)
    assert sum(seen.path.startswith(ALL) for seen in server.seen) == 1


def test_a_list_without_the_right_is_forbidden_not_empty(serve: Serve) -> None:
    words = 'User "ann" cannot list resource "deployments" in API group "apps" in the namespace "jx"'
    _, api = serve(answers({ALL: status(403, "Forbidden", f"deployments.apps is forbidden: {words}")}))
    with pytest.raises(Forbidden, match=r"ann may not list deployments\.apps in namespace jx"):
        KubernetesCluster(api).live((Scope("apps/v1", "Deployment", "jx"),))


def pod(**ready: bool) -> Reply:
    stated = [{"name": name, "ready": is_ready, "state": {}} for name, is_ready in ready.items()]
    spec = {"containers": [{"name": name} for name in ready]}
    return Reply(body={"kind": "Pod", "spec": spec, "status": {"containerStatuses": stated}})


def test_the_logs_of_a_pod_are_those_of_its_failing_container(serve: Serve) -> None:
    log = "/api/v1/namespaces/jx/pods/shop/log"
    server, api = serve(
        answers({"/api/v1/namespaces/jx/pods/shop": pod(web=True, db=False), log: Reply(body=b"boom\n")})
    )
    assert KubernetesCluster(api).logs("jx", "shop", lines=5) == "boom\n"
    assert query(server.seen[-1]) == {"container": "db", "tailLines": "5"}


def test_the_logs_of_several_containers_name_them(serve: Serve) -> None:
    log = "/api/v1/namespaces/jx/pods/shop/log"
    _, api = serve(
        answers({"/api/v1/namespaces/jx/pods/shop": pod(a=True, b=True), log: Reply(body=b"hi\n")})
    )
    assert KubernetesCluster(api).logs("jx", "shop") == "[a] hi\n[b] hi\n"


def test_a_container_that_was_just_restarted_is_asked_for_its_previous_words(serve: Serve) -> None:
    def answer(seen: Seen) -> Reply:
        if seen.path.partition("?")[0].endswith("/log"):
            return Reply(body=b"it was me\n" if "previous=true" in seen.path else b"", headers={})
        return pod(web=False)

    _, api = serve(answer)
    assert KubernetesCluster(api).logs("jx", "shop") == "it was me\n"


def test_a_server_that_cannot_say_who_we_are_leaves_the_kubeconfigs_word(serve: Serve) -> None:
    _, api = serve(answers({}))
    assert KubernetesCluster(api).whoami() == "ann"
