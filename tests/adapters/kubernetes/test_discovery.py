"""Discovery, aggregated and plain, says the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.kubernetes import Reply, ScriptedServer, Seen, status

from jx.adapters.kubernetes.api import Api
from jx.adapters.kubernetes.discovery import Discovery

Serve = Callable[..., tuple[ScriptedServer, Api]]


def resource(
    name: str, kind: str, *, scope: str = "Namespaced", sub: tuple[tuple[str, str], ...] = ()
) -> Any:
    return {
        "resource": name,
        "responseKind": {"group": "", "version": "", "kind": kind},
        "scope": scope,
        "verbs": ["get", "list"],
        "subresources": [{"subresource": n, "responseKind": {"kind": k}, "verbs": ["get"]} for n, k in sub],
    }


def plain(version: str, *resources: Any) -> Any:
    rows = []
    for item in resources:
        namespaced = item["scope"] == "Namespaced"
        rows.append(
            {
                "name": item["resource"],
                "kind": item["responseKind"]["kind"],
                "namespaced": namespaced,
                "verbs": ["get"],
            }
        )
        rows += [
            {
                "name": f"{item['resource']}/{s['subresource']}",
                "kind": s["responseKind"]["kind"],
                "namespaced": namespaced,
            }
            for s in item["subresources"]
        ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": rows}


CORE = (
    resource("pods", "Pod", sub=(("eviction", "Eviction"),)),
    resource("namespaces", "Namespace", scope="Cluster"),
)
APPS = (resource("deployments", "Deployment", sub=(("scale", "Scale"), ("status", "Deployment"))),)
JENKINS = (resource("environments", "Environment"),)


def aggregated(seen: Seen) -> Reply:
    def group(name: str, *versions: tuple[str, tuple[Any, ...]]) -> Any:
        return {
            "metadata": {"name": name} if name else {},
            "versions": [{"version": v, "resources": list(r), "freshness": "Current"} for v, r in versions],
        }

    items = {
        "/api": [group("", ("v1", CORE))],
        "/apis": [group("apps", ("v1", APPS)), group("jenkins.io", ("v1", JENKINS), ("v1beta1", JENKINS))],
    }[seen.path]
    return Reply(body={"kind": "APIGroupDiscoveryList", "items": items})


def old(seen: Seen) -> Reply:
    versions = [{"groupVersion": f"jenkins.io/{v}", "version": v} for v in ("v1beta1", "v1")]
    bodies = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": plain("v1", *CORE),
        "/apis": {
            "kind": "APIGroupList",
            "groups": [
                {"name": "apps", "versions": [{"groupVersion": "apps/v1"}]},
                {"name": "jenkins.io", "versions": versions, "preferredVersion": versions[1]},
                {"name": "metrics.k8s.io", "versions": [{"groupVersion": "metrics.k8s.io/v1"}]},
            ],
        },
        "/apis/apps/v1": plain("apps/v1", *APPS),
        "/apis/jenkins.io/v1": plain("jenkins.io/v1", *JENKINS),
        "/apis/jenkins.io/v1beta1": plain("jenkins.io/v1beta1", *JENKINS),
    }
    return Reply(body=bodies[seen.path]) if seen.path in bodies else status(404, "NotFound", "down")


def test_both_ways_give_the_same_kinds_and_helms_versions(serve: Serve) -> None:
    _, new_api = serve(aggregated)
    _, old_api = serve(old)
    new_kinds, old_kinds = Discovery(new_api).read(), Discovery(old_api).read()
    assert new_kinds.api_versions == old_kinds.api_versions
    assert {key: (i.plural, i.namespaced, i.versions) for key, i in new_kinds.kinds.items()} == {
        key: (i.plural, i.namespaced, i.versions) for key, i in old_kinds.kinds.items()
    }


def test_helm_sees_versions_kinds_and_kinds_of_subresources(serve: Serve) -> None:
    _, api = serve(aggregated)
    assert Discovery(api).read().api_versions == (
        "apps/v1",
        "apps/v1/Deployment",
        "apps/v1/Scale",
        "jenkins.io/v1",
        "jenkins.io/v1/Environment",
        "jenkins.io/v1beta1",
        "jenkins.io/v1beta1/Environment",
        "v1",
        "v1/Eviction",
        "v1/Namespace",
        "v1/Pod",
    )


def test_a_retired_version_is_found_in_the_preferred_one(serve: Serve) -> None:
    _, api = serve(aggregated)
    found = Discovery(api).find("jenkins.io/v1alpha1", "Environment")
    assert found is not None
    assert found.path("jx", "dev") == "/apis/jenkins.io/v1/namespaces/jx/environments/dev"


def test_the_cluster_is_asked_again_only_for_what_was_not_there(serve: Serve) -> None:
    server, api = serve(aggregated)
    discovery = Discovery(api)
    assert discovery.find("v1", "Pod") is not None
    assert discovery.find("apps/v1", "Deployment") is not None
    assert len(server.seen) == 2
    assert discovery.find("acme.io/v1", "Gadget") is None
    assert len(server.seen) == 4
