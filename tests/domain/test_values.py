"""Merging values and the `--set` language, held against Helm's own parser."""

from __future__ import annotations

from typing import Any

import pytest
from helm_python import HelmValuesError, parse_set_string
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jx.domain.errors import Invalid
from jx.domain.texts.values import Values, find, iter_leaves, merge, parse_path, parse_set, put, write_path

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
PATHS = st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=3).flatmap(
    lambda keys: st.tuples(*[st.just(key) for key in keys]) | st.just((*keys, 0)) | st.just((*keys, 2, "x.y"))
)


def set_all(text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for setting in parse_set(text):
        values = put(values, setting.path, setting.value)
    return values


def test_later_files_win_and_mappings_are_merged() -> None:
    assert merge({"a": {"b": 1, "c": [1]}, "d": 1}, {"a": {"c": [2], "e": None}, "d": {"x": 1}}) == {
        "a": {"b": 1, "c": [2], "e": None},
        "d": {"x": 1},
    }


@given(MAPPINGS, MAPPINGS, MAPPINGS)
def test_merging_is_repeatable_and_the_last_file_is_all_there(
    one: Values, two: Values, three: Values
) -> None:
    assert merge(merge(one, two), two) == merge(one, two)
    assert merge(one, {}) == one
    merged = merge(merge(one, two), three)
    assert all(find(merged, path) == (True, leaf) for path, leaf in iter_leaves(three) if leaf != {})


@given(PATHS)
def test_a_path_that_is_written_reads_as_the_same(path: tuple[str | int, ...]) -> None:
    assert parse_path(write_path(path)) == path
    assert find(put({}, path, "v"), path) == (True, "v")


@pytest.mark.parametrize(
    "text",
    [
        "a=1,b.c=true,d=null,e=0",
        "a=1.5,b=007,c=-3,d=+4,e=TRUE,f=x y",
        "a[0]=x,a[2].b=y",
        "a={1,two,true},b={}",
        r"a\.b=c\,d,e=f\=g",
        "a=,b=x=y",
        "a=b.c,d=e:f/g",
        "a=9223372036854775808",
        'nodeSelector."kubernetes\\.io/role"=master',
        "a={x\\,y,z}",
    ],
)
def test_set_is_read_as_helm_reads_it(text: str) -> None:
    assert set_all(text) == parse_set_string(text)


@settings(max_examples=300)
@given(
    st.from_regex(
        r"[ab](\.[cd])?=[-+0-9a-z.]{0,4}(,[ef](\[[01]\])?=(\{[x1](,[y2])?\}|[tnu0-9]{0,3}))?", fullmatch=True
    )
)
@example("a=-0")
@example("a=+0")
@example("a=00")
def test_helm_agrees_on_what_is_set(text: str) -> None:
    try:
        expected = parse_set_string(text)
    except HelmValuesError:
        return
    assert set_all(text) == expected


@pytest.mark.parametrize("text", ["a", "=1", "a..b=1", "a[x]=1", "a[-1]=1", "a[99999999]=1", "[0]=1", ".a=1"])
def test_what_sets_nothing_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_set(text)
