"""Many references cost the store one login and one request for each path, whatever number of keys is wanted of it."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import vaults
from tests.support.embedded import GROUP
from tests.support.worlds import World, environment_tree

from jx.adapters.files.clock import SystemClock
from jx.adapters.local.memory_renderer import MemoryRenderer
from jx.adapters.local.vault.access import Accesses
from jx.adapters.vault.access import ServiceAccount, VaultAccess
from jx.adapters.vault.store import VaultSecrets
from jx.domain.objects.references import Scheme
from jx.usecases.applying.apply_environment import ApplyEnvironment
from jx.usecases.planning.render_environment import RenderEnvironment
from jx.usecases.planning.resolve_secrets import ResolveSecrets

pytestmark = GROUP
LOGIN, MOUNT = "POST /v1/auth/kubernetes/login", "GET /v1/sys/internal/ui/mounts/secret"
READS = {"path": {"secret/data/dev/*": {"capabilities": ["read"]}}}
ROLE = {
    "bound_service_account_names": ["controllers"],
    "bound_service_account_namespaces": ["jx"],
    "token_policies": ["reads"],
}


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def access(tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[VaultAccess]:
    """The embedded store as a controller sees it: it logs in by its account. No disk is waited for."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    folder = tmp_path / "vault"
    folder.mkdir()
    accesses = Accesses(folder / "access.json", vaults.ROOT_TOKEN, SystemClock().now)
    accesses.put_policy("reads", READS)
    accesses.put_role("jx", ROLE)
    with vaults.embedded_store(folder, asked=asked) as access:
        yield access


def _fill(folder: Path, paths: int, keys: int) -> None:
    engine = vaults.services(folder).engine
    for number in range(paths):
        values = {f"key{key}": f"value {key} of {number}" for key in range(keys)}
        engine.write(f"dev/{number}", values, cas=None)


def _reading(world: World, store: VaultSecrets) -> ApplyEnvironment:
    """The use-case of the world, with its secrets from a store on the wire."""
    made = world.use_case()
    resolve = ResolveSecrets({Scheme.VAULT: store}, world.generator, world.reporter, world.record)
    render = RenderEnvironment(MemoryRenderer(), world.reporter, resolve)
    return replace(made, plan=replace(made.plan, render=render))


def _offer(world: World, references: list[str]) -> None:
    """A chart with a few Secrets that hold all of them."""
    for start in range(0, len(references), 50):
        rows = "".join(f"  a{number}: {one}\n" for number, one in enumerate(references[start : start + 50]))
        head = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: shop-{start}}}\nstringData:\n"
        world.offer(f"shop-{start}", "1.0.0", secret=head + rows)
    world.commit(environment_tree({f"shop-{start}": "1.0.0" for start in range(0, len(references), 50)}))


@pytest.mark.parametrize(("paths", "keys"), [(1000, 1), (100, 10)])
def test_a_thousand_references_cost_an_apply_one_login_and_one_request_for_each_path(
    access: VaultAccess, asked: list[str], tmp_path: Path, paths: int, keys: int
) -> None:
    _fill(tmp_path / "vault", paths, keys)
    world = World()
    _offer(world, [f"vault:dev/{number}:key{key}" for number in range(paths) for key in range(keys)])
    asked.clear()
    login = ServiceAccount("jx", lambda: "jx/controllers")
    with contextlib.closing(VaultSecrets(replace(access, login=login))) as store:
        assert _reading(world, store)(world.request_head()).is_good
    wanted = {f"GET /v1/secret/data/dev/{number}": 1 for number in range(paths)}
    assert Counter(asked) == {LOGIN: 1, MOUNT: 1, **wanted}
    sent = [world.get("Secret", f"shop-{start}") for start in range(0, 1000, 50)]
    assert sum(len(secret["data"]) for secret in sent if secret) == 1000
