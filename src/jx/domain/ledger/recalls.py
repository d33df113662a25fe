"""Recalls: an environment as it was, from its ledger, made whole again where the ledger masks what comes from secrets.

Each masked place is filled from the first that has it: the object as a snapshot keeps it, the live object, the store of secrets.
An object of which one place stays open is left as it is in the cluster: nothing is ever applied with holes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jx.domain.applying.applying import InventoryItem, LiveObject
from jx.domain.applying.field_ownership import own_entry, owns
from jx.domain.errors import Invalid
from jx.domain.ledger import ledger
from jx.domain.objects import drawn_places
from jx.domain.objects.derived import DERIVED, place_of
from jx.domain.objects.drawn_places import DRAWN, Place, Values
from jx.domain.objects.manifests import Body, ChartPin, Manifest, ObjectRef, ref_of
from jx.domain.objects.references import Path, Reference, find_reference, leaves
from jx.domain.objects.secret_parts import SECRETS_MANAGER
from jx.domain.objects.secrets import LAST_APPLIED, REDACTED, is_secret
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree

_MASK = re.compile(rf"<secret:([^<>]*)>|{re.escape(DRAWN)}")
"""What is drawn at random is masked as well, and named by nothing."""
_OPEN = object()
_SHORTEST = 3
"""Values as short as this would hit every text."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What an environment is to be again."""

    objects: tuple[Manifest, ...]
    """As the ledger has them: with masks in place of what comes from secrets."""
    name: str = ""
    """Which state, in words."""
    charts: tuple[ChartPin, ...] = ()
    kept: Mapping[ObjectRef, Manifest] = field(default_factory=dict, hash=False, repr=False)
    """Objects of that state, or of one near it, with their values."""

    @property
    def references(self) -> tuple[Reference, ...]:
        """Every secret that a mask names."""
        found = (
            one for manifest in self.objects for _, text in _masked(manifest.body) for one in _named(text)
        )
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Completed:
    """An object made whole, or why it cannot be; `origin` is where its values come from, empty where it has no masks."""

    manifest: Manifest
    why_not: str = ""
    origin: str = ""


SNAPSHOT, LIVE, STORE = "the snapshot", "the live objects", "the store of secrets"
DRAWS = "what charts have drawn"


def read_objects(files: Tree) -> tuple[Manifest, ...]:
    """The objects of a ledger's files. Invalid for a file that holds another object than its name says."""
    sources = read_mapping(files.find_text(ledger.SOURCES) or "", ledger.SOURCES)
    found = []
    for path in files:
        if path.startswith("_") and "/" not in path:
            continue
        body: dict[str, Any] = read_mapping(files.text(path), path)
        ref = ref_of(body)
        if ledger.path_of(ref) != path:
            raise Invalid(f"{path} of the ledger holds {ref}", hint="look at who wrote the branch jx-ledger")
        found.append(Manifest(ref, str(body.get("apiVersion", "")), body, str(sources.get(path) or "")))
    return tuple(found)


def complete(
    manifest: Manifest,
    *,
    kept: Manifest | None,
    live: LiveObject | None,
    item: InventoryItem | None,
    values: Mapping[Reference, str],
    drawn: Mapping[Place, Values],
) -> Completed:
    """The object with values in place of its masks. `item` is what is remembered of the last apply of it, `drawn` what its chart
    has drawn."""
    manifest = _without_note(manifest)
    if kept is not None and ledger.text_of(kept.public) == ledger.text_of(manifest.body):
        has_values = kept.shown is not None or is_secret(kept.body)
        return Completed(kept, origin=SNAPSHOT if has_values else "")
    open_places = tuple(at for at, _ in _masked(manifest.body))
    if not open_places:
        return Completed(manifest)
    if "masked" in manifest.body:
        return Completed(manifest, "its structure depends on a secret, so nothing of it is in the ledger")
    body: Any = manifest.body
    origins = []
    for at in open_places:
        value, origin = _find(body, at, kept, live, values)
        if value is _OPEN:
            value, origin = _find_drawn(manifest, at, drawn), DRAWS
        if value is _OPEN:
            place = place_of(manifest.body, at)
            return Completed(manifest, f"nothing tells the value of {place} any more")
        body = _put(body, at, value)
        origins.append(origin)
    derived = frozenset(at for at in open_places if _is_of_secrets(manifest, at, kept, live))
    whole = replace(
        manifest,
        body=body,
        shown=manifest.body if derived else None,
        derived=derived,
        marked=item.marked if item and derived else "",
    )
    return Completed(whole, origin=origins[0])


def _find(
    body: Body, at: Path, kept: Manifest | None, live: LiveObject | None, values: Mapping[Reference, str]
) -> tuple[Any, str]:
    mask = str(_at(body, at))
    if kept is not None and (value := _fitting(mask, _counterpart(body, kept.body, at))) is not _OPEN:
        return value, SNAPSHOT
    if live is not None and (value := _fitting(mask, _counterpart(body, live.body, at))) is not _OPEN:
        return value, LIVE
    named = _named(mask)
    if named and len(named) == len(_MASK.findall(mask)) and all(one in values for one in named):
        text = _MASK.sub(lambda found: values[_reference(found[1])], mask)
        return (base64.b64encode(text.encode()).decode() if is_secret(body) else text), STORE
    return _OPEN, ""


def _find_drawn(manifest: Manifest, at: Path, drawn: Mapping[Place, Values]) -> Any:
    """The text with what was drawn in its holes, where those are all that it has."""
    around = str(_at(manifest.body, at)).split(DRAWN)
    values = drawn.get(drawn_places.place_of(manifest, at), ())
    if len(values) != len(around) - 1 or not values or any(map(_MASK.search, around)):
        return _OPEN
    return around[0] + "".join(f"{value}{text}" for value, text in zip(values, around[1:], strict=True))


def _reference(text: str) -> Reference:
    found = find_reference(text)
    assert found is not None
    return found


def _named(mask: str) -> tuple[Reference, ...]:
    found = (find_reference(text) for text in _MASK.findall(mask))
    return tuple(one for one in found if one is not None)


def _fitting(mask: str, value: Any) -> Any:
    """The value, if what stands around the secret is what the mask has around it."""
    if value is _OPEN or isinstance(value, Mapping | list) or value is None:
        return _OPEN
    parts = _MASK.split(mask)[::2]
    if mask == DERIVED or not any(parts):
        return value
    pattern = ".+".join(map(re.escape, parts))
    return value if isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) else _OPEN


def _masked(body: Body) -> Iterator[tuple[Path, str]]:
    """Places of masks, with their texts."""
    for at, value in leaves(body):
        if isinstance(value, str) and (value in (DERIVED, REDACTED) or _MASK.search(value)):
            yield at, value
    if "masked" in body:
        yield ("masked",), str(body["masked"])


def _counterpart(mine: Any, theirs: Any, at: Path) -> Any:
    """The value at the same place in another form of the object; items of lists by their names where they have any."""
    if not at:
        return theirs
    head, rest = at[0], at[1:]
    if isinstance(head, int):
        return _counterpart_of_item(mine, theirs, head, rest)
    if not isinstance(theirs, Mapping):
        return _OPEN
    return _counterpart(mine[head], theirs[head], rest) if head in theirs else _OPEN


def _counterpart_of_item(mine: Any, theirs: Any, index: int, rest: Path) -> Any:
    if not isinstance(theirs, list):
        return _OPEN
    name = mine[index].get("name") if isinstance(mine[index], Mapping) else None
    if name:
        same = [one for one in theirs if isinstance(one, Mapping) and one.get("name") == name]
        return _counterpart(mine[index], same[0], rest) if len(same) == 1 else _OPEN
    return _counterpart(mine[index], theirs[index], rest) if len(mine) == len(theirs) else _OPEN


def _is_of_secrets(manifest: Manifest, at: Path, kept: Manifest | None, live: LiveObject | None) -> bool:
    """Whether manager `jx-secrets` sends a place. A Secret also holds values that no store knows: those are `jx`'s own."""
    if not is_secret(manifest.body):
        return True
    if kept is not None and kept.derived:
        return at in kept.derived
    entry = own_entry(live.body, manager=SECRETS_MANAGER) if live else None
    if entry is None:
        return bool(_named(str(_at(manifest.body, at)))) and live is None
    return owns(entry.get("fieldsV1") or {}, tuple(map(str, at)))


def _at(value: Any, at: Path) -> Any:
    for part in at:
        value = value[part]
    return value


def _put(value: Any, at: Path, new: Any) -> Any:
    if not at:
        return new
    head, rest = at[0], at[1:]
    if isinstance(value, list):
        return [_put(item, rest, new) if index == head else item for index, item in enumerate(value)]
    return {**value, head: _put(value[head], rest, new)}


def _without_note(manifest: Manifest) -> Manifest:
    """Without kubectl's note of what was applied: it is no part of what was sent, and may be masked."""
    metadata = manifest.body.get("metadata") or {}
    notes = metadata.get("annotations") or {}
    if notes.get(LAST_APPLIED) != REDACTED:
        return manifest
    kept = {key: text for key, text in notes.items() if key != LAST_APPLIED}
    return replace(manifest, body={**manifest.body, "metadata": {**metadata, "annotations": kept}})


def values_of(completed: Iterable[Completed]) -> frozenset[str]:
    """What came in place of masks, for texts that may not show it."""
    found = (
        _at(one.manifest.body, at) for one in completed if not one.why_not for at in one.manifest.derived
    )
    return frozenset(text for text in found if isinstance(text, str) and len(text) > _SHORTEST)


def pins_of(trailers: Iterable[tuple[str, str]]) -> tuple[ChartPin, ...]:
    """The charts that an entry names: `redis 1.0.0 sha256:...`, and `as KEY` where an app has another key than its chart."""
    found = []
    for text in (text for key, text in trailers if key == "Jx-Chart"):
        words, _, key = text.partition(" as ")
        name, version, *digest = words.split(" ")
        found.append(ChartPin(key or name, name, version, digest="".join(digest)))
    return tuple(found)


def by_path(manifests: Iterable[Manifest]) -> dict[str, str]:
    """The texts of a ledger's files that these objects are."""
    return {ledger.path_of(one.ref): ledger.text_of(one.public) for one in manifests}
