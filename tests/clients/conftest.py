"""Clusters whose workloads are played, for clients that other people wrote: the embedded one, and the real one if it is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import embedded, real_cluster, side_by_side
from tests.support.played_node import playing_node

from jx.adapters.local.kubernetes.controllers.play import PlaySettings

PLAY = PlaySettings()


@pytest.fixture(scope="session")
def embedded_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of an embedded cluster."""
    folder = tmp_path_factory.mktemp("embedded")
    folder.chmod(0o700)
    with embedded.running_api(folder, "--workloads", "--namespace", "default"):
        yield folder / "admin.kubeconfig"


@pytest.fixture(scope="session")
def real_cluster_path() -> Iterator[Path]:
    """The kubeconfig of a real cluster, which has the embedded one's node."""
    path = real_cluster.kubeconfig()
    assert path is not None
    with playing_node(path, PLAY):
        yield path


@pytest.fixture(params=embedded.CLUSTERS)
def cluster(request: pytest.FixtureRequest) -> Path:
    """The kubeconfig of each cluster that is there."""
    side = str(request.param)
    side_by_side.played(request, side)
    names = {side_by_side.EMBEDDED: "embedded_cluster", side_by_side.REAL: "real_cluster_path"}
    path: Path = request.getfixturevalue(names[side])
    return path


@pytest.fixture(scope="session")
def kubectl_program() -> str:
    """The kubectl on PATH."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not on PATH; `make test-cluster` builds one")
    return found
