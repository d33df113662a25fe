"""An apply while the store of secrets is down: what comes from secrets stays in the cluster as it is, and all else is applied.
On the embedded API, and on a real one where there is one; the store is the embedded one, over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support import vaults
from tests.support.embedded import GROUP, embedded_api
from tests.support.foreign import EMBEDDED, SERVERS, server
from tests.support.places import Place, make_place
from tests.support.worlds import environment_tree

from jx.adapters.files.clock import SystemClock
from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import CONFIG_MAPS, SECRETS, Api, Json, Resource
from jx.adapters.vault.store import VaultSecrets
from jx.domain.applying.applying import Action, ApplyReport
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.errors import Unavailable

__all__ = ["embedded_api"]

pytestmark = GROUP

VALUE, OTHER = "hunter2/and+more", "correct-horse battery"
DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment")
WITHOUT = Allowed(frozenset({Guard.SECRETS}))

SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: %s}
data:
  password: {{ .Values.password | b64enc }}
  url: {{ printf "postgres://ann:%%s@%%s" (urlquery .Values.password) .Values.host | b64enc }}
  user: {{ .Values.user | b64enc }}
"""
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {checksum/db: {{ .Values.password | sha256sum }}}
    spec:
      containers: [{name: web, image: "web:{{ .Values.tag }}"}]
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {host: {{ .Values.host }}}\n"


@pytest.fixture(scope="module", params=SERVERS)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    if request.param == EMBEDDED:
        yield request.getfixturevalue("embedded_api")
        return
    with server(request.param, tmp_path_factory.mktemp("none")) as path:
        made = Api.connect(kubeconfig.load([path]), SystemClock())
        yield made
        made.close()


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmRenderer]:
    renderer = HelmRenderer()
    yield renderer
    renderer.close()


@dataclass
class Kept:
    """An environment whose secrets are in a store that can be taken down and up again."""

    place: Place
    api: Api
    folder: Path
    _running: ExitStack = field(default_factory=ExitStack)

    def up(self) -> VaultSecrets:
        access = self._running.enter_context(vaults.embedded_store(self.folder))
        store = VaultSecrets(access)
        self.place.world.secrets = store  # type: ignore[assignment]
        return store

    def down(self) -> None:
        """The process is gone; whoever asks is refused the connection."""
        self._running.close()

    def apply(self, *, version: str = "1.0.0", **changes: Any) -> ApplyReport:
        name, values = self.place.name, {"host": "db.example", "user": "ann", "tag": "1"}
        how = {"allowed": changes.pop("allowed", Allowed())}
        tree = environment_tree({"shop": version}, name=name, namespace=name)
        text = json.dumps({**values, **changes, "password": f"vault:{name}/db:password"})
        self.place.world.commit(tree.put("env/shop/values.yaml", text))
        return self.place.world.apply_head(wait=False, **how)

    def get(self, resource: Resource, name: str) -> Json:
        return self.api.get(resource, self.place.name, name)

    def data(self, key: str) -> str:
        return base64.b64decode(self.get(SECRETS, "db")["data"][key]).decode()

    def owned(self, name: str = "db") -> dict[str, set[str]]:
        """Which manager has which keys of a Secret's data."""
        entries = self.get(SECRETS, name)["metadata"]["managedFields"]
        return {one["manager"]: set(one["fieldsV1"].get("f:data", {})) - {"."} for one in entries}

    def versions(self) -> dict[str, str]:
        return {
            name: self.get(resource, name)["metadata"]["resourceVersion"]
            for resource, name in ((SECRETS, "db"), (DEPLOYMENTS, "web"), (CONFIG_MAPS, "settings"))
        }


@pytest.fixture
def kept(api: Api, helm: HelmRenderer, tmp_path: Path) -> Iterator[Kept]:
    place = make_place(api)
    place.world.renderer = helm
    place.world.offer("shop", "1.0.0", secret=SECRET % "db", web=WEB, settings=CONFIG)
    place.world.offer("shop", "1.1.0", secret=SECRET % "db", more=SECRET % "more", web=WEB, settings=CONFIG)
    kept = Kept(place, api, tmp_path / "vault")
    kept.up().write(f"{place.name}/db", {"password": VALUE})
    assert kept.apply().is_good
    yield kept
    kept.down()


def test_nothing_is_sent_unless_a_person_allows_it(kept: Kept) -> None:
    before = kept.versions()
    kept.down()
    with pytest.raises(Unavailable, match="cannot be reached"):
        kept.apply(tag="2")
    assert kept.versions() == before


def test_what_comes_from_secrets_stays_and_the_rest_is_applied(kept: Kept) -> None:
    checksum = kept.get(DEPLOYMENTS, "web")["spec"]["template"]["metadata"]["annotations"]
    kept.down()
    report = kept.apply(tag="2", user="bob", host="new.example", allowed=WITHOUT)
    assert report.is_good, report.message
    web = kept.get(DEPLOYMENTS, "web")["spec"]["template"]
    assert web["spec"]["containers"][0]["image"] == "web:2"
    assert web["metadata"]["annotations"] == checksum
    assert kept.data("password") == VALUE
    assert kept.data("url") == "postgres://ann:hunter2%2Fand%2Bmore@db.example"
    assert kept.data("user") == "bob"
    assert kept.get(CONFIG_MAPS, "settings")["data"] == {"host": "new.example"}
    assert kept.owned() == {"jx": {"f:user"}, "jx-secrets": {"f:password", "f:url"}}


def test_a_second_apply_without_the_store_writes_nothing(kept: Kept) -> None:
    kept.down()
    kept.apply(tag="2", allowed=WITHOUT)
    before = kept.versions()
    report = kept.apply(tag="2", allowed=WITHOUT)
    assert not report.plan.has_changes
    assert kept.versions() == before


def test_what_is_not_there_yet_is_left_out_and_named_and_comes_with_the_store(kept: Kept) -> None:
    kept.down()
    report = kept.apply(version="1.1.0", allowed=WITHOUT)
    left = {step.ref.name: step.reason for step in report.plan.steps if step.action is Action.KEEP}
    assert list(left) == ["more"]
    assert "its secrets cannot be read" in left["more"]
    assert kept.data("password") == VALUE
    kept.up()
    assert kept.apply(version="1.1.0").is_good
    more = kept.get(SECRETS, "more")["data"]["password"]
    assert base64.b64decode(more).decode() == VALUE


def test_once_the_store_is_back_all_is_as_if_it_had_never_been_away(kept: Kept) -> None:
    kept.down()
    kept.apply(host="new.example", allowed=WITHOUT)
    store = kept.up()
    path = f"{kept.place.name}/db"
    store.write(path, {"password": OTHER}, version=store.read((path,))[path].version)
    assert kept.apply(host="new.example").is_good
    assert (kept.data("password"), kept.data("url")) == (
        OTHER,
        "postgres://ann:correct-horse+battery@new.example",
    )
    assert not kept.apply(host="new.example").plan.has_changes
    assert VALUE not in kept.place.world.reporter.text
    assert OTHER not in kept.place.world.reporter.text
