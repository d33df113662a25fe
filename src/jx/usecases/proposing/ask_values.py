"""Ask for values: what a chart's schema wants to know before its app is added or upgraded. A step of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jx.domain.charts.charts import ChartRef
from jx.domain.errors import NotFound
from jx.domain.names import AppKey
from jx.domain.objects.references import Reference
from jx.domain.secrets import plain_secrets, questions
from jx.domain.secrets.plain_secrets import Moved
from jx.domain.secrets.questions import Answers, Question
from jx.domain.texts import values
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog
from jx.ports.prompts import Prompts
from jx.usecases.secrets.keep_secrets import KeepSecrets, find_schema, schemas_of

_VALUES = "values.yaml"


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

    asks_again: bool = False
    """Also what is set already, with that offered."""

    def __hash__(self) -> int:
        return hash((self.chart, self.key, self.environment))


@dataclass(frozen=True, slots=True)
class AskValues:
    """Secrets go to the store, at `<environment>/<app>`, before this returns; a reference stands in the answer. So do those that
    are set in plain text already, but for an upgrade: they stand in git by then."""

    catalog: Catalog
    prompts: Prompts
    keep_secrets: KeepSecrets

    def __call__(self, request: AskRequest) -> Answers:
        """What was answered. Raises as the catalog, the prompts and the store do; Invalid for a schema that cannot be read."""
        files = self.catalog.fetch(request.chart).files
        moved = _moved(request, files)
        existing = {str(path[0]): value for path, value in moved.settings}
        schema = find_schema(files, request.chart)
        if schema is None:
            self.keep_secrets.keep(moved)
            return Answers(existing)
        known = self._known_before(request)

        def ask(question: Question) -> Any:
            is_news = (
                request.asks_again
                or question.path not in known
                or (question.is_required and not known[question.path])
            )
            return self.prompts.ask(question) if is_news else None

        brought: Mapping[str, Any] = read_mapping(files.find_text(_VALUES) or "", _VALUES)
        if request.asks_again:
            existing, brought = {}, values.merge(brought, existing)
        answers = questions.interview(
            schema, existing, ask, keep=lambda path: _place(request, path), brought=brought
        )
        self.keep_secrets.keep(moved)
        self.keep_secrets.write(answers.secrets)
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
        schema = find_schema(files, request.before) or {}
        questions.interview(schema, {}, note, keep=lambda path: _place(request, path), brought=brought)
        return known


def _moved(request: AskRequest, files: Tree) -> Moved:
    settings = [((name,), value) for name, value in request.existing.items()]
    if request.before is not None:
        return Moved(tuple(settings))
    schemas = schemas_of(files, request.chart)
    return plain_secrets.move(settings, schemas, environment=request.environment, app=request.key)


def _place(request: AskRequest, path: questions.Path) -> Reference:
    return plain_secrets.place(request.environment, request.key, path)
