"""Tables: the columns in which people see objects, as `kubectl get` prints them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jx.adapters.local.kubernetes.errors import bad_request
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.types import conversions
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views import cells, pod_cells, shown, storage_cells
from jx.adapters.local.kubernetes.views.cells import Column, View
from jx.adapters.local.kubernetes.words import jsonpaths

_NAME = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "Name must be unique within a namespace.",
    "priority": 0,
}
_POD = ("", "v1", "Pod")
_CLASSES = ("StorageClass", "VolumeAttributesClass")
_SHOWN_AS = {("autoscaling", "v1", "HorizontalPodAutoscaler"): "autoscaling/v2"}
_INCLUDED = ("None", "Metadata", "Object")
_AGE = {"name": "Age", "type": "string", "format": "", "description": "Time since creation.", "priority": 0}


def included(wanted: str) -> str:
    """What each row of a Table brings along; ApiError 400 for what no Table can."""
    if wanted not in ("", *_INCLUDED):
        problem = f"includeObject: Invalid value: {json.dumps(wanted)}: must be 'Metadata', 'Object', 'None', or empty"
        raise bad_request(f"Unable to convert to Table as requested: {problem}")
    return wanted or "Metadata"


def table(
    served: Served, objects: Sequence[Obj], meta: Obj, include: str, now: datetime, version: str
) -> Obj:
    """A `meta.k8s.io` Table; `include` is what each row brings along: Metadata, Object or None."""
    columns, view = _layout(served, now)
    rows = []
    for obj in objects:
        row: Obj = {"cells": view(obj), "object": None}
        if served.gvk == _POD and (held := pod_cells.conditions(obj)):
            row["conditions"] = held
        if include == "Object":
            row["object"] = obj
        elif include == "Metadata":
            head = {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}"}
            row["object"] = {**head, "metadata": obj["metadata"]}
        rows.append(row)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": meta,
        "columnDefinitions": columns,
        "rows": rows,
    }


def _layout(served: Served, now: datetime) -> tuple[list[Obj], View]:
    group, _, kind = served.gvk
    if kind == "Event" and group in ("", "events.k8s.io"):
        # An event's name is nothing that people want to read, so it comes last.
        columns = [_defined(column) for column in cells.event_columns()]
        return columns, lambda obj: cells.event_cells(conversions.as_version(obj, "v1"), now)
    columns, view = _custom(served.custom.columns, now) if served.custom else _builtin(served, now)
    return [_NAME, *columns], lambda obj: [_name(obj), *view(obj)]


def _name(obj: Obj) -> str:
    name: str = obj["metadata"].get("name", "")
    return f"{name} (default)" if obj.get("kind") in _CLASSES and storage_cells.is_default(obj) else name


def _builtin(served: Served, now: datetime) -> tuple[list[Obj], View]:
    made = cells.LAYOUTS.get((served.resource.group, served.resource.kind))
    if made is None:
        return [_defined(("Created At", "date", 0, ""))], lambda obj: [
            obj["metadata"].get("creationTimestamp")
        ]
    columns, view = made
    shown_as = _SHOWN_AS.get(served.gvk, served.resource.api_version)
    return [_defined(column) for column in columns], lambda obj: view(
        conversions.as_version(obj, shown_as), now
    )


def _defined(column: Column) -> Obj:
    name, kind, priority, form = column
    return {"name": name, "type": kind, "format": form, "description": "", "priority": priority}


def _custom(columns: Sequence[Obj], now: datetime) -> tuple[list[Obj], View]:
    if not columns:
        return [{**_AGE, "type": "date"}], lambda obj: [
            shown.age(obj["metadata"].get("creationTimestamp"), now)
        ]
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
    if not found:
        return None
    value = found[0]
    match kind, value:
        case "string", None:
            return "<no value>"
        case "string", _:
            return shown.as_text(value)
        case "boolean", bool():
            return value
        case "integer" | "number", int() | float() if not isinstance(value, bool):
            return int(value) if kind == "integer" else value
        case "date", str():
            return _since(value, now)
        case _:
            return None


def _since(text: str, now: datetime) -> str:
    try:
        return shown.age(text, now)
    except ValueError:
        return "<invalid>"
