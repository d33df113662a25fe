"""Approving: how a pull request stands by the owners of its base, by reviews, and by what people said in comments.

Pure, and made anew at each look: nothing is remembered but what the forge keeps. Requesters and approvers are the forge's users:
who opened it, and whoever pushed to it, asked for it. Git's author text is heard where the platform itself pushed, since that
says there whose change it made, and where a forge does not tell who pushed; it can take an approval away, and never gives one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from jx.domain.changes.changes import Check, CheckState, PullRequest
from jx.domain.changes.commands import (
    Command,
    Verb,
    earlier_approvals,
    list_approvals,
    list_commands,
    standing,
)
from jx.domain.changes.owners import Need, Owners, list_needs
from jx.domain.names import Person

CONTEXT = "jx/approval"
_SHORTEST = 7


@dataclass(frozen=True, slots=True)
class Rules:
    """What the base branch asks for."""

    owners: Owners = field(default_factory=Owners)
    needs_approval: bool = True
    allows_own: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A pull request, the files that its merge changes, who wrote its head by git's word, and the platform's own user."""

    pull: PullRequest
    files: tuple[str, ...]
    written_by: Person
    machine: Person


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to somebody: once, and anew where it says something else by now."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a pull request stands."""

    check: Check
    needs: tuple[Need, ...] = ()
    approved_by: tuple[Person, ...] = ()
    seen_by: tuple[Person, ...] = ()
    """Who said that it looks good."""
    held_by: Person | None = None
    is_trusted: bool = True
    """Whether it may be looked at with the platform's rights at all."""
    tests: int = 0
    """How often somebody asked for one more check."""
    must_rebase: bool = False
    cancels: tuple[datetime, ...] = ()
    """When people asked for the runs of it to end."""
    answers: tuple[Answer, ...] = ()
    notes: tuple[str, ...] = ()
    is_spoken_of: bool = False
    """Whether somebody approved, held or liked it in a comment: then a comment says how it stands, too."""

    @property
    def may_merge(self) -> bool:
        """Whether nothing that people have to say is missing."""
        return self.check.state is CheckState.SUCCESS


def judge(subject: Subject, rules: Rules) -> Judgement:
    """How it stands."""
    people = _People(subject, rules)
    commands = [
        one for one in list_commands(subject.pull.comments) if one.author.login != subject.machine.login
    ]
    heard = [one for one in commands if not people.why_not(one)]
    answers = {one.key: one for command in commands if (one := _answer(command, people.why_not(command)))}
    tests = [one for one in heard if one.verb in (Verb.TEST, Verb.RETEST)]
    approved = people.approvers()
    needs = _needs(subject, rules, approved, people) if rules.needs_approval else ()
    held_by = _held_by(heard)
    is_trusted = people.is_trusted(heard)
    notes = tuple(_notes(subject.pull, rules, approved, people))
    return Judgement(
        check=_check(subject.pull, rules, needs, approved, held_by, is_trusted=is_trusted),
        needs=needs,
        approved_by=approved,
        seen_by=tuple(one.author for one in standing(subject.pull, Verb.LGTM, lambda one: one in heard)),
        held_by=held_by,
        is_trusted=is_trusted,
        tests=len(tests),
        must_rebase=any(
            one.verb is Verb.REBASE and one.comment.revision == subject.pull.head for one in heard
        ),
        cancels=tuple(one.comment.created for one in heard if one.verb is Verb.CANCEL),
        answers=(*answers.values(), *_test_answer(tests)),
        notes=notes,
        is_spoken_of=any(one.verb in (Verb.APPROVE, Verb.LGTM, Verb.HOLD) for one in heard),
    )


_OF_TESTS = frozenset({Verb.TEST, Verb.RETEST, Verb.CANCEL, Verb.OK_TO_TEST})


def judge_tests(subject: Subject, rules: Rules) -> Judgement:
    """What people said of the runs of a pull request whose merge is its repository's own business: who approves it, and how, is
    not looked at."""
    people = _People(subject, rules)
    commands = [
        one
        for one in list_commands(subject.pull.comments)
        if one.verb in _OF_TESTS and one.author.login != subject.machine.login
    ]
    heard = [one for one in commands if not people.why_not(one)]
    answers = {one.key: one for command in commands if (one := _answer(command, people.why_not(command)))}
    return Judgement(
        check=Check(CONTEXT, CheckState.SUCCESS),
        is_trusted=people.is_trusted(heard),
        tests=sum(one.verb in (Verb.TEST, Verb.RETEST) for one in heard),
        cancels=tuple(one.comment.created for one in heard if one.verb is Verb.CANCEL),
        answers=tuple(answers.values()),
    )


@dataclass(frozen=True, slots=True)
class _People:
    """Who may say what about one pull request."""

    subject: Subject
    rules: Rules

    def is_requester(self, person: Person) -> bool:
        """Who opened it, or pushed to it; for what the platform made, whoever it was made for."""
        pull = self.subject.pull
        pushers = {one.login for one in pull.pushed_by}
        if person.login == pull.author.login or person.login in pushers:
            return True
        is_told = not pushers or self.subject.machine.login in pushers
        wrote = self.subject.written_by.email.lower()
        return is_told and bool(wrote) and person.email.lower() == wrote

    def is_machine(self, person: Person) -> bool:
        """Whether it is the platform's own user."""
        return person.login == self.subject.machine.login

    def able(self, path: str) -> frozenset[str]:
        """Who may approve a file; empty: anybody who may write. Where the lists name nobody but the requester, they cannot be
        meant to keep everybody out."""
        named = self.rules.owners.approvers(path)
        if self.rules.allows_own:
            return named
        own = {self.subject.pull.author.login, *(one.login for one in self.subject.pull.pushed_by)}
        return named - {login.lower() for login in own}

    def approvers(self) -> tuple[Person, ...]:
        """Who approved the head, and counts."""
        pull = self.subject.pull
        return tuple(
            one.author
            for one in list_approvals(pull)
            if one.author.login != self.subject.machine.login
            and self._may_approve(one.author, may_write=one.may_write)
            and (self.rules.allows_own or not self.is_requester(one.author))
        )

    def _may_approve(self, person: Person, *, may_write: bool) -> bool:
        able = [self.able(path) for path in self.subject.files]
        return any(person.login.lower() in names if names else may_write for names in able)

    def why_not(self, command: Command) -> str:
        """Why a command does nothing, in words; empty where it is heard."""
        if command.is_edited:
            return "it was edited after it was said; please say it again in a new comment"
        if command.verb is Verb.APPROVE:
            return "" if command.takes_back else self._why_not_approve(command)
        if command.verb is Verb.LGTM and self.is_requester(command.author):
            return "it is your own change"
        if not (command.comment.may_write or self.rules.owners.is_named(command.author.login)):
            return "only who may write to this repository, or is named in its OWNERS, may say so"
        if command.verb is Verb.OK_TO_TEST and not self._names_head(command):
            return f"it has to name the commit that you looked at: `/ok-to-test {self.subject.pull.head}`"
        return ""

    def _why_not_approve(self, command: Command) -> str:
        if self.is_requester(command.author) and not self.rules.allows_own:
            return "it is your own change, so somebody else has to approve it"
        if not self._may_approve(command.author, may_write=command.comment.may_write):
            return f"only {self._names()} may approve this"
        if command.comment.revision is None:
            return "the forge does not tell which commit you saw; please approve by a review"
        return ""

    def is_trusted(self, heard: Iterable[Command]) -> bool:
        """Whether the author may have things checked, or somebody who may allowed this very commit."""
        author = self.subject.pull.author
        if self.subject.pull.author_may_write or author.login == self.subject.machine.login:
            return True
        return self.rules.owners.is_named(author.login) or any(one.verb is Verb.OK_TO_TEST for one in heard)

    def _names_head(self, command: Command) -> bool:
        said = command.argument.lower()
        return len(said) >= _SHORTEST and self.subject.pull.head.startswith(said)

    def _names(self) -> str:
        every = frozenset().union(*(self.able(path) for path in self.subject.files))
        return " or ".join(sorted(every)) or "who may write to this repository"


def _needs(subject: Subject, rules: Rules, approved: tuple[Person, ...], people: _People) -> tuple[Need, ...]:
    given = [one.login for one in approved]
    writers = [one.author.login for one in list_approvals(subject.pull) if one.may_write]
    able = {path: people.able(path) for path in subject.files}
    return list_needs(able, given, [login for login in writers if login in given])


def _held_by(heard: Iterable[Command]) -> Person | None:
    held: dict[str, Person] = {}
    for one in heard:
        if one.verb is Verb.HOLD and one.takes_back:
            held.clear()  # whoever may hold may end it, or the one who went on leave would hold it for ever
        elif one.verb is Verb.HOLD:
            held[one.author.login] = one.author
    return next(iter(held.values()), None)


def _answer(command: Command, why: str) -> Answer | None:
    if not why:
        return None
    login, said = command.author.login, f"/{command.verb.value}"
    kind = "edited" if command.is_edited else "word"
    return Answer(
        f"jx-answer-{command.verb.value}-{kind}-{login}",
        f"@{login}, sorry: `{said}` did nothing, since {why}.\n",
    )


def _test_answer(tests: list[Command]) -> tuple[Answer, ...]:
    if not tests:
        return ()
    who = ", ".join(dict.fromkeys(one.author.login for one in tests))
    times = f"{len(tests)} time{'' if len(tests) == 1 else 's'}"
    words = f"It is checked once more, as {who} asked ({times} so far): see `jx/check` and `jx/plan`.\n"
    return (Answer("jx-answer-test", words),)


def _notes(pull: PullRequest, rules: Rules, approved: tuple[Person, ...], people: _People) -> Iterable[str]:
    earlier = [f"{person.login} ({seen[:7]})" for person, seen in earlier_approvals(pull)]
    if earlier:
        yield f"Given to an earlier commit, and so not counted: {', '.join(earlier)}."
    counted = {one.login for one in approved}
    given = [one.author for one in pull.reviews if one.approves and one.revision == pull.head]
    idle = [one.login for one in given if one.login not in counted and not people.is_machine(one)]
    if idle and rules.needs_approval:
        yield f"Not counted: {', '.join(idle)}, since OWNERS of the base do not name them here, or it is their own change."
    if rules.allows_own:
        yield "Who asks for a change may approve it here: `approval.own` in jx-requirements.yml of the base."
    own = [one.login for one in approved if people.is_requester(one)]
    if own:
        yield f"{', '.join(own)} approved their own change."


def _check(
    pull: PullRequest, rules: Rules, needs: tuple[Need, ...], approved: tuple[Person, ...], held_by: Person | None,
    *, is_trusted: bool,
) -> Check:  # fmt: skip
    if not is_trusted:
        return Check(
            CONTEXT, CheckState.PENDING, f"waits for /ok-to-test {pull.head[:12]} by somebody with rights"
        )
    if held_by:
        return Check(CONTEXT, CheckState.PENDING, f"on hold by {held_by.login}")
    if needs:
        return Check(CONTEXT, CheckState.PENDING, f"needs approval: {'; '.join(map(str, needs))}")
    own = " (own approvals count here)" if rules.allows_own else ""
    if approved:
        return Check(
            CONTEXT, CheckState.SUCCESS, f"approved by {', '.join(one.login for one in approved)}{own}"
        )
    return Check(CONTEXT, CheckState.SUCCESS, f"needs no approval{own}")
