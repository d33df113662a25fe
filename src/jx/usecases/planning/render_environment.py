"""Render an environment: charts to objects and hooks that are ready to be sent, with secrets in them only where they are sent.

What is shown, compared and committed comes from a render with markers. It is rendered again with other markers, and with the
values where they are to be had: what differs comes from secrets, and is masked wherever it is shown. Charts that draw at random
are rendered once more, so that what they draw can be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jx.domain.applying import hooks, placing
from jx.domain.applying.applying import body_hash
from jx.domain.applying.placing import Target
from jx.domain.charts import template_scan
from jx.domain.charts.apps import app_of
from jx.domain.charts.charts import Chart
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.environments.guards import Guard
from jx.domain.errors import Forbidden, Invalid, JxError, Problem, Unavailable
from jx.domain.events import Event, Level
from jx.domain.layouts.requirements import FILE
from jx.domain.ledger.secret_writes import SecretWrite
from jx.domain.names import AppKey
from jx.domain.objects import derived, markers, secret_parts
from jx.domain.objects.derived import Comparison
from jx.domain.objects.manifests import Body, Capabilities, ChartPin, Hook, Manifest, ObjectRef, Rendered
from jx.domain.objects.markers import Shape
from jx.domain.objects.references import Reference
from jx.domain.secrets import secret_needs, secret_policy
from jx.domain.secrets.secret_needs import Needs
from jx.domain.secrets.secret_policy import SecretPolicy
from jx.domain.trees import Tree
from jx.ports.renderer import Renderer, RenderRequest
from jx.ports.reporter import Reporter
from jx.usecases.planning.resolve_secrets import Resolved, ResolveSecrets


@dataclass(frozen=True, slots=True)
class RenderAsk:
    """What to render, and for where."""

    spec: EnvironmentSpec
    tree: Tree
    """All files, to tell where a secret is referred to."""
    target: Target
    charts: Mapping[AppKey, Chart]
    capabilities: Capabilities
    policies: tuple[SecretPolicy, ...] = ()
    """What else has to allow where secrets go: what the base branch of a pull request says."""
    purpose: str = ""
    """What it is for, in the audit record of the store of secrets."""
    goes_without_secrets: bool = False
    """Go on where the store of secrets cannot be read: what comes from them is left as it is in the cluster."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One render, placed."""

    objects: tuple[Manifest, ...]
    hooks: tuple[Hook, ...]

    @property
    def hook_manifests(self) -> tuple[Manifest, ...]:
        """The hooks' objects."""
        return tuple(hook.manifest for hook in self.hooks)

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """All objects."""
        return (*self.objects, *self.hook_manifests)

    @property
    def bodies(self) -> dict[ObjectRef, Body]:
        """By what they are."""
        return {one.ref: one.body for one in self.manifests}

    def hashes(self, comparison: Comparison) -> dict[ObjectRef, str]:
        """Of what comes from secrets, by object; of a render with markers."""
        found = {one.ref: one for one in self.manifests if one.ref in comparison.marked}
        halves = {
            ref: secret_parts.split(replace(one, derived=comparison.marked[ref].leaves), has_values=True)
            for ref, one in found.items()
        }
        return {ref: body_hash(half.secret) for ref, half in halves.items() if half and half.secret}


@dataclass(frozen=True, slots=True)
class RenderedEnvironment:
    """Renders of one environment from equal input: one, or several where charts draw at random."""

    draws: tuple[Draw, ...]
    charts: tuple[ChartPin, ...]
    files: Mapping[str, Tree] = field(default_factory=dict, hash=False, repr=False)
    """The charts themselves, by app key; where they were asked for."""
    secret_values: frozenset[str] = field(default_factory=frozenset, repr=False)
    """What no text may show."""
    secret_versions: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of the secrets that were read, by `scheme:path`."""
    secret_writes: tuple[SecretWrite, ...] = ()
    """What is known of who wrote secrets."""
    has_values: bool = True
    """Whether it was rendered with values, not with markers; true where no secret is referred to."""


@dataclass(frozen=True, slots=True)
class RenderEnvironment:
    """Without `secrets` it never has a value in hand, as in the check of a pull request."""

    renderer: Renderer
    reporter: Reporter
    secrets: ResolveSecrets | None = None

    def __call__(self, ask: RenderAsk) -> RenderedEnvironment:
        """The renders. Invalid where files, charts or references are wrong; NotFound for secrets that are missing; Unavailable
        and Forbidden where a store cannot be read, unless the ask goes without secrets."""
        _check_places(ask)
        needs = secret_needs.read_needs(ask.spec.chart, ask.spec.name)
        run = _Run(self.renderer, ask, needs)
        marked = run.render_marked()
        if not run.references:
            return RenderedEnvironment(run.rounds(run.placed(marked, {}), {}), marked.charts)
        self._check_reach(run)
        first = run.placed(marked, run.markers(0))
        comparison = run.compare(first, run.placed(run.render(run.markers(1), draw=1), run.markers(1)))
        found = derived.landings(first.manifests, comparison, run.words)
        secret_policy.refuse_landings(found, _policies(ask))
        resolved = self._resolve(run)
        if resolved is None:
            rounds = run.rounds(first, run.markers(0))
            hashes = first.hashes(comparison)
            draws_shown = tuple(_shown(one, comparison, hashes) for one in rounds)
            return RenderedEnvironment(draws_shown, marked.charts, has_values=False)
        return self._with_values(run, first, comparison, resolved, marked.charts)

    def _with_values(
        self, run: _Run, first: Draw, comparison: Comparison, resolved: Resolved, charts: tuple[ChartPin, ...]
    ) -> RenderedEnvironment:
        rendered = run.render(resolved.values, draw=_ROUNDS, is_confidential=True)
        draws = run.rounds(run.placed(rendered, resolved.values), resolved.values, is_confidential=True)
        whole = derived.joined(comparison, run.compare(first, draws[0]))
        hashes = first.hashes(whole)
        return RenderedEnvironment(
            draws=tuple(_shown(one, whole, hashes) for one in draws),
            charts=charts,
            secret_values=frozenset(value for value in resolved.values.values() if len(value) > _SHORTEST),
            secret_versions=resolved.versions,
            secret_writes=resolved.writes,
        )

    def _check_reach(self, run: _Run) -> None:
        for policy in _policies(run.ask):
            secret_needs.check_reach(
                run.needs,
                run.in_templates,
                policy.reach,
                tree=run.ask.tree,
                environment=run.ask.spec.name,
            )

    def _resolve(self, run: _Run) -> Resolved | None:
        if self.secrets is None:
            return None
        try:
            secrets = self.secrets.of(run.ask.spec.name) if run.references else self.secrets
            resolved = secrets(run.references, run.needs.recipes, purpose=run.ask.purpose)
        except JxError as error:
            if not isinstance(error, Unavailable | Forbidden) or not run.ask.goes_without_secrets:
                self._place(error, run)
                raise
            text = f"without secrets, since their store cannot be read: {error.message}"
            self.reporter.tell(Event(text, Level.WARNING))
            return None
        store = " and ".join(sorted({secrets.stores[one.scheme].name for one in run.references}))
        missing = secret_needs.missing(
            run.references, resolved.values, there=resolved.versions, tree=run.ask.tree, store=store
        )
        if missing:
            raise missing
        return resolved

    def _place(self, error: JxError, run: _Run) -> None:
        """Have the error of a store tell, too, where that is referred to, and what a person may do meanwhile."""
        concerned = [one for one in run.references if error.about in {one.path, f"{one.scheme}:"}]
        error.tell_before(secret_needs.where(concerned, run.ask.tree))
        if isinstance(error, Unavailable | Forbidden):
            meanwhile = f"what needs no secret can be applied meanwhile: --allow {Guard.SECRETS}"
            error.hint = "; ".join(filter(None, (error.hint, meanwhile)))


_ROUNDS = 3
"""Renders of equal input, where charts draw: short words agree by chance in two."""

_SHORTEST = 3
"""Values as short as this would hit every text."""


@dataclass
class _Run:
    """One environment being rendered."""

    renderer: Renderer
    ask: RenderAsk
    needs: Needs
    in_templates: tuple[Reference, ...] = ()
    shapes: dict[Reference, Shape] = field(default_factory=dict)

    @property
    def is_random(self) -> bool:
        charts = (chart.files for chart in self.ask.charts.values())
        return template_scan.mentions_random([self.ask.spec.chart, *charts])

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(dict.fromkeys((*self.needs.references, *self.in_templates)))

    @property
    def words(self) -> dict[str, Reference]:
        return markers.words_of(self.references)

    def markers(self, draw: int) -> dict[Reference, str]:
        return secret_needs.marked(self.references, draw=draw, shapes=self.shapes)

    def render_marked(self) -> Rendered:
        """With markers; where a chart does not render with plain ones, with such as look like JSON, then PEM."""
        shapes = (Shape.TEXT, Shape.JSON, Shape.PEM, Shape.NUMBER) if self.needs.references else (Shape.TEXT,)
        for shape in shapes:
            self.shapes = dict.fromkeys(self.needs.references, shape)
            try:
                rendered = self.render(self.markers(0), draw=0)
            except Invalid:
                if shape is shapes[-1]:
                    self.shapes = {}
                    return self.render(self.markers(0), draw=0)
                continue
            found = secret_needs.list_in_manifests(
                (*rendered.objects, *(hook.manifest for hook in rendered.hooks))
            )
            self.in_templates = tuple(dict.fromkeys(placed.reference for _, placed in found))
            return rendered
        raise AssertionError("the last shape returns or raises")

    def rounds(
        self, first: Draw, given: Mapping[Reference, str], *, is_confidential: bool = False
    ) -> tuple[Draw, ...]:
        """More renders of the same, where charts may draw. The second one is of another day; where it is like the first, charts
        do not draw with these values."""
        draws = [first]
        for number in range(1, _ROUNDS if self.is_random else 1):
            rendered = self.render(
                given,
                draw=2 * _ROUNDS + number,
                is_confidential=is_confidential,
                is_on_another_day=number == 1,
            )
            draws.append(self.placed(rendered, given))
            if draws[-1].bodies == first.bodies:
                return (first,)
        return tuple(draws)

    def render(
        self,
        given: Mapping[Reference, str],
        *,
        draw: int,
        is_confidential: bool = False,
        is_on_another_day: bool = False,
    ) -> Rendered:
        """The whole of it. An app with a release or a namespace of its own is taken from a render of all under those."""
        request = RenderRequest(
            release=self.ask.target.release,
            namespace=self.ask.target.namespace,
            chart=self.ask.spec.chart,
            dependencies=self.ask.charts,
            capabilities=self.ask.capabilities,
            values=secret_needs.overlay(self.needs, given) if self.needs.placed else {},
            draw=draw,
            is_on_another_day=is_on_another_day,
            is_confidential=is_confidential,
        )
        whole = self.renderer.render(request)
        for place in self.ask.target.apps:
            target = self.ask.target.at(place)
            other = self.renderer.render(replace(request, release=target.release, namespace=target.namespace))
            whole = self._joined(whole, other, place.app)
        return whole

    def _joined(self, whole: Rendered, other: Rendered, app: str) -> Rendered:
        keys = tuple(map(str, self.ask.charts))

        def is_of(manifest: Manifest) -> bool:
            return app_of(manifest.source, keys) == app

        objects = [one for one in whole.objects if not is_of(one)]
        run = [one for one in whole.hooks if not is_of(one.manifest)]
        return replace(
            whole,
            objects=(*objects, *(one for one in other.objects if is_of(one))),
            hooks=(*run, *(one for one in other.hooks if is_of(one.manifest))),
        )

    def placed(self, rendered: Rendered, given: Mapping[Reference, str]) -> Draw:
        """Ready to be sent. What Helm 2 brought CRDs with are no hooks to us."""
        brought = [hook for hook in rendered.hooks if hooks.CRD_INSTALL in hook.phases]
        manifests = [*(hook.manifest for hook in brought), *rendered.objects]
        run = [hook for hook in rendered.hooks if hook not in brought and hooks.is_run(hook)]
        if self.in_templates:
            manifests = [secret_needs.filled(one, given) for one in manifests]
            run = [replace(hook, manifest=secret_needs.filled(hook.manifest, given)) for hook in run]
        target, capabilities = self.ask.target, self.ask.capabilities
        objects = placing.place(manifests, target, capabilities)
        return Draw(objects, placing.place_hooks(run, objects, target, capabilities))

    def compare(self, first: Draw, second: Draw) -> Comparison:
        return derived.compare(first.manifests, second.manifests, self.words)


def _policies(ask: RenderAsk) -> tuple[SecretPolicy, ...]:
    return (secret_policy.policy_of(ask.spec.requirements, ask.spec.name), *ask.policies)


def _check_places(ask: RenderAsk) -> None:
    keys = set(map(str, ask.charts))
    unknown = [one.app for one in ask.target.apps if one.app not in keys]
    if unknown:
        what = f"apply.apps names {', '.join(unknown)}, which is no app of this environment"
        raise Invalid("apps have a place of their own that are not there", Problem(FILE, what))


def _shown(draw: Draw, comparison: Comparison, hashes: Mapping[ObjectRef, str]) -> Draw:
    """A draw whose objects know what may be seen of them."""
    if not comparison.marked:
        return draw
    objects = tuple(_with_shown(one, comparison, hashes) for one in draw.objects)
    run = tuple(replace(hook, manifest=_with_shown(hook.manifest, comparison, hashes)) for hook in draw.hooks)
    return Draw(objects, run)


def _with_shown(manifest: Manifest, comparison: Comparison, hashes: Mapping[ObjectRef, str]) -> Manifest:
    marked = comparison.marked.get(manifest.ref)
    if marked is None:
        return manifest
    return replace(
        manifest,
        shown=marked.body,
        derived=marked.leaves,
        references=marked.references,
        marked=hashes.get(manifest.ref, ""),
    )
