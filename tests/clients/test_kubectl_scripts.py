"""Scripts of commands (`scripts/`): kubectl says the same beside the embedded server and beside a real one."""

from __future__ import annotations

import difflib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support import side_by_side
from tests.support.commands import Outcome, Script, Stage, load
from tests.support.real_cluster import NEEDS_REAL

pytestmark = [pytest.mark.slow, NEEDS_REAL]

SCRIPTS = load(Path(__file__).parent / "scripts")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
@pytest.mark.usefixtures("kubectl_program")
def test_kubectl_says_the_same_on_both(
    script: Script,
    embedded_cluster: Path,
    real_cluster_path: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    for side in (side_by_side.EMBEDDED, side_by_side.REAL):
        (tmp_path / side / "home").mkdir(parents=True)
    ours = Stage(embedded_cluster, tmp_path / side_by_side.EMBEDDED)
    theirs = Stage(real_cluster_path, tmp_path / side_by_side.REAL)
    with ThreadPoolExecutor() as pool:
        found, expected = pool.map(lambda stage: stage.play(script), (ours, theirs))
    for side in (side_by_side.EMBEDDED, side_by_side.REAL):
        side_by_side.played(request, side)
    differences = [text for pair in zip(found, expected, strict=True) for text in _difference(*pair)]
    assert not differences, "\n".join(differences)


def _difference(ours: Outcome, theirs: Outcome) -> list[str]:
    if ours == theirs:
        return []
    told = [f"kubectl {theirs.command}"]
    if ours.code != theirs.code:
        told.append(f"exit code {ours.code}, really {theirs.code}")
    for stream, mine, real in (("stdout", ours.out, theirs.out), ("stderr", ours.err, theirs.err)):
        told += difflib.unified_diff(real, mine, f"real {stream}", f"embedded {stream}", lineterm="", n=2)
    return told
