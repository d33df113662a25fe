"""Reading YAML as Helm does, and saying where it is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helm_python import HelmValuesError, values_from_yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jx.domain.errors import Invalid
from jx.domain.texts.yaml_text import find_line, parse_node, read_documents, read_mapping, read_yaml


def test_scalars_are_what_go_takes_them_for() -> None:
    text = """
      a: [22:22, 1:30:00, 2001-01-01, =, e3, 0x1p-2, 1e999, nUll, 0x10000000000000000]
      b: [1e3, 0.1e3, 12e03, .5, 5., 1_0.5, 9223372036854775808, 0o14, 0777, 08, 0b11, -0x1f, 1_000]
      c: [y, N, on, Off, yes, TRUE]
      d: [~, null, '', '~', !!str 12, !foo bar, !!float 1, !!binary aGVsbG8=]
    """
    assert read_yaml(text) == {
        "a": ["22:22", "1:30:00", "2001-01-01", "=", "e3", "0x1p-2", "1e999", "nUll", "0x10000000000000000"],
        "b": [1000.0, 100.0, 12000.0, 0.5, 5.0, 10.5, 9223372036854775808, 12, 511, 8.0, 3, -31, 1000],
        "c": [True, False, True, False, True, True],
        "d": [None, None, "", "~", "12", "bar", 1.0, "hello"],
    }


def test_keys_become_texts() -> None:
    assert read_yaml("1: a\nyes: b\n1.5: c\n'n': d\n") == {"1": "a", "true": "b", "1.5": "c", "n": "d"}


def test_merge_keys_work_as_in_go() -> None:
    text = "a: &x {k: 1, z: 3}\nb: &y {k: 5, j: 6}\nc: {k: 2, <<: *x}\nd: {<<: [*x, *y], z: 9}\n"
    read = read_yaml(text)
    assert read["c"] == {"k": 1, "z": 3}
    assert read["d"] == {"k": 1, "z": 9, "j": 6}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: [\n", 3, "flow node"),
        ("a: 1\na: 2\n", 2, "line 1"),
        ("a:\n\tb: 1\n", 2, "cannot start any token"),
        ("a: 1\n---\nb: 1\n", 3, "second document"),
        ("a: .inf\n", 1, "JSON"),
        ("a: &x [*x]\n", 1, "contains itself"),
        ("a: *x\n", 1, "no anchor &x"),
        ("a: !!int x\n", 1, "no int"),
        ("a: \x07\n", None, "control characters"),
        ("? null\n: 1\n", 1, "a key is"),
    ],
)
def test_a_mistake_has_its_line(text: str, line: int | None, what: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_yaml(text, "env/values.yaml")
    problem = caught.value.problems[0]
    assert problem.where == "env/values.yaml"
    assert problem.line == line
    assert what in problem.what


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        read_yaml("a: .inf\na: 1\nb: .nan\n")
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3]


def test_a_file_of_values_is_a_mapping_or_empty() -> None:
    assert read_mapping("# nothing\n") == {}
    with pytest.raises(Invalid):
        read_mapping("- 1\n")


def test_bombs_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(Invalid, match="too large"):
        read_yaml("\n".join(lines))
    with pytest.raises(Invalid, match="too deeply"):
        read_yaml("a: " + "[" * 100_000)
    with pytest.raises(Invalid, match="too deeply"):
        read_yaml("- " * 5000 + "x")


def test_documents_are_read_one_by_one_and_the_last_of_two_keys_counts() -> None:
    assert read_documents("---\n# a\n---\na: 1\na: 2\n--- \nb: 1\n...\n") == [{"a": 2}, {"b": 1}]


def test_an_alias_means_the_anchor_that_began_last() -> None:
    assert read_yaml("a: &x {b: &x 1, c: *x}\nd: *x\n") == {"a": {"b": 1, "c": 1}, "d": 1}
    assert read_yaml("a: &x 1\nb: &x [2]\nc: *x\n")["c"] == [2]


def test_lines_are_found_by_path() -> None:
    node = parse_node("# c\na:\n  b: 1\nc: 2\n")
    assert find_line(node, ("a", "b")) == 3
    assert find_line(node, ("a", "z", "y")) == 2
    assert find_line(node, ("z",)) is None


def _as_go(value: Any) -> Any:
    """Helm's values went through JSON: all numbers are floats."""
    match value:
        case dict():
            return {key: _as_go(one) for key, one in value.items()}
        case list():
            return [_as_go(one) for one in value]
        case bool() | str() | None:
            return value
        case _:
            return float(value) + 0.0  # no -0.0


ODD = """
    y n Y on OFF yes ~ null Null .inf .NaN << = 2001-01-01 2001-12-14t21:59:43.10-05:00 0o17 0O7 0b1 +0b1 1__0 08 09.5 !!str
    'it''s' "x41" true False nUll 1e3 1E+3 -.5e-3 18446744073709551615 18446744073709551616 -9223372036854775809 @x
"""
SCALARS = st.from_regex(r"[-+]?[0-9._xXobBeE:]{1,8}", fullmatch=True) | st.sampled_from(ODD.split())


@settings(max_examples=500)
@given(SCALARS)
@example("0_8")
@example("._1")
def test_helm_reads_the_same(scalar: str) -> None:
    text = f"a: {scalar}\nb: {{{scalar}: 1}}\n" if ":" not in scalar else f"a: {scalar}\n"
    try:
        expected = values_from_yaml(text)
    except HelmValuesError:
        return
    assert json.dumps(_as_go(read_yaml(text)), sort_keys=True) == json.dumps(_as_go(expected), sort_keys=True)
