"""History for people and programs, and where the commands that look back find it: the platform, or a clone without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from jx.cli import output
from jx.cli.session import Session
from jx.domain.environments import watchdogs
from jx.domain.errors import JxError, NotFound, Unavailable, Usage
from jx.domain.history import history
from jx.domain.history.history import HistoryEntry
from jx.domain.layouts import umbrella
from jx.domain.ledger import ledger_fields
from jx.domain.names import parse_environment_name
from jx.usecases.history.show_history import Place

HEADER = ("WHEN", "ENVIRONMENT", "WHO", "APPROVED BY", "PULL REQUEST", "RESULT", "WHAT")


def clone_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--dir`, the clone to look into instead of asking the platform."""
    text = "Look into this clone, and ask nobody."
    return click.option("-d", "--dir", "folder", default="", metavar="DIR", help=text)(function)


@dataclass(frozen=True)
class Past:
    """Where history is looked for: in which environments' repositories, and in which clone of one; empty: in mirrors."""

    places: tuple[Place, ...]
    clone: str = ""


def find_past(session: Session, env: str, folder: str) -> Past:
    """Environments and their repositories: those of the platform; where there is none at hand, or a clone is named, that."""
    if folder:
        return _clone(session, env, folder)
    try:
        environments = session.wiring.environments(env)
    except (NotFound, Unavailable) as error:
        past = _try_clone(session, env, error)
        output.hint(f"{error.message}: this clone is looked into instead")
        return past
    return Past(tuple(Place(one.name, one.repo, one.branch) for one in environments if one.repo))


def _try_clone(session: Session, env: str, error: JxError) -> Past:
    try:
        return _clone(session, env, ".")
    except JxError:
        raise error from None


def _clone(session: Session, env: str, folder: str) -> Past:
    found = session.wiring.folders.read(folder)
    if found.origin is None or found.head is None:
        raise Usage(f"{found.path} is no clone of an environment's repository", hint="name one with --dir")
    name = parse_environment_name(env) if env else umbrella.read(found.tree).name
    return Past((Place(name, found.origin, found.branch or "master"),), found.path)


def show_table(entries: tuple[HistoryEntry, ...], *, of: str) -> None:
    """A row for each entry, and a row for each further line of what changed; `of` says what was asked for."""
    rows: list[tuple[str, ...]] = []
    for entry in entries:
        first, *others = history.in_words(entry)
        rows.append((*_cells(entry), first))
        rows += [("",) * 6 + (line,) for line in others]
    if rows:
        output.table(HEADER, rows)
    else:
        output.say(f"Nothing is on record{of}")


def _cells(entry: HistoryEntry) -> tuple[str, ...]:
    number = entry.first("Jx-Pull-Request").rpartition("/")[2]
    approvers = ", ".join(text.partition(" <")[0] for text in entry.approvers)
    who = entry.author.name
    by = entry.first("Jx-Applied-By")
    result = entry.first("Jx-Result") or entry.kind.value
    if entry.kind in {history.Kind.BY_HAND, history.Kind.HEALED}:
        how = ", went back by itself" if by == watchdogs.NAME else " by hand"
        result += how if entry.kind is history.Kind.BY_HAND else ", drift healed"
        who = by if entry.kind is history.Kind.BY_HAND else who
    if not entry.revision and entry.kind is not history.Kind.SECRET:
        result += ", not published"
    when = f"{entry.at:%Y-%m-%d %H:%M}"
    return when, entry.environment, who, approvers or "-", f"#{number}" if number else "-", result


def to_data(entry: HistoryEntry) -> dict[str, Any]:
    """For `-o json|yaml`: everything."""
    return {
        "environment": entry.environment,
        "kind": entry.kind.value,
        "at": entry.at.isoformat(),
        "ledgerCommit": entry.revision,
        "subject": entry.subject,
        "author": str(entry.author),
        "approvers": list(entry.approvers),
        "pullRequest": entry.first("Jx-Pull-Request"),
        "sourceCommit": entry.first("Jx-Source-Commit"),
        "result": entry.first("Jx-Result"),
        "verified": entry.first("Jx-Verified"),
        "appliedBy": entry.first("Jx-Applied-By"),
        "reason": entry.first("Jx-Reason"),
        "lockTakenFrom": entry.first("Jx-Lock-Taken-From"),
        "what": list(history.in_words(entry, most=1000)),
        "versions": [{"app": name, "was": was, "now": now} for name, was, now in entry.versions],
        "secrets": [{"secret": at, "was": was, "now": now} for at, was, now in entry.secret_versions],
        "objects": [
            {
                "group": one.ref.group,
                "kind": one.ref.kind,
                "name": one.ref.name,
                "namespace": one.ref.namespace,
                "app": one.app,
                "action": one.action,
                "fields": [
                    {"path": change.path, "was": _plain(change.was), "now": _plain(change.now)}
                    for change in one.fields
                ],
            }
            for one in entry.changes
        ],
    }


def _plain(text: str | None) -> str | None:
    return None if text is None else ledger_fields.shown(text)
