"""Vaults: a Vault of one's own on a cluster, kept by the bank-vaults operator: its `Vault` resource and companions, and the cloud
resources that it needs, as steps for a person. No key is ever written down: pods have their rights by their service account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jx.domain.errors import Invalid, Problem
from jx.domain.objects.manifests import Body
from jx.domain.secrets.store_readers import Reader, rules_of

OPERATOR_CHART = "vault-operator"
_LONGEST_NAME, _OF_CLUSTER = 22, 16
_PORT = 8200
_ALL = "allow_secrets"
"""The policy of who may write secrets: people, by the account that they may take tokens of."""


class Provider(StrEnum):
    """Where the keys that unseal it are kept."""

    GKE = "gke"
    EKS = "eks"
    AWS = "aws"
    KUBERNETES = "kubernetes"
    """In a Secret beside it: whoever reads Secrets there can unseal it."""


@dataclass(frozen=True, slots=True)
class VaultPlan:
    """A Vault to be made. Names that are empty follow from its own."""

    name: str
    namespace: str
    provider: Provider
    readers: tuple[Reader, ...]
    """Who may read what: each environment, and the platform's controllers."""
    image: str = "hashicorp/vault:1.14.8"
    project: str = ""
    """GKE's."""
    region: str = ""
    """EKS's and AWS's; GKE keeps its keys in `global`."""
    account: str = ""
    """EKS and AWS: the number of the account."""
    kms_key: str = ""
    """EKS and AWS: the id of the key."""

    @property
    def url(self) -> str:
        """Where it is, within the cluster."""
        return f"http://{self.name}.{self.namespace}:{_PORT}"

    @property
    def is_aws(self) -> bool:
        """Whether Amazon keeps its keys."""
        return self.provider in {Provider.EKS, Provider.AWS}


def name_of(cluster: str) -> str:
    """What a cluster's Vault is called. Clouds put account, region and more before the names of clusters."""
    last = re.split(r"[/_:]", cluster)[-1].lower()
    word = re.sub(r"[^a-z0-9-]+", "-", last).strip("-") or "cluster"
    return f"jx-vault-{word[:_OF_CLUSTER]}"[:_LONGEST_NAME].rstrip("-")


def check(plan: VaultPlan) -> None:
    """Invalid with everything that is missing."""
    wanted: dict[str, str] = {}
    if plan.provider is Provider.GKE:
        wanted = {"the project (--gke-project-id)": plan.project}
    if plan.is_aws:
        wanted = {
            "the region (--aws-region)": plan.region,
            "the account's number (--aws-account)": plan.account,
            "the id of the key (--aws-kms-key-id)": plan.kms_key,
        }
    problems = [Problem("", f"{what} is not said") for what, text in wanted.items() if not text]
    if problems:
        raise Invalid(f"a Vault on {plan.provider} cannot be described", *problems)


def files(plan: VaultPlan) -> dict[str, Body]:
    """The objects, by the file that each is written to."""
    return {
        "vault.yaml": _vault(plan),
        "account.yaml": _account(plan.name, plan, _annotations(plan)),
        "auth-account.yaml": _account(_auth_account(plan), plan, {}),
        "token-review.yaml": _token_review(plan),
        "unseal-role.yaml": _unseal_role(plan),
        "unseal-binding.yaml": _unseal_binding(plan),
    }


def cloud_steps(plan: VaultPlan) -> tuple[str, ...]:
    """What has to be there in the cloud before the pull request is merged: commands of the cloud's own client."""
    name, project, region = plan.name, plan.project, plan.region
    if plan.provider is Provider.GKE:
        who = f"serviceAccount:{_google_account(plan)}"
        pod = f"serviceAccount:{project}.svc.id.goog[{plan.namespace}/{name}]"
        ring = f"--keyring {name}-keyring --location global --project {project}"
        return (
            f"gcloud storage buckets create gs://{name}-bucket --project {project}",
            f"gcloud kms keyrings create {name}-keyring --location global --project {project}",
            f"gcloud kms keys create {name}-key --purpose encryption {ring}",
            f"gcloud iam service-accounts create {name} --project {project}",
            f"gcloud storage buckets add-iam-policy-binding gs://{name}-bucket --member {who} --role roles/storage.objectAdmin",
            (
                f"gcloud kms keys add-iam-policy-binding {name}-key {ring} --member {who}"
                " --role roles/cloudkms.cryptoKeyEncrypterDecrypter"
            ),
            (
                f"gcloud iam service-accounts add-iam-policy-binding {_google_account(plan)} --project {project}"
                f" --member '{pod}' --role roles/iam.workloadIdentityUser"
            ),
        )
    if plan.is_aws:
        table = "--attribute-definitions AttributeName=Path,AttributeType=S AttributeName=Key,AttributeType=S"
        keys = "--key-schema AttributeName=Path,KeyType=HASH AttributeName=Key,KeyType=RANGE"
        return (
            (
                f"aws s3api create-bucket --bucket {_bucket(plan)} --region {region}"
                f" --create-bucket-configuration LocationConstraint={region}"
            ),
            (
                f"aws dynamodb create-table --table-name {name}-data --region {region} {table} {keys}"
                " --billing-mode PAY_PER_REQUEST"
            ),
            (
                f"aws iam create-role --role-name {name}  # trusted by the cluster's OIDC provider for"
                f" system:serviceaccount:{plan.namespace}:{name}; may use the bucket, the table and key {plan.kms_key}"
            ),
        )
    return ()


def _vault(plan: VaultPlan) -> Body:
    storage, seal, unseal = _keeping(plan)
    config: dict[str, Any] = {
        "storage": storage,
        "listener": {"tcp": {"address": f"0.0.0.0:{_PORT}", "tls_disable": True}},
        "ui": True,
        "api_addr": plan.url,
    }
    if seal:
        config["seal"] = seal
    spec: dict[str, Any] = {
        "size": 1,
        "image": plan.image,
        "serviceAccount": plan.name,
        "serviceType": "ClusterIP",
        "config": config,
        "unsealConfig": unseal,
        "externalConfig": _external(plan),
    }
    if plan.provider is Provider.KUBERNETES:
        spec["volumeClaimTemplates"] = [
            {
                "metadata": {"name": "vault-file"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ]
        spec["volumeMounts"] = [{"name": "vault-file", "mountPath": "/vault/file"}]
    return {
        "apiVersion": "vault.banzaicloud.com/v1alpha1",
        "kind": "Vault",
        "metadata": {"name": plan.name, "namespace": plan.namespace},
        "spec": spec,
    }


def _keeping(plan: VaultPlan) -> tuple[Body, Body, Body]:
    """Where its data, its seal and what unseals it are."""
    name = plan.name
    if plan.provider is Provider.GKE:
        seal = {
            "project": plan.project,
            "region": "global",
            "key_ring": f"{name}-keyring",
            "crypto_key": f"{name}-key",
        }
        unseal = {
            "kmsKeyRing": f"{name}-keyring",
            "kmsCryptoKey": f"{name}-key",
            "kmsLocation": "global",
            "kmsProject": plan.project,
            "storageBucket": f"{name}-bucket",
        }
        return (
            {"gcs": {"bucket": f"{name}-bucket", "ha_enabled": "true"}},
            {"gcpckms": seal},
            {"google": unseal},
        )
    if plan.is_aws:
        data = {"ha_enabled": "true", "region": plan.region, "table": f"{name}-data"}
        unseal = {
            "kmsKeyId": plan.kms_key,
            "kmsRegion": plan.region,
            "s3Bucket": _bucket(plan),
            "s3Prefix": f"{name}/",
            "s3Region": plan.region,
        }
        return (
            {"dynamodb": data},
            {"awskms": {"region": plan.region, "kms_key_id": plan.kms_key}},
            {"aws": unseal},
        )
    return {"file": {"path": "/vault/file"}}, {}, {"kubernetes": {"secretNamespace": plan.namespace}}


def _external(plan: VaultPlan) -> Body:
    """What is set up within it, and kept so: the key/value engine, what may be done, and who logs in as what."""
    everything = {"secret/*": ["create", "read", "update", "delete", "list"]}
    policies = [{"name": _ALL, "rules": _rules(everything)}]
    policies += [
        {"name": reader.role, "rules": _rules(rules_of(reader, mount="secret"))}
        for reader in plan.readers
        if not reader.includes
    ]
    roles = [
        _role(reader.role, reader.account.name, reader.account.namespace, reader.includes or (reader.role,))
        for reader in plan.readers
    ]
    roles.append(_role(_auth_account(plan), _auth_account(plan), plan.namespace, (_ALL,)))
    return {
        "policies": policies,
        "auth": [{"type": "kubernetes", "roles": roles}],
        "secrets": [{"type": "kv", "path": "secret", "description": "Secrets", "options": {"version": 2}}],
    }


def _rules(rights: Mapping[str, list[str]]) -> str:
    return "\n".join(
        f'path "{path}" {{ capabilities = [{", ".join(f"{chr(34)}{one}{chr(34)}" for one in verbs)}] }}'
        for path, verbs in rights.items()
    )


def _role(name: str, account: str, namespace: str, policies: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": name,
        "bound_service_account_names": [account],
        "bound_service_account_namespaces": [namespace],
        "policies": list(policies),
        "ttl": "1h",
    }


def _account(name: str, plan: VaultPlan, annotations: Mapping[str, str]) -> Body:
    metadata: dict[str, Any] = {"name": name, "namespace": plan.namespace}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def _annotations(plan: VaultPlan) -> dict[str, str]:
    """What gives a service account rights in its cloud."""
    if plan.provider is Provider.GKE:
        return {"iam.gke.io/gcp-service-account": _google_account(plan)}
    if plan.is_aws:
        return {"eks.amazonaws.com/role-arn": f"arn:aws:iam::{plan.account}:role/{plan.name}"}
    return {}


def _token_review(plan: VaultPlan) -> Body:
    """Vault asks the cluster whose token it was shown."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{plan.namespace}-{plan.name}-token-review"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:auth-delegator",
        },
        "subjects": [
            {"kind": "ServiceAccount", "name": name, "namespace": plan.namespace}
            for name in (plan.name, _auth_account(plan))
        ],
    }


def _unseal_role(plan: VaultPlan) -> Body:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": plan.name, "namespace": plan.namespace},
        "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "update", "patch"]},
            *(
                [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "update"]}]
                if plan.provider is Provider.KUBERNETES
                else []
            ),
        ],
    }


def _unseal_binding(plan: VaultPlan) -> Body:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": plan.name, "namespace": plan.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": plan.name},
        "subjects": [{"kind": "ServiceAccount", "name": plan.name, "namespace": plan.namespace}],
    }


def _auth_account(plan: VaultPlan) -> str:
    return f"{plan.name}-auth-sa"


def _google_account(plan: VaultPlan) -> str:
    return f"{plan.name}@{plan.project}.iam.gserviceaccount.com"


def _bucket(plan: VaultPlan) -> str:
    """Names of buckets are the world's: the account's number makes it ours."""
    return f"{plan.name}-unseal-{plan.account}"
