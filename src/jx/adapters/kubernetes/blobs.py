"""Blobs: bytes of any size in immutable Secrets, beside the object that refers to them.

A blob is written before its reference and deleted after it, so a crash leaves at most a blob that nobody refers to. Its names are
computed from its content and from the version of the referring object that it was written for: the same write again meets its
own trace, and a blob that a slow writer deletes late is never one that somebody else has put back.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jx.adapters.kubernetes.api import SECRETS, Api, Json
from jx.domain.errors import NotFound, Stale

PART_BYTES = 900_000
"""A Secret holds at most 1,048,576 bytes."""

_ORPHAN_AGE = timedelta(hours=1)
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Where a blob lies: the names of its parts, and the digest that tells whether another one is the same."""

    digest: str = ""
    parts: tuple[str, ...] = ()

    def to_data(self) -> Json:
        """As JSON values."""
        return {"digest": self.digest, "parts": list(self.parts)}

    @staticmethod
    def of_data(data: Mapping[str, Any]) -> BlobRef:
        """From JSON values; what is missing is empty."""
        return BlobRef(str(data.get("digest") or ""), tuple(data.get("parts") or ()))


class Blobs:
    """Blobs of one owner, marked by labels, in one namespace. Calls raise Unavailable and Forbidden."""

    def __init__(self, api: Api, namespace: str, labels: Mapping[str, str]) -> None:
        self._api = api
        self._namespace = namespace
        self._labels = dict(labels)

    def read(self, ref: BlobRef) -> bytes | None:
        """The content; None where a part is not there any more."""
        parts = [self._find(name) for name in ref.parts]
        packed = b"".join(_part_of(part) for part in parts if part is not None)
        if not packed or any(part is None for part in parts):
            return None
        return gzip.decompress(packed[_SALT_BYTES:])

    def write(self, content: bytes, *, old: BlobRef, base: str, prefix: str, kind: str) -> BlobRef:
        """A reference to this content: the old one where that already holds it, else a new one, written for a referring object
        of version `base`. Its digest says nothing to who cannot read the blob: it is keyed by a salt in the blob."""
        salt = self._salt_of(old) or secrets.token_bytes(_SALT_BYTES)
        digest = hmac.new(salt, content, hashlib.sha256).hexdigest()
        if old.parts and old.digest == digest:
            return old
        packed = salt + gzip.compress(content, mtime=0)
        stem = f"{prefix}-{hashlib.sha256(f'{digest} {base}'.encode()).hexdigest()[:10]}"
        pieces = [packed[start : start + PART_BYTES] for start in range(0, len(packed), PART_BYTES)]
        names = [f"{stem}-{number}" for number in range(len(pieces))]
        for name, piece in zip(names, pieces, strict=True):
            self._create(name, piece, kind)
        return BlobRef(digest, tuple(names))

    def delete(self, names: Iterable[str]) -> None:
        """Delete parts; gone already is done."""
        for name in names:
            try:
                self._api.delete(SECRETS, self._namespace, name)
            except NotFound:
                continue

    def list_parts(self) -> dict[str, datetime]:
        """The names of all parts of this owner, and since when they are there."""
        selector = ",".join(f"{key}={value}" for key, value in sorted(self._labels.items()))
        items, _ = self._api.list_pages(SECRETS, self._namespace, query={"labelSelector": selector})
        return {
            str(item["metadata"]["name"]): datetime.fromisoformat(item["metadata"]["creationTimestamp"])
            for item in items
        }

    def sweep(self, keep: frozenset[str], *, gone: frozenset[str]) -> None:
        """Delete the parts that were just given up (`gone`), and older ones that a crash left behind. A young part that nobody
        refers to may be one that another writer is about to refer to; it stays."""
        self.delete(sorted(gone - keep))
        parts = self.list_parts()
        newest = max(parts.values(), default=None)
        if newest is None:
            return
        left = {name for name, since in parts.items() if newest - since > _ORPHAN_AGE}
        self.delete(sorted(left - keep - gone))

    def _find(self, name: str) -> Json | None:
        try:
            return self._api.get(SECRETS, self._namespace, name)
        except NotFound:
            return None

    def _salt_of(self, ref: BlobRef) -> bytes:
        part = self._find(ref.parts[0]) if ref.parts else None
        return _part_of(part)[:_SALT_BYTES] if part is not None else b""

    def _create(self, name: str, piece: bytes, kind: str) -> None:
        body: Json = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": self._namespace, "labels": self._labels},
            "type": kind,
            "immutable": True,
            "data": {"content": base64.b64encode(piece).decode()},
        }
        try:
            self._api.create(SECRETS, self._namespace, body)
        except Stale:  # there already: a write that was cut off, or one whose answer was lost; the name tells the content
            return


def _part_of(part: Json) -> bytes:
    return base64.b64decode(part.get("data", {}).get("content", ""))
