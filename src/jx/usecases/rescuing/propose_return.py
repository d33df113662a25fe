"""Propose a return: the pull request that makes git say what a watchdog brought back."""

from __future__ import annotations

from dataclasses import dataclass, field

from jx.domain.applying.applying import Anchor, Hold
from jx.domain.environments import watchdogs
from jx.domain.environments.environments import Environment
from jx.domain.events import Event, Level
from jx.domain.names import EnvironmentName, Repo, Revision
from jx.domain.trees import Tree, merge_trees
from jx.ports.anchor import Anchors
from jx.ports.forge import Ability, Forge, Offer
from jx.ports.reporter import Reporter
from jx.ports.repos import Draft, Repos


@dataclass(frozen=True, slots=True)
class ProposeReturn:
    """Undoes what was undone, on top of whatever was merged since. Repeating it meets the same branch and pull request again."""

    repos: Repos
    forge: Forge
    anchors: Anchors
    reporter: Reporter
    _proposed: dict[EnvironmentName, Revision] = field(default_factory=dict, repr=False, compare=False)
    """Heads for which it was done; it only spares asking again."""

    def __call__(self, environment: Environment) -> None:
        """Open the pull request, where a watchdog holds this environment; nothing where git says the same already or knows no
        pull requests."""
        anchor = self.anchors.find(environment.name)
        hold = next((one for one in anchor.holds if one.by == watchdogs.NAME), None) if anchor else None
        if anchor and hold:
            self._propose(environment, anchor, hold)

    def _propose(self, environment: Environment, anchor: Anchor, hold: Hold) -> None:
        repo, applied = environment.repo, anchor.applied
        if Ability.PULLS not in self.forge.abilities or repo is None:
            return
        if hold.skips is None or applied is None or applied.source.revision is None:
            return
        head = self.repos.head(repo, environment.branch)
        if head is None or self._proposed.get(environment.name) == head:
            return
        ours, base = self.repos.read(repo, head), self.repos.read(repo, hold.skips)
        merged, conflicts = merge_trees(base, ours, self.repos.read(repo, applied.source.revision))
        if conflicts:
            words = f"git is left to a person: {', '.join(conflicts)} changed since {hold.skips[:12]}"
            self.reporter.tell(Event(words, Level.WARNING))
        elif merged != ours:
            self._offer(environment, repo, head, merged, _words(applied.source.subject, hold))
        self._proposed[environment.name] = head

    def _offer(
        self, environment: Environment, repo: Repo, head: Revision, tree: Tree, words: tuple[str, str, str]
    ) -> None:
        branch, title, body = words
        requester = self.forge.whoami()
        message = f"{title}\n\n{body}\n\nJx-Requested-By: {requester}\nJx-Edit: go back\n"
        self.repos.replace(repo, branch, base=head, draft=Draft(tree, message, requester))
        pull = self.forge.propose(repo, Offer(branch, environment.branch, title, body))
        self.reporter.tell(Event(f"Created Pull Request: {pull.url}", facts={"url": pull.url}))


def _words(subject: str, hold: Hold) -> tuple[str, str, str]:
    """Branch, title and body."""
    skipped = hold.skips or ""
    body = (
        f"{skipped[:12]} was applied and taken back by the watchdog: {hold.reason}.\n\n"
        "The environment is on hold until this is merged, or something else undoes that change."
    )
    return f"go-back-{skipped[:8]}", subject or "Go back to the last verified state", body
