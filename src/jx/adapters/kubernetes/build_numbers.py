"""Counters of builds, in one ConfigMap of the platform's namespace; moved by compare-and-swap, so no number is given twice."""

from __future__ import annotations

import hashlib

from jx.adapters.kubernetes.api import CONFIG_MAPS, Api, Json
from jx.domain.errors import NotFound, Stale, Unavailable

NAME = "jx-build-numbers"
_TRIES = 100


class KubernetesBuildNumbers:
    """Build numbers of one platform."""

    def __init__(self, api: Api, *, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def next(self, pipeline: str, *, above: int = 0) -> int:
        """Each entry holds a pipeline and the last number that was given for it."""
        key = hashlib.sha256(pipeline.encode()).hexdigest()[:40]
        for _ in range(_TRIES):
            body = self._find()
            number = max(_last((body or {}).get("data", {}).get(key)), above) + 1
            try:
                self._write(body, {key: f"{pipeline} {number}"})
            except Stale:  # somebody else took a number in between
                continue
            return number
        raise Unavailable(f"no build number for {pipeline}: too many take one at the same time")

    def _find(self) -> Json | None:
        try:
            return self._api.get(CONFIG_MAPS, self._namespace, NAME)
        except NotFound:
            return None

    def _write(self, body: Json | None, entry: dict[str, str]) -> None:
        if body is None:
            fresh = {
                "apiVersion": CONFIG_MAPS.api_version,
                "kind": CONFIG_MAPS.kind,
                "metadata": {"name": NAME, "namespace": self._namespace},
                "data": entry,
            }
            self._api.create(CONFIG_MAPS, self._namespace, fresh)
            return
        self._api.replace(CONFIG_MAPS, self._namespace, {**body, "data": {**body.get("data", {}), **entry}})


def with_highest(counters: Json, others: Json) -> Json:
    """Counters that go on above both: what was given by either is not given again."""
    mine, theirs = counters.get("data") or {}, others.get("data") or {}
    data = {key: max(mine.get(key), theirs.get(key), key=_last) for key in {**theirs, **mine}}
    return {**counters, "data": data}


def _last(entry: object) -> int:
    """The number that an entry says was given last; 0 for none."""
    given = str(entry or "").rpartition(" ")[2]
    return int(given) if given.isdigit() else 0
