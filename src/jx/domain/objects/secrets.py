"""Secrets: their values never enter a ledger, a plan, a diff, a log or an event. A marker stands where they were."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from jx.domain.objects.manifests import Body

REDACTED = "<redacted>"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_NAMED = re.compile(r"<secret:[a-z0-9]+:[A-Za-z0-9_.@+=/-]+:[A-Za-z0-9_.-]+>")
"""A mask that was put there before, and names a reference."""

_SHORTEST_PART = 8
_SHORTEST = 4
"""Shorter values are not looked for in texts: they would hit everything."""


def is_secret(body: Body) -> bool:
    """Whether an object is a Secret of the core group."""
    return body.get("kind") == "Secret" and body.get("apiVersion") == "v1"


def marker(key: str) -> str:
    """What stands for the value of a key: the same at any time, whatever the value."""
    return f"<secret:{key}>"


def mask(body: Body) -> dict[str, Any]:
    """The object without secret values: markers in Secrets, and no last-applied annotation on anything."""
    masked = _without_last_applied(body)
    if is_secret(body):
        for field in ("data", "stringData"):
            values = masked.get(field)
            if isinstance(values, dict):
                masked[field] = {key: _shown(key, value) for key, value in values.items()}
            elif values is not None:
                masked[field] = REDACTED
    return masked


def _shown(key: str, value: Any) -> str:
    """A mask that names the secret says more than the key, and no more than may be known."""
    is_named = isinstance(value, str) and bool(_NAMED.fullmatch(value))
    return str(value) if is_named else marker(key)


def mask_pair(old: Body, new: Body) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both objects masked, for a diff: a key whose value differs is marked so on the new side, without either value."""
    masked_old, masked_new = mask(old), mask(new)
    if is_secret(new):
        before, after = old.get("data") or {}, new.get("data") or {}
        data = masked_new.get("data")
        if isinstance(data, dict):
            changed = {key for key in data if key in before and before[key] != after[key]}
            masked_new["data"] = {
                key: f"<secret:{key}, changed>" if key in changed else data[key] for key in data
            }
    return masked_old, masked_new


def values_of(bodies: Iterable[Body]) -> frozenset[str]:
    """Every secret value in these objects, encoded and decoded: what `scrub` takes out of texts."""
    found: set[str] = set()
    for body in bodies:
        if not is_secret(body):
            continue
        found.update(str(value) for value in (body.get("stringData") or {}).values())
        for value in (body.get("data") or {}).values():
            text = str(value)
            found.add(text)
            try:
                found.add(base64.b64decode(text, validate=True).decode())
            except (binascii.Error, ValueError):
                continue
    return frozenset(value for value in found if len(value.strip()) >= _SHORTEST)


def scrub(text: str, values: frozenset[str]) -> str:
    """A text of somebody else (an API server's message) without these values, however they are written there."""
    shapes = {shape for value in values for shape in _shapes(value)}
    for shape in sorted(shapes, key=len, reverse=True):
        text = text.replace(shape, REDACTED)
    return text


def _shapes(value: str) -> Iterable[str]:
    """A value as it is, in base64 wherever it stands in what is encoded, in hex, in an address, and within quotes."""
    encoded = base64.b64encode(value.encode()).decode()
    quoted = (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    return (
        value,
        encoded,
        encoded.rstrip("="),
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        value.encode().hex(),
        value.encode().hex().upper(),
        *quoted,
        *_within_base64(value.encode()),
    )


def _within_base64(raw: bytes) -> Iterable[str]:
    """The letters of base64 that depend on a value alone, where other bytes are before it; too few would hit any text."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode()
        part = text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        if len(part) >= _SHORTEST_PART:
            yield part
            yield part.replace("+", "-").replace("/", "_")


def _without_last_applied(body: Body) -> dict[str, Any]:
    copy = dict(body)
    metadata = copy.get("metadata")
    if isinstance(metadata, dict) and LAST_APPLIED in (metadata.get("annotations") or {}):
        annotations = {**metadata["annotations"], LAST_APPLIED: REDACTED}
        copy["metadata"] = {**metadata, "annotations": annotations}
    return copy
