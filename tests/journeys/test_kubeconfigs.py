"""Every way to be known to a cluster, by commands as people type them; and one clear message where it is a wrong way."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.foreign import SERVERS, server, token_of, write_kubeconfig
from tests.support.kubernetes import Authority
from tests.support.platform import Machine, Ran, machine_at

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.access import ClientCertificate
from jx.adapters.kubernetes.api import Api

pytestmark = pytest.mark.xdist_group("kubeconfigs")

CHART = "apiVersion: v2\nname: env\nversion: 0.0.1\n"
# An environment of its own: on a cluster of other tests there may be a dev already.
REQUIREMENTS = "apply: {environment: looked-at, namespace: looked-at, release: look}\n"
TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n"
CAROL = "system:serviceaccount:default:carol"


@dataclass
class Place:
    """A machine with a folder of an environment, and a cluster's administrator."""

    machine: Machine
    admin: Path
    token: str

    def apply(self, *, kubeconfig: Path | str = "", context: str = "", **env: str) -> Ran:
        """Look what applying the folder would do: the cheapest command that needs every part of an access."""
        where = [
            *(["--kubeconfig", str(kubeconfig)] if kubeconfig else []),
            *(["--context", context] if context else []),
        ]
        words = ("step", "env", "apply", "--dry-run", "--dir", str(self.machine.folder / "files"))
        return self.machine.jx(*where, *words, env=env)

    def written(self, user: dict[str, Any], **cluster: Any) -> Path:
        return write_kubeconfig(self.machine.folder / "theirs", self.admin, user, **cluster)

    def plugin(self, script: str, **more: Any) -> Path:
        """A kubeconfig whose user is an exec plugin: a script of sh."""
        program = self.machine.folder / "bin" / "cloud-login"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        entry = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}
        return self.written({"exec": {**entry, "interactiveMode": "IfAvailable", **more}})


@pytest.fixture(scope="module", params=SERVERS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("kubeconfigs")
    with server(request.param, folder / "kubernetes") as admin, machine_at(folder) as machine:
        files = {
            "env/Chart.yaml": CHART,
            "env/templates/a.yaml": TEMPLATE,
            "jx-requirements.yml": REQUIREMENTS,
        }
        for name, text in files.items():
            (folder / "files" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "files" / name).write_text(text)
        api = Api.connect(kubeconfig.load([admin]), SystemClock())
        yield Place(machine, admin, token_of(api, "default", "carol"))
        api.close()


def credential(**status: str) -> str:
    """A shell command that prints an ExecCredential."""
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return f"printf %s {shlex.quote(json.dumps(answer))}"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# What works


def test_a_client_certificate(place: Place) -> None:
    auth = kubeconfig.load([place.admin]).auth
    assert isinstance(auth, ClientCertificate)
    user = {"client-certificate-data": encoded(auth.certificate), "client-key-data": encoded(auth.key)}
    assert "2 to create" in place.apply(kubeconfig=place.written(user)).ok().out


def test_a_token(place: Place) -> None:
    assert "2 to create" in place.apply(kubeconfig=place.written({"token": place.token})).ok().out


def test_a_token_file_beside_the_kubeconfig(place: Place) -> None:
    (place.machine.folder / "token").write_text(place.token + "\n")
    assert "2 to create" in place.apply(kubeconfig=place.written({"tokenFile": "token"})).ok().out


def test_an_exec_plugin_that_gives_a_token(place: Place) -> None:
    assert "2 to create" in place.apply(kubeconfig=place.plugin(credential(token=place.token))).ok().out


def test_an_exec_plugin_that_gives_a_client_certificate(place: Place) -> None:
    auth = kubeconfig.load([place.admin]).auth
    assert isinstance(auth, ClientCertificate)
    script = credential(clientCertificateData=auth.certificate, clientKeyData=auth.key)
    assert "2 to create" in place.apply(kubeconfig=place.plugin(script)).ok().out


def test_the_account_of_a_pod(place: Place, tmp_path: Path) -> None:
    access = kubeconfig.load([place.admin])
    for name, text in {"token": place.token, "ca.crt": access.ca, "namespace": "default"}.items():
        (tmp_path / name).write_text(text)
    host, _, port = access.host.rpartition(":")
    pod = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    assert "2 to create" in place.apply(**pod, JX_SERVICE_ACCOUNT_DIR=str(tmp_path)).ok().out


def test_the_context_that_is_named_of_several_in_several_files(place: Place) -> None:
    theirs = place.written({"token": place.token})
    several = {"KUBECONFIG": f"{place.machine.folder / 'none'}:{theirs}:{place.admin}"}
    own = kubeconfig.load([place.admin]).context_name
    assert "2 to create" in place.apply(**several).ok().out
    assert "2 to create" in place.apply(context=own, **several).ok().out
    told = place.apply(context="elsewhere", **several).ended(4).err
    assert "'elsewhere'" in told
    assert f"{own}, theirs" in told


# What does not, and says so once


def no_such_program(place: Place) -> Path:
    entry = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "gke-auth-not-here",
        "interactiveMode": "Never",
    }
    return place.written({"exec": {**entry, "installHint": "install the cloud's tool"}})


WRONG: dict[str, tuple[Callable[[Place], Path], int, tuple[str, ...]]] = {
    "a token that is not known": (
        lambda place: place.written({"token": "s3cret-of-nobody"}),
        1,
        ("does not accept the credentials", "log in again"),
    ),
    "no credentials": (lambda place: place.written({}), 1, ("anonymous",)),
    "another certificate authority": (
        lambda place: place.written(
            {"token": place.token}, **{"certificate-authority-data": encoded(Authority.make().pem)}
        ),
        5,
        ("is not to be trusted", "certificate-authority"),
    ),
    "a certificate authority that is none": (
        lambda place: place.written({"token": place.token}, **{"certificate-authority-data": encoded("x")}),
        5,
        ("certificate authority", "not PEM"),
    ),
    "a client certificate that does not fit its key": (
        lambda place: place.written({**_stranger(), "client-key-data": _stranger()["client-key-data"]}),
        5,
        ("do not fit",),
    ),
    "a token file that is not there": (
        lambda place: place.written({"tokenFile": "gone"}),
        1,
        ("token file", "gone", "cannot be read"),
    ),
    "a plugin that is not installed": (no_such_program, 1, ("gke-auth-not-here", "install the cloud's tool")),
    "a plugin that fails": (
        lambda place: place.plugin("echo 'your session has ended' >&2; exit 3"),
        1,
        ("cloud-login", "code 3", "your session has ended", "log in again"),
    ),
    "a plugin that says something else": (lambda place: place.plugin("echo hello"), 1, ("ExecCredential",)),
    "a plugin whose token is refused": (
        lambda place: place.plugin(credential(token="s3cret-of-nobody")),
        1,
        ("does not accept the credentials",),
    ),
    "a plugin that needs a terminal": (
        lambda place: place.plugin(credential(token=place.token), interactiveMode="Always"),
        3,
        ("only at a terminal",),
    ),
    "a server that is not there": (
        lambda place: place.written({"token": place.token}, server="https://127.0.0.1:1"),
        10,
        ("127.0.0.1:1", "context theirs", "cannot be reached"),
    ),
    "a server that is no Kubernetes API": (
        lambda place: place.written(
            {"token": place.token}, server=f"{kubeconfig.load([place.admin]).server}/elsewhere"
        ),
        10,
        ("answered with something else than a Kubernetes object", "server of the kubeconfig"),
    ),
}


def _stranger() -> dict[str, str]:
    certificate, key = Authority.make().issue("kubernetes-admin")
    return {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_way_in_is_told_once_and_clearly(place: Place, name: str) -> None:
    write, code, words = WRONG[name]
    told = place.apply(kubeconfig=write(place)).ended(code).told
    assert told.count("error: ") == 1
    assert [word for word in words if word not in told] == []
    assert "s3cret-of-nobody" not in told
    assert place.token not in told


def test_a_client_certificate_of_another_authority_is_named_whether_the_server_answers_or_not(
    place: Place,
) -> None:
    ran = place.apply(kubeconfig=place.written(_stranger()))
    ran.ended(10 if "cannot be reached" in ran.err else 1)
    assert "credentials" in ran.err or "client certificate of user 'u'" in ran.err
    assert "renew the kubeconfig" in ran.err


def test_a_token_that_has_ended_is_told_like_one_that_is_not_known(place: Place) -> None:
    head, body, signature = place.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["exp"] = int((SystemClock().now() - timedelta(hours=1)).timestamp())
    ended = f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.{signature}"
    told = place.apply(kubeconfig=place.written({"token": ended})).ended(1).told
    assert "does not accept the credentials" in told
    assert ended not in told
