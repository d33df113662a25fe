"""Choose a chart: which chart an installation takes for the platform itself, and from where."""

from __future__ import annotations

from dataclasses import dataclass, field

from jx.domain import version_stream
from jx.domain.charts.apps import PLATFORM_CHART
from jx.domain.charts.charts import ChartRef
from jx.domain.errors import NotFound
from jx.domain.names import Repo
from jx.domain.platforms.installing import Installation
from jx.domain.secrets.vault_choice import OwnVault
from jx.domain.secrets.vaults import OPERATOR_CHART
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog
from jx.ports.repos import Repos


@dataclass(frozen=True, slots=True)
class ChosenChart:
    """A chart, pinned. `files` where no repository has it: they are copied into the dev repository."""

    ref: ChartRef
    files: Tree = field(default_factory=Tree)


@dataclass(frozen=True, slots=True)
class ChooseChart:
    """In this order: the repository that was named, the one that the version stream names, the chart that comes with jx."""

    repos: Repos
    catalog: Catalog
    shipped: str
    """Where the charts are that come with jx: a chart repository."""

    def __call__(self, installation: Installation) -> ChosenChart:
        """The chart. NotFound where the version stream or the repository does not have it; what both raise."""
        sources = installation.sources
        stream = self._read_stream(sources.version_stream, sources.version_stream_ref)
        repository = sources.chart_repository
        if not repository and stream is not None:
            repository = version_stream.find_chart_repository(stream, PLATFORM_CHART) or ""
            if not repository:
                raise NotFound(
                    f"the version stream names no chart repository with {PLATFORM_CHART}",
                    hint="name one with --chart-repository",
                )
        if not repository:
            chart = self.catalog.fetch(ChartRef(PLATFORM_CHART, self.shipped, installation.platform_version))
            return ChosenChart(ChartRef(PLATFORM_CHART, "", chart.version), chart.files)
        ref = ChartRef(PLATFORM_CHART, repository, installation.platform_version)
        if not ref.version and stream is not None:
            ref = ChartRef(ref.name, repository, version_stream.find_chart_version(stream, ref) or "")
        return ChosenChart(ChartRef(ref.name, repository, self.catalog.resolve(ref).version))

    def operator(self, installation: Installation, platform: ChartRef) -> ChartRef | None:
        """Where the chart of Vault's operator is, where the installation is to have a Vault of its own: the repository that was
        named, the one that the version stream names, that of the platform's chart. Empty where none of them is known."""
        own = installation.vault_choice
        if not isinstance(own, OwnVault):
            return None
        sources = installation.sources
        stream = self._read_stream(sources.version_stream, sources.version_stream_ref)
        found = version_stream.find_chart_repository(stream, OPERATOR_CHART) if stream else None
        ref = ChartRef(OPERATOR_CHART, own.repository or found or platform.repository, own.version)
        if ref.version or stream is None:
            return ref
        return ChartRef(ref.name, ref.repository, version_stream.find_chart_version(stream, ref) or "")

    def _read_stream(self, repo: Repo | None, branch: str) -> Tree | None:
        if repo is None:
            return None
        head = self.repos.head(repo, branch)
        if head is None:
            raise NotFound(
                f"the version stream {repo.url} has no branch {branch}", hint="name it with --versions-ref"
            )
        return self.repos.read(repo, head)
