"""Planning: desired objects x what we applied before x what is live -> what is done to each object, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from jx.domain.applying import conflicts, hooks, replacing
from jx.domain.applying.applying import (
    Action,
    ApplyPlan,
    HookRecord,
    HookStep,
    InventoryItem,
    LiveObject,
    Step,
    body_hash,
)
from jx.domain.applying.conflicts import Adapted, Rule
from jx.domain.applying.field_ownership import observed_digest, other_managers
from jx.domain.applying.placing import Target
from jx.domain.objects import membership, ordering, secret_parts, sequencing
from jx.domain.objects.manifests import Capabilities, ChartPin, Hook, Manifest, ObjectRef
from jx.domain.objects.ordering import Wave
from jx.domain.objects.secret_parts import SECRETS_MANAGER, Parts
from jx.domain.objects.secrets import mask
from jx.domain.objects.sequencing import Sequence

RESOURCE_POLICY = "helm.sh/resource-policy"

_GOING = "it is being deleted already"


@dataclass(frozen=True, slots=True)
class World:
    """All that a plan is decided from."""

    target: Target
    cluster_id: str
    desired: tuple[Manifest, ...]
    live: Mapping[ObjectRef, LiveObject]
    inventory: tuple[InventoryItem, ...]
    charts: tuple[ChartPin, ...] = ()
    secret_values: frozenset[str] = frozenset()
    """Values that were put in place of references."""
    has_values: bool = True
    """Whether they were; else `desired` has markers there."""
    is_blind: bool = False
    """Whether it is applied all the same: what comes from secrets is left as it is in the cluster."""
    prunes: frozenset[str] = frozenset()
    """Objects that hold data and may be pruned nevertheless: `Kind/name` or `namespace/Kind/name`."""
    hooks: tuple[Hook, ...] = ()
    hook_record: HookRecord = HookRecord()
    rules: tuple[Rule, ...] = ()
    """What is done about fields that somebody else sets."""
    protect: frozenset[str] = frozenset()
    """Further kinds that hold data: `Kind`, `Kind.group`."""
    unfilled: Mapping[ObjectRef, str] = field(default_factory=dict)
    """Desired objects that cannot be sent whole, and why: they are left as they are."""
    installed: frozenset[str] = frozenset()
    """The apps of the apply before this one; with an empty name, if there was one."""

    @property
    def apps(self) -> frozenset[str]:
        """The apps of this one."""
        return frozenset(pin.key for pin in self.charts)


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, and the objects in it that somebody else manages: (object, owner in words)."""

    plan: ApplyPlan
    foreign: tuple[tuple[ObjectRef, str], ...] = ()


def plan(world: World) -> Decision:
    """Decide everything. The same world gives the same plan. Invalid where the objects cannot be put into an order."""
    items = {item.ref: item for item in world.inventory}
    wanted = {manifest.ref for manifest in world.desired}
    sequence = sequencing.sequence(world.desired)
    foreign: list[tuple[ObjectRef, str]] = []
    sends: list[Step] = []
    for manifest in world.desired:
        owner = _foreign_owner(world, manifest.ref, items.get(manifest.ref))
        if owner:
            foreign.append((manifest.ref, owner))
        sends.append(_placed(_send_step(world, manifest, items.get(manifest.ref), owner), sequence))
    sends.sort(key=lambda step: (step.turn, ordering.rank_of(step.ref), step.ref))
    drops = [step for ref, item in items.items() if ref not in wanted and (step := _drop_step(world, item))]
    drops += [_stray_step(live) for live in _strays(world, wanted | items.keys())]
    drops = list(_in_opposite_order(drops, world.live))
    drops.sort(key=lambda step: (step.turn, -ordering.rank_of(step.ref), step.ref))
    run, digests = _plan_hooks(world, items, (*sends, *drops))
    foreign += hooks.find_namesakes(run, world.live, world.target.environment)
    whole = ApplyPlan(
        environment=world.target.environment,
        namespace=world.target.namespace,
        release=world.target.release,
        cluster_id=world.cluster_id,
        steps=(*sends, *drops),
        charts=world.charts,
        hooks=run,
        hook_digests=digests,
        secrets=world.secret_values,
    )
    return Decision(whole, tuple(foreign))


def _plan_hooks(
    world: World, items: Mapping[ObjectRef, InventoryItem], steps: Iterable[Step]
) -> tuple[tuple[HookStep, ...], tuple[tuple[str, str], ...]]:
    """The hooks that run, and the digests of all."""
    if not world.hooks:
        return (), ()
    apps = world.apps
    changed = {
        hooks.app_of(step.manifest, apps) if step.manifest else ""
        for step in steps
        if _is_other(step, items.get(step.ref))
    }
    if changed:
        changed.add("")  # the environment's own hooks are about all of it
    shown = {hook.manifest.ref: shown_hash(hook.manifest) for hook in world.hooks}
    digests = hooks.digests_of(world.hooks, apps=apps, shown=shown)
    occasions = hooks.find_occasions(
        world.hook_record, digests, changed=frozenset(changed), installed=world.installed
    )
    return hooks.choose(world.hooks, occasions, apps=apps, shown=shown), digests


def _is_other(step: Step, item: InventoryItem | None) -> bool:
    """Whether something is to be there that is not what was sent last, but for the values of secrets; or to be no more."""
    if step.manifest is None:
        return step.action is Action.PRUNE
    return item is None or _rendered_part(item.sent) != _rendered_part(step.sent)


def _placed(step: Step, sequence: Sequence) -> Step:
    place = sequence.places[step.ref]
    needs = sequence.needs.get(step.ref, ())
    return replace(step, group=place.group, wave=place.wave, stage=place.stage, needs=needs)


def _in_opposite_order(drops: Iterable[Step], live: Mapping[ObjectRef, LiveObject]) -> Iterable[Step]:
    """What is deleted goes in the opposite order of that in which it came: an object only after all that depend on it, those
    included that an earlier apply deleted and that are not gone yet."""
    steps = {step.ref: step for step in drops}
    going = {
        ref: live[ref].body
        for ref, step in steps.items()
        if step.action is Action.PRUNE or _is_terminating(live[ref])
    }
    sequence = sequencing.recall(going)
    for ref, step in steps.items():
        if step.action is not Action.PRUNE:
            yield step
            continue
        place = sequence.places[ref]
        yield replace(
            step,
            group=-place.group,
            wave=Wave.PRUNE_NAMESPACES - place.wave,
            stage=-place.stage,
            needs=tuple(other for other, needs in sequence.needs.items() if ref in needs),
        )


def scopes(
    desired: Iterable[Manifest],
    inventory: Iterable[InventoryItem],
    capabilities: Capabilities,
) -> tuple[tuple[str, str, str], ...]:
    """What to list: (apiVersion, kind, namespace), one per kind and namespace in use, and all Namespaces.

    Lists ask in the manifest's own apiVersion; for what is no longer rendered, in the one it was applied with while the cluster
    still serves that.
    """
    found: dict[tuple[str, str, str], str] = {("", "Namespace", ""): "v1"}
    for manifest in desired:
        ref = manifest.ref
        found.setdefault((ref.group, ref.kind, ref.namespace), manifest.api_version)
    for item in inventory:
        ref = item.ref
        served = capabilities.kinds.get((ref.group, ref.kind))
        version = item.api_version
        if served and version.rpartition("/")[2] not in served.versions:
            version = f"{ref.group}/{served.versions[0]}" if ref.group else served.versions[0]
        found.setdefault((ref.group, ref.kind, ref.namespace), version)
    return tuple(sorted((version, kind, where) for (_, kind, where), version in found.items()))


def index(live: Iterable[LiveObject]) -> dict[ObjectRef, LiveObject]:
    """Live objects by what they are."""
    return {one.ref: one for one in live}


def shown_hash(manifest: Manifest) -> str:
    """The hash of what a reviewer may see of a manifest."""
    return body_hash(mask(manifest.public))


def _send_step(world: World, manifest: Manifest, item: InventoryItem | None, owner: str) -> Step:
    live = world.live.get(manifest.ref)
    if manifest.ref in world.unfilled:
        why = f"{world.unfilled[manifest.ref]}; it is left as it is"
        return Step(Action.KEEP, manifest.ref, manifest.api_version, ordering.wave_of(manifest.ref), why)
    adapted = conflicts.adapt(manifest, live, world.rules)
    parts = secret_parts.split(adapted.manifest, has_values=world.has_values)
    if parts and item and live and item.uid == live.uid and item.secret_sent:
        parts = replace(parts, is_first=False)
    sent = _sent_hash(manifest, adapted)
    action, reason = _decide(world, adapted.manifest, item, live, sent=sent, parts=parts)
    if owner:
        action, reason = Action.TAKE_OVER, f"it belongs to {owner}"
    if adapted.given_up and action is not Action.UNCHANGED:
        reason = f"{reason}; {', '.join(adapted.given_up)} is left to others"
    if world.is_blind and parts and live is None:
        why = "its secrets cannot be read, and it is not there to keep them; it is left out"
        return Step(Action.KEEP, manifest.ref, manifest.api_version, ordering.wave_of(manifest.ref), why)
    return Step(
        action=action,
        ref=manifest.ref,
        api_version=manifest.api_version,
        wave=ordering.wave_of(manifest.ref),
        reason=reason,
        manifest=adapted.manifest,
        uid=live.uid if live else "",
        resource_version=live.resource_version if live else "",
        shown=shown_hash(adapted.manifest),
        held=adapted.held,
        sent=sent,
        parts=parts,
        absorbs=membership.managers_of(live.body, owner) if live and owner else (),
    )


def _sent_hash(manifest: Manifest, adapted: Adapted) -> str:
    """What tells the next plan that nothing has changed: what is rendered, and which fields of it are left to others. The values
    that those have now play no part."""
    rendered = _rendered_hash(manifest)
    return f"{rendered}+{','.join(adapted.given_up)}" if adapted.given_up else rendered


def _rendered_hash(manifest: Manifest) -> str:
    """Of what is rendered, but for what comes from secrets."""
    parts = secret_parts.split(manifest, has_values=False)
    return body_hash(parts.own if parts else manifest.body)


def _rendered_part(sent: str) -> str:
    return sent.partition("+")[0]


def _decide(
    world: World,
    manifest: Manifest,
    item: InventoryItem | None,
    live: LiveObject | None,
    *,
    sent: str,
    parts: Parts | None,
) -> tuple[Action, str]:
    if live is None:
        was_there = item is not None and item.uid
        return Action.CREATE, "it was deleted behind our back" if was_there else "it is not there yet"
    if item is not None and item.uid == live.uid:
        return _decide_known(manifest, item, live, sent=sent, parts=parts)
    if membership.is_member(live.body, world.target.environment):
        return Action.UPDATE, "no record says what was sent, so it is sent once"
    managers = other_managers(live.body)
    made_by = f" by {managers[-1]}" if managers else ""
    return Action.TAKE_OVER, f"it is there already, made{made_by}, and nobody manages it"


def _decide_known(
    manifest: Manifest, item: InventoryItem, live: LiveObject, *, sent: str, parts: Parts | None
) -> tuple[Action, str]:
    if not item.sent:
        return Action.UPDATE, "an earlier apply did not get to its end"
    if _rendered_part(item.sent) != _rendered_part(sent) or (parts and manifest.marked != item.marked):
        return Action.UPDATE, "what is rendered has changed"
    if item.sent != sent:
        return Action.UPDATE, "who sets its fields has changed"
    if parts and parts.secret and item.secret_sent != body_hash(parts.secret):
        return Action.UPDATE, "a secret has changed"
    if is_as_left(item, live):
        return Action.UNCHANGED, "it is as we left it"
    managers = other_managers(live.body)
    return Action.UPDATE, f"it was changed behind our back{f' by {managers[0]}' if managers else ''}"


def is_as_left(item: InventoryItem, live: LiveObject) -> bool:
    """Whether nobody has touched what we set, by ourselves or from secrets."""
    observed = observed_digest(live.body, live.uid)
    if not observed or observed != item.observed:
        return False
    if not item.secret_sent:
        return True
    return observed_digest(live.body, live.uid, manager=SECRETS_MANAGER) == item.secret_observed


def _foreign_owner(world: World, ref: ObjectRef, item: InventoryItem | None) -> str:
    live = world.live.get(ref)
    if live is None:
        return ""
    is_known = item is not None and item.uid == live.uid
    if is_known and not membership.labels_of(live.body).get(membership.PART_OF):
        return ""
    return membership.find_foreign_owner(live.body, world.target.environment, release=world.target.release)


def _drop_step(world: World, item: InventoryItem) -> Step | None:
    """What happens to an object that we applied and that is no longer rendered; None where it is gone already."""
    live = world.live.get(item.ref)
    if live is None:
        return None
    why = _why_kept(world, item, live)
    wave = ordering.wave_of(item.ref) if why else ordering.prune_wave_of(item.ref)
    return Step(
        action=Action.KEEP if why else Action.PRUNE,
        ref=item.ref,
        api_version=item.api_version,
        wave=wave,
        reason=why or "it is no longer rendered",
        uid=live.uid,
        resource_version=live.resource_version,
    )


NOT_OURS_ANY_MORE = ("another object of that name took its place", "it no longer carries our label")
"""Reasons after which a kept object also leaves the inventory."""


def _why_kept(world: World, item: InventoryItem, live: LiveObject) -> str:
    if item.uid and item.uid != live.uid:
        return NOT_OURS_ANY_MORE[0]
    if not membership.is_member(live.body, world.target.environment):
        return NOT_OURS_ANY_MORE[1]
    if _is_terminating(live):
        return _GOING
    if membership.annotations_of(live.body).get(RESOURCE_POLICY) == "keep":
        return f"its annotation {RESOURCE_POLICY} says keep"
    what = replacing.takes_data_along(item.ref, live.body, world.protect)
    if what and not names_of(item.ref) & world.prunes:
        return f"it holds {what}; --allow-prune {item.ref.kind}/{item.ref.name} deletes it"
    return ""


def _is_terminating(live: LiveObject) -> bool:
    return bool((live.body.get("metadata") or {}).get("deletionTimestamp"))


def names_of(ref: ObjectRef) -> frozenset[str]:
    """How a person may name an object on a command line."""
    short = f"{ref.kind}/{ref.name}"
    return frozenset({short, f"{ref.namespace}/{short}"} if ref.namespace else {short})


def _strays(world: World, known: set[ObjectRef]) -> Iterable[LiveObject]:
    """Objects with our label that no record names: told, never pruned."""
    for ref, live in world.live.items():
        owners = (live.body.get("metadata") or {}).get("ownerReferences") or ()
        if ref in known or owners or ref.kind == "Namespace":
            continue
        if membership.is_member(live.body, world.target.environment):
            yield live


def _stray_step(live: LiveObject) -> Step:
    return Step(
        action=Action.KEEP,
        ref=live.ref,
        api_version=str(live.body.get("apiVersion", "")),
        wave=ordering.wave_of(live.ref),
        reason=_GOING
        if _is_terminating(live)
        else "it carries our label, but no record says that we applied it, so it is not pruned",
        uid=live.uid,
        resource_version=live.resource_version,
    )
