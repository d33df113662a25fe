"""Installing: what the flags of `jx install` mean together, decided before anything is touched.

Follows the rules of Jenkins X 2 where they are sound. Two differ on purpose: a flag that a person set is never silently turned
around (`--ng --vault=false` leaves Vault out, `--ng --tekton=false` the engine), and no engine flag at all means `--ng`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from jx.domain.errors import Invalid, Usage
from jx.domain.names import EnvironmentName, Repo, parse_environment_name, parse_namespace, parse_repo
from jx.domain.secrets.vault_choice import VaultAt, VaultChoice, VaultFlags, choose_vault, is_in_clear

EMBEDDED = "local"
"""The provider that is this very machine."""

PROVIDERS = (
    EMBEDDED,
    "kubernetes",
    "kind",
    "minikube",
    "gke",
    "eks",
    "aws",
    "aks",
    "oke",
    "iks",
    "openshift",
    "minishift",
    "jx-infra",
    "pks",
    "icp",
    "alibaba",
)


class Engine(StrEnum):
    """What runs pipelines."""

    TEKTON = "tekton"
    """Of this API: Tekton on a cluster, the embedded runner on this machine."""
    JENKINS = "jenkins"
    NONE = "none"
    """The controllers apply what is merged in their own process, and nothing checks pull requests but the plan."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where an installation on a cluster finds repositories and charts; all empty on this machine, which has its own."""

    git_url: str = ""
    """Address of the git server, before `/<owner>/<name>.git`."""
    repositories: Mapping[EnvironmentName, Repo] = field(default_factory=dict, hash=False)
    """Those that were named one by one."""
    chart_repository: str = ""
    """`https://`, `oci://`, `file://` or a folder; empty: what the version stream says, else the chart that comes with jx
    is copied into the dev repository."""
    version_stream: Repo | None = None
    version_stream_ref: str = "master"
    image: str = ""
    """Image of the platform's own pods; empty: what its chart says."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What will be installed, after all rules; `notes` are said aloud before anything begins."""

    provider: str
    engine: Engine
    gitops: bool
    vault: bool
    namespace: str
    prefix: str
    owner: str = ""
    platform_version: str = ""
    default_environments: bool = True
    remote_environments: bool = False
    sources: Sources = field(default_factory=lambda: Sources())
    vault_choice: VaultChoice = None
    """On a cluster: a Vault that is there, or one of its own. None where it has none, and on this machine."""
    notes: tuple[str, ...] = ()

    @property
    def store(self) -> str:
        """Where secrets are kept, in words."""
        if not self.vault:
            return "no store"
        if self.is_embedded:
            return "the embedded store (encrypted files, Vault's API)"
        there = self.vault_choice
        return (
            f"Vault at {there.url}"
            if isinstance(there, VaultAt)
            else "a Vault of its own, kept by its operator"
        )

    @property
    def pipelines(self) -> str:
        """What runs pipelines, in words."""
        match self.engine:
            case Engine.TEKTON:
                return "tekton (the embedded runner)" if self.is_embedded else "tekton"
            case Engine.JENKINS:
                return "jenkins"
            case Engine.NONE:
                return "none (the controllers apply)"
            case _:
                assert_never(self.engine)

    @property
    def is_embedded(self) -> bool:
        """Whether it goes onto this machine, without a cluster."""
        return self.provider == EMBEDDED

    @property
    def not_built_yet(self) -> str:
        """Why this cannot be installed yet, or empty."""
        if self.engine is Engine.JENKINS:
            return (
                "a Jenkins server as the pipeline engine (--static-jenkins, or --gitops with neither --tekton nor"
                " --tekton=false)"
            )
        if not self.gitops:
            return "an installation that is not managed by GitOps (--gitops=false)"
        if self.remote_environments:
            return "environments in other clusters (--remote-environments)"
        return ""


@dataclass(frozen=True, slots=True)
class InstallFlags:
    """What a person typed; None where a flag was not given."""

    switches: Mapping[str, bool]
    """`ng`, `gitops`, `vault`, `tekton`, `no-tiller`, `static-jenkins`, `prow`, `knative-build`, ... as given."""
    provider: str = ""
    namespace: str = "jx"
    prefix: str = ""
    owner: str = ""
    platform_version: str = ""
    git_kind: str = ""
    git_url: str = ""
    repositories: tuple[str, ...] = ()
    """`<environment>=<url>` each."""
    chart_repository: str = ""
    version_stream: str = ""
    version_stream_ref: str = ""
    image: str = ""
    vault: VaultFlags = VaultFlags()

    def get(self, name: str) -> bool | None:
        """The switch as given, or None."""
        return self.switches.get(name)


def plan_installation(flags: InstallFlags) -> Installation:
    """What the flags mean; Usage names which contradict each other, and why."""
    _refuse_contradictions(flags)
    notes: list[str] = []
    engine, is_ng = _choose_engine(flags, notes)
    gitops = _given(flags, "gitops", default=is_ng or engine is Engine.TEKTON)
    vault = _given(flags, "vault", default=is_ng)
    if gitops and not vault and flags.get("vault") is None and not flags.get("no-gitops-vault"):
        notes.append("GitOps mode requires vault: --vault is implied (--no-gitops-vault leaves it out)")
        vault = True
    if flags.vault.url and flags.get("vault") is None and not flags.get("no-gitops-vault"):
        vault = True
    if is_ng and flags.get("vault") is False:
        notes.append("--ng without Vault, as --vault=false says")
    if is_ng and flags.get("tekton") is False:
        notes.append("--ng without pipelines, as --tekton=false says: the controllers apply what is merged")
    provider = flags.provider or "local"
    if provider not in PROVIDERS:
        raise Usage(f"there is no provider {provider!r}", hint=f"providers: {', '.join(PROVIDERS)}")
    if not flags.provider:
        notes.append("no --provider given: installing on this machine (--provider local)")
    choice = choose_vault(flags.vault, provider=provider, is_embedded=provider == EMBEDDED, is_wanted=vault)
    if isinstance(choice, VaultAt) and is_in_clear(choice.url):
        notes.append(f"secrets go to and from {choice.url} without encryption")
    return Installation(
        provider=provider,
        engine=engine,
        gitops=gitops,
        vault=vault,
        namespace=_parse(parse_namespace, flags.namespace, "--namespace"),
        prefix=_parse(parse_environment_name, flags.prefix, "--default-environment-prefix")
        if flags.prefix
        else "",
        owner=flags.owner,
        platform_version=flags.platform_version,
        default_environments=not flags.get("no-default-environments"),
        remote_environments=bool(flags.get("remote-environments")),
        sources=_read_sources(flags),
        vault_choice=choice,
        notes=tuple(notes),
    )


def check_sources(installation: Installation) -> None:
    """Usage where an environment of an installation on a cluster has no repository, with all that is missing."""
    missing = _without_repository(installation)
    if missing:
        hint = find_missing_sources(installation)
        raise Usage(f"no git repository is named for {', '.join(missing)}", hint=hint)


def find_missing_sources(installation: Installation) -> str:
    """Which flags would name the repositories of an installation on a cluster; empty where all are named."""
    missing = _without_repository(installation)
    if not missing:
        return ""
    return (
        "give --git-provider-url, --environment-git-owner and --default-environment-prefix"
        " (<url>/<owner>/environment-<prefix>-<environment>.git), or "
        + " ".join(f"--environment-repo {name}=URL" for name in missing)
    )


def _without_repository(installation: Installation) -> list[str]:
    sources = installation.sources
    if sources.git_url and installation.owner and installation.prefix:
        return []
    names = ("dev", "staging", "production") if installation.default_environments else ("dev",)
    return [name for name in names if EnvironmentName(name) not in sources.repositories]


def _read_sources(flags: InstallFlags) -> Sources:
    return Sources(
        git_url=_address(flags.git_url),
        repositories=dict(_repository(text) for text in flags.repositories),
        chart_repository=flags.chart_repository,
        version_stream=_repo(flags.version_stream, "--versions-repo") if flags.version_stream else None,
        version_stream_ref=flags.version_stream_ref or "master",
        image=flags.image,
    )


def _repository(text: str) -> tuple[EnvironmentName, Repo]:
    name, separator, url = text.partition("=")
    if not separator:
        raise Usage(f"--environment-repo takes <environment>=<url>, not {text!r}")
    return _parse_name(name, "--environment-repo"), _repo(url, "--environment-repo")


def _repo(url: str, flag: str) -> Repo:
    try:
        return parse_repo(_address(url))
    except Invalid as error:
        raise Usage(f"{flag}: {error.message}", hint=error.hint) from error


def _address(url: str) -> str:
    """A folder of this machine as what it is everywhere: a URL."""
    return f"file://{url}" if url.startswith("/") else url


def _parse_name(text: str, flag: str) -> EnvironmentName:
    try:
        return parse_environment_name(text)
    except Invalid as error:
        raise Usage(f"{flag}: {error.message}") from error


def _given(flags: InstallFlags, name: str, *, default: bool) -> bool:
    value = flags.get(name)
    return default if value is None else value


_CONTRADICTIONS = (
    ("ng", "static-jenkins", "--ng runs pipelines on Tekton, --static-jenkins on a Jenkins server"),
    ("tekton", "static-jenkins", "only one engine can run the pipelines"),
    ("prow", "static-jenkins", "Prow triggers Tekton pipelines, not Jenkins jobs"),
    ("knative-build", "tekton", "only one engine can run the pipelines"),
    ("knative-build", "static-jenkins", "only one engine can run the pipelines"),
    ("no-gitops-vault", "vault", "one leaves Vault out, the other asks for it"),
)

_PARTS_OF_NG = {
    "gitops": "--ng is managed by GitOps; leave --ng out and name the parts that you want",
    "no-tiller": "--ng needs no Tiller",
}


def _refuse_contradictions(flags: InstallFlags) -> None:
    for one, other, why in _CONTRADICTIONS:
        if flags.get(one) and flags.get(other):
            raise Usage(
                f"Incompatible options '--{one}' and '--{other}'. Please pick only one of them.",
                hint=f"why: {why}",
            )
    if flags.get("ng"):
        for part, why in _PARTS_OF_NG.items():
            if flags.get(part) is False:
                raise Usage(f"Incompatible options '--ng' and '--{part}=false'.", hint=f"why: {why}")
    if flags.get("prow") and flags.get("tekton") is False:
        raise Usage(
            "Incompatible options '--prow' and '--tekton=false'.", hint="why: Prow triggers Tekton pipelines"
        )
    if flags.get("knative-build"):
        raise Usage("--knative-build is gone: Knative Build has ended", hint="use --tekton")
    if flags.get("no-tiller") is False or flags.get("remote-tiller") or flags.get("global-tiller"):
        raise Usage(
            "Tiller is gone: jx renders charts itself and applies what they give", hint="leave the flag out"
        )
    if flags.get("tekton") and flags.git_kind and flags.git_kind not in {"github", "local"}:
        raise Usage(
            f"Git provider: {flags.git_kind} is not yet supported for Tekton.",
            hint="use --git-provider-kind github",
        )


def _choose_engine(flags: InstallFlags, notes: list[str]) -> tuple[Engine, bool]:
    """The engine, and whether the bundle `--ng` is meant."""
    has_none = flags.get("tekton") is False and not flags.get("static-jenkins")
    if flags.get("ng"):
        return Engine.NONE if has_none else Engine.TEKTON, True
    if flags.get("tekton") or flags.get("prow"):
        return Engine.TEKTON, False
    named = [name for name in ("static-jenkins", "gitops", "vault", "prow") if flags.get(name) is not None]
    if not named:
        notes.append("no engine named: taking --ng (= --gitops --vault --no-tiller --tekton)")
        return Engine.NONE if has_none else Engine.TEKTON, True
    return Engine.NONE if has_none else Engine.JENKINS, False


def _parse(parse: Callable[[str], str], text: str, flag: str) -> str:
    try:
        return parse(text)
    except Invalid as error:
        raise Usage(f"{flag}: {error.message}") from error
