"""Derived: which parts of what is rendered come from secrets, found by rendering with different values and comparing.

What is committed, shown and compared is rendered with markers; what is applied, with the values. A leaf that differs comes
from a secret, through whatever a template did to it (`b64enc`, a hash, a URL around it), and is masked. Where not only leaves
differ, the whole object is masked. Objects whose identity depends on a secret are refused.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jx.domain.errors import Invalid, Problem
from jx.domain.objects import markers
from jx.domain.objects.manifests import Body, Manifest, ObjectRef
from jx.domain.objects.references import Path, Reference
from jx.domain.objects.secrets import is_secret

DERIVED = "<derived from a secret>"
MASKED = "<masked: its structure depends on a secret>"


@dataclass(frozen=True, slots=True)
class Marked:
    """What one object shows, and where it holds what comes from secrets."""

    body: Body
    """Without any value, for eyes and files."""
    leaves: frozenset[Path] = frozenset()
    is_whole: bool = False
    """Whether all of it is masked."""
    references: frozenset[Reference] = frozenset()
    """The secrets that these come from, as far as that can be told: a hash tells nothing."""

    def __hash__(self) -> int:
        return hash((self.leaves, self.is_whole))


@dataclass(frozen=True, slots=True)
class Landing:
    """A secret that is readable in an object where it should not be."""

    ref: ObjectRef
    place: str
    """The field; items of lists by their names: `spec.containers[name=web].args[0]`."""
    reference: Reference
    source: str = ""
    """The template that it comes from."""

    def __str__(self) -> str:
        return f"{self.ref}: {self.place} holds {self.reference}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All objects that hold something of secrets."""

    marked: Mapping[ObjectRef, Marked] = field(default_factory=dict)


def compare(
    first: tuple[Manifest, ...], second: tuple[Manifest, ...], known: Mapping[str, Reference]
) -> Comparison:
    """`first` is rendered with markers, `second` with other markers or the values. `known` are the first ones' words.

    Invalid where the two do not have the same objects: a name, kind or namespace, or whether there is an object at all,
    depends on a secret.
    """
    others = {manifest.ref: manifest for manifest in second}
    _check_identities(first, second)
    marked: dict[ObjectRef, Marked] = {}
    for manifest in first:
        one = _compare(manifest, others[manifest.ref].body, known)
        if one is not None:
            marked[manifest.ref] = one
    return Comparison(marked)


def landings(
    first: tuple[Manifest, ...], comparison: Comparison, known: Mapping[str, Reference]
) -> tuple[Landing, ...]:
    """Where markers can be read outside of a Secret's data, however they are encoded."""
    return tuple(
        Landing(manifest.ref, place_of(manifest.body, at), reference, manifest.source)
        for manifest in first
        if manifest.ref in comparison.marked
        for at, text in _texts(manifest.body)
        if not _is_data_of_secret(manifest.ref, at)
        for reference in markers.find_in(text, known)
    )


def joined(one: Comparison, other: Comparison) -> Comparison:
    """What either comparison found. Both are of the same first render."""
    marked = dict(one.marked)
    for ref, mine in other.marked.items():
        theirs = marked.get(ref)
        if theirs is None or mine.is_whole:
            marked[ref] = mine
        elif not theirs.is_whole:
            places = theirs.leaves | mine.leaves
            # Both bodies mask their own leaves alike, and show the same of all others.
            body = _masked_as(theirs.body, mine.body, mine.leaves, ())
            marked[ref] = Marked(body, places, references=theirs.references | mine.references)
    return Comparison(marked)


def _masked_as(value: Any, other: Any, places: frozenset[Path], at: Path) -> Any:
    if at in places:
        return other
    if isinstance(value, Mapping):
        return {key: _masked_as(child, other[key], places, (*at, key)) for key, child in value.items()}
    if isinstance(value, list):
        return [_masked_as(child, other[n], places, (*at, n)) for n, child in enumerate(value)]
    return value


def place_of(body: Body, at: Path) -> str:
    """A place in an object as people write it in files: items of lists by their names where they have one."""
    text = ""
    value: Any = body
    for part in at:
        is_there = isinstance(value, list) or (isinstance(value, Mapping) and part in value)
        inner: Any = value[part] if is_there else part
        if isinstance(part, int):
            name = inner.get("name") if isinstance(inner, Mapping) else None
            text += f"[name={name}]" if name else f"[{part}]"
        else:
            text += f".{part}" if text else part
        value = inner
    return text


def _check_identities(first: tuple[Manifest, ...], second: tuple[Manifest, ...]) -> None:
    mine, theirs = {one.ref: one for one in first}, {one.ref: one for one in second}
    odd = [mine.get(ref) or theirs[ref] for ref in sorted(mine.keys() ^ theirs.keys())]
    if odd:
        # Only those that markers made are named: a name made from a value would show it.
        named = [one for one in odd if one.ref in mine]
        raise Invalid(
            "whether an object is there, or what it is called, depends on a secret",
            *(Problem(one.source, f"{one.ref} is one of them") for one in named),
            hint="make names and conditions of templates from other values",
        )


def _compare(manifest: Manifest, other: Body, known: Mapping[str, Reference]) -> Marked | None:
    differing = list(_differences(manifest.body, other, ()))
    if not differing:
        return None
    if any(at is None for at in differing):
        held = _held((text for _, text in _texts(manifest.body)), known)
        return Marked(_whole(manifest.body), _top_level(manifest.body, other), is_whole=True, references=held)
    at_leaves = frozenset(at for at in differing if at is not None)
    shown = _masked(manifest.body, at_leaves, known, ())
    if is_secret(manifest.body):
        shown["data"] = _named_data(manifest.body, shown.get("data"), known)
    held = _held((text for at, text in _texts(manifest.body) if at in at_leaves), known)
    return Marked(shown, at_leaves, references=held)


def _named_data(body: Body, shown: Any, known: Mapping[str, Reference]) -> Any:
    """A Secret's data in which a mask names the secret where a value is that secret and nothing else."""
    if not isinstance(shown, Mapping):
        return shown
    words = {base64.b64encode(word.encode()).decode(): reference for word, reference in known.items()}
    return {
        key: f"<secret:{words[text]}>" if (text := body["data"][key]) in words else value
        for key, value in shown.items()
    }


def _held(texts: Iterable[str], known: Mapping[str, Reference]) -> frozenset[Reference]:
    return frozenset(one for text in texts for one in markers.find_in(text, known))


def _differences(one: Any, other: Any, at: Path) -> Iterator[Path | None]:
    """Places of leaves that differ; None where more than a leaf does."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if one.keys() != other.keys():
            yield None
            return
        for key in one:
            yield from _differences(one[key], other[key], (*at, key))
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield None
            return
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from _differences(mine, theirs, (*at, index))
    elif isinstance(one, Mapping | list) or isinstance(other, Mapping | list):
        yield None
    elif one != other or type(one) is not type(other):
        yield at


def _masked(value: Any, places: frozenset[Path], known: Mapping[str, Reference], at: Path) -> Any:
    if at in places:
        return _mask_of(value, known)
    if isinstance(value, Mapping):
        return {key: _masked(child, places, known, (*at, key)) for key, child in value.items()}
    if isinstance(value, list):
        return [_masked(child, places, known, (*at, index)) for index, child in enumerate(value)]
    return value


def _mask_of(value: Any, known: Mapping[str, Reference]) -> str:
    """What the text around a marker is may be seen; nothing else of a derived leaf."""
    named = markers.with_names(value, known) if isinstance(value, str) else DERIVED
    return named if named != value else DERIVED


def _top_level(one: Body, other: Body) -> frozenset[Path]:
    """Where an object of which more than leaves differ is cut: all of it but what it is called."""
    tops = {(key,) for key in one if key not in ("apiVersion", "kind", "metadata")}
    mine, theirs = one.get("metadata") or {}, other.get("metadata") or {}
    return frozenset({*tops, *(("metadata", key) for key in mine if mine[key] != theirs.get(key))})


def _whole(body: Body) -> dict[str, Any]:
    metadata = body.get("metadata") or {}
    identity = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    return {
        "apiVersion": body.get("apiVersion"),
        "kind": body.get("kind"),
        "metadata": identity,
        "masked": MASKED,
    }


def _texts(body: Body) -> Iterator[tuple[Path, str]]:
    for at, value in _all_leaves(body, ()):
        yield at, str(value)


def _all_leaves(value: Any, at: Path) -> Iterator[tuple[Path, Any]]:
    """Values and, since they can hold a secret as well, keys."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield (*at, key), key
            yield from _all_leaves(child, (*at, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _all_leaves(child, (*at, index))
    elif value is not None:
        yield at, value


def _is_data_of_secret(ref: ObjectRef, at: Path) -> bool:
    return (ref.group, ref.kind) == ("", "Secret") and at[:1] in (("data",), ("stringData",)) and len(at) == 2
