"""Heed comments: tell on a pull request who still has to approve what, and answer those whose commands do nothing."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.approving import CONTEXT, Judgement, Rules, Subject, judge
from jx.domain.changes.changes import Check, CheckState, PullRequest, PullState
from jx.domain.changes.owners import Need, read_owners
from jx.domain.environments.environments import Environment, Strategy
from jx.domain.errors import Invalid, Refused, Stale
from jx.domain.layouts.requirements import read_requirements
from jx.domain.layouts.sections import Mistakes
from jx.domain.names import Person, Revision
from jx.domain.trees import Tree
from jx.ports.forge import Forge, ForgeReviews
from jx.ports.repos import Commit, Repos

COMMENT_KEY = "jx-approval"
_DEEPEST = 1000
_LONGEST = 140
_MOST = 20


@dataclass(frozen=True, slots=True)
class HeedComments:
    """Level-triggered: the same comments on the same commits say nothing twice. Owners and rules are the base branch's.

    The status says it; a comment of ours, which renews itself, is made only where the status has no room for all, or where
    people said something in comments.
    """

    repos: Repos
    forge: Forge
    reviews: ForgeReviews

    def __call__(self, environment: Environment, number: int) -> Judgement | None:
        """How the pull request stands, as its status tells now; None where it is not open."""
        assert environment.repo is not None
        pull = self.forge.observe(environment.repo, number)
        base = self.repos.head(environment.repo, pull.base_branch)
        if pull.state is not PullState.OPEN or base is None:
            return None
        machine = self.forge.whoami()
        tree = self.repos.read(environment.repo, base)
        try:
            rules = _rules(environment, tree)
        except Invalid as error:
            words = "; ".join([error.message, *map(str, error.problems)])
            judged = Judgement(Check(CONTEXT, CheckState.ERROR, words), notes=(words,))
        else:
            judged = judge(self._subject(pull, base, tree, machine), rules)
        self._tell(pull, judged, machine)
        if judged.may_merge and _is_own(judged, pull):
            self._vouch(pull, machine)
        return judged

    def _subject(self, pull: PullRequest, base: Revision, tree: Tree, machine: Person) -> Subject:
        newest = self.repos.log(pull.repo, pull.head, limit=1)[0]
        return Subject(pull, find_changed(self.repos, pull, base), newest.author, machine)

    def _tell(self, pull: PullRequest, judged: Judgement, machine: Person) -> None:
        check = Check(CONTEXT, judged.check.state, _cut(judged.check.description))
        if check not in pull.checks:
            self.forge.set_status(pull.repo, pull.head, check)
        said = {one.key: one.body for one in pull.comments if one.key and one.author.login == machine.login}
        text = _comment(judged) or _NOTHING
        has_more = judged.notes or judged.seen_by or judged.is_spoken_of
        is_enough = check.description == judged.check.description and not has_more
        if COMMENT_KEY in said or not is_enough:
            self._renew(pull, text, said.get(COMMENT_KEY, ""))
        for answer in judged.answers:
            if said.get(answer.key) != answer.text:
                self.forge.comment(pull.repo, pull.number, answer.text, key=answer.key)

    def _renew(self, pull: PullRequest, text: str, said: str) -> None:
        if text != said:
            self.forge.comment(pull.repo, pull.number, text, key=COMMENT_KEY)

    def _vouch(self, pull: PullRequest, machine: Person) -> None:
        """The forge counts reviews of others only: what the base allows, the platform's user says for the requester."""
        if any(one.author.login == machine.login and one.revision == pull.head for one in pull.reviews):
            return
        words = (
            f"{pull.author.login} approved their own change, as approval.own in jx-requirements.yml allows."
        )
        try:
            self.reviews.approve(pull.repo, pull.number, revision=pull.head, body=words)
        except (Refused, Stale):
            return  # the forge has its own rules, and the merge tells them


def find_changed(repos: Repos, pull: PullRequest, base: Revision) -> tuple[str, ...]:
    """The files that a merge may change. Where the branch holds merges of its own, git's merge may take back what the base has
    got since; so all that differs from the base is asked for, too."""
    history = {commit.revision for commit in repos.log(pull.repo, base, limit=_DEEPEST)}
    own: list[Commit] = []
    fork: Revision | None = None
    for commit in repos.log(pull.repo, pull.head, limit=_DEEPEST):
        if commit.revision in history:
            fork = commit.revision
            break
        own.append(commit)
    after = repos.read(pull.repo, pull.head)
    files = differing(repos.read(pull.repo, fork) if fork else Tree(), after)
    if fork is None or any(len(commit.parents) > 1 for commit in own):
        files |= differing(repos.read(pull.repo, base), after)
    return tuple(sorted(files))


def _is_own(judged: Judgement, pull: PullRequest) -> bool:
    """Whether it is the requester's own word that lets it in."""
    return any(one.login == pull.author.login for one in judged.approved_by)


def _rules(environment: Environment, tree: Tree) -> Rules:
    """Of the base; where its settings have mistakes, what can be read of them."""
    requirements, _ = read_requirements(tree, Mistakes())
    usual = environment.strategy is not Strategy.AUTO
    needed = usual if requirements.needs_approval is None else requirements.needs_approval
    return Rules(read_owners(tree), needed, requirements.allows_own_approval)


def differing(before: Tree, after: Tree) -> set[str]:
    """The files that are not the same in both."""
    return {path for path in {*before, *after} if before.files.get(path) != after.files.get(path)}


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _files_in_words(files: tuple[str, ...]) -> str:
    """Names of files are whatever somebody pushed: nothing of them may be read as text of ours."""
    shown = [
        f"`{''.join(c if c.isprintable() and c != '`' else '?' for c in path)}`" for path in files[:_MOST]
    ]
    more = len(files) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _names(need: Need) -> str:
    return " or ".join(sorted(need.approvers)) or "anybody else who may write here"


_NOTHING = "Nothing has to be approved, and nobody holds it.\n"


def _comment(judged: Judgement) -> str:
    """Who still has to approve what; empty where nothing has to be said."""
    lines = [f"- {_files_in_words(need.files)}: {_names(need)}" for need in judged.needs]
    if lines:
        lines = [
            "### Needs approval",
            "",
            *lines,
            "",
            "`/approve` here, or a review, counts for the commit that is the head then.",
        ]
    said = [*judged.notes]
    if judged.approved_by:
        said.append(f"Approved by {', '.join(one.login for one in judged.approved_by)}.")
    if judged.seen_by:
        said.append(f"Looks good to {', '.join(one.login for one in judged.seen_by)}.")
    if judged.held_by:
        said.append(f"On hold by {judged.held_by.login}, until `/hold cancel`.")
    if not judged.is_trusted:
        said.append(
            f"Nothing is checked before somebody with rights says {judged.check.description.partition(' by ')[0][10:]}."
        )
    return "\n\n".join(part for part in ("\n".join(lines), *said) if part) + "\n" if lines or said else ""
