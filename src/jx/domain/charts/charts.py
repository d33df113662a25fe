"""Charts: what a catalog offers and what a render consumes."""

from __future__ import annotations

from dataclasses import dataclass, field

from jx.domain.charts.logins import Login
from jx.domain.trees import Tree

CHANGES = "artifacthub.io/changes"
"""The annotation in which charts name their changes: a list of texts, or of `kind` and `description`."""
LONGEST_CHANGES = 4000
"""Characters of it that are kept."""


@dataclass(frozen=True, slots=True)
class ChartRef:
    """A chart by where it is: `repository` is `http(s)://...`, `oci://...`, `file://path` (relative to the environment's
    chart folder) or empty (a folder under `charts/` of the environment). `version` is exact, a range, or empty for the newest."""

    name: str
    repository: str = ""
    version: str = ""
    login: Login | None = field(default=None, compare=False)
    """Where the login for the repository is kept, where it has one. Which chart is meant does not depend on it."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip() + (f" from {self.repository}" if self.repository else "")


@dataclass(frozen=True, slots=True)
class ChartVersion:
    """One entry of a catalog."""

    name: str
    version: str
    repository: str
    digest: str = ""
    description: str = ""
    app_version: str = ""
    home: str = ""
    changes: str = ""
    """What it says of itself: its annotation of changes, as it is written."""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in hand: its unpacked files (paths relative to the chart), pinned. `archive` is its `.tgz` where it came as one."""

    ref: ChartRef
    version: str
    files: Tree
    digest: str
    archive: bytes = field(default=b"", repr=False)
