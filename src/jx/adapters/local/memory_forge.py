"""A forge in memory, over the branches of repositories in memory: the same rules as the embedded one, without its server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from jx.adapters.local.forge import rules
from jx.domain.changes.changes import Check, Comment, PullRequest, PullState, Review
from jx.domain.errors import Forbidden, NotFound, Refused, Stale
from jx.domain.names import Person, Repo, Revision
from jx.domain.trees import Tree
from jx.ports.forge import EVERY_ABILITY, MergeRequest, Offer, Protection, Webhook
from jx.ports.repos import Commit, Draft

_START = datetime(2026, 1, 1, tzinfo=UTC)
_Value = TypeVar("_Value")
_DEEPEST = 1000
_LEVELS = ("", "read", "write", "admin")


class Branches(Protocol):
    """What a forge asks of its repositories; `MemoryRepos` has it."""

    def create(self, repo: Repo) -> Repo:
        """Make an empty repository; again is no error."""
        ...

    def head(self, repo: Repo, branch: str) -> Revision | None:
        """The newest commit of a branch."""
        ...

    def log(
        self, repo: Repo, revision: Revision, *, after: Revision | None = None, limit: int = 100
    ) -> tuple[Commit, ...]:
        """First-parent history, newest first."""
        ...

    def can_merge(self, repo: Repo, *, head: str, base: str) -> bool:
        """Whether `merge` would find no conflict."""
        ...

    def pushed_by(self, repo: Repo, branch: str, revision: Revision) -> tuple[Person, ...]:
        """Who set the branch to that commit; empty where nobody said who they are."""
        ...

    def merge(self, repo: Repo, *, head: str, base: str, draft: Draft, squash: bool = False) -> Revision:
        """Commit the changes of `head` onto `base`, with the draft's message and author; Stale on a conflict."""
        ...


@dataclass
class _Stored:
    """What the forge knows of one repository."""

    owner: str
    private: bool
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    checks: dict[tuple[Revision, str], Check] = field(default_factory=dict)
    rights: dict[str, str] = field(default_factory=dict)
    protections: dict[str, Protection] = field(default_factory=dict)
    hooks: dict[str, tuple[Webhook, str]] = field(default_factory=dict)


@dataclass
class _World:
    """What all users of a forge share."""

    branches: Branches
    now: Callable[[], datetime]
    repos: dict[str, _Stored] = field(default_factory=dict)


class MemoryForge:
    """ports.forge.Forge, ForgeReviews and ForgeAdmin in memory, as one user; `login_as` gives the same forge to another.

    Branches live in the repositories that it is made with; each call looks there first, so a push is seen as by a real forge.
    Whoever makes a repository owns it. Events of webhooks are not sent.
    """

    abilities = EVERY_ABILITY

    def __init__(
        self, branches: Branches, user: Person, now: Callable[[], datetime] = lambda: _START
    ) -> None:
        self._world = _World(branches, now)
        self._user = user

    def login_as(self, user: Person) -> MemoryForge:
        """The same forge for another user; `login` tells them apart."""
        other = MemoryForge(self._world.branches, user, self._world.now)
        other._world = self._world
        return other

    def whoami(self) -> Person:
        return self._user

    def propose(self, repo: Repo, offer: Offer) -> PullRequest:
        stored = self._stored(repo, needs="write")
        head = self._require(repo, offer.head)
        base = self._require(repo, offer.base)
        same = [
            p for p in stored.pulls.values() if (p.head_branch, p.base_branch) == (offer.head, offer.base)
        ]
        for pull in (p for p in same if p.state is PullState.OPEN):
            labels = tuple(dict.fromkeys(pull.labels + offer.labels))
            stored.pulls[pull.number] = replace(pull, title=offer.title, body=offer.body, labels=labels)
            return self.observe(repo, pull.number)
        if head == base:
            raise Refused(f"there is nothing to merge: {offer.base} has all of {offer.head}")
        number = len(stored.pulls) + 1
        stored.pulls[number] = PullRequest(
            repo=repo,
            number=number,
            url=f"{repo.url.removesuffix('.git')}/pulls/{number}",
            title=offer.title,
            body=offer.body,
            author=self._user,
            state=PullState.OPEN,
            head_branch=offer.head,
            head=head,
            base_branch=offer.base,
            created=self._world.now(),
            labels=tuple(dict.fromkeys(offer.labels)),
        )
        return self.observe(repo, number)

    def observe(self, repo: Repo, number: int) -> PullRequest:
        stored = self._stored(repo)
        if number not in stored.pulls:
            raise NotFound(f"{repo.full_name} has no pull request #{number}")
        pull = stored.pulls[number]
        checks = sorted(context for revision, context in stored.checks if revision == pull.head)
        return replace(
            pull,
            author_may_write=self._may_write(stored, pull.author.login),
            reviews=tuple(
                replace(r, may_write=self._may_write(stored, r.author.login)) for r in pull.reviews
            ),
            comments=tuple(
                replace(c, may_write=self._may_write(stored, c.author.login)) for c in pull.comments
            ),
            checks=tuple(stored.checks[pull.head, context] for context in checks),
            is_mergeable=self._can_merge(repo, pull) if pull.state is PullState.OPEN else None,
            pushed_by=self._pushed_by(repo, pull),
        )

    def _pushed_by(self, repo: Repo, pull: PullRequest) -> tuple[Person, ...]:
        """Of the head, and of what was the head before and is in it."""
        branches, found = self._world.branches, dict[str, Person]()
        if not branches.pushed_by(repo, pull.head_branch, pull.head):
            return ()
        for commit in branches.log(repo, pull.head, limit=_DEEPEST):
            found |= {one.login: one for one in branches.pushed_by(repo, pull.head_branch, commit.revision)}
        return tuple(found[login] for login in sorted(found))

    def _can_merge(self, repo: Repo, pull: PullRequest) -> bool:
        return self._world.branches.can_merge(repo, head=pull.head_branch, base=pull.base_branch)

    def list_pulls(self, repo: Repo, *, state: PullState | None = PullState.OPEN) -> tuple[PullRequest, ...]:
        pulls = sorted(self._stored(repo).pulls.values(), key=lambda pull: pull.number, reverse=True)
        return tuple(replace(p, reviews=(), comments=()) for p in pulls if state in (None, p.state))

    def set_status(self, repo: Repo, revision: Revision, check: Check) -> None:
        stored = self._stored(repo, needs="write")
        for rule in stored.protections.values():
            is_theirs = rule.reporters is not None and self._user.login not in rule.reporters
            if check.context in rule.required_checks and is_theirs:
                raise Forbidden(f"{check.context} is reported by others in {repo.full_name}")
        stored.checks[revision, check.context] = check

    def comment(self, repo: Repo, number: int, body: str, *, key: str = "") -> None:
        pull = self.observe(repo, number)
        said = Comment(self._user, body, self._world.now(), key, pull.head)
        ours = [key and (c.key, c.author.login) == (key, self._user.login) for c in pull.comments]
        renewed = replace(said, is_edited=True)
        comments = [
            replace(renewed, revision=c.revision) if is_ours else c
            for c, is_ours in zip(pull.comments, ours, strict=True)
        ]
        self._set(repo, replace(pull, comments=tuple(comments if any(ours) else [*comments, said])))

    def approve(self, repo: Repo, number: int, *, revision: Revision, body: str = "") -> None:
        self._stored(repo, needs="write")
        pull = self.observe(repo, number)
        if pull.state is not PullState.OPEN:
            raise Refused(f"#{number} of {repo.full_name} is {pull.state.value} already")
        if pull.author.login == self._user.login:
            raise Refused(f"#{number} of {repo.full_name} is your own pull request")
        wrote = self._world.branches.log(repo, pull.head, limit=1)[0].author.email
        protection = self._stored(repo).protections.get(pull.base_branch)
        if rules.is_own(pull, self._user, protection, written_by=wrote):
            raise Refused(f"#{number} of {repo.full_name} holds your own change")
        if pull.head != revision:
            raise Stale(
                f"#{number} of {repo.full_name} is at {pull.head[:12]} by now, not at {revision[:12]}"
            )
        given = Review(self._user, approves=True, revision=revision, body=body)
        others = [r for r in pull.reviews if (r.author.login, r.revision) != (self._user.login, revision)]
        self._set(repo, replace(pull, reviews=(*others, given)))

    def merge(self, repo: Repo, request: MergeRequest) -> Revision:
        stored = self._stored(repo, needs="write")
        pull = self.observe(repo, request.number)
        if pull.state is PullState.MERGED and pull.merged_as is not None:
            return pull.merged_as
        if pull.state is PullState.CLOSED:
            raise Refused(f"#{pull.number} of {repo.full_name} is closed")
        if request.expected is not None and request.expected != pull.head:
            raise Stale(f"#{pull.number} of {repo.full_name} is at {pull.head[:12]} by now")
        base = self._world.branches.head(repo, pull.base_branch)
        if request.base is not None and request.base != base:
            raise Stale(f"{pull.base_branch} of {repo.full_name} has moved from {request.base[:12]}")
        wrote = self._world.branches.log(repo, pull.head, limit=1)[0].author.email
        protection = stored.protections.get(pull.base_branch)
        missing = rules.list_missing(pull, protection, written_by=wrote)
        rules.require(pull, missing, request, is_admin=self._level(stored) == "admin")
        note = rules.override_note(request, missing)
        if note:
            self.comment(repo, pull.number, f"Merged against the rules of {pull.base_branch}: {note}")
            pull = self.observe(repo, pull.number)
        message = rules.merge_message(
            pull,
            request,
            approved_by=rules.approvers(pull, protection, written_by=wrote),
            overridden=f"{self._user}: {note}" if note else "",
        )
        try:
            merged_as = self._world.branches.merge(
                repo,
                head=pull.head_branch,
                base=pull.base_branch,
                draft=Draft(Tree(), message, pull.author),
                squash=request.method == "squash",
            )
        except Stale as error:
            raise rules.refuse_merge(pull, [rules.Lack(f"conflicts: {error.message}")]) from error
        done = replace(pull, state=PullState.MERGED, merged_as=merged_as, merged_by=self._user)
        self._set(repo, done)
        return merged_as

    def close(self, repo: Repo, number: int) -> None:
        pull = self.observe(repo, number)
        if pull.state is PullState.MERGED:
            raise Refused(f"#{number} of {repo.full_name} is merged already")
        if pull.author.login != self._user.login:
            self._stored(repo, needs="write")
        self._set(repo, replace(pull, state=PullState.CLOSED))

    def ensure_repo(
        self, owner: str, name: str, *, private: bool = True, description: str = ""
    ) -> tuple[Repo, bool]:
        return self.adopt(Repo(f"memory://forge/{owner}/{name}.git"), private=private)

    def adopt(self, repo: Repo, *, private: bool = True) -> tuple[Repo, bool]:
        """Look after a repository of any URL, as its owner; made where it was not there."""
        if repo.url in self._world.repos:
            self._stored(repo)
            return repo, False
        self._world.branches.create(repo)
        self._world.repos[repo.url] = _Stored(self._user.login, private)
        return repo, True

    def ensure_webhook(self, repo: Repo, hook: Webhook, *, secret: str) -> bool:
        return _put(self._stored(repo, needs="admin").hooks, hook.url, (hook, secret))

    def list_webhooks(self, repo: Repo) -> tuple[Webhook, ...]:
        return tuple(hook for hook, _ in self._stored(repo, needs="admin").hooks.values())

    def ensure_protection(self, repo: Repo, protection: Protection) -> bool:
        return _put(self._stored(repo, needs="admin").protections, protection.branch, protection)

    def ensure_collaborator(self, repo: Repo, login: str, *, right: str) -> bool:
        return _put(self._stored(repo, needs="admin").rights, login, right)

    def delete_repo(self, repo: Repo) -> bool:
        if repo.url not in self._world.repos:
            return False
        self._stored(repo, needs="admin")
        del self._world.repos[repo.url]
        return True

    def _stored(self, repo: Repo, *, needs: str = "read") -> _Stored:
        """The repository, its open pull requests at the heads of their branches."""
        stored = self._world.repos.get(repo.url)
        level = self._level(stored) if stored else ""
        if stored is None or not level:
            raise NotFound(f"there is no repository {repo.full_name}, or {self._user.login} may not read it")
        if _LEVELS.index(level) < _LEVELS.index(needs):
            raise Forbidden(f"{self._user.login} has no right to {needs} {repo.full_name}")
        for pull in stored.pulls.values():
            if pull.state is PullState.OPEN:
                stored.pulls[pull.number] = self._renew(repo, pull)
        return stored

    def _level(self, stored: _Stored) -> str:
        return self._level_of(stored, self._user.login)

    def _level_of(self, stored: _Stored, login: str) -> str:
        if login == stored.owner:
            return "admin"
        return stored.rights.get(login, "" if stored.private else "read")

    def _may_write(self, stored: _Stored, login: str) -> bool:
        return self._level_of(stored, login) in ("write", "admin")

    def _renew(self, repo: Repo, pull: PullRequest) -> PullRequest:
        head = self._world.branches.head(repo, pull.head_branch)
        if head is None:
            return replace(pull, state=PullState.CLOSED)
        if head == self._world.branches.head(repo, pull.base_branch):
            return replace(pull, state=PullState.MERGED, head=head, merged_as=head)
        return replace(pull, head=head)

    def _require(self, repo: Repo, branch: str) -> Revision:
        head = self._world.branches.head(repo, branch)
        if head is None:
            raise NotFound(f"there is no branch {branch} in {repo.full_name}")
        return head

    def _set(self, repo: Repo, pull: PullRequest) -> None:
        self._world.repos[repo.url].pulls[pull.number] = replace(pull, checks=(), is_mergeable=None)


def _put(table: dict[str, _Value], key: str, value: _Value) -> bool:
    """Set; whether that changed anything."""
    if table.get(key) == value:
        return False
    table[key] = value
    return True
