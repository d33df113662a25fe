"""Verifying a pull request from a clone or a pipeline: which one is meant, and its verdict as text and as a document."""

from __future__ import annotations

import re
from typing import Any

from jx.cli import exit_codes, output
from jx.cli.session import Session
from jx.domain.changes.changes import Check, CheckState, PullRequest
from jx.domain.environments.environments import Environment
from jx.domain.environments.guards import SeveralRefusals
from jx.domain.errors import Forbidden, Invalid, NotFound, Usage
from jx.domain.events import Event, Level
from jx.ports.folders import Folder
from jx.usecases.reviewing.check_change import COMMENT_KEY, CONTEXT, CheckChange, Verdict

_FENCE = re.compile(r"`{4,}(?:diff)?\n?", re.MULTILINE)
_FOLD = re.compile(r"</?details>(?:<summary>.*?</summary>)?\n*")


def find_change(session: Session, path: str, number: str) -> tuple[Environment, PullRequest]:
    """The environment whose clone a folder is in, and its pull request: of that number, of the run, or of the branch."""
    folder = session.wiring.folders.read(path)
    if folder.origin is None:
        raise Usage(f"{folder.path} is no clone of an environment's repository", hint="name one with --dir")
    known = session.wiring.environments()
    environment = next((one for one in known if one.repo and one.repo.is_same(folder.origin)), None)
    if environment is None or environment.repo is None:
        raise NotFound(
            f"{folder.origin.url} is no repository of this platform", hint="environments: jx get env"
        )
    wanted = (number or session.settings.pull_number).lstrip("#")
    if wanted and not wanted.isdigit():
        raise Usage(f"{wanted!r} is not the number of a pull request")
    forge = session.wiring.forge
    pull = forge.observe(
        environment.repo, int(wanted) if wanted else _number_of(session, environment, folder)
    )
    if folder.head not in (None, pull.head) and not session.settings.pull_number:
        text = (
            f"checked is {pull.head_branch} as it was pushed ({pull.head[:12]}), not what is in {folder.path}"
        )
        session.reporter.tell(Event(text, Level.WARNING))
    return environment, pull


def _number_of(session: Session, environment: Environment, folder: Folder) -> int:
    assert environment.repo is not None
    for pull in session.wiring.forge.list_pulls(environment.repo):
        if folder.branch == pull.head_branch or folder.head == pull.head:
            return pull.number
    raise NotFound(
        f"no open pull request of {environment.repo.full_name} is for branch {folder.branch or folder.head}",
        hint="push the branch and open one, or name its number; they are listed by jx pr list",
    )


def tell(session: Session, check: CheckChange, verdict: Verdict) -> bool:
    """Put it on the pull request; False, and a warning, where somebody else does that, or the right to is missing."""
    us = session.wiring.forge.whoami().login
    others = [one.author.login for one in verdict.pull.comments if one.key == COMMENT_KEY]
    if any(login != us for login in others):
        return _only_print(session, f"{others[0]} tells it on pull request #{verdict.pull.number}")
    try:
        # The status first, since it tells whether we may: a comment beside a status that is somebody else's would stay for ever.
        begun = Check(CONTEXT, CheckState.PENDING, "is being told")
        session.wiring.forge.set_status(verdict.pull.repo, verdict.pull.head, begun)
        check.tell(verdict)
    except Forbidden as error:
        return _only_print(session, error.message)
    return True


def _only_print(session: Session, why: str) -> bool:
    session.reporter.tell(Event(f"it is only printed: {why}", Level.WARNING))
    return False


def show(verdict: Verdict) -> int:
    """Print it, errors as ever; the exit code."""
    if verdict.error:
        output.show_error(verdict.error)
        return exit_codes.code_of(verdict.error)
    output.say(plain_text(verdict.comment))
    refusals = verdict.planned.planned.refusals if verdict.planned else ()
    if refusals:
        output.show_error(refusals[0] if len(refusals) == 1 else SeveralRefusals(refusals))
    return code_of(verdict)


def code_of(verdict: Verdict) -> int:
    """As that of an apply of the same files."""
    if verdict.error:
        return exit_codes.code_of(verdict.error)
    return exit_codes.REFUSED if verdict.planned and verdict.planned.planned.refusals else exit_codes.DONE


def plain_text(comment: str) -> str:
    """A comment for a terminal or a log: without folds and fences."""
    return re.sub(r"\n{3,}", "\n\n", _FENCE.sub("", _FOLD.sub("", comment))).strip()


def to_data(verdict: Verdict, *, is_told: bool) -> dict[str, Any]:
    """For `-o json|yaml`."""
    plan = verdict.planned.planned.plan if verdict.planned else None
    error, refusals = verdict.error, verdict.planned.planned.refusals if verdict.planned else ()
    return {
        "pullRequest": verdict.pull.number,
        "url": verdict.pull.url,
        "head": verdict.pull.head,
        "context": verdict.check.context,
        "state": verdict.check.state.value,
        "description": verdict.check.description,
        "plan": plan.digest if plan else None,
        "changes": [
            {
                "action": step.action.value,
                "kind": step.ref.kind,
                "group": step.ref.group,
                "namespace": step.ref.namespace,
                "name": step.ref.name,
            }
            for step in (plan.changes if plan else ())
        ],
        "refusals": [{"message": one.message, "hint": one.hint, "flag": one.flag} for one in refusals],
        "error": {"message": error.message, "hint": error.hint} if error else None,
        "problems": [
            {"file": one.where, "line": one.line, "what": one.what}
            for one in (error.problems if isinstance(error, Invalid) else ())
        ],
        "comment": verdict.comment,
        "told": is_told,
    }
