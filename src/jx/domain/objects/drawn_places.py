"""Drawn places: where renders of equal input differ, field by field, and what they have drawn there."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

from jx.domain.objects import drawn_text
from jx.domain.objects.drawn_text import Pattern
from jx.domain.objects.manifests import Manifest, ObjectRef
from jx.domain.objects.references import Path, shown

DRAWN = "<drawn at random>"
"""Stands for what is drawn, wherever an object is shown: two renders look alike."""

_DIGEST = re.compile(r"[0-9a-f]{32,128}")
_WRITTEN = re.compile(rb"[ -~]{5,}")
_TIME = re.compile(rb"\d{12,14}Z")
_BLOCK = re.compile(r"-----BEGIN [^-]+-----(.*?)-----END", re.DOTALL)

Values = tuple[Any, ...]
"""What is drawn in one place, in order. `Any`: a place that is no text, or of which more than text differs, is kept as JSON."""
Key = tuple[ObjectRef, int]
"""Which object of a render: hooks of different phases may have one name."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a chart draws. Items of lists are known by their names, where they have some."""

    ref: ObjectRef
    path: Path

    def __str__(self) -> str:
        return f"{self.ref} {shown(self.path)}"


@dataclass(frozen=True)
class Leaf:
    """A place that several renders do not agree on."""

    key: Key
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
        """What the first render has drawn here."""
        return self.rounds[0]

    def fill(self, values: Values) -> Any:
        """The field with these in place of what is drawn."""
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


def keyed(manifests: Iterable[Manifest]) -> dict[Key, Manifest]:
    """The objects of a render by which they are."""
    keyed: dict[Key, Manifest] = {}
    for manifest in manifests:
        number = next(n for n in count() if (manifest.ref, n) not in keyed)
        keyed[manifest.ref, number] = manifest
    return keyed


def is_about_other(leaf: Leaf, values: Values) -> bool:
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


def by_key(leaves: Iterable[Leaf]) -> dict[Key, list[Leaf]]:
    """Leaves by the object that they are in."""
    found: dict[Key, list[Leaf]] = {}
    for leaf in leaves:
        found.setdefault(leaf.key, []).append(leaf)
    return found


def differences(values: Sequence[Any], at: Path) -> Iterator[Path]:
    """The paths at which values are not all equal: of leaves, or of the least parts of which more than leaves differ."""
    first = values[0]
    if all(isinstance(one, Mapping) and one.keys() == first.keys() for one in values):
        for key in first:
            yield from differences([one[key] for one in values], (*at, key))
    elif all(isinstance(one, list) and len(one) == len(first) for one in values):
        for index in range(len(first)):
            yield from differences([one[index] for one in values], (*at, index))
    elif any(one != first or type(one) is not type(first) for one in values):
        yield at


def get(value: Any, at: Path) -> Any:
    """The value at a path that is there."""
    for part in at:
        value = value[part]
    return value


def has(value: Any, at: Path) -> bool:
    """Whether a path is there."""
    for part in at:
        if isinstance(value, Mapping):
            if part not in value:
                return False
        elif not (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            return False
        value = value[part]
    return True


def named(body: Any, at: Path) -> Path:
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
    return Place(manifest.ref, named(manifest.body, at))


def find(body: Any, path: Path) -> Any:
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
