"""A Vault of one's own: what is written down for it on each cloud, and that no key is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jx.domain.errors import Invalid
from jx.domain.secrets import vaults
from jx.domain.secrets.store_readers import Account, Reader
from jx.domain.secrets.vaults import Provider, VaultPlan

WHO = Account("jx", "jx-controllers")
READERS = (
    Reader("jx-staging", WHO, ("staging/**", "common/*"), ("generated/staging/**",)),
    Reader("jx", WHO, includes=("jx-staging",)),
)
PLAIN = VaultPlan("jx-vault-acme", "jx", Provider.KUBERNETES, READERS)
GKE = replace(PLAIN, provider=Provider.GKE, project="acme-1")
EKS = replace(PLAIN, provider=Provider.EKS, region="eu-west-1", account="123456789012", kms_key="key-1")


def test_it_is_called_after_its_cluster_and_never_too_long() -> None:
    assert vaults.name_of("acme") == "jx-vault-acme"
    assert vaults.name_of("a-cluster-with-a-long-name") == "jx-vault-a-cluster-wit"
    assert vaults.name_of("gke_acme-1_europe-west1-b_shop") == "jx-vault-shop"
    assert vaults.name_of("arn:aws:eks:eu-west-1:123456789012:cluster/Shop.1") == "jx-vault-shop-1"


@pytest.mark.parametrize(
    ("plan", "storage", "seal", "unseal"),
    [
        (PLAIN, "file", [], "kubernetes"),
        (GKE, "gcs", ["gcpckms"], "google"),
        (EKS, "dynamodb", ["awskms"], "aws"),
        (replace(EKS, provider=Provider.AWS), "dynamodb", ["awskms"], "aws"),
    ],
)
def test_its_data_and_keys_are_where_its_provider_has_them(
    plan: VaultPlan, storage: str, seal: list[str], unseal: str
) -> None:
    spec = vaults.files(plan)["vault.yaml"]["spec"]
    assert list(spec["config"]["storage"]) == [storage]
    assert list(spec["config"].get("seal", {})) == seal
    assert list(spec["unsealConfig"]) == [unseal]


@pytest.mark.parametrize("plan", [PLAIN, GKE, EKS])
def test_no_key_is_written_down_and_no_secret_is_among_its_objects(plan: VaultPlan) -> None:
    files = vaults.files(plan)
    assert "Secret" not in {body["kind"] for body in files.values()}
    text = json.dumps(files).lower()
    assert not [word for word in ("access_key", "secret_key", "credentials", "private_key") if word in text]


def test_pods_have_their_rights_by_their_account() -> None:
    google, amazon = (vaults.files(plan)["account.yaml"]["metadata"]["annotations"] for plan in (GKE, EKS))
    assert google == {"iam.gke.io/gcp-service-account": "jx-vault-acme@acme-1.iam.gserviceaccount.com"}
    assert amazon == {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/jx-vault-acme"}


def test_it_may_read_secrets_of_the_cluster_only_where_its_keys_are_there() -> None:
    def resources(plan: VaultPlan) -> set[str]:
        return {
            name for rule in vaults.files(plan)["unseal-role.yaml"]["rules"] for name in rule["resources"]
        }

    assert resources(PLAIN) == {"pods", "secrets"}
    assert resources(GKE) == resources(EKS) == {"pods"}


def test_each_environment_may_read_what_it_lists_and_the_controllers_what_any_of_them_may() -> None:
    external = vaults.files(PLAIN)["vault.yaml"]["spec"]["externalConfig"]
    policies = {one["name"]: one["rules"].splitlines() for one in external["policies"]}
    assert policies["jx-staging"] == [
        'path "secret/data/staging/*" { capabilities = ["read"] }',
        'path "secret/metadata/staging/*" { capabilities = ["read", "list"] }',
        'path "secret/data/common/+" { capabilities = ["read"] }',
        'path "secret/metadata/common/+" { capabilities = ["read", "list"] }',
        'path "secret/data/generated/staging/*" { capabilities = ["create", "read", "update"] }',
        'path "secret/metadata/generated/staging/*" { capabilities = ["read", "list"] }',
    ]
    roles = {one["name"]: one for one in external["auth"][0]["roles"]}
    assert (roles["jx"]["policies"], roles["jx"]["bound_service_account_names"]) == (
        ["jx-staging"],
        ["jx-controllers"],
    )


def test_people_write_secrets_by_an_account_of_their_own() -> None:
    external = vaults.files(PLAIN)["vault.yaml"]["spec"]["externalConfig"]
    (role,) = [one for one in external["auth"][0]["roles"] if "allow_secrets" in one["policies"]]
    assert role["bound_service_account_names"] == ["jx-vault-acme-auth-sa"]
    assert external["policies"][0]["rules"] == (
        'path "secret/*" { capabilities = ["create", "read", "update", "delete", "list"] }'
    )


def test_what_the_cloud_has_to_have_is_told_as_steps() -> None:
    assert vaults.cloud_steps(PLAIN) == ()
    assert [step.split()[2] for step in vaults.cloud_steps(EKS)] == [
        "create-bucket",
        "create-table",
        "create-role",
    ]
    assert "gs://jx-vault-acme-bucket" in vaults.cloud_steps(GKE)[0]


def test_everything_that_is_missing_is_told_at_once() -> None:
    vaults.check(PLAIN)
    with pytest.raises(Invalid) as error:
        vaults.check(replace(EKS, region="", kms_key=""))
    assert [str(one) for one in error.value.problems] == [
        "the region (--aws-region) is not said",
        "the id of the key (--aws-kms-key-id) is not said",
    ]
