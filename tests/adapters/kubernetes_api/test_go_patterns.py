from __future__ import annotations

import pytest

from jx.adapters.local.kubernetes.words import go_patterns


@pytest.mark.parametrize(
    ("pattern", "fits", "misfits"),
    [
        ("^(?i)(abort|warn)?$", ["", "ABORT", "warn"], ["abort!"]),
        ("^((?i)sun|mon)day$", ["SUNday", "MONday"], ["SUNDAY"]),
        ("a(?i)b|c", ["aB", "C"], ["AB"]),
        ("^[(|)]$", ["(", "|"], ["x"]),
    ],
)
def test_flags_are_for_the_rest_of_their_group(pattern: str, fits: list[str], misfits: list[str]) -> None:
    search = go_patterns.searcher(pattern)
    assert go_patterns.problem(pattern) == ""
    assert [text for text in fits if not search(text)] == []
    assert [text for text in misfits if search(text)] == []


def test_what_go_refuses_is_told_in_its_words() -> None:
    assert go_patterns.problem("(unclosed") == "missing closing ): `(unclosed`"
    assert go_patterns.problem("(?=ahead)").startswith("invalid or unsupported Perl syntax")
