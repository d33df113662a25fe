"""Require dependencies: a chart that lacks what it depends on is told before it is proposed. A step of adding and upgrading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.charts.charts import ChartRef
from jx.domain.errors import Invalid
from jx.domain.names import AppKey
from jx.domain.objects.manifests import Capabilities
from jx.domain.texts.yaml_text import write_yaml
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog
from jx.ports.renderer import Renderer, RenderRequest


@dataclass(frozen=True, slots=True)
class RequireDependencies:
    """Looks at what the check of the pull request would refuse anyway. Nothing is rendered."""

    catalog: Catalog
    renderer: Renderer

    def __call__(self, chart: ChartRef, key: AppKey, values: Mapping[str, Any]) -> None:
        """Invalid where the chart (exact) lacks a chart that it needs with these values, or needs itself. Raises as the catalog
        does."""
        fetched = self.catalog.fetch(chart)
        entry = {"name": chart.name, "version": fetched.version, "repository": chart.repository}
        entry |= {"alias": key} if key != chart.name else {}
        umbrella = {"apiVersion": "v2", "name": "env", "version": "0.0.1", "dependencies": [entry]}
        request = RenderRequest(
            release="env",
            namespace="env",
            chart=Tree().put("Chart.yaml", write_yaml(umbrella)),
            dependencies={key: fetched},
            capabilities=Capabilities(),
            values={key: values},
            is_confidential=True,
        )
        try:
            self.renderer.assemble(request)
        except Invalid as error:
            raise Invalid(
                f"the dependencies of {chart.name} {fetched.version} are not as it needs them",
                *error.problems,
                hint="a chart brings its dependencies in its charts/ (`helm dependency update` before `helm package`): ask who "
                "publishes it, take another version, or turn the dependency off by --set",
            ) from error
