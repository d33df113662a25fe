"""Fetch charts: the chart of each app of an environment, in hand. Shared by plans and builds."""

from __future__ import annotations

from collections.abc import Iterable

from jx.domain.charts import chart_folders
from jx.domain.charts.charts import Chart
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.errors import Invalid
from jx.domain.names import AppKey
from jx.domain.secrets.secret_policy import SecretPolicy, policy_of, refuse_logins
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog


def fetch_charts(
    spec: EnvironmentSpec, tree: Tree, catalog: Catalog, *, policies: Iterable[SecretPolicy] = ()
) -> dict[AppKey, Chart]:
    """The chart of each app: from the repository itself, or from where it says. Raises what the catalog raises, and Invalid for a
    login that the environment, or one of the policies besides, may not refer to, or where something is not settled."""
    if spec.unsettled:
        raise Invalid("the environment leaves open what a render has to know", *spec.unsettled)
    own = policy_of(spec.requirements, spec.name)
    refuse_logins(spec.requirements.logins, (own, *policies), environment=spec.name)
    found: dict[AppKey, Chart] = {}
    for app in spec.apps:
        local = chart_folders.find_in_tree(app.chart, tree, spec.chart_dir)
        found[app.key] = local or catalog.fetch(app.chart)
    return found
