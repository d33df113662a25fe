"""Pull requests: opened, looked at, commented, approved, closed. Merging is in `merges`, moved branches in `following`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from jx.adapters.local.forge import payloads, rules
from jx.adapters.local.forge.protection import Protections
from jx.adapters.local.forge.pushes import Pushes
from jx.adapters.local.forge.repositories import Repository
from jx.adapters.local.forge.store import Row, Store
from jx.adapters.local.forge.users import Level, User, Users
from jx.adapters.local.forge.webhooks import Webhooks
from jx.domain.changes.changes import Check, CheckState, Comment, PullRequest, PullState, Review
from jx.domain.errors import Forbidden, Invalid, NotFound, Problem, Refused, Stale
from jx.domain.names import Person, Repo, Revision, parse_branch
from jx.ports.forge import Offer

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_TITLE = 500
_LONGEST_TEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class Pulls:
    """The pull requests of all repositories. `url` is the forge's own."""

    store: Store
    users: Users
    hooks: Webhooks
    url: str
    now: Callable[[], datetime]
    protections: Protections
    pushes: Pushes

    def propose(self, repo: Repository, user: User, offer: Offer) -> PullRequest:
        """Open a pull request, or renew title, body and labels of the one that is open for that pair of branches."""
        _check(offer)
        base, head = repo.git.require(offer.base), repo.git.require(offer.head)
        fork_point = repo.git.fork_point(base, head)
        if fork_point is None:
            raise Refused(f"{offer.head} and {offer.base} of {repo.full_name} have no common history")
        with self.store.transaction():
            row = self.store.row(
                "SELECT * FROM pulls WHERE repo = ? AND head_branch = ? AND base_branch = ? AND state = 'open'",
                repo.id, offer.head, offer.base,
            )  # fmt: skip
            if row is not None:
                return self._renew(repo, user, row, offer)
            if fork_point == head:
                raise Refused(
                    f"there is nothing to merge: {offer.base} has all of {offer.head}",
                    hint="commit to the branch and push it first",
                )
            return self._open(repo, user, offer, head=head, fork_point=fork_point)

    def _open(
        self, repo: Repository, user: User, offer: Offer, *, head: Revision, fork_point: Revision
    ) -> PullRequest:
        row = self.store.row("SELECT coalesce(max(number), 0) + 1 AS next FROM pulls WHERE repo = ?", repo.id)
        number = row["next"] if row else 1
        repo.git.keep(number, head)
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO pulls (repo, number, title, body, author, state, head_branch, head, base_branch, fork_point,"
                " created, labels) VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?)",
                (
                    repo.id, number, offer.title, offer.body, user.login, offer.head, head, offer.base, fork_point,
                    self.now().isoformat(), json.dumps(list(dict.fromkeys(offer.labels))),
                ),
            )  # fmt: skip
            return self.announce(repo, number, "opened", user.person)

    def _renew(self, repo: Repository, user: User, row: Row, offer: Offer) -> PullRequest:
        labels = json.dumps(list(dict.fromkeys([*json.loads(row["labels"]), *offer.labels])))
        if (row["title"], row["body"], row["labels"]) == (offer.title, offer.body, labels):
            return self.observe(repo, row["number"])
        with self.store.transaction() as db:
            db.execute(
                "UPDATE pulls SET title = ?, body = ?, labels = ? WHERE repo = ? AND number = ?",
                (offer.title, offer.body, labels, repo.id, row["number"]),
            )
            return self.announce(repo, row["number"], "edited", user.person)

    def observe(self, repo: Repository, number: int) -> PullRequest:
        """The pull request as it is now, with everything."""
        pull = self.view(repo, number)
        return replace(pull, is_mergeable=self._is_mergeable(repo, pull))

    def view(self, repo: Repository, number: int) -> PullRequest:
        """The pull request with everything but whether it merges, which costs a merge."""
        row = self.find_row(repo, number)
        return replace(
            self._pull(repo, row),
            reviews=self._reviews(repo, number),
            comments=self._comments(repo, number),
            checks=self.checks(repo, Revision(row["head"])),
            pushed_by=tuple(map(self._person, self.pushes.logins(repo, row))),
        )

    def find_row(self, repo: Repository, number: int) -> Row:
        """The row of a pull request; NotFound."""
        row = self.store.row("SELECT * FROM pulls WHERE repo = ? AND number = ?", repo.id, number)
        if row is None:
            raise NotFound(
                f"{repo.full_name} has no pull request #{number}", hint="`jx pr list` shows those there are"
            )
        return row

    def list_pulls(self, repo: Repository, state: PullState | None) -> tuple[PullRequest, ...]:
        """Pull requests, newest first; None means every state."""
        rows = self.store.rows("SELECT * FROM pulls WHERE repo = ? ORDER BY number DESC", repo.id)
        return tuple(self._pull(repo, row) for row in rows if state in (None, PullState(row["state"])))

    def comment(self, repo: Repository, number: int, user: User, body: str, *, key: str = "") -> None:
        """Comment; with a key, the user's earlier comment of that key is renewed instead."""
        _check_text("body", body)
        pull = self.view(repo, number)
        said = Comment(user.person, body, self.now(), key, pull.head)
        with self.store.transaction() as db:
            renewed = 0
            if key:
                renewed = db.execute(
                    "UPDATE comments SET body = ?, created = ?, edited = 1"
                    " WHERE repo = ? AND number = ? AND author = ? AND key = ?",
                    (body, said.created.isoformat(), repo.id, number, user.login, key),
                ).rowcount
            if not renewed:
                db.execute(
                    "INSERT INTO comments (repo, number, author, body, created, key, revision) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (repo.id, number, user.login, body, said.created.isoformat(), key, pull.head),
                )
            payload = payloads.comment(self.describe(repo), pull, said, is_new=not renewed)
            self.hooks.emit(repo, "issue_comment", payload)

    def approve(
        self, repo: Repository, number: int, user: User, *, revision: Revision, body: str = ""
    ) -> None:
        """Approve that commit; the same again changes nothing."""
        _check_text("body", body)
        with self.store.transaction() as db:
            pull = self.view(repo, number)
            if pull.state is not PullState.OPEN:
                raise Refused(f"#{number} of {repo.full_name} is {pull.state.value} already")
            if pull.author.login == user.login:
                raise Refused(
                    f"#{number} of {repo.full_name} is your own pull request",
                    hint="ask somebody else to approve it; alone on this machine, be a second one: "
                    f"jx local user add bob, then jx --as bob pr approve {pull.number}",
                )
            protection = self.protections.find(repo, pull.base_branch)
            if rules.is_own(pull, user.person, protection, written_by=repo.git.author_email(pull.head)):
                raise Refused(
                    f"#{number} of {repo.full_name} holds your own change, whoever opened it",
                    hint="ask somebody else to approve it",
                )
            if pull.head != revision:
                raise Stale(
                    f"#{number} of {repo.full_name} is at {pull.head[:12]} by now, not at {revision[:12]}",
                    hint="look at what was pushed since, then approve again",
                )
            db.execute(
                "INSERT INTO reviews (repo, number, author, revision, body) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (repo, number, author, revision) DO UPDATE SET body = excluded.body",
                (repo.id, number, user.login, revision, body),
            )
            given = Review(user.person, approves=True, revision=revision, body=body)
            self.hooks.emit(repo, "pull_request_review", payloads.review(self.describe(repo), pull, given))

    def close(self, repo: Repository, number: int, user: User) -> None:
        """Close without merging; a closed one stays so."""
        with self.store.transaction() as db:
            pull = self.view(repo, number)
            if pull.state is PullState.MERGED:
                raise Refused(f"#{number} of {repo.full_name} is merged already")
            if repo.level < Level.WRITE and pull.author.login != user.login:
                raise Forbidden(f"{user.login} has no right to close #{number} of {repo.full_name}")
            if pull.state is PullState.OPEN:
                db.execute(
                    "UPDATE pulls SET state = 'closed' WHERE repo = ? AND number = ?", (repo.id, number)
                )
                self.announce(repo, number, "closed", user.person)

    def set_status(self, repo: Repository, user: User, revision: Revision, check: Check) -> None:
        """Set a commit status; the same context again replaces it."""
        if not check.context.strip():
            raise Invalid("a status needs a context", Problem("context", "not empty"))
        if check.target_url and not check.target_url.startswith(("http://", "https://")):
            raise Invalid("a status links to a page", Problem("target_url", "http:// or https://"))
        if not repo.git.has_commit(revision):
            raise NotFound(f"there is no commit {revision} in {repo.full_name}")
        reporters = self.protections.reporters(repo, check.context)
        if reporters is not None and user.login not in reporters:
            names = " or ".join(reporters) or "nobody"
            raise Forbidden(
                f"{check.context} is reported by {names} in {repo.full_name}, not by {user.login}"
            )
        with self.store.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO statuses (repo, revision, context, state, description, target_url)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (repo.id, revision, check.context, check.state.value, check.description, check.target_url),
            )
            payload = payloads.status(self.describe(repo), revision, check, sender=user.person)
            self.hooks.emit(repo, "status", payload)

    def checks(self, repo: Repository, revision: Revision) -> tuple[Check, ...]:
        """The statuses of a commit, by context."""
        rows = self.store.rows(
            "SELECT * FROM statuses WHERE repo = ? AND revision = ? ORDER BY context", repo.id, revision
        )
        return tuple(
            Check(row["context"], CheckState(row["state"]), row["description"], row["target_url"])
            for row in rows
        )

    def announce(self, repo: Repository, number: int, action: str, sender: Person) -> PullRequest:
        """Tell webhooks what happened to a pull request; the pull request."""
        pull = self.view(repo, number)
        payload = payloads.pull_request(self.describe(repo), pull, action=action, sender=sender)
        self.hooks.emit(repo, "pull_request", payload)
        return pull

    def describe(self, repo: Repository) -> payloads.Payload:
        """A repository, as every event has it."""
        return payloads.repository(repo, url=self.url, default_branch=repo.git.default_branch())

    def clone_url(self, repo: Repository) -> Repo:
        """A repository as the domain has it."""
        return Repo(f"{self.url}/{repo.full_name}.git")

    def _is_mergeable(self, repo: Repository, pull: PullRequest) -> bool | None:
        if pull.state is not PullState.OPEN:
            return None
        base = repo.git.head(pull.base_branch)
        return base is not None and repo.git.merges(base, pull.head)

    def _pull(self, repo: Repository, row: Row) -> PullRequest:
        return PullRequest(
            repo=self.clone_url(repo),
            number=row["number"],
            url=f"{self.url}/{repo.full_name}/pulls/{row['number']}",
            title=row["title"],
            body=row["body"],
            author=self._person(row["author"]),
            state=PullState(row["state"]),
            head_branch=row["head_branch"],
            head=Revision(row["head"]),
            base_branch=row["base_branch"],
            created=datetime.fromisoformat(row["created"]),
            merged_as=Revision(row["merged_as"]) if row["merged_as"] else None,
            merged_by=self._person(row["merged_by"]) if row["merged_by"] else None,
            labels=tuple(json.loads(row["labels"])),
            author_may_write=self._may_write(repo, row["author"]),
        )

    def _may_write(self, repo: Repository, login: str) -> bool:
        user, row = self.users.find(login), self.store.row("SELECT * FROM repos WHERE id = ?", repo.id)
        return user is not None and row is not None and self.users.level(user, row) >= Level.WRITE

    def _reviews(self, repo: Repository, number: int) -> tuple[Review, ...]:
        rows = self._talk("reviews", repo, number)
        return tuple(
            Review(
                self._person(row["author"]),
                approves=True,
                revision=Revision(row["revision"]),
                body=row["body"],
                may_write=self._may_write(repo, row["author"]),
            )
            for row in rows
        )

    def _comments(self, repo: Repository, number: int) -> tuple[Comment, ...]:
        rows = self._talk("comments", repo, number)
        return tuple(
            Comment(
                self._person(row["author"]),
                row["body"],
                datetime.fromisoformat(row["created"]),
                row["key"],
                Revision(row["revision"]) if row["revision"] else None,
                bool(row["edited"]),
                self._may_write(repo, row["author"]),
            )
            for row in rows
        )

    def _talk(self, table: str, repo: Repository, number: int) -> Iterable[Row]:
        return self.store.rows(
            f"SELECT * FROM {table} WHERE repo = ? AND number = ? ORDER BY id", repo.id, number
        )

    def _person(self, login: str) -> Person:
        user = self.users.find(login)
        return user.person if user else Person(login, login=login)


def _check(offer: Offer) -> None:
    parse_branch(offer.head)
    parse_branch(offer.base)
    if not offer.title.strip() or _CONTROL.search(offer.title) or len(offer.title) > _LONGEST_TITLE:
        raise Invalid(
            "a pull request needs a title", Problem("title", f"one line of 1 to {_LONGEST_TITLE} characters")
        )
    _check_text("body", offer.body)


def _check_text(where: str, text: str) -> None:
    if len(text) > _LONGEST_TEXT:
        raise Invalid("that is too long", Problem(where, f"at most {_LONGEST_TEXT} characters"))
