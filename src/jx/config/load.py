"""Where settings come from: the environment, then the home folder. With cli/main.py the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from jx.config.clusters import KnownCluster, find_cluster
from jx.config.settings import Settings

DEFAULT_PLATFORM = "local"
_POD = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "JX_SERVICE_ACCOUNT_DIR")


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process."""
    env = os.environ if environment is None else environment
    user_home = Path(env.get("HOME", "~")).expanduser()
    home = Path(env.get("JX_HOME") or user_home / ".jx").absolute()
    chosen = choose_cluster(env, home, user_home / ".kube" / "config")
    return Settings(
        home=home,
        user_home=user_home,
        keys=Path(env.get("XDG_DATA_HOME") or user_home / ".local" / "share") / "jx" / "keys",
        platform=env.get("JX_PLATFORM") or current_platform(home),
        is_platform_named=bool(env.get("JX_PLATFORM")),
        is_cluster_chosen=chosen.is_chosen,
        user=env.get("JX_USER", ""),
        kubeconfig=chosen.kubeconfig,
        kube_context=chosen.context,
        dev_repo_url=env.get("JX_DEV_REPO_URL", ""),
        forge_url=env.get("JX_FORGE_URL", ""),
        git_url=env.get("JX_GIT_URL", ""),
        git_user=env.get("JX_GIT_USER", ""),
        git_token=env.get("JX_GIT_TOKEN", ""),
        vault_address=env.get("VAULT_ADDR", ""),
        vault_token=env.get("VAULT_TOKEN", ""),
        vault_namespace=env.get("VAULT_NAMESPACE", ""),
        vault_ca_file=env.get("VAULT_CACERT", ""),
        vault_token_file=user_home / ".vault-token",
        vault_role_id=env.get("VAULT_ROLE_ID", ""),
        vault_secret_id=env.get("VAULT_SECRET_ID", ""),
        vault_role=env.get("JX_VAULT_ROLE", ""),
        vault_auth_path=env.get("JX_VAULT_AUTH_PATH", ""),
        vault_mount=env.get("JX_VAULT_MOUNT", ""),
        gcp_project=env.get("GOOGLE_CLOUD_PROJECT", ""),
        webhook_secret=env.get("JX_WEBHOOK_SECRET", ""),
        answers={name: text for name, text in env.items() if name.startswith("JX_VALUE_")},
        batch=env.get("JX_BATCH_MODE", "").lower() in {"1", "true", "yes"},
        deploy_namespace=env.get("DEPLOY_NAMESPACE", ""),
        build_number=env.get("JX_BUILD_NUMBER") or env.get("BUILD_NUMBER", ""),
        pipelines=env.get("JX_PIPELINES", ""),
        pipeline_run=env.get("JX_PIPELINE_RUN", ""),
        environment=env.get("JX_ENVIRONMENT", ""),
        builder_image=env.get("JX_BUILDER_IMAGE", ""),
        heals_drift=env.get("JX_HEALS_DRIFT", "").lower() in {"1", "true", "yes"},
        pull_number=env.get("PULL_NUMBER", ""),
        pull_base=env.get("PULL_BASE_SHA", ""),
        namespace=env.get("JX_NAMESPACE") or "jx",
        pod={name: env[name] for name in _POD if name in env},
    )


def choose_cluster(env: Mapping[str, str], home: Path, usual: Path) -> KnownCluster:
    """Which cluster the environment names. `KUBECONFIG` with nothing but the `usual` file says what is so anyway: no choice."""
    files = tuple(Path(path) for path in env.get("KUBECONFIG", "").split(os.pathsep) if path)
    context = named_context(env)
    if context:
        return KnownCluster(files, context, is_chosen=True)
    if env.get("JX_PLATFORM"):
        return KnownCluster(files)
    if files and files != (usual,):
        return KnownCluster(files, is_chosen=True)
    return find_cluster(home, current_platform(home)) or KnownCluster(files)


def named_context(environment: Mapping[str, str] | None = None) -> str:
    """The context that the environment names, for whatever kubeconfig there is; empty where it names none."""
    env = os.environ if environment is None else environment
    return env.get("JX_KUBE_CONTEXT", "")


def current_platform(home: Path) -> str:
    """The embedded platform or cluster chosen by `jx use`, or the default."""
    try:
        return (home / "current").read_text().strip() or DEFAULT_PLATFORM
    except OSError:
        return DEFAULT_PLATFORM


def use_platform(home: Path, name: str) -> None:
    """Make an embedded platform, or a known cluster, the current one."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = home / ".current.new"
    draft.write_text(name + "\n")
    draft.replace(home / "current")


def prefers_plain() -> bool:
    """Whether the person wants no colours (`NO_COLOR`, no-color.org) or the terminal can show none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
