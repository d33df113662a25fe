"""What the columns of the kinds show that are about the cluster itself: policies, requests, addresses, devices, queues."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views.shown import NONE, age_of, duration, selector_text, spec_of, status_of

_UNSET = "<unset>"


def policy(obj: Obj, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    kind = spec.get("paramKind")
    shown = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else _UNSET
    return [len(spec.get("validations") or spec.get("mutations") or ()), shown, age_of(obj, now)]


def policy_binding(obj: Obj, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    reference = spec.get("paramRef") or {}
    shown = _UNSET
    if reference.get("name"):
        shown = f"{reference.get('namespace') or '*'}/{reference['name']}"
    elif reference.get("selector"):
        shown = selector_text(reference["selector"])
    return [spec.get("policyName", ""), shown, age_of(obj, now)]


def signing_request(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    held = {one["type"] for one in status.get("conditions") or ()}
    words = ["Denied" if "Denied" in held else "Approved" if "Approved" in held else "Pending"]
    words += ["Failed"] * ("Failed" in held) + ["Issued"] * bool(status.get("certificate"))
    seconds = spec.get("expirationSeconds")
    wanted = NONE if seconds is None else duration(seconds)
    return [
        age_of(obj, now),
        spec.get("signerName") or NONE,
        spec.get("username", ""),
        wanted,
        ",".join(words),
    ]


def address(obj: Obj, now: datetime) -> list[Any]:
    parent = spec_of(obj).get("parentRef")
    shown = NONE
    if parent:
        resource = ".".join(filter(None, (parent.get("resource"), parent.get("group"))))
        shown = "/".join(filter(None, (resource.lower(), parent.get("namespace"), parent.get("name"))))
    return [shown, age_of(obj, now)]


def address_range(obj: Obj, now: datetime) -> list[Any]:
    return [",".join(spec_of(obj).get("cidrs") or ()), age_of(obj, now)]


def device_claim(obj: Obj, now: datetime) -> list[Any]:
    status, is_going = status_of(obj), "deletionTimestamp" in obj["metadata"]
    words = ["deleted"] * is_going
    if status.get("allocation"):
        words += ["allocated", *(["reserved"] if status.get("reservedFor") else [])]
    elif not is_going:
        words.append("pending")
    return [",".join(words), age_of(obj, now)]


def device_slice(obj: Obj, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    pool = (spec.get("pool") or {}).get("name", "")
    return [spec.get("nodeName", ""), spec.get("driver", ""), pool, age_of(obj, now)]


def flow_schema(obj: Obj, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    dangling = (one["status"] for one in status_of(obj).get("conditions") or () if one["type"] == "Dangling")
    return [
        (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        spec.get("matchingPrecedence", 0),
        (spec.get("distinguisherMethod") or {}).get("type") or NONE,
        age_of(obj, now),
        next(dangling, "?"),
    ]


def priority_level(obj: Obj, now: datetime) -> list[Any]:
    limited = spec_of(obj).get("limited") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    return [
        spec_of(obj).get("type", ""),
        limited.get("nominalConcurrencyShares", NONE),
        *(queuing.get(key, NONE) for key in ("queues", "handSize", "queueLengthLimit")),
        age_of(obj, now),
    ]
