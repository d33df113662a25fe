"""Answers that were given beforehand, by environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jx.domain.errors import Usage
from jx.domain.secrets.questions import Kind, Question, read_answer


class BatchPrompts:
    """ports.prompts.Prompts where nobody can be asked: `JX_VALUE_...`, else what is needed by default, else nothing."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def ask(self, question: Question) -> Any:
        if question.variable in self._variables:
            return read_answer(question, self._variables[question.variable])
        if not question.is_required:
            return None  # the chart goes by what it brings along
        if question.default is None:
            words = (
                question.name if question.title == question.name else f"{question.name} ({question.title})"
            )
            given = "vault:PATH:KEY" if question.kind is Kind.SECRET else "VALUE"
            raise Usage(
                f"no existing or default value in answer to question {words} and no value for ${question.variable}",
                hint=f"set {question.variable}, or --set {question.name}={given}",
            )
        return question.default
