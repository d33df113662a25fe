"""Tekton's own controller runs PipelineRuns, on the embedded cluster and on a real API server; the embedded node runs its pods.

Played by `make test-cluster`. What it tells of the cases of `tests/parity/runs` is what the embedded runner is held to.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support import live_tekton, real_cluster, tekton_runs
from tests.support.embedded import CLUSTERS, GROUP
from tests.support.side_by_side import REAL, played
from tests.support.tekton_runs import Obj

from jx.adapters.kubernetes.api import Api
from jx.adapters.local.node.veils import works

pytestmark = [
    GROUP,
    real_cluster.NEEDS_REAL,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not works("unshare"), reason="this machine allows no user namespaces"),
]
LIMIT = "20s"


@pytest.fixture(scope="module", params=CLUSTERS)
def side(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def tekton(side: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A cluster on which Tekton is at work."""
    folder = tmp_path_factory.mktemp("tekton")
    folder.chmod(0o700)
    kubeconfig = real_cluster.kubeconfig()
    assert kubeconfig
    chosen = live_tekton.real(kubeconfig, folder) if side == REAL else live_tekton.embedded(folder)
    with chosen as api:
        yield api


@pytest.fixture(scope="module")
def told(tekton: Api, side: str) -> dict[str, Obj]:
    """What Tekton tells of each case, by its name."""
    found: dict[str, Obj] = {}
    for several in tekton_runs.batches(tekton_runs.cases(LIMIT)):
        tekton_runs.start(tekton, several)
        found |= tekton_runs.ends(tekton, several, LIMIT)
    if side == REAL and tekton_runs.is_recording():
        tekton_runs.record(found)
    return found


@pytest.fixture(autouse=True)
def count(request: pytest.FixtureRequest, side: str) -> None:
    played(request, side)


@pytest.mark.parametrize("name", tekton_runs.names())
def test_tekton_tells_of_a_run_what_is_recorded(told: dict[str, Obj], name: str) -> None:
    assert tekton_runs.compared(told[name], tekton_runs.recorded()[name]) == {}
