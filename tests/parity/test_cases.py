"""Scripts of requests (`cases/`): the embedded server answers each as the real kube-apiserver does.

What the real one answered is recorded in `answers/`, so that the comparison needs no Go. `make test-cluster` compares with the
real one itself, and with its record; `make test-cluster RECORD=1` renews the record.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.support import side_by_side
from tests.support.parity import Case, Player, load

FOLDER = Path(__file__).parent
CASES = load(FOLDER / "cases")
RENEWS = bool(os.environ.get("JX_PARITY_RECORD"))


@cache
def _recorded(stem: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads((FOLDER / "answers" / f"{stem}.json").read_text())
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answers_are_the_real_ones(
    case: Case, ours: Player, theirs: Player | None, request: pytest.FixtureRequest
) -> None:
    stem, _, name = case.name.partition(": ")
    if theirs is not None:
        side_by_side.played(request, side_by_side.REAL)
        expected = [answer.plain() for answer in theirs.play(case)]
        if RENEWS:
            _record(stem, name, expected)
        else:
            assert expected == _recorded(stem)[name], "the real server answers otherwise than was recorded"
    else:
        expected = _recorded(stem)[name]
    side_by_side.played(request, side_by_side.EMBEDDED)
    found = [answer.plain() for answer in ours.play(case)]
    if case.differs:
        assert found != expected, "no difference is left: take `differs` away"
        return
    for ours_step, their_step in zip(found, expected, strict=True):
        assert ours_step == their_step


def _record(stem: str, name: str, answers: list[Any]) -> None:
    """One line per answer, so that a change of the record can be read."""
    path = FOLDER / "answers" / f"{stem}.json"
    path.parent.mkdir(exist_ok=True)
    known: dict[str, list[Any]] = json.loads(path.read_text()) if path.exists() else {}
    known[name] = answers
    wanted = [case.name.partition(": ")[2] for case in CASES if case.name.startswith(f"{stem}: ")]
    blocks = []
    for one in wanted:
        if one in known:
            lines = ",\n".join(
                json.dumps(answer, sort_keys=True, ensure_ascii=False) for answer in known[one]
            )
            blocks.append(f"{json.dumps(one, ensure_ascii=False)}: [\n{lines}\n]")
    path.write_text("{\n" + ",\n".join(blocks) + "\n}\n")
