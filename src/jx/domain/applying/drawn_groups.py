"""Drawn groups: what a chart draws at random is drawn once, kept, and put back.

A chart is rendered several times from equal input; what differs is drawn. All that one chart draws is a group from one render,
kept in the cluster beside the anchor: a key and its certificate, or a password and its hash, always belong together. It is put
back by its place, word by word, so that text around it follows git. Where a chart draws in a place that the group does not know,
or a kept certificate is about other names, all of the chart is drawn anew, and said so.

Where nothing is kept yet, what is live is taken over: an environment that another tool installed keeps its passwords.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jx.domain.charts import template_scan
from jx.domain.charts.apps import app_of
from jx.domain.errors import Invalid, Problem
from jx.domain.objects import drawn_places
from jx.domain.objects.drawn_places import Key, Leaf, Place, Values
from jx.domain.objects.drawn_text import Mixed
from jx.domain.objects.manifests import Body, Manifest, ObjectRef
from jx.domain.trees import Tree

_MOST_NAMES = 3
_SHORTEST = 6
"""Shorter draws are not told by their text: they may be something else that looks alike."""


@dataclass(frozen=True, slots=True)
class DrawnGroup:
    """What one chart has drawn in one render."""

    app: str
    values: Mapping[Place, Values] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Settled:
    """Objects with what was drawn put back into them."""

    manifests: tuple[Manifest, ...]
    groups: tuple[DrawnGroup, ...] = ()
    """What is to be kept from now on."""
    news: tuple[str, ...] = ()
    """What was drawn anew although something was kept, and why."""
    values: frozenset[str] = field(default_factory=frozenset, repr=False)
    """What no text may show."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there was before."""

    groups: tuple[DrawnGroup, ...] = ()
    live: Mapping[ObjectRef, Body] = field(default_factory=dict)
    apps: frozenset[str] = frozenset()
    """The apps of the environment: a group of no app is forgotten."""
    charts: Mapping[str, Tree] = field(default_factory=dict)
    """Their charts, to tell which value a person can set."""
    anew: frozenset[str] = frozenset()
    """Apps for which a person asks for new draws: a certificate that ends soon, a hash of a password that has changed."""

    def remedy(self, leaf: Leaf) -> str:
        """Which values to set, so that nothing is drawn in a place; empty where the chart does not tell."""
        chart = self.charts.get(leaf.app)
        _, _, template = leaf.source.partition(f"{leaf.app}/")
        key = next((part for part in reversed(leaf.at) if isinstance(part, str)), "")
        names = template_scan.values_behind(chart, template, key)[:_MOST_NAMES] if chart else ()
        return " or ".join(f"{leaf.app}.{name}" for name in names)


def settle(draws: Sequence[tuple[Manifest, ...]], known: Known) -> Settled:
    """Put back what was drawn before. `draws` are renders of equal input. Invalid, with all of them, where objects are not the
    same in all renders, and where what is drawn cannot be told from the text around it."""
    renders = [drawn_places.keyed(draw) for draw in draws]
    _check_identities(renders)
    leaves = _find_leaves(renders, known)
    kept = {group.app: group for group in known.groups if group.app in known.apps or not group.app}
    if not leaves:
        return Settled(draws[0], tuple(kept.values()))
    news: list[str] = []
    chosen: dict[Place, Values] = {}
    for app in dict.fromkeys(leaf.app for leaf in leaves):
        mine = [leaf for leaf in leaves if leaf.app == app and not leaf.is_digest]
        if not mine:
            continue
        values = _choose(app, mine, kept, known)
        if isinstance(values, _Misfit):
            news.append(values.words(known))
            values = {leaf.place: leaf.drawn for leaf in mine}
            kept.pop(app, None)
        before = kept[app].values if app in kept else {}
        kept[app] = DrawnGroup(app, {**before, **values})
        chosen |= values
    filled = _filled(renders[0], leaves, chosen)
    texts = (text for values in chosen.values() for text in values if isinstance(text, str))
    return Settled(
        _with_digests(filled, leaves, known.apps),
        tuple(kept[app] for app in sorted(kept)),
        tuple(news),
        frozenset(text for text in texts if len(text) >= _SHORTEST),
    )


def _check_identities(draws: Sequence[Mapping[Key, Manifest]]) -> None:
    odd = [one for draw in draws for key, one in draw.items() if any(key not in other for other in draws)]
    if odd:
        sources = dict.fromkeys((one.source, one.ref.kind) for one in odd)
        raise Invalid(
            "whether an object is there, or what it is called, is drawn at random",
            *(Problem(source, f"a {kind} is another one in each render") for source, kind in sources),
            hint="set the value that names it, so that each render makes the same object",
        )


def _find_leaves(draws: Sequence[Mapping[Key, Manifest]], known: Known) -> list[Leaf]:
    found: list[Leaf] = []
    problems: list[Problem] = []
    for key, manifest in draws[0].items():
        bodies = [draw[key].body for draw in draws]
        for at in drawn_places.differences(bodies, ()):
            copy = (f"copy={key[1]}",) if key[1] else ()
            place = Place(manifest.ref, (*copy, *drawn_places.named(manifest.body, at)))
            texts = tuple(drawn_places.get(body, at) for body in bodies)
            leaf = Leaf(key, app_of(manifest.source, known.apps), manifest.source, place, at, texts)
            found.append(leaf)
            if leaf.is_digest:
                continue
            try:
                _ = leaf.pattern
            except Mixed:
                names = known.remedy(leaf)
                what = f"{place} draws within other text" + (f"; set {names}" if names else "")
                problems.append(Problem(manifest.source, what))
    if problems:
        raise Invalid(
            "what a chart draws at random cannot be told from the text around it, so it could not be kept",
            *problems,
            hint="set the value that it stands for in values.yaml; as a reference, where it is a secret",
        )
    return found


def _choose(
    app: str, leaves: Sequence[Leaf], kept: Mapping[str, DrawnGroup], known: Known
) -> dict[Place, Values] | _Misfit:
    """What goes into the places of one app."""
    if app in known.anew:
        return _Misfit(leaves[0], "somebody asks for it")
    if app in kept:
        return _put_back(leaves, kept[app].values)
    return _take_up(leaves, known.live)


@dataclass(frozen=True, slots=True)
class _Misfit:
    """Why what was kept does not fit any more."""

    leaf: Leaf
    why: str

    def words(self, known: Known) -> str:
        """For people."""
        whose, names = self.leaf.app or "the environment", known.remedy(self.leaf)
        remedy = f"; a value that is to stay is set in values.yaml, here {names}" if names else ""
        return f"{whose}: what its chart draws at random is drawn anew: {self.why}{remedy}"


def _put_back(leaves: Sequence[Leaf], kept: Mapping[Place, Values]) -> dict[Place, Values] | _Misfit:
    """What was kept, for each place; why not, where it does not fit."""
    values = {leaf.place: kept[leaf.place] for leaf in leaves if _fits(leaf, kept.get(leaf.place))}
    copies = _copies((leaf, values[leaf.place]) for leaf in leaves if leaf.place in values)
    for leaf in leaves:
        if leaf.place in values:
            continue
        if not all(isinstance(text, str) and text in copies for text in leaf.drawn):
            return _Misfit(leaf, f"it now draws {leaf.place}")
        values[leaf.place] = tuple(copies[text] for text in leaf.drawn)
    stale = next((leaf for leaf in leaves if drawn_places.is_about_other(leaf, values[leaf.place])), None)
    return _Misfit(stale, f"{stale.place} is about other names now") if stale else values


def _fits(leaf: Leaf, values: Values | None) -> bool:
    return values is not None and len(values) == len(leaf.drawn)


def _take_up(leaves: Sequence[Leaf], live: Mapping[ObjectRef, Body]) -> dict[Place, Values]:
    """What is live, where that looks the same; elsewhere the same draws are put in place of what was drawn now."""
    found = {
        leaf.place: values
        for leaf in leaves
        if leaf.place.ref in live
        and (values := leaf.read(drawn_places.find(live[leaf.place.ref], leaf.place.path))) is not None
        and not drawn_places.is_about_other(leaf, values)
    }
    copies = _copies((leaf, found[leaf.place]) for leaf in leaves if leaf.place in found)
    return {
        leaf.place: found.get(leaf.place)
        or tuple(copies.get(text, text) if isinstance(text, str) else text for text in leaf.drawn)
        for leaf in leaves
    }


def _copies(pairs: Iterable[tuple[Leaf, Values]]) -> dict[str, str]:
    """What stands for each text that was drawn now."""
    return {
        drawn: kept
        for leaf, values in pairs
        for drawn, kept in zip(leaf.drawn, values, strict=True)
        if isinstance(drawn, str) and isinstance(kept, str) and len(drawn) >= _SHORTEST
    }


def _filled(
    first: Mapping[Key, Manifest], leaves: Iterable[Leaf], chosen: Mapping[Place, Values]
) -> dict[Key, Manifest]:
    filled = dict(first)
    for key, here in drawn_places.by_key(leaves).items():
        manifest = first[key]
        places = {leaf.at for leaf in here}
        seen = {
            leaf.at: leaf.seen(drawn_places.get(manifest.public, leaf.at))
            for leaf in here
            if drawn_places.has(manifest.public, leaf.at)
        }
        filled[key] = replace(
            manifest,
            body=drawn_places.with_leaves(
                manifest.body, {one.at: one.fill(chosen[one.place]) for one in here if not one.is_digest}
            ),
            shown=drawn_places.with_leaves(manifest.public, seen),
            derived=manifest.derived | places,
            marked="",
        )
    return filled


def _with_digests(
    manifests: Mapping[Key, Manifest], leaves: Iterable[Leaf], apps: Iterable[str]
) -> tuple[Manifest, ...]:
    """With a digest of the final Secrets and ConfigMaps of its chart in place of each that was made of a draw."""
    rows: dict[str, list[str]] = {}
    for one in manifests.values():
        if not one.ref.group and one.ref.kind in ("Secret", "ConfigMap"):
            row = [str(one.ref), one.body.get("data"), one.body.get("binaryData")]
            rows.setdefault(app_of(one.source, apps), []).append(json.dumps(row, sort_keys=True))
    done = dict(manifests)
    for key, here in drawn_places.by_key(leaf for leaf in leaves if leaf.is_digest).items():
        final = "\n".join(sorted(rows.get(here[0].app, ())))
        digest = hashlib.sha256(final.encode()).hexdigest()
        cut = {leaf.at: digest[: len(leaf.texts[0])] for leaf in here}
        done[key] = replace(done[key], body=drawn_places.with_leaves(done[key].body, cut))
    return tuple(done.values())
