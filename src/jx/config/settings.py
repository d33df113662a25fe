"""Settings: what can be set from outside, each with its meaning, unit and default. The reference page is made from this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """What jx was told by its environment and its home folder."""

    home: Path
    """`JX_HOME`: where jx keeps embedded platforms and caches. Default `~/.jx`."""
    user_home: Path = Path.home()
    """`HOME`: steps of pipelines cannot change what is in it, where this machine can keep them from it."""
    keys: Path = Path("~/.local/share/jx/keys").expanduser()
    """`XDG_DATA_HOME`: below it, in `jx/keys`, are the keys of embedded secret stores. Default `~/.local/share`."""
    platform: str = ""
    """`JX_PLATFORM`: the embedded platform to work with. Default: the one chosen by `jx use`, else `local`."""
    is_platform_named: bool = False
    """Whether an embedded platform was named, by `--platform` or `JX_PLATFORM`: no cluster stands in for it then."""
    is_cluster_chosen: bool = False
    """Whether a cluster was chosen, not the embedded platform of this machine: by `--context`, `--kubeconfig`, `JX_KUBE_CONTEXT`,
    by a `KUBECONFIG` that is not just `~/.kube/config`, or by `jx use`. `JX_PLATFORM` and `--platform` choose the other way."""
    user: str = ""
    """`JX_USER` (or `--as`): the user of the embedded forge to act as. Default: the user who made the platform."""
    kubeconfig: tuple[Path, ...] = ()
    """`KUBECONFIG`: kubeconfig files. Default: the embedded platform's where there is one, else `~/.kube/config`."""
    kube_context: str = ""
    """`JX_KUBE_CONTEXT` (or `--context`): the context to use. Default: the kubeconfig's current one."""
    dev_repo_url: str = ""
    """`JX_DEV_REPO_URL`: the dev environment's repository. Set in the platform's own pods."""
    forge_url: str = ""
    """`JX_FORGE_URL`: the forge's address. Set in the platform's own pods."""
    git_url: str = ""
    """`JX_GIT_URL`: the git server that `JX_GIT_USER` and `JX_GIT_TOKEN` are for. Default: the forge, else where dev is."""
    git_user: str = ""
    """`JX_GIT_USER`: the user name for git and the forge. Set in the platform's own pods."""
    git_token: str = field(default="", repr=False)
    """`JX_GIT_TOKEN`: its token. Set in the platform's own pods, from a Secret."""
    vault_address: str = ""
    """`VAULT_ADDR`: where the secret store is. Default: the embedded platform's."""
    vault_token: str = field(default="", repr=False)
    """`VAULT_TOKEN`: a token for it. Default: the account of the pod, or the embedded platform's owner."""
    vault_namespace: str = ""
    """`VAULT_NAMESPACE`: the namespace in Vault Enterprise or OpenBao."""
    vault_ca_file: str = ""
    """`VAULT_CACERT`: the certificate of the authority that signed Vault's."""
    vault_token_file: Path = Path("~/.vault-token").expanduser()
    """Where Vault's own client keeps a token (`vault login`); for a Vault that `VAULT_ADDR` or `--vault-url` names."""
    vault_role_id: str = ""
    """`VAULT_ROLE_ID`: an AppRole to log in as, where there is no token."""
    vault_secret_id: str = field(default="", repr=False)
    """`VAULT_SECRET_ID`: its secret."""
    vault_role: str = ""
    """`JX_VAULT_ROLE`: the role to log in as by the account of the pod. Set in the platform's own pods."""
    vault_auth_path: str = ""
    """`JX_VAULT_AUTH_PATH`: where that login is mounted. Default `kubernetes`."""
    vault_mount: str = ""
    """`JX_VAULT_MOUNT`: where the engine for keys and values is mounted. Default `secret`."""
    gcp_project: str = ""
    """`GOOGLE_CLOUD_PROJECT`: the project whose secrets `gcp:` references mean."""
    webhook_secret: str = field(default="", repr=False)
    """`JX_WEBHOOK_SECRET`: the key that signs webhooks. Set in the webhook receiver's pod, from a Secret."""
    answers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """`JX_VALUE_*`: answers to what a chart asks about: `JX_VALUE_AUTH_PASSWORD` for `auth.password`. Not asked then."""
    batch: bool = False
    """`JX_BATCH_MODE` (or `-b`): ask no question. Default: ask when standing on a terminal."""
    deploy_namespace: str = ""
    """`DEPLOY_NAMESPACE`: the namespace of the environment in a pipeline, as in Jenkins X 2."""
    build_number: str = ""
    """`BUILD_NUMBER` (or `JX_BUILD_NUMBER`): the number of the pipeline's build, as in Jenkins X 2."""
    pipelines: str = ""
    """`JX_PIPELINES`: what applies merges: `tekton` is a run of the environment's pipeline for each, on Tekton or the embedded
    runner. Default: the controllers apply by themselves."""
    builder_image: str = ""
    """`JX_BUILDER_IMAGE`: what the image `jx/builder` of pipelines is called there; it has git, a shell and jx. Set in the
    controllers' pod on a cluster with Tekton, to their own image. Default `jx/builder`: this machine stands for it."""
    pipeline_run: str = ""
    """`JX_PIPELINE_RUN`: the run that this process is a step of. Set in the steps of an environment's pipeline."""
    environment: str = ""
    """`JX_ENVIRONMENT`: the environment that this run is for. Set in the steps of an environment's pipeline."""
    heals_drift: bool = False
    """`JX_HEALS_DRIFT`: this run takes back what others have changed. Set in the steps of a run that heals drift."""
    pull_number: str = ""
    """`PULL_NUMBER`: the pull request that this run is for, as in Jenkins X 2. Set in the steps of pipelines."""
    pull_base: str = ""
    """`PULL_BASE_SHA`: the commit of its base that this run merged it onto, as in Jenkins X 2. Set in the steps of pipelines."""
    namespace: str = "jx"
    """`JX_NAMESPACE`: the namespace of the platform. Default `jx`."""
    pod: Mapping[str, str] = field(default_factory=dict)
    """What Kubernetes tells a pod: `KUBERNETES_SERVICE_HOST`, `KUBERNETES_SERVICE_PORT`, and `JX_SERVICE_ACCOUNT_DIR`, the folder
    of the pod's account (default `/var/run/secrets/kubernetes.io/serviceaccount`). Empty outside of a pod."""

    @property
    def in_cluster(self) -> bool:
        """Whether this process runs in a pod."""
        return "KUBERNETES_SERVICE_HOST" in self.pod

    @property
    def cache(self) -> Path:
        """Charts and mirrors of repositories; may be deleted at any time."""
        return self.home / "cache"
