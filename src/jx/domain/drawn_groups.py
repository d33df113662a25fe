"""Drawn groups: what a chart draws at random is drawn once, kept, and put back.

A chart is rendered several times from equal input; what differs is drawn. All that one chart draws is a group from one render,
kept in the cluster beside the anchor: a key and its certificate, or a password and its hash, always belong together. It is put
back by its place, word by word, so that text around it follows git. Where a chart draws in a place that the group does not know,
or a kept certificate is about other names, all of the chart is drawn anew, and said so.

Where nothing is kept yet, what is live is taken over: an environment that another tool installed keeps its passwords.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any

from jx.domain import drawn_text, template_scan
from jx.domain.apps import app_of
from jx.domain.drawn_text import Mixed, Pattern
from jx.domain.errors import Invalid, Problem
from jx.domain.manifests import Body, Manifest, ObjectRef
from jx.domain.references import Path, shown
from jx.domain.trees import Tree

DRAWN = "<drawn at random>"
"""Stands for what is drawn, wherever an object is shown: two renders look alike."""

_MOST_NAMES = 3
_SHORTEST = 6
"""Shorter draws are not told by their text: they may be something else that looks alike."""
_DIGEST = re.compile(r"[0-9a-f]{32,128}")
_WRITTEN = re.compile(rb"[ -~]{5,}")
_TIME = re.compile(rb"\d{12,14}Z")
_BLOCK = re.compile(r"-----BEGIN [^-]+-----(.*?)-----END", re.DOTALL)

Values = tuple[Any, ...]
"""What is drawn in one place, in order. `Any`: a place that is no text, or of which more than text differs, is kept as JSON."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a chart draws. Items of lists are known by their names, where they have some."""

    ref: ObjectRef
    path: Path

    def __str__(self) -> str:
        return f"{self.ref} {shown(self.path)}"


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

    def remedy(self, leaf: _Leaf) -> str:
        """Which values to set, so that nothing is drawn in a place; empty where the chart does not tell."""
        chart = self.charts.get(leaf.app)
        _, _, template = leaf.source.partition(f"{leaf.app}/")
        key = next((part for part in reversed(leaf.at) if isinstance(part, str)), "")
        names = template_scan.values_behind(chart, template, key)[:_MOST_NAMES] if chart else ()
        return " or ".join(f"{leaf.app}.{name}" for name in names)


def settle(draws: Sequence[tuple[Manifest, ...]], known: Known) -> Settled:
    """Put back what was drawn before. `draws` are renders of equal input. Invalid, with all of them, where objects are not the
    same in all renders, and where what is drawn cannot be told from the text around it."""
    renders = [_keyed(draw) for draw in draws]
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


@dataclass(frozen=True)
class _Leaf:
    """A place that several renders do not agree on."""

    key: _Key
    app: str
    source: str
    place: Place
    at: Path
    texts: Values
    """As each render has it."""

    @property
    def is_digest(self) -> bool:
        """Whether it tells a workload that what it reads has changed."""
        name, text = self.at[-1], self.texts[0]
        if not {"annotations", "labels"} & set(self.at) or not isinstance(text, str):
            return False
        return "checksum" in str(name).lower() or bool(_DIGEST.fullmatch(text))

    @cached_property
    def pattern(self) -> Pattern | None:
        """None for what is no text."""
        texts = [text for text in self.texts if isinstance(text, str)]
        return drawn_text.pattern_of(texts) if len(texts) == len(self.texts) else None

    @cached_property
    def rounds(self) -> tuple[Values, ...]:
        """What each render has drawn here."""
        if self.pattern is None:
            return tuple((text,) for text in self.texts)
        return tuple(self.pattern.read(text) or () for text in self.texts)

    @property
    def drawn(self) -> Values:
        return self.rounds[0]

    def fill(self, values: Values) -> Any:
        return values[0] if self.pattern is None else self.pattern.fill(values)

    def seen(self, public: Any) -> str:
        """What may be seen of it: the text around what is drawn, unless that is masked already."""
        if self.is_digest or self.pattern is None or not self.pattern.is_readable or public != self.texts[0]:
            return DRAWN
        return self.pattern.fill([DRAWN] * len(self.drawn))

    def read(self, live: Any) -> Values | None:
        """What is drawn in the same place of a live object."""
        if live is None or self.pattern is None or not isinstance(live, str):
            return (live,) if live is not None and type(live) is type(self.texts[0]) else None
        return self.pattern.read(live)


_Key = tuple[ObjectRef, int]
"""Which object of a render: hooks of different phases may have one name."""


def _keyed(manifests: Iterable[Manifest]) -> dict[_Key, Manifest]:
    keyed: dict[_Key, Manifest] = {}
    for manifest in manifests:
        number = next(n for n in count() if (manifest.ref, n) not in keyed)
        keyed[manifest.ref, number] = manifest
    return keyed


def _check_identities(draws: Sequence[Mapping[_Key, Manifest]]) -> None:
    odd = [one for draw in draws for key, one in draw.items() if any(key not in other for other in draws)]
    if odd:
        sources = dict.fromkeys((one.source, one.ref.kind) for one in odd)
        raise Invalid(
            "whether an object is there, or what it is called, is drawn at random",
            *(Problem(source, f"a {kind} is another one in each render") for source, kind in sources),
            hint="set the value that names it, so that each render makes the same object",
        )


def _find_leaves(draws: Sequence[Mapping[_Key, Manifest]], known: Known) -> list[_Leaf]:
    found: list[_Leaf] = []
    problems: list[Problem] = []
    for key, manifest in draws[0].items():
        bodies = [draw[key].body for draw in draws]
        for at in _differences(bodies, ()):
            copy = (f"copy={key[1]}",) if key[1] else ()
            place = Place(manifest.ref, (*copy, *_named(manifest.body, at)))
            texts = tuple(_get(body, at) for body in bodies)
            leaf = _Leaf(key, app_of(manifest.source, known.apps), manifest.source, place, at, texts)
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
    app: str, leaves: Sequence[_Leaf], kept: Mapping[str, DrawnGroup], known: Known
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

    leaf: _Leaf
    why: str

    def words(self, known: Known) -> str:
        """For people."""
        whose, names = self.leaf.app or "the environment", known.remedy(self.leaf)
        remedy = f"; a value that is to stay is set in values.yaml, here {names}" if names else ""
        return f"{whose}: what its chart draws at random is drawn anew: {self.why}{remedy}"


def _put_back(leaves: Sequence[_Leaf], kept: Mapping[Place, Values]) -> dict[Place, Values] | _Misfit:
    """What was kept, for each place; why not, where it does not fit."""
    values = {leaf.place: kept[leaf.place] for leaf in leaves if _fits(leaf, kept.get(leaf.place))}
    copies = _copies((leaf, values[leaf.place]) for leaf in leaves if leaf.place in values)
    for leaf in leaves:
        if leaf.place in values:
            continue
        if not all(isinstance(text, str) and text in copies for text in leaf.drawn):
            return _Misfit(leaf, f"it now draws {leaf.place}")
        values[leaf.place] = tuple(copies[text] for text in leaf.drawn)
    stale = next((leaf for leaf in leaves if _is_about_other(leaf, values[leaf.place])), None)
    return _Misfit(stale, f"{stale.place} is about other names now") if stale else values


def _fits(leaf: _Leaf, values: Values | None) -> bool:
    return values is not None and len(values) == len(leaf.drawn)


def _take_up(leaves: Sequence[_Leaf], live: Mapping[ObjectRef, Body]) -> dict[Place, Values]:
    """What is live, where that looks the same; elsewhere the same draws are put in place of what was drawn now."""
    found = {
        leaf.place: values
        for leaf in leaves
        if leaf.place.ref in live
        and (values := leaf.read(_find(live[leaf.place.ref], leaf.place.path))) is not None
        and not _is_about_other(leaf, values)
    }
    copies = _copies((leaf, found[leaf.place]) for leaf in leaves if leaf.place in found)
    return {
        leaf.place: found.get(leaf.place)
        or tuple(copies.get(text, text) if isinstance(text, str) else text for text in leaf.drawn)
        for leaf in leaves
    }


def _copies(pairs: Iterable[tuple[_Leaf, Values]]) -> dict[str, str]:
    """What stands for each text that was drawn now."""
    return {
        drawn: kept
        for leaf, values in pairs
        for drawn, kept in zip(leaf.drawn, values, strict=True)
        if isinstance(drawn, str) and isinstance(kept, str) and len(drawn) >= _SHORTEST
    }


def _is_about_other(leaf: _Leaf, values: Values) -> bool:
    """Whether what all renders write into a certificate, as its names, is not in the one that was kept."""
    for number, value in enumerate(values):
        blocks = [_written(draw[number]) for draw in leaf.rounds]
        if not set.intersection(*blocks) <= _written(value):
            return True
    return False


def _written(value: Any) -> set[bytes]:
    """The texts in an encoded certificate or key, but for times."""
    found = _BLOCK.search(value) if isinstance(value, str) else None
    if found is None:
        return set()
    try:
        data = base64.b64decode("".join(found[1].split()), validate=True)
    except (binascii.Error, ValueError):
        return set()
    return {text for part in _TIME.split(data) for text in _WRITTEN.findall(part)}


def _filled(
    first: Mapping[_Key, Manifest], leaves: Iterable[_Leaf], chosen: Mapping[Place, Values]
) -> dict[_Key, Manifest]:
    filled = dict(first)
    for key, here in _by_key(leaves).items():
        manifest = first[key]
        places = {leaf.at for leaf in here}
        seen = {
            leaf.at: leaf.seen(_get(manifest.public, leaf.at))
            for leaf in here
            if _has(manifest.public, leaf.at)
        }
        filled[key] = replace(
            manifest,
            body=with_leaves(
                manifest.body, {one.at: one.fill(chosen[one.place]) for one in here if not one.is_digest}
            ),
            shown=with_leaves(manifest.public, seen),
            derived=manifest.derived | places,
            marked="",
        )
    return filled


def _with_digests(
    manifests: Mapping[_Key, Manifest], leaves: Iterable[_Leaf], apps: Iterable[str]
) -> tuple[Manifest, ...]:
    """With a digest of the final Secrets and ConfigMaps of its chart in place of each that was made of a draw."""
    rows: dict[str, list[str]] = {}
    for one in manifests.values():
        if not one.ref.group and one.ref.kind in ("Secret", "ConfigMap"):
            row = [str(one.ref), one.body.get("data"), one.body.get("binaryData")]
            rows.setdefault(app_of(one.source, apps), []).append(json.dumps(row, sort_keys=True))
    done = dict(manifests)
    for key, here in _by_key(leaf for leaf in leaves if leaf.is_digest).items():
        final = "\n".join(sorted(rows.get(here[0].app, ())))
        digest = hashlib.sha256(final.encode()).hexdigest()
        cut = {leaf.at: digest[: len(leaf.texts[0])] for leaf in here}
        done[key] = replace(done[key], body=with_leaves(done[key].body, cut))
    return tuple(done.values())


def _by_key(leaves: Iterable[_Leaf]) -> dict[_Key, list[_Leaf]]:
    found: dict[_Key, list[_Leaf]] = {}
    for leaf in leaves:
        found.setdefault(leaf.key, []).append(leaf)
    return found


def _differences(values: Sequence[Any], at: Path) -> Iterator[Path]:
    first = values[0]
    if all(isinstance(one, Mapping) and one.keys() == first.keys() for one in values):
        for key in first:
            yield from _differences([one[key] for one in values], (*at, key))
    elif all(isinstance(one, list) and len(one) == len(first) for one in values):
        for index in range(len(first)):
            yield from _differences([one[index] for one in values], (*at, index))
    elif any(one != first or type(one) is not type(first) for one in values):
        yield at


def _get(value: Any, at: Path) -> Any:
    for part in at:
        value = value[part]
    return value


def _has(value: Any, at: Path) -> bool:
    for part in at:
        if isinstance(value, Mapping):
            if part not in value:
                return False
        elif not (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            return False
        value = value[part]
    return True


def _named(body: Any, at: Path) -> Path:
    """A path with items of lists by their names, where they have some."""
    named: list[str | int] = []
    for part in at:
        inner = body[part]
        name = inner.get("name") if isinstance(part, int) and isinstance(inner, Mapping) else None
        named.append(f"name={name}" if isinstance(name, str) else part)
        body = inner
    return tuple(named)


def place_of(manifest: Manifest, at: Path) -> Place:
    """The place of a field, as groups know it."""
    return Place(manifest.ref, _named(manifest.body, at))


def _find(body: Any, path: Path) -> Any:
    """What is at such a path of another object; None where there is nothing."""
    for part in path:
        if isinstance(body, list):
            body = next((item for number, item in enumerate(body) if _is_item(item, number, part)), None)
        else:
            body = body.get(part) if isinstance(body, Mapping) else None
    return body


def _is_item(item: Any, number: int, part: str | int) -> bool:
    if isinstance(part, int):
        return number == part
    return isinstance(item, Mapping) and f"name={item.get('name')}" == part


def with_leaves(body: Any, leaves: Mapping[Path, Any]) -> Any:
    """A copy with these leaves replaced; what is not on their paths is shared."""
    if () in leaves:
        return leaves[()]
    if not leaves:
        return body
    below: dict[str | int, dict[Path, Any]] = {}
    for path, value in leaves.items():
        below.setdefault(path[0], {})[path[1:]] = value
    if isinstance(body, Mapping):
        return {key: with_leaves(value, below.get(key, {})) for key, value in body.items()}
    return [with_leaves(value, below.get(index, {})) for index, value in enumerate(body)]
