"""Secret parts: an object that holds what comes from secrets is sent by two managers, `jx` and `jx-secrets`.

So an apply that cannot read the store never sends those fields and never drops them: they are not its own. A field is cut out
where it stands; a list is only cut within where its items are told apart by their names, and else belongs to the second manager
whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jx.domain.objects.manifests import Body, Manifest
from jx.domain.objects.references import Path, leaves

SECRETS_MANAGER = "jx-secrets"
"""The field manager of what comes from secrets."""

_SHORTEST = 8
"""Shorter texts are no secrets by their looks: a field may hold a number or a word that others hold as well."""

_KEYED = frozenset({"containers", "initContainers", "ephemeralContainers", "env", "volumes"})


@dataclass(frozen=True, slots=True)
class Parts:
    """The two halves of an object."""

    own: Body = field(repr=False)
    """Without what comes from secrets."""
    secret: Body | None = field(repr=False)
    """Only that, and what tells the object and the items of lists; None where the values are not to be had."""
    is_first: bool = True
    """Whether the second manager has not sent anything of this object before."""

    def __hash__(self) -> int:
        return hash(str(self.own.get("kind")))


def split(manifest: Manifest, *, has_values: bool) -> Parts | None:
    """The halves of a manifest; None where nothing of it comes from secrets."""
    there = [at for at in manifest.derived if _is_there(manifest.body, at)]
    if not there:
        return None
    cuts = tuple(sorted({_cut(manifest.body, at) for at in there}, key=str))
    own: Any = manifest.body
    secret: Any = _identity(manifest.body)
    for at in cuts:
        own = _without(own, at)
    for at in cuts:
        secret = _merged(secret, _alone(manifest.body, at))
    return Parts(own, secret if has_values else None)


def own_public(manifest: Manifest) -> Body:
    """What may be seen of the half that is `jx`'s own."""
    if not manifest.derived or "masked" in manifest.public:
        return manifest.public
    parts = split(replace(manifest, body=manifest.public), has_values=False)
    return parts.own if parts else manifest.public


def texts_of(manifest: Manifest) -> frozenset[str]:
    """The texts in fields that come from secrets, as far as they are long enough to be told by."""
    found = (_at(manifest.body, at) for at in manifest.derived if _is_there(manifest.body, at))
    texts = (text for value in found for _, text in leaves(value) if isinstance(text, str))
    return frozenset(text for text in texts if len(text) >= _SHORTEST)


def _at(value: Any, at: Path) -> Any:
    for part in at:
        value = value[part]
    return value


def _is_there(value: Any, at: Path) -> bool:
    """Whether the body still has that place: a field may have been left to others."""
    try:
        for part in at:
            value = value[part]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _cut(body: Body, at: Path) -> Path:
    """Where to cut: the leaf itself, or the first list on the way to it whose items have no names."""
    value: Any = body
    for depth, part in enumerate(at):
        if isinstance(part, int):
            name = at[depth - 1] if depth else ""
            is_named = all(isinstance(item, Mapping) and item.get("name") for item in value)
            if name not in _KEYED or not is_named or depth == len(at) - 1:
                return at[:depth]
        value = value[part]
    return at


def _identity(body: Body) -> dict[str, Any]:
    metadata = body.get("metadata") or {}
    named = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    return {"apiVersion": body.get("apiVersion"), "kind": body.get("kind"), "metadata": named}


def _without(value: Any, at: Path) -> Any:
    """A copy without that place, and without maps that are empty then. Items of lists stay, by their names."""
    head, rest = at[0], at[1:]
    if isinstance(value, list):
        return [_without(item, rest) if index == head else item for index, item in enumerate(value)]
    if head not in value:
        return value  # a place above it was cut out before
    if not rest:
        return {key: child for key, child in value.items() if key != head}
    inner = _without(value[head], rest)
    return {
        key: inner if key == head else child for key, child in value.items() if key != head or inner != {}
    }


def _alone(value: Any, at: Path) -> Any:
    if not at:
        return value
    head, rest = at[0], at[1:]
    if isinstance(value, list):
        assert isinstance(head, int)
        inner = _alone(value[head], rest)
        return [{"name": value[head]["name"], **inner}]
    return {head: _alone(value[head], rest)}


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        both = {key: _merged(one[key], other[key]) for key in one if key in other}
        return {**one, **other, **both}
    if isinstance(one, list) and isinstance(other, list):
        named = {item["name"]: item for item in one}
        for item in other:
            named[item["name"]] = _merged(named.get(item["name"], {}), item)
        return list(named.values())
    return other
