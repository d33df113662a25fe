"""Manifests by Helm's own engine."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jx.adapters.helm import assembling, failures, manifest_text
from jx.adapters.helm.assembling import Assembled
from jx.adapters.helm.engine import Engine, EngineError, EngineOutput
from jx.adapters.helm.kept_renders import KeptRenders
from jx.adapters.helm.manifest_text import Document, Namer
from jx.domain.charts.chart_folders import vendored_folders
from jx.domain.charts.version_ranges import parse_version_range
from jx.domain.charts.versions import Version
from jx.domain.errors import Failed, Invalid, Problem
from jx.domain.objects.manifests import Hook, Manifest, ObjectRef, Rendered
from jx.domain.texts import yaml_text
from jx.domain.trees import Tree
from jx.ports.renderer import RenderRequest

REMEMBERED = 16
"""How many renders are remembered: an environment is rendered for a check, a plan and an apply in turn."""


class HelmRenderer:
    """Renders in a process of its own, which starts with the first render that is not known yet; `close` ends it."""

    def __init__(self, kept: Path | None = None, *, timeout: float = 120) -> None:
        """`kept` is a folder for renders that later processes need not do again; `timeout` is for one render, in seconds."""
        self._engine = Engine(timeout=timeout)
        self._kept = KeptRenders(kept) if kept else None
        self._lock = threading.Lock()
        self._remembered: OrderedDict[str, Rendered] = OrderedDict()

    def render(self, request: RenderRequest) -> Rendered:
        if request.is_confidential:
            return self._render(request)
        key = _key(request)
        with self._lock:
            known = self._remembered.get(key)
            if known is not None:
                self._remembered.move_to_end(key)
                return known
        rendered = self._kept.find(key) if self._kept else None
        if rendered is None:
            rendered = self._render(request)
            if self._kept:
                self._kept.put(key, request, rendered)
        with self._lock:
            self._remembered[key] = rendered
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return rendered

    def assemble(self, request: RenderRequest) -> Tree:
        return assembling.assemble(request).chart

    def close(self) -> None:
        """End the engine's process; a later render starts another."""
        self._engine.close()

    def _render(self, request: RenderRequest) -> Rendered:
        assembled = assembling.assemble(request)
        chart = assembling.on_another_day(assembled.chart) if request.is_on_another_day else assembled.chart
        _check_kubernetes(assembled, request.capabilities.version)
        options = {
            "name": request.release,
            "namespace": request.namespace,
            "kube_version": request.capabilities.version,
            "api_versions": list(request.capabilities.api_versions),
        }
        try:
            with tempfile.TemporaryDirectory(prefix="jx-chart-") as folder:
                write_tree(Path(folder), chart)
                output = self._engine.render(Path(folder), request.values, options)
        except EngineError as error:
            raise failures.explain(error, _all_values(assembled.chart, request)) from error
        except OSError as error:
            raise Failed(
                f"the charts cannot be written to a temporary folder: {error}",
                hint="make room there, or set TMPDIR",
            ) from error
        return _read(request, assembled, output)


def write_tree(folder: Path, tree: Tree) -> None:
    """All files of a tree, below a folder that is there."""
    for path, blob in tree.files.items():
        target = folder / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700 if blob.executable else 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(blob.data)


def _key(request: RenderRequest) -> str:
    """Equal exactly for equal requests. The kinds of a cluster count too: they tell what is namespaced."""
    capabilities = request.capabilities
    parts: list[Any] = [
        request.release,
        request.namespace,
        request.chart.digest,
        sorted((str(key), chart.files.digest, chart.digest) for key, chart in request.dependencies.items()),
        capabilities.version,
        capabilities.api_versions,
        sorted((*kind, info.namespaced) for kind, info in capabilities.kinds.items()),
        request.values,
        request.draw,
        request.is_on_another_day,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _check_kubernetes(assembled: Assembled, version: str) -> None:
    """Helm checks this when it installs, and not when it only renders."""
    wanted = assembled.metadata.kube_version
    if wanted and Version(version) not in parse_version_range(wanted):
        raise Invalid(
            f"the chart does not support Kubernetes {version}",
            Problem("Chart.yaml", f"kubeVersion is {wanted}"),
        )


def _all_values(chart: Tree, request: RenderRequest) -> dict[str, Any]:
    """Everything that an error might quote: values by chart, however deep."""
    found: dict[str, Any] = {"secrets" if request.is_confidential else "": request.values}
    text = chart.find_text("values.yaml")
    if text:
        try:
            found["values.yaml"] = yaml_text.read_yaml(text, allow_duplicates=True)
        except Invalid:
            found["values.yaml"] = None
    for name, folder in vendored_folders(chart).items():
        found[name] = _all_values(folder, request)
    return found


def _read(request: RenderRequest, assembled: Assembled, output: EngineOutput) -> Rendered:
    notes_path = f"{assembled.metadata.name}/templates/NOTES.txt"
    files = {path: text for path, text in output.files.items() if not path.endswith("NOTES.txt")}
    crds = [document for path, text in output.crds for document in manifest_text.read_documents({path: text})]
    documents = manifest_text.read_documents(files)
    namer = Namer(request.capabilities, request.namespace, [*crds, *documents])
    plain = manifest_text.in_install_order(one for one in documents if not manifest_text.is_hook(one))
    hooks = [one for one in documents if manifest_text.is_hook(one)]
    return Rendered(
        objects=_once(_named([*crds, *plain], namer)),
        hooks=_hooks(hooks, namer),
        charts=tuple(pin for pin in assembled.pins if pin.key in output.subcharts),
        notes=output.files.get(notes_path, "").strip(),
    )


def _named(documents: Iterable[Document], namer: Namer) -> list[Manifest]:
    manifests: list[Manifest] = []
    problems: list[Problem] = []
    for document in (one for whole in documents for one in manifest_text.flatten(whole)):
        try:
            manifests.append(namer.manifest(document))
        except Invalid as error:
            problems += error.problems
    if problems:
        raise Invalid("templates rendered to something that is no Kubernetes object", *problems)
    return manifests


def _once(manifests: list[Manifest]) -> tuple[Manifest, ...]:
    first: dict[ObjectRef, Manifest] = {}
    problems = []
    for manifest in manifests:
        other = first.setdefault(manifest.ref, manifest)
        if other is not manifest:
            problems.append(
                Problem(
                    manifest.source, f"{manifest.ref} is rendered by {other.source or 'another template'} too"
                )
            )
    if problems:
        raise Invalid(
            "two templates render the same object, and only one of them could be applied",
            *problems,
            hint="give one of them another name; two apps of one chart need an alias and a fullnameOverride",
        )
    return tuple(manifests)


def _hooks(documents: list[Document], namer: Namer) -> tuple[Hook, ...]:
    found = [
        hook
        for document in documents
        for manifest in _named([document], namer)
        if (hook := manifest_text.find_hook(document, manifest))
    ]
    return tuple(sorted(found, key=_order_of_hook))


def _order_of_hook(hook: Hook) -> tuple[int, tuple[int, str], str]:
    return hook.weight, manifest_text.kind_key(hook.manifest.ref.kind), hook.manifest.ref.name
