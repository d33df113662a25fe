"""Renders that were done before, on disk: the same request gives the same manifests, so a later process need not ask Helm again.

What charts draw at random is never kept: it may be a password that only the cluster is to know. Files are for their owner alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

from jx import __version__
from jx.adapters.files.writing import write_whole
from jx.domain.charts import template_scan
from jx.domain.objects.manifests import ChartPin, Hook, Manifest, ObjectRef, Rendered
from jx.ports.renderer import RenderRequest

_MOST = 32
"""Renders that are kept: those of several environments, before and after a change."""


class KeptRenders:
    """A folder of renders by their key. It may be deleted at any time; what cannot be read or written is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str) -> Rendered | None:
        """The render of that key, or None."""
        path = self._path(key)
        try:
            data = orjson.loads(path.read_bytes())
            os.utime(path)
            return _rendered(data)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, request: RenderRequest, rendered: Rendered) -> None:
        """Keep a render, unless its charts may draw at random."""
        trees = [request.chart, *(chart.files for chart in request.dependencies.values())]
        if request.draw or template_scan.mentions_random(trees):
            return
        with contextlib.suppress(OSError, TypeError):  # a full disk, or a value that is no JSON
            self._write(self._path(key), orjson.dumps(_data(rendered), default=_plain))

    @cached_property
    def _engine(self) -> str:
        """Another jx or another Helm may render the same request otherwise."""
        return f"{__version__} {metadata.version('helm-python-sdk')}"

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(f"{self._engine} {key}".encode()).hexdigest()
        return self._folder / f"{name}.json"

    def _write(self, path: Path, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, data, is_synced=False)
        files = sorted(self._folder.glob("*.json"), key=lambda one: one.stat().st_mtime)
        for old in files[:-_MOST]:
            old.unlink(missing_ok=True)


def _data(rendered: Rendered) -> dict[str, Any]:
    return {
        "objects": [_manifest_data(one) for one in rendered.objects],
        "hooks": [
            [_manifest_data(hook.manifest), hook.phases, hook.weight, hook.delete_policies]
            for hook in rendered.hooks
        ],
        "charts": [[pin.key, pin.name, pin.version, pin.repository, pin.digest] for pin in rendered.charts],
        "notes": rendered.notes,
    }


def _rendered(data: Mapping[str, Any]) -> Rendered:
    return Rendered(
        objects=tuple(_manifest(row) for row in data["objects"]),
        hooks=tuple(
            Hook(_manifest(row), tuple(phases), weight, tuple(policies))
            for row, phases, weight, policies in data["hooks"]
        ),
        charts=tuple(ChartPin(*row) for row in data["charts"]),
        notes=data["notes"],
    )


def _manifest_data(one: Manifest) -> list[Any]:
    ref = one.ref
    return [ref.group, ref.kind, ref.namespace, ref.name, one.api_version, one.source, one.body]


def _manifest(row: list[Any]) -> Manifest:
    group, kind, namespace, name, api_version, source, body = row
    return Manifest(ObjectRef(group, kind, namespace, name), api_version, body, source)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
