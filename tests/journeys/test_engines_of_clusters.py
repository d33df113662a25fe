"""What applies on a cluster that was there before: the Tekton that is there, else the controllers, and it is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.embedded import running_api
from tests.support.foreign import Foreign
from tests.support.platform import machine_at

from jx.adapters.kubernetes.api import Resource
from jx.adapters.local.seed import charts_folder

pytestmark = pytest.mark.xdist_group("engines-of-clusters")

DEFINITIONS = Resource(
    "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
NONE = "none (the controllers apply)"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    """A cluster without Tekton."""
    folder = tmp_path_factory.mktemp("engines")
    kubernetes = folder / "kubernetes"
    kubernetes.mkdir(mode=0o700)
    with running_api(kubernetes), machine_at(folder) as machine:
        found = Foreign(machine, kubernetes / "admin.kubeconfig", "shop")
        yield found
        found.api.close()


def plan(foreign: Foreign, *more: str) -> dict[str, str]:
    """The rows of a dry run, by their first column; of two of the same name, the checks' come first."""
    rows: dict[str, str] = {}
    for line in foreign.jx(*foreign.install_words, *more, "--dry-run").ok().out.splitlines():
        what, _, rest = line.partition("  ")
        rows[what] = f"{rows[what]} | {rest.strip()}" if what in rows else rest.strip()
    return rows


def test_without_tekton_the_controllers_apply_and_what_is_missing_is_said(foreign: Foreign) -> None:
    rows = plan(foreign)
    check, _, planned = rows["pipelines"].partition(" | ")
    assert check.startswith("warning")
    assert "there is no tekton.dev/v1 PipelineRun" in check
    assert planned == NONE
    assert "controllers.pipelines: tekton" in " ".join(rows)
    assert plan(foreign, "--tekton=false")["pipelines"] == NONE


def test_with_tekton_runs_apply_in_the_image_of_the_platform(foreign: Foreign) -> None:
    text = (charts_folder() / "jx-platform" / "files" / "tekton.yaml").read_text()
    for body in yaml.safe_load_all(text):
        foreign.api.create(DEFINITIONS, "", body)
    check, _, planned = plan(foreign)["pipelines"].partition(" | ")
    assert check.split(maxsplit=1) == ["ok", "tekton.dev/v1 PipelineRun is served: runs apply what is merged"]
    assert planned == "tekton"
    words = (*foreign.install_words, "--platform-image", "registry.example.com/jx", "-b", "--no-wait")
    foreign.jx(*words).ok()
    values = yaml.safe_load(_file(foreign, "env/jx-platform/values.yaml"))
    assert values["controllers"] == {"pipelines": "tekton"}
    assert "runner" not in values
    deployments = Resource("apps/v1", "deployments", "Deployment")
    (container,) = foreign.api.get(deployments, "jx", "jx-controllers")["spec"]["template"]["spec"][
        "containers"
    ]
    named = {one["name"]: one.get("value", "") for one in container["env"]}
    assert named["JX_PIPELINES"] == "tekton"
    assert named["JX_BUILDER_IMAGE"] == container["image"]
    assert container["image"].startswith("registry.example.com/jx:")


def _file(foreign: Foreign, path: str) -> str:
    clone: Path = foreign.clone("dev", "clone-dev")
    return (clone / path).read_text()
