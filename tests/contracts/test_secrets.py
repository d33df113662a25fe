"""The contract of `ports.secrets.SecretStore`, held to every adapter of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import clouds, vaults
from tests.support.embedded import GROUP, embedded_api

from jx.adapters.kubernetes.secrets import KubernetesSecrets
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.adapters.vault.store import VaultSecrets
from jx.domain.errors import Invalid, Stale
from jx.ports.secrets import SecretStore

__all__ = ["embedded_api"]

pytestmark = GROUP
NEEDS_VAULT = pytest.mark.skipif(vaults.real_access() is None, reason="JX_TEST_VAULT_ADDR names no Vault")


STORES = ["memory", "embedded", pytest.param("vault", marks=NEEDS_VAULT), "kubernetes", "aws", "gcp"]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecretStore]:
    match request.param:
        case "memory":
            yield MemorySecrets()
        case "kubernetes":
            yield KubernetesSecrets(request.getfixturevalue("embedded_api"))
        case "aws":
            with clouds.aws() as aws:
                yield aws
        case "gcp":
            with clouds.gcp() as gcp:
                yield gcp
        case "embedded":
            with vaults.embedded_store(tmp_path / "vault") as access:
                made = VaultSecrets(access)
                yield made
                made.close()
        case _:
            real = vaults.real_access()
            assert real is not None
            made = VaultSecrets(real)
            yield made
            made.close()


@pytest.fixture
def root() -> str:
    """A path that no other test has used."""
    return f"test-{secrets.token_hex(6)}"


def test_a_store_that_is_well_says_nothing(store: SecretStore) -> None:
    store.check()


def test_what_was_written_is_read(store: SecretStore, root: str) -> None:
    values = {"password": "pa ss\nwörd: \"'{}", "user.name": "ann", "empty": ""}
    written = store.write(f"{root}/db", values)
    found = store.read((f"{root}/db",))[f"{root}/db"]
    assert dict(found.values) == values
    assert found.version == written.version
    assert found.changed is not None


def test_what_is_not_there_is_left_out(store: SecretStore, root: str) -> None:
    store.write(f"{root}/db", {"a": "1"})
    found = store.read((f"{root}/other", f"{root}/db", f"{root}/db"))
    assert list(found) == [f"{root}/db"]
    assert store.read(()) == {}


def test_a_write_replaces_all_values(store: SecretStore, root: str) -> None:
    first = store.write(f"{root}/db", {"a": "1", "b": "2"})
    second = store.write(f"{root}/db", {"b": "3"}, version=first.version)
    assert second.version != first.version
    assert dict(store.read((f"{root}/db",))[f"{root}/db"].values) == {"b": "3"}


def test_of_two_who_read_the_same_only_the_first_writes(store: SecretStore, root: str) -> None:
    read = store.write(f"{root}/db", {"a": "1"})
    store.write(f"{root}/db", {"a": "winner"}, version=read.version)
    with pytest.raises(Stale):
        store.write(f"{root}/db", {"a": "loser"}, version=read.version)
    assert dict(store.read((f"{root}/db",))[f"{root}/db"].values) == {"a": "winner"}


def test_of_two_who_saw_nothing_only_the_first_writes(store: SecretStore, root: str) -> None:
    store.write(f"{root}/db", {"a": "winner"})
    with pytest.raises(Stale):
        store.write(f"{root}/db", {"a": "loser"})
    assert dict(store.read((f"{root}/db",))[f"{root}/db"].values) == {"a": "winner"}


def test_the_list_has_everything_below_a_path_and_no_neighbours(store: SecretStore, root: str) -> None:
    if store.depth:
        for path in ("a", "ab"):
            store.write(f"{root}/{path}", {"k": "v"})
        listed = [one.path for one in store.list_under(root) if not one.path.endswith("kube-root-ca.crt")]
        assert listed == [f"{root}/a", f"{root}/ab"]
        assert [one.path for one in store.list_under(f"{root}/a")] == [f"{root}/a"]
        with pytest.raises(Invalid):
            store.read((f"{root}/a/b",))
        return
    for path in ("a", "a/b", "a/b/c", "ab"):
        store.write(f"{root}/{path}", {"k": "v"})
    assert [one.path for one in store.list_under(root)] == [
        f"{root}/{path}" for path in ("a", "a/b", "a/b/c", "ab")
    ]
    assert [one.path for one in store.list_under(f"{root}/a")] == [
        f"{root}/{path}" for path in ("a", "a/b", "a/b/c")
    ]
    assert store.list_under(f"{root}/none") == ()


def test_the_list_has_no_values(store: SecretStore, root: str) -> None:
    store.write(f"{root}/db", {"password": "not-to-be-seen"})
    (listed,) = store.list_under(root)
    assert listed.version
    assert listed.changed is not None
    assert "not-to-be-seen" not in repr(listed)


def test_a_secret_may_be_shown_without_its_values(store: SecretStore, root: str) -> None:
    written = store.write(f"{root}/db", {"password": "not-to-be-seen"})
    assert "not-to-be-seen" not in repr(written)
    assert "not-to-be-seen" not in repr(store.read((f"{root}/db",)))


def test_a_folder_is_no_secret_and_is_said_to_be_one(store: SecretStore, root: str) -> None:
    folder = root if store.depth else f"{root}/folder"
    store.write(f"{folder}/db", {"a": "1"})
    with pytest.raises(Invalid, match="a folder") as error:
        store.read((f"{folder}/db", folder))
    assert error.value.about == folder


@pytest.mark.parametrize("path", ["", "a//b", "../a", "a/..", "a/./b"])
def test_a_path_that_cannot_be_one_is_refused(store: SecretStore, path: str) -> None:
    with pytest.raises(Invalid):
        store.read((path,))
    with pytest.raises(Invalid):
        store.write(path, {"a": "1"})


def test_removing_takes_all_versions_and_lets_one_begin_anew(store: SecretStore, root: str) -> None:
    first = store.write(f"{root}/db", {"a": "1"})
    store.write(f"{root}/db", {"a": "2"}, version=first.version)
    assert store.remove(f"{root}/db")
    assert not store.remove(f"{root}/db")
    assert store.read((f"{root}/db",)) == {}
    assert dict(store.write(f"{root}/db", {"a": "3"}).values) == {"a": "3"}


def test_many_paths_are_read_at_once(store: SecretStore, root: str) -> None:
    for number in range(40):
        store.write(f"{root}/{number}", {"n": str(number)})
    paths = tuple(f"{root}/{number}" for number in range(40))
    found = store.read(paths)
    assert {path: dict(secret.values) for path, secret in found.items()} == {
        f"{root}/{number}": {"n": str(number)} for number in range(40)
    }
