"""Whatever happens in whatever order: in the end the cluster is what the branch says, or what a person applied by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.endings import objects
from tests.support.faults import Fault, Faults
from tests.support.fuses import Crash
from tests.support.journeys import BETTER, BOB, CHARTS, DEV, GOOD, World, installed

from jx.domain.applying.locking import LEASE
from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartRef
from jx.domain.environments import holds
from jx.domain.environments.edits import PutApp, RemoveApp, SetVersion
from jx.domain.errors import Refused
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey
from jx.domain.trees import Tree

PLATFORM = "jx-platform"
VERSIONS = {"redis": ("1.0.0", "1.1.0"), "shop": ("1.0.0", "2.0.0"), "dashboard": ("0.3.0", "0.4.0")}
SERVERS = ("git", "forge", "charts", "activities", "cluster")


def with_version(tree: Tree, app: str, version: str) -> Tree:
    """The files with an app at a version; none: without it."""
    known = {one.key for one in umbrella.read(tree).apps}
    key = AppKey(app)
    if not version:
        return umbrella.apply_edit(tree, RemoveApp(key)) if key in known else tree
    if key in known:
        return umbrella.apply_edit(tree, SetVersion(key, version))
    return umbrella.apply_edit(tree, PutApp(App(key, ChartRef(app, CHARTS, version)), {}))


@cache
def _applied(apps: tuple[tuple[str, str], ...]) -> Mapping[str, Any]:
    world = installed()
    tree = world.tree()
    for app, version in apps:
        tree = with_version(tree, app, version)
    world.push(tree, "All at once")
    world.settle()
    return objects(world)


def expected(tree: Tree) -> Mapping[str, Any]:
    """What a new cluster holds to which nothing but these files was ever applied."""
    apps = {str(app.key): app.chart.version for app in umbrella.read(tree).apps}
    return _applied(tuple(sorted(apps.items())))


@dataclass
class Story:
    """What happens, one thing after the other."""

    world: World = field(default_factory=installed)
    by_hand: Tree | None = None
    """What a person applied by hand last, while its hold lasts and nothing was interrupted."""
    was_interrupted: bool = False
    """An apply by hand: what it did is made good by one more of what was applied before it."""

    def push(self, app: str, version: str) -> None:
        tree = with_version(self.world.tree(), app, version)
        if tree != self.world.tree():
            self.world.push(tree, f"{app} {version or 'goes'}")

    def work(self) -> None:
        self.world.settle()
        self.check()

    def crash(self, at: int) -> None:
        try:
            self.world.controllers(Faults(at, Fault.CRASH_AFTER)).work()
        except Crash:
            self.world.clock.move(timedelta(seconds=30))

    def lose(self, server: str) -> None:
        self.world.down[server].is_down = True
        self.world.controllers().work(patience=timedelta(seconds=30))
        self.world.down[server].is_down = False

    def apply_by_hand(self, back: int, crash: int) -> None:
        """The files of some commits ago; `crash` is 0 where nothing happens to it."""
        commits = self.world.repos.log(self.world.repo(), self.world.head())
        tree = self.world.tree(revision=commits[min(back, len(commits) - 1)].revision)
        self.world.clock.move(LEASE + timedelta(seconds=1))
        self.by_hand = None
        try:
            self.world.process(BOB, Faults(crash, Fault.CRASH_AFTER)).apply_by_hand(tree)
        except Crash:
            self.was_interrupted = True
            return
        except Refused:  # it may need --allow; then nothing was done
            return
        self.by_hand = tree

    def push_what_was_applied(self) -> None:
        if self.by_hand is not None and self.by_hand != self.world.tree():
            self.world.push(self.by_hand, "Revert it")

    def resume(self) -> None:
        self.world.process(BOB).end_hold(DEV)
        self.by_hand = None

    def check(self) -> None:
        """After the controllers had all the time that they need."""
        anchor = self.world.anchor()
        blocking = holds.find_blocking(anchor.holds, head=self.world.head(), tree=self.world.tree())
        if blocking is None:
            assert objects(self.world) == expected(self.world.tree())
            assert not anchor.holds
            assert anchor.applied is not None
            assert anchor.applied.source.revision == self.world.head()
        elif self.by_hand is not None:
            assert objects(self.world) == expected(self.by_hand)
        assert not anchor.pending
        entries = [
            (one.trailers.get("Jx-Source-Commit"), one.trailers["Jx-Result"])
            for one in self.world.ledger()
            if "Jx-Result" in one.trailers
        ]
        doubled = [one for one, following in pairwise(entries) if one == following and one[0]]
        assert self.was_interrupted or not doubled


Act = tuple[str, tuple[Any, ...]]


def acts() -> st.SearchStrategy[Act]:
    """One thing that happens."""
    apps = st.one_of(
        *(st.tuples(st.just(app), st.sampled_from(("", *versions))) for app, versions in VERSIONS.items()),
        st.tuples(st.just(PLATFORM), st.sampled_from((GOOD, BETTER))),
    )
    return st.one_of(
        st.tuples(st.just("push"), apps),
        st.tuples(st.just("push"), apps),
        st.tuples(st.just("work"), st.just(())),
        st.tuples(st.just("crash"), st.tuples(st.integers(1, 80))),
        st.tuples(st.just("lose"), st.tuples(st.sampled_from(SERVERS))),
        st.tuples(st.just("apply_by_hand"), st.tuples(st.integers(0, 3), st.sampled_from((0, 0, 10, 25)))),
        st.tuples(st.just("push_what_was_applied"), st.just(())),
        st.tuples(st.just("resume"), st.just(())),
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(acts(), min_size=3, max_size=10))
def test_in_the_end_the_cluster_is_what_the_branch_says(story_of: list[Act]) -> None:
    story = Story()
    for act, arguments in story_of:
        getattr(story, act)(*arguments)
    story.work()
    story.resume()
    story.work()
