"""Random values: what a chart draws at random is drawn once, and then kept from the live object.

A chart is rendered twice from equal input; leaves that differ are random. Each takes its value from the live object, where that
still has the same shape around the random part; where the rest of the text changed in git (a host beside a password), only the
random part is carried over; where nothing is live, the first draw is used. `checksum/...` annotations, which charts compute from
drawn values, stay as they are while nothing else in the drawn objects changes, so that pods restart exactly then.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jx.domain.manifests import Body, Manifest, ObjectRef
from jx.domain.secrets import is_secret
from jx.domain.trees import Tree

Path = tuple[str | int, ...]
"""Where a leaf is: keys and list indexes."""

DRAWN = "<drawn>"
"""Stands for a fresh draw in hashes: two plans of one first install are the same plan."""

_FUNCTIONS = (
    r"rand(AlphaNum|Alpha|Numeric|Ascii|Bytes|Int)|gen(CA|PrivateKey|SelfSignedCert|SignedCert)\w*|uuidv4|htpasswd|bcrypt"
    r"|derivePassword|encryptAES|shuffle|now|ago"
)
_MENTION = re.compile(rb"\{\{(?:(?!\}\}).)*?\b(" + _FUNCTIONS.encode() + rb")\b", re.DOTALL)
_TOKEN_END = re.compile(r"[A-Za-z0-9+/=_.:-]+\Z")
_TOKEN_START = re.compile(r"\A[A-Za-z0-9+/=_.:-]+")
_SHORTEST = 6
"""Random parts shorter than this are not carried from one text to another."""


def mentions_random(trees: Iterable[Tree]) -> bool:
    """Whether any template of these charts calls a function that draws at random or reads the clock. Packed charts may."""
    return any(
        path.endswith(".tgz") or ("templates/" in path and _MENTION.search(blob.data) is not None)
        for tree in trees
        for path, blob in tree.files.items()
    )


@dataclass(frozen=True, slots=True)
class Settled:
    """Manifests with their random values settled; `drawn` are the leaves that hold a fresh draw."""

    manifests: tuple[Manifest, ...]
    drawn: Mapping[ObjectRef, frozenset[Path]] = field(default_factory=dict)


def settle(
    first: tuple[Manifest, ...], second: tuple[Manifest, ...], live: Mapping[ObjectRef, Body]
) -> Settled:
    """Keep from the live objects what two draws do not agree on."""
    others = {manifest.ref: manifest.body for manifest in second}
    random = {
        manifest.ref: paths
        for manifest in first
        if manifest.ref in others and (paths := _differences(manifest.body, others[manifest.ref]))
    }
    if not random:
        return Settled(first)
    kept = _learn(first, others, random, live)
    has_moved = any(
        _has_moved(manifest.body, live.get(manifest.ref), random[manifest.ref])
        for manifest in first
        if manifest.ref in random and manifest.ref.kind in {"Secret", "ConfigMap"}
    )
    settled: list[Manifest] = []
    drawn: dict[ObjectRef, frozenset[Path]] = {}
    for manifest in first:
        paths = random.get(manifest.ref, ())
        values = {path: kept.value(manifest, path, has_moved=has_moved) for path in paths}
        fresh = frozenset(path for path, (_, is_fresh) in values.items() if is_fresh)
        if fresh:
            drawn[manifest.ref] = fresh
        body = _with_leaves(manifest.body, {path: value for path, (value, _) in values.items()})
        settled.append(replace(manifest, body=body))
    return Settled(tuple(settled), drawn)


def without_draws(body: Body, paths: frozenset[Path]) -> Body:
    """The body with a marker in place of each fresh draw."""
    masked: Body = _with_leaves(body, dict.fromkeys(paths, DRAWN))
    return masked


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is carried over."""

    whole: Mapping[tuple[ObjectRef, Path], Any]
    """Leaves whose surroundings are as they were: they stay as they are live."""
    carried: Mapping[str, str]
    """Random parts of those, drawn -> live: they go into the other leaves that hold them."""

    def value(self, manifest: Manifest, path: Path, *, has_moved: bool) -> tuple[Any, bool]:
        """What the leaf is to hold, and whether that is a fresh draw."""
        mine = _get(manifest.body, path)
        if (manifest.ref, path) in self.whole and not (has_moved and _is_checksum(path)):
            return self.whole[manifest.ref, path], False
        if not isinstance(mine, str):
            return mine, True
        encoded = _is_encoded(manifest.body, path)
        text = _decode(mine) if encoded else mine
        for drawn in sorted(self.carried, key=len, reverse=True):
            text = text.replace(drawn, self.carried[drawn])
        result = _encode(text) if encoded else text
        return result, result == mine


def _learn(
    first: tuple[Manifest, ...],
    second: Mapping[ObjectRef, Body],
    random: Mapping[ObjectRef, tuple[Path, ...]],
    live: Mapping[ObjectRef, Body],
) -> _Kept:
    whole: dict[tuple[ObjectRef, Path], Any] = {}
    carried: dict[str, str] = {}
    for manifest in first:
        there = live.get(manifest.ref)
        for path in random.get(manifest.ref, ()):
            found = _find_like(manifest.body, there, path) if there is not None else None
            drawn = _get(manifest.body, path), _get(second[manifest.ref], path)
            if found is None:
                continue
            if not all(isinstance(text, str) for text in (*drawn, found)):
                whole[manifest.ref, path] = found
                continue
            texts = [_decode(t) if _is_encoded(manifest.body, path) else t for t in (*drawn, found)]
            part = _random_part(*texts)
            if part is None:
                continue
            whole[manifest.ref, path] = found
            if len(part[0]) >= _SHORTEST:
                carried.setdefault(*part)
                carried.setdefault(
                    drawn[0], found
                )  # encoded, as a webhook's caBundle holds a Secret's certificate
    return _Kept(whole, carried)


def _random_part(one: str, other: str, live: str) -> tuple[str, str] | None:
    """The random part of the first draw and of the live text; None where what is around it has changed."""
    head, tail = _surroundings(one, other)
    if not (live.startswith(head) and live.endswith(tail) and len(live) >= len(head) + len(tail)):
        return None
    return one[len(head) : len(one) - len(tail)], live[len(head) : len(live) - len(tail)]


def _surroundings(one: str, other: str) -> tuple[str, str]:
    """What two draws have in common before and after, without letters and digits that may agree by chance."""
    head = 0
    while head < min(len(one), len(other)) and one[head] == other[head]:
        head += 1
    tail = 0
    while tail < min(len(one), len(other)) - head and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    prefix, suffix = one[:head], one[len(one) - tail :]
    return _TOKEN_END.sub("", prefix), _TOKEN_START.sub("", suffix)


def _differences(one: Any, other: Any, path: Path = ()) -> tuple[Path, ...]:
    return tuple(_walk_differences(one, other, path))


def _walk_differences(one: Any, other: Any, path: Path) -> Iterator[Path]:
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        for key in one:
            yield from _walk_differences(one[key], other[key], (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from _walk_differences(mine, theirs, (*path, index))
    elif one != other:
        yield path


def _get(body: Any, path: Path) -> Any:
    for part in path:
        body = body[part]
    return body


def _find_like(mine: Any, live: Any, path: Path) -> Any:
    """The live value at a path; items of lists are found by their `name` where they have one. None where there is none."""
    for part in path:
        mine = mine[part]
        if isinstance(part, str):
            live = live.get(part) if isinstance(live, Mapping) else None
        elif isinstance(live, list):
            live = _find_item(mine, live, part)
        else:
            return None
    return live


def _find_item(mine: Any, items: list[Any], index: int) -> Any:
    if isinstance(mine, Mapping) and "name" in mine:
        return next((i for i in items if isinstance(i, Mapping) and i.get("name") == mine["name"]), None)
    return items[index] if index < len(items) else None


def _with_leaves(body: Any, leaves: Mapping[Path, Any]) -> Any:
    """A copy with these leaves replaced; what is not on their paths is shared."""
    if () in leaves:
        return leaves[()]
    if not leaves:
        return body
    below: dict[str | int, dict[Path, Any]] = {}
    for path, value in leaves.items():
        below.setdefault(path[0], {})[path[1:]] = value
    if isinstance(body, Mapping):
        return {key: _with_leaves(value, below.get(key, {})) for key, value in body.items()}
    return [_with_leaves(value, below.get(index, {})) for index, value in enumerate(body)]


def _has_moved(body: Body, live: Body | None, random: tuple[Path, ...]) -> bool:
    """Whether anything that is not random in a drawn object's data differs from what is live."""
    if live is None:
        return True
    data = without_draws(body, frozenset(random)).get("data") or {}
    there = live.get("data") or {}
    if not isinstance(data, Mapping):
        return True
    return data.keys() != there.keys() or any(
        value != DRAWN and there[key] != value for key, value in data.items()
    )


def _is_checksum(path: Path) -> bool:
    return "annotations" in path and isinstance(path[-1], str) and "checksum" in path[-1]


def _is_encoded(body: Body, path: Path) -> bool:
    if not (is_secret(body) and path[:1] == ("data",)):
        return False
    try:
        base64.b64decode(str(_get(body, path)), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _decode(text: str) -> str:
    """The text in a Secret's data; bytes that are no text survive the way there and back."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return text


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
