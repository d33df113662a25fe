"""Webhooks, runs and their records, where whoever does it dies at any call that changes something, and begins anew: the newest
merge has one run and one apply, others are told, and what is written down is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from tests.support.endings import objects
from tests.support.engine import Engine
from tests.support.faults import Fault, Faults
from tests.support.fuses import Crash
from tests.support.interruptions import differences, is_change
from tests.support.journeys import ANN, BOT, World, installed

from jx.domain.names import Revision
from jx.domain.runs.runs import APPLY, RunState
from jx.ports.forge import Offer
from jx.ports.repos import Draft
from jx.usecases.reviewing.review_change import Close, ReviewRequest


@dataclass
class Story:
    """What happens to an engine. Whatever people and steps did is done once, however often it is gone through."""

    engine: Engine
    faults: Faults

    @property
    def world(self) -> World:
        return self.engine.world

    def once(self, what: str, do: Callable[[], object]) -> None:
        if what not in self.world.done:
            do()
            self.world.done.add(what)

    def push(self, subject: str) -> None:
        self.once(
            subject, lambda: self.world.push(self.world.tree().put("README.md", f"{subject}\n"), subject)
        )

    def hook(self) -> None:
        """The pods start, a webhook comes, and they work until nothing is left to do."""
        controllers = self.engine.checking(self.faults)
        self.world.deliver(self.world.process(BOT, self.faults).receiver)
        controllers.work(patience=timedelta(seconds=30))

    def steps(self) -> None:
        """Whatever waits to be applied runs; that of checks only succeeds."""
        for run in self.engine.pipelines.list_all():
            if run.state.is_open:
                self.engine.begin(run)
                if run.context == APPLY:
                    self.engine.apply(run)
                self.engine.end(run)


def overtaken(story: Story) -> None:
    """A merge is overtaken before its run begins, and the next one is applied; of old runs one is kept."""
    story.engine.keep = 1
    story.push("First")
    story.hook()
    story.push("Second")
    story.hook()
    story.steps()
    story.hook()


def a_run_goes_on(story: Story) -> None:
    """A merge comes while the run of the one before goes on, and waits for its end, which is a failure."""
    story.push("First")
    story.hook()
    (first,) = [one for one in story.engine.pipelines.list_all() if one.message == "First"]
    story.once("begins", lambda: story.engine.begin(first))
    story.push("Second")
    story.hook()
    story.once("fails", lambda: story.engine.end(first, RunState.FAILED, "no chart"))
    story.hook()
    story.steps()
    story.hook()


def checked(story: Story) -> None:
    """A pull request is checked, pushed to again before its check has begun, and closed while the next one waits."""
    world = story.world
    repo = world.repo()

    def commit(subject: str) -> None:
        tree = world.tree().put("README.md", f"{subject}\n")
        draft = Draft(tree, f"{subject}\n\nJx-Edit: \n", ANN)
        head = world.repos.head(repo, "mine")
        if head is None:
            world.repos.replace(repo, "mine", base=world.head(), draft=draft)
        else:
            world.repos.write(repo, "mine", base=head, draft=draft)

    def number() -> int:
        return world.forge.list_pulls(repo, state=None)[0].number

    def close() -> None:
        world.process(ANN).review_change(ReviewRequest(repo, number(), Close()))

    story.once("commit", lambda: commit("Mine"))
    offer = Offer("mine", "master", "Change it", "")
    story.once("offer", lambda: world.forge_as(ANN).propose(repo, offer))
    story.hook()
    story.once("again", lambda: commit("Mine, better"))
    story.hook()
    story.once("steps", story.steps)
    story.hook()
    story.once("once more", lambda: commit("Mine, best"))
    story.hook()
    story.once("close", close)
    story.hook()


STORIES = (overtaken, a_run_goes_on, checked)


def ending(engine: Engine) -> dict[str, Any]:
    """All that has to be the same at the end. Numbers of builds may be left out, and are never given twice."""
    world, repo = engine.world, engine.world.repo()

    def subject(revision: str) -> str:
        return world.repos.log(repo, Revision(revision), limit=1)[0].subject

    numbers = [(run.pipeline, run.build) for run in engine.pipelines.started]
    return {
        "started": sorted((run.context, subject(run.revision)) for run in engine.pipelines.started),
        "doubled numbers": len(numbers) - len(set(numbers)),
        "kept": sorted(
            (run.context, subject(run.revision), run.state) for run in engine.pipelines.list_all()
        ),
        "applies": [
            subject(one.trailers["Jx-Source-Commit"]) for one in world.ledger() if "Jx-Result" in one.trailers
        ],
        "records": sorted(
            (one.pipeline, one.message, one.status, tuple((step.name, step.status) for step in one.steps))
            for one in world.activities.list_all()
        ),
        "statuses": {
            (subject(revision), context): check.state
            for (name, revision, context), check in world.statuses.items()
            if name == repo.full_name
        },
        "objects": objects(world),
    }


def go_through(story: Callable[[Story], None], world: World, faults: Faults) -> dict[str, Any]:
    """The end of a story: whoever died begins again."""
    engine = Engine(world.copy())
    try:
        story(Story(engine, faults))
    except Crash:
        story(Story(engine, Faults()))
    return ending(engine)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_whoever_dies_at_any_call_is_followed_by_one_that_ends_the_same(
    story: Callable[[Story], None],
) -> None:
    world = installed()
    dry = Faults()
    expected = go_through(story, world, dry)
    changing = [number for number, call in enumerate(dry.calls, 1) if is_change(*call)]
    points = [(changing[0], Fault.CRASH_BEFORE), *((number, Fault.CRASH_AFTER) for number in changing)]
    wrong = [
        f"{fault} at call {at}, {'.'.join(dry.calls[at - 1])}: {one}"
        for at, fault in points
        for one in differences(expected, go_through(story, world, Faults(at, fault)))
    ]
    assert wrong == []
    assert {("signals", "tell"), ("pipelines", "start"), ("pipelines", "next"), ("activities", "save")} <= {
        dry.calls[at - 1] for at, _ in points
    }
