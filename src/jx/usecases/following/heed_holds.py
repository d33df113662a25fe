"""Heed holds: before a branch's head is applied by whoever follows it, look whether somebody stopped that. A shared step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.applying.applying import Anchor
from jx.domain.environments import holds
from jx.domain.environments.environments import Environment
from jx.domain.errors import Held, Refused
from jx.domain.events import Event, Level
from jx.domain.ledger import ledger
from jx.domain.names import Person, Repo, Revision
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.applying.publish_ledger import PublishLedger
from jx.usecases.applying.write_anchor import WriteAnchor


@dataclass(frozen=True, slots=True)
class HeedHolds:
    """Takes holds off the anchor whose time has come, and publishes what a person applied by hand."""

    repos: Repos
    anchors: Anchors
    clock: Clock
    reporter: Reporter

    def __call__(self, environment: Environment, anchor: Anchor | None, head: Revision) -> None:
        """Return where nothing speaks against this head. Held where something does: nothing is recorded then, since a hold is
        looked at again and again, and the hold itself is its record."""
        assert environment.repo is not None
        try:
            self._respect(anchor, environment.repo, head)
        except Held:
            self._publish_the_rescue(environment)
            raise

    def publish_what_waits(self, environment: Environment) -> None:
        """Push entries of the ledger that could not be pushed yet."""
        anchor = self.anchors.find(environment.name)
        if anchor and anchor.pending and environment.repo:
            PublishLedger(self.repos, WriteAnchor(self.anchors), self.reporter)(anchor, environment.repo)

    def _respect(self, anchor: Anchor | None, repo: Repo, head: Revision) -> None:
        if anchor is None or not anchor.holds:
            return
        tree, now = self.repos.read(repo, head), self.clock.now()
        blocking = holds.find_blocking(anchor.holds, head=head, tree=tree, now=now)
        if blocking:
            raise holds.refusal(blocking, anchor.environment)

        why = (
            "its time has come"
            if all(hold.kind == holds.PERSON for hold in anchor.holds)
            else "what was undone by hand is undone on the branch"
        )
        was = "; ".join(f"{hold.reason} (of {hold.by})" for hold in anchor.holds)
        words, by = f"{why}; it was: {was}", Person("controller")
        note = ledger.make_note(anchor.environment, ledger.Happening.RESUME, words, by=by, at=now)

        def drop(current: Anchor) -> Anchor:
            kept = tuple(
                hold for hold in current.holds if not holds.is_over(hold, head=head, tree=tree, now=now)
            )
            return ledger.noted(replace(current, holds=kept), note)

        WriteAnchor(self.anchors)(anchor, drop)
        self.reporter.tell(Event(f"the hold of {anchor.environment} is over: {why}"))

    def _publish_the_rescue(self, environment: Environment) -> None:
        """Who applied by hand may not push the ledger; the hold that they set keeps nobody from reading what they did."""
        try:
            self.publish_what_waits(environment)
        except Refused as error:  # the hold is what a person has to hear of
            self.reporter.tell(Event(f"not published: {error.message}", Level.WARNING))
