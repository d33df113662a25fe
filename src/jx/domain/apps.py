"""Apps: charts that an environment installs."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.charts import ChartRef
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
