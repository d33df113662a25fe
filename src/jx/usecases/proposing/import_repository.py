"""Import a repository: its pushes and pull requests start pipelines from then on, or no longer."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import PullRequest
from jx.domain.changes.wording import Wording
from jx.domain.environments.edits import PatchFiles
from jx.domain.environments.source_repositories import SourceRepository
from jx.domain.errors import NotFound, Refused, Usage
from jx.domain.events import Event
from jx.domain.layouts.sections import find_nearest
from jx.domain.layouts.source_repositories_yaml import SUFFIX, find_file, find_name, write_source_repository
from jx.domain.names import DEV, Person, Repo, parse_branch, parse_repo
from jx.domain.runs.pushes import HEADS
from jx.domain.texts.patches import FilePatch
from jx.ports.credentials import Credentials
from jx.ports.repos import Repos
from jx.usecases.propose_change import PlatformAt, ProposeChange, Target
from jx.usecases.set_up_repository import SetUpRepository, find_rights

USUAL_BRANCHES = ("main", "master")
"""What a repository is released from where nobody says so, the likeliest first."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """Which repository (`owner/name`, or its URL), and the branch that it is released from; empty: main, else master."""

    platform: PlatformAt
    repository: str
    branch: str = ""
    webhook_url: str = ""
    """Where its forge tells of pushes."""
    auto_merge: bool = False


@dataclass(frozen=True, slots=True)
class ImportRepository:
    """Declares a SourceRepository in the dev repository, by a pull request, and has the forge tell of it."""

    propose_change: ProposeChange
    repos: Repos
    set_up: SetUpRepository
    credentials: Credentials
    owner: Person
    """Who owns the platform's repositories."""

    def __call__(self, request: ImportRequest) -> PullRequest | None:
        """The pull request; None where it is imported so already. A repository that is not there is made, where the forge lets
        one. NotFound for a branch that is not there; Refused for an environment's repository, and for one of another git
        server, which would tell nobody."""
        target = self.propose_change.target(request.platform, DEV)
        self.propose_change.require_pulls(target)
        repo = beside(target.repo, request.repository)
        own = target.platform.find_environment_of(repo)
        if own is not None:
            raise Refused(
                f"{repo.full_name} is the repository of environment {own.name}: its pipelines start already"
            )
        for what in self.set_up.make_plain(repo):
            self.propose_change.reporter.tell(Event(f"Made {what}, which is empty: push to {repo.url}"))
        source = SourceRepository(repo, self._find_branch(repo, request.branch))
        self._connect(source, request, target)
        name = find_name(target.chart, repo)
        words = Wording(
            f"import-{name}",
            f"Import {repo.full_name}",
            f"Import {repo.full_name}: pushes to `{source.branch}` and pull requests start its pipelines",
        )
        path = find_file(target.chart, repo) or f"templates/{name}{SUFFIX}"
        return self._put(
            target, path, write_source_repository(source, name), words, auto_merge=request.auto_merge
        )

    def forget(self, request: ImportRequest) -> PullRequest | None:
        """The pull request that takes the declaration away; the repository stays, and its webhook tells nobody anything any more.
        NotFound with the nearest."""
        target = self.propose_change.target(request.platform, DEV)
        repo = beside(target.repo, request.repository)
        path = find_file(target.chart, repo)
        if path is None:
            known = [one.repo.full_name for one in target.platform.dev.source_repositories]
            near = find_nearest(repo.full_name, known) or known
            hint = f"there is {', '.join(near)}" if near else "none is imported: jx import"
            raise NotFound(f"{repo.full_name} is not imported", hint=hint)
        name = SourceRepository(repo).name
        body = f"Delete application {repo.full_name}: nothing starts its pipelines any more. Its repository stays as it is"
        words = Wording(f"delete-application-{name}", f"Delete application {repo.full_name}", body)
        return self._put(target, path, None, words, auto_merge=request.auto_merge)

    def _put(
        self, target: Target, path: str, text: str | None, words: Wording, *, auto_merge: bool
    ) -> PullRequest | None:
        folder = target.platform.dev.chart_dir
        patch = FilePatch(f"{folder}/{path}" if folder else path, is_whole=True, text=text)
        return self.propose_change(target, PatchFiles((patch,)), words=words, auto_merge=auto_merge)

    def _find_branch(self, repo: Repo, said: str) -> str:
        """The branch that is there; of a repository that is empty, the one that is to come."""
        tried = (parse_branch(said),) if said else USUAL_BRANCHES
        refs = self.repos.refs(repo)
        for branch in tried:
            if not refs or HEADS + branch in refs:
                return branch
        raise NotFound(
            f"{repo.full_name} has no branch {' and no branch '.join(tried)}",
            hint="push to it first, or name the branch that it is released from: --branch NAME",
        )

    def _connect(self, source: SourceRepository, request: ImportRequest, target: Target) -> None:
        if not self.set_up.is_possible:
            return
        namespace = target.platform.dev.namespace
        rights = find_rights(self.credentials, namespace, self.owner, request.webhook_url)
        for what in self.set_up.connect(source.repo, rights):
            self.propose_change.reporter.tell(Event(f"Made {what}"))


def beside(dev: Repo, said: str) -> Repo:
    """The repository that somebody names: by its URL, or as `owner/name` on the git server of the dev repository."""
    if "://" not in said and said.count("/") != 1:
        raise Usage(f"{said!r} is no repository", hint="owner/name, or the URL to clone it from")
    named = parse_repo(said) if "://" in said else dev.sibling(said)
    repo = dev.sibling(named.full_name)
    if not repo.is_same(named):
        raise Refused(
            f"{named.url} is not on the platform's git server, which alone tells of pushes",
            hint=f"the platform's is that of {dev.url}",
        )
    return repo
