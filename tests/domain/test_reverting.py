from __future__ import annotations

from itertools import pairwise

from jx.domain.charts.apps import App
from jx.domain.charts.charts import ChartRef
from jx.domain.environments.edits import Edit, PatchFiles, PutApp, RemoveApp, SetValues, SetVersion
from jx.domain.history.history import FileChange
from jx.domain.history.reverting import Later, Reverted, revert
from jx.domain.layouts import umbrella
from jx.domain.names import AppKey
from jx.domain.trees import Blob, Tree

REDIS = AppKey("redis")
BASE = Tree(
    {
        "env/Chart.yaml": Blob(
            b"apiVersion: v2\nname: env\nversion: 0.1.0\ndependencies:\n"
            b"- name: shop\n  repository: https://c.example\n  version: 1.0.0\n"
        ),
        "env/values.yaml": Blob(b"shop:\n  # how many\n  replicas: 1\n  tag: a\n"),
        "jx-requirements.yml": Blob(b"cluster:\n  namespace: jx\n"),
    }
)


def put(name: str, version: str, files: dict[str, str] | None = None) -> Edit:
    return PutApp(App(AppKey(name), ChartRef(name, "https://c.example", version)), files or {})


def by_person(tree: Tree, old: str, new: str, path: str = "env/values.yaml") -> Tree:
    text = tree.text(path)
    assert old in text
    return tree.put(path, text.replace(old, new))


def later(*trees: Tree) -> list[Later]:
    """The changes between each two of these."""
    found = []
    for number, (one, other) in enumerate(pairwise(trees)):
        paths = sorted({*one.files, *other.files})
        rows = ((path, one.find_text(path), other.find_text(path)) for path in paths)
        found.append(Later(f"change {number}", tuple(FileChange(*row) for row in rows if row[1] != row[2])))
    return found


def reverted(edit: Edit, *then: Edit, base: Tree = BASE) -> tuple[Reverted, Tree]:
    """What comes of taking `edit` back after these others."""
    after = umbrella.apply_edit(base, edit)
    trees = [after]
    for one in then:
        trees.append(umbrella.apply_edit(trees[-1], one))
    return revert(base, after, trees[-1], edit, later(*trees)), trees[-1]


def test_an_upgrade_is_taken_back_by_an_edit_that_can_be_replayed() -> None:
    found, _ = reverted(SetVersion(AppKey("shop"), "2.0.0"), put("redis", "1.0.0", {"values.yaml": "a: 1\n"}))
    assert found.edit == SetVersion(AppKey("shop"), "1.0.0")
    assert found.tree == umbrella.apply_edit(BASE, put("redis", "1.0.0", {"values.yaml": "a: 1\n"}))


def test_an_app_that_was_added_goes_with_all_its_files_and_values() -> None:
    found, _ = reverted(
        put("redis", "1.0.0", {"values.yaml": "a: 1\n", "README.MD": "x"}),
        SetVersion(AppKey("shop"), "2.0.0"),
    )
    assert found.edit == RemoveApp(REDIS)
    assert found.tree == umbrella.apply_edit(BASE, SetVersion(AppKey("shop"), "2.0.0"))


def test_an_app_that_was_deleted_comes_back_as_it_was() -> None:
    base = umbrella.apply_edit(BASE, put("redis", "1.0.0", {"values.yaml": "# mine\na: 1\n"}))
    found, _ = reverted(RemoveApp(REDIS), SetVersion(AppKey("shop"), "2.0.0"), base=base)
    assert found.tree == umbrella.apply_edit(base, SetVersion(AppKey("shop"), "2.0.0"))


def test_a_value_goes_back_to_what_it_was_and_its_neighbours_stay() -> None:
    found, _ = reverted(SetValues(AppKey("shop"), {"tag": "b"}), SetValues(AppKey("shop"), {"replicas": 5}))
    assert found.edit == SetValues(AppKey("shop"), {"tag": "a"})
    assert found.tree == umbrella.apply_edit(BASE, SetValues(AppKey("shop"), {"replicas": 5}))


def test_a_value_that_was_set_for_the_first_time_goes_away() -> None:
    found, _ = reverted(
        SetValues(AppKey("shop"), {"tag": "b", "more": 1}), SetVersion(AppKey("shop"), "2.0.0")
    )
    assert not found.conflicts
    assert isinstance(found.edit, PatchFiles)
    assert found.tree == umbrella.apply_edit(BASE, SetVersion(AppKey("shop"), "2.0.0"))


def test_what_was_changed_again_is_a_conflict_that_names_place_and_change() -> None:
    found, _ = reverted(SetValues(AppKey("shop"), {"tag": "b"}), SetValues(AppKey("shop"), {"tag": "c"}))
    assert found.edit is None
    assert found.conflicts == ("env/values.yaml: line 4: shop.tag is 'a' by now (change 0)",)


def test_an_app_with_later_changes_of_its_own_is_not_taken_away_silently() -> None:
    found, _ = reverted(put("redis", "1.0.0", {"values.yaml": "a: 1\n"}), SetValues(REDIS, {"a": 2}))
    assert found.conflicts


def test_what_a_later_change_took_back_and_made_again_is_that_changes_by_now() -> None:
    shop = AppKey("shop")
    found, head = reverted(
        SetValues(shop, {"tag": "b"}), SetValues(shop, {"tag": "a"}), SetValues(shop, {"tag": "b"})
    )
    assert (found.tree, found.edit, found.conflicts) == (head, None, ())


def test_what_a_person_changed_goes_back_beside_a_later_change_of_the_next_line() -> None:
    after = by_person(BASE, "replicas: 1", "replicas: 3")
    head = by_person(after, "tag: a", "tag: z")
    found = revert(BASE, after, head, None, later(after, head))
    assert found.tree == by_person(BASE, "tag: a", "tag: z")


def test_a_machine_that_did_more_than_it_says_is_not_believed() -> None:
    edit = SetVersion(AppKey("shop"), "2.0.0")
    after = by_person(umbrella.apply_edit(BASE, edit), "tag: a", "tag: z")
    found = revert(BASE, after, after, edit)
    assert (found.tree, type(found.edit)) == (BASE, PatchFiles)
