"""A cluster that was there before us, with plain git beside it: the embedded API by itself, or a real API server."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support import real_cluster
from tests.support.embedded import running_api
from tests.support.platform import Machine, Ran

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import CONFIG_MAPS, SECRETS, Api, Resource
from jx.adapters.kubernetes.transport import Request, Transport

EMBEDDED, REAL = "embedded", "real"
SERVERS = (EMBEDDED, pytest.param(REAL, marks=real_cluster.NEEDS_REAL))
"""For fixtures: the embedded API always, a real one where there is one."""

ACCOUNTS = Resource("v1", "serviceaccounts", "ServiceAccount")
DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment")
BINDINGS = Resource(
    "rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)


@contextmanager
def server(kind: str, folder: Path) -> Iterator[Path]:
    """The administrator's kubeconfig of a server of that kind."""
    if kind == REAL:
        path = real_cluster.kubeconfig()
        assert path is not None
        yield path
        return
    folder.mkdir(mode=0o700)
    with running_api(folder):
        yield folder / "admin.kubeconfig"


@dataclass
class Foreign:
    """A person's machine, a cluster that it has a kubeconfig of, and bare repositories on a plain git server (a folder)."""

    machine: Machine
    kubeconfig: Path
    names: str
    """The prefix of the environments' repositories."""
    api: Api = field(init=False)

    def __post_init__(self) -> None:
        self.api = Api.connect(kubeconfig.load([self.kubeconfig]), SystemClock())
        for environment in ("dev", "staging", "production"):
            self.bare(environment).mkdir(parents=True)
            _git("init", "-q", "--bare", "-b", "master", str(self.bare(environment)))

    @property
    def git(self) -> Path:
        """The git server."""
        return self.machine.folder / "git"

    def bare(self, environment: str) -> Path:
        """The remote repository of an environment."""
        return self.git / "acme" / f"environment-{self.names}-{environment}.git"

    @property
    def install_words(self) -> tuple[str, ...]:
        return (
            "install", "--ng", "--vault=false", "--provider", "kubernetes", "--kubeconfig", str(self.kubeconfig),
            "--git-provider-url", str(self.git), "--environment-git-owner", "acme",
            "--default-environment-prefix", self.names,
        )  # fmt: skip

    def jx(self, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Ran:
        return self.machine.jx(*words, cwd=cwd, env=env)

    def clone(self, environment: str, name: str) -> Path:
        """A clone by plain git."""
        target = self.machine.folder / name
        _git("clone", "-q", str(self.bare(environment)), str(target))
        return target

    def heads(self) -> dict[str, str]:
        """Every branch of every repository."""
        return {
            repository.name: subprocess.run(
                ["git", "-C", str(repository), "for-each-ref"], check=True, capture_output=True, text=True
            ).stdout
            for repository in sorted((self.git / "acme").iterdir())
        }

    def versions(self) -> dict[str, str]:
        """Objects of these environments by their resourceVersion, which every write changes. Without the records beside them."""
        found = {}
        for resource in (CONFIG_MAPS, DEPLOYMENTS, SECRETS, ACCOUNTS):
            for item in self.api.list_pages(resource)[0]:
                metadata = item["metadata"]
                if metadata["namespace"] in {"jx", "jx-staging", "jx-production"}:
                    name = f"{resource.kind}/{metadata['namespace']}/{metadata['name']}"
                    found[name] = metadata["resourceVersion"]
        return found


def _git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)


def token_of(api: Api, namespace: str, account: str, *, is_admin: bool = True) -> str:
    """A token of a ServiceAccount, made here where it is not there; as a cluster-admin, or with no rights of its own."""
    body = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": account, "namespace": namespace},
    }
    api.apply(ACCOUNTS, namespace, body, query={"fieldManager": "test", "force": "true"})
    if is_admin:
        _let_do_all(api, namespace, account)
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600},
    }
    path = ACCOUNTS.path(namespace, account, "token")
    headers = {"Content-Type": "application/json"}
    transport = Transport(api.access, SystemClock())
    try:
        answer = transport.request(Request("POST", path, body=json.dumps(review).encode(), headers=headers))
    finally:
        transport.close()
    return str(json.loads(answer.body)["status"]["token"])


def _let_do_all(api: Api, namespace: str, account: str) -> None:
    binding: dict[str, Any] = {
        "apiVersion": BINDINGS.api_version,
        "kind": BINDINGS.kind,
        "metadata": {"name": f"{namespace}-{account}"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    }
    api.apply(BINDINGS, "", binding, query={"fieldManager": "test", "force": "true"})


def write_kubeconfig(path: Path, admin: Path, user: Mapping[str, Any], **cluster: Any) -> Path:
    """A kubeconfig for the server of another one, with another user (and other words on the cluster)."""
    access = kubeconfig.load([admin])
    facts = {
        "server": access.server,
        "certificate-authority-data": base64.b64encode(access.ca.encode()).decode(),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "theirs",
        "clusters": [{"name": "c", "cluster": {**facts, **cluster}}],
        "users": [{"name": "u", "user": dict(user)}],
        "contexts": [{"name": "theirs", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(content))
    return path
