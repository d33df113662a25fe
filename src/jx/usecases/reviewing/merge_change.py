"""Merge a change by itself: replay what a machine made where its base has moved, and merge what is labelled so once it may be."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import CheckState, PullRequest, PullState
from jx.domain.environments.environments import Environment
from jx.domain.errors import Invalid, NotFound, Refused, Stale
from jx.domain.events import Event, Level
from jx.domain.layouts import umbrella
from jx.domain.names import Revision
from jx.ports.forge import Forge, ForgeReviews, MergeRequest
from jx.ports.reporter import Reporter
from jx.ports.repos import Draft, Repos
from jx.usecases.propose_change import AUTO_MERGE_LABEL
from jx.usecases.reviewing.check_change import CONTEXT, is_made_on, is_overtaken
from jx.usecases.reviewing.replay_change import ReplayChange

COMMENT_KEY = "jx-replay"
_STOPS = ("do-not-merge", "needs-rebase", "needs-ok-to-test")
"""Labels that keep a pull request from being merged by itself, and those that begin so."""


@dataclass(frozen=True, slots=True)
class MergeChange:
    """Level-triggered. What the branch's rules ask for is the forge's word: approvals and required checks."""

    repos: Repos
    forge: Forge
    reviews: ForgeReviews
    reporter: Reporter

    def __call__(
        self, environment: Environment, number: int, *, is_approved: bool = True, must_replay: bool = False
    ) -> Revision | None:
        """The merge commit; None where the pull request waits: for its checks, an approval, or a person. `must_replay`: somebody
        asked for it to be made anew on its base."""
        assert environment.repo is not None
        pull = self.forge.observe(environment.repo, number)
        if pull.state is not PullState.OPEN:
            return None
        if pull.is_mergeable is False or must_replay:
            self._replay(environment, pull, is_asked=must_replay)
            return None
        base = self.repos.head(pull.repo, pull.base_branch)
        if base is not None and is_overtaken(pull, base):
            self._close(pull)
            return None
        if not is_approved or base is None or not is_ready(pull, base):
            return None
        try:
            merged_as = self.reviews.merge(
                pull.repo, MergeRequest(pull.number, expected=pull.head, base=base)
            )
        except (Refused, Stale) as error:
            self.reporter.tell(Event(f"not merged yet: {error.message}", Level.DEBUG))
            return None
        self.reporter.tell(Event(f"Merged pull request #{pull.number} as {merged_as[:12]}: {pull.title}"))
        return merged_as

    def _replay(self, environment: Environment, pull: PullRequest, *, is_asked: bool) -> None:
        """Make the same edit on today's base, which is another commit: it is checked anew, and approved anew where it has to be.
        A person's commits are left to the person. Who asked for it is answered, whatever comes of it."""
        base = self.repos.head(pull.repo, pull.base_branch)
        if base is None:
            return
        replay = ReplayChange(self.repos)
        own = replay.find_own(pull.repo, pull.head, base)
        if not own.say_edits or own.fork == base:
            if is_asked:
                words = f"It is on today's {_at(pull, base)}." if own.say_edits else _left_to_people(pull)
                self._comment(pull, words)
            return
        tree = self.repos.read(pull.repo, base)
        try:
            drafts = replay.make_anew(own, tree)
            umbrella.read(drafts[-1].tree if drafts else tree, name=environment.name)
        except (Invalid, NotFound) as error:
            self._comment(pull, f"This cannot be made on today's {pull.base_branch}: {error.message}")
            return
        if not drafts:
            self._close(pull)
            return
        is_done = self._replace(pull, base, drafts)
        if is_asked:
            done = f"It was made anew on {_at(pull, base)}. Approvals are given again."
            self._comment(pull, done if is_done else _left_to_people(pull))

    def _close(self, pull: PullRequest) -> None:
        """Its change reached the base by another way: a merge would be one of nothing."""
        self._comment(pull, f"{pull.base_branch} is so already: there is nothing left to change.")
        self.reviews.close(pull.repo, pull.number)
        self.reporter.tell(Event(f"Closed pull request #{pull.number}: {pull.base_branch} is so already"))

    def _replace(self, pull: PullRequest, base: Revision, drafts: list[Draft]) -> bool:
        *earlier, last = drafts
        try:
            self.repos.replace(pull.repo, pull.head_branch, base=base, draft=last, before=earlier)
        except Stale as error:  # somebody's own commits are on it
            self.reporter.tell(Event(f"#{pull.number} is not replayed: {error.message}", Level.DEBUG))
            return False
        self.reporter.tell(
            Event(f"Rebasing PullRequest due to conflict: {pull.url} is made anew on {base[:12]}")
        )
        return True

    def _comment(self, pull: PullRequest, text: str) -> None:
        """Once: a comment that says the same again would be an event, and have it looked at for ever."""
        if f"{text}\n" not in [one.body for one in pull.comments if one.key == COMMENT_KEY]:
            self.forge.comment(pull.repo, pull.number, f"{text}\n", key=COMMENT_KEY)


def _at(pull: PullRequest, base: Revision) -> str:
    return f"{pull.base_branch} ({base[:12]})"


def _left_to_people(pull: PullRequest) -> str:
    base = pull.base_branch
    how = f"git fetch origin && git rebase origin/{base} && git push --force-with-lease"
    more = "" if pull.is_mergeable is False else f" Nothing conflicts: it can be merged into {base} as it is."
    whose = "`/rebase` makes anew what a machine made. Here are commits of people, who rebase them themselves"
    return f"{whose}: `{how}`.{more}"


def is_ready(pull: PullRequest, base: Revision) -> bool:
    """Whether a pull request is to be merged by itself: labelled so, nothing stops it, and everything that checked its head says
    yes, our own plan for that commit of its base among it."""
    if AUTO_MERGE_LABEL not in pull.labels or any(label.startswith(_STOPS) for label in pull.labels):
        return False
    if pull.title.lower().startswith(("wip", "draft")):
        return False
    is_planned = any(one.context == CONTEXT and is_made_on(one, base) for one in pull.checks)
    return is_planned and all(one.state is CheckState.SUCCESS for one in pull.checks)
