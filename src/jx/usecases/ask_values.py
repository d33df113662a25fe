"""Ask for values: what a chart's schema wants to know before its app is added or upgraded. A step of both."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jx.domain import questions
from jx.domain.charts import ChartRef
from jx.domain.errors import Invalid, NotFound, Problem
from jx.domain.names import AppKey
from jx.domain.questions import Answers, Question, Schema
from jx.domain.references import Reference, Scheme
from jx.domain.trees import Tree
from jx.domain.yaml_text import read_mapping
from jx.ports.catalog import Catalog
from jx.ports.prompts import Prompts
from jx.usecases.edit_secret import EditSecret, EditSecretRequest

_SCHEMA, _VALUES = "values.schema.json", "values.yaml"


@dataclass(frozen=True, slots=True)
class AskRequest:
    """About which chart, for which app."""

    chart: ChartRef
    """Exact."""
    key: AppKey
    environment: str
    existing: Mapping[str, Any] = field(default_factory=dict)
    """What is set already, which is not asked."""
    before: ChartRef | None = None
    """In an upgrade: what is installed; what that asked about is not asked again."""

    def __hash__(self) -> int:
        return hash((self.chart, self.key, self.environment))


@dataclass(frozen=True, slots=True)
class AskValues:
    """Secrets go to the store, at `<environment>/<app>`, before this returns; a reference stands in the answer."""

    catalog: Catalog
    prompts: Prompts
    edit: EditSecret

    def __call__(self, request: AskRequest) -> Answers:
        """What was answered. Raises as the catalog, the prompts and the store do; Invalid for a schema that cannot be read."""
        files = self.catalog.fetch(request.chart).files
        schema = _schema(files, request.chart)
        if schema is None:
            return Answers(dict(request.existing))
        known = self._known_before(request)

        def ask(question: Question) -> Any:
            is_news = question.path not in known or (question.is_required and not known[question.path])
            return self.prompts.ask(question) if is_news else None

        brought = read_mapping(files.find_text(_VALUES) or "", _VALUES)
        answers = questions.interview(
            schema,
            request.existing,
            ask,
            keep=lambda path: _place(request, path),
            brought=brought,
            moves_secrets=request.before is None,  # in an upgrade it stands in git already
        )
        self._keep(answers)
        return answers

    def _known_before(self, request: AskRequest) -> dict[questions.Path, bool]:
        """What the installed version asked about, and whether it required an answer."""
        if request.before is None:
            return {}
        try:
            files = self.catalog.fetch(request.before).files
        except NotFound:
            return {}  # withdrawn since; then everything is new
        known: dict[questions.Path, bool] = {}

        def note(question: Question) -> None:
            known[question.path] = question.is_required

        brought = read_mapping(files.find_text(_VALUES) or "", _VALUES)
        schema = _schema(files, request.before) or {}
        questions.interview(schema, {}, note, keep=lambda path: _place(request, path), brought=brought)
        return known

    def _keep(self, answers: Answers) -> None:
        """All secrets of the app in one write."""
        paths: dict[str, dict[str, str]] = {}
        for reference, value in answers.secrets.items():
            paths.setdefault(reference.path, {})[reference.key] = value
        for path, values in paths.items():
            self.edit(EditSecretRequest(path, values=values))


def _schema(files: Tree, chart: ChartRef) -> Schema | None:
    text = files.find_text(_SCHEMA)
    if text is None:
        return None
    try:
        schema = json.loads(text)
    except ValueError as error:
        problem = Problem(f"{_SCHEMA} of {chart.name}", str(error))
        raise Invalid("the schema of the chart's values cannot be read", problem) from error
    return schema if isinstance(schema, Mapping) else None


def _place(request: AskRequest, path: questions.Path) -> Reference:
    key = ".".join(re.sub(r"[^A-Za-z0-9_-]", "-", part) for part in path)
    return Reference(Scheme.VAULT, f"{request.environment}/{request.key}", key)
