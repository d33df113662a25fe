"""The signals port over one ConfigMap of the platform's namespace.

Each key has an entry whose value changes with every signal. Keys that differ behind an `@` share one, so that the object stays
small: a watch tells each change by itself. The platform's chart makes the ConfigMap; who tells needs the right to patch that one
object, and nothing else.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta

from jx.adapters.kubernetes.api import CONFIG_MAPS, Api, Json
from jx.adapters.kubernetes.watching import Target, Watching
from jx.domain.errors import NotFound, Unavailable

NAME = "jx-signals"


class KubernetesSignals:
    """Signals of one platform."""

    def __init__(self, api: Api, *, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def tell(self, key: str) -> None:
        """Change the key's entry, by a merge patch of that entry alone."""
        entry = hashlib.sha256(key.partition("@")[0].encode()).hexdigest()[:40]
        patch = {"data": {entry: f"{key} {time.time_ns()}-{secrets.token_hex(3)}"}}
        try:
            self._api.merge(CONFIG_MAPS, self._namespace, NAME, patch)
        except NotFound as error:
            raise self._not_there() from error

    def listen(self, *, within: timedelta) -> Iterator[str]:
        """Keys from this call on, not from when the iterator is first asked. Unavailable where nobody could tell anything."""
        try:
            known = _entries(self._api.get(CONFIG_MAPS, self._namespace, NAME))
        except NotFound as error:
            raise self._not_there() from error
        watching = Watching(self._api, [Target(CONFIG_MAPS, self._namespace, NAME)])
        return _heard(watching, known, within)

    def _not_there(self) -> Unavailable:
        return Unavailable(
            f"there is no ConfigMap/{NAME} in namespace {self._namespace}: signals cannot be passed on",
            hint="the chart jx-platform brings it; what was told is found by the next timer anyway",
        )


def _heard(watching: Watching, known: dict[str, str], within: timedelta) -> Iterator[str]:
    for change in watching.changes(within=within):
        if change is None:
            continue
        entries = {} if change.is_deleted else _entries(change.body)
        fresh = [value for entry, value in entries.items() if known.get(entry) != value]
        known = entries
        for value in fresh:
            yield value.rpartition(" ")[0]


def _entries(body: Json) -> dict[str, str]:
    return dict(body.get("data") or {})
