"""Random histories of several managers: each answer, and in the end each object and its managers, is the same on both servers.

`JX_HISTORIES` says how many are played (30 steps each), `JX_HISTORIES_SEED` where to begin; a failure names its seed.
"""

from __future__ import annotations

import os

import pytest
from tests.support import histories, real_cluster
from tests.support.parity import Player

_COUNT = int(os.environ.get("JX_HISTORIES", "10"))
_FIRST = int(os.environ.get("JX_HISTORIES_SEED", "0"))


@real_cluster.NEEDS_REAL
@pytest.mark.parametrize("seed", range(_FIRST, _FIRST + _COUNT))
def test_a_history_is_the_same_on_both_servers(seed: int, ours: Player, theirs: Player | None) -> None:
    assert theirs is not None
    case = histories.history(seed)
    pairs = zip(ours.play(case), theirs.play(case), strict=True)
    for number, (own, real) in enumerate(pairs):
        assert own.plain() == real.plain(), f"step {number} of {case.name}: {case.steps[number]}"
