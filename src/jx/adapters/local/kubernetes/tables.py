"""Tables: the columns in which people see objects, as `kubectl get` prints them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jx.adapters.local.kubernetes import cells, jsonpaths, shown
from jx.adapters.local.kubernetes.cells import Column, View
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.registry import Served

_NAME = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "Name must be unique within a namespace.",
    "priority": 0,
}
_AGE = {"name": "Age", "type": "string", "format": "", "description": "Time since creation.", "priority": 0}


def table(served: Served, objects: Sequence[Obj], meta: Obj, include: str, now: datetime) -> Obj:
    """A `meta.k8s.io/v1` Table; `include` is what each row brings along: Metadata, Object or None."""
    columns, view = _layout(served, now)
    rows = []
    for obj in objects:
        row: Obj = {"cells": view(obj)}
        if include == "Object":
            row["object"] = obj
        elif include == "Metadata":
            head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            row["object"] = {**head, "metadata": obj["metadata"]}
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": columns,
        "rows": rows,
    }


def _layout(served: Served, now: datetime) -> tuple[list[Obj], View]:
    if served.resource.kind == "Event" and served.resource.group == "":
        # An event's name is nothing that people want to read, so it comes last.
        columns = [_defined(column) for column in cells.event_columns()]
        return columns, lambda obj: cells.event_cells(obj, now)
    columns, view = _custom(served.custom.columns, now) if served.custom else _builtin(served, now)
    return [_NAME, *columns], lambda obj: [obj["metadata"]["name"], *view(obj)]


def _builtin(served: Served, now: datetime) -> tuple[list[Obj], View]:
    made = cells.LAYOUTS.get((served.resource.group, served.resource.kind))
    if made is None:
        return [_AGE], lambda obj: [shown.age(obj["metadata"].get("creationTimestamp"), now)]
    columns, view = made
    return [_defined(column) for column in columns], lambda obj: view(obj, now)


def _defined(column: Column) -> Obj:
    name, kind, priority = column
    return {"name": name, "type": kind, "format": "", "description": "", "priority": priority}


def _custom(columns: Sequence[Obj], now: datetime) -> tuple[list[Obj], View]:
    if not columns:
        return [_AGE], lambda obj: [shown.age(obj["metadata"].get("creationTimestamp"), now)]
    definitions = [
        {
            "name": column["name"],
            "type": column["type"],
            "format": column.get("format", ""),
            "description": column.get(
                "description", f"Custom resource definition column (in JSONPath format): {column['jsonPath']}"
            ),
            "priority": column.get("priority", 0),
        }
        for column in columns
    ]
    paths = [(jsonpaths.parse(column["jsonPath"]), column["type"]) for column in columns]
    return definitions, lambda obj: [_cell(jsonpaths.find(path, obj), kind, now) for path, kind in paths]


def _cell(found: Sequence[Any], kind: str, now: datetime) -> Any:
    if not found or found[0] is None:
        return None
    value = found[0]
    if kind == "date":
        return shown.age(value, now) if isinstance(value, str) else "<invalid>"
    if kind == "integer":
        return value if isinstance(value, int) and not isinstance(value, bool) else _number(value)
    if kind == "string":
        texts = [shown.as_text(one) for one in found]
        return ",".join(texts)
    return value


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
