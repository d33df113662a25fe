"""Kubeconfigs as kubectl reads them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.access import Anonymous, BearerToken, ClientCertificate, ExecPlugin, TokenFile
from jx.domain.errors import Invalid, NotFound, Refused


def write(
    path: Path,
    *,
    context: str = "one",
    user: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
    current: str | None = None,
    namespace: str = "jx",
) -> Path:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context if current is None else current,
        "clusters": [{"name": "c", "cluster": {"server": "https://k8s.example:6443/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_current_context_gives_server_namespace_and_names(tmp_path: Path) -> None:
    access = kubeconfig.load([write(tmp_path / "config")])
    assert (access.server, access.host) == ("https://k8s.example:6443", "k8s.example:6443")
    assert (access.namespace, access.context_name, access.user_name) == ("jx", "one", "u")
    assert access.auth == Anonymous()


def test_the_first_file_wins_name_by_name_as_with_kubectl(tmp_path: Path) -> None:
    first = write(tmp_path / "1", context="one", current="", user={"token": "first"})
    second = write(tmp_path / "2", context="two", user={"token": "second"})
    access = kubeconfig.load([first, tmp_path / "missing", second])
    assert access.context_name == "two"
    assert access.auth == BearerToken("first")
    assert kubeconfig.contexts([first, second]) == (("one", "two"), "two")


def test_paths_are_relative_to_the_file_that_holds_them(tmp_path: Path) -> None:
    config = write(
        tmp_path / "deep" / "config",
        cluster={"certificate-authority": "ca.pem"},
        user={"client-certificate": "me.crt", "client-key": "../me.key"},
    )
    (tmp_path / "deep" / "ca.pem").write_text("CA")
    (tmp_path / "deep" / "me.crt").write_text("CERT")
    (tmp_path / "me.key").write_text("KEY")
    access = kubeconfig.load([config])
    assert (access.ca, access.auth) == ("CA", ClientCertificate("CERT", "KEY"))


def test_inline_data_wins_over_files_and_is_shown_nowhere(tmp_path: Path) -> None:
    config = write(
        tmp_path / "config",
        cluster={"certificate-authority-data": encoded("CA"), "certificate-authority": "missing"},
        user={"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY-K3Y")},
    )
    access = kubeconfig.load([config])
    assert access.ca == "CA"
    assert access.auth == ClientCertificate("CERT", "KEY-K3Y")
    assert "KEY-K3Y" not in repr(access)


def test_a_token_file_wins_over_a_token_and_stays_a_file(tmp_path: Path) -> None:
    access = kubeconfig.load([write(tmp_path / "config", user={"token": "t", "tokenFile": "token"})])
    assert access.auth == TokenFile(str(tmp_path / "token"))


def test_names_stay_texts_even_where_yaml_knows_better(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "current-context: on\n"
        "clusters: [{name: 1e3, cluster: {server: 'https://h', insecure-skip-tls-verify: true}}]\n"
        "contexts: [{name: on, context: {cluster: 1e3, namespace: 0777}}]\n"
        "users: null\n"
    )
    access = kubeconfig.load([config])
    assert (access.context_name, access.namespace, access.is_insecure) == ("on", "0777", True)


def test_an_exec_plugin_is_taken_as_it_is(tmp_path: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "./bin/login",
        "args": ["get", "--cluster=x y"],
        "env": [{"name": "REGION", "value": "b"}],
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    access = kubeconfig.load([write(tmp_path / "config", user={"exec": plugin})])
    assert access.auth == ExecPlugin(
        "client.authentication.k8s.io/v1beta1",
        (str(tmp_path / "bin" / "login"), "get", "--cluster=x y"),
        {"REGION": "b"},
        "Never",
        provides_cluster_info=True,
    )


def test_acting_as_somebody_else_becomes_headers(tmp_path: Path) -> None:
    access = kubeconfig.load([write(tmp_path / "config", user={"as": "bob", "as-groups": ["dev", "ops"]})])
    assert access.impersonation == (
        ("Impersonate-User", "bob"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
    )


@pytest.mark.parametrize(
    ("user", "cluster"),
    [
        ({"username": "ann", "password": "hunter2"}, {}),
        ({"auth-provider": {"name": "gcp"}}, {}),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}}, {}),
        ({}, {"proxy-url": "http://proxy"}),
        ({}, {"server": "https://ann:hunter2@host"}),
    ],
)
def test_what_is_not_supported_is_refused_with_a_way_out(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as caught:
        kubeconfig.load([write(tmp_path / "config", user=user, cluster=cluster)])
    assert caught.value.hint
    assert "hunter2" not in caught.value.message


def test_an_unknown_context_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="'three'") as caught:
        kubeconfig.load([write(tmp_path / "1"), write(tmp_path / "2", context="two")], context="three")
    assert "one, two" in caught.value.hint


def test_no_kubeconfig_at_all_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        kubeconfig.load([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    "text", ["a: [", "- 1\n", "clusters: [{cluster: {}}]", "clusters: [{name: a, cluster: [1]}]"]
)
def test_a_broken_file_is_told_with_its_name(tmp_path: Path, text: str) -> None:
    config = tmp_path / "config"
    config.write_text(text)
    with pytest.raises(Invalid) as caught:
        kubeconfig.load([config], context="x")
    assert str(config) in str(caught.value.problems[0])


@pytest.mark.parametrize(
    ("user", "cluster"),
    [
        ({"client-certificate-data": encoded("CERT")}, {}),
        ({"client-certificate": "gone.crt", "client-key": "gone.key"}, {}),
        ({"client-certificate-data": "%%%", "client-key-data": "%%%"}, {}),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}, {}),
        ({}, {"server": "k8s.example"}),
    ],
)
def test_a_contradiction_is_told_with_its_place(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as caught:
        kubeconfig.load([write(tmp_path / "config", user=user, cluster=cluster)])
    assert caught.value.problems


def test_a_pod_uses_its_own_account(tmp_path: Path) -> None:
    for name, text in {"token": "t", "ca.crt": "CA", "namespace": "jx\n"}.items():
        (tmp_path / name).write_text(text)
    env = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    access = kubeconfig.in_cluster({**env, "JX_SERVICE_ACCOUNT_DIR": str(tmp_path)})
    assert (access.server, access.ca, access.namespace) == ("https://[fd00::1]:443", "CA", "jx")
    assert access.auth == TokenFile(str(tmp_path / "token"))


def test_outside_of_a_pod_there_is_no_account(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        kubeconfig.in_cluster({"JX_SERVICE_ACCOUNT_DIR": str(tmp_path)})
    assert "KUBECONFIG" in caught.value.hint
