"""Templates beside an app, rendered by Helm's own engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from helm_python import Chart, HelmRenderError
from tests.support.environments import make_environment

from jx.domain.layouts import umbrella

TEMPLATE = """\
kind: ConfigMap
{{- with .Values.image }}
image: {{ .tag }} {{ $.Values.name }} {{ $.Release.Namespace }}
{{- end }}
helper: {{ include "redis.x" . }}
chart: {{ .Chart.Name }} {{ .Capabilities.KubeVersion.Major }}
"""
FILES = {
    "env/Chart.yaml": "apiVersion: v2\nname: env\nversion: 0.0.1\ndependencies:\n- name: redis\n",
    "env/charts/redis/Chart.yaml": "apiVersion: v2\nname: redis\nversion: 1.0.0\n",
    "env/charts/redis/values.yaml": "name: from-the-chart\n",
    "env/redis/templates/_x.tpl": '{{ define "redis.x" }}{{ .Values.image.tag }}{{ end }}',
}


def render(files: Mapping[str, str], folder: Path) -> dict[str, Any]:
    chart = umbrella.read(make_environment({**FILES, "env/values.yaml": "", **files})).chart
    for path, blob in chart.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(blob.data)
    return dict(Chart.load(str(folder)).render())


def test_values_in_them_are_the_apps_with_the_defaults_of_its_chart(tmp_path: Path) -> None:
    files = {"env/redis/templates/cm.yaml": TEMPLATE, "env/redis/values.yaml": "image: {tag: v1}\n"}
    rendered = render(files, tmp_path)
    assert rendered["env/templates/redis/cm.yaml"].strip() == (
        "kind: ConfigMap\nimage: v1 from-the-chart default\nhelper: v1\nchart: env 1"
    )


def test_a_failure_in_them_names_their_own_line(tmp_path: Path) -> None:
    with pytest.raises(HelmRenderError, match=r"redis/cm\.yaml:2:"):
        render({"env/redis/templates/cm.yaml": 'kind: X\na: {{ fail "no" }}\n'}, tmp_path)
