"""Await checks: until what a merge needs has been said, or nothing says it any more."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from jx.domain.changes.changes import GUARDS, CheckState, PullRequest, PullState
from jx.domain.changes.commands import list_approvals
from jx.domain.events import Event
from jx.domain.names import Repo, Revision
from jx.ports.clock import Clock
from jx.ports.forge import Ability, Forge
from jx.ports.reporter import Reporter
from jx.ports.repos import Repos
from jx.usecases.reviewing.check_change import CONTEXT, is_made_on

_LOOK = timedelta(milliseconds=200)
_SILENCE = timedelta(seconds=30)
"""How long controllers that have said nothing at all may stay silent, and how long they may take to count an approval."""


@dataclass(frozen=True, slots=True)
class AwaitChecks:
    """Only looks; the controllers do the work, and what is missing in the end is for the merge to tell."""

    repos: Repos
    forge: Forge
    clock: Clock
    reporter: Reporter

    def __call__(self, repo: Repo, number: int, *, within: timedelta) -> Revision | None:
        """Returns when a merge would not be let in by waiting longer: all is said, something says no, or the time is over. The
        commit of the base that all was said of; None where not all was."""
        if Ability.STATUSES not in self.forge.abilities:
            return None
        begun = self.clock.elapsed()
        while True:
            pull = self.forge.observe(repo, number)
            waited = self.clock.elapsed() - begun
            base = self.repos.head(repo, pull.base_branch)
            coming = _list_coming(pull, base, is_patient=waited < _SILENCE)
            if not coming or waited >= within:
                return base if base and _is_planned(pull, base) else None
            self.reporter.tell(Event(f"#{number} waits for {', '.join(coming)}", key=f"checks:{number}"))
            if self.clock.wait(_LOOK):
                return None


def _list_coming(pull: PullRequest, base: Revision | None, *, is_patient: bool) -> tuple[str, ...]:
    """Checks that are on their way. None where one says no already, or where somebody has to approve it first."""
    states = {check.context: check.state for check in pull.checks if check.context in GUARDS}
    said = set(states.values())
    if pull.state is not PullState.OPEN or said & {CheckState.FAILURE, CheckState.ERROR}:
        return ()
    if not states and not is_patient:
        return ()
    if states.get(GUARDS[0]) is CheckState.PENDING and not (is_patient and _is_being_counted(pull)):
        return ()
    missing = [one for one in GUARDS if states.get(one) is not CheckState.SUCCESS]
    if CONTEXT not in missing and base and not _is_planned(pull, base):
        missing.append(f"{CONTEXT} on {base[:12]}")
    return tuple(missing)


def _is_planned(pull: PullRequest, base: Revision) -> bool:
    """Whether its plan is one for that commit of the base: the controllers make another where the base has moved."""
    return any(check.context == CONTEXT and is_made_on(check, base) for check in pull.checks)


def _is_being_counted(pull: PullRequest) -> bool:
    """Whether somebody approved the head whose word it waits for: then only the counting is due."""
    words = next(check.description for check in pull.checks if check.context == GUARDS[0])
    given = {one.author.login.lower() for one in list_approvals(pull)}
    named = set(re.findall(r"[A-Za-z0-9-]+", words.lower()))
    return bool(given & named) or (bool(given) and ("anybody" in named or words.endswith("…")))
