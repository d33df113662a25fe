"""Heed test requests: who may have a pull request of an application run, and who asked for that, or for its end."""

from __future__ import annotations

from dataclasses import dataclass

from jx.domain.changes.approving import Judgement, Rules, Subject, judge_tests
from jx.domain.changes.changes import PullRequest, PullState
from jx.domain.changes.owners import Owners, read_owners
from jx.domain.errors import Invalid
from jx.domain.names import Person, Revision
from jx.ports.forge import Forge
from jx.ports.repos import Repos


@dataclass(frozen=True, slots=True)
class HeedTestRequests:
    """Level-triggered. Owners are the base branch's; people whose commands do nothing are answered, once."""

    repos: Repos
    forge: Forge

    def __call__(self, pull: PullRequest) -> Judgement | None:
        """Who said what; None where the pull request is not open, or its base is gone."""
        base = self.repos.head(pull.repo, pull.base_branch)
        if pull.state is not PullState.OPEN or base is None:
            return None
        machine = self.forge.whoami()
        judged = judge_tests(Subject(pull, (), Person(""), machine), Rules(self._owners(pull, base)))
        said = {one.key: one.body for one in pull.comments if one.key and one.author.login == machine.login}
        for answer in judged.answers:
            if said.get(answer.key) != answer.text:
                self.forge.comment(pull.repo, pull.number, answer.text, key=answer.key)
        return judged

    def _owners(self, pull: PullRequest, base: Revision) -> Owners:
        """With mistakes in the lists, nobody but who may write has rights."""
        try:
            return read_owners(self.repos.read(pull.repo, base))
        except Invalid:
            return Owners()
