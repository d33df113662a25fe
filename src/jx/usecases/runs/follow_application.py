"""Follow an application: a run for each push to the branch that it is released from, and for what else its file asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from jx.domain.environments.source_repositories import NOTHING, Grant, SourceRepository
from jx.domain.errors import Invalid, NotFound
from jx.domain.events import Event, Level
from jx.domain.names import Revision, parse_branch
from jx.domain.pipelines import triggering
from jx.domain.pipelines.runs import RunRequest
from jx.domain.pipelines.syntax import PipelineKind
from jx.domain.runs.application_runs import RunOrder, name_push
from jx.domain.runs.pushes import HEADS, TAGS, Push
from jx.ports.reporter import Reporter
from jx.ports.repos import Commit
from jx.usecases.runs.heed_triggers import HeedTriggers
from jx.usecases.runs.record_unrun import RecordUnrun
from jx.usecases.runs.run_application import RunApplication

_DEEPEST = 100
"""Commits of a branch that are looked at: an older push that is told late starts nothing any more."""
_RELEASED = 1000
"""... among which a tag's has to be for its run to have what those of the branch may have."""

Refs = Mapping[str, Revision]


@dataclass(frozen=True, slots=True)
class FollowApplication:
    """The branch's head is found by looking, whatever was told. Commits before it are built where a webhook told that they were
    pushed, and the branch has them, and something older than them was built: so each of ten pushes in a second is a build, and
    what is told twice, late or in another order starts nothing more. A commit that has a run or a record has had its turn.

    Other branches and tags are built where the file of that very commit asks for it: when a webhook tells of them, when they have
    moved since the last look, and when they have moved since their last record. What was there before anybody looked is left."""

    run: RunApplication
    triggers: HeedTriggers
    unrun: RecordUnrun
    reporter: Reporter
    _seen: dict[str, Refs] = field(default_factory=dict, repr=False, compare=False)
    """Refs that have had their turn, by repository."""

    def __call__(self, source: SourceRepository, refs: Refs, told: Collection[Push], *, grant: Grant) -> None:
        """Start what is to be started, oldest first. `refs` are the repository's as they are now, `told` what webhooks said."""
        name = source.repo.full_name
        before = self._seen.get(name)
        pushed = {one.revision for one in told if one.ref == HEADS + source.branch}
        head = refs.get(HEADS + source.branch)
        if before != refs or told:
            known = self._known(name)
            if head is not None:
                self._follow_branch(source, head, pushed, known.get(source.branch, set()), grant=grant)
            for ref in _moved(refs, before, told, known):
                self._follow_other(source, ref, refs, known, grant=grant)
        self._seen[name] = refs

    def _follow_branch(
        self,
        source: SourceRepository,
        head: Revision,
        pushed: set[Revision],
        known: set[str],
        *,
        grant: Grant,
    ) -> None:
        if head in known and not pushed - known:
            return
        history = self.run.repos.log(source.repo, head, limit=_DEEPEST)
        for at, commit in reversed(list(enumerate(history))):
            since = next((one.revision for one in history[at + 1 :] if one.revision in known), None)
            is_meant = commit.revision == head or (commit.revision in pushed and since is not None)
            if is_meant and commit.revision not in known:
                self._start(_order(source, commit, PipelineKind.RELEASE, grant), commit, since)
                known.add(commit.revision)

    def _follow_other(
        self, source: SourceRepository, ref: str, refs: Refs, known: Mapping[str, set[str]], *, grant: Grant
    ) -> None:
        revision, is_tag = refs[ref], ref.startswith(TAGS)
        short = ref.removeprefix(TAGS if is_tag else HEADS)
        if ref == HEADS + source.branch or revision in known.get(short, set()):
            return
        try:
            parse_branch(short)
        except Invalid as error:
            self.reporter.tell(
                Event(f"{source.repo.full_name}: {error.message}, so it is not run", Level.WARNING)
            )
            return
        try:
            triggers = self.triggers.read(source.repo, revision)
        except Invalid:
            return  # whether it is meant to be built, nobody can tell
        if not triggering.matches(triggers.tags if is_tag else triggers.branches, short):
            return
        commit = self.run.repos.log(source.repo, revision, limit=1)[0]
        if is_tag:
            mine = grant if self._is_released(source, refs, revision) else NOTHING
            order = _order(source, commit, PipelineKind.RELEASE, mine)
            request = replace(order.request, tag=short, version=triggering.version_of(short))
        else:
            order = _order(source, commit, PipelineKind.FEATURE, NOTHING)
            request = replace(order.request, branch=short)
            self._cancel_older(f"{source.repo.full_name}/{short}", revision)
        name = name_push(source.repo, short, revision)
        self._start(replace(order, request=request, name=name), commit, None)

    def _is_released(self, source: SourceRepository, refs: Refs, revision: Revision) -> bool:
        head = refs.get(HEADS + source.branch)
        history = self.run.repos.log(source.repo, head, limit=_RELEASED) if head else ()
        return any(commit.revision == revision for commit in history)

    def _cancel_older(self, pipeline: str, revision: Revision) -> None:
        """Of a branch that releases nothing, the newest push wins."""
        for run in self.run.pipelines.list_all():
            is_older = run.pipeline == pipeline and run.state.is_open and run.revision != revision
            if is_older and self.run.pipelines.cancel(run.name):
                self.reporter.tell(Event(f"run {run.name} is cancelled: overtaken by {revision[:12]}"))

    def _known(self, full_name: str) -> dict[str, set[str]]:
        """The commits that had their turn, by branch or tag."""
        found: dict[str, set[str]] = {}
        runs = [(one.pipeline, one.revision) for one in self.run.pipelines.list_all()]
        records = [(one.pipeline, one.revision) for one in self.run.activities.list_all()]
        for pipeline, revision in (*runs, *records):
            if pipeline.startswith(f"{full_name}/"):
                found.setdefault(pipeline.removeprefix(f"{full_name}/"), set()).add(revision)
        return found

    def _start(self, order: RunOrder, commit: Commit, since: Revision | None) -> None:
        try:
            is_tag = bool(order.request.tag)  # who tags a commit means it, whatever its message says
            skip = None if is_tag else self.triggers.of_push(order.request.repo, commit, since)
            if skip is not None:
                self.unrun.skip(order, skip.words)
                return
            run = self.run.start(order)
        except (Invalid, NotFound) as error:
            self.unrun.mistake(order, error)
            return
        self.reporter.tell(Event(f"run {run.name} builds {order.pipeline} at {commit.revision[:12]}"))


def _moved(
    refs: Refs, before: Refs | None, told: Collection[Push], known: Mapping[str, set[str]]
) -> list[str]:
    """The refs that are news."""
    said = {(one.ref, one.revision) for one in told}

    def is_news(ref: str, revision: Revision) -> bool:
        if before is not None:
            return before.get(ref) != revision or (ref, revision) in said
        return (ref, revision) in said or ref.removeprefix(HEADS) in known

    return [ref for ref, revision in refs.items() if is_news(ref, revision)]


def _order(source: SourceRepository, commit: Commit, kind: PipelineKind, grant: Grant) -> RunOrder:
    request = RunRequest(
        repo=source.repo,
        branch=source.branch,
        kind=kind,
        build=1,
        revision=commit.revision,
        account=grant.account,
    )
    return RunOrder(
        request,
        commit.revision,
        commit.author,
        commit.subject,
        name=name_push(source.repo, source.branch, commit.revision),
        grant=grant,
    )
