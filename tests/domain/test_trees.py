"""Trees are values."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.domain.errors import Invalid, NotFound
from jx.domain.trees import Blob, Tree, is_safe_path

PATHS = st.lists(st.from_regex(r"[a-c]{1,2}", fullmatch=True), min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.builds(Blob, st.binary(max_size=3), st.booleans()), max_size=4).map(Tree)


@given(TREES, TREES)
def test_digests_are_equal_exactly_when_trees_are(one: Tree, other: Tree) -> None:
    assert (one.digest == other.digest) == (one == other)
    assert pickle.loads(pickle.dumps(one)) == one


@given(TREES, PATHS)
def test_what_is_grafted_is_found_under_its_folder(tree: Tree, folder: str) -> None:
    assert Tree().graft(folder, tree).under(folder) == tree
    assert Tree().graft("", tree) == tree


@given(TREES, PATHS, st.binary(max_size=3))
def test_a_file_that_is_put_keeps_its_mode_and_can_be_removed(tree: Tree, path: str, data: bytes) -> None:
    put = tree.put(path, data)
    was_executable = path in tree and tree.files[path].executable
    assert put.files[path] == Blob(data, was_executable)
    assert put.remove(path) == tree.remove(path)
    assert path not in put.remove(path)


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "a//b", "./a", "a\0b", ".git/config", "a/"])
def test_a_path_that_leaves_the_repository_is_refused(path: str) -> None:
    assert not is_safe_path(path)
    with pytest.raises(Invalid):
        Tree({path: Blob(b"")})


def test_text_that_is_none_is_said_so() -> None:
    tree = Tree({"a": Blob(b"\xff"), "b": Blob("ü".encode())})
    assert tree.text("b") == "ü"
    assert tree.find_text("c") is None
    with pytest.raises(Invalid) as caught:
        tree.text("a")
    assert caught.value.problems[0].where == "a"
    with pytest.raises(NotFound):
        tree.text("c")
