"""Examining: the checks of `jx doctor`, made from the adapters of `wiring`. Each makes what it needs when it is run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from jx.domain.errors import Failed, Unavailable
from jx.domain.objects.references import Scheme
from jx.domain.platforms import ailments
from jx.domain.platforms.ailments import Finding
from jx.ports.platforms import Platform
from jx.usecases.platform import examine_surroundings as surroundings
from jx.usecases.platform.examine_environments import ExamineEnvironments
from jx.usecases.platform.examine_platform import Check
from jx.wiring import Wiring


def checks_of(wiring: Wiring) -> tuple[Check, ...]:
    """All checks. NotFound where nothing is installed."""
    with contextlib.suppress(Unavailable, Failed):
        _ = wiring.dev_repo
    _ = wiring.clock, wiring.repos, wiring.secret_stores, wiring.catalog
    looks = _Looks(wiring, wiring.find_platform())
    cluster, forge, git, store = "kubernetes", "forge", "git", "secret store"
    checks = (
        Check(cluster, looks.at_cluster),
        Check(forge, looks.at_forge),
        Check(git, looks.at_git, (forge,)),
        Check(store, looks.at_store),
        Check("anchors", lambda: looks.examine.look_at_anchors(), (cluster,)),
        Check("branches", looks.at_branches, (cluster, forge, git)),
        Check("pipelines", looks.at_pipelines, (cluster, forge, git)),
        Check("workloads", lambda: looks.examine.look_at_workloads(), (cluster,)),
        Check("drift", lambda: looks.examine.look_for_drift(), (cluster,)),
        Check("watchdog", looks.at_watchdog, (cluster,)),
        Check("snapshot", lambda: looks.examine.look_at_snapshot(), (cluster,)),
        Check("verification", lambda: looks.examine.look_at_proof(), (cluster,)),
        Check("secrets", looks.at_secrets, (store, forge, git)),
        Check("charts", looks.at_charts, (forge, git)),
        Check("webhooks", looks.at_webhooks, (forge, git)),
        Check("applications", looks.at_imports, (forge, git)),
    )
    return tuple(replace(one, look=partial(_look, one, looks.access)) for one in checks)


def _look(check: Check, access: str) -> list[Finding]:
    return [ailments.with_access(one, access) for one in check.look()]


@dataclass(frozen=True, slots=True)
class _Looks:
    wiring: Wiring
    platform: Platform | None

    def at_cluster(self) -> Iterable[Finding]:
        surroundings.look_at_part(self.platform, "kubernetes")
        self.wiring.cluster.capabilities()
        return ()

    def at_forge(self) -> Iterable[Finding]:
        surroundings.look_at_part(self.platform, "forge")
        self.wiring.forge.whoami()
        return ()

    def at_git(self) -> Iterable[Finding]:
        self.wiring.environments()
        return ()

    def at_store(self) -> Iterable[Finding]:
        surroundings.look_at_part(self.platform, "vault")
        if Scheme.VAULT in self.wiring.secret_stores:
            self.wiring.secret_stores[Scheme.VAULT].check()
        return ()

    @property
    def examine(self) -> ExamineEnvironments:
        wiring = self.wiring
        return ExamineEnvironments(
            wiring.cluster,
            wiring.anchors,
            wiring.locks,
            wiring.repos,
            wiring.snapshots,
            wiring.clock,
            self.access,
        )

    @property
    def access(self) -> str:
        """What a shell needs before git and kubectl can speak to the platform."""
        return ailments.ACCESS if self.platform else ""

    def at_branches(self) -> Iterable[Finding]:
        return self.examine.look_at_branches(self.wiring.environments())

    def at_pipelines(self) -> Iterable[Finding]:
        return self.examine.look_at_runs(self.wiring.environments(), self.wiring.pipelines)

    def at_watchdog(self) -> Iterable[Finding]:
        return surroundings.look_at_watchdog(
            self.wiring.watchdogs, self.wiring.clock, self.wiring.dev_repo, self.access
        )

    def at_secrets(self) -> Iterable[Finding]:
        return surroundings.look_at_secrets(self.wiring.show_secrets(), self.wiring.platform_at)

    def at_charts(self) -> Iterable[Finding]:
        return surroundings.look_at_charts(self.wiring.repos, self.wiring.catalog, self.wiring.environments())

    def at_webhooks(self) -> Iterable[Finding]:
        return surroundings.look_at_webhooks(
            self.wiring.forge_admin, self.wiring.environments(), self.wiring.webhook_url
        )

    def at_imports(self) -> Iterable[Finding]:
        platform = self.wiring.propose_change().target(self.wiring.platform_at, "dev").platform
        return surroundings.look_at_imports(
            self.wiring.forge_admin, self.wiring.repos, platform, self.wiring.webhook_url
        )
