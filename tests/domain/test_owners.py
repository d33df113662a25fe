"""Who may approve what: folders, aliases, filters, and what an approval leaves to be approved."""

from __future__ import annotations

import pytest

from jx.domain.changes import owners as subject
from jx.domain.changes.owners import Need, Owners, read_owners
from jx.domain.errors import Invalid
from jx.domain.trees import Blob, Tree


def owners(**files: str) -> Owners:
    return read_owners(tree(files))


def tree(files: dict[str, str]) -> Tree:
    return Tree({path.replace("__", "/"): Blob(text.encode()) for path, text in files.items()})


def list_needs(
    found: Owners, files: list[str], *, approved: list[str], writers: list[str]
) -> tuple[Need, ...]:
    return subject.list_needs({path: found.approvers(path) for path in files}, approved, writers)


def test_a_file_is_spoken_for_by_every_list_above_it() -> None:
    found = owners(OWNERS="approvers: [ann]\n", env__OWNERS="approvers: [bob]\nreviewers: [cat]\n")
    assert found.approvers("env/shop/values.yaml") == {"ann", "bob"}
    assert found.reviewers("env/shop/values.yaml") == {"ann", "bob", "cat"}
    assert found.approvers("README.md") == {"ann"}


def test_a_folder_with_a_name_that_begins_alike_is_another_one() -> None:
    assert owners(env__OWNERS="approvers: [bob]\n").approvers("environment/a.yaml") == frozenset()


def test_a_list_may_keep_those_above_out() -> None:
    text = "approvers: [bob]\noptions: {no_parent_owners: true}\n"
    assert owners(OWNERS="approvers: [ann]\n", env__OWNERS=text).approvers("env/a.yaml") == {"bob"}


def test_aliases_stand_for_people_whatever_the_case() -> None:
    found = owners(OWNERS="approvers: [Admins, Eve]\n", OWNERS_ALIASES="aliases:\n  admins: [Ann, bob]\n")
    assert found.approvers("a") == {"ann", "bob", "eve"}
    assert found.is_named("ANN")
    assert not found.is_named("admins")


def test_filters_name_people_for_some_files_of_a_folder() -> None:
    text = 'filters:\n  ".*":\n    approvers: [ann]\n  "\\\\.sh$":\n    approvers: [bob]\n'
    found = owners(env__OWNERS=text)
    assert found.approvers("env/a.sh") == {"ann", "bob"}
    assert found.approvers("env/a.yaml") == {"ann"}


def test_the_list_itself_is_spoken_for_like_any_file_of_its_folder() -> None:
    assert owners(env__OWNERS="approvers: [bob]\n").approvers("env/OWNERS") == {"bob"}


def test_each_group_of_files_waits_for_its_own_people() -> None:
    found = owners(
        OWNERS="approvers: [ann]\n", env__OWNERS="approvers: [bob]\noptions: {no_parent_owners: true}\n"
    )
    files = ["env/b.yaml", "env/a.yaml", "README.md"]
    both = (Need(("README.md",), frozenset({"ann"})), Need(("env/a.yaml", "env/b.yaml"), frozenset({"bob"})))
    assert list_needs(found, files, approved=[], writers=[]) == both
    assert list_needs(found, files, approved=["ann"], writers=["ann"]) == both[1:]
    assert list_needs(found, files, approved=["Ann", "BOB"], writers=[]) == ()


def test_what_nobody_speaks_for_is_approved_by_whoever_may_write() -> None:
    found = Owners()
    assert list_needs(found, ["a"], approved=["eve"], writers=[]) == (Need(("a",), frozenset()),)
    assert list_needs(found, ["a"], approved=["eve"], writers=["eve"]) == ()


def test_the_people_of_a_chart_that_is_kept_here_are_nobody_here() -> None:
    found = owners(OWNERS="approvers: [ann]\n", env__charts__shop__OWNERS="approvers: [eve]\n")
    assert found.approvers("env/charts/shop/values.yaml") == {"ann"}


def test_a_change_of_nothing_needs_nobody() -> None:
    assert list_needs(owners(OWNERS="approvers: [ann]\n"), [], approved=[], writers=[]) == ()


def test_every_mistake_is_told_and_no_half_of_a_list_counts() -> None:
    with pytest.raises(Invalid) as caught:
        owners(OWNERS="approvers: ann\n", env__OWNERS='filters:\n  "(":\n    approvers: [ann]\n')
    assert [problem.where for problem in caught.value.problems] == ["OWNERS", "env/OWNERS"]
