"""Settling: what an environment leaves open (`jx.domain.layouts.boot`), from the version stream and from templates."""

from __future__ import annotations

import re

from jx.domain import version_stream
from jx.domain.charts.apps import App
from jx.domain.layouts import boot, dependencies
from jx.domain.layouts.sections import Mistakes
from jx.domain.trees import Tree

RESULT = "values"
"""The key under which the carrier of a template holds what came of it."""

_PINNED = re.compile(r'versionStream\s+"([a-z]+)"\s+"([^"]+)"')
_CARRIER = re.compile(r'executing "carried" at ')
_SCHEMELESS = re.compile(r"\|\s*removeScheme\b")


def fill_versions(
    tree: Tree, chart_dir: str, apps: tuple[App, ...], stream: Tree, mistakes: Mistakes
) -> Tree:
    """With the version that the stream names for each dependency that has none."""
    place = f"{chart_dir}/" if chart_dir else ""
    chart = tree.under(chart_dir) if chart_dir else tree
    holder = place + dependencies.holder_of(chart)
    for app in apps:
        if not boot.needs_version(app):
            continue
        version = version_stream.find_chart_version(stream, app.chart)
        if version:
            chart = dependencies.set_version(chart, app.key, version)
        else:
            mistakes.add(
                holder,
                f"{app.key} has no version, and the version stream names none for {app.chart.name} of {app.chart.repository}",
            )
    return tree.graft(chart_dir, chart) if chart_dir else chart


def carry(text: str, name: str, stream: Tree | None) -> Tree:
    """A chart whose only object holds what comes of a template; the template's lines keep their numbers."""
    text = _SCHEMELESS.sub('| default "" | splitList "://" | last', text)
    text = _PINNED.sub(lambda match: write_text(_pin(stream, match[1], match[2])), text)
    carrier = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata:\n"
        f'  {RESULT}: {{{{ include "carried" .Values.about | toJson }}}}\n'
    )
    return (
        Tree()
        .put("Chart.yaml", "apiVersion: v2\nname: values\nversion: 0.0.1\n")
        .put(f"templates/{name}", f'{{{{ define "carried" }}}}{text}{{{{ end }}}}')
        .put("templates/zz-carrier.yaml", carrier)
    )


def plain_reason(reason: str) -> str:
    """Helm's reason, without what is ours in it."""
    return _CARRIER.sub("", reason)


def write_text(text: str) -> str:
    """A text as a template writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _pin(stream: Tree | None, kind: str, name: str) -> str:
    pins = version_stream.read_pins(stream) if stream else ()
    return next((pin.version for pin in pins if (pin.kind, pin.name) == (kind, name)), "")
