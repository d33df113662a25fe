"""One apply: what it begins with, and what came of it, as the anchor and the ledger remember it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jx.domain.applying import hooks, inventories
from jx.domain.applying.applying import (
    Anchor,
    Applied,
    ApplyResult,
    HookOutcome,
    HookRecord,
    InventoryItem,
    Outcome,
    Source,
)
from jx.domain.applying.locking import Grip
from jx.domain.environments import guards
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.ledger import ledger
from jx.domain.ledger.ledger import Story
from jx.domain.names import Repo
from jx.domain.objects.manifests import ChartPin
from jx.usecases.applying.send_plan import Sent
from jx.usecases.planning.plan_environment import Planned

_MOST_VERSIONS = 20


@dataclass(frozen=True, slots=True)
class Opened:
    """What an apply begins with."""

    spec: EnvironmentSpec
    anchor: Anchor
    repo: Repo | None
    """Where the branch and the ledger are."""
    by: str
    """Who applies."""
    adopted_head: str | None = None
    """Where the ledger goes on, when a person said that its branch may be another than the anchor knows."""


@dataclass(frozen=True, slots=True)
class Run:
    """One apply after its sends."""

    source: Source
    opened: Opened
    planned: Planned
    sent: Sent
    at: datetime
    grip: Grip
    reason: str = ""
    """Why it is applied by hand."""
    is_lock_taken: bool = False
    """Whether a person took the lock from somebody."""
    is_awaited: bool = True
    """Whether somebody waits for health afterwards."""

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Of each step."""
        return self.sent.outcomes

    @property
    def hooks(self) -> tuple[HookOutcome, ...]:
        """Of each hook."""
        return self.sent.hooks

    @property
    def result(self) -> ApplyResult:
        """Failed where anything failed."""
        errors = [*(one.error for one in self.outcomes), *(one.error for one in self.hooks)]
        return ApplyResult.FAILED if any(errors) else ApplyResult.APPLIED

    @property
    def message(self) -> str:
        """Counts, and a line for each error."""
        errors = [f"{one.step.ref}: {one.error}" for one in self.outcomes if one.error]
        errors += [f"{one.step.phase} hook {one.step.ref}: {one.error}" for one in self.hooks if one.error]
        return "\n".join([ledger.summarize(self.outcomes, self.hooks), *errors])

    @property
    def hook_record(self) -> HookRecord:
        """What is known of hooks afterwards."""
        is_applied = self.result is ApplyResult.APPLIED
        return hooks.end(self.opened.anchor.hooks, self.planned.plan, self.hooks, is_applied=is_applied)

    @property
    def inventory(self) -> tuple[InventoryItem, ...]:
        """What is ours afterwards."""
        return inventories.narrow(self.opened.anchor.inventory, self.outcomes)

    @property
    def is_news(self) -> bool:
        """Whether the ledger needs an entry: something was done, or this commit or its result is not on record yet."""
        before, after = (
            {item.ref for item in part} for part in (self.opened.anchor.inventory, self.inventory)
        )
        return (
            before != after
            or self._has_done
            or self.opened.adopted_head is not None
            or bool(self._lock_taken_from)
            or not self.is_same(self.opened.anchor.applied)
        )

    @property
    def _lock_taken_from(self) -> str:
        """Whom a person took the lock from."""
        return self.grip.taken_from if self.is_lock_taken else ""

    @property
    def _has_done(self) -> bool:
        changes = {step.ref for step in self.planned.plan.changes}
        has_run = any(not one.is_skipped for one in self.hooks)
        return has_run or any(
            one.step.ref in changes and not one.error and not one.skipped for one in self.outcomes
        )

    def is_same(self, applied: Applied | None) -> bool:
        """Whether that apply was of the same files with the same result."""
        source = self.source
        return (
            applied is not None
            and applied.source.revision == source.revision
            and applied.source.tree_digest == source.tree_digest
            and applied.result is self.result
        )

    def applied(self) -> Applied:
        """The apply as the anchor remembers it."""
        return Applied(
            source=self.source,
            plan_digest=self.planned.plan.digest,
            result=self.result,
            at=self.at,
            by=self.opened.by,
            charts=self._charts,
            message=self.message,
        )

    @property
    def _charts(self) -> tuple[ChartPin, ...]:
        """What is there now: after a failure, also the apps that may not be gone yet."""
        charts, before = self.planned.plan.charts, self.opened.anchor.applied
        if self.result is ApplyResult.APPLIED or before is None:
            return charts
        keys = {pin.key for pin in charts}
        return (*charts, *(pin for pin in before.charts if pin.key not in keys))

    def entry(self) -> ledger.Entry:
        """The apply as the ledger tells it."""
        story = Story(
            source=self.source,
            result=self.result,
            by=self.opened.by,
            at=self.at,
            reason=self.reason,
            lock_taken_from=self._lock_taken_from,
            verified="pending" if self.is_awaited else "not checked",
            secret_versions=self.planned.secret_versions,
            secret_writers=self.planned.secret_writers,
            is_whole=self.opened.adopted_head is not None,
        )
        return ledger.make_entry(
            self.planned.plan,
            self.outcomes,
            story,
            inventories=(self.opened.anchor.inventory, self.inventory),
            capabilities=self.planned.capabilities,
        )

    def versions(self, before: tuple[str, ...]) -> tuple[str, ...]:
        """The versions of the platform that ran here, this one included."""
        new = guards.platform_version(self.planned.plan.charts)
        if not new or self.result is not ApplyResult.APPLIED:
            return before
        return (*(version for version in before if version != new), new)[-_MOST_VERSIONS:]
