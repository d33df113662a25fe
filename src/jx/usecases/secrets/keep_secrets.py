"""Keep secrets: what must not stand in git goes to the store, and a reference takes its place. A step of all that sets values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jx.domain.charts.charts import ChartRef
from jx.domain.errors import Forbidden, Invalid, NotFound, Problem, Refused, Unavailable
from jx.domain.events import Event
from jx.domain.names import AppKey
from jx.domain.objects.references import Reference, Scheme
from jx.domain.secrets import plain_secrets
from jx.domain.secrets.plain_secrets import Moved, Schema
from jx.domain.texts.values import ValuePath
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog
from jx.ports.reporter import Reporter
from jx.usecases.secrets.edit_secret import EditSecret, EditSecretRequest

SCHEMA = "values.schema.json"


@dataclass(frozen=True, slots=True)
class KeepRequest:
    """Values that somebody set, for which app of which environment."""

    chart: ChartRef
    key: AppKey
    environment: str
    settings: tuple[tuple[ValuePath, Any], ...] = field(repr=False)
    own_charts: Tree = field(default_factory=Tree)
    """Charts that the environment itself holds, by their folders."""

    def __hash__(self) -> int:
        return hash((self.chart, self.key, self.environment))


@dataclass(frozen=True, slots=True)
class KeepSecrets:
    """Writes to the store before this returns, and tells of every value that it took."""

    catalog: Catalog
    edit: EditSecret
    reporter: Reporter

    def __call__(self, request: KeepRequest) -> Moved:
        """The settings as they may stand in git. Refused for a secret where there is no store; raises as the store does."""
        schemas = self._schemas(request)
        moved = plain_secrets.move(
            request.settings, schemas, environment=request.environment, app=request.key
        )
        self.keep(moved)
        return moved

    def keep(self, moved: Moved) -> None:
        """Put what was taken out of values into the store."""
        if moved.places and Scheme.VAULT not in self.edit.stores:
            first = next(iter(moved.places))
            raise Refused(
                f"{', '.join(moved.places)}: secrets may not stand in git, and there is no store to keep them",
                hint="set VAULT_ADDR and VAULT_TOKEN, or install with --vault; or say where it is: "
                f"--set {first}=k8s:NAMESPACE/NAME:KEY",
            )
        for name, reference in moved.places.items():
            self.reporter.tell(Event(f"{name} is a secret: the store keeps it, git gets {reference}"))
        self.write(moved.secrets)

    def write(self, secrets: Mapping[Reference, str]) -> None:
        """All secrets of a path in one write."""
        paths: dict[str, dict[str, str]] = {}
        for reference, value in secrets.items():
            paths.setdefault(reference.path, {})[reference.key] = value
        for path, values in paths.items():
            self.edit(EditSecretRequest(path, values=values, purpose="values of an app"))

    def _schemas(self, request: KeepRequest) -> tuple[Schema, ...]:
        chart = request.chart
        if not chart.repository or chart.repository.startswith("file:"):
            return schemas_of(request.own_charts.under(chart.name), chart)
        try:
            return schemas_of(self.catalog.fetch(chart).files, chart)
        except (NotFound, Forbidden, Unavailable) as error:
            self.reporter.tell(
                Event(
                    f"{chart.name} cannot be read, so names and forms alone tell its secrets: {error.message}"
                )
            )
            return ()


def schemas_of(files: Tree, chart: ChartRef) -> tuple[Schema, ...]:
    """The schemas of a chart's values: its own, and those of the charts that it brings along, each below its name."""
    found = [find_schema(files, chart) or {}]
    for path in files:
        match path.split("/"):
            case ["charts", name, file] if file == SCHEMA:
                below = find_schema(files.under(f"charts/{name}"), chart) or {}
                # What it refers to (`#/definitions/...`) is looked for at the root.
                beside = {key: value for key, value in below.items() if key in ("definitions", "$defs")}
                found.append({**beside, "properties": {name: below}})
    return tuple(found)


def find_schema(files: Tree, chart: ChartRef) -> Schema | None:
    """The schema of a chart's values; None where it has none. Invalid for one that cannot be read."""
    text = files.find_text(SCHEMA)
    if text is None:
        return None
    try:
        schema = json.loads(text)
    except ValueError as error:
        problem = Problem(f"{SCHEMA} of {chart.name}", str(error))
        raise Invalid("the schema of the chart's values cannot be read", problem) from error
    return schema if isinstance(schema, Mapping) else None
