"""Reverts, for people and programs."""

from __future__ import annotations

from typing import Any

from jx.cli import output
from jx.domain.applying.plan_text import TABLE_HEADER, table_rows, totals
from jx.domain.environments.edits import edit_to_json
from jx.domain.objects.manifests import ObjectRef
from jx.usecases.history.preview_revert import counts
from jx.usecases.history.revert_change import RevertReport

_SHOWN = 10


def show_preview(report: RevertReport) -> None:
    """What is taken back, what that does to the cluster, and what to mind."""
    found, looked = report.found, report.preview
    output.say(f"Takes back from {report.environment.name}:")
    for one in found.commits[:_SHOWN]:
        output.say(f"  {one.revision[:12]} {one.committed:%Y-%m-%d %H:%M} {one.author.name}: {one.subject}")
    if len(found.commits) > _SHOWN:
        output.say(f"  and {len(found.commits) - _SHOWN} more")
    if looked.planned:
        plan = looked.planned.plan
        if plan.has_changes:
            output.say()
            output.table(TABLE_HEADER, table_rows(plan))
        output.say(f"\n{totals(plan)}")
    _list("Goes back", looked.downgrades)
    _list("Data at stake", looked.data)
    _list("Kinds", looked.schemas)
    _list("Runs again", looked.hooks)
    _list("Secrets", looked.secrets)
    _list("Further on", looked.above)
    _list(
        "Later changes of the same apps, made with what is taken back in place",
        tuple(f"{one.revision[:12]} {one.author.name}: {one.subject}" for one in found.later[:_SHOWN]),
    )
    for note in looked.notes:
        output.hint(note)
    for refusal in looked.planned.refusals if looked.planned else ():
        output.show_error(refusal)


def _list(title: str, lines: tuple[str, ...]) -> None:
    if lines:
        output.say(f"\n{title}:")
        for line in lines:
            output.say(f"  {line}")


def to_data(report: RevertReport) -> dict[str, Any]:
    """For `-o json|yaml`."""
    found, looked = report.found, report.preview
    edit = found.reverted.edit
    return {
        "environment": report.environment.name,
        "commits": [
            {"commit": one.revision, "author": str(one.author), "subject": one.subject}
            for one in found.commits
        ],
        "edit": edit_to_json(edit) if edit else None,
        "objects": {word: list(map(_ref, refs)) for word, refs in counts(looked.planned).items()}
        if looked.planned
        else None,
        "downgrades": list(looked.downgrades),
        "data": list(looked.data),
        "schemas": list(looked.schemas),
        "hooks": list(looked.hooks),
        "secrets": list(looked.secrets),
        "above": list(looked.above),
        "later": [
            {"commit": one.revision, "author": str(one.author), "subject": one.subject} for one in found.later
        ],
        "refusals": [one.message for one in looked.planned.refusals] if looked.planned else [],
        "notes": list(looked.notes),
        "pullRequest": report.pull.url if report.pull else None,
    }


def _ref(ref: ObjectRef) -> dict[str, str]:
    return {"group": ref.group, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
