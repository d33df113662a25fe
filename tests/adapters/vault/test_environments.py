"""The controllers read secrets for each environment as a role of its own, as far as the store has been set up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import vaults

from jx.adapters.vault.access import VaultAccess
from jx.adapters.vault.accounts import VaultAccounts
from jx.adapters.vault.store import VaultSecrets
from jx.config.settings import Settings
from jx.domain.environments.environments import Requirements
from jx.domain.errors import Forbidden, Unavailable
from jx.domain.names import EnvironmentName
from jx.domain.objects.references import Scheme
from jx.domain.secrets.store_readers import Account, ClusterIdentity, plan_readers
from jx.stores import Stores

STAGING, PRODUCTION = EnvironmentName("staging"), EnvironmentName("production")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[VaultAccess]:
    with vaults.embedded_store(tmp_path / "vault") as access:
        for path in ("staging/db", "production/db"):
            VaultSecrets(access).write(path, {"k": "v"})
        yield access


def _stores(tmp_path: Path, url: str, *, token: str = "") -> Stores:
    """Those of a pod of the controllers."""
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("jx/jx-controllers\n")
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JX_SERVICE_ACCOUNT_DIR": str(account)}
    return Stores(
        Settings(tmp_path, vault_address=url, vault_token=token, pod=pod), None, lambda: pytest.fail("no API")
    )


def _set_up(place: VaultAccess, *names: EnvironmentName) -> None:
    accounts = VaultAccounts(place, identity=lambda: ClusterIdentity(""))
    who = Account("jx", "jx-controllers")
    for reader in plan_readers("jx", who, {name: Requirements() for name in names}):
        accounts.ensure_reader(reader)


def test_one_environment_does_not_get_what_another_may_read(tmp_path: Path, place: VaultAccess) -> None:
    _set_up(place, STAGING, PRODUCTION)
    stores = _stores(tmp_path, place.url)
    assert set(stores[Scheme.VAULT].read(("staging/db", "production/db"))) == {"staging/db", "production/db"}
    staging = stores.as_environment(STAGING)
    assert set(staging[Scheme.VAULT].read(("staging/db",))) == {"staging/db"}
    assert staging[Scheme.LOCAL] is staging[Scheme.VAULT]
    with pytest.raises(Forbidden, match="production/db"):
        staging[Scheme.VAULT].read(("production/db",))
    assert set(staging) == set(stores)
    stores.close()


def test_where_the_store_has_no_role_for_it_yet_the_platforms_own_is_taken(
    tmp_path: Path, place: VaultAccess
) -> None:
    _set_up(place, STAGING)
    stores = _stores(tmp_path, place.url)
    assert stores.as_environment(PRODUCTION) is stores
    _set_up(place, STAGING, PRODUCTION)
    assert set(stores.as_environment(PRODUCTION)[Scheme.VAULT].read(("production/db",))) == {"production/db"}


def test_who_uses_a_token_reads_what_that_may_read(tmp_path: Path, place: VaultAccess) -> None:
    stores = _stores(tmp_path, place.url, token=vaults.ROOT_TOKEN)
    assert stores.as_environment(STAGING) is stores


def test_a_store_that_is_down_is_no_store_without_roles(tmp_path: Path, place: VaultAccess) -> None:
    with pytest.raises(Unavailable):
        _stores(tmp_path, "http://127.0.0.1:1").as_environment(STAGING)
