"""Holds: when automatic applies of an environment stop, and when they go on.

A person's hold (`jx hold`) stops all automatic applies until `jx resume`, or until the time that it names. A rescue hold is set
by an apply by hand of files that are not the branch's head: without it the returning controller would apply the very change
that was just undone. It names the head as the skipped commit, and remembers what the hand undid: how its files differ from
those of the commit that was applied last, hunk by hunk (the lines that were applied, and the lines that stand there now). It
ends

- when the branch's head has exactly the files that were applied by hand (the local revert was pushed), or
- when none of the undone lines is left in the head: they were reverted, or replaced by something else, on top of whatever was
  merged meanwhile. A merge that waited is then applied with it; it was never applied before, so it is not what broke.

A newer commit that still holds what was undone stays held, however much else it changes: applying it would break the platform
again. When the branch could not be read during the rescue, the hunks are unknown, and only the first rule or `jx resume` ends it.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from jx.domain.applying.applying import Hold, UndoneHunk
from jx.domain.errors import Held, Usage
from jx.domain.names import Revision
from jx.domain.trees import Tree

RESCUE = "rescue"
PERSON = "person"


def undone_hunks(skipped: Tree, applied: Tree) -> tuple[UndoneHunk, ...]:
    """How the tree applied by hand differs from the one that is skipped."""
    paths = sorted({*skipped.files, *applied.files})
    changed = [path for path in paths if skipped.files.get(path) != applied.files.get(path)]
    return tuple(hunk for path in changed for hunk in _hunks_of(path, skipped, applied))


def find_blocking(
    holds: tuple[Hold, ...], *, head: Revision | None, tree: Tree, now: datetime | None = None
) -> Hold | None:
    """The hold that keeps the controller from applying this commit."""
    return next((hold for hold in holds if not is_over(hold, head=head, tree=tree, now=now)), None)


def is_over(hold: Hold, *, head: Revision | None, tree: Tree, now: datetime | None = None) -> bool:
    """Whether a hold has nothing against this commit any more."""
    if hold.kind == PERSON:
        return has_ended(hold, now)
    if hold.applied_tree and tree.digest == hold.applied_tree:
        return True
    if hold.skips is None or hold.skips == head or not hold.undoes:
        return False
    return all(_is_undone(hunk, _lines(tree, hunk.path)) for hunk in hold.undoes)


def has_ended(hold: Hold, now: datetime | None) -> bool:
    """Whether the time that a hold names has come; holds that name none do not end by themselves."""
    return hold.until is not None and now is not None and hold.until <= now


def in_words(hold: Hold) -> str:
    """`on hold by Ann Lee since 2026-03-01 10:00 UTC until 18:00: a release`, for tables and pull requests."""
    until = ""
    if hold.until:
        form = "%H:%M" if hold.until.date() == hold.since.date() else "%Y-%m-%d %H:%M"
        until = f" until {hold.until:{form}}"
    return f"on hold by {hold.by} since {hold.since:%Y-%m-%d %H:%M} UTC{until}: {hold.reason}"


def parse_until(text: str, now: datetime) -> datetime:
    """When a hold ends: `30m`, `2h`, `3d` from now, a time of day (UTC) that comes next, a day, or a day and time. Usage."""
    spans = {"m": "minutes", "h": "hours", "d": "days"}
    hint = "30m, 2h, 3d, 18:00, 2026-03-31 or 2026-03-31T18:00 (UTC)"
    if text[:-1].isdigit() and text[-1] in spans:
        return now + timedelta(**{spans[text[-1]]: int(text[:-1])})
    try:
        if len(text) == 5 and text[2] == ":":
            moment = datetime.combine(now.date(), time.fromisoformat(text), UTC)
            return moment if moment > now else moment + timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Usage(f"--until: {text!r} is no time", hint=hint) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment <= now:
        raise Usage(f"--until: {text} has passed", hint=hint)
    return moment


def refusal(hold: Hold, environment: str) -> Held:
    """What a controller is told."""
    if hold.kind == PERSON:
        return Held(
            f"environment {environment} is {in_words(hold)}",
            hint=f"`jx resume {environment}` ends the hold",
        )
    skipped = f" of {hold.skips[:12]}" if hold.skips else ""
    return Held(
        f"environment {environment} was rescued by {hold.by} at {hold.since:%Y-%m-%d %H:%M} UTC ({hold.reason}), and the branch"
        f" still holds the changes{skipped} that were undone",
        hint=f"push the revert, or `jx resume {environment}`",
    )


def _hunks_of(path: str, skipped: Tree, applied: Tree) -> list[UndoneHunk]:
    old, new = _lines(skipped, path), _lines(applied, path)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [
        UndoneHunk(
            path,
            before=tuple(old[max(0, i1 - 1) : i1]),
            skipped=tuple(old[i1:i2]),
            applied=tuple(new[j1:j2]),
            after=tuple(old[i2 : i2 + 1]),
        )
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def _is_undone(hunk: UndoneHunk, lines: Sequence[str]) -> bool:
    has_applied = _contains(lines, (*hunk.before, *hunk.applied, *hunk.after))
    skipped = (*hunk.before, *hunk.skipped, *hunk.after)
    has_skipped = bool(skipped) and _contains(lines, skipped)
    if has_applied and not has_skipped:
        return True
    return bool(hunk.skipped) and not _contains(lines, hunk.skipped)


def _contains(lines: Sequence[str], block: Sequence[str]) -> bool:
    width = len(block)
    return any(tuple(lines[at : at + width]) == tuple(block) for at in range(len(lines) - width + 1))


def _lines(tree: Tree, path: str) -> list[str]:
    blob = tree.files.get(path)
    return blob.data.decode("utf-8", "backslashreplace").splitlines() if blob else []
