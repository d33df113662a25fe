"""Preview a revert: what it will do to the cluster, and what it cannot bring back. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jx.domain.applying.applying import Action, Anchor, LiveObject, Step
from jx.domain.environments.environments import Environment, EnvironmentSpec
from jx.domain.errors import JxError
from jx.domain.history import reverting
from jx.domain.layouts import umbrella
from jx.domain.objects.manifests import Body, ObjectRef
from jx.domain.objects.references import Scheme
from jx.domain.secrets import secret_changes
from jx.ports.anchor import Anchors
from jx.ports.secrets import SecretStore
from jx.usecases.history.find_revert import FoundRevert
from jx.usecases.planning.plan_environment import PlanEnvironment, Planned, PlanRequest

_DATA = frozenset(
    {"PersistentVolumeClaim", "StatefulSet", "Namespace", "CustomResourceDefinition", "PersistentVolume"}
)
_PURPOSE = "preview of a revert"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person should know before the revert is offered. Each line is a sentence."""

    planned: Planned | None = None
    """None where the cluster cannot be asked; `notes` say why."""
    downgrades: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    """Objects that hold something: deleted or replaced with it, or left behind."""
    schemas: tuple[str, ...] = ()
    """Versions of kinds that go away, or are stored otherwise."""
    hooks: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    """Secrets that are needed again: whether they are still there."""
    above: tuple[str, ...] = ()
    """Environments further on that run what is taken back here."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewRevert:
    """`stores` may be empty: then secrets are named, and nobody knows whether they are there."""

    plan: PlanEnvironment
    anchors: Anchors
    stores: Mapping[Scheme, SecretStore]

    def __call__(
        self, environment: Environment, environments: tuple[Environment, ...], found: FoundRevert
    ) -> Preview:
        """The preview. Invalid where the files without the change are no environment any more."""
        now = umbrella.read(found.head_tree, name=environment.name)
        then = umbrella.read(found.reverted.tree, name=environment.name)
        planned, notes = self._plan(environment, then, found)
        steps = planned.plan.steps if planned else ()
        live = planned.live if planned else {}
        return Preview(
            planned=planned,
            downgrades=reverting.downgrades(now, then),
            data=tuple(_data_at_stake(steps)),
            schemas=tuple(line for step in steps for line in _schema_changes(step, live.get(step.ref))),
            hooks=tuple(f"{one.ref} ({one.phase})" for one in (planned.plan.hooks if planned else ())),
            secrets=tuple(self._secrets(now, then)),
            above=tuple(self._above(environment, environments, now, then)),
            notes=notes,
        )

    def _plan(
        self, environment: Environment, then: EnvironmentSpec, found: FoundRevert
    ) -> tuple[Planned | None, tuple[str, ...]]:
        try:
            anchor = self.anchors.find(environment.name)
            request = PlanRequest(then, found.reverted.tree, anchor, repo=environment.repo)
            return self.plan(request), ()
        except JxError as error:
            return None, (f"what it does to the cluster is not known: {error.message}",)

    def _secrets(self, now: EnvironmentSpec, then: EnvironmentSpec) -> Iterator[str]:
        before, after = (secret_changes.list_wanted(one.chart, one.name) for one in (now, then))
        for reference, wanted in after.items():
            if reference in before:
                continue
            places = ", ".join(wanted.places)
            try:
                secret = (
                    self.stores[reference.scheme]
                    .read((reference.path,), purpose=_PURPOSE)
                    .get(reference.path)
                )
            except (JxError, KeyError):
                yield f"{reference} for {places}: whether it is still there cannot be asked"
                continue
            if secret is not None and reference.key in secret.values:
                yield f"{reference} for {places}: still there"
            elif wanted.recipe:
                yield f"{reference} for {places}: gone; a new one is made, and what the old one opened stays shut"
            else:
                yield f"{reference} for {places}: gone; put it back before the merge: jx edit secret"

    def _above(
        self,
        environment: Environment,
        environments: tuple[Environment, ...],
        now: EnvironmentSpec,
        then: EnvironmentSpec,
    ) -> Iterator[str]:
        """Environments later in the order that run a version which goes away here."""
        after = {app.key: app.chart.version for app in then.apps}
        going = {app.key: app.chart.version for app in now.apps if after.get(app.key) != app.chart.version}
        if not going or environment.is_dev:
            return
        try:
            anchors: Mapping[str, Anchor] = {one.environment: one for one in self.anchors.list_all()}
        except JxError:
            return
        for other in environments:
            if other.is_dev or other.order <= environment.order or other.name not in anchors:
                continue
            applied = anchors[other.name].applied
            for pin in applied.charts if applied else ():
                if going.get(pin.key) == pin.version:  # type: ignore[call-overload]
                    left = after.get(pin.key, "none")  # type: ignore[call-overload]
                    yield f"{other.name} runs {pin.key} {pin.version}, and {environment.name} will run {left}"


def _data_at_stake(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        if step.action is Action.REPLACE:
            yield f"{step.ref} is replaced: {step.reason}"
        elif step.action is Action.PRUNE and step.ref.kind in _DATA:
            yield f"{step.ref} is deleted with what it holds"
        elif step.action is Action.KEEP and step.ref.kind in _DATA:
            yield f"{step.ref} stays with what it holds: {step.reason}"


def _schema_changes(step: Step, live: LiveObject | None) -> Iterator[str]:
    if step.ref.kind != "CustomResourceDefinition" or live is None:
        return
    if step.action is Action.PRUNE:
        yield f"{step.ref.name} is deleted, and every object of that kind with it"
        return
    before, after = _versions(live.body), _versions(step.manifest.body if step.manifest else {})
    gone = [name for name in before if name not in after]
    if after and gone:
        yield f"{step.ref.name} no longer serves {', '.join(gone)}"
    stored = next((name for name, is_stored in before.items() if is_stored), "")
    then = next((name for name, is_stored in after.items() if is_stored), "")
    if then and stored != then:
        yield f"{step.ref.name} is stored as {then}, and objects are stored as {stored}: they may lose fields"
    if step.manifest:
        yield from _lost_fields(step.ref.name, live.body, step.manifest.body)


def _versions(body: Body) -> dict[str, bool]:
    return {str(one.get("name")): bool(one.get("storage")) for one in _served(body)}


def _lost_fields(name: str, before: Body, after: Body) -> Iterator[str]:
    """Fields of a version that it does not know any more: the server drops them when an object is written next."""
    then = {str(one.get("name")): set(_fields_of(_schema_of(one))) for one in _served(after)}
    for one in _served(before):
        version = str(one.get("name"))
        lost = sorted(set(_fields_of(_schema_of(one))) - then.get(version, set()))
        lost = [path for path in lost if not any(path.startswith(f"{other}.") for other in lost)]
        if version in then and lost:
            more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
            words = ", ".join(lost[:_SHOWN])
            yield f"{name} {version} no longer knows {words}{more}: objects lose what they have there"


def _served(body: Body) -> tuple[Mapping[str, Any], ...]:
    return tuple((body.get("spec") or {}).get("versions") or ())


def _schema_of(version: Mapping[str, Any]) -> Mapping[str, Any]:
    return (version.get("schema") or {}).get("openAPIV3Schema") or {}


def _fields_of(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The paths of all fields that a schema names."""
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield from _fields_of(items, f"{path}[]")
    for name, below in (schema.get("properties") or {}).items():
        yield f"{path}.{name}"
        yield from _fields_of(below or {}, f"{path}.{name}")


def counts(planned: Planned) -> Mapping[str, tuple[ObjectRef, ...]]:
    """Objects by what happens to them."""
    words = {
        "changed": {Action.UPDATE, Action.TAKE_OVER},
        "created": {Action.CREATE},
        "deleted": {Action.PRUNE},
        "replaced": {Action.REPLACE},
        "kept": {Action.KEEP},
    }
    return {
        word: tuple(step.ref for step in planned.plan.steps if step.action in actions)
        for word, actions in words.items()
    }
