"""Commands in comments: lines like `/approve`, with who said them about which commit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from jx.domain.changes.changes import Comment, PullRequest
from jx.domain.names import Person, Revision


class Verb(StrEnum):
    """What can be said."""

    APPROVE = "approve"
    LGTM = "lgtm"
    HOLD = "hold"
    TEST = "test"
    RETEST = "retest"
    CANCEL = "cancel"
    REBASE = "rebase"
    OK_TO_TEST = "ok-to-test"


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a comment. `takes_back`: it ends what the same word began (`/hold cancel`)."""

    verb: Verb
    argument: str
    comment: Comment

    @property
    def author(self) -> Person:
        return self.comment.author

    @property
    def takes_back(self) -> bool:
        return self.argument.lower() == "cancel" and self.verb in _TAKEN_BACK

    @property
    def is_edited(self) -> bool:
        """Whether the comment says something else than it first did: then nobody knows about which commit."""
        return self.comment.is_edited


_TAKEN_BACK = frozenset({Verb.APPROVE, Verb.LGTM, Verb.HOLD})
_ALONE = frozenset({Verb.APPROVE, Verb.LGTM, Verb.CANCEL, Verb.REBASE})
"""Words that mean nothing with others behind them, but for `cancel`."""
_LONGEST = 65_536
_LINE = re.compile(r"/([A-Za-z-]+)(?:[ \t]+(\S.*))?")
_FENCE = re.compile(r" {0,3}(?:[-*+>] *)*(`{3,}|~{3,})(.*)")
_QUOTE = re.compile(r" {0,3}>")
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(pre|code|script|style)\b.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE
)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n[ \t]*\n).)*?)(?<!`)\1(?!`)", re.DOTALL)


def list_commands(comments: Iterable[Comment]) -> tuple[Command, ...]:
    """All commands, in the order in which they were said."""
    return tuple(command for comment in comments for command in _parse(comment))


def _parse(comment: Comment) -> Iterator[Command]:
    if len(comment.body) > _LONGEST:
        return
    for line in _spoken_lines(comment.body.replace("\r\n", "\n")):
        found = _LINE.fullmatch(line.rstrip())
        word = found[1].lower() if found else ""
        if found is None or word not in {verb.value for verb in Verb}:
            continue
        verb, argument = Verb(word), found[2] or ""
        is_cancel = argument.lower() == "cancel" and verb in _TAKEN_BACK
        if not argument or is_cancel or verb not in _ALONE:
            yield Command(verb, argument, comment)


def _spoken_lines(body: str) -> list[str]:
    """Lines that their author says himself: none of a code block, of a quote, or that is not seen."""
    text = _blank(_SPAN, _blank(_HIDDEN, "\n".join(_outside_of_fences(body))))
    spoken, is_quote = [], False
    for line in text.split("\n"):
        is_quote = bool(_QUOTE.match(line)) or (is_quote and bool(line.strip()))
        spoken.append("" if is_quote else line)
    return spoken


def _outside_of_fences(body: str) -> Iterator[str]:
    fence = ""
    for line in body.split("\n"):
        found = _FENCE.fullmatch(line)
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
            yield ""
        elif found and not (found[1][0] == "`" and "`" in found[2]):
            fence = found[1]
            yield ""
        else:
            yield line


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def standing(
    pull: PullRequest, verb: Verb, able: Callable[[Command], bool] = lambda _: True
) -> tuple[Command, ...]:
    """Those commands of a word that somebody able said about the head, and did not take back: each person's newest."""
    found: dict[str, Command] = {}
    for command in list_commands(pull.comments):
        if command.verb is not verb or command.is_edited or not able(command):
            continue
        found.pop(command.author.login, None)
        if not command.takes_back and command.comment.revision == pull.head:
            found[command.author.login] = command
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's word on the very head. `may_write`: whether they may write to the repository, as the forge says."""

    author: Person
    may_write: bool


def list_approvals(pull: PullRequest) -> tuple[Approval, ...]:
    """Whoever approved the head by review or by comment, in order and each once; whether that counts is not asked here.

    Somebody who takes an approval of the head back takes back the review of it as well, since a review tells no time.
    """
    commands = list_commands(pull.comments)
    taken = {
        one.author.login
        for one in commands
        if one.verb is Verb.APPROVE
        and one.takes_back
        and not one.is_edited
        and one.comment.revision == pull.head
    }
    found = {
        review.author.login: Approval(review.author, review.may_write)
        for review in pull.reviews
        if review.approves and review.revision == pull.head and review.author.login not in taken
    }
    for one in standing(pull, Verb.APPROVE):
        found.setdefault(one.author.login, Approval(one.author, one.comment.may_write))
    return tuple(found.values())


def earlier_approvals(pull: PullRequest) -> tuple[tuple[Person, Revision], ...]:
    """Whoever approved another commit than the head, and not the head."""
    current = {one.author.login for one in list_approvals(pull)}
    said = [(r.author, r.revision) for r in pull.reviews if r.approves and r.revision != pull.head]
    for one in list_commands(pull.comments):
        seen = one.comment.revision
        if (
            one.verb is Verb.APPROVE
            and not one.takes_back
            and not one.is_edited
            and seen
            and seen != pull.head
        ):
            said.append((one.author, seen))
    return tuple(
        {person.login: (person, seen) for person, seen in said if person.login not in current}.values()
    )
