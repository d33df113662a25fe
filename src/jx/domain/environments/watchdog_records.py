"""Watchdog records: a Watch as plain JSON data and back. `version` stays out: the store has its own word for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from jx.domain.environments.watchdogs import Orders, Phase, Watch
from jx.domain.errors import Invalid
from jx.domain.ledger.anchor_records import hold_to_data, parse_hold
from jx.domain.names import EnvironmentName


def watch_to_data(watch: Watch) -> dict[str, Any]:
    """Everything but `version`, as JSON values."""
    orders = watch.orders
    return {
        "phase": watch.phase.value,
        "words": watch.words,
        "since": watch.since.isoformat() if watch.since else None,
        "orders": {
            "number": orders.number,
            "environment": orders.environment,
            "treeDigest": orders.tree_digest,
            "deadlineSeconds": orders.deadline.total_seconds(),
            "good": orders.good,
            "goodAt": orders.good_at.isoformat(),
            "appliedAt": orders.applied_at.isoformat() if orders.applied_at else None,
            "hold": hold_to_data(orders.hold),
        },
    }


def parse_watch(data: Mapping[str, Any], *, version: str = "") -> Watch:
    """A Watch from its data, or Invalid."""
    try:
        orders = data["orders"]
        return Watch(
            orders=Orders(
                number=orders["number"],
                environment=EnvironmentName(orders["environment"]),
                tree_digest=orders["treeDigest"],
                deadline=timedelta(seconds=orders["deadlineSeconds"]),
                good=orders["good"],
                good_at=datetime.fromisoformat(orders["goodAt"]),
                applied_at=datetime.fromisoformat(orders["appliedAt"]) if orders["appliedAt"] else None,
                hold=parse_hold(orders["hold"]),
            ),
            phase=Phase(data["phase"]),
            words=data["words"],
            since=datetime.fromisoformat(data["since"]) if data["since"] else None,
            version=version,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(
            "the watchdog's record cannot be read", hint="delete it: the next apply writes it"
        ) from error
