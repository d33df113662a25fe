"""Field ownership: what the API server says of who set which field (managedFields, FieldsV1), and the digest made from it.

An object that is as we left it costs no request. Comparing the desired object with the live one does not tell, since servers
default and normalise; so the answer to an apply is remembered: our own entry, and the live values at its paths.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from jx.domain.applying.applying import MANAGER
from jx.domain.objects.manifests import Body
from jx.domain.objects.secret_parts import SECRETS_MANAGER

YIELDER = "jx-yield"
"""Co-owner of fields that we give up: it holds their live values, so that they do not fall back to defaults."""

_MISSING = {"missing": True}


def observed_digest(body: Body, uid: str, *, manager: str = MANAGER) -> str:
    """`sha256:...` over the uid, our own Apply entry, and the live values at its paths in live order; empty where we own nothing.

    Equal digests mean that nobody has touched what we set. An empty digest is equal to nothing.
    """
    entry = own_entry(body, manager=manager)
    if entry is None:
        return ""
    fields = entry.get("fieldsV1") or {}
    whole = [uid, entry.get("apiVersion"), fields, _pick(body, fields)]
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def own_entry(body: Body, *, manager: str = MANAGER) -> Mapping[str, Any] | None:
    """Our Apply entry of managedFields."""
    for entry in (body.get("metadata") or {}).get("managedFields") or ():
        is_ours = entry.get("manager") == manager and entry.get("operation") == "Apply"
        if is_ours and not entry.get("subresource"):
            found: Mapping[str, Any] = entry
            return found
    return None


def absorbed(body: Body, managers: tuple[str, ...]) -> list[dict[str, Any]]:
    """The managedFields in which what these managers set (by whatever means, but for subresources) is ours."""
    entries = [dict(entry) for entry in (body.get("metadata") or {}).get("managedFields") or ()]
    taken = [one for one in entries if one.get("manager") in managers and not one.get("subresource")]
    own = own_entry(body)
    fields: Mapping[str, Any] = (own or {}).get("fieldsV1") or {}
    for entry in taken:
        fields = _union(fields, entry.get("fieldsV1") or {})
    rest = [entry for entry in entries if entry not in taken and entry != own]
    if not taken:
        return entries
    version = (own or taken[-1]).get("apiVersion")
    ours = {"manager": MANAGER, "operation": "Apply", "apiVersion": version, "fieldsType": "FieldsV1"}
    time = max(str(entry.get("time", "")) for entry in taken)
    return [*rest, {**ours, "time": time, "fieldsV1": fields} if time else {**ours, "fieldsV1": fields}]


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **one,
        **other,
        **{key: _union(one[key], other[key]) for key in one if key in other},
    }


def other_managers(body: Body) -> tuple[str, ...]:
    """Who else set fields of an object, the last one first; controllers that write the status only are left out."""
    entries = [
        entry
        for entry in (body.get("metadata") or {}).get("managedFields") or ()
        if entry.get("manager") not in {MANAGER, SECRETS_MANAGER, YIELDER} and not entry.get("subresource")
    ]
    entries.sort(key=lambda entry: str(entry.get("time", "")), reverse=True)
    return tuple(dict.fromkeys(str(entry.get("manager", "")) for entry in entries))


def since_of(body: Body, manager: str) -> str:
    """When a manager last set something of an object, as the server says it; empty where it says nothing."""
    entries = (body.get("metadata") or {}).get("managedFields") or ()
    times = [str(entry.get("time") or "") for entry in entries if manager and entry.get("manager") == manager]
    return max(times, default="")


def owns(fields: Mapping[str, Any], steps: tuple[str | tuple[tuple[str, Any], ...], ...]) -> bool:
    """Whether a set of fields (FieldsV1) has the one at that place."""
    return _covers(fields, steps)


def owner_of(body: Body, steps: tuple[str | tuple[tuple[str, Any], ...], ...]) -> str:
    """Who else than us sets a field (at that place in the live object, `jx.domain.objects.field_paths`), be it by way of
    a subresource as autoscalers do; empty where nobody does. What our own co-owner holds was given up already."""
    found = ""
    for entry in (body.get("metadata") or {}).get("managedFields") or ():
        is_ours = entry.get("manager") in {MANAGER, SECRETS_MANAGER}
        is_theirs = not is_ours and entry.get("subresource") != "status"
        if is_theirs and _covers(entry.get("fieldsV1") or {}, steps):
            found = str(entry.get("manager") or "somebody")
            if found != YIELDER:
                return found
    return found


def _covers(fields: Mapping[str, Any], steps: tuple[str | tuple[tuple[str, Any], ...], ...]) -> bool:
    for step in steps:
        if isinstance(step, str):
            sub = fields.get(f"f:{step}")
        else:
            sub = next((sub for path, sub in fields.items() if _is_at(path, dict(step), -1)), None)
        if sub is None:
            return False
        if not sub:
            return True
        fields = sub
    return True


def owned_part(body: Body, *, like: Body) -> dict[str, Any]:
    """The part of a live object that we set, in the form of a manifest; where we set nothing yet, the fields that `like` has."""
    entry = own_entry(body)
    part = _owned(body, entry.get("fieldsV1") or {}) if entry else _like(body, like)
    metadata = body.get("metadata") or {}
    kept = {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)}
    head = {key: body[key] for key in ("apiVersion", "kind") if key in body}
    return {**part, **head, "metadata": {**(part.get("metadata") or {}), **kept}}


def _owned(value: Any, fields: Mapping[str, Any]) -> Any:
    children = {path: sub for path, sub in fields.items() if path != "."}
    if not children:
        return value
    if isinstance(value, Mapping):
        names = {path.removeprefix("f:"): sub for path, sub in children.items()}
        return {key: _owned(part, names[key]) for key, part in value.items() if key in names}
    if isinstance(value, list):
        return [
            _owned(item, sub)
            for index, item in enumerate(value)
            for path, sub in children.items()
            if _is_at(path, item, index)
        ]
    return value


def _like(value: Any, like: Any) -> Any:
    if isinstance(value, Mapping) and isinstance(like, Mapping):
        return {key: _like(part, like[key]) for key, part in value.items() if key in like}
    return value


def _pick(value: Any, fields: Mapping[str, Any]) -> Any:
    """The parts of a live value that a set of fields names, in an order that is the live one for lists."""
    if not fields:
        return value
    children = {path: sub for path, sub in fields.items() if path != "."}
    if not children:
        return "there"
    if isinstance(value, Mapping):
        return {path: _pick_field(value, path, sub) for path, sub in children.items()}
    if isinstance(value, list):
        return _pick_items(value, children)
    return value


def _pick_field(value: Mapping[str, Any], path: str, sub: Mapping[str, Any]) -> Any:
    key = path.removeprefix("f:")
    return _pick(value[key], sub) if key in value else _MISSING


def _pick_items(items: list[Any], children: Mapping[str, Any]) -> list[Any]:
    """List items in live order: a list that somebody reordered is another list."""
    picked: list[Any] = []
    found: set[str] = set()
    for index, item in enumerate(items):
        for path, sub in children.items():
            if path not in found and _is_at(path, item, index):
                found.add(path)
                picked.append([path, _pick(item, sub)])
                break
    picked.extend([path, _MISSING] for path in sorted(children.keys() - found))
    return picked


def _is_at(path: str, item: Any, index: int) -> bool:
    kind, _, text = path.partition(":")
    if kind == "i":
        return text == str(index)
    wanted = json.loads(text)
    if kind == "k":
        return isinstance(item, Mapping) and all(_same(item.get(key), part) for key, part in wanted.items())
    return kind == "v" and _same(item, wanted)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
