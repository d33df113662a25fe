"""Find what is to be reverted: a pull request, a commit, an app's last change, all since a moment, or all after a state."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from jx.domain.environments.edits import Edit, join_edits, parse_edit
from jx.domain.errors import Invalid, JxError, NotFound, Refused, Usage
from jx.domain.history import changed_apps, history, reverting
from jx.domain.history.reverting import Later, Reverted
from jx.domain.ledger import ledger, ledger_states
from jx.domain.ledger.ledger_states import State
from jx.domain.names import EnvironmentName, Repo, Revision
from jx.domain.trees import Tree
from jx.ports.histories import ChangedCommit, Histories
from jx.ports.repos import Commit

_PULL = re.compile(r"#?(\d{1,6})")
_COMMIT = re.compile(r"(?=.*[0-9])[0-9a-f]{7,64}")
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class RevertTarget:
    """What to take back, as a person says it; exactly one of the three is not empty."""

    word: str = ""
    """`#3`, `3`, a commit of the environment or of its ledger, or the key of an app."""
    since: datetime | None = None
    to: str = ""
    """A commit of the environment or of its ledger, `verified`, or `~N`."""


@dataclass(frozen=True, slots=True)
class FoundRevert:
    """The commits to take back, newest first, and the environment without them."""

    commits: tuple[Commit, ...]
    head: Revision
    head_tree: Tree
    reverted: Reverted
    later: tuple[Commit, ...]
    """Commits after them that are about the same apps or files, newest first."""
    apps: frozenset[str]

    @property
    def subject(self) -> str:
        """What is taken back, in a few words."""
        title = self.commits[0].message.strip().split("\n")
        words = title[2] if title[0].startswith("Merge pull request") and len(title) > 2 else title[0]
        more = len(self.commits) - 1
        return f"{words} and {more} more {'change' if more == 1 else 'changes'}" if more else words


@dataclass(frozen=True, slots=True)
class FindRevert:
    """Reads only."""

    histories: Histories

    def __call__(
        self,
        environment: EnvironmentName,
        at: tuple[Repo, str],
        target: RevertTarget,
        *,
        verified: str = "",
    ) -> FoundRevert:
        """What is found. `at` is the repository and its branch; `verified` the plan digest of the last state known to be good.

        NotFound where nothing is meant by the words; Refused, with each place, where later changes are in the way.
        """
        repo, branch = at
        head = self.histories.head(repo, branch)
        if head is None:
            raise NotFound(f"repository {repo.full_name} has no branch {branch}")
        changes = self.histories.changes(repo, head)
        begin, end = self._select(environment, repo, changes, target, verified)
        commits = tuple(one.commit for one in changes[begin:end])
        parent = commits[-1].parents[:1]
        before = self.histories.read(repo, parent[0]) if parent else Tree()
        after, now = self.histories.read(repo, commits[0].revision), self.histories.read(repo, head)
        edit = self._edit(repo, commits[0]) if len(commits) == 1 else None
        files = [file for one in changes[begin:end] for file in one.files]
        apps = changed_apps.list_changed(files)
        since = [self._later(repo, one, apps) for one in reversed(changes[:begin])]
        reverted = reverting.revert(before, after, now, edit, since)
        paths = {file.path for file in files if not changed_apps.list_changed([file])}
        later = tuple(one.commit for one in changes[:begin] if _touches(one, apps, paths))
        if reverted.conflicts:
            raise _in_the_way(commits, reverted.conflicts, later)
        return FoundRevert(commits, head, now, reverted, later, apps)

    def _later(self, repo: Repo, one: ChangedCommit, apps: frozenset[str]) -> Later:
        label = f"{one.commit.revision[:12]} {one.commit.author.name}"
        is_about = bool(changed_apps.list_changed(one.files) & apps)
        return Later(label, one.files, self._edit(repo, one.commit) if is_about else None)

    def _select(
        self,
        environment: EnvironmentName,
        repo: Repo,
        changes: tuple[ChangedCommit, ...],
        target: RevertTarget,
        verified: str,
    ) -> tuple[int, int]:
        """Which stretch of the branch, newest first: from, and to but without."""
        if target.since:
            since = target.since
            count = _count(changes, lambda one: one.committed >= since)
            if not count:
                raise NotFound(f"nothing was merged since {since:%Y-%m-%d %H:%M} UTC")
            return 0, count
        if target.to:
            source = self._state(environment, repo, changes, target.to, verified)
            place = _find(changes, lambda one: one.revision.startswith(source))
            if place is None:
                raise NotFound(f"{source[:12]} is not on the branch", hint="git log names those that are")
            if place == 0:
                raise Refused(f"the environment is at {source[:12]} already: there is nothing to revert")
            return 0, place
        return self._one(environment, repo, changes, target.word)

    def _one(
        self, environment: EnvironmentName, repo: Repo, changes: tuple[ChangedCommit, ...], word: str
    ) -> tuple[int, int]:
        pull = _PULL.fullmatch(word)
        if pull:
            number = pull[1]
            place = _find(changes, lambda one: one.trailers.get("Jx-Pull-Request", "").endswith(f"/{number}"))
            if place is None:
                raise NotFound(
                    f"#{number} was not merged into {environment}",
                    hint="jx pr list names those that are open",
                )
            return place, place + 1
        if _COMMIT.fullmatch(word):
            place = _find(changes, lambda one: one.revision.startswith(word))
            if place is not None:
                return place, place + 1
            return self._of_ledger(repo, changes, word)
        place = next(
            (at for at, one in enumerate(changes) if word in changed_apps.list_changed(one.files)), None
        )
        if place is None:
            raise NotFound(
                f"{environment} has no change of an app {word!r}, and it is no pull request and no commit",
                hint=f"jx get history {environment}",
            )
        return place, place + 1

    def _of_ledger(self, repo: Repo, changes: tuple[ChangedCommit, ...], word: str) -> tuple[int, int]:
        """What an apply brought: the commits since the apply before it."""
        head = self.histories.head(repo, ledger.BRANCH)
        log = self.histories.log(repo, head, limit=_ALL) if head else ()
        read = [
            history.read_entry(EnvironmentName(""), (c.revision, c.author, c.committed, c.message), ())
            for c in log
        ]
        entry = next((one for one in history.connect(read, "") if one.revision.startswith(word)), None)
        if entry is None or not entry.first("Jx-Source-Commit"):
            raise NotFound(f"neither the branch nor its ledger has a commit {word}", hint="jx get history")
        source = entry.first("Jx-Source-Commit")
        since = entry.before.first("Jx-Source-Commit") if entry.before else ""
        begin = _find(changes, lambda one: one.revision == source)
        end = _find(changes, lambda one: one.revision == since) if since else len(changes)
        if begin is None or end is None or end <= begin:
            raise NotFound(f"the apply {word} brought no commit of the branch")
        return begin, end

    def _state(
        self,
        environment: EnvironmentName,
        repo: Repo,
        changes: tuple[ChangedCommit, ...],
        word: str,
        verified: str,
    ) -> str:
        """The commit of the branch that a state is of."""
        if _COMMIT.fullmatch(word) and _find(changes, lambda one: one.revision.startswith(word)) is not None:
            return word
        head = self.histories.head(repo, ledger.BRANCH)
        log = self.histories.log(repo, head, limit=_ALL) if head else ()
        states = tuple(State(one.revision, one.message, one.committed) for one in log)
        state = ledger_states.choose(states, word, verified=verified)
        source = state.trailer("Jx-Source-Commit")
        if not source:
            raise NotFound(
                f"state {state} of {environment} is of no commit", hint="it was applied from a folder by hand"
            )
        return source

    def _edit(self, repo: Repo, commit: Commit) -> Edit | None:
        """What a machine says that it did: in the commit, or in those that it merged."""
        said = [commit] if "Jx-Edit" in commit.trailers else []
        try:
            if not said and len(commit.parents) > 1:
                said = list(takewhile(_says_edit, self.histories.log(repo, commit.parents[1])))
            texts = [one.trailers["Jx-Edit"] for one in reversed(said)]
            return join_edits(parse_edit(text) for text in texts) if texts else None
        except (Invalid, NotFound):
            return None


def _says_edit(commit: Commit) -> bool:
    return len(commit.parents) == 1 and "Jx-Edit" in commit.trailers


def parse_target(word: str, since: datetime | None, to: str) -> RevertTarget:
    """Usage where none or more than one is named."""
    if sum((bool(word), since is not None, bool(to))) != 1:
        raise Usage(
            "name one thing to revert", hint="a pull request, a commit, an app, --since T or --to STATE"
        )
    return RevertTarget(word, since, to)


def _find(changes: tuple[ChangedCommit, ...], is_it: Callable[[Commit], bool]) -> int | None:
    return next((at for at, one in enumerate(changes) if is_it(one.commit)), None)


def _count(changes: tuple[ChangedCommit, ...], is_it: Callable[[Commit], bool]) -> int:
    place = _find(changes, lambda one: not is_it(one))
    return len(changes) if place is None else place


def _touches(one: ChangedCommit, apps: frozenset[str], paths: set[str]) -> bool:
    return bool(changed_apps.list_changed(one.files) & apps) or any(file.path in paths for file in one.files)


def _in_the_way(
    commits: tuple[Commit, ...], conflicts: tuple[str, ...], later: tuple[Commit, ...]
) -> JxError:
    names = [f"{one.revision[:12]} {one.subject} ({one.author.name})" for one in later[:5]]
    since = f"\nchanged since by {'; '.join(names)}" if names else ""
    return Refused(
        f"{commits[0].revision[:12]} {commits[0].subject} cannot be taken back by itself:\n  "
        + "\n  ".join(conflicts)
        + since,
        hint="revert the later changes first, or go back as a whole: --to STATE",
    )
