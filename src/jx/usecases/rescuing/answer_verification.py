"""Answer a verification: do a little of what the platform is for, and say how it went."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import Check, CheckState
from jx.domain.errors import JxError
from jx.domain.names import DEV, Revision
from jx.domain.platforms import verifying
from jx.domain.runs.activities import ActivityStatus
from jx.domain.runs.runs import Run, RunState, find_failure
from jx.ports.activities import Activities
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.forge import Ability, Forge
from jx.ports.repos import Repos
from jx.usecases.propose_change import PlatformAt
from jx.usecases.rescuing.run_verification import RunVerification

_PARTS = "webhook, git, forge, cluster and records answer"


@dataclass(frozen=True, slots=True)
class AnswerVerification:
    """Reads the dev repository and the cluster's memory, tells the forge, and records it: whatever an apply needs has answered
    then. With an engine, that is a run on a throw-away commit, whose status comes back there. Answering twice is answering once;
    a run that goes on is recorded so, and asking again tells how it stands."""

    repos: Repos
    forge: Forge
    anchors: Anchors
    activities: Activities
    clock: Clock
    run: RunVerification | None = None
    """None where nothing runs pipelines."""

    def __call__(self, number: str, at: PlatformAt) -> None:
        """Record the answer. Raises what keeps it from being recorded; what else goes wrong is the answer."""
        try:
            revision, status, words = self._work(number, at)
        except JxError as error:
            revision, status, words = "", ActivityStatus.FAILED, error.message
        self.activities.save(
            verifying.answer(number, revision=revision, words=words, at=self.clock.now(), status=status)
        )

    def _work(self, number: str, at: PlatformAt) -> tuple[str, ActivityStatus, str]:
        self.anchors.find(DEV)
        head = self.repos.head(at.repo, at.branch)
        if self.run is not None and head is not None:
            return _tell(self.run(number, at, head))
        if head and Ability.STATUSES in self.forge.abilities:
            self.forge.set_status(
                at.repo, head, Check(verifying.CONTEXT, CheckState.SUCCESS, "CI/CD answers")
            )
        return str(head or ""), ActivityStatus.SUCCEEDED, _PARTS


def _tell(run: Run) -> tuple[str, ActivityStatus, str]:
    """Revision, status and words of an answer by a run."""
    at = Revision(run.revision)
    if run.state.is_open:
        how = "has not begun" if run.state is RunState.PENDING else "goes on"
        return at, ActivityStatus.RUNNING, f"run {run.name} {how}{f': {run.words}' if run.words else ''}"
    if run.state is RunState.SUCCEEDED:
        words = f"{_PARTS}; a pipeline ran, and its status is on commit {at[:12]}, which is thrown away"
        return at, ActivityStatus.SUCCEEDED, words
    return at, ActivityStatus.FAILED, f"run {run.name} failed: {find_failure(run) or run.state.value}"
