"""What a request has settled so far, so that it can be begun anew once others have said what they think of it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

from jx.adapters.local.kubernetes.errors import STALE, ApiError

_MOST_ROUNDS = 100
_AT_ONCE = 16

Result = TypeVar("Result")


class Question(Protocol):
    """Something that only a party outside of this process can answer, so nobody may hold the lock meanwhile."""

    @property
    def key(self) -> str:
        """Equal for questions that have one answer."""

    def ask(self) -> Any:
        """Ask, and wait for the answer; what goes wrong is an answer, too."""


@dataclass
class Draft:
    """One request's names, times and answers; the same at each of its attempts."""

    time: str = ""
    generated_name: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    """Texts for the caller, whatever becomes of the request."""
    rounds: int = 0

    @cached_property
    def uid(self) -> str:
        """The uid of the object, should the request make one."""
        return str(uuid.uuid4())

    def answers_to(self, questions: Sequence[Question]) -> list[Any]:
        """The answers in order; raises Outstanding, which unwinds the attempt, while one is missing."""
        missing = {question.key: question for question in questions if question.key not in self.answers}
        if missing:
            raise Outstanding(self, tuple(missing.values()))
        return [self.answers[question.key] for question in questions]


class Outstanding(Exception):
    """An attempt that cannot go on before its questions are answered; nothing is written yet."""

    def __init__(self, draft: Draft, questions: tuple[Question, ...]) -> None:
        super().__init__("answers are outstanding")
        self._draft = draft
        self._questions = questions

    def settle(self) -> None:
        """Ask all questions at once and wait; the caller must not hold the lock. 409 where this does not come to an end."""
        self._draft.rounds += 1
        if self._draft.rounds > _MOST_ROUNDS:
            raise ApiError(409, "Conflict", f"Operation cannot be fulfilled: {STALE}")
        for start in range(0, len(self._questions), _AT_ONCE):
            self._ask_all(self._questions[start : start + _AT_ONCE])

    def _ask_all(self, questions: Sequence[Question]) -> None:
        askers = [threading.Thread(target=self._ask, args=(one,), daemon=True) for one in questions[1:]]
        for asker in askers:
            asker.start()
        self._ask(questions[0])
        for asker in askers:
            asker.join()

    def _ask(self, question: Question) -> None:
        self._draft.answers[question.key] = question.ask()

    @staticmethod
    def of_all(acts: Iterable[Callable[[], object]]) -> None:
        """Try all acts; where some of them have questions, raise these together."""
        found: list[Outstanding] = []
        for act in acts:
            try:
                act()
            except Outstanding as outstanding:
                found.append(outstanding)
        if found:
            questions = {one.key: one for outstanding in found for one in outstanding._questions}
            raise Outstanding(found[0]._draft, tuple(questions.values()))


def attempt(act: Callable[[], Result]) -> Result:
    """Do something as often as it takes until all that it asks is answered; the caller must not hold the lock."""
    while True:
        try:
            return act()
        except Outstanding as outstanding:
            outstanding.settle()
