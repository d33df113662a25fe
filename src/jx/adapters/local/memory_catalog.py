"""A catalog of charts in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from jx.domain.charts.catalogs import chart_not_found, order_versions, pick_version
from jx.domain.charts.chart_folders import read_metadata
from jx.domain.charts.charts import Chart, ChartRef, ChartVersion
from jx.domain.trees import Blob, Tree

REPOSITORY = "https://charts.example.com"


def make_chart(
    name: str, version: str, files: Mapping[str, str] | None = None, *, repository: str = REPOSITORY
) -> Chart:
    """A chart from texts by path; `Chart.yaml` is made where it is not among them."""
    texts = dict(files or {})
    texts.setdefault("Chart.yaml", f"apiVersion: v2\nname: {name}\nversion: {json.dumps(version)}\n")
    tree = Tree({path: Blob(text.encode()) for path, text in texts.items()})
    return Chart(ChartRef(name, repository, version), version, tree, tree.digest)


class MemoryCatalog:
    """Charts by repository, name and version: whatever it was given, and nothing else."""

    def __init__(self, *charts: Chart) -> None:
        self._charts = list(charts)

    def add(self, chart: Chart) -> None:
        """Offer one more chart; an older one with the same repository, name and version goes."""
        self._charts = [one for one in self._charts if _identity(one) != _identity(chart)] + [chart]

    def versions(self, ref: ChartRef) -> tuple[ChartVersion, ...]:
        here = [chart for chart in self._charts if _is_same(chart.ref.repository, ref.repository)]
        found = [chart for chart in here if chart.ref.name == ref.name]
        if not found:
            raise chart_not_found(ref, (chart.ref.name for chart in here))
        return order_versions(_version(ref, chart) for chart in found)

    def resolve(self, ref: ChartRef) -> ChartVersion:
        return pick_version(ref, self.versions(ref))

    def fetch(self, ref: ChartRef) -> Chart:
        wanted = self.resolve(ref)
        chart = next(
            chart
            for chart in self._charts
            if _identity(chart)[1:] == (ref.name, wanted.version)
            and _is_same(chart.ref.repository, ref.repository)
        )
        return replace(chart, ref=replace(ref, version=wanted.version))


def _is_same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def _version(ref: ChartRef, chart: Chart) -> ChartVersion:
    said = read_metadata(chart.files)
    return ChartVersion(
        ref.name,
        chart.version,
        ref.repository,
        chart.digest,
        said.description,
        said.app_version,
        said.home,
        said.changes,
        said.sources,
    )


def _identity(chart: Chart) -> tuple[str, str, str]:
    return chart.ref.repository.rstrip("/"), chart.ref.name, chart.version
