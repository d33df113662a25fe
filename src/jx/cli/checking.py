"""Checking a pull request in its run: what was cloned, as the log of the run and as a document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from jx.cli import exit_codes, output
from jx.cli.session import Session
from jx.config.settings import Settings
from jx.domain.errors import Invalid, Usage
from jx.domain.names import parse_environment_name, parse_revision

if TYPE_CHECKING:
    from jx.usecases.reviewing.check_files import Finding

_LONGEST = 2_000
"""Lines of diffs in a log; `jx pr diff` shows all."""


def is_in_run(settings: Settings) -> bool:
    """Whether this is a step of a pull request's check: it has a clone of what the merge would give, and no login to anything."""
    return (
        bool(settings.pipeline_run and settings.pull_number and settings.pull_base) and not settings.git_token
    )


def check_clone(session: Session, path: str, form: str | None) -> int:
    """Check what the run cloned; the exit code. The base is the commit that the run was started for, never a branch's head."""
    from jx.usecases.reviewing.check_files import FilesRequest

    settings, folder = session.settings, session.wiring.folders.read(path)
    if folder.origin is None or folder.head is None:
        raise Usage(f"{folder.path} is no clone", hint="a check looks at what its run has cloned")
    base, histories = parse_revision(settings.pull_base), session.wiring.histories(folder.path)
    name = parse_environment_name(settings.environment) if settings.environment else None
    before, after = histories.read(folder.origin, base), histories.read(folder.origin, folder.head)
    findings = session.wiring.check_files()(FilesRequest(before, after, name))
    if form:
        found = tuple(findings)
        output.document([_to_data(one) for one in found], form)
        return _code_of(found)
    output.say(f"pull request #{settings.pull_number} of {folder.origin.full_name}, merged onto {base[:12]}")
    return _show(findings)


def _show(findings: Iterable[Finding]) -> int:
    """Each as it is made."""
    found = []
    for one in findings:
        found.append(one)
        for line in _lines(one):
            output.say(line)
    bad = [one.what for one in found if one.error]
    if bad:
        output.say(f"\nIt cannot be merged so: {', '.join(bad)}.")
    else:
        output.say(
            "\nNothing stands against it here. What it does to the cluster is told by the check jx/plan."
        )
    return _code_of(found)


def _lines(finding: Finding) -> Iterable[str]:
    if finding.error is None:
        state = "left out" if finding.is_left_out else "ok"
        yield f"{state:<9} {finding.what}: {finding.words}"
        yield from _diffs(finding)
        return
    yield f"{'FAILED':<9} {finding.what}: {finding.error.message}"
    if isinstance(finding.error, Invalid):
        yield from (f"          {problem}" for problem in finding.error.problems)
    if finding.error.hint:
        yield from (f"          hint: {line}" for line in finding.error.hint.splitlines())


def _diffs(finding: Finding) -> Iterable[str]:
    for one in finding.changes:
        yield f"          {one.verb.value} {one.ref}"
    lines = [
        line
        for one in finding.changes
        for line in (f"\n# {one.verb.value}: {one.ref}", *one.diff().splitlines())
    ]
    yield from lines[:_LONGEST]
    if len(lines) > _LONGEST:
        yield f"\n… and {len(lines) - _LONGEST} lines more: jx pr diff"


def _code_of(findings: Iterable[Finding]) -> int:
    codes = [exit_codes.code_of(one.error) for one in findings if one.error]
    return codes[0] if codes else exit_codes.DONE


def _to_data(finding: Finding) -> dict[str, Any]:
    error = finding.error
    return {
        "check": finding.what,
        "state": "failed" if error else "left out" if finding.is_left_out else "ok",
        "words": error.message if error else finding.words,
        "problems": [
            {"file": one.where, "line": one.line, "what": one.what}
            for one in (error.problems if isinstance(error, Invalid) else ())
        ],
        "changes": [{"action": one.verb.value, "object": str(one.ref)} for one in finding.changes],
    }
