"""Prompts: who answers what a chart has to be asked about."""

from __future__ import annotations

from typing import Any, Protocol

from jx.domain.secrets.questions import Question


class Prompts(Protocol):
    """A person, or what was said beforehand."""

    def ask(self, question: Question) -> Any:
        """The answer, as `questions.read_answer` gives it; None for none. Usage where one is needed and nobody can give it;
        Invalid for one that was given beforehand and is none. No message and no screen ever holds the answer to a secret."""
        ...
