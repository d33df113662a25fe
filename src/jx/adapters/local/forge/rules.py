"""What the rules of a protected branch mean: who may push, what a merge still needs, and what its commit says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jx.domain.changes.changes import CHECKED_ON, Check, CheckState, PullRequest
from jx.domain.changes.commands import earlier_approvals, list_approvals
from jx.domain.errors import Forbidden, Refused
from jx.domain.names import Person
from jx.ports.forge import MergeRequest, Protection

_LONGEST_REASON = 300


def is_own(
    pull: PullRequest, person: Person, protection: Protection | None = None, *, written_by: str = ""
) -> bool:
    """Whether it is somebody's own change: who opened it, and who pushed to it. What its head says of its author (`written_by`,
    an email) counts where the platform pushed it, which says there whose change it made, and where nobody knows who did."""
    pushers = {one.login for one in pull.pushed_by}
    if person.login == pull.author.login or person.login in pushers:
        return True
    machines = set(protection.reporters or ()) if protection else set()
    is_told = not pushers or bool(pushers & machines)
    return is_told and bool(written_by) and person.email.lower() == written_by.lower()


def approvers(
    pull: PullRequest, protection: Protection | None = None, *, written_by: str = ""
) -> tuple[Person, ...]:
    """Who approved the very head of a pull request, by review or by comment, in order and each once. Not counted: whose own
    change it is, and whoever may not write here."""
    return tuple(
        one.author
        for one in list_approvals(pull)
        if one.may_write and not is_own(pull, one.author, protection, written_by=written_by)
    )


@dataclass(frozen=True, slots=True)
class Lack:
    """What a merge still needs, and the command by which somebody gives it or sees why it is not there; may be empty."""

    what: str
    command: str = ""

    def __str__(self) -> str:
        return self.what


def list_missing(
    pull: PullRequest, protection: Protection | None, *, written_by: str = ""
) -> tuple[Lack, ...]:
    """Everything that a pull request still needs before its branch's rules let it in."""
    if protection is None:
        return ()
    missing = []
    given = len(approvers(pull, protection, written_by=written_by))
    if given < protection.approvals:
        stale = len(earlier_approvals(pull))
        words = f"{given} of {protection.approvals} approvals of {pull.head[:7]}"
        words += f" ({stale} were given to an earlier commit)" if stale else ""
        missing.append(Lack(words, f"jx pr approve {pull.url}"))
    by_context = {check.context: check for check in pull.checks}
    for context in protection.required_checks:
        missing += _missing_check(pull, context, by_context.get(context))
    return tuple(missing)


def _missing_check(pull: PullRequest, context: str, check: Check | None) -> list[Lack]:
    if check is None:
        return [Lack(f"check {context} has not reported", f"jx pr view {pull.url}")]
    if check.state is CheckState.SUCCESS:
        return []
    about = f": {check.description}" if check.description else ""
    return [Lack(f"check {context} is {check.state.value}{about}", _command_for(pull, context))]


def _command_for(pull: PullRequest, context: str) -> str:
    match context:
        case "jx/approval":
            return f"jx pr approve {pull.url}"
        case "jx/check":
            return f"jx get build logs {pull.repo.full_name}/PR-{pull.number}"
        case _:
            return f"jx pr view {pull.url}"


def refuse_merge(pull: PullRequest, missing: Sequence[Lack], *, may_override: bool = False) -> Refused:
    """The refusal that names everything at once, and what gives it."""
    commands = dict.fromkeys(one.command for one in missing if one.command)
    hint = "; ".join(commands) or f"see {pull.url}"
    if may_override and commands:
        hint += f"; without it, as the owner: jx pr merge {pull.url} --override REASON"
    return Refused(
        f"#{pull.number} of {pull.repo.full_name} cannot be merged into {pull.base_branch}:"
        f" {'; '.join(map(str, missing))}",
        hint=hint,
    )


def require(pull: PullRequest, missing: Sequence[Lack], request: MergeRequest, *, is_admin: bool) -> None:
    """Refused with what is missing; Forbidden where somebody else than who looks after the repository would go over that."""
    if not missing:
        return
    if not request.override.strip():
        raise refuse_merge(pull, missing, may_override=is_admin)
    if not is_admin:
        raise Forbidden(
            f"only who looks after {pull.repo.full_name} may merge what its rules do not let in",
            hint=refuse_merge(pull, missing).message,
        )


def override_note(request: MergeRequest, missing: Sequence[Lack]) -> str:
    """What is kept of a merge against the rules; empty where nothing was missing."""
    why = " ".join(request.override.split())[:_LONGEST_REASON]
    return f"{why} (missing: {'; '.join(' '.join(str(one).split()) for one in missing)})" if missing else ""


def merge_message(
    pull: PullRequest, request: MergeRequest, *, approved_by: Sequence[Person] = (), overridden: str = ""
) -> str:
    """The message of a merge commit (`merge`) or of the one commit that stands for all (`squash`), with trailers that say who,
    and which commit of the base it was held to."""
    title = " ".join(pull.title.split())
    first = (
        f"{title} (#{pull.number})"
        if request.method == "squash"
        else f"Merge pull request #{pull.number} from {pull.head_branch}\n\n{title}"
    )
    trailers = [f"Jx-Requested-By: {pull.author}"]
    trailers += [f"Jx-Approved-By: {person}" for person in approved_by]
    trailers += [f"Jx-Override: {overridden}"] if overridden else []
    trailers += [f"{CHECKED_ON}: {request.base}"] if request.base else []
    trailers.append(f"Jx-Pull-Request: {pull.url}")
    return first + "\n\n" + "\n".join(trailers) + "\n"


def why_not_push(protection: Protection | None, login: str) -> str:
    """Why somebody may not push to a branch; empty where they may."""
    if protection is None or protection.pushers is None or login in protection.pushers:
        return ""
    if not protection.pushers:
        return "protected branch: changes come by pull request"
    return f"protected branch: only {', '.join(protection.pushers)} may push to it"
