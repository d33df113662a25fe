"""Await an apply: until a merged commit is what an environment runs, healthy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from jx.domain.applying.applying import Action, Anchor, ApplyResult, Step
from jx.domain.environments.environments import Environment
from jx.domain.errors import Failed, JxError, NotFound, Retryable
from jx.domain.events import Event
from jx.domain.names import Revision
from jx.domain.objects.manifests import Manifest
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.applying.await_health import AwaitHealth

_LOOK = timedelta(milliseconds=200)
_DEEPEST = 1000


@dataclass(frozen=True, slots=True)
class AwaitApplyRequest:
    """Which commit of which environment, and how long."""

    environment: Environment
    revision: Revision
    timeout: timedelta
    health: bool = True


@dataclass(frozen=True, slots=True)
class AwaitApply:
    """Only looks; the controllers do the work."""

    repos: Repos
    anchors: Anchors
    await_health: AwaitHealth
    clock: Clock
    reporter: Reporter

    def __call__(self, request: AwaitApplyRequest) -> None:
        """Returns when the commit (or a later one) is applied and every workload is healthy.

        Raises Failed where the apply failed, a workload stays unhealthy, or the time is over (what it waited for is told).
        """
        name = request.environment.name
        deadline = self.clock.now() + request.timeout
        while not self._is_applied(request):
            if self.clock.now() >= deadline:
                raise Failed(
                    f"{request.revision[:12]} was not applied to {name} within {int(request.timeout.total_seconds())} s",
                    hint="are the controllers up? jx get env; jx get applications",
                )
            if self.clock.wait(_LOOK):
                raise Failed(
                    f"stopped waiting for {request.revision[:12]} to be applied to {name}",
                    hint="the controllers go on without you: jx get env",
                )
        self.reporter.tell(Event(f"{request.revision[:12]} is applied to {name}"))
        if request.health:
            self._await_health(request, deadline - self.clock.now())

    def _is_applied(self, request: AwaitApplyRequest) -> bool:
        try:
            anchor = self.anchors.find(request.environment.name)
            return anchor is not None and self._holds(anchor, request)
        except (Retryable, NotFound):
            return False

    def _holds(self, anchor: Anchor, request: AwaitApplyRequest) -> bool:
        applied, repo = anchor.applied, request.environment.repo
        if applied is None or applied.source.revision is None or repo is None:
            return False
        if applied.source.revision != request.revision:
            commits = self.repos.log(repo, applied.source.revision, limit=_DEEPEST)
            if request.revision not in {commit.revision for commit in commits}:
                return False
        if applied.result is ApplyResult.FAILED:
            raise Failed(
                f"the apply to {anchor.environment} failed: {applied.message}", hint="jx get activities"
            )
        return True

    def _await_health(self, request: AwaitApplyRequest, left: timedelta) -> None:
        anchor = self.anchors.find(request.environment.name)
        items = anchor.inventory if anchor else ()
        steps = tuple(
            Step(
                Action.UNCHANGED, item.ref, item.api_version, 0, "", Manifest(item.ref, item.api_version, {})
            )
            for item in items
        )
        try:
            report = self.await_health(steps, within=max(left, timedelta(seconds=1)))
        except JxError as error:
            raise Failed(
                f"the health of {request.environment.name} cannot be seen: {error.message}"
            ) from error
        if not report.is_healthy:
            words = "\n  ".join(report.unhealthy) or "the time is over"
            raise Failed(
                f"{request.environment.name} is not healthy:\n  {words}",
                hint="take it back by a revert; where CI/CD itself is down: clone, git revert, jx step env apply",
            )
