"""Answers that a test has in store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jx.domain.errors import Usage
from jx.domain.secrets.questions import Question, read_answer


class CannedPrompts:
    """ports.prompts.Prompts: a person who types these texts, by the question's name, and Enter at all other questions."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._texts = dict(texts or {})
        self.asked: list[str] = []

    def ask(self, question: Question) -> Any:
        self.asked.append(question.name)
        text = self._texts.get(question.name, "")
        if text == "" and question.default is None and question.is_required:
            raise Usage(f"nobody answers {question.name}")
        return read_answer(question, text)
