"""Renders of another day: what comes from the clock differs, in packed dependencies of dependencies, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from jx.adapters.helm.archives import pack
from jx.adapters.helm.renderer import HelmRenderer
from jx.domain.objects.manifests import Capabilities
from jx.domain.trees import Blob, Tree
from jx.ports.renderer import RenderRequest

DATED = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {0}}}
data: {{made: {{{{ now | date "2006" | quote }}}}, said: {{{{ "now" | quote }}}}}}
"""


@pytest.fixture
def helm() -> Iterator[HelmRenderer]:
    renderer = HelmRenderer()
    yield renderer
    renderer.close()


def chart(name: str, **dependencies: Tree) -> Tree:
    rows = "".join(f"- {{name: {one}, version: 1.0.0}}\n" for one in dependencies)
    head = f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n" + (f"dependencies:\n{rows}" if rows else "")
    files = {"Chart.yaml": Blob(head.encode()), "templates/a.yaml": Blob(DATED.format(name).encode())}
    packed = {f"charts/{one}-1.0.0.tgz": Blob(pack(one, tree)) for one, tree in dependencies.items()}
    return Tree(files | packed)


def test_what_comes_from_the_clock_differs_wherever_it_is_read(helm: HelmRenderer) -> None:
    env = chart("env", shop=chart("shop", deep=chart("deep")))
    request = RenderRequest("jx", "prod", env, {}, Capabilities(), {})
    today, other = helm.render(request), helm.render(replace(request, is_on_another_day=True))
    assert {one.ref.name for one in today.objects} == {"env", "shop", "deep"}
    made = [{one.ref.name: one.body["data"]["made"] for one in draw.objects} for draw in (today, other)]
    assert made[1] == {"env": "2001", "shop": "2001", "deep": "2001"}
    assert "2001" not in made[0].values()
    assert {one.body["data"]["said"] for one in other.objects} == {"now"}
