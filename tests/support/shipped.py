"""The charts that are shipped, and Helm's own engine for them: once for all tests."""

from __future__ import annotations

import atexit
from dataclasses import dataclass, field, replace
from functools import cache

from jx.adapters.helm.renderer import HelmRenderer
from jx.adapters.local import seed
from jx.domain.charts.charts import Chart, ChartRef
from jx.domain.objects.manifests import Rendered
from jx.domain.trees import Tree
from jx.ports.renderer import RenderRequest

CHARTS = "https://charts.example.com"


@cache
def shipped_charts() -> tuple[Chart, ...]:
    """Every version of every chart that is shipped."""
    return tuple(
        Chart(ChartRef(name, CHARTS, version), version, tree, tree.digest)
        for (name, version), tree in seed.build_charts().items()
    )


@cache
def helm() -> HelmRenderer:
    """Helm's own engine, one process for all tests; it ends with them."""
    renderer = HelmRenderer()
    atexit.register(renderer.close)
    return renderer


@dataclass
class Renderer:
    """Helm's own engine, with its answers remembered. What a chart draws at random is another value in each process."""

    process: int = 0
    known: dict[tuple[str, ...], Rendered] = field(default_factory=dict)

    def render(self, request: RenderRequest) -> Rendered:
        draw = request.draw + 10 * self.process
        charts = sorted((str(key), chart.digest) for key, chart in request.dependencies.items())
        capabilities = request.capabilities
        served = sorted(f"{group}/{kind}" for group, kind in capabilities.kinds)
        key = tuple(
            map(str, (request.release, request.namespace, request.chart.digest, charts, served, draw))
        )
        if key not in _RENDERED:
            _RENDERED[key] = helm().render(replace(request, draw=draw))
        return _RENDERED[key]

    def assemble(self, request: RenderRequest) -> Tree:
        return helm().assemble(request)


_RENDERED: dict[tuple[str, ...], Rendered] = {}
