"""Patches: what a change did to files, as data that can be replayed on files that have changed elsewhere since."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from jx.domain.errors import Invalid, Problem
from jx.domain.trees import Tree

_CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Hunk:
    """Some lines before and after, each with the lines around them; line ends belong to lines."""

    before: str
    after: str
    is_first: bool = False
    """Whether it begins with the file."""
    is_last: bool = False
    """Whether it ends with the file."""


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What is done to one file: hunks; or the whole text, where it comes or goes (`text` None: it goes)."""

    path: str
    hunks: tuple[Hunk, ...] = ()
    is_whole: bool = False
    text: str | None = None


def make_patches(before: Tree, after: Tree) -> tuple[FilePatch, ...]:
    """How one tree becomes another. Invalid for files that are no text."""
    paths = sorted({*before.files, *after.files})
    return tuple(
        _patch(path, before, after) for path in paths if before.files.get(path) != after.files.get(path)
    )


def apply_patch(tree: Tree, patch: FilePatch) -> Tree:
    """The tree with a patch applied; again changes nothing. Invalid where its lines are not there (any more)."""
    if patch.is_whole:
        return tree.remove(patch.path) if patch.text is None else tree.put(patch.path, patch.text)
    text = tree.text(patch.path)
    for hunk in patch.hunks:
        text = _replace(text, hunk, patch.path)
    return tree.put(patch.path, text)


def _patch(path: str, before: Tree, after: Tree) -> FilePatch:
    old, new = before.find_text(path), after.find_text(path)
    if old is None or new is None:
        return FilePatch(path, is_whole=True, text=new)
    return FilePatch(path, tuple(_hunks(old, new)))


def _hunks(old: str, new: str) -> list[Hunk]:
    """As few lines as tell where it is, before and after; else the whole file as one."""
    one, two = old.splitlines(keepends=True), new.splitlines(keepends=True)
    found = []
    for group in difflib.SequenceMatcher(None, one, two, autojunk=False).get_grouped_opcodes(_CONTEXT):
        (_, i1, _, j1, _), (_, _, i2, _, j2) = group[0], group[-1]
        texts = "".join(one[i1:i2]), "".join(two[j1:j2])
        found.append(Hunk(*texts, is_first=i1 == j1 == 0, is_last=(i2, j2) == (len(one), len(two))))
    is_clear = all(
        _places(old, hunk, hunk.before) == 1
        and _places(new, hunk, hunk.after) == 1
        and not _places(new, hunk, hunk.before)
        for hunk in found
    )
    return found if is_clear else [Hunk(old, new, is_first=True, is_last=True)]


def _places(text: str, hunk: Hunk, block: str) -> int:
    """In how many places a block stands, where the hunk says that it may."""
    if hunk.is_first and hunk.is_last:
        return int(text == block)
    if hunk.is_first:
        return int(text.startswith(block))
    if hunk.is_last:
        return int(f"\n{text}".endswith(f"\n{block}"))
    return f"\n{text}".count(f"\n{block}") if block else 0


def _replace(text: str, hunk: Hunk, path: str) -> str:
    free = Hunk(hunk.before, hunk.after)  # lines may have come before the first, or after the last
    for where in (hunk, free):
        is_before, is_after = (_places(text, where, block) == 1 for block in (hunk.before, hunk.after))
        if is_before and is_after and where is free:
            break
        if is_before:
            if where.is_last:
                return text[: len(text) - len(hunk.before)] + hunk.after
            return f"\n{text}".replace(f"\n{hunk.before}", f"\n{hunk.after}", 1)[1:]
        if is_after:
            return text
    first = (hunk.before.splitlines() or [""])[0]
    raise Invalid("a patch does not fit any more", Problem(path, f"the lines from {first!r} on have changed"))
