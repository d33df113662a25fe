"""Renderer: Helm's templates to manifests. Nothing else knows Helm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jx.domain.charts.charts import Chart
from jx.domain.names import AppKey
from jx.domain.objects.manifests import Capabilities, Rendered
from jx.domain.trees import Tree


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """An umbrella chart with its dependencies in hand."""

    release: str
    namespace: str
    chart: Tree
    """Files relative to the chart, without dependencies."""
    dependencies: Mapping[AppKey, Chart]
    """By app key, as the chart's `dependencies` name them."""
    capabilities: Capabilities
    values: Mapping[str, Any]
    """Over the chart's own `values.yaml`, as a further `-f` file; usually empty."""
    draw: int = 0
    """Requests that differ in this only are rendered anew: charts that draw values at random then draw other ones."""
    is_on_another_day: bool = False
    """Whether templates read another day from the clock: what comes from the clock then differs, as what is drawn at random."""
    is_confidential: bool = False
    """Whether `values` are secrets: nothing of such a render is kept anywhere, and no error quotes them."""


class Renderer(Protocol):
    """Helm's own engine."""

    def render(self, request: RenderRequest) -> Rendered:
        """What `helm template --include-crds` gives for the chart with those dependencies, object by object, hooks apart.

        Invalid with file, line and Helm's own reason where a chart does not render, a schema is not met or a dependency is
        missing. Pure: the same request gives the same answer, up to what charts draw at random.
        """
        ...

    def assemble(self, request: RenderRequest) -> Tree:
        """The same chart as a folder that Helm itself reads: dependencies unpacked below `charts/`."""
        ...
