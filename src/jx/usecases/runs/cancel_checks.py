"""Cancel checks: end the runs of a pull request that somebody with rights does not want any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jx.domain.events import Event
from jx.domain.names import Repo
from jx.domain.runs.runs import Run, RunState
from jx.ports.forge import Forge
from jx.ports.pipelines import Pipelines
from jx.ports.reporter import Reporter

COMMENT_KEY = "jx-answer-cancel"


@dataclass(frozen=True, slots=True)
class CancelChecks:
    """Level-triggered: only what had begun when it was said; a run that was asked for afterwards goes on. A comment of ours
    answers, once."""

    forge: Forge
    reporter: Reporter
    pipelines: Pipelines | None = None
    """None where nothing runs pipelines."""

    def __call__(self, repo: Repo, number: int, said: Iterable[datetime]) -> int:
        """How many runs were told to end. `said`: when people asked for it."""
        latest = max(said, default=None)
        if latest is None:
            return 0
        begun = self._begun(repo, number, latest)
        ended = [run for run in begun if run.state.is_open and self._cancel(run, number)]
        gone = sorted(str(run.build) for run in begun if run in ended or run.state is RunState.CANCELLED)
        self._answer(repo, number, gone)
        return len(ended)

    def _begun(self, repo: Repo, number: int, latest: datetime) -> list[Run]:
        runs = self.pipelines.list_all() if self.pipelines else ()
        mine = [run for run in runs if run.pipeline == f"{repo.full_name}/PR-{number}"]
        return [run for run in mine if run.created is not None and run.created <= latest]

    def _cancel(self, run: Run, number: int) -> bool:
        assert self.pipelines is not None
        is_done = self.pipelines.cancel(run.name)
        if is_done:
            self.reporter.tell(Event(f"run {run.name} is cancelled, as a comment on #{number} asks"))
        return is_done

    def _answer(self, repo: Repo, number: int, gone: list[str]) -> None:
        text = (
            f"Ended: run {', '.join(f'#{build}' for build in gone)}.\n"
            if gone
            else "There was no run to end.\n"
        )
        if self.pipelines is None:
            text = "Nothing runs pipelines here, so there is no run to end.\n"
        known = [one.body for one in self.forge.observe(repo, number).comments if one.key == COMMENT_KEY]
        if text not in known:
            self.forge.comment(repo, number, text, key=COMMENT_KEY)
