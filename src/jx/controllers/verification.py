"""Verification: whether what was applied to the platform's own environment works, and the answers that tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from jx.controllers.environments import PlatformReader
from jx.domain.platforms import verifying
from jx.usecases.rescuing.answer_verification import AnswerVerification
from jx.usecases.rescuing.propose_return import ProposeReturn
from jx.usecases.rescuing.prove_state import ProveState

PROVE = "prove:dev"
"""A key of its own, so that a proof that waits keeps no merge waiting."""


@dataclass
class VerificationController:
    """Answers events of verification, and has each new state of the platform proven. Who asks and who answers are two keys, so
    one process can do both."""

    platform: PlatformReader
    answer: AnswerVerification
    prove: ProveState
    propose: ProposeReturn
    within: timedelta
    """How long one look may wait for a proof; what is not proven is looked at again."""

    def list_keys(self) -> Iterable[str]:
        return [PROVE]

    def look(self, key: str) -> None:
        number = verifying.number_of(key)
        if number:
            self.answer(number, self.platform.at)
        elif key == PROVE:
            for environment in self.platform.environments():
                if environment.is_dev:
                    self.propose(environment)
                    self.prove(environment, within=self.within)
