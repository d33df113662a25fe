"""Answer a verification: do a little of what the platform is for, and say how it went."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain import verifying
from jx.domain.changes import Check, CheckState
from jx.domain.errors import JxError
from jx.domain.names import DEV, Revision
from jx.ports.activities import Activities
from jx.ports.anchor import Anchors
from jx.ports.clock import Clock
from jx.ports.forge import Ability, Forge
from jx.ports.repos import Repos
from jx.usecases.propose_change import PlatformAt


@dataclass(frozen=True, slots=True)
class AnswerVerification:
    """Reads the dev repository and the cluster's memory, tells the forge, and records it: whatever an apply needs has answered
    then. Answering twice is answering once."""

    repos: Repos
    forge: Forge
    anchors: Anchors
    activities: Activities
    clock: Clock

    def __call__(self, number: str, at: PlatformAt) -> None:
        """Record the answer. Raises what keeps it from being recorded; what else goes wrong is the answer."""
        revision, words, is_good = "", "", False
        try:
            revision = str(self._work(at))
            words, is_good = "webhook, git, forge, cluster and records answer", True
        except JxError as error:
            words = error.message
        self.activities.save(
            verifying.answer(number, revision=revision, words=words, at=self.clock.now(), is_good=is_good)
        )

    def _work(self, at: PlatformAt) -> Revision | str:
        self.anchors.find(DEV)
        head = self.repos.head(at.repo, at.branch)
        if head and Ability.STATUSES in self.forge.abilities:
            self.forge.set_status(
                at.repo, head, Check(verifying.CONTEXT, CheckState.SUCCESS, "CI/CD answers")
            )
        return head or ""
