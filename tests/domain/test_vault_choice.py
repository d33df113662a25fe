"""Which store an installation gets, by its flags."""

from __future__ import annotations

from typing import Any

import pytest

from jx.domain.errors import Usage
from jx.domain.secrets.vault_choice import (
    OwnVault,
    VaultAt,
    VaultChoice,
    VaultFlags,
    choose_vault,
    is_in_clear,
)
from jx.domain.secrets.vaults import Provider

URL = "https://vault.example:8200"


def _choose(flags: VaultFlags, *, provider: str = "kubernetes", is_wanted: bool = True) -> VaultChoice:
    return choose_vault(flags, provider=provider, is_embedded=provider == "local", is_wanted=is_wanted)


@pytest.mark.parametrize(
    ("provider", "keeper"),
    [("kubernetes", "kubernetes"), ("kind", "kubernetes"), ("gke", "gke"), ("eks", "eks"), ("aws", "aws")],
)
def test_a_vault_of_its_own_has_its_keys_kept_by_the_provider(provider: str, keeper: str) -> None:
    assert _choose(VaultFlags(), provider=provider) == OwnVault(Provider(keeper))


def test_on_this_machine_and_without_vault_there_is_nothing_to_choose() -> None:
    assert _choose(VaultFlags(), provider="local") is None
    assert _choose(VaultFlags(), is_wanted=False) is None


def test_a_vault_that_is_there_is_taken_instead_on_every_provider() -> None:
    flags = VaultFlags(f"{URL}/", role="r", mount="/kv/", auth_path="auth/k8s-1/", namespace="team")
    at = VaultAt(URL, role="r", mount="kv", auth_path="k8s-1", namespace="team")
    assert _choose(flags, provider="aks") == at
    assert at.chart_values() == {
        "url": URL,
        "role": "r",
        "mount": "kv",
        "authPath": "k8s-1",
        "namespace": "team",
    }


def test_the_chart_is_told_only_what_it_does_not_assume() -> None:
    assert VaultAt(URL).chart_values() == {"url": URL, "role": "jx"}


@pytest.mark.parametrize(
    ("url", "words", "how"),
    [
        ("https://root:s3cr3t@vault.example", "holds a login", {}),
        ("vault.example:8200", "takes an address", {}),
        ("https://[::1", "takes an address", {}),
        (URL, "leaves it out", {"is_wanted": False}),
        (URL, "brings a secret store along", {"provider": "local"}),
        ("", "cannot keep its keys on aks", {"provider": "aks"}),
    ],
)
def test_what_cannot_be_is_refused_and_no_login_is_quoted(url: str, words: str, how: dict[str, Any]) -> None:
    with pytest.raises(Usage, match=words) as caught:
        _choose(VaultFlags(url), **how)
    assert "s3cr3t" not in f"{caught.value.message}{caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "is_clear"), [(URL, False), ("http://127.0.0.1:8200", False), ("http://vault.example", True)]
)
def test_what_goes_over_a_network_in_clear_is_known(url: str, *, is_clear: bool) -> None:
    assert is_in_clear(url) == is_clear
