"""`jx rotate secret`: the new value reaches the store, the cluster and the pods that read it, and no text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.support.worlds import ANN, World, environment_tree

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local.memory_forge import MemoryForge
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.errors import NotFound, Unavailable, Usage
from jx.domain.ledger.trailers import list_trailers
from jx.domain.objects.references import Scheme
from jx.ports.secrets import Secret
from jx.usecases.propose_change import PlatformAt, ProposeChange
from jx.usecases.secrets.edit_secret import EditSecret
from jx.usecases.secrets.find_secret_users import FindSecretUsers
from jx.usecases.secrets.rotate_secret import Rotated, RotateSecret, RotateSecretRequest

OLD = "0ldPassword12"
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: db}
data: {password: {{ .Values.password | b64enc }}}
"""
WORKLOAD = """\
apiVersion: apps/v1
kind: %s
metadata: {name: %s}
spec:
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec:
      containers:
      - name: main
        image: "web:1"
        %s
"""
READS = "envFrom: [{secretRef: {name: db}}]"
READS_ONE = "env: [{name: P, valueFrom: {secretKeyRef: {name: db, key: password}}}]"


@pytest.fixture(scope="module")
def helm() -> Iterator[HelmRenderer]:
    renderer = HelmRenderer()
    yield renderer
    renderer.close()


@pytest.fixture
def world(helm: HelmRenderer) -> World:
    world = World(renderer=helm, secrets=MemorySecrets({"dev/db": {"password": OLD, "user": "ann"}}))
    world.offer(
        "shop",
        "1.0.0",
        secret=SECRET,
        web=WORKLOAD % ("Deployment", "web", READS),
        data=WORKLOAD % ("StatefulSet", "data", READS_ONE),
        other=WORKLOAD % ("Deployment", "other", ""),
    )
    return world


class _SealedAfterWrite(MemorySecrets):
    """A store that is sealed right after it took a value."""

    def write(self, path: str, values: Mapping[str, str], *, version: str = "", purpose: str = "") -> Secret:
        written = super().write(path, values, version=version)
        self.fault = Unavailable("the store is sealed")
        return written


def _commit(world: World, password: str = "vault:dev/db:password") -> None:
    tree = environment_tree({"shop": "1.0.0"})
    world.commit(tree.put("env/shop/values.yaml", json.dumps({"password": password})))


def _rotate(world: World, path: str = "dev/db", **changes: Any) -> Rotated:
    forge = MemoryForge(world.repos, ANN)
    forge.adopt(world.repo)
    propose = ProposeChange(world.repos, forge, world.reporter)
    rotate = RotateSecret(
        EditSecret({Scheme.VAULT: world.secrets}, world.reporter, world.record),
        FindSecretUsers(propose, world.repos),
        world.generator,
        world.use_case(),
    )
    return rotate(RotateSecretRequest(PlatformAt(world.repo), path, "ann@here", **changes))


def _kept(world: World, path: str = "dev/db") -> dict[str, str]:
    return dict(world.secrets.read((path,))[path].values)


def _live(world: World) -> str:
    secret = world.get("Secret", "db")
    assert secret is not None
    return base64.b64decode(secret["data"]["password"]).decode()


def _rolled(world: World, kind: str, name: str) -> str:
    body = world.get(kind, name, group="apps")
    assert body is not None
    metadata = body["spec"]["template"]["metadata"]
    return str((metadata.get("annotations") or {}).get("jenkins.io/secrets-rotated", ""))


def test_a_new_value_like_the_old_one_is_kept_and_reaches_the_cluster(world: World) -> None:
    _commit(world)
    world.apply_head()
    rotated = _rotate(world, keys=("password",))
    new = _kept(world)["password"]
    assert (len(new), new == OLD, _kept(world)["user"]) == (len(OLD), False, "ann")
    assert _live(world) == new
    assert rotated.users == ("dev: shop.password",)
    assert rotated.objects == ("Secret/db (namespace jx)",)
    assert new not in repr(rotated) + world.reporter.text + "".join(world.ledger_files().values())


def test_workloads_that_read_it_start_anew_once_and_others_do_not(world: World) -> None:
    _commit(world)
    world.apply_head()
    rotated = _rotate(world, keys=("password",))
    assert set(rotated.rolled) == {
        "Deployment.apps/web (namespace jx)",
        "StatefulSet.apps/data (namespace jx)",
    }
    at = _rolled(world, "Deployment", "web")
    assert at
    assert _rolled(world, "StatefulSet", "data") == at
    assert _rolled(world, "Deployment", "other") == ""
    assert not world.apply_head().plan.has_changes
    assert _rolled(world, "Deployment", "web") == at


def test_what_has_a_recipe_is_made_by_it_and_needs_no_key(world: World) -> None:
    _commit(world, "<generated:password,length=31>")
    world.apply_head()
    first = _live(world)
    _rotate(world, "generated/dev/shop")
    assert len(_live(world)) == 31
    assert _live(world) != first
    assert _kept(world, "generated/dev/shop") == {"password": _live(world)}


def test_a_value_may_be_given(world: World) -> None:
    _commit(world)
    world.apply_head()
    _rotate(world, values={"password": "given by hand"})
    assert _live(world) == "given by hand"
    assert world.generator.made == 0


def test_the_ledger_says_who_rotated_what(world: World) -> None:
    _commit(world)
    world.apply_head()
    _rotate(world, keys=("password",))
    trailers = dict(list_trailers(world.ledger_commits()[-1].message))
    assert trailers["Jx-Reason"] == "vault:dev/db was rotated"
    assert trailers["Jx-Secret"] == "vault:dev/db=2"
    assert trailers["Jx-Applied-By"].endswith("by jx rotate secret")


def test_an_environment_whose_branch_went_on_is_left_to_its_next_apply(world: World) -> None:
    _commit(world)
    world.apply_head()
    world.commit(
        environment_tree(
            {"shop": "1.0.0"}, files={"env/shop/values.yaml": "password: vault:dev/db:password\nx: 1\n"}
        )
    )
    rotated = _rotate(world, keys=("password",))
    assert rotated.left == ("dev: master is not what is applied; it takes the new value at its next apply",)
    assert not rotated.has_failed
    assert _live(world) == OLD
    world.apply_head()
    assert _live(world) == _kept(world)["password"]


def test_an_apply_that_fails_is_told_and_the_new_value_is_kept(world: World) -> None:
    world.secrets = _SealedAfterWrite({"dev/db": {"password": OLD}})
    _commit(world)
    world.apply_head()
    rotated = _rotate(world, keys=("password",))
    assert rotated.has_failed
    assert [line.partition("\n")[0] for line in rotated.left] == ["dev: the store is sealed"]
    world.secrets.fault = None
    assert _kept(world)["password"] != OLD
    world.apply_head()
    assert _live(world) == _kept(world)["password"]


def test_without_an_apply_only_the_store_changes(world: World) -> None:
    _commit(world)
    world.apply_head()
    assert _rotate(world, keys=("password",), applies=False).users == ("dev: shop.password",)
    assert (_live(world), _kept(world)["password"] == OLD) == (OLD, False)


def test_several_keys_without_a_recipe_have_to_be_named(world: World) -> None:
    _commit(world)
    with pytest.raises(Usage, match="has keys password, user"):
        _rotate(world)
    with pytest.raises(NotFound, match="no key other"):
        _rotate(world, keys=("other",))
    with pytest.raises(NotFound, match="nothing at dev/nowhere"):
        _rotate(world, "dev/nowhere")


def test_what_is_no_password_has_to_be_given(world: World) -> None:
    world.secrets.write("dev/key", {"pem": "-----BEGIN\nsecretword\n"})
    _commit(world)
    with pytest.raises(Usage, match="no password that another could be made like") as error:
        _rotate(world, "dev/key")
    assert "secretword" not in f"{error.value.message} {error.value.hint}"
    assert "--from-file pem=FILE" in error.value.hint
