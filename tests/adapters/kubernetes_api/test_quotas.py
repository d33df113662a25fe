"""What admission gives pods, and what namespaces may hold: accounts, tolerations, priorities, LimitRanges, quotas."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.kubernetes_server import Client, Obj, config_map


def pod(name: str = "a", **spec: Any) -> Obj:
    containers = [{"name": "main", "image": "b"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": containers, **spec},
    }


def asking(name: str = "a", **resources: Any) -> Obj:
    return pod(name, containers=[{"name": "main", "image": "b", "resources": resources}])


class Space:
    """The objects of one namespace."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.root = f"/api/v1/namespaces/{namespace}"
        self.name = namespace

    def quota(self, hard: dict[str, str], **more: Any) -> None:
        self.put("resourcequotas", "ResourceQuota", "q", {"hard": hard, **more})

    def limits(self, **limit: Any) -> None:
        self.put("limitranges", "LimitRange", "l", {"limits": [{"type": "Container", **limit}]})

    def put(self, plural: str, kind: str, name: str, spec: Obj) -> None:
        obj = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        answer = self.client.post(f"{self.root}/{plural}", obj)
        assert answer.status == 201, answer.body

    def status(self, name: str = "q") -> Obj:
        status: Obj = self.client.get(f"{self.root}/resourcequotas/{name}").body["status"]
        return status

    def refusal(self, plural: str, obj: Obj) -> str:
        answer = self.client.post(f"{self.root}/{plural}", obj)
        assert (answer.status, answer.body["reason"]) == (403, "Forbidden"), answer.body
        message: str = answer.body["message"]
        return message


@pytest.fixture
def space(client: Client, namespace: str) -> Space:
    return Space(client, namespace)


def test_a_pod_gets_the_token_of_its_account(space: Space) -> None:
    made = space.client.post(f"{space.root}/pods", pod()).body
    (volume,) = made["spec"]["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert len(volume["name"]) == len("kube-api-access-") + 5
    assert volume["projected"]["defaultMode"] == 420
    assert [next(iter(source)) for source in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    assert made["spec"]["containers"][0]["volumeMounts"] == [
        {
            "name": volume["name"],
            "readOnly": True,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }
    ]
    assert made["spec"]["serviceAccountName"] == "default"
    assert made["spec"]["priority"] == 0
    assert made["spec"]["preemptionPolicy"] == "PreemptLowerPriority"
    assert [one["key"] for one in made["spec"]["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    (entry,) = made["metadata"]["managedFields"]
    assert not {"f:volumes", "f:tolerations", "f:serviceAccountName"} & entry["fieldsV1"]["f:spec"].keys()


@pytest.mark.parametrize("owner", ["pod", "account"])
def test_a_token_can_be_declined(space: Space, owner: str) -> None:
    declined = {"automountServiceAccountToken": False}
    if owner == "account":
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "quiet"}, **declined}
        space.client.post(f"{space.root}/serviceaccounts", account)
    spec = declined if owner == "pod" else {"serviceAccountName": "quiet"}
    made = space.client.post(f"{space.root}/pods", pod(**spec)).body
    assert "volumes" not in made["spec"]


def test_an_account_that_is_not_there_is_refused(space: Space) -> None:
    assert space.refusal("pods", pod(serviceAccountName="nobody")) == (
        f'pods "a" is forbidden: error looking up service account {space.name}/nobody:'
        ' serviceaccount "nobody" not found'
    )


def test_priorities_come_from_their_class(space: Space) -> None:
    made = space.client.post(f"{space.root}/pods", pod(priorityClassName="system-node-critical")).body
    assert made["spec"]["priority"] == 2_000_001_000
    assert space.refusal("pods", pod("b", priorityClassName="none")).endswith(
        "no PriorityClass with name none was found"
    )
    assert "must not be provided in pod spec" in space.refusal("pods", pod("b", priority=7))


def test_a_limit_range_completes_what_containers_leave_out(space: Space) -> None:
    space.limits(default={"cpu": "1"}, defaultRequest={"cpu": "100m", "memory": "1Mi"})
    made = space.client.post(f"{space.root}/pods", pod()).body
    assert made["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "100m", "memory": "1Mi"},
        "limits": {"cpu": "1"},
    }
    assert made["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu, memory request for container main;"
        " cpu limit for container main"
    }
    assert made["status"]["qosClass"] == "Burstable"


def test_a_limit_range_refuses_what_is_beyond(space: Space) -> None:
    space.limits(min={"cpu": "100m"}, max={"cpu": "1"}, maxLimitRequestRatio={"cpu": "2"})
    told = space.refusal("pods", asking(requests={"cpu": "50m"}, limits={"cpu": "2"}))
    assert told == (
        'pods "a" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m,'
        " maximum cpu usage per Container is 1, but limit is 2,"
        " cpu max limit to request ratio per Container is 2, but provided ratio is 40.000000]"
    )


def test_objects_are_counted(space: Space) -> None:
    space.quota({"configmaps": "2", "count/secrets": "1"})
    assert space.status() == {
        "hard": {"configmaps": "2", "count/secrets": "1"},
        "used": {"configmaps": "1", "count/secrets": "0"},
    }
    path = f"{space.root}/configmaps"
    assert space.client.post(path, config_map("a")).status == 201
    assert space.refusal("configmaps", config_map("b")) == (
        'configmaps "b" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=2,'
        " limited: configmaps=2"
    )
    assert space.client.merge(f"{path}/a", {"data": {"x": "1"}}).status == 200
    space.client.delete(f"{path}/a")
    assert space.status()["used"]["configmaps"] == "1"
    assert space.client.apply(f"{path}/c", config_map("c")).status == 201


def test_a_dry_run_is_counted_and_changes_nothing(space: Space) -> None:
    space.quota({"configmaps": "2"})
    for _ in range(2):
        path = f"{space.root}/configmaps?dryRun=All"
        assert space.client.post(path, config_map("a")).status == 201
    assert space.status()["used"]["configmaps"] == "1"


def test_what_pods_ask_for_is_added_up(space: Space) -> None:
    space.quota({"pods": "5", "requests.cpu": "1", "limits.memory": "1Gi"})
    resources: dict[str, Any] = {"requests": {"cpu": "600m"}, "limits": {"memory": "600Mi"}}
    assert space.client.post(f"{space.root}/pods", asking(**resources)).status == 201
    assert space.refusal("pods", asking("b", **resources)) == (
        'pods "b" is forbidden: exceeded quota: q, requested: limits.memory=600Mi,requests.cpu=600m,'
        " used: limits.memory=600Mi,requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1"
    )
    assert space.refusal("pods", pod("c")) == (
        'pods "c" is forbidden: failed quota: q: must specify limits.memory for: main; requests.cpu for: main'
    )
    space.client.delete(f"{space.root}/pods/a")
    assert space.client.post(f"{space.root}/pods", asking("b", **resources)).status == 201


def test_a_quota_of_a_scope_counts_only_that(space: Space) -> None:
    space.quota({"pods": "1"}, scopes=["BestEffort"])
    assert space.client.post(f"{space.root}/pods", pod("a")).status == 201
    assert space.client.post(f"{space.root}/pods", asking("b", requests={"cpu": "1"})).status == 201
    assert "exceeded quota" in space.refusal("pods", pod("c"))


def test_services_count_their_node_ports(space: Space) -> None:
    space.quota({"services.nodeports": "1", "services.loadbalancers": "0"})
    service: Obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}
    spec = {"type": "NodePort", "ports": [{"port": 1}]}
    assert space.client.post(f"{space.root}/services", {**service, "spec": spec}).status == 201
    assert space.refusal("services", {**service, "metadata": {"name": "b"}, "spec": spec}).endswith(
        "requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1"
    )
    balanced = {**spec, "type": "LoadBalancer"}
    assert "services.loadbalancers=1" in space.refusal("services", {**service, "spec": balanced})


def test_the_service_of_the_api_leads_to_it(client: Client) -> None:
    root = "/api/v1/namespaces/default"
    service = client.get(f"{root}/services/kubernetes").body
    assert (service["spec"]["clusterIP"], service["spec"]["ports"][0]["port"]) == ("127.96.0.1", 443)
    port = service["spec"]["ports"][0]["targetPort"]
    endpoints = client.get(f"{root}/endpoints/kubernetes").body
    assert endpoints["subsets"][0]["addresses"] == [{"ip": "127.0.0.1"}]
    assert endpoints["subsets"][0]["ports"][0]["port"] == port
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"
    assert client.get(slices).body["ports"][0]["port"] == port


def test_a_budget_keeps_the_last_pods_from_eviction(space: Space) -> None:
    budgets = f"/apis/policy/v1/namespaces/{space.name}/poddisruptionbudgets"
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "keep"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}},
    }
    assert space.client.post(budgets, budget).status == 201
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    for name in ("a", "b"):
        obj = pod(name)
        obj["metadata"]["labels"] = {"app": "a"}
        space.client.post(f"{space.root}/pods", obj)
        space.client.merge(f"{space.root}/pods/{name}/status", {"status": ready})

    def evict(name: str) -> Any:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        return space.client.post(f"{space.root}/pods/{name}/eviction", eviction)

    def causes(answer: Any) -> str:
        assert (answer.status, answer.body["reason"]) == (429, "TooManyRequests")
        assert answer.body["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
        return str(answer.body["details"]["causes"][0]["message"])

    assert causes(evict("a")) == "The disruption budget keep is still being processed by the server."
    seen = {
        "observedGeneration": 1,
        "currentHealthy": 2,
        "desiredHealthy": 1,
        "disruptionsAllowed": 1,
        "expectedPods": 2,
    }
    space.client.merge(f"{budgets}/keep/status", {"status": seen})
    assert evict("a").status == 201
    assert list(space.client.get(f"{budgets}/keep").body["status"]["disruptedPods"]) == ["a"]
    space.client.merge(f"{budgets}/keep/status", {"status": {"currentHealthy": 1}})
    assert causes(evict("b")) == "The disruption budget keep needs 1 healthy pods and has 1 currently"
    space.client.delete(f"{budgets}/keep")
    assert evict("b").status == 201
