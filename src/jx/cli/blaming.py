"""Blame and explanations, for people and programs."""

from __future__ import annotations

from typing import Any

from jx.cli import output
from jx.domain.history.blame import Blame, BlamedField, Cause, origin_words
from jx.domain.history.history import HistoryEntry
from jx.domain.ledger import ledger_fields
from jx.usecases.history.explain_object import Explanation

_LONGEST = 48
HEADER = ("FIELD", "VALUE", "FROM", "BY", "APPROVED BY", "CHANGE", "WHEN")


def show(found: Blame) -> None:
    """A row for each field."""
    of = f", {found.app}: {found.template}" if found.app else f", {found.template}" if found.template else ""
    output.say(f"{found.ref} of {found.environment}{of}")
    output.table(HEADER, [_row(one) for one in found.fields])
    if not found.is_live:
        output.hint("the cluster was not asked: what others set is not shown")


def _row(one: BlamedField) -> tuple[str, ...]:
    path = one.path.removeprefix(".")
    if not one.entry:
        return (
            path,
            _value(one.text),
            f"set by {one.manager or 'jx'}",
            one.manager or "-",
            "-",
            "-",
            one.since or "-",
        )
    origin = origin_words(one.origin) if one.origin else f"ledger line {one.line}"
    if one.version:
        name, was, now = one.version
        origin += f"; {name} {was} → {now}" if was else f"; {name} {now} added"
    value = _value(one.text)
    if one.live or one.manager:
        value += f" (live {_value(one.live) if one.live else 'not there'}, by {one.manager or 'somebody'})"
    cause = one.causes[0] if one.causes else None
    if cause is None:
        return path, value, origin, "-", "-", one.entry[:12], "-"
    return path, value, origin, cause.author, _approvers(cause), _change(cause), f"{cause.at:%Y-%m-%d %H:%M}"


def _approvers(cause: Cause) -> str:
    return ", ".join(text.partition(" <")[0] for text in cause.approvers) or "-"


def _change(cause: Cause) -> str:
    number = cause.pull_request.rpartition("/")[2]
    return f"#{number}" if number else cause.commit[:12]


def _value(text: str) -> str:
    plain = " ".join(ledger_fields.shown(text).split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def to_data(found: Blame) -> dict[str, Any]:
    """For `-o json|yaml`."""
    ref = found.ref
    return {
        "environment": found.environment,
        "group": ref.group,
        "kind": ref.kind,
        "name": ref.name,
        "namespace": ref.namespace,
        "app": found.app,
        "template": found.template,
        "isLive": found.is_live,
        "fields": [_field_data(one) for one in found.fields],
    }


def _field_data(one: BlamedField) -> dict[str, Any]:
    return {
        "path": one.path,
        "value": ledger_fields.shown(one.text),
        "ledgerLine": one.line,
        "ledgerCommit": one.entry,
        "version": dict(zip(("app", "was", "now"), one.version, strict=True)) if one.version else None,
        "origin": _origin_data(one),
        "causes": [
            {
                "commit": cause.commit,
                "at": cause.at.isoformat(),
                "author": cause.author,
                "subject": cause.subject,
                "pullRequest": cause.pull_request,
                "approvers": list(cause.approvers),
            }
            for cause in one.causes
        ],
        "manager": one.manager,
        "since": one.since,
        "live": ledger_fields.shown(one.live) if one.live else None,
    }


def _origin_data(one: BlamedField) -> dict[str, Any] | None:
    if one.origin is None:
        return None
    kind = type(one.origin).__name__.removesuffix("Origin").lower()
    values = [
        {"file": value.file, "line": value.line, "name": value.name, "isDefault": value.is_default}
        for value in getattr(one.origin, "values", ())
    ]
    return {
        "kind": kind,
        "words": origin_words(one.origin),
        "file": getattr(one.origin, "file", ""),
        "line": getattr(one.origin, "line", None),
        "values": values,
    }


def show_why(found: Explanation) -> None:
    """Some sentences."""
    chain = [str(found.ref), *map(str, found.owners)]
    if found.owners:
        output.say(", which belongs to ".join(chain).replace(", which", "", 1))
    if found.deleted:
        output.say(f"{found.ref} is not there any more: deleted {_entry(found.deleted)}")
        return
    if found.found is None:
        by = ", ".join(found.managers) or "somebody"
        output.say(f"{chain[-1]} is no part of an environment: made by {by}")
        return
    app = f"app {found.app} {found.version}" if found.app else "the environment's own templates"
    source = f" ({found.found.source})" if found.found.source else ""
    output.say(f"{found.found.ref} is part of environment {found.found.place.environment}: {app}{source}")
    if found.created:
        output.say(f"  created {_entry(found.created)}")
    if found.changed:
        output.say(f"  changed {_entry(found.changed)}")


def _entry(entry: HistoryEntry) -> str:
    approvers = ", ".join(text.partition(" <")[0] for text in entry.approvers)
    approved = f", approved by {approvers}" if approvers else ""
    pull = entry.first("Jx-Pull-Request")
    return f"{entry.at:%Y-%m-%d %H:%M} by {entry.author.name}{approved}: {entry.subject}{f' ({pull})' if pull else ''}"
