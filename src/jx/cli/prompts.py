"""Questions on the terminal. What an environment variable answers is not asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from jx.cli import output
from jx.domain.errors import Invalid
from jx.domain.secrets.questions import Kind, Question, read_answer


class TerminalPrompts:
    """ports.prompts.Prompts: asks again until the answer is one. Secrets are not shown while they are typed."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def ask(self, question: Question) -> Any:
        """The answer, typed; None for Enter where nothing is offered."""
        if question.variable in self._variables:
            return read_answer(question, self._variables[question.variable])
        if question.help:
            output.hint(question.help)
        while True:
            text = click.prompt(
                _words(question),
                default=_offered(question),
                show_default=bool(_offered(question)),
                hide_input=question.kind is Kind.SECRET,
                err=True,
            )
            try:
                return read_answer(question, str(text))
            except Invalid as error:
                output.hint(error.message)


def _words(question: Question) -> str:
    words = question.title if question.title == question.name else f"{question.title} ({question.name})"
    if question.choices:
        words += f" [{', '.join(map(_text, question.choices))}]"
    return words


def _offered(question: Question) -> str:
    default = question.default
    if default is None:
        return ""
    return ", ".join(map(_text, default)) if isinstance(default, list) else _text(default)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
