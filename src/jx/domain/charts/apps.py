"""Apps: charts that an environment installs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jx.domain.charts.charts import ChartRef
from jx.domain.names import AppKey

PLATFORM_CHART = "jx-platform"
"""The chart of the platform itself: `jx upgrade platform` moves it, `jx get apps` leaves it out."""

OLD_PLATFORM_CHART = "jenkins-x-platform"
"""What Jenkins X 2 called it; repositories made by it are read as they are."""


@dataclass(frozen=True, slots=True)
class App:
    """One dependency of an environment's umbrella chart."""

    key: AppKey
    """Alias, or chart name where there is no alias. Folder and values stand under this key."""
    chart: ChartRef
    alias: str = ""
    condition: str = ""
    tags: tuple[str, ...] = ()

    @property
    def is_platform(self) -> bool:
        """Whether this is the platform itself."""
        return self.chart.name in {PLATFORM_CHART, OLD_PLATFORM_CHART}


@dataclass(frozen=True, slots=True)
class AppPlace:
    """Where an app goes that does not go where its environment does; empty: as the environment."""

    app: str
    namespace: str = ""
    release: str = ""


def app_of(source: str, apps: Iterable[str]) -> str:
    """The app whose chart an object came from, by the path of its template; empty for the environment's own templates."""
    parts = source.split("/")
    if "charts" in parts[:-1]:
        return parts[parts.index("charts") + 1]
    return parts[0] if parts[0] in set(apps) else ""
