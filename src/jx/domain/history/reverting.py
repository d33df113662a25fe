"""Reverting: the edit that takes a change back from an environment that has gone on since.

What jx itself changed is taken back by the reverse of its edit. What people changed is taken back line by line, and in YAML value
by value where later changes stand beside it. What was changed again since is a conflict, and is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jx.domain.charts.apps import App
from jx.domain.charts.versions import Version
from jx.domain.environments.edits import Edit, PatchFiles, PutApp, RemoveApp, SetValues, SetVersion, Several
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.errors import Invalid, JxError
from jx.domain.history.history import FileChange
from jx.domain.layouts import dependencies, umbrella
from jx.domain.layouts.sections import Mistakes
from jx.domain.names import AppKey
from jx.domain.texts import merging, patches, values
from jx.domain.texts.yaml_text import read_mapping
from jx.domain.trees import Tree


@dataclass(frozen=True, slots=True)
class Reverted:
    """The files without a change, the edit that leads there, and what stands in its way."""

    tree: Tree
    edit: Edit | None = None
    """None where there is nothing to take back any more."""
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """A change after the one that is taken back."""

    label: str
    """What people call it."""
    files: tuple[FileChange, ...]
    edit: Edit | None = None
    """What did it, where a machine says so and it is about the same apps."""


def revert(
    before: Tree, after: Tree, head: Tree, edit: Edit | None = None, later: Sequence[Later] = ()
) -> Reverted:
    """Take back from `head` what was done between two trees. `edit` is what did it, where a machine says so: it counts only if it
    really leads from the one to the other. `later` are all changes since, oldest first: where some are about the very same lines
    or apps, all of them are made once more on top of the files as they were before."""
    changed = {
        path for path in {*before.files, *after.files} if before.files.get(path) != after.files.get(path)
    }
    is_touched = any(
        change.edit or any(one.path in changed and _touches(one, before, after) for one in change.files)
        for change in later
    )
    found = _replay(before, after, head, later) if is_touched else _merge(before, after, head)
    if found.conflicts or edit is None or not _leads(edit, before, after):
        return found
    try:
        reverse = _reverse(edit, before, after, head)
        tree = umbrella.apply_edit(head, reverse) if reverse else head
    except JxError:
        return found
    return Reverted(tree, reverse) if reverse and tree != head and _is_same(tree, found.tree) else found


def _touches(one: FileChange, before: Tree, after: Tree) -> bool:
    """Whether a later change is about what was changed: the same lines, and in YAML the same values; in doubt it is."""
    was, became = _text(before, one.path), _text(after, one.path)
    if one.before is None or one.after is None or was is None or became is None:
        return True
    old, new = Counter(was.splitlines()), Counter(became.splitlines())
    then, now = Counter(one.before.splitlines()), Counter(one.after.splitlines())
    if all(then[line] == now[line] for line in {*(old - new), *(new - old)}):
        return False
    if not one.path.endswith((".yaml", ".yml")):
        return True
    try:
        return merging.overlap((was, became), (one.before, one.after), one.path)
    except Invalid:
        return True


def _replay(before: Tree, after: Tree, head: Tree, later: Sequence[Later]) -> Reverted:
    """The files as they were, and every later change made once more: by its edit where it has one, else by merging its files."""
    tree, real = before, after
    conflicts: list[str] = []
    for change in later:
        there = _with_files(real, change.files)
        if change.edit and _leads(change.edit, real, there):
            try:
                tree = umbrella.apply_edit(tree, change.edit)
            except JxError as error:
                conflicts.append(f"{change.label}: {error.message} then")
        else:
            for one in change.files:
                text, found = _once_more(one, _text(tree, one.path))
                tree = tree.remove(one.path) if text is None else tree.put(one.path, text)
                conflicts += [f"{one.path}: {words} ({change.label})" for words in found]
        real = there
    if conflicts:
        return Reverted(head, None, tuple(conflicts))
    paths = [path for path in {*tree.files, *head.files} if _text(tree, path) != _text(head, path)]
    result = head
    for path in paths:
        blob = tree.files.get(path)
        result = result.put(path, blob.data) if blob else result.remove(path)
    return Reverted(result, PatchFiles(patches.make_patches(head, result)) if paths else None)


def _with_files(tree: Tree, files: tuple[FileChange, ...]) -> Tree:
    for one in files:
        tree = tree.remove(one.path) if one.after is None else tree.put(one.path, one.after)
    return tree


def _once_more(one: FileChange, text: str | None) -> tuple[str | None, tuple[str, ...]]:
    if text in (one.before, one.after):
        return one.after, ()
    if text is None or one.before is None or one.after is None:
        return text, ("it was changed since",)
    try:
        merged = merging.merge_texts(one.before, text, one.after, one.path)
    except Invalid as error:
        return text, (error.message,)
    return merged.text, merged.conflicts


def _text(tree: Tree, path: str) -> str | None:
    blob = tree.files.get(path)
    return blob.data.decode(errors="replace") if blob else None


def _leads(edit: Edit, before: Tree, after: Tree) -> bool:
    try:
        return umbrella.apply_edit(before, edit) == after
    except JxError:
        return False


def _is_same(tree: Tree, other: Tree) -> bool:
    """Whether two trees mean the same, however they are written."""
    return all(_data(tree, path) == _data(other, path) for path in {*tree.files, *other.files})


def _data(tree: Tree, path: str) -> object:
    if path not in tree:
        return None
    if not path.endswith((".yaml", ".yml")):
        return tree.files[path].data
    try:
        return read_mapping(tree.text(path), path)
    except JxError:
        return tree.files[path].data


def _reverse(edit: Edit, before: Tree, after: Tree, head: Tree) -> Edit | None:
    """The edit that undoes another one; None where no such edit can say it."""
    match edit:
        case Several(edits):
            return _reverse_all(edits, before)
        case SetVersion(key, version):
            was, now = _find_app(before, key), _find_app(head, key)
            is_ours = was and now and now.chart.version == version
            return SetVersion(key, was.chart.version) if was and is_ours else None
        case SetValues(key, settings):
            return _reverse_values(key, settings, before)
        case PutApp(app, _):
            was = _find_app(before, app.key)
            return PutApp(was) if was else RemoveApp(app.key)
        case _:
            return None


def _reverse_all(edits: tuple[Edit, ...], before: Tree) -> Edit | None:
    reverses: list[Edit] = []
    for one in edits:
        after = umbrella.apply_edit(before, one)
        reverse = _reverse(one, before, after, after)
        if reverse is None:
            return None
        reverses.insert(0, reverse)
        before = after
    return Several(tuple(reverses))


def _reverse_values(key: AppKey, settings: Mapping[str, Any], before: Tree) -> Edit | None:
    old = {path: _find_value(before, key, values.parse_path(path)) for path in settings}
    if not all(is_there for is_there, _ in old.values()):
        return None
    return SetValues(key, {path: value for path, (_, value) in old.items()})


def _find_value(tree: Tree, key: AppKey, path: values.ValuePath) -> tuple[bool, Any]:
    """A value of an app, from whichever of its files has it."""
    place = umbrella.find_chart_dir(tree)
    files = (
        (f"{place}/{key}/values.yaml".lstrip("/"), path),
        (f"{place}/values.yaml".lstrip("/"), (key, *path)),
    )
    found = [values.find(read_mapping(tree.find_text(file) or "", file), at) for file, at in files]
    return next((one for one in found if one[0]), (False, None))


def _find_app(tree: Tree, key: str) -> App | None:
    apps = dependencies.read_dependencies(tree, umbrella.find_chart_dir(tree), Mistakes())
    return next((app for app in apps if app.key == key), None)


def _merge(before: Tree, after: Tree, head: Tree) -> Reverted:
    """File by file, with `after` as the base."""
    tree = head
    conflicts: list[str] = []
    for path in sorted({*before.files, *after.files}):
        old, new = after.files.get(path), before.files.get(path)
        if old == new:
            continue
        ours = head.files.get(path)
        if ours == new:
            continue
        if ours == old:
            tree = tree.put(path, new.data) if new else tree.remove(path)
            continue
        if old is None or new is None or ours is None:
            conflicts.append(_whole_file(path, is_there=ours is not None, comes=new is not None))
            continue
        try:
            merged = merging.merge_texts(after.text(path), head.text(path), before.text(path), path)
        except Invalid as error:
            conflicts.append(f"{path}: {error.message}")
            continue
        tree = tree.put(path, merged.text)
        conflicts += [f"{path}: {one}" for one in merged.conflicts]
    if conflicts:
        return Reverted(tree, None, tuple(conflicts))
    return Reverted(tree, PatchFiles(patches.make_patches(head, tree)) if tree != head else None)


def _whole_file(path: str, *, is_there: bool, comes: bool) -> str:
    if not comes:
        return f"{path}: it was changed since it was added"
    return (
        f"{path}: it was written anew since it was deleted" if is_there else f"{path}: it was deleted since"
    )


def downgrades(now: EnvironmentSpec, then: EnvironmentSpec) -> tuple[str, ...]:
    """Apps whose chart goes back to an older version, in words."""
    new = {app.key: app.chart.version for app in now.apps}
    rows = [(app.key, new.get(app.key, ""), app.chart.version) for app in then.apps]
    return tuple(f"{key} {was} → {back}" for key, was, back in rows if _is_older(back, was))


def _is_older(one: str, other: str) -> bool:
    try:
        return bool(one and other) and Version(one) < Version(other)
    except JxError:
        return False
