"""A renderer in memory for tests of what does not depend on Helm: charts whose templates are plain YAML.

`{{ .Release.Name }}`, `{{ .Release.Namespace }}` and `{{ .Values.<key> }}` (top-level values of the chart, overridden by those of
the umbrella chart under the app's key) are filled in; `{{ randAlphaNum N }}` draws.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from jx.domain.errors import Invalid, Problem
from jx.domain.objects.manifests import ChartPin, Hook, Manifest, Rendered, ref_of
from jx.domain.objects.ordering import INSTALL_ORDER
from jx.domain.texts.values import merge
from jx.domain.trees import Tree
from jx.ports.renderer import RenderRequest

_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_HOOK = "helm.sh/hook"
_RANK = {kind: rank for rank, kind in enumerate(INSTALL_ORDER)}


class MemoryRenderer:
    """ports.renderer.Renderer over plain YAML. Each render draws other values."""

    def __init__(self) -> None:
        self.renders = 0

    def render(self, request: RenderRequest) -> Rendered:
        self.renders += 1
        umbrella = merge(_values(request.chart), request.values)
        objects = list(self._chart(request, "", request.chart, umbrella))
        pins = []
        for key, chart in request.dependencies.items():
            values = _values(chart.files) | (umbrella.get(key) or {})
            objects += self._chart(request, str(key), chart.files, values)
            name = _read(chart.files, "Chart.yaml").get("name", chart.ref.name)
            pins.append(ChartPin(str(key), name, chart.version, chart.ref.repository, chart.digest))
        objects.sort(key=lambda one: (_RANK.get(one.ref.kind, len(_RANK)), one.ref))
        hooks = tuple(hook for one in objects if (hook := _find_hook(one)))
        plain = tuple(one for one in objects if _HOOK not in _annotations(one))
        return Rendered(plain, hooks, tuple(pins))

    def assemble(self, request: RenderRequest) -> Tree:
        tree = request.chart
        for key, chart in request.dependencies.items():
            tree = tree.graft(f"charts/{key}", chart.files)
        return tree

    def _chart(
        self, request: RenderRequest, key: str, files: Tree, values: Mapping[str, Any]
    ) -> Iterator[Manifest]:
        for path in files:
            if not path.startswith(("templates/", "crds/")) or not path.endswith(".yaml"):
                continue
            place = f"{key}/{path}".lstrip("/")
            text = self._fill(request, files.text(path), values, place)
            for body in yaml.load_all(text, yaml.CSafeLoader):
                if body:
                    yield Manifest(ref_of(body), str(body.get("apiVersion", "")), body, place)

    def _fill(self, request: RenderRequest, text: str, values: Mapping[str, Any], place: str) -> str:
        def fill(match: re.Match[str]) -> str:
            action = match[1]
            known = {".Release.Name": request.release, ".Release.Namespace": request.namespace}
            if action in known:
                return known[action]
            if action.startswith(".Values."):
                return str(values.get(action.removeprefix(".Values."), ""))
            if action.startswith("randAlphaNum"):
                drawn = hashlib.sha256(f"{self.renders} {place} {match.start()}".encode()).hexdigest()
                return drawn[: int(action.split()[1])]
            raise Invalid("the chart does not render", Problem(place, f"unknown action {action!r}"))

        return _ACTION.sub(fill, text)


def _annotations(manifest: Manifest) -> Mapping[str, str]:
    return (manifest.body.get("metadata") or {}).get("annotations") or {}


def _find_hook(manifest: Manifest) -> Hook | None:
    said = _annotations(manifest)
    if _HOOK not in said:
        return None
    policies = said.get(f"{_HOOK}-delete-policy", "")
    return Hook(
        manifest,
        tuple(said[_HOOK].split(",")),
        int(said.get(f"{_HOOK}-weight", "0")),
        tuple(filter(None, policies.split(","))),
    )


def _values(files: Tree) -> dict[str, Any]:
    return _read(files, "values.yaml")


def _read(files: Tree, path: str) -> dict[str, Any]:
    text = files.find_text(path)
    found: dict[str, Any] = yaml.load(text, yaml.CSafeLoader) if text else {}
    return found or {}
