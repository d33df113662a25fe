"""What the runner tells of its runs is what Tekton's own controller told of the same (`make test-cluster` asks it again)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support import tekton_runs
from tests.support.runner import running_runner_world
from tests.support.tekton_runs import Obj

pytestmark = pytest.mark.xdist_group("runs-as-tekton")
LIMIT = "4s"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Obj]]:
    """What is told of each case, by its name."""
    folder = tmp_path_factory.mktemp("as-tekton")
    folder.chmod(0o700)
    found: dict[str, Obj] = {}
    with running_runner_world(folder) as world:
        world.parallel = 100
        with world.runner():
            for several in tekton_runs.batches(tekton_runs.cases(LIMIT)):
                tekton_runs.start(world.client, several)
                found |= tekton_runs.ends(world.client, several, LIMIT)
            yield found


@pytest.mark.parametrize("name", tekton_runs.names())
def test_the_end_of_a_run_is_told_as_tekton_tells_it(told: dict[str, Obj], name: str) -> None:
    case = next(each for each in tekton_runs.cases(LIMIT) if each.name == name)
    found = tekton_runs.compared(told[name], tekton_runs.recorded()[name])
    allowed = set(case.differs)
    assert {path: pair for path, pair in found.items() if path not in allowed} == {}
    assert allowed - found.keys() == set(), "these do not differ any more"
