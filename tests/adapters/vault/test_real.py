"""A real Vault or OpenBao: its engines, namespaces and ways to log in. JX_TEST_VAULT_ADDR names one (see CONTRIBUTING)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support import vaults
from tests.support.embedded import running_api
from tests.support.foreign import token_of

from jx.adapters.kubernetes.identity import read_identity
from jx.adapters.vault.access import AppRole, ServiceAccount, Token, VaultAccess
from jx.adapters.vault.accounts import VaultAccounts
from jx.adapters.vault.client import Client
from jx.adapters.vault.store import VaultSecrets
from jx.domain.errors import Forbidden, NotFound, Stale
from jx.domain.secrets.store_readers import Account, ClusterIdentity, Reader

ACCESS = vaults.real_access()
pytestmark = pytest.mark.skipif(ACCESS is None, reason="JX_TEST_VAULT_ADDR names no Vault")


@pytest.fixture
def access() -> VaultAccess:
    assert ACCESS is not None
    return ACCESS


@pytest.fixture
def owner(access: VaultAccess) -> Iterator[Client]:
    client = Client(access)
    yield client
    client.close()


@pytest.fixture
def name() -> str:
    return f"jx-{secrets.token_hex(6)}"


def _policy(owner: Client, name: str, path: str) -> None:
    policy = {"path": {path: {"capabilities": ["read"]}}}
    owner.ask("PUT", f"sys/policies/acl/{name}", {"policy": json.dumps(policy)})


def test_version_1_of_the_engine(owner: Client, access: VaultAccess, name: str) -> None:
    owner.ask("POST", f"sys/mounts/{name}", {"type": "kv", "options": {"version": "1"}})
    store = VaultSecrets(replace(access, mount=name))
    first = store.write("prod/db", {"password": "one"})
    assert not first.is_counted
    assert VaultSecrets(replace(access, mount=name)).read(("prod/db",))["prod/db"].version != first.version
    store.write("prod/db", {"password": "two"}, version=first.version)
    with pytest.raises(Stale):
        store.write("prod/db", {"password": "three"}, version=first.version)
    assert store.read(("prod/db",))["prod/db"].values == {"password": "two"}
    assert [one.path for one in store.list_under("prod")] == ["prod/db"]
    assert store.remove("prod/db")
    assert store.read(("prod/db",)) == {}


def test_a_mount_that_is_not_there_is_told_of(access: VaultAccess, name: str) -> None:
    with pytest.raises(NotFound, match="has no key/value engine"):
        VaultSecrets(replace(access, mount=name)).check()


def test_a_namespace_of_its_own(owner: Client, access: VaultAccess, name: str) -> None:
    try:
        made = owner.ask("POST", f"sys/namespaces/{name}", {})
    except Forbidden:
        made = None
    if made is None:
        pytest.skip("this server knows no namespaces")
    inside = replace(access, namespace=name)
    Client(inside).ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    VaultSecrets(inside).write("db", {"k": "inside"})
    assert VaultSecrets(access).read(("db",)).get("db") is None
    assert VaultSecrets(inside).read(("db",))["db"].values == {"k": "inside"}


def test_an_app_role_logs_in_and_reads_what_its_policy_says(
    owner: Client, access: VaultAccess, name: str
) -> None:
    _policy(owner, name, f"secret/data/{name}/*")
    owner.ask("POST", f"sys/auth/{name}", {"type": "approle"})
    owner.ask("POST", f"auth/{name}/role/jx", {"token_policies": [name], "token_ttl": "1h"})
    role_id = _data(owner.ask("GET", f"auth/{name}/role/jx/role-id"))["role_id"]
    secret_id = _data(owner.ask("POST", f"auth/{name}/role/jx/secret-id", {}))["secret_id"]
    VaultSecrets(access).write(f"{name}/db", {"k": "v"})
    VaultSecrets(access).write(f"other-{name}/db", {"k": "v"})
    store = VaultSecrets(replace(access, login=AppRole(role_id, secret_id, name)))
    assert store.read((f"{name}/db",))[f"{name}/db"].values == {"k": "v"}
    with pytest.raises(Forbidden, match=f"other-{name}"):
        store.read((f"other-{name}/db",))
    with pytest.raises(Forbidden, match="refuses the login"):
        VaultSecrets(replace(access, login=AppRole(role_id, "wrong", name))).check()


def test_an_account_logs_in_by_its_signed_token(owner: Client, access: VaultAccess, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _policy(owner, name, f"secret/data/{name}/*")
    owner.ask("POST", f"sys/auth/{name}", {"type": "jwt"})
    owner.ask("POST", f"auth/{name}/config", {"jwt_validation_pubkeys": [public.decode()]})
    role = {
        "role_type": "jwt",
        "bound_audiences": ["vault"],
        "bound_subject": "system:serviceaccount:jx:controllers",
        "user_claim": "sub",
        "token_policies": [name],
    }
    owner.ask("POST", f"auth/{name}/role/jx", role)
    VaultSecrets(access).write(f"{name}/db", {"k": "v"})
    login = ServiceAccount("jx", lambda: _signed(key, "system:serviceaccount:jx:controllers"), name)
    store = VaultSecrets(replace(access, login=login))
    assert store.read((f"{name}/db",))[f"{name}/db"].values == {"k": "v"}
    stranger = ServiceAccount("jx", lambda: _signed(key, "system:serviceaccount:jx:stranger"), name)
    with pytest.raises(Forbidden, match="refuses the login"):
        VaultSecrets(replace(access, login=stranger)).check()


def test_a_login_that_has_ended_is_made_anew(owner: Client, access: VaultAccess, name: str) -> None:
    _policy(owner, name, f"secret/data/{name}/*")
    owner.ask("POST", f"sys/auth/{name}", {"type": "approle"})
    owner.ask("POST", f"auth/{name}/role/jx", {"token_policies": [name]})
    role_id = _data(owner.ask("GET", f"auth/{name}/role/jx/role-id"))["role_id"]
    secret_id = _data(owner.ask("POST", f"auth/{name}/role/jx/secret-id", {}))["secret_id"]
    VaultSecrets(access).write(f"{name}/db", {"k": "v"})
    store = VaultSecrets(replace(access, login=AppRole(role_id, secret_id, name)))
    store.read((f"{name}/db",))
    accessors = _data(owner.ask("GET", "auth/token/accessors?list=true"))["keys"]
    for accessor in accessors:
        found = owner.ask("POST", "auth/token/lookup-accessor", {"accessor": accessor})
        if found and name in _data(found)["policies"]:
            owner.ask("POST", "auth/token/revoke-accessor", {"accessor": accessor})
    assert store.read((f"{name}/db",))[f"{name}/db"].values == {"k": "v"}


def test_a_token_without_rights_is_refused_by_verb_and_path(
    owner: Client, access: VaultAccess, name: str
) -> None:
    _policy(owner, name, f"secret/data/{name}/*")
    made = owner.ask("POST", "auth/token/create", {"policies": [name], "ttl": "1h"})
    assert made is not None
    store = VaultSecrets(replace(access, login=Token(made["auth"]["client_token"])))
    with pytest.raises(Forbidden, match="GET secret/data/elsewhere"):
        store.read(("elsewhere",))


def test_a_vault_that_is_set_up_lets_accounts_of_the_cluster_in_and_no_further(
    access: VaultAccess, name: str, tmp_path: Path
) -> None:
    with running_api(tmp_path) as api:
        accounts = VaultAccounts(access, login_at=name, identity=lambda: read_identity(api))
        accounts.check()
        accounts.ensure_engine()
        assert accounts.ensure_login()
        assert not accounts.ensure_login()
        who = Account("default", "controllers")
        made = (f"generated/{name}/**",)
        accounts.ensure_reader(Reader(f"{name}-dev", who, (f"{name}/**", "common/*"), made))
        accounts.ensure_reader(Reader(name, who, includes=(f"{name}-dev",)))
        VaultSecrets(access).write(f"{name}/db", {"k": "v"})
        VaultSecrets(access).write(f"other-{name}/db", {"k": "v"})
        for role in (name, f"{name}-dev"):
            token = token_of(api, "default", "controllers")
            store = VaultSecrets(replace(access, login=ServiceAccount(role, partial(str, token), name)))
            assert store.read((f"{name}/db",))[f"{name}/db"].values == {"k": "v"}
            assert store.read((f"{name}/none", f"common/none-{name}")) == {}
            with pytest.raises(Forbidden, match=f"other-{name}"):
                store.read((f"other-{name}/db",))
        store.write(f"generated/{name}/x", {"made": "1"})
        stranger = token_of(api, "default", "stranger")
        with pytest.raises(Forbidden, match="refuses the login"):
            VaultSecrets(replace(access, login=ServiceAccount(name, lambda: stranger, name))).check()


def test_a_vault_that_cannot_reach_the_cluster_knows_its_accounts_by_their_keys(
    access: VaultAccess, name: str
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    known = ClusterIdentity("https://cluster.example", issuer="vault", keys=(public.decode(),))
    accounts = VaultAccounts(access, login_at=f"{name}-jwt", identity=lambda: known)
    assert accounts.ensure_login()
    reader = Reader(name, Account("jx", "controllers"), (f"{name}/**",))
    assert accounts.ensure_reader(reader)
    assert not accounts.ensure_reader(reader)
    VaultSecrets(access).write(f"{name}/db", {"k": "v"})
    token = _signed(key, "system:serviceaccount:jx:controllers")
    store = VaultSecrets(replace(access, login=ServiceAccount(name, lambda: token, f"{name}-jwt")))
    assert store.read((f"{name}/db",))[f"{name}/db"].values == {"k": "v"}


def test_a_token_without_rights_is_told_what_it_would_need(
    owner: Client, access: VaultAccess, name: str
) -> None:
    _policy(owner, name, f"secret/data/{name}/*")
    made = owner.ask("POST", "auth/token/create", {"policies": [name], "ttl": "1h"})
    assert made is not None
    poor = replace(access, login=Token(made["auth"]["client_token"]))
    accounts = VaultAccounts(poor, identity=lambda: ClusterIdentity("https://cluster.example"))
    accounts.check()
    assert f"sys/policies/acl/{name}" in accounts.missing_rights((name,))


def _data(answer: Any) -> Any:
    assert answer is not None
    return answer["data"]


def _signed(key: ec.EllipticCurvePrivateKey, subject: str) -> str:
    """A token as a cluster would sign it for an account."""
    import base64
    import time

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    def packed(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).decode().rstrip("=")

    now = int(time.time())
    claims = {"iss": "vault", "sub": subject, "aud": "vault", "iat": now, "exp": now + 600}
    head = (
        f"{packed(json.dumps({'alg': 'ES256', 'typ': 'JWT'}).encode())}.{packed(json.dumps(claims).encode())}"
    )
    r, s = decode_dss_signature(key.sign(head.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{head}.{packed(r.to_bytes(32) + s.to_bytes(32))}"
