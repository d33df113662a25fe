"""Catalog: where charts come from."""

from __future__ import annotations

from typing import Protocol

from jx.domain.charts.charts import Chart, ChartRef, ChartVersion


class Catalog(Protocol):
    """Chart repositories (`http(s)://`, `oci://`, folders). Calls may raise Unavailable, NotFound (with the nearest names and
    what was searched), Forbidden and Invalid (an archive that escapes, is too large, or is no chart)."""

    def versions(self, ref: ChartRef) -> tuple[ChartVersion, ...]:
        """All versions of a chart, newest first; NotFound where the repository has no such chart."""
        ...

    def resolve(self, ref: ChartRef) -> ChartVersion:
        """The newest version that `ref.version` (exact, range, or empty) allows; NotFound names the nearest."""
        ...

    def fetch(self, ref: ChartRef) -> Chart:
        """The chart itself. An exact version that was fetched before, with the digest that it then had, needs no network."""
        ...
