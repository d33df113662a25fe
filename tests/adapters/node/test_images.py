"""The list of images: what is in it, and what is wrong with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jx.adapters.local.kubernetes.controllers.podstatus import image_id
from jx.adapters.local.node.images import Images, parse_images, parse_reference
from jx.domain.errors import Invalid


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        ("jx/platform", "jx/platform", "latest"),
        ("jx/platform:1.0.0", "jx/platform", "1.0.0"),
        ("localhost:5000/jx/platform", "localhost:5000/jx/platform", "latest"),
        ("localhost:5000/jx/platform:1", "localhost:5000/jx/platform", "1"),
        ("jx/platform:1@sha256:ab", "jx/platform", "sha256:ab"),
    ],
)
def test_a_reference_has_a_name_and_a_tag(text: str, name: str, tag: str) -> None:
    reference = parse_reference(text)
    assert (reference.name, reference.tag) == (name, tag)


def test_a_changed_list_counts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    images = Images(path)
    assert images.find("a:1") is None
    path.write_text(json.dumps({"images": [{"name": "a", "tags": ["1"], "command": ["{python}", "-V"]}]}))
    found = images.find("a:2")
    assert found is not None
    assert found.command == (sys.executable, "-V")
    assert images.has("a:1")
    assert images.has(image_id("a:1"))
    assert not images.has("a:1@sha256:ab")
    assert not images.has("a:2")


def test_all_mistakes_of_a_list_are_told_at_once() -> None:
    entry = {"name": "a", "tags": [], "files": {"ko-app": "/opt/tekton"}}
    content = json.dumps({"images": [entry, "b"]}).encode()
    with pytest.raises(Invalid) as caught:
        parse_images(content, where="images.json")
    assert [str(problem) for problem in caught.value.problems] == [
        'images.json: images[0]: "tags" must be a list of texts',
        'images.json: images[0]: "command" must be a list of texts',
        'images.json: images[0]: "files" must be folders of this machine by absolute paths of the container',
        "images.json: images[1]: must be an object",
    ]
