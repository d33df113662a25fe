"""The files that stand in an app's folder beside its values: for people, and for the cluster."""

from __future__ import annotations

import re

from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartVersion
from jx.domain.errors import Invalid
from jx.domain.layouts.umbrella import label_of
from jx.domain.names import AppKey
from jx.domain.texts import values
from jx.domain.texts.yaml_text import read_mapping, write_yaml
from jx.domain.trees import Tree

_README = "README.MD"
_DESCRIPTION = "jenkins.io/chart-description"
_ROW = re.compile(r"^\| Description \| (.*) \|$", re.MULTILINE)


def write_app_files(app: App, chart: ChartVersion, *, with_object: bool) -> dict[str, str]:
    """Files by path in the app's folder: README.MD, and with `with_object` the App object (its CRD is the platform's)."""
    files = {_README: _readme(app, chart)}
    if with_object:
        files["templates/app.yaml"] = _app_object(app, chart)
    return files


def find_description(chart: Tree, key: AppKey) -> str:
    """What an app's folder says that it is: as the App object has it, else as its README does; empty where neither is there."""
    path = f"{key}/templates/app.yaml"
    text = chart.find_text(path) or ""
    if text and "{{" not in text:
        try:
            found, said = values.find(read_mapping(text, path), ("metadata", "annotations", _DESCRIPTION))
        except Invalid:  # whoever applies it is told
            found, said = False, None
        if found and isinstance(said, str):
            return said
    row = _ROW.search(chart.find_text(f"{key}/{_README}") or "")
    return row[1].replace("\\|", "|") if row else ""


def _readme(app: App, chart: ChartVersion) -> str:
    """No version: it stands in Chart.yaml, and a second place would soon be wrong."""
    rows = {
        "Chart": chart.name,
        "Repository": app.chart.repository,
        "Home": chart.home,
        "Description": chart.description,
    }
    lines = [f"| {name} | {_cell(text)} |" for name, text in rows.items() if text]
    return "\n".join([f"# {app.key}", "", "| | |", "| --- | --- |", *lines, ""])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _app_object(app: App, chart: ChartVersion) -> str:
    return write_yaml(
        {
            "apiVersion": "jenkins.io/v1",
            "kind": "App",
            "metadata": {
                "name": app.key,
                "labels": {
                    "jenkins.io/app-name": chart.name,
                    "jenkins.io/app-version": label_of(chart.version),
                },
                "annotations": {
                    _DESCRIPTION: _literal(chart.description),
                    "jenkins.io/chart-repository": app.chart.repository,
                },
            },
            "spec": {},
        }
    )


def _literal(text: str) -> str:
    """What a chart says of itself must not become a template of ours."""
    return " ".join(text.replace("{{", "{ {").split())
