"""What the rules of a protected branch mean: who may push, what a merge still needs, and what its commit says. Pure."""

from __future__ import annotations

from collections.abc import Collection

from jx.domain.changes import Check, CheckState, PullRequest
from jx.domain.commands import earlier_approvals, list_approvals
from jx.domain.errors import Refused
from jx.domain.names import Person
from jx.ports.forge import Protection


def approvers(pull: PullRequest, *, written_by: str = "") -> tuple[Person, ...]:
    """Who approved the very head of a pull request, by review or by comment, in order and each once. Not counted: the requester,
    whoever may not write here, and whose email is that of who wrote the head."""
    return tuple(
        one.author
        for one in list_approvals(pull)
        if one.may_write and one.author.login != pull.author.login and not _is(one.author, written_by)
    )


def _is(person: Person, email: str) -> bool:
    return bool(email) and person.email.lower() == email.lower()


def list_missing(
    pull: PullRequest, protection: Protection | None, *, written_by: str = ""
) -> tuple[str, ...]:
    """Everything that a pull request still needs before its branch's rules let it in."""
    if protection is None:
        return ()
    missing = []
    given = len(approvers(pull, written_by=written_by))
    if given < protection.approvals:
        stale = len(earlier_approvals(pull))
        words = f"{given} of {protection.approvals} approvals of {pull.head[:7]}"
        missing.append(words + (f" ({stale} were given to an earlier commit)" if stale else ""))
    by_context = {check.context: check for check in pull.checks}
    for context in protection.required_checks:
        missing += _missing_check(context, by_context.get(context))
    return tuple(missing)


def _missing_check(context: str, check: Check | None) -> list[str]:
    if check is None:
        return [f"check {context} has not reported"]
    if check.state is CheckState.SUCCESS:
        return []
    about = f": {check.description}" if check.description else ""
    return [f"check {context} is {check.state.value}{about}"]


def refuse_merge(pull: PullRequest, missing: Collection[str]) -> Refused:
    """The refusal that names everything at once."""
    return Refused(
        f"#{pull.number} of {pull.repo.full_name} cannot be merged into {pull.base_branch}: {'; '.join(missing)}",
        hint=f"see {pull.url}",
    )


def merge_message(pull: PullRequest, *, method: str, written_by: str = "") -> str:
    """The message of a merge commit (`merge`) or of the one commit that stands for all (`squash`), with trailers that say who."""
    title = " ".join(pull.title.split())
    first = (
        f"{title} (#{pull.number})"
        if method == "squash"
        else f"Merge pull request #{pull.number} from {pull.head_branch}\n\n{title}"
    )
    trailers = [f"Jx-Requested-By: {pull.author}"]
    trailers += [f"Jx-Approved-By: {person}" for person in approvers(pull, written_by=written_by)]
    trailers.append(f"Jx-Pull-Request: {pull.url}")
    return first + "\n\n" + "\n".join(trailers) + "\n"


def why_not_push(protection: Protection | None, login: str) -> str:
    """Why somebody may not push to a branch; empty where they may."""
    if protection is None or protection.pushers is None or login in protection.pushers:
        return ""
    if not protection.pushers:
        return "protected branch: changes come by pull request"
    return f"protected branch: only {', '.join(protection.pushers)} may push to it"
