"""Show apps: what an environment's repository installs, and what the cluster made of it."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.charts.apps import App
from jx.domain.errors import JxError
from jx.domain.names import DEV
from jx.domain.platforms.app_files import find_description
from jx.ports.anchor import Anchors
from jx.usecases.propose_change import PlatformAt, ProposeChange

DEPLOYED, WAITING = "DEPLOYED", "READY FOR DEPLOYMENT"


@dataclass(frozen=True, slots=True)
class ShownApp:
    """One app of an environment."""

    app: App
    namespace: str
    status: str
    """`DEPLOYED` where that very version was applied, else `READY FOR DEPLOYMENT`."""
    description: str = ""
    """What its chart says that it is."""


@dataclass(frozen=True, slots=True)
class ShowApps:
    """Reads the repository and the anchor; an unreachable cluster leaves the status at what the repository knows."""

    propose_change: ProposeChange
    anchors: Anchors

    def __call__(
        self, at: PlatformAt, *, environment: str = DEV, name: str = "", namespace: str = ""
    ) -> tuple[ShownApp, ...]:
        """Apps in the repository's order, the platform itself left out; empty where there is none (of that name, there)."""
        target = self.propose_change.target(at, environment)
        try:
            anchor = self.anchors.find(target.environment.name)
        except JxError:
            anchor = None
        charts = anchor.applied.charts if anchor and anchor.applied else ()
        running = {(pin.key, pin.version) for pin in charts}
        return tuple(
            ShownApp(
                app,
                target.place_of(app.key).namespace,
                DEPLOYED if (str(app.key), app.chart.version) in running else WAITING,
                find_description(target.chart, app.key),
            )
            for app in target.apps
            if not app.is_platform
            and name in {"", app.key, app.chart.name}
            and namespace in {"", target.place_of(app.key).namespace}
        )
