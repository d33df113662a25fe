"""Check files: all that a change's files say by themselves, without the forge, the store of secrets and what runs now.

It is what the run of a pull request's check can do, which may read next to nothing. What its merge would do to the cluster, and
whether the guards let it, is for the plan to say (`CheckChange`), which the controllers make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from jx.domain.applying.placing import Target
from jx.domain.changes import policies, rendered_changes
from jx.domain.changes.policies import Policy
from jx.domain.changes.rendered_changes import RenderedChange
from jx.domain.charts import chart_folders
from jx.domain.charts.charts import Chart
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.errors import JxError, NotFound, Retryable
from jx.domain.layouts import umbrella
from jx.domain.layouts.requirements import read_requirements
from jx.domain.layouts.sections import Mistakes
from jx.domain.names import AppKey, EnvironmentName
from jx.domain.objects.manifests import Manifest
from jx.domain.pipelines import files
from jx.domain.secrets import plain_finds, secret_policy
from jx.domain.secrets.secret_policy import SecretPolicy
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog
from jx.ports.cluster import Cluster
from jx.usecases.planning.fetch_charts import fetch_charts
from jx.usecases.planning.render_environment import RenderAsk, RenderEnvironment
from jx.usecases.planning.settle_environment import SettleEnvironment

_PLAN = "jx/plan, the controllers' check, makes up for it"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class FilesRequest:
    """The files of the base, and those that the merge would give."""

    before: Tree
    after: Tree
    environment: EnvironmentName | None = None
    """As whoever starts the run calls it; None: as the files say."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one of the checks came to: `error` where it says no; `is_left_out` where it cannot be made here."""

    what: str
    words: str = ""
    error: JxError | None = None
    is_left_out: bool = False
    changes: tuple[RenderedChange, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class CheckFiles:
    """Reads only. Rules (policies, exceptions for secrets) are those of the base, whatever the change makes of them."""

    catalog: Catalog
    render: RenderEnvironment
    cluster: Cluster
    """Is asked what it serves, and for no object."""
    settle: SettleEnvironment | None = None
    """None: what leaves something open is refused."""

    def __call__(self, request: FilesRequest) -> Iterator[Finding]:
        """A finding for each check, as it is made; one that says no keeps no other from being made but those that need what it
        looked at. Raises what may pass: Unavailable, Locked."""
        before, after = request.before, request.after
        settled, error = _attempt(lambda: self._settled(after, request.environment))
        spec = umbrella.read(settled, name=request.environment) if settled else None
        yield Finding("repository", _apps(spec) if spec else "", error)
        yield _look_at_pipeline(before, after)
        policy = _policy_of(before, request.environment, spec)
        _, error = _attempt(
            lambda: plain_finds.refuse(plain_finds.find_in_files(before, after), policy.plain)
        )
        yield Finding("plain secrets", f"none in {_count(_changed(before, after), 'changed file')}", error)
        rules, error = _attempt(lambda: policies.choose(before, after))
        yield Finding("policies", f"{_count(len(rules or ()), 'rule')} of the base", error)
        if spec is not None:
            whole = replace(request, after=settled or after)
            yield from self._look_at_objects(whole, spec, policy, rules or ())

    def _settled(self, tree: Tree, name: EnvironmentName | None) -> Tree:
        spec = umbrella.read(tree, name=name)
        return self.settle(spec, tree) if spec.unsettled and self.settle else tree

    def _look_at_objects(
        self, request: FilesRequest, spec: EnvironmentSpec, policy: SecretPolicy, rules: tuple[Policy, ...]
    ) -> Iterator[Finding]:
        closed = _behind_logins(spec, request.after)
        if closed:
            words = f"{', '.join(closed)} can be fetched with a login only, which a check has not; {_PLAN}"
            yield Finding("charts", words, is_left_out=True)
            return
        charts, error = _attempt(lambda: fetch_charts(spec, request.after, self.catalog, policies=(policy,)))
        if charts is None:
            yield Finding("charts", error=error)
            return
        pins = ", ".join(f"{key} {chart.version}" for key, chart in charts.items())
        yield Finding("charts", pins or "none")
        draws, error = _attempt(lambda: self._render(spec, request.after, charts, policy))
        if draws is None:
            yield Finding("rendering", error=error)
            return
        yield Finding("rendering", f"{_count(len(draws[0]), 'object')}; values hold the charts' schemas")
        finds = plain_finds.find_in_objects(request.before, request.after, draws[0])
        _, error = _attempt(lambda: plain_finds.refuse(finds, policy.plain))
        yield Finding("plain secrets in objects", "none that the change brings", error)
        yield from self._compare(request, draws, policy, rules)

    def _compare(
        self,
        request: FilesRequest,
        draws: tuple[tuple[Manifest, ...], ...],
        policy: SecretPolicy,
        rules: tuple[Policy, ...],
    ) -> Iterator[Finding]:
        """What changes beside the base, and whether that breaks its policies. This may be the very change that mends the base."""
        base, error = _attempt(lambda: self._render_base(request, policy))
        if base is None:
            words = f"the base does not render by itself ({error.message if error else ''}); {_PLAN}"
            yield Finding("changes", words, is_left_out=True)
            return
        changes = rendered_changes.list_changes(base, draws)
        broken = policies.judge(rules, rendered_changes.touched(changes, draws[0]))
        if rules:
            yield Finding("objects by policies", "none that changes breaks them", broken)
        yield Finding("changes", _totals(changes), changes=changes)

    def _render(
        self, spec: EnvironmentSpec, tree: Tree, charts: Mapping[AppKey, Chart], policy: SecretPolicy
    ) -> tuple[tuple[Manifest, ...], ...]:
        requirements = spec.requirements
        target = Target(
            environment=spec.name,
            namespace=spec.namespace,
            release=spec.release,
            team=requirements.namespace,
            apps=requirements.apps,
        )
        capabilities = self.cluster.capabilities()
        ask = RenderAsk(spec, tree, target, charts, capabilities, policies=(policy,))
        return tuple(draw.manifests for draw in self.render(ask).draws)

    def _render_base(self, request: FilesRequest, policy: SecretPolicy) -> tuple[tuple[Manifest, ...], ...]:
        before = self._settled(request.before, request.environment)
        spec = umbrella.read(before, name=request.environment)
        closed = _behind_logins(spec, before)
        if closed:
            raise NotFound(f"{', '.join(closed)} need logins")
        charts = fetch_charts(spec, before, self.catalog, policies=(policy,))
        return self._render(spec, before, charts, policy)


def _attempt(check: Callable[[], _Value]) -> tuple[_Value | None, JxError | None]:
    """What it gives, or why not; what may pass is raised."""
    try:
        return check(), None
    except Retryable:
        raise
    except JxError as error:
        return None, error


def _look_at_pipeline(before: Tree, after: Tree) -> Finding:
    """The merge's own pipeline, which applies it: this change is checked by the base's."""

    def look() -> str:
        secret_policy.refuse_pipelines(before, after)
        text = after.find_text(files.name_file(""))
        if text is None:
            return "there is none"
        files.parse_project(text, files.name_file(""))
        same = before.find_text(files.name_file("")) == text
        return (
            files.name_file("")
            if same
            else f"{files.name_file('')}, from the merge on; until then the base's counts"
        )

    words, error = _attempt(look)
    return Finding("pipeline", words or "", error)


def _policy_of(before: Tree, name: EnvironmentName | None, spec: EnvironmentSpec | None) -> SecretPolicy:
    """Of the base; where its settings have mistakes, what can be read of them: that allows no more than they say."""
    requirements, _ = read_requirements(before, Mistakes())
    return secret_policy.policy_of(requirements, name or (spec.name if spec else EnvironmentName("")))


def _behind_logins(spec: EnvironmentSpec, tree: Tree) -> tuple[str, ...]:
    return tuple(
        str(app.key)
        for app in spec.apps
        if app.chart.login is not None and chart_folders.find_in_tree(app.chart, tree, spec.chart_dir) is None
    )


def _apps(spec: EnvironmentSpec) -> str:
    return f"reads, with {_count(len(spec.apps), 'app')} for namespace {spec.namespace}"


def _changed(before: Tree, after: Tree) -> int:
    return sum(before.files.get(path) != after.files.get(path) for path in {*before, *after})


def _totals(changes: tuple[RenderedChange, ...]) -> str:
    counts = {verb: sum(one.verb is verb for one in changes) for verb in rendered_changes.Verb}
    return ", ".join(f"{count} to {verb.value}" for verb, count in counts.items())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
