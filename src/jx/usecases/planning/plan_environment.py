"""Plan an environment: fetch charts, render, place, look at what is live, decide, guard. Shared by apply, check and diff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jx.domain.applying import drawn_groups, placing, planning, replacing
from jx.domain.applying.applying import Anchor, ApplyPlan, HookRecord, InventoryItem, LiveObject
from jx.domain.applying.conflicts import Rule
from jx.domain.applying.drawn_groups import DrawnGroup, Known, Settled
from jx.domain.applying.placing import Target
from jx.domain.environments import guards
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.environments.guards import Allowed, Guard
from jx.domain.errors import Immutable, Invalid, JxError, Refused
from jx.domain.events import Event, Level
from jx.domain.layouts import umbrella
from jx.domain.ledger import recalls, secret_writes
from jx.domain.ledger.recalls import Recall
from jx.domain.names import Repo
from jx.domain.objects.manifests import Capabilities, Hook, Manifest, ObjectRef
from jx.domain.secrets.secret_policy import SecretPolicy
from jx.domain.trees import Tree
from jx.ports.catalog import Catalog
from jx.ports.cluster import Cluster, Scope
from jx.ports.reporter import Reporter
from jx.usecases.planning.complete_recall import CompleteRecall
from jx.usecases.planning.fetch_charts import fetch_charts
from jx.usecases.planning.render_environment import RenderAsk, RenderedEnvironment, RenderEnvironment
from jx.usecases.planning.settle_environment import SettleEnvironment


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """An environment's files, what they say, and what the cluster remembers of it."""

    spec: EnvironmentSpec
    tree: Tree
    anchor: Anchor | None
    repo: Repo | None = None
    """Where the files come from; None for a folder that is no clone."""
    namespace: str = ""
    """Over what the files say; so is `release`."""
    release: str = ""
    allowed: Allowed = field(default_factory=Allowed)
    policies: tuple[SecretPolicy, ...] = ()
    """What has to allow where secrets go, besides the files themselves."""
    purpose: str = ""
    """What it is for, in the audit record of the store of secrets."""
    recall: Recall | None = None
    """What to plan in place of what the files render to: no chart is fetched, nothing is rendered, no hook runs."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, what the guards have against it, and what it was made from."""

    plan: ApplyPlan
    refusals: tuple[Refused, ...]
    live: Mapping[ObjectRef, LiveObject]
    capabilities: Capabilities
    rules: tuple[Rule, ...] = ()
    """What is done about fields that somebody else sets."""
    secret_versions: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of the secrets that were read for it, by `scheme:path`."""
    drawn: tuple[DrawnGroup, ...] = ()
    """What charts have drawn at random, to be kept before anything is sent."""
    news: tuple[str, ...] = ()
    """What is drawn anew although something was kept, in words."""
    secret_writers: tuple[str, ...] = ()
    """Who wrote those versions since the last apply, in words."""


@dataclass(frozen=True, slots=True)
class PlanEnvironment:
    """Reads only: nothing is changed anywhere. The same files, charts and cluster give the same plan."""

    catalog: Catalog
    render: RenderEnvironment
    cluster: Cluster
    reporter: Reporter
    settle: SettleEnvironment | None = None
    """None: what leaves something open is refused."""

    def __call__(self, request: PlanRequest) -> Planned:
        """The plan. Invalid where files or charts are wrong, NotFound for charts, Unavailable, Forbidden."""
        request = self._settled(request)
        spec = request.spec
        target = Target(
            environment=spec.name,
            namespace=request.namespace or spec.namespace,
            release=request.release or spec.release,
            team=spec.requirements.namespace,
            apps=spec.requirements.apps,
        )
        capabilities = self.cluster.capabilities()
        rendered: RenderedEnvironment | None = None
        if request.recall:
            world, settled = self._look_back(request, request.recall, target, capabilities)
        else:
            rendered = self._render(request, target, capabilities)
            world, settled = self._look(request, target, capabilities, rendered)
        decision = planning.plan(world)
        plan = replacing.with_replacements(decision.plan, self._find_stuck(decision.plan, world.live))
        self._tell_oddities(request.anchor, plan)
        refusals = guards.findings(
            guards.Review(
                plan=plan,
                live=world.live,
                rendered=len(rendered.draws[0].manifests) if rendered else len(world.desired),
                apps=len(spec.apps),
                removed=_removed(spec, request.anchor),
                anchor=request.anchor,
                repo=request.repo,
                foreign=decision.foreign,
                requirements=spec.requirements,
                allowed=request.allowed,
            )
        )
        return Planned(
            plan=plan,
            refusals=refusals,
            live=world.live,
            capabilities=capabilities,
            rules=spec.requirements.conflicts,
            secret_versions=rendered.secret_versions if rendered else {},
            drawn=settled.groups,
            news=settled.news,
            secret_writers=_writers(rendered, request.anchor) if rendered else (),
        )

    def _render(
        self, request: PlanRequest, target: Target, capabilities: Capabilities
    ) -> RenderedEnvironment:
        charts = fetch_charts(request.spec, request.tree, self.catalog, policies=request.policies)
        rendered = self.render(
            RenderAsk(
                spec=request.spec,
                tree=request.tree,
                target=target,
                charts=charts,
                capabilities=capabilities,
                policies=request.policies,
                purpose=request.purpose,
                goes_without_secrets=Guard.SECRETS in request.allowed.guards,
            )
        )
        self._tell(f"{len(rendered.draws[0].objects)} objects rendered from {len(charts)} charts")
        return replace(rendered, files={str(key): chart.files for key, chart in charts.items()})

    def _look_back(
        self, request: PlanRequest, recall: Recall, target: Target, capabilities: Capabilities
    ) -> tuple[planning.World, Settled]:
        """All that a plan is decided from, where an earlier state is to come back; what is drawn stays as it is kept."""
        anchor, requirements = request.anchor, request.spec.requirements
        inventory = anchor.inventory if anchor else ()
        live = self._live(recall.objects, inventory, capabilities)
        completed = CompleteRecall(self.render.secrets, self.reporter)(
            recall, live=live, inventory=inventory, drawn=anchor.drawn if anchor else ()
        )
        world = planning.World(
            target=target,
            cluster_id=capabilities.cluster_id,
            desired=tuple(one.manifest for one in completed),
            unfilled={one.manifest.ref: one.why_not for one in completed if one.why_not},
            live=live,
            inventory=inventory,
            charts=recall.charts,
            hook_record=anchor.hooks if anchor else HookRecord(),
            installed=_installed(anchor),
            prunes=request.allowed.prunes,
            rules=requirements.conflicts,
            protect=requirements.protect,
            secret_values=recalls.values_of(completed),
        )
        return world, Settled((), anchor.drawn if anchor else ())

    def _look(
        self, request: PlanRequest, target: Target, capabilities: Capabilities, rendered: RenderedEnvironment
    ) -> tuple[planning.World, Settled]:
        """All that a plan is decided from: what was rendered, beside what is live and what is remembered; and what is drawn."""
        anchor, requirements, first = request.anchor, request.spec.requirements, rendered.draws[0]
        is_blind = Guard.SECRETS in request.allowed.guards and not rendered.has_values
        inventory = anchor.inventory if anchor else ()
        live = self._live((*first.objects, *first.hook_manifests), inventory, capabilities)
        kept = anchor.drawn if anchor else ()
        settled = _settle(rendered, kept, live, anew=request.allowed.redraws)
        if not rendered.has_values:
            settled = replace(settled, groups=kept, news=() if is_blind else settled.news)
        for words in settled.news:
            self._tell(words, Level.WARNING)
        objects, ran = settled.manifests[: len(first.objects)], settled.manifests[len(first.objects) :]
        run = tuple(replace(hook, manifest=one) for hook, one in zip(first.hooks, ran, strict=True))
        known = frozenset(item.ref for item in inventory)
        desired = placing.add_namespaces(objects, target, live=live, known=known, hooks=run)
        world = planning.World(
            target=target,
            cluster_id=capabilities.cluster_id,
            desired=desired,
            live=live,
            inventory=inventory,
            charts=rendered.charts,
            hooks=self._without_secret_ones(run) if is_blind else run,
            hook_record=anchor.hooks if anchor else HookRecord(),
            installed=_installed(anchor),
            prunes=request.allowed.prunes,
            rules=requirements.conflicts,
            protect=requirements.protect,
            secret_values=rendered.secret_values | settled.values,
            has_values=rendered.has_values,
            is_blind=is_blind,
        )
        return world, settled

    def _without_secret_ones(self, run: tuple[Hook, ...]) -> tuple[Hook, ...]:
        left = [hook for hook in run if hook.manifest.derived or hook.manifest.shown is not None]
        for hook in left:
            self._tell(f"{hook.manifest.ref} is not run: its secrets cannot be read", Level.WARNING)
        return tuple(hook for hook in run if hook not in left)

    def _live(
        self,
        desired: tuple[Manifest, ...],
        inventory: tuple[InventoryItem, ...],
        capabilities: Capabilities,
    ) -> dict[ObjectRef, LiveObject]:
        rows = planning.scopes(desired, inventory, capabilities)
        return planning.index(self.cluster.live(tuple(Scope(*row) for row in rows)))

    def _find_stuck(
        self, plan: ApplyPlan, live: Mapping[ObjectRef, LiveObject]
    ) -> dict[ObjectRef, tuple[str, ...]]:
        """The objects that the server would not let be changed in place, with their fields. Asked only where it may be so."""
        found: dict[ObjectRef, tuple[str, ...]] = {}
        for step in plan.steps:
            if not replacing.may_be_refused(step, live.get(step.ref)):
                continue
            try:
                self.cluster.send(step, dry_run=True, force=True)
            except Immutable as error:
                found[step.ref] = error.fields
            except JxError:
                continue  # whatever else is wrong with it, the apply tells
        return found

    def _settled(self, request: PlanRequest) -> PlanRequest:
        if not request.spec.unsettled or not self.settle or request.recall:
            return request
        tree = self.settle(request.spec, request.tree)
        return replace(request, spec=umbrella.read(tree, name=request.spec.name), tree=tree)

    def _tell_oddities(self, anchor: Anchor | None, plan: ApplyPlan) -> None:
        if anchor and anchor.applied and not anchor.inventory:
            self._tell("the inventory is lost: everything is sent once, nothing is pruned", Level.WARNING)
        if not plan.has_changes:
            self._tell("nothing changes in the cluster")

    def _tell(self, message: str, level: Level = Level.INFO) -> None:
        self.reporter.tell(Event(message, level))


def _writers(rendered: RenderedEnvironment, anchor: Anchor | None) -> tuple[str, ...]:
    since = anchor.applied.at if anchor and anchor.applied else None
    return secret_writes.behind(rendered.secret_versions, rendered.secret_writes, since=since)


def _removed(spec: EnvironmentSpec, anchor: Anchor | None) -> tuple[str, ...]:
    """Apps that were applied last and are declared no more."""
    applied = anchor.applied.charts if anchor and anchor.applied else ()
    declared = {str(app.key) for app in spec.apps}
    return tuple(sorted({pin.key for pin in applied} - declared))


def _installed(anchor: Anchor | None) -> frozenset[str]:
    """The apps that were applied last, and the environment itself under an empty name; none where nothing was."""
    applied = anchor.applied if anchor else None
    return frozenset({"", *(pin.key for pin in applied.charts)}) if applied else frozenset()


def _settle(
    rendered: RenderedEnvironment,
    kept: tuple[DrawnGroup, ...],
    live: Mapping[ObjectRef, LiveObject],
    *,
    anew: frozenset[str],
) -> Settled:
    unknown = sorted(anew - rendered.files.keys())
    if unknown:
        known_apps = ", ".join(sorted(rendered.files)) or "none"
        raise Invalid(
            f"nothing can be drawn anew for {', '.join(unknown)}, which is no app of this environment",
            hint=f"its apps: {known_apps}",
        )
    known = Known(
        groups=kept,
        live={ref: one.body for ref, one in live.items()},
        apps=frozenset(rendered.files),
        charts=rendered.files,
        anew=anew,
    )
    return drawn_groups.settle([one.manifests for one in rendered.draws], known)
