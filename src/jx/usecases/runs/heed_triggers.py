"""Heed triggers: when a repository's pipelines start, by its file and by what a commit says. A step below what starts runs."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.changes import PullRequest
from jx.domain.errors import NotFound
from jx.domain.names import Repo, Revision
from jx.domain.pipelines import files, triggering
from jx.domain.pipelines.syntax import Triggers
from jx.ports.repos import Commit, Repos
from jx.usecases.reviewing.heed_comments import differing, find_changed


@dataclass(frozen=True, slots=True)
class Skip:
    """Why something is not run. `blocks`: nobody is to take it for tested."""

    words: str
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class HeedTriggers:
    """Reads the file of the commit that would be run."""

    repos: Repos

    def read(self, repo: Repo, revision: Revision) -> Triggers:
        """What the file says; nothing where there is no file. Invalid with its mistakes."""
        tree = self.repos.read(repo, revision)
        try:
            name = files.find_file(tree)
        except NotFound:
            return Triggers()
        return files.parse_project(tree.text(name), name).triggers or Triggers()

    def of_push(self, repo: Repo, commit: Commit, since: Revision | None) -> Skip | None:
        """Why a pushed commit is not run; None where it is. `since`: what was built before it, if anything."""
        if words := triggering.skip_by_message(commit.message):
            return Skip(words)
        triggers = self.read(repo, commit.revision)
        if since is None or not (triggers.paths or triggers.paths_ignore):
            return None
        changed = differing(self.repos.read(repo, since), self.repos.read(repo, commit.revision))
        words = triggering.skip_by_paths(triggers, changed)
        return Skip(words) if words else None

    def of_pull(self, pull: PullRequest, base: Revision) -> Skip | None:
        """Why a pull request's head is not run; None where it is."""
        commit = self.repos.log(pull.repo, pull.head, limit=1)[0]
        if words := triggering.skip_by_message(commit.message):
            return Skip(f"{words}; /test runs it", blocks=True)
        triggers = self.read(pull.repo, pull.head)
        if not (triggers.paths or triggers.paths_ignore):
            return None
        words = triggering.skip_by_paths(triggers, find_changed(self.repos, pull, base))
        return Skip(words) if words else None
