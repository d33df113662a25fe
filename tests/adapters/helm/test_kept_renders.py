"""Renders that a later process need not do again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from jx.adapters.helm.renderer import HelmRenderer
from jx.domain.objects.manifests import Capabilities, Rendered
from jx.domain.trees import Blob, Tree
from jx.ports.renderer import RenderRequest

PLAIN = """
apiVersion: v1
kind: ConfigMap
metadata: {name: a, annotations: {"n": "1"}}
data: {"on": "yes", size: "1.50"}
---
apiVersion: batch/v1
kind: Job
metadata: {name: hook, annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "3"}}
spec: {backoffLimit: 2}
"""


def request(template: str = PLAIN) -> RenderRequest:
    files = {"Chart.yaml": "apiVersion: v2\nname: env\nversion: 0.0.1\n", "templates/a.yaml": template}
    files["templates/NOTES.txt"] = "Hello."
    tree = Tree({path: Blob(text.encode()) for path, text in files.items()})
    return RenderRequest("jx", "prod", tree, {}, Capabilities(), {})


def render(folder: Path, wanted: RenderRequest) -> Rendered:
    """As a process of its own does."""
    helm = HelmRenderer(folder)
    try:
        return helm.render(wanted)
    finally:
        helm.close()


def test_what_was_rendered_before_comes_from_the_folder_just_as_it_was(tmp_path: Path) -> None:
    first = render(tmp_path / "kept", request())
    (file,) = (tmp_path / "kept").iterdir()
    file.write_text(file.read_text().replace("1.50", "from the folder"))
    again = render(tmp_path / "kept", request())
    assert again.objects[0].body["data"] == {"on": "yes", "size": "from the folder"}
    body = {**again.objects[0].body, "data": {"on": "yes", "size": "1.50"}}
    assert replace(again, objects=(replace(again.objects[0], body=body),)) == first


def test_nobody_else_can_read_what_is_kept(tmp_path: Path) -> None:
    render(tmp_path / "kept", request())
    (file,) = (tmp_path / "kept").iterdir()
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "kept", file)] == [0o700, 0o600]


@pytest.mark.parametrize("change", ["chart", "values", "namespace", "kubernetes"])
def test_another_request_is_rendered_anew(tmp_path: Path, change: str) -> None:
    render(tmp_path, request())
    other = {
        "chart": request(PLAIN.replace("1.50", "2")),
        "values": replace(request(), values={"a": 1}),
        "namespace": replace(request(), namespace="other"),
        "kubernetes": replace(request(), capabilities=Capabilities(version="v1.35.0")),
    }[change]
    render(tmp_path, other)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_charts_draw_at_random_is_never_kept(tmp_path: Path) -> None:
    drawn = PLAIN.replace('"1.50"', "'{{ randAlphaNum 16 }}'")
    assert render(tmp_path, request(drawn)) != render(tmp_path, request(drawn))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"objects": [[1]]})])
def test_what_cannot_be_read_is_rendered_anew(tmp_path: Path, content: str) -> None:
    first = render(tmp_path, request())
    (file,) = tmp_path.iterdir()
    file.write_text(content)
    assert render(tmp_path, request()) == first
    assert len(file.read_text()) > 100


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert render(tmp_path / "file", request()).objects


def test_only_so_many_renders_are_kept(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    for number in range(40):
        (tmp_path / "kept" / f"{number}.json").write_text("{}")
    render(tmp_path / "kept", request())
    assert len(list((tmp_path / "kept").iterdir())) == 32
