"""Splicing: what changes, and that nothing else does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jx.domain.errors import Invalid
from jx.domain.texts.yaml_edit import append_item, remove, set_value
from jx.domain.texts.yaml_text import read_yaml, write_yaml

CHART = """\
# The umbrella chart.
apiVersion: v2
name: env
dependencies:
  # our cache
  - name: redis   # keep me
    version: "1.2.3"
    repository: https://charts.example.com

  - name: shop
    alias: 'web'
    version: 2.0.0 # pinned
# the end
"""


def test_a_version_is_changed_in_its_place_in_its_quotes() -> None:
    assert set_value(CHART, ("dependencies", 0, "version"), "1.3.0") == CHART.replace("1.2.3", "1.3.0")
    assert set_value(CHART, ("dependencies", 1, "version"), "2.1.0") == CHART.replace("2.0.0", "2.1.0")
    assert set_value(CHART, ("dependencies", 1, "alias"), "it's") == CHART.replace("'web'", "'it''s'")


def test_an_item_is_appended_before_the_comments_that_follow() -> None:
    after = append_item(CHART, ("dependencies",), {"name": "db", "version": "08"})
    assert after == CHART.replace("2.0.0 # pinned\n", "2.0.0 # pinned\n  - name: db\n    version: '08'\n")


def test_an_item_is_appended_to_a_list_that_is_not_indented() -> None:
    text = "dependencies:\n- name: a\n  version: 1.0.0\n"
    after = append_item(text, ("dependencies",), {"name": "b", "tags": ["x"]})
    assert after == text + "- name: b\n  tags:\n  - x\n"


def test_an_item_is_removed_with_its_lines_only() -> None:
    after = remove(CHART, ("dependencies", 1))
    assert after == CHART.replace("  - name: shop\n    alias: 'web'\n    version: 2.0.0 # pinned\n", "")


def test_the_last_item_leaves_an_empty_list_behind_and_a_new_one_replaces_it() -> None:
    text = "a: 1\ndependencies: # here\n  - name: x\nb: 2\n"
    emptied = remove(text, ("dependencies", 0))
    assert emptied == "a: 1\ndependencies: [] # here\nb: 2\n"
    again = append_item(emptied, ("dependencies",), {"name": "x"})
    assert again == "a: 1\ndependencies: # here\n  - name: x\nb: 2\n"


@pytest.mark.parametrize(
    "empty",
    ["", "# only a comment\n", "{}\n", "---\n", "a:\n", "a: {}\n", "a: {} # c\n", "null\n", "# c\n{} # d\n"],
)
def test_a_value_is_set_in_a_file_that_has_nothing(empty: str) -> None:
    after = set_value(empty, ("a", "b", "c"), 1)
    assert read_yaml(after) == {"a": {"b": {"c": 1}}}
    assert "#" not in empty or "#" in after


def test_line_ends_of_windows_and_a_missing_last_one_are_kept() -> None:
    text = "a: 1\r\nb:\r\n  c: 2 # two"
    assert set_value(text, ("b", "c"), 3) == "a: 1\r\nb:\r\n  c: 3 # two"
    assert set_value(text, ("b", "d"), [1]) == text + "\r\n  d:\r\n    - 1"
    assert remove(text, ("b", "c")) == "a: 1\r\nb: {}"
    assert remove("a: 1\nb: 2", ("b",)) == "a: 1"


def test_a_text_of_several_lines_becomes_a_block_and_leaves_again() -> None:
    text = "a: x # why\nb: 2\n"
    block = set_value(text, ("a",), "one\ntwo\n")
    assert block == "a: | # why\n  one\n  two\nb: 2\n"
    assert read_yaml(set_value(block, ("a",), "x")) == {"a": "x", "b": 2}
    more = set_value("a: |\n  one\n\nb: 2\n", ("c",), 3)
    assert more == "a: |\n  one\n\nb: 2\nc: 3\n"


def test_a_key_is_added_behind_a_block_text_without_changing_it() -> None:
    text = "top:\n  a: |\n    one\n\n  # about b\nb: 2\n"
    assert set_value(text, ("top", "z"), 1) == "top:\n  a: |\n    one\n  z: 1\n\n  # about b\nb: 2\n"
    kept = "top:\n  a: |+\n    one\n\nb: 2\n"
    assert set_value(kept, ("top", "z"), 1) == "top:\n  a: |+\n    one\n\n  z: 1\nb: 2\n"


def test_flow_collections_are_edited_in_their_line() -> None:
    text = "a: {b: 1, c: [1, 2]} # flow\n"
    assert set_value(text, ("a", "d"), "x y") == "a: {b: 1, c: [1, 2], d: x y} # flow\n"
    assert append_item(text, ("a", "c"), 3) == "a: {b: 1, c: [1, 2, 3]} # flow\n"
    assert remove(text, ("a", "b")) == "a: {c: [1, 2]} # flow\n"
    assert remove(text, ("a", "c")) == "a: {b: 1} # flow\n"
    assert remove(text, ("a", "c", 1)) == "a: {b: 1, c: [1]} # flow\n"
    assert set_value(text, ("a", "b"), {"x": [1]}) == "a: {b: {x: [1]}, c: [1, 2]} # flow\n"


def test_items_without_a_value_and_items_on_a_line_of_their_own_are_edited() -> None:
    text = "- \n- a\n-\n  b: 1\n"
    assert set_value(text, (0,), "x") == "- x \n- a\n-\n  b: 1\n"
    assert remove(text, (0,)) == "- a\n-\n  b: 1\n"
    assert remove(text, (2,)) == "- \n- a\n"
    assert set_value(text, (2, "c"), 2) == text + "  c: 2\n"
    assert read_yaml(set_value(text, (1,), {"k": [1]})) == [None, {"k": [1]}, {"b": 1}]


def test_blocks_are_written_with_the_line_ends_of_the_file() -> None:
    text = "a: x # c\r\nb: 1\r\n"
    block = set_value(text, ("a",), "one\ntwo\n")
    assert block == "a: | # c\r\n  one\r\n  two\r\nb: 1\r\n"
    assert read_yaml(block) == {"a": "one\ntwo\n", "b": 1}
    assert set_value(text, ("a",), {"k": 1}) == "a: # c\r\n  k: 1\r\nb: 1\r\n"


def test_a_first_key_behind_a_dash_gives_way_to_the_next() -> None:
    assert remove("- name: x\n  version: 1\n", (0, "name")) == "- version: 1\n"


def test_a_mapping_is_compared_key_by_key() -> None:
    text = "a:\n  # about b\n  b: 1\n  c: 2 # two\n"
    assert set_value(text, ("a",), {"b": 1, "d": 4}) == "a:\n  # about b\n  b: 1\n  d: 4\n"


def test_what_is_so_already_is_not_touched() -> None:
    text = "a:   0x10\nb: yes\n"
    assert set_value(text, ("a",), 16) == text
    assert set_value(text, ("b",), True) == text
    assert remove(text, ("c", "d")) == text


def test_a_place_that_is_an_alias_is_refused_with_its_line() -> None:
    text = "base: &base\n  a: 1\nuse: *base\nmore:\n  <<: *base\n"
    with pytest.raises(Invalid) as refused:
        set_value(text, ("use", "b"), 2, "values.yaml")
    assert refused.value.problems[0].line == 3
    with pytest.raises(Invalid):
        remove(text, ("more", "a"), "values.yaml")
    with pytest.raises(Invalid):
        set_value(text, ("base", "a"), 2, "values.yaml")  # it would change `use` too
    assert read_yaml(set_value(text, ("more", "a"), 2))["more"] == {"a": 2}


def test_a_mapping_is_not_made_where_a_text_is() -> None:
    with pytest.raises(Invalid) as refused:
        set_value("a:\n  b: text\n", ("a", "b", "c"), 1, "values.yaml")
    assert str(refused.value.problems[0]) == "values.yaml:2: this is not a mapping"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(
        [
            "1e3",
            "0o14",
            "08",
            "y",
            "22:22",
            "2001-01-01",
            "=",
            "<<",
            "- a",
            "a: b",
            "# c",
            "x\ny\n",
            "  x\ny",
            "x \ny",
            "'",
            '"',
        ]
    )
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6) | st.sampled_from(
    ["a", "b", "y", "1", "<<"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
FILES = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(VALUES)
def test_what_is_written_reads_the_same(value: Any) -> None:
    for indent in (True, False):
        assert _same(read_yaml(write_yaml(value, indent_lists=indent)), value)
    assert _same(read_yaml(write_yaml([value], flow=True)), [value])


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, dict[str, Any], tuple[str | int, ...]]:
    data = draw(FILES)
    text = write_yaml(data, indent_lists=draw(st.booleans()))
    path: tuple[str | int, ...] = ()
    here: Any = data
    while isinstance(here, (dict, list)) and here and (not path or draw(st.booleans())):
        part = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        path, here = (*path, part), here[part]
    if draw(st.booleans()):
        text = (
            text.replace("\n", " # note\n")
            if "|" not in text and '"' not in text and "'" not in text
            else text
        )
    return text, data, path


@settings(max_examples=300)
@given(edits(), VALUES)
def test_a_value_is_set_wherever_it_stands_and_setting_it_again_changes_nothing(
    case: tuple[str, dict[str, Any], tuple[str | int, ...]], value: Any
) -> None:
    text, _, path = case
    after = set_value(text, path, value)
    found = read_yaml(after)
    for part in path:
        found = found[part]
    assert _same(found, value)
    assert set_value(after, path, value) == after


@settings(max_examples=300)
@given(edits(), KEYS.filter(lambda key: key != "<<"), VALUES)
def test_what_is_added_and_removed_again_leaves_the_file_as_it_was(
    case: tuple[str, dict[str, Any], tuple[str | int, ...]], key: str, value: Any
) -> None:
    text, data, _ = case
    if key in data:
        return
    added = set_value(text, (key,), value)
    assert _same(read_yaml(added), {**data, key: value})
    assert remove(added, (key,)) == text


@settings(max_examples=300)
@given(edits())
def test_removing_keeps_all_other_values_and_lines(
    case: tuple[str, dict[str, Any], tuple[str | int, ...]],
) -> None:
    text, data, path = case
    after = remove(text, path)
    kept = json.loads(json.dumps(data))
    here = kept
    for part in path[:-1]:
        here = here[part]
    del here[path[-1]]
    assert _same(read_yaml(after) or {}, kept)
    before = text.splitlines()
    changed = [line for line in after.splitlines() if line not in before]
    assert len(changed) <= 1
