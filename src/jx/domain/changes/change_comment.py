"""The comment on a pull request: what its merge would do to the cluster, gravest first, as far as a forge takes it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from jx.domain.applying.applying import Action, ApplyPlan, LiveObject, Step
from jx.domain.applying.plan_text import VersionMove, totals
from jx.domain.changes.change_warnings import find_warnings
from jx.domain.charts.apps import app_of
from jx.domain.errors import Invalid, JxError, Refused
from jx.domain.ledger.diffing import diff_hook, diff_step
from jx.domain.objects.manifests import Body, ChartPin, ObjectRef
from jx.domain.objects.membership import labels_of

LONGEST = 65_000
"""Characters of a comment: forges take 65,536, and its hidden mark needs some."""
_LONGEST_DIFF = 16_000
"""Of one object, so that one definition of a kind does not hide everything else."""
_LONGEST_HEAD = 30_000
_COLUMNS = (
    ("create", frozenset({Action.CREATE})),
    ("change", frozenset({Action.UPDATE, Action.TAKE_OVER})),
    ("replace", frozenset({Action.REPLACE})),
    ("delete", frozenset({Action.PRUNE})),
)
_OWN = "*the environment's own*"
_GONE = "*no longer rendered*"


@dataclass(frozen=True, slots=True)
class Told:
    """All that a comment tells."""

    plan: ApplyPlan
    live: Mapping[ObjectRef, LiveObject] = field(default_factory=dict, hash=False, repr=False)
    refusals: tuple[Refused, ...] = ()
    versions: tuple[VersionMove, ...] = ()
    installed: tuple[ChartPin, ...] = ()
    """The charts of the last apply, to tell whose an object was that goes."""
    protected: frozenset[str] = frozenset()
    """Further kinds that hold data."""
    sent: Mapping[ObjectRef, Body] = field(default_factory=dict, hash=False, repr=False)
    """What objects were last sent as, where that is known and still there."""
    words: tuple[str, ...] = ()
    """What changes besides, a line each."""
    notes: tuple[str, ...] = ()
    number: int = 0
    """Of the pull request; so is `url`."""
    url: str = ""


def write_comment(told: Told) -> str:
    """Warnings, then a row per app, then what changes besides, the plan's digest, and each object's diff, folded."""
    plan = told.plan
    head = [f"### Plan: {totals(plan)}"]
    head += [_quoted("Note", note) for note in told.notes]
    head += [_quoted("Refused", refusal.message) for refusal in told.refusals]
    warnings = find_warnings(plan, told.live, told.protected, told.sent)
    head += [f"> **{what}:** {which}" for what, which in warnings]
    if plan.hooks:
        head.append(f"> **Runs:** {'; '.join(f'`{hook.ref}` ({hook.phase})' for hook in plan.hooks[:20])}")
    head.append("\n".join(_table(told)))
    head.append("\n".join(f"- {line}" for line in told.words))
    foot = f"Plan `{plan.digest}` for namespace `{plan.namespace}`.\n"
    text = _cut("\n\n".join(part for part in head if part), _LONGEST_HEAD)
    return _with_diffs(f"{text}\n\n{foot}", told)


def write_failure(error: JxError) -> str:
    """The comment where there is no plan: why, every mistake with its place, and what to do."""
    problems = "".join(f"\n- {problem}" for problem in error.problems) if isinstance(error, Invalid) else ""
    hint = f"\n\n{error.hint}" if error.hint else ""
    return f"### This cannot be applied\n\n{_cut(f'{error.message}{problems}', LONGEST - 2_000)}{hint}\n"


def _quoted(title: str, text: str) -> str:
    return f"> **{title}:** " + text.strip().replace("\n", "\n> ")


def _cut(text: str, length: int) -> str:
    """Whole lines of it."""
    if len(text) <= length:
        return text
    kept = text[:length].rpartition("\n")[0] or text[:length]
    return f"{kept}\n\n… cut here"


def _table(told: Told) -> list[str]:
    """A row for each app with objects that change or a version that moves; the environment's own last."""
    moves = {move.app: move for move in told.versions}
    pins = {pin.key: pin.version for pin in told.plan.charts}
    counts: dict[str, dict[str, int]] = {app: {} for app in moves}
    for step in told.plan.changes:
        of = counts.setdefault(_app_of(step, told), {})
        column = next(name for name, actions in _COLUMNS if step.action in actions)
        of[column] = of.get(column, 0) + 1
    if not counts:
        return []
    names = [name for name, _ in _COLUMNS]
    lines = [f"| app | version | {' | '.join(names)} |", f"| --- | --- |{' --: |' * len(names)}"]
    for app in sorted(counts, key=lambda one: (one in {_OWN, _GONE}, one)):
        move = moves.get(app)
        version = (
            f"{move.before or 'not installed'} → {move.after or 'removed'}" if move else pins.get(app, "")
        )
        cells = [str(counts[app].get(name) or "") for name in names]
        lines.append(f"| {app} | {version} | {' | '.join(cells)} |")
    return lines


def _app_of(step: Step, told: Told) -> str:
    """By the template that it comes from; of what goes, by the label of its chart, where only one app is of that."""
    if step.manifest:
        return app_of(step.manifest.source, (pin.key for pin in told.plan.charts)) or _OWN
    live = told.live.get(step.ref)
    labels = labels_of(live.body) if live else {}
    chart = str(labels.get("helm.sh/chart") or labels.get("chart") or "")
    keys = {pin.key for pin in told.installed if chart == f"{pin.name}-{pin.version}".replace("+", "_")}
    return keys.pop() if len(keys) == 1 else _GONE


def _with_diffs(text: str, told: Told) -> str:
    hooks = ((f"run {hook.ref} ({hook.phase} hook)", diff_hook(hook)) for hook in told.plan.hooks)
    steps = (
        (f"{step.action} {step.ref}", diff_step(step, told.live.get(step.ref), told.sent.get(step.ref)))
        for step in told.plan.changes
    )
    total = len(told.plan.hooks) + len(told.plan.changes)
    for number, (title, lines) in enumerate(chain(hooks, steps)):
        part = _folded(title, lines)
        if len(text) + len(part) > LONGEST - 1_000:
            return f"{text}\n… cut here, {_many(total - number)} not shown. {_elsewhere(told)}\n"
        text += part
    return text


def _many(count: int) -> str:
    return f"{count} object{'' if count == 1 else 's'}"


def _elsewhere(told: Told) -> str:
    place = f" of [this pull request]({told.url})" if told.url else ""
    return f"The whole diff{place}: `jx pr diff {told.number or 'NUMBER'} --env {told.plan.environment}`"


def _folded(title: str, lines: str) -> str:
    if len(lines) > _LONGEST_DIFF:
        lines = lines[:_LONGEST_DIFF].rpartition("\n")[0] + "\n… cut here; the whole of it: jx pr diff\n"
    fence = "`" * max(4, *(len(run) + 1 for run in _runs(lines)))
    summary = html.escape(title, quote=False)
    return f"\n<details><summary>{summary}</summary>\n\n{fence}diff\n{lines}{fence}\n</details>\n"


def _runs(text: str) -> Iterable[str]:
    """Backticks within a text: the fence around it has to be longer than any."""
    return re.findall(r"`+", text) or [""]
