"""Tours: an environment on a Kubernetes API with an audit log, and a forge beside it. Each change is offered, checked, merged and
applied, and what its comment told is laid beside what the log says was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.places import Place
from tests.support.told import Log, Operations, Told, differences
from tests.support.worlds import ANN

from jx.adapters.local.memory_forge import MemoryForge
from jx.domain.changes.changes import CheckState
from jx.domain.environments.environments import Environment
from jx.domain.ledger import diffing
from jx.domain.trees import Tree
from jx.ports.forge import MergeRequest, Offer
from jx.ports.repos import Draft
from jx.usecases.planning.plan_environment import PlanEnvironment
from jx.usecases.planning.render_environment import RenderEnvironment
from jx.usecases.reviewing.check_change import CheckChange
from jx.usecases.reviewing.plan_change import PlanChange

ADMINISTRATOR = "kubernetes-admin"


@dataclass(frozen=True)
class Step:
    """What a pull request told, what was done, and where they differ."""

    told: Operations
    done: Operations
    differences: list[str]
    is_cut: bool = False
    """Whether the comment was too long for a forge, and the diff that it names was read in its place."""


@dataclass
class Tour:
    """An environment that apps come to and go from."""

    place: Place
    log: Path
    """The audit log of its API server."""
    told: Told = field(default_factory=Told)
    done: Log = field(default_factory=lambda: Log({ADMINISTRATOR}))
    at: int = 0

    def __post_init__(self) -> None:
        world = self.place.world
        self.forge = MemoryForge(world.repos, ANN)
        self.forge.adopt(world.repo)
        world.commit(self.place.tree(), "Begin")

    def merge(self, tree: Tree) -> Step:
        """Offer these files, read the comment, merge, apply, read the log."""
        world, repo = self.place.world, self.place.world.repo
        base = world.repos.head(repo, "master")
        assert base is not None
        branch = f"change-{self.at}"
        world.repos.replace(repo, branch, base=base, draft=Draft(tree, "Change it", ANN))
        number = self.forge.propose(repo, Offer(branch, "master", "Change it", "")).number
        text, is_cut = self._check(number)
        self.forge.merge(repo, MergeRequest(number, self.forge.observe(repo, number).head))
        self.done.read(self._lines(), count=False)
        report = self.place.apply()
        assert report.is_good, report.message or report.outcomes
        before = len(self.told.problems)
        told, done = self.told.read(text), self.done.read(self._lines())
        return Step(told, done, self.told.problems[before:] + differences(told, done), is_cut)

    def _check(self, number: int) -> tuple[str, bool]:
        """The comment on a pull request, or where that is cut, the whole diff."""
        world, repo = self.place.world, self.place.world.repo
        plan = PlanEnvironment(
            world.catalog, RenderEnvironment(world.renderer, world.reporter), world.cluster, world.reporter
        )
        change = PlanChange(world.repos, world.anchors, plan)
        environment = Environment(self.place.name, self.place.name, repo)
        check = CheckChange(world.repos, self.forge, change)(environment, number)
        pull = self.forge.observe(repo, number)
        (comment,) = pull.comments
        assert check is not None
        assert check.state is CheckState.SUCCESS, comment.body
        if "… cut here" not in comment.body:
            return comment.body, False
        planned = change(environment, pull)
        return diffing.render_diff(planned.planned.plan, planned.planned.live, planned.sent), True

    def _lines(self) -> list[bytes]:
        with self.log.open("rb") as log:
            log.seek(self.at)
            lines = log.readlines()
            self.at = log.tell()
        return lines
