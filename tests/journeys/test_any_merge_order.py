"""Machine-made edits, each a pull request from one base, merged in whatever order with crashes between: the repository that comes
of it is always the same one, and every line of a person is in it still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.environments import CHART, CHARTS, make_environment
from tests.support.faults import CRASHES, Fault, Faults
from tests.support.fuses import Crash
from tests.support.proposing import ANN, World, repo_of

from jx.domain.changes.changes import Check, CheckState, PullRequest, PullState
from jx.domain.changes.wording import word_promotion
from jx.domain.charts.apps import App, AppPlace
from jx.domain.charts.charts import ChartRef
from jx.domain.charts.logins import Login
from jx.domain.environments.edits import (
    Edit,
    PatchFiles,
    PutApp,
    PutEnvironment,
    PutLogin,
    PutPlace,
    RemoveApp,
    RemoveEnvironment,
    SetRequirements,
    SetValues,
    SetVersion,
    Several,
    key_of,
)
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey, EnvironmentName, Person
from jx.domain.objects.references import Reference, Scheme
from jx.domain.texts.patches import FilePatch, Hunk
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree
from jx.usecases.propose_change import ProposeChange
from jx.usecases.reviewing.merge_change import MergeChange

_LOOKS = 10
"""So often the controllers look at a pull request that is ready, at most, until it is merged."""
BOT = Person("jx", "jx@example.com", "jx-bot")
REDIS, WEB, LENS, VAULT, ORDERED, PLATFORM = (
    AppKey(name) for name in ("redis", "web", "lens", "vault", "ordered", "jx-platform")
)
EUROPE = EnvironmentName("europe")
VALUES = "# root\nredis:\n  replicas: 1 # few\nweb:\n  # ours\n  host: a.example.com\n"
SETTINGS = "# said by people\napply:\n  environment: staging\n  namespace: jx-staging # here\n"


@dataclass(frozen=True)
class Promoted:
    """A leg of a promotion: an edit that is called otherwise."""

    edit: Edit
    version: str

    @property
    def app(self) -> AppKey:
        """Which app's release it is."""
        key = key_of(self.edit)
        assert key is not None
        return key


def put(name: str) -> PutApp:
    return PutApp(App(AppKey(name), ChartRef(name, CHARTS, "1.0.0")), {"values.yaml": f"name: {name}\n"})


NAMED = SetValues(AppKey("promoted"), {"size": 2})


LOGIN = Login("https://charts.example.com/acme", Reference(Scheme.VAULT, "staging/logins/a", "password"))


def qa(order: int) -> PutEnvironment:
    spec = {"namespace": "jx-qa", "kind": "Permanent", "promotionStrategy": "Auto", "order": order}
    return PutEnvironment(EnvironmentName("qa"), spec)


SLOTS: tuple[tuple[Edit | Promoted, ...], ...] = (
    (SetVersion(REDIS, "1.3.0"), RemoveApp(REDIS), SetValues(REDIS, {"replicas": 3, "more.deep": "x"})),
    (SetVersion(WEB, "2.1.0"), SetValues(WEB, {"host": "b.example.com"}), RemoveApp(WEB)),
    (put("cache"), Several((put("cache"), SetValues(AppKey("cache"), {"size": 2})))),
    (put("db"),),
    (put("queue"),),
    (SetRequirements({"apply.maxDeletions": 7}), SetRequirements({"apply.maxDeletions": 9})),
    (SetRequirements({"kaniko": True, "cluster.provider": "gke"}),),
    (qa(50), qa(60)),
    (
        Several((SetVersion(LENS, "1.1.0"), SetVersion(VAULT, "2.0.0"))),
        Several((SetVersion(LENS, "1.1.0"), SetValues(LENS, {"more": 1}), SetVersion(VAULT, "2.0.0"))),
        SetVersion(VAULT, "1.5.0"),
    ),
    (Several((put("far"), PutPlace(AppPlace("far", "elsewhere", "far")))),),
    (Several((put("near"), PutPlace(AppPlace("near", "", "near")))),),
    (RemoveApp(AppKey("placed")), SetVersion(AppKey("placed"), "1.2.0")),
    (PutEnvironment(EUROPE, {"promotionStrategy": "Manual", "order": 300}), RemoveEnvironment(EUROPE)),
    (Promoted(put("promoted"), "1.0.0"), Promoted(Several((put("promoted"), NAMED)), "1.0.0")),
    (Promoted(SetVersion(ORDERED, "1.1.0"), "1.1.0"), RemoveApp(ORDERED)),
    (
        Several((SetVersion(PLATFORM, "1.1.0"), SetRequirements({"versionStream.ref": "b" * 40}))),
        SetVersion(PLATFORM, "1.2.0"),
        SetValues(PLATFORM, {"controllers.pollSeconds": 5}),
    ),
    (
        PutLogin(LOGIN),
        PutLogin(replace(LOGIN, secret=Reference(Scheme.VAULT, "staging/logins/b", "password"))),
    ),
    (
        PatchFiles((FilePatch("MORE", (Hunk("two\n", "2\n"),)),)),
        PatchFiles((FilePatch("MORE", (Hunk("two\nthree\n", "two\nthree and a half\n"),)),)),
        PatchFiles((FilePatch("MORE", is_whole=True),)),
    ),
)
"""Edits of one slot are about the same thing, so just one of them is made; those of different slots are asked for by different
people who know nothing of each other."""


THERE: tuple[Edit, ...] = (
    put("lens"),
    put("vault"),
    put("placed"),
    put("ordered"),
    put("jx-platform"),
    PutPlace(AppPlace("placed", "caches", "")),
    PutEnvironment(
        EUROPE, {"namespace": "jx-europe", "kind": "Permanent", "promotionStrategy": "Auto", "order": 200}
    ),
)
"""What was merged before."""


@cache
def start() -> Tree:
    files = {
        "env/values.yaml": VALUES,
        "jx-requirements.yml": SETTINGS,
        "NOTES": "for people\n",
        "MORE": "one\ntwo\nthree\n",
    }
    return umbrella.apply_edit(make_environment(files), Several(THERE))


@st.composite
def sets_of_edits(draw: st.DrawFn) -> tuple[Edit | Promoted, ...]:
    chosen = draw(st.sets(st.sampled_from(range(len(SLOTS))), min_size=1, max_size=5))
    return tuple(draw(st.sampled_from(SLOTS[index])) for index in sorted(chosen))


class Story:
    """A repository, its open pull requests, and programs that die."""

    def __init__(self, edits: Sequence[Edit | Promoted]) -> None:
        self.world = World()
        self.environment = self.world.environments["staging"]
        self.repo = repo_of(self.environment)
        self.world.fill(self.repo, start())
        self.world.forge.ensure_collaborator(self.repo, BOT.login, right="write")
        self.numbers = [self._propose(edit) for edit in edits]

    @property
    def tree(self) -> Tree:
        return self.world.tree("staging")

    def _propose(self, edit: Edit | Promoted) -> int:
        pull = self._offer(self.world.propose_change, edit)
        assert pull is not None
        return pull.number

    def merge(self, number: int, crash: int, fault: Fault) -> None:
        """The controllers look at a pull request until it is merged; one of their calls is their last."""
        assert self.look(number, crash, fault) is PullState.MERGED

    def look(self, number: int, crash: int, fault: Fault) -> PullState:
        """The controllers look at a pull request for as long as anything may come of that; what has become of it."""
        faults = Faults(crash, fault)
        for _ in range(_LOOKS):
            if self.world.forge.observe(self.repo, number).state is not PullState.OPEN:
                break
            try:
                self._look(number, faults)
            except Crash:
                faults = Faults()
        return self.world.forge.observe(self.repo, number).state

    def _offer(self, propose: ProposeChange, edit: Edit | Promoted) -> PullRequest | None:
        words = word_promotion(edit.app, edit.version) if isinstance(edit, Promoted) else None
        target = propose.target(self.world.at, "staging")
        return propose(target, edit_of(edit), words=words, auto_merge=True)

    def propose_again(self, edit: Edit | Promoted, crash: int, fault: Fault) -> None:
        """Somebody asks for the same once more, and their program dies."""
        faults = Faults(crash, fault)
        repos, forge = faults.wrap(self.world.repos, "git"), faults.wrap(self.world.forge, "forge")
        propose = ProposeChange(repos, forge, self.world.heard)
        try:
            self._offer(propose, edit)
        except Crash:
            self.propose_again(edit, 0, fault)

    def _look(self, number: int, faults: Faults) -> None:
        forge = self.world.forge.login_as(BOT)
        head = forge.observe(self.repo, number).head
        base = self.world.repos.head(self.repo, "master") or ""
        forge.set_status(self.repo, head, Check("jx/plan", CheckState.SUCCESS, f"planned (on {base[:12]})"))
        repos, wrapped = faults.wrap(self.world.repos, "git"), faults.wrap(forge, "forge")
        MergeChange(repos, wrapped, wrapped, self.world.heard)(self.environment, number)


def edit_of(edit: Edit | Promoted) -> Edit:
    return edit.edit if isinstance(edit, Promoted) else edit


def meaning(tree: Tree) -> dict[str, Any]:
    """What a repository says, whatever its lines look like and in whatever order it lists apps."""
    spec = umbrella.read(tree)
    said = read_mapping(tree.text("jx-requirements.yml"), "jx-requirements.yml")
    said["apply"].pop("apps", None)
    return {
        "apps": {app.key: app for app in spec.apps},
        "values": read_mapping(spec.chart.text("values.yaml"), "values.yaml"),
        "settings": said,
        "places": set(spec.requirements.apps),
        "environments": set(spec.environments),
        "files": set(tree),
    }


def lines(tree: Tree) -> dict[str, Counter[str]]:
    """The lines of each file: in which order entries came to stand is all that an order of merges may change."""
    return {path: Counter(tree.text(path).splitlines()) for path in tree}


def comments(text: str) -> Counter[str]:
    return Counter(line[line.index("#") :] for line in text.splitlines() if "#" in line)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    sets_of_edits().flatmap(lambda edits: st.tuples(st.just(edits), st.permutations(range(len(edits))))),
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(CRASHES)), min_size=8),
)
def test_in_the_end_the_repository_is_the_same(
    plan: tuple[tuple[Edit | Promoted, ...], Sequence[int]], crashes: list[tuple[int, Fault]]
) -> None:
    edits, order = plan
    story, calm = Story(edits), Story(edits)
    expected = story.tree
    for edit in edits:
        expected = umbrella.apply_edit(expected, edit_of(edit))
    for position, (crash, fault) in zip(order, crashes, strict=False):
        story.merge(story.numbers[position], crash, fault)
        calm.merge(calm.numbers[position], 0, fault)
    assert story.tree == calm.tree, "a crash left a trace"
    assert meaning(story.tree) == meaning(expected)
    assert lines(story.tree) == lines(expected), "another order leaves other lines"
    assert story.tree.text("NOTES") == "for people\n"
    gone = {app for edit in edits if isinstance(edit, RemoveApp) for app in [edit.key]}
    if not gone:
        for path, before in (
            ("env/Chart.yaml", CHART),
            ("env/values.yaml", VALUES),
            ("jx-requirements.yml", SETTINGS),
        ):
            assert not comments(before) - comments(story.tree.text(path)), f"{path} lost what people wrote"


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.sampled_from([slot for slot in SLOTS if len(slot) > 1]).flatmap(st.permutations),
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(CRASHES)), min_size=3, max_size=3),
)
def test_edits_about_the_same_thing_end_as_they_do_where_nothing_dies(
    edits: list[Edit | Promoted], crashes: list[tuple[int, Fault]]
) -> None:
    """Of those the order counts, and one may make another impossible: crashes change neither."""
    story, calm = Story(edits), Story(edits)
    for number, (crash, fault) in zip(story.numbers, crashes, strict=False):
        assert story.look(number, crash, fault) is calm.look(number, 0, fault)
        assert story.tree == calm.tree, "a crash left a trace"
    assert PullState.MERGED in {story.world.forge.observe(story.repo, one).state for one in story.numbers}


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    st.sampled_from([edit for slot in SLOTS for edit in slot]),
    st.integers(0, 8),
    st.sampled_from(list(Fault)[:2]),
)
def test_asking_again_while_programs_die_is_asking_once(
    edit: Edit | Promoted, crash: int, fault: Fault
) -> None:
    story = Story([edit])
    story.propose_again(edit, crash, fault)
    pulls = story.world.forge.list_pulls(story.repo, state=None)
    assert [pull.number for pull in pulls] == story.numbers
    story.merge(story.numbers[0], crash, fault)
    assert meaning(story.tree) == meaning(umbrella.apply_edit(Story([]).tree, edit_of(edit)))
    assert ANN.login == pulls[0].author.login
