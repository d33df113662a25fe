"""The flags of `jx install` and `jx create cluster`, as Jenkins X 2 had them: one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from jx.domain.platforms.installing import EMBEDDED, InstallFlags
from jx.domain.secrets.vault_choice import VaultFlags


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `acts` says that it means something here; the others are accepted, and said to have no effect. Those `on_cluster`
    mean something on a cluster only: the embedded platform has its own git server and charts."""

    names: str
    help: str
    is_switch: bool = False
    acts: bool = False
    default: str = ""
    many: bool = False
    on_cluster: bool = False
    is_number: bool = False


def _switch(names: str, text: str, *, acts: bool = False) -> Flag:
    return Flag(names, text, is_switch=True, acts=acts)


FLAGS = (
    _switch("--ng", "Next generation: --gitops --vault --no-tiller --tekton. The default.", acts=True),
    _switch("--gitops", "Manage the installation itself by GitOps.", acts=True),
    _switch("--vault", "Keep secrets in Vault (on provider local: in the embedded store).", acts=True),
    _switch("--tekton", "Run pipelines on Tekton (on provider local: on the embedded runner).", acts=True),
    _switch("--no-tiller", "Render charts without Tiller. Always so.", acts=True),
    _switch("--static-jenkins", "Run pipelines on a Jenkins server.", acts=True),
    _switch("--prow", "Trigger Tekton pipelines as Prow did.", acts=True),
    _switch("--knative-build", "Gone with Knative Build.", acts=True),
    _switch("--no-gitops-env-apply", "Make the repositories, apply nothing.", acts=True),
    _switch("--no-gitops-env-repo", "Do not make remote repositories."),
    _switch("--no-gitops-vault", "GitOps without Vault.", acts=True),
    _switch("--no-gitops-env-setup", "Skip what follows the first apply."),
    _switch("--no-default-environments", "No staging and no production.", acts=True),
    _switch("--remote-environments", "Staging and production are in other clusters.", acts=True),
    _switch("--install-only", "Fail where it is installed already.", acts=True),
    _switch("--kaniko", "Build images by Kaniko."),
    _switch("--helm3", "Helm 3. Always so."),
    _switch("--remote-tiller", "Gone with Tiller.", acts=True),
    _switch("--global-tiller", "Gone with Tiller.", acts=True),
    _switch("--skip-setup-tiller", "Gone with Tiller."),
    _switch("--helm-tls", "Gone with Tiller."),
    _switch("--vault-bucket-recreate", "Empty an existing bucket of Vault's name."),
    _switch("--cleanup-temp-files", "Remove generated files. Always so."),
    _switch("--long-term-storage", "A bucket for logs."),
    _switch("--skip-auth-secrets-merge", "Do not merge secrets of an earlier installation."),
    _switch("--git-public", "Make public repositories.", acts=True),
    _switch("--skip-ingress", "Install no ingress controller."),
    _switch("--external-dns", "Register names by external-dns."),
    _switch("--on-premise", "An on-premise cluster."),
    _switch("--aws-auto-create", "Create what Vault needs on AWS."),
    Flag("--provider", "Where to install: local, kubernetes, gke, eks, ...", acts=True),
    Flag("--namespace", "Namespace of the platform.", acts=True, default="jx"),
    Flag("--default-environment-prefix", "Repositories are named environment-<prefix>-<name>.", acts=True),
    Flag(
        "--environment-repo",
        "<environment>=<url> of a git repository that is there. Repeatable.",
        acts=True,
        on_cluster=True,
        many=True,
    ),
    Flag(
        "--chart-repository",
        "Where the platform's chart is: https, oci, file or a folder.",
        acts=True,
        on_cluster=True,
    ),
    Flag(
        "--platform-image",
        "Image of the platform's own pods, where the cluster can pull it.",
        acts=True,
        on_cluster=True,
    ),
    Flag("--environment-git-owner", "Who owns the environments' repositories.", acts=True),
    Flag("--version", "Version of the platform's chart. Default: the version stream's.", acts=True),
    Flag(
        "--timeout",
        "How long to wait for the platform, in seconds.",
        acts=True,
        default="600",
        is_number=True,
    ),
    Flag("--tiller-namespace", "Gone with Tiller."),
    Flag("--cloud-environment-repo", "Values by provider."),
    Flag("--versions-repo", "Git repository of the version stream.", acts=True, on_cluster=True),
    Flag("--versions-ref", "Its branch, tag or commit.", acts=True, on_cluster=True),
    Flag("--buildpack", "Name of the build packs."),
    Flag("--lts-bucket", "Bucket of --long-term-storage."),
    Flag("--config-file", "A file of install settings."),
    Flag("--docker-registry", "Registry for images."),
    Flag("--docker-registry-org", "Its organisation."),
    Flag(
        "--git-provider-url",
        "The git server, before /<owner>/<name>.git; a folder will do.",
        acts=True,
        on_cluster=True,
    ),
    Flag("--git-provider-kind", "Its kind: github, gitlab, ...", acts=True),
    Flag("--git-username", "User name for it."),
    Flag("--git-api-token", "Not taken here: a process argument is no place for a token; set JX_GIT_TOKEN."),
    Flag("--default-admin-password", "Not taken here: a process argument is no place for a password."),
    Flag("--domain", "Domain of the ingress."),
    Flag("--external-ip", "Address of the ingress."),
    Flag("--ingress-namespace", "Namespace of the ingress controller."),
    Flag("--ingress-service", "Service of the ingress controller."),
    Flag("--ingress-deployment", "Deployment of the ingress controller."),
    Flag("--ingress-cluster-role", "ClusterRole of the ingress controller."),
    Flag(
        "--vault-url", "A Vault that is there, to use instead of one of its own.", acts=True, on_cluster=True
    ),
    Flag(
        "--vault-role",
        "The role that the platform's pods log in there as. Default: jx.",
        acts=True,
        on_cluster=True,
    ),
    Flag(
        "--vault-auth-path",
        "Where their login is mounted. Default: kubernetes; jwt for a Vault that cannot reach the cluster.",
        acts=True,
        on_cluster=True,
    ),
    Flag(
        "--vault-mount",
        "Where its engine for keys and values is mounted. Default: secret.",
        acts=True,
        on_cluster=True,
    ),
    Flag(
        "--vault-namespace",
        "Its namespace, in Vault Enterprise and OpenBao. Default: VAULT_NAMESPACE.",
        acts=True,
        on_cluster=True,
    ),
    Flag(
        "--vault-ca-file",
        "PEM of the authority that signed its certificate. Default: VAULT_CACERT.",
        acts=True,
        on_cluster=True,
    ),
    _switch(
        "--no-vault-setup", "Whoever runs that Vault has set up its engine, policies and logins.", acts=True
    ),
    Flag(
        "--vault-operator-repository",
        "Where the chart of Vault's operator is. Default: as the version stream says.",
        acts=True,
        on_cluster=True,
    ),
    Flag(
        "--vault-operator-version",
        "Its version. Default: the version stream's, else the newest.",
        acts=True,
        on_cluster=True,
    ),
    Flag("--gke-project-id", "Project of a Vault of its own.", acts=True, on_cluster=True),
    Flag("--aws-region", "Region of a Vault of its own.", acts=True, on_cluster=True),
    Flag("--aws-account", "Number of the account of a Vault of its own.", acts=True, on_cluster=True),
    Flag("--aws-dynamodb-region", "Region of Vault's table."),
    Flag("--aws-dynamodb-table", "Vault's table."),
    Flag("--aws-kms-region", "Region of Vault's key."),
    Flag("--aws-kms-key-id", "Vault's key.", acts=True, on_cluster=True),
    Flag("--aws-s3-bucket", "Bucket of Vault's unseal keys."),
    Flag("--aws-s3-region", "Its region."),
    Flag("--aws-s3-prefix", "Its prefix."),
    Flag("--aws-access-key-id", "IAM user of Vault."),
    Flag("--aws-secret-access-key", "Not taken here: a process argument is no place for a key."),
)

_FORBIDDEN = ("git_api_token", "default_admin_password", "aws_secret_access_key")


_TRUE = ("true", "yes", "1", "t")
_FALSE = ("false", "no", "0", "f")


class _Truth(click.ParamType[bool]):
    name = "true|false"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """`--vault`, `--vault=true`, `--vault=false`."""
        text = str(value).lower()
        if text not in {*_TRUE, *_FALSE}:
            self.fail(f"{value!r} is neither true nor false", param, ctx)
        return text in _TRUE


def install_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds every flag of the table to a command; switches are None where they were not given."""
    for flag in reversed(FLAGS):
        settings: dict[str, Any] = {
            "help": flag.help,
            "default": flag.default or None,
            "show_default": bool(flag.default),
        }
        if flag.many:
            settings |= {"multiple": True}
        if flag.is_switch:
            settings |= {"is_flag": False, "flag_value": "true", "type": _Truth(), "metavar": "[=true|false]"}
        if flag.is_number:
            settings |= {"type": click.IntRange(min=1)}
        function = click.option(flag.names, **settings)(function)
    return function


def read_flags(options: dict[str, Any]) -> tuple[InstallFlags, list[str]]:
    """The flags for the domain, and those that were given but have no effect here."""
    for name in _FORBIDDEN:
        if options.get(name):
            flag = "--" + name.replace("_", "-")
            raise click.UsageError(
                f"{flag}: everybody on this machine can read a process's arguments; use the environment instead"
            )
    given = {flag: options.get(_key(flag)) for flag in FLAGS}
    is_embedded = (options.get("provider") or EMBEDDED) == EMBEDDED
    idle = [
        flag.names
        for flag, value in given.items()
        if value not in (None, ()) and not (flag.acts and not (is_embedded and flag.on_cluster))
    ]
    switches = {
        flag.names.removeprefix("--"): value
        for flag, value in given.items()
        if flag.is_switch and value is not None
    }
    flags = InstallFlags(
        switches=switches,
        provider=options.get("provider") or "",
        namespace=options.get("namespace") or "jx",
        prefix=options.get("default_environment_prefix") or "",
        owner=options.get("environment_git_owner") or "",
        platform_version=options.get("version") or "",
        git_kind=options.get("git_provider_kind") or "",
        git_url=options.get("git_provider_url") or "",
        repositories=tuple(options.get("environment_repo") or ()),
        chart_repository=options.get("chart_repository") or "",
        version_stream=options.get("versions_repo") or "",
        version_stream_ref=options.get("versions_ref") or "",
        image=options.get("platform_image") or "",
        vault=_vault_flags(options),
    )
    return flags, idle


def _vault_flags(options: dict[str, Any]) -> VaultFlags:
    def said(name: str) -> str:
        return str(options.get(name) or "")

    return VaultFlags(
        url=said("vault_url"),
        role=said("vault_role"),
        mount=said("vault_mount"),
        auth_path=said("vault_auth_path"),
        namespace=said("vault_namespace"),
        ca=_read_file(said("vault_ca_file"), "--vault-ca-file"),
        is_set_up=bool(options.get("no_vault_setup")),
        operator_repository=said("vault_operator_repository"),
        operator_version=said("vault_operator_version"),
        cloud={
            "project": said("gke_project_id"),
            "region": said("aws_region"),
            "account": said("aws_account"),
            "kms_key": said("aws_kms_key_id"),
        },
    )


def _read_file(path: str, flag: str) -> str:
    if not path:
        return ""
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{flag}: {path} cannot be read") from error
    if "-----BEGIN CERTIFICATE-----" not in text or "PRIVATE KEY" in text:
        raise click.UsageError(f"{flag}: {path} holds no certificate (PEM), or a private key with it")
    return text


def _key(flag: Flag) -> str:
    return flag.names.removeprefix("--").replace("-", "_")
