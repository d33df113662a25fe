"""Rights: what is not granted is refused, in the real server's words, and nobody grants more than he has."""

from __future__ import annotations

import pytest
from tests.support.kubernetes_server import Client, Obj, config_map

from jx.adapters.local.kubernetes.serve import Server

RBAC = "/apis/rbac.authorization.k8s.io/v1"


def _rule(verbs: str, resources: str, group: str = "", **more: list[str]) -> Obj:
    return {"verbs": verbs.split(), "resources": resources.split(), "apiGroups": [group], **more}


def _role(client: Client, namespace: str, name: str, *rules: Obj) -> None:
    role = {
        "kind": "Role",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": name},
        "rules": list(rules),
    }
    assert client.post(f"{RBAC}/namespaces/{namespace}/roles", role).status == 201


def _binding(name: str, role: str, account: str, namespace: str, kind: str = "Role") -> Obj:
    return {
        "kind": "RoleBinding",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
    }


def _account(server: Server, client: Client, namespace: str, name: str = "bot") -> Client:
    obj = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": name}}
    assert client.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", obj).status == 201
    return Client(server, token=server.api.token_for(namespace, name))


@pytest.fixture
def bot(server: Server, client: Client, namespace: str) -> Client:
    """A ServiceAccount that may read ConfigMaps, and change the one named `mine`."""
    caller = _account(server, client, namespace)
    rules = (
        _rule("get list", "configmaps"),
        _rule("update patch delete", "configmaps", resourceNames=["mine"]),
    )
    _role(client, namespace, "reader", *rules)
    bound = client.post(
        f"{RBAC}/namespaces/{namespace}/rolebindings", _binding("b", "reader", "bot", namespace)
    )
    assert bound.status == 201
    return caller


def test_an_account_may_do_what_its_role_says_and_nothing_else(
    bot: Client, client: Client, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    client.post(path, config_map("mine"))
    client.post(path, config_map("other"))
    assert bot.get(path).status == 200
    assert bot.merge(f"{path}/mine", {"data": {"x": "1"}}).status == 200
    assert bot.merge(f"{path}/other", {"data": {"x": "1"}}).status == 403
    assert bot.post(path, config_map("new")).status == 403
    assert bot.get(f"/api/v1/namespaces/{namespace}/secrets").status == 403
    assert bot.get("/api/v1/namespaces/default/configmaps").status == 403
    assert bot.get("/api/v1/configmaps").status == 403


def test_the_refusal_says_who_what_and_where(bot: Client, namespace: str) -> None:
    answer = bot.get(f"/api/v1/namespaces/{namespace}/secrets/x")
    user = f"system:serviceaccount:{namespace}:bot"
    assert answer.body["message"] == (
        f'secrets "x" is forbidden: User "{user}" cannot get resource "secrets" in API group "" in the namespace'
        f' "{namespace}"'
    )
    assert (
        'cannot list resource "nodes" in API group "" at the cluster scope'
        in bot.get("/api/v1/nodes").body["message"]
    )
    assert bot.get("/metrics").body["message"] == f'forbidden: User "{user}" cannot get path "/metrics"'


def test_rights_end_with_the_binding(bot: Client, client: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    assert bot.get(path).status == 200
    client.delete(f"{RBAC}/namespaces/{namespace}/rolebindings/b")
    assert bot.get(path).status == 403


def test_a_token_ends_with_its_account(bot: Client, client: Client, namespace: str) -> None:
    client.delete(f"/api/v1/namespaces/{namespace}/serviceaccounts/bot")
    assert bot.get("/api").status == 401


def test_subresources_are_rights_of_their_own(server: Server, client: Client, namespace: str) -> None:
    caller = _account(server, client, namespace)
    _role(client, namespace, "scaler", _rule("get patch", "deployments/scale", "apps"))
    client.post(f"{RBAC}/namespaces/{namespace}/rolebindings", _binding("b", "scaler", "bot", namespace))
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/d"
    assert caller.get(f"{path}/scale").status == 404
    assert caller.get(path).status == 403


def test_the_view_role_reads_but_no_secrets(server: Server, client: Client, namespace: str) -> None:
    caller = _account(server, client, namespace)
    bound = _binding("b", "view", "bot", namespace, kind="ClusterRole")
    client.post(f"{RBAC}/namespaces/{namespace}/rolebindings", bound)
    base = f"/api/v1/namespaces/{namespace}"
    assert caller.get(f"{base}/pods").status == 200
    assert caller.get(f"{base}/secrets").status == 403
    assert caller.post(f"{base}/configmaps", config_map("a")).status == 403


def test_cluster_roles_are_composed_of_labelled_parts(client: Client, namespace: str) -> None:
    part = {
        "kind": "ClusterRole",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {
            "name": "gadget-viewer",
            "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"},
        },
        "rules": [_rule("get", "gadgets", "example.org")],
    }
    client.post(f"{RBAC}/clusterroles", part)
    view = client.get(f"{RBAC}/clusterroles/view").body
    assert any("gadgets" in rule["resources"] for rule in view["rules"])
    admin_role = client.get(f"{RBAC}/clusterroles/admin").body
    assert any("gadgets" in rule["resources"] for rule in admin_role["rules"])
    client.delete(f"{RBAC}/clusterroles/gadget-viewer")
    assert not any(
        "gadgets" in rule["resources"] for rule in client.get(f"{RBAC}/clusterroles/view").body["rules"]
    )


def test_nobody_gives_away_what_he_does_not_have(server: Server, client: Client, namespace: str) -> None:
    caller = _account(server, client, namespace)
    _role(
        client,
        namespace,
        "maker",
        _rule("create", "roles rolebindings", "rbac.authorization.k8s.io"),
        _rule("get", "pods"),
    )
    client.post(f"{RBAC}/namespaces/{namespace}/rolebindings", _binding("b", "maker", "bot", namespace))
    roles = f"{RBAC}/namespaces/{namespace}/roles"

    def role(name: str, rule: Obj) -> Obj:
        return {
            "kind": "Role",
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "metadata": {"name": name},
            "rules": [rule],
        }

    assert caller.post(roles, role("fine", _rule("get", "pods"))).status == 201
    refused = caller.post(roles, role("more", _rule("delete", "pods")))
    assert refused.status == 403
    assert "is attempting to grant RBAC permissions not currently held:" in refused.body["message"]
    assert '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}' in refused.body["message"]
    bound = _binding("c", "cluster-admin", "bot", namespace, kind="ClusterRole")
    assert caller.post(f"{RBAC}/namespaces/{namespace}/rolebindings", bound).status == 403


def _ask(caller: Client, attributes: Obj, **headers: str) -> bool:
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = caller.request("POST", path, {**review, "spec": {"resourceAttributes": attributes}}, **headers)
    assert answer.status == 201, answer.body
    allowed: bool = answer.body["status"]["allowed"]
    return allowed


def test_everybody_may_ask_what_he_may(bot: Client, client: Client, namespace: str) -> None:
    assert _ask(bot, {"verb": "get", "resource": "configmaps", "namespace": namespace})
    assert not _ask(bot, {"verb": "get", "resource": "secrets", "namespace": namespace})
    assert _ask(client, {"verb": "delete", "resource": "nodes"})
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    answer = bot.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)
    assert any("configmaps" in rule["resources"] for rule in answer.body["status"]["resourceRules"])


def test_the_administrator_may_act_as_others_and_others_may_not(
    bot: Client, client: Client, namespace: str
) -> None:
    user = f"system:serviceaccount:{namespace}:bot"
    attributes = {"verb": "get", "resource": "secrets", "namespace": namespace}
    assert not _ask(client, attributes, Impersonate_User=user)
    assert bot.get("/api", Impersonate_User="somebody").status == 403
    assert client.get("/api/v1/nodes", Impersonate_User="bob").status == 403
    assert (
        client.get("/api/v1/nodes", Impersonate_User="bob", Impersonate_Group="system:masters").status == 200
    )
    assert client.get("/api", Impersonate_Group="lonely").status == 400


def test_client_certificates_name_users_and_groups(server: Server) -> None:
    pair = server.api.pki.client("alice", ("developers",))
    alice = Client(server, certificate=(pair.certificate, pair.key))
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = alice.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    assert answer.body["status"]["userInfo"] == {
        "username": "alice",
        "groups": ["developers", "system:authenticated"],
    }


def test_tokens_are_requested_reviewed_and_bound(server: Server, client: Client, namespace: str) -> None:
    _account(server, client, namespace)
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/bot/token"
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 600},
    }
    made = client.post(path, request)
    assert made.status == 201
    token = made.body["status"]["token"]
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    status = client.post("/apis/authentication.k8s.io/v1/tokenreviews", review).body["status"]
    assert status["authenticated"]
    assert status["user"]["username"] == f"system:serviceaccount:{namespace}:bot"
    short = {**request, "spec": {"expirationSeconds": 5}}
    assert client.post(path, short).status == 422
    assert client.post(path.replace("bot", "nobody"), request).status == 404


def test_secrets_of_the_token_type_are_filled(client: Client, namespace: str) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "default"}},
    }
    client.post(f"/api/v1/namespaces/{namespace}/secrets", secret)
    filled = client.get(f"/api/v1/namespaces/{namespace}/secrets/t").body
    assert set(filled["data"]) == {"token", "ca.crt", "namespace"}
