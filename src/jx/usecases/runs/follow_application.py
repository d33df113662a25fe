"""Follow an application: start a run for each push to the branch that it is released from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from jx.domain.environments.source_repositories import Grant, SourceRepository
from jx.domain.errors import Invalid, NotFound
from jx.domain.events import Event
from jx.domain.names import Revision
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.runs.application_runs import RunOrder, name_push
from jx.domain.runs.pushes import HEADS, Push
from jx.ports.reporter import Reporter
from jx.ports.repos import Commit
from jx.usecases.runs.record_unrun import RecordUnrun
from jx.usecases.runs.run_application import RunApplication

_DEEPEST = 100
"""Commits of a branch that are looked at: an older push that is told late starts nothing any more."""


@dataclass(frozen=True, slots=True)
class FollowApplication:
    """The branch's head is found by looking, whatever was told. Commits before it are built where a webhook told that they were
    pushed, and the branch has them, and something older than them was built: so each of ten pushes in a second is a build, and
    what is told twice, late or in another order starts nothing more. A commit that has a run or a record has had its turn."""

    run: RunApplication
    unrun: RecordUnrun
    reporter: Reporter
    _settled: dict[str, Revision] = field(default_factory=dict, repr=False, compare=False)
    """Heads that have had their turn, by repository; it only spares asking again."""

    def __call__(
        self,
        source: SourceRepository,
        refs: Mapping[str, Revision],
        told: Collection[Push],
        *,
        grant: Grant,
    ) -> None:
        """Start what is to be started, oldest first. `refs` are the repository's as they are now, `told` what webhooks said."""
        name = source.repo.full_name
        head = refs.get(HEADS + source.branch)
        pushed = {one.revision for one in told if one.ref == HEADS + source.branch} - {head}
        if head is None or (self._settled.get(name) == head and not pushed):
            return
        history = self.run.repos.log(source.repo, head, limit=_DEEPEST)
        known = self._known(f"{name}/{source.branch}")
        for at, commit in reversed(list(enumerate(history))):
            since = next((one.revision for one in history[at + 1 :] if one.revision in known), None)
            is_meant = commit.revision == head or (commit.revision in pushed and since is not None)
            if is_meant and commit.revision not in known:
                self._start(source, commit, grant)
                known.add(commit.revision)
        self._settled[name] = head

    def _known(self, pipeline: str) -> set[str]:
        runs = {one.revision for one in self.run.pipelines.list_all() if one.pipeline == pipeline}
        return runs | {one.revision for one in self.run.activities.list_all() if one.pipeline == pipeline}

    def _start(self, source: SourceRepository, commit: Commit, grant: Grant) -> None:
        repo, revision = source.repo, commit.revision
        request = RunRequest(
            repo=repo,
            branch=source.branch,
            kind=PipelineKind.RELEASE,
            build=1,
            revision=revision,
            account=grant.account,
        )
        order = RunOrder(
            request,
            revision,
            commit.author,
            commit.subject,
            name=name_push(repo, source.branch, revision),
            secrets=grant.secrets,
        )
        try:
            run = self.run.start(order)
        except (Invalid, NotFound) as error:
            self.unrun.mistake(order, error)
            return
        self.reporter.tell(Event(f"run {run.name} releases {revision[:12]} of {repo.full_name}"))
