"""Sequencing: what waits for what beyond the waves of kinds, as annotations say: explicit waves, and what depends on what.

`jenkins.io/wave: "-1"` puts an object before (or after) all of wave 0, whatever its kind. Namespaces and CRDs that say nothing
are in the first wave, webhooks and aggregated APIs in the last. `config.kubernetes.io/depends-on` (kpt's) and
`jenkins.io/depends-on` (shorter) name objects that have to be healthy before this one is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from jx.domain.errors import Invalid, Problem
from jx.domain.objects import ordering
from jx.domain.objects.manifests import Body, Manifest, ObjectRef
from jx.domain.objects.ordering import Wave

WAVE = "jenkins.io/wave"
DEPENDS_ON = "jenkins.io/depends-on"
KPT_DEPENDS_ON = "config.kubernetes.io/depends-on"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """When an object's turn is: places are done one after the other."""

    group: int
    """The explicit wave."""
    wave: int
    """The wave of its kind, or of what it depends on where that is later."""
    stage: int = 0
    """How many objects of that wave it waits for, one behind the other."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """The places of all objects, and which others each has to find healthy."""

    places: Mapping[ObjectRef, Place]
    needs: Mapping[ObjectRef, tuple[ObjectRef, ...]]


def sequence(manifests: Iterable[Manifest]) -> Sequence:
    """Places of what is to be sent; Invalid with all mistakes: a cycle, an unknown object, a wave that is no number."""
    reader = _Reader({manifest.ref: manifest.body for manifest in manifests})
    result = reader.read()
    sources = {manifest.ref: manifest.source for manifest in manifests}
    if reader.problems:
        problems = (Problem(sources.get(ref) or str(ref), what) for ref, what in reader.problems)
        raise Invalid("the objects cannot be put into an order", *problems)
    return result


def recall(bodies: Mapping[ObjectRef, Body]) -> Sequence:
    """Places of live objects, for taking them away in the opposite order; what makes no sense is passed over."""
    return _Reader(bodies).read()


class _Reader:
    def __init__(self, bodies: Mapping[ObjectRef, Body]) -> None:
        self.bodies = dict(bodies)
        self.problems: list[tuple[ObjectRef, str]] = []
        said = {
            ref: group for ref, body in self.bodies.items() if (group := self._group(ref, body)) is not None
        }
        self._first, self._last = min([0, *said.values()]), max([0, *said.values()])
        self._groups = said
        self._needs = {ref: self._read_needs(ref, body) for ref, body in self.bodies.items()}

    def read(self) -> Sequence:
        places: dict[ObjectRef, Place] = {}
        for ref in self._in_order():
            own = Place(self._group_of(ref), ordering.wave_of(ref))
            places[ref] = max([own, *self._after(ref, own, places)])
        return Sequence(places, {ref: needs for ref, needs in self._needs.items() if needs})

    def _in_order(self) -> Iterable[ObjectRef]:
        sorter = TopologicalSorter({ref: self._needs[ref] for ref in sorted(self._needs)})
        try:
            return tuple(sorter.static_order())
        except CycleError as error:
            cycle: list[ObjectRef] = list(reversed(error.args[1]))
            self._mistake(cycle[0], f"a cycle: {' needs '.join(map(str, cycle))}")
            self._needs = dict.fromkeys(self._needs, ())
            return tuple(sorted(self._needs))

    def _after(self, ref: ObjectRef, own: Place, places: Mapping[ObjectRef, Place]) -> Iterable[Place]:
        for need in self._needs[ref]:
            before = places[need]
            if before.group > own.group:
                what = f"it is in wave {own.group} and depends on {need}, which is in wave {before.group}"
                self._mistake(ref, what)
            else:
                yield Place(before.group, before.wave, before.stage + 1)

    def _group_of(self, ref: ObjectRef) -> int:
        said = self._groups.get(ref)
        if said is not None:
            return said
        wave = ordering.wave_of(ref)
        if wave <= Wave.DEFINITIONS:
            return self._first
        return self._last if wave is Wave.GATES else 0

    def _group(self, ref: ObjectRef, body: Body) -> int | None:
        text = _annotation(body, WAVE)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            self._mistake(ref, f"annotation {WAVE} is {text!r}, which is no whole number")
            return None

    def _read_needs(self, ref: ObjectRef, body: Body) -> tuple[ObjectRef, ...]:
        named: list[ObjectRef] = []
        for key, find in ((KPT_DEPENDS_ON, self._find_kpt), (DEPENDS_ON, self._find_short)):
            for text in filter(None, (part.strip() for part in _annotation(body, key).split(","))):
                found = find(text, ref)
                if found is None:
                    self._mistake(ref, f"annotation {key} names {text}, which is not among the objects")
                else:
                    named.append(found)
        return tuple(dict.fromkeys(named))

    def _find_kpt(self, text: str, _: ObjectRef) -> ObjectRef | None:
        """`group/kind/name`, or `group/namespaces/namespace/kind/name`; the core group is empty."""
        match text.split("/"):
            case [group, kind, name]:
                wanted = ObjectRef(group, kind, "", name)
            case [group, "namespaces", namespace, kind, name]:
                wanted = ObjectRef(group, kind, namespace, name)
            case _:
                return None
        return wanted if wanted in self.bodies else None

    def _find_short(self, text: str, ref: ObjectRef) -> ObjectRef | None:
        """`Kind/name` in the same namespace (or cluster-wide), or `namespace/Kind/name`."""
        parts = text.split("/")
        if len(parts) not in {2, 3}:
            return None
        *space, kind, name = parts
        spaces = space or [ref.namespace, ""]
        found = (
            one
            for where in spaces
            for one in self.bodies
            if (one.kind, one.name, one.namespace) == (kind, name, where)
        )
        return next(found, None)

    def _mistake(self, ref: ObjectRef, what: str) -> None:
        if (ref, what) not in self.problems:
            self.problems.append((ref, what))


def _annotation(body: Body, key: str) -> str:
    return str(((body.get("metadata") or {}).get("annotations") or {}).get(key) or "")
