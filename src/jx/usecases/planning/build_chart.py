"""Build a chart: an environment's umbrella chart, merged, with its dependencies, as Helm itself reads it; and that it renders."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.layouts import umbrella
from jx.domain.objects.manifests import Capabilities, Rendered
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog
from jx.ports.renderer import Renderer, RenderRequest
from jx.usecases.planning.fetch_charts import fetch_charts
from jx.usecases.planning.settle_environment import SettleEnvironment


@dataclass(frozen=True, slots=True)
class BuiltChart:
    """A chart that `helm template` renders to the very same objects."""

    spec: EnvironmentSpec
    chart: Tree
    rendered: Rendered


@dataclass(frozen=True, slots=True)
class BuildChart:
    """Needs no cluster: renders for the capabilities given, or Helm's own defaults."""

    catalog: Catalog
    renderer: Renderer
    settle: SettleEnvironment | None = None
    """None: what leaves something open is refused."""

    def __call__(self, tree: Tree, *, capabilities: Capabilities | None = None) -> BuiltChart:
        """The chart. Invalid with file, line and reason where it does not read or render; NotFound and Unavailable for charts."""
        spec = umbrella.read(tree)
        if spec.unsettled and self.settle:
            tree = self.settle(spec, tree)
            spec = umbrella.read(tree)
        request = RenderRequest(
            release=spec.release,
            namespace=spec.namespace,
            chart=spec.chart,
            dependencies=fetch_charts(spec, tree, self.catalog),
            capabilities=capabilities or Capabilities(),
            values={},
        )
        return BuiltChart(spec, self.renderer.assemble(request), self.renderer.render(request))
