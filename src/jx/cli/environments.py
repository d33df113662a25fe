"""Environments as tables and documents."""

from __future__ import annotations

from typing import Any

from jx.cli import output
from jx.domain.applying.applying import Hold
from jx.domain.environments import holds
from jx.domain.errors import NotFound
from jx.domain.layouts.sections import find_nearest
from jx.usecases.platform.show_environments import ShownEnvironment, Standing


def show_table(shown: tuple[ShownEnvironment, ...]) -> None:
    """One line each, as Jenkins X 2 had them, with how they stand."""
    rows = [
        (
            one.name,
            one.environment.label,
            one.environment.kind.value,
            one.environment.strategy.value,
            one.environment.namespace,
            str(one.environment.order),
            (one.applied or "-")[:12],
            words_of(one),
            one.environment.repo.url if one.environment.repo else "-",
        )
        for one in shown
    ]
    output.table(
        ("NAME", "LABEL", "KIND", "PROMOTE", "NAMESPACE", "ORDER", "APPLIED", "STATUS", "SOURCE"), rows
    )
    for one in shown:
        if one.hold:
            output.say(f"{one.name} is {holds.in_words(one.hold)}")
        if one.drift:
            output.say(f"{one.name} was changed behind our back: {one.drift.words}; jx get drift {one.name}")


def show_missing(name: str, shown: tuple[ShownEnvironment, ...]) -> None:
    """Say that there is no environment of that name, and which are near."""
    known = [str(one.name) for one in shown]
    near = find_nearest(name, known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    output.show_error(NotFound(f"there is no environment {name}", hint=hint))


def words_of(one: ShownEnvironment) -> str:
    """`applied`, `2 commits behind`, ..."""
    if one.standing is Standing.BEHIND and one.behind:
        return f"{one.behind} commit{'' if one.behind == 1 else 's'} behind"
    if one.standing is Standing.APPLIED and one.drift:
        return f"{one.standing.value}, {one.drift.objects} drifted"
    return one.standing.value


def to_data(one: ShownEnvironment) -> dict[str, Any]:
    """For `-o json|yaml`."""
    environment, hold = one.environment, one.hold
    return {
        "name": environment.name,
        "label": environment.label,
        "kind": environment.kind.value,
        "promotionStrategy": environment.strategy.value,
        "namespace": environment.namespace,
        "order": environment.order,
        "remoteCluster": environment.is_remote,
        "cluster": environment.cluster,
        "source": {"url": environment.repo.url if environment.repo else "", "ref": environment.branch},
        "head": one.head,
        "applied": one.applied,
        "status": one.standing.value,
        "behind": one.behind,
        "hold": _hold_to_data(hold) if hold else None,
        "drifted": one.drift.objects if one.drift else 0,
        "openPullRequests": [pull.url for pull in one.open_pulls],
    }


def _hold_to_data(hold: Hold) -> dict[str, Any]:
    return {
        "by": hold.by,
        "reason": hold.reason,
        "since": hold.since.isoformat(),
        "until": hold.until.isoformat() if hold.until else None,
        "kind": hold.kind,
    }
