from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.environments.edits import PatchFiles, edit_to_json, parse_edit
from jx.domain.errors import Invalid
from jx.domain.layouts import umbrella
from jx.domain.texts import merging, patches
from jx.domain.trees import Blob, Tree

LINES = st.lists(st.sampled_from("abcdef"), max_size=12).map(
    lambda lines: "".join(f"{line}\n" for line in lines)
)


def tree(text: str) -> Tree:
    return Tree({"env/Chart.yaml": Blob(b"name: env\n"), "env/values.yaml": Blob(text.encode())})


@given(LINES, LINES)
def test_who_alone_changed_something_wins(base: str, other: str) -> None:
    for merge in (merging.merge_lines, merging.merge_texts):
        assert merge(base, base, other).text == other
        assert merge(base, other, base).text == other
        assert merge(base, other, other).text == other


@given(LINES, LINES, LINES)
def test_a_merge_is_the_same_from_both_sides_where_nothing_conflicts(base: str, one: str, other: str) -> None:
    first, second = merging.merge_lines(base, one, other), merging.merge_lines(base, other, one)
    assert bool(first.conflicts) == bool(second.conflicts)
    if not first.conflicts:
        assert first.text == second.text


def test_changes_of_different_lines_come_together() -> None:
    found = merging.merge_lines("a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nb\nc\nD\n")
    assert (found.text, found.conflicts) == ("a\nB\nc\nD\n", ())


def test_changes_of_the_same_line_conflict_and_ours_stays() -> None:
    found = merging.merge_lines("a\nb\n", "a\nB\n", "a\nbb\n")
    assert (found.text, found.conflicts) == ("a\nB\n", ("line 2",))


def test_values_beside_each_other_are_no_conflict_in_yaml() -> None:
    base, ours, theirs = "a: 1\nb: 1\n", "a: 2\nb: 1 # ours\n", "a: 1\nb: 2\n"
    assert merging.merge_lines(base, ours, theirs).conflicts
    found = merging.merge_texts(base, ours, theirs, "values.yaml")
    assert (found.conflicts, found.text) == ((), "a: 2\nb: 2 # ours\n")


def test_a_value_that_both_changed_is_named_with_its_line() -> None:
    found = merging.merge_texts(
        "shop:\n  replicas: 1\n", "shop:\n  replicas: 5\n", "shop:\n  replicas: 2\n", "values.yaml"
    )
    assert found.conflicts == ("line 2: shop.replicas is 5 by now",)


def test_items_are_merged_by_their_names() -> None:
    base = "dependencies:\n- name: a\n  version: '1'\n- name: b\n  version: '1'\n"
    ours = base.replace("- name: a\n  version: '1'", "- name: a\n  version: '2'")
    theirs = "dependencies:\n- name: a\n  version: '1'\n"
    found = merging.merge_values(base, ours, theirs, "Chart.yaml")
    assert (found.conflicts, found.text) == ((), "dependencies:\n- name: a\n  version: '2'\n")
    back = merging.merge_values(theirs, found.text, base, "Chart.yaml")
    assert (back.conflicts, back.text) == ((), ours)


# Patches


@given(LINES, LINES)
def test_a_patch_leads_from_one_text_to_the_other_and_again_changes_nothing(one: str, other: str) -> None:
    before, after = tree(one), tree(other)
    edit = PatchFiles(patches.make_patches(before, after))
    assert parse_edit(edit_to_json(edit)) == edit
    once = umbrella.apply_edit(before, edit)
    assert once == after
    assert umbrella.apply_edit(once, edit) == once


def test_a_patch_is_replayed_under_changes_elsewhere() -> None:
    base = "".join(f"k{n}: 1\n" for n in range(20))
    edit = PatchFiles(patches.make_patches(tree(base), tree(base.replace("k10: 1", "k10: 2"))))
    moved = "# a line more\n" + base.replace("k1: 1", "k1: 5")
    assert umbrella.apply_edit(tree(moved), edit).text("env/values.yaml") == moved.replace("k10: 1", "k10: 2")
    once = umbrella.apply_edit(tree(moved), edit)
    assert umbrella.apply_edit(once, edit) == once


def test_a_patch_whose_lines_are_not_there_is_refused() -> None:
    edit = PatchFiles(patches.make_patches(tree("a: 1\n"), tree("a: 2\n")))
    with pytest.raises(Invalid, match="does not fit any more"):
        umbrella.apply_edit(tree("a: 3\n"), edit)


def test_files_come_and_go_as_a_whole() -> None:
    before, after = (
        tree("a: 1\n"),
        tree("a: 1\n").put("env/x/values.yaml", "b: 1\n").remove("env/values.yaml"),
    )
    edit = PatchFiles(patches.make_patches(before, after))
    assert umbrella.apply_edit(before, edit) == after
    assert umbrella.apply_edit(after, edit) == after
