"""Environments: what is installed where, read from one repository; and how they are ordered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from jx.domain.applying.conflicts import Rule
from jx.domain.charts.apps import App, AppPlace
from jx.domain.charts.logins import Login
from jx.domain.environments.source_repositories import Grant, SourceRepository
from jx.domain.errors import Problem
from jx.domain.ledger.drift import Cure
from jx.domain.names import DEV, EnvironmentName, Repo
from jx.domain.trees import Tree


class Strategy(StrEnum):
    """How releases get into an environment (`promotionStrategy` of Jenkins X 2)."""

    AUTO = "Auto"
    MANUAL = "Manual"
    NEVER = "Never"


class Kind(StrEnum):
    """What an environment is for (`kind` of Jenkins X 2)."""

    DEVELOPMENT = "Development"
    PERMANENT = "Permanent"
    PREVIEW = "Preview"
    TEST = "Test"
    EDIT = "Edit"


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment as the dev repository declares it (`env/templates/*-env.yaml`, `jenkins.io/v1` Environment)."""

    name: EnvironmentName
    namespace: str
    repo: Repo | None
    """None where the environment has no git source."""
    branch: str = "master"
    label: str = ""
    kind: Kind = Kind.PERMANENT
    strategy: Strategy = Strategy.NEVER
    order: int = 100
    is_remote: bool = False
    cluster: str = ""
    pull_request_url: str = ""
    """Of a preview: the pull request that it shows."""
    webhook_engine: str = ""
    team_settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Only dev has any; as they are written, since charts and people add their own."""
    preview: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """`previewGitInfo`, as it is written."""

    @property
    def is_dev(self) -> bool:
        """Whether this is the environment of the platform itself."""
        return self.kind is Kind.DEVELOPMENT or self.name == DEV


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """Everything that one environment repository says, read and checked."""

    name: EnvironmentName
    namespace: str
    release: str
    """Helm release name: `jenkins-x` for dev, `jx` else, unless the repository says otherwise."""
    apps: tuple[App, ...]
    chart_dir: str
    """Folder of the umbrella chart in the repository: `env`, or empty where the repository is the chart."""
    chart: Tree
    """The umbrella chart ready to render, but for its dependencies: files relative to `chart_dir`, per-app values folders merged
    into `values.yaml`, templates of app folders moved to where Helm finds them."""
    environments: tuple[Environment, ...] = ()
    """Declared here; only the dev repository declares any."""
    source_repositories: tuple[SourceRepository, ...] = ()
    """Applications' repositories; only the dev repository declares any."""
    requirements: Requirements = field(default_factory=lambda: Requirements())
    unsettled: tuple[Problem, ...] = ()
    """What repositories of `jx boot` leave open: versions, and templates of values. It is settled before anything is rendered."""


@dataclass(frozen=True, slots=True)
class SecretField:
    """A field that may hold a secret although it is no Secret's data; for one object, or all of a kind (name `*`)."""

    kind: str
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class PlainField:
    """What may stand in git as text although it looks like a secret: a name (or `*`) in files (`*` goes through folders)."""

    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Requirements:
    """The settings of `jx-requirements.yml` that jx acts upon; others stand in the file and are left alone."""

    cluster_name: str = ""
    provider: str = ""
    namespace: str = "jx"
    version_stream: Repo | None = None
    version_stream_ref: str = "master"
    secret_storage: str = "local"
    max_deletions: int = 20
    """An apply that would delete more objects than this is refused."""
    max_deletion_share: float = 0.5
    """... or a larger share of the environment's objects than this (0 to 1), when that is more than 3 objects."""
    conflicts: tuple[Rule, ...] = ()
    """What is done about fields that somebody else sets, too."""
    replace: frozenset[str] = frozenset()
    """Objects that may be deleted and made anew when a field cannot be changed in place: `Kind/name`, `namespace/Kind/name`."""
    secret_paths: tuple[str, ...] = ()
    """Paths of secrets that the environment may refer to, `*` for one part and `**` for any; empty: those below its name."""
    secret_fields: tuple[SecretField, ...] = ()
    """Where secrets may be readable outside of a Secret's data."""
    plain_fields: tuple[PlainField, ...] = ()
    """What looks like a secret and is none."""

    logins: tuple[Login, ...] = ()
    """Where the logins of chart repositories and git servers are kept."""
    apps: tuple[AppPlace, ...] = ()
    """Apps with a namespace or a release of their own."""
    proves_within: timedelta = timedelta(minutes=5)
    """How long a new state of the platform may take to prove itself before the last verified one comes back; none: never."""
    drift: Cure = Cure.REPORT
    """What controllers do about what was changed behind our back."""
    protect: frozenset[str] = frozenset()
    """Further kinds that hold data and are never pruned unless they are named: `Kind` or `Kind.group`."""
    needs_approval: bool | None = None
    """Whether somebody has to approve a change; None: everywhere but where releases get in by themselves."""
    allows_own_approval: bool = False
    """Whether who asks for a change may approve it, too."""
    keep_runs: int | None = None
    """How many ended runs of each pipeline stay, with their pods; None: as many as usual."""
    keep_activities: int | None = None
    """How many records of each pipeline stay; None: all of them."""
    grants: tuple[Grant, ...] = ()
    """What runs of applications may have of the platform."""


def in_order(environments: tuple[Environment, ...]) -> tuple[Environment, ...]:
    """Dev first, then by `order`, then by name."""
    return tuple(sorted(environments, key=lambda e: (not e.is_dev, e.order, e.name)))
