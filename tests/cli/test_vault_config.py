"""`jx get vault-config`: which token is meant for which Vault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.platform import Machine, machine_at

URL = "https://vault.example:8200"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_at(tmp_path) as machine:
        yield machine


def test_a_token_of_the_environment_wins_over_the_one_that_vaults_own_client_keeps(machine: Machine) -> None:
    (machine.home / ".vault-token").write_text("of-the-file\n")
    kept = machine.jx("get", "vault-config", env={"VAULT_ADDR": URL}).ok()
    assert kept.out == f"export VAULT_ADDR={URL}\nexport VAULT_TOKEN=of-the-file\n"
    named = {"VAULT_ADDR": URL, "VAULT_TOKEN": "of-the-environment", "VAULT_NAMESPACE": "team"}
    assert machine.jx("get", "vault-config", env=named).ok().out == (
        f"export VAULT_ADDR={URL}\nexport VAULT_TOKEN=of-the-environment\nexport VAULT_NAMESPACE=team\n"
    )


def test_without_any_it_is_said_what_to_do(machine: Machine) -> None:
    ran = machine.jx("get", "vault-config", env={"VAULT_ADDR": URL}).ended(4)
    assert "set VAULT_TOKEN, or: vault login" in ran.err
    assert "no secret store is known" in machine.jx("get", "vault-config").ended(4).err
