"""Audit: who asked the store for what, and how it was answered, as Vault's audit device writes it down.

A line before anything is done, and one with how it ended; what cannot be written down is not done. Tokens and values are in it
only as HMACs, by a key that is sealed with the store: they tell whether two are the same, and nothing to who has not opened it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jx.adapters.files.appending import AppendedFile

_MOST_BYTES: Final = 64 * 1024 * 1024
"""The file is put aside when it is this long; one older file is kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, for both of its lines."""

    id: str
    who: str
    verb: str
    path: str


class Audit:
    """The record in one file, which only its owner reads."""

    def __init__(self, file: Path, key: bytes, now: Callable[[], datetime]) -> None:
        self._file = AppendedFile(file, _MOST_BYTES)
        self._key = key
        self._now = now

    def asked(
        self, who: str, verb: str, path: str, *, token: str, purpose: str, values: Mapping[str, Any]
    ) -> Entry:
        """Write down what is about to be done. OSError where that cannot be."""
        entry = Entry(uuid.uuid4().hex, who, verb, path)
        more = {"token": self._hashed(token) if token else "", "for": purpose, "values": self._all(values)}
        self._write(entry, "request", more)
        return entry

    def answered(self, entry: Entry, status: int, values: Mapping[str, Any]) -> None:
        """Write down how it ended. OSError where that cannot be."""
        result = "denied" if status == 403 else "done" if status < 400 else "failed"
        self._write(entry, "response", {"result": result, "status": status, "values": self._all(values)})

    def _all(self, values: Mapping[str, Any]) -> dict[str, str]:
        return {key: self._hashed(value) for key, value in values.items()}

    def _hashed(self, value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        return f"hmac-sha256:{hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()}"

    def _write(self, entry: Entry, kind: str, more: Mapping[str, Any]) -> None:
        facts = {"type": kind, "id": entry.id, "who": entry.who, "verb": entry.verb, "path": entry.path}
        told = {key: value for key, value in more.items() if value}
        line = json.dumps({"time": self._now().isoformat(), **facts, **told}).encode() + b"\n"
        self._file.append(line)
