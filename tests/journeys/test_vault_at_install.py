"""`jx install --vault` on a cluster: a Vault that is there is set up and referred to; one of its own comes as an app."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from tests.support import vaults
from tests.support.foreign import EMBEDDED, Foreign, server, token_of
from tests.support.helm import Answer, serving
from tests.support.platform import Ran, machine_at

from jx.adapters.kubernetes.api import Resource
from jx.adapters.vault.access import ServiceAccount, Token, VaultAccess
from jx.adapters.vault.client import Client
from jx.adapters.vault.store import VaultSecrets
from jx.domain.errors import Forbidden

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("vault-at-install")]

VAULTS = Resource("vault.banzaicloud.com/v1alpha1", "vaults", "Vault")
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "vaults.vault.banzaicloud.com"},
    "spec": {
        "group": "vault.banzaicloud.com",
        "names": {"kind": "Vault", "plural": "vaults"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


@dataclass
class Place:
    """A cluster with nothing on it, git servers, and a store that speaks Vault's API."""

    foreign: Foreign
    vault: VaultAccess

    def install(self, *words: str, token: str = vaults.ROOT_TOKEN) -> Ran:
        given = [word for word in self.foreign.install_words if word != "--vault=false"]
        return self.foreign.jx(*given, "-b", "--no-wait", *words, env={"VAULT_TOKEN": token})

    def dev(self, name: str) -> Path:
        return self.foreign.clone("dev", name)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with (
        server(EMBEDDED, tmp_path / "kubernetes") as kubeconfig,
        machine_at(tmp_path) as machine,
        vaults.embedded_store(tmp_path / "vault") as access,
    ):
        foreign = Foreign(machine, kubeconfig, "shop")
        yield Place(foreign, access)
        foreign.api.close()


def test_a_vault_that_is_there_is_set_up_and_written_down_and_its_token_nowhere(place: Place) -> None:
    ran = place.install("--vault-url", place.vault.url, "--vault-namespace", "team").ok()
    assert f"{place.vault.url}: unsealed, and lets us in" in ran.out
    assert "Made role jx-staging of the secret store" in ran.told
    dev = place.dev("dev")
    settings = yaml.safe_load((dev / "jx-requirements.yml").read_text())
    assert settings["secretStorage"] == "vault"
    assert settings["vault"] == {
        "url": place.vault.url,
        "serviceAccount": "jx-controllers",
        "namespace": "jx",
        "kubernetesAuthPath": "kubernetes",
        "secretEngineMountPoint": "secret",
    }
    chart = yaml.safe_load((dev / "env/jx-platform/values.yaml").read_text())
    assert chart["vault"] == {"url": place.vault.url, "role": "jx", "namespace": "team"}
    owner = Client(place.vault)
    role = (owner.ask("GET", "auth/kubernetes/role/jx") or {})["data"]
    assert role["token_policies"] == ["jx-dev", "jx-production", "jx-staging"]
    machine = place.foreign.machine.folder
    files = [path for path in machine.rglob("*") if path.is_file() and machine / "vault" not in path.parents]
    assert not [path for path in files if vaults.ROOT_TOKEN.encode() in path.read_bytes()]
    assert vaults.ROOT_TOKEN not in ran.told
    again = place.install("--vault-url", place.vault.url, "--vault-namespace", "team").ok()
    assert "all is right" in again.told


@pytest.mark.skipif(vaults.real_access() is None, reason="JX_TEST_VAULT_ADDR names no Vault")
def test_a_real_vault_is_set_up_by_an_install_and_lets_the_controllers_of_that_cluster_in(
    place: Place,
) -> None:
    real, name = vaults.real_access(), f"jx-{secrets.token_hex(4)}"
    assert real is not None
    assert isinstance(real.login, Token)
    words = ("--vault-url", real.url, "--vault-role", name, "--vault-auth-path", name)
    place.install(*words, token=real.login.value).ok()
    VaultSecrets(real).write(f"staging/{name}", {"k": "v"})
    token = token_of(place.foreign.api, "jx", "jx-controllers")
    login = ServiceAccount(f"{name}-staging", lambda: token, name)
    store = VaultSecrets(replace(real, login=login))
    assert store.read((f"staging/{name}",))[f"staging/{name}"].values == {"k": "v"}
    with pytest.raises(Forbidden):
        store.read((f"production/{name}",))
    assert "all is right" in place.install(*words, token=real.login.value).ok().told


def test_paths_that_an_environment_lists_later_are_let_in_by_the_same_step(place: Place) -> None:
    place.install("--vault-url", place.vault.url).ok()
    clone = place.foreign.clone("staging", "staging")
    with (clone / "jx-requirements.yml").open("a") as file:
        file.write("secrets: {paths: [staging/**, common/*]}\n")
    place.foreign.machine.shell("git commit -qam 'List paths'; git push -q", cwd=clone).ok()
    env = {"VAULT_ADDR": place.vault.url, "VAULT_TOKEN": vaults.ROOT_TOKEN}
    ran = place.foreign.jx("step", "secrets", "setup", env=env).ok()
    assert ran.out == "Made role jx-staging of the secret store\n"
    assert "nothing had to be changed" in place.foreign.jx("step", "secrets", "setup", env=env).ok().out
    policy = (Client(place.vault).ask("GET", "sys/policies/acl/jx-staging") or {})["data"]["policy"]
    assert json.loads(policy)["path"]["secret/data/common/+"] == {"capabilities": ["read"]}


def _unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_vault_that_is_not_right_stops_an_install_before_anything_is_done(place: Place) -> None:
    before = place.foreign.heads(), place.foreign.versions()
    nowhere = f"http://127.0.0.1:{_unused_port()}"
    with serving() as sealed, serving() as new:
        sealed.answers["/v1/sys/health"] = Answer(b"{}", status=503)
        new.answers["/v1/sys/health"] = Answer(b"{}", status=501)
        states = {
            "is sealed": place.install("--vault-url", sealed.url),
            "is not initialized": place.install("--vault-url", new.url),
        }
        assert {request.headers.get("X-Vault-Token") for request in (*sealed.requests, *new.requests)} == {
            None
        }
    refused = {
        **states,
        "cannot be reached": place.install("--vault-url", nowhere),
        "does not know the token": place.install("--vault-url", place.vault.url, token="wrong-token-canary"),
        "nothing says where the chart vault-operator is": place.install(),
    }
    for words, ran in refused.items():
        assert words in ran.ended(3).told
        assert "nothing was changed" in ran.told
        assert "wrong-token-canary" not in ran.told
    assert (place.foreign.heads(), place.foreign.versions()) == before


def test_a_vault_of_its_own_comes_as_an_app_with_the_operator(place: Place) -> None:
    chart = place.foreign.machine.folder / "charts" / "vault-operator"
    (chart / "crds").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: vault-operator\nversion: 1.22.0\n")
    (chart / "crds" / "vaults.yaml").write_text(json.dumps(DEFINITION))
    ran = place.install("--vault-operator-repository", f"file://{chart.parent}").ok()
    assert "vault-operator 1.22.0 from" in ran.out
    dev = place.dev("dev")
    assert yaml.safe_load((dev / "jx-requirements.yml").read_text())["secretStorage"] == "vault"
    body = yaml.safe_load((dev / "env/vault-operator/templates/vault.yaml").read_text())
    name = body["metadata"]["name"]
    chart_values = yaml.safe_load((dev / "env/jx-platform/values.yaml").read_text())
    assert chart_values["vault"] == {"url": f"http://{name}.jx:8200", "role": "jx"}
    policies = [one["name"] for one in body["spec"]["externalConfig"]["policies"]]
    assert policies == ["allow_secrets", "jx-dev", "jx-staging", "jx-production"]
    assert place.foreign.api.get(VAULTS, "jx", name)["spec"]["size"] == 1
    again = place.install("--vault-operator-repository", f"file://{chart.parent}").ok()
    assert "all is right" in again.told


def test_a_backup_with_keys_brings_the_values_back_and_none_in_clear(place: Place) -> None:
    place.install("--vault-url", place.vault.url).ok()
    store = VaultSecrets(place.vault)
    store.write("staging/db", {"password": "to-be-found-again"})
    folder = place.foreign.machine.folder
    (folder / "passphrase").write_text("correct horse battery\n")
    env = {"VAULT_ADDR": place.vault.url, "VAULT_TOKEN": vaults.ROOT_TOKEN}
    to = ("--kubeconfig", str(place.foreign.kubeconfig))
    secret = ("--passphrase-file", str(folder / "passphrase"))
    file = str(folder / "whole.jxb")
    saved = place.foreign.jx(*to, "backup", file, "--with-keys", *secret, env=env).ok()
    assert b"to-be-found-again" not in (folder / "whole.jxb").read_bytes()
    assert "to-be-found-again" not in saved.told
    store.write(
        "staging/db", {"password": "newer"}, version=store.read(("staging/db",))["staging/db"].version
    )
    place.foreign.jx(*to, "restore", file, *secret, env=env).ok()
    assert store.read(("staging/db",))["staging/db"].values == {"password": "newer"}
    store.remove("staging/db")
    place.foreign.jx(*to, "restore", file, *secret, env=env).ok()
    assert store.read(("staging/db",))["staging/db"].values == {"password": "to-be-found-again"}
    refused = place.foreign.jx(
        *to, "backup", str(folder / "open.jxb"), "--with-keys", "--without-secrets", env=env
    )
    assert refused.code == 2
    assert not (folder / "open.jxb").exists()
