"""Watch drift: look whether an environment is as it was left, and do about it what its repository says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jx.domain.applying.applying import Anchor, ApplyReport, ApplyResult, DriftNote
from jx.domain.environments import holds
from jx.domain.environments.environments import Environment
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.events import Event, Level
from jx.domain.layouts import umbrella
from jx.domain.ledger import drift, ledger
from jx.domain.ledger.drift import Cure
from jx.domain.names import Person, Repo
from jx.ports.clock import Clock
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.applying.apply_environment import ApplyEnvironment, ApplyRequest
from jx.usecases.applying.write_anchor import WriteAnchor
from jx.usecases.find_source import source_of
from jx.usecases.following.find_drift import DriftReport, FindDrift
from jx.usecases.following.run_environment import RunEnvironment


@dataclass(frozen=True, slots=True)
class WatchDrift:
    """Level-triggered. Only what is applied and not on hold is watched: everything else is the business of an apply."""

    find: FindDrift
    heal: ApplyEnvironment | RunEnvironment
    """What heals: an apply here and now, or, where runs apply, the start of one."""
    repos: Repos
    clock: Clock
    reporter: Reporter

    def __call__(self, environment: Environment, *, holder: str) -> DriftReport | None:
        """What was found; None where there was nothing to look at. Raises what an apply raises where it heals."""
        anchor = self.find.anchors.find(environment.name)
        if anchor is None or environment.repo is None or not self._is_settled(anchor, environment):
            return None
        cure = self._cure(anchor, environment.repo)
        if cure is Cure.IGNORE:
            return None
        report = self.find(environment.name, repo=environment.repo)
        note = self._note_of(anchor, report)
        self._note(anchor, note, report)
        if note is None or cure is not Cure.HEAL:
            return report
        if isinstance(self.heal, RunEnvironment):
            assert anchor.applied is not None
            assert anchor.applied.source.revision is not None
            self.heal.heal(environment, anchor.applied.source.revision, note)
            return report
        healed = self._heal(self.heal, environment, environment.repo, holder=holder)
        left = self.find.anchors.find(environment.name)
        if healed.result is ApplyResult.APPLIED and left:
            self._note(left, None, report)
        return report

    def _is_settled(self, anchor: Anchor, environment: Environment) -> bool:
        """Whether what the cluster should hold is the head of the branch, and nobody asked to leave it alone."""
        applied = anchor.applied
        if applied is None or anchor.is_begun or applied.result is not ApplyResult.APPLIED:
            return False
        now = self.clock.now()
        if any(not holds.has_ended(hold, now) for hold in anchor.holds) or environment.repo is None:
            return False
        return applied.source.revision == self.repos.head(environment.repo, environment.branch)

    def _cure(self, anchor: Anchor, repo: Repo) -> Cure:
        assert anchor.applied is not None
        assert anchor.applied.source.revision is not None
        tree = self.repos.read(repo, anchor.applied.source.revision)
        return umbrella.read(tree, name=anchor.environment).requirements.drift

    def _heal(
        self, apply: ApplyEnvironment, environment: Environment, repo: Repo, *, holder: str
    ) -> ApplyReport:
        """Apply the same commit once more. Fields that others took are taken back; those that the repository leaves to others
        stay with them."""
        head = self.repos.head(repo, environment.branch)
        assert head is not None
        commit = self.repos.log(repo, head, limit=1)[0]
        tree = self.repos.read(repo, head)
        return apply(
            ApplyRequest(
                tree=tree,
                source=source_of(repo, commit, tree.digest),
                holder=holder,
                environment=environment.name,
                branch=environment.branch,
                reason="drift is healed",
                wait=False,
                allowed=Allowed(frozenset({Guard.CONFLICTS})),
            )
        )

    def _note_of(self, anchor: Anchor, report: DriftReport) -> DriftNote | None:
        if not report.found:
            return None
        words, old = drift.in_words(report.found), anchor.drift
        is_same = old is not None and (old.objects, old.words) == (len(report.found), words)
        since = old.since if old and is_same else self.clock.now()
        return DriftNote(len(report.found), since, words)

    def _note(self, anchor: Anchor, note: DriftNote | None, report: DriftReport) -> None:
        """Where `jx get env` finds it, and in the ledger; told once."""
        if anchor.drift == note:
            return
        entry = self._entry(report) if note else None

        def change(current: Anchor) -> Anchor:
            changed = replace(current, drift=note)
            return ledger.noted(changed, entry) if entry else changed

        WriteAnchor(self.find.anchors)(anchor, change)
        if note:
            words = f"{anchor.environment} was changed behind our back: {note.words}"
            self.reporter.tell(Event(words, Level.WARNING))

    def _entry(self, report: DriftReport) -> ledger.Entry:
        by = next((one.by for one in report.found if one.by), "somebody")
        words = drift.in_full(report.found)
        return ledger.make_note(
            report.environment, ledger.Happening.DRIFT, words, by=Person(by), at=self.clock.now()
        )
