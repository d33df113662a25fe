"""Triggering: which pushes and pull requests start a project's pipelines, by its file and by what a commit says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from jx.domain.layouts.sections import Mistakes
from jx.domain.pipelines.syntax import ProjectFile, Triggers

_SKIPS = re.compile(r"\[(skip ci|ci skip|no ci)\]", re.IGNORECASE)
_PART = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_VERSION = re.compile(r"v(?=\d)")
_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def check_triggers(file: ProjectFile, main_file: str, mistakes: Mistakes) -> None:
    """Note patterns that could match nothing, and triggers of a file whose pipelines nothing starts."""
    triggers = file.triggers
    if triggers is None:
        return
    place = triggers.place
    if place.where.rpartition("/")[2] not in ("", main_file):
        what = f"nothing starts the pipelines of {place.where} by itself: triggers belong to {main_file}"
        mistakes.problems.append(place.problem(what))
    lists = {
        "branches": triggers.branches,
        "tags": triggers.tags,
        "paths": triggers.paths,
        "pathsIgnore": triggers.paths_ignore,
    }
    for key, patterns in lists.items():
        for pattern in patterns:
            if why := _why_never(pattern):
                mistakes.problems.append(place.problem(f"{pattern!r} matches nothing: {why}", key))


def _why_never(pattern: str) -> str:
    if not pattern:
        return "it is empty"
    if pattern.startswith("!"):
        return "there is no `!`; what does not matter is named by pathsIgnore"
    if pattern.startswith(("/", "./")):
        return "names begin at the repository, without `/` or `./`"
    if pattern.startswith("refs/"):
        return "a branch or tag is named without `refs/…/`"
    if pattern.endswith("/"):
        return f"it is a folder; its files are {pattern}**"
    return ""


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether any of the patterns means a name: `*` stands for anything but `/`, `**` for anything, `?` for one character."""
    return any(_compiled(pattern).fullmatch(name) for pattern in patterns)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = _PART.findall(pattern)
    return re.compile("".join(_WILD.get(part, re.escape(part)) for part in parts), re.DOTALL)


def skip_by_message(message: str) -> str:
    """Why a commit with this message is not to be built; empty where it does not ask for that."""
    found = _SKIPS.search(message)
    return f"its message says {found[0]}" if found else ""


def skip_by_paths(triggers: Triggers, changed: Collection[str]) -> str:
    """Why a change of these files is not to be built; empty where it is. A change of nothing is."""
    if not changed:
        return ""
    wanted = [path for path in changed if not triggers.paths or matches(triggers.paths, path)]
    if not wanted:
        return "none of the files that matter (triggers.paths) has changed"
    if all(matches(triggers.paths_ignore, path) for path in wanted):
        return "only files have changed that do not matter (triggers.pathsIgnore)"
    return ""


def version_of(tag: str) -> str:
    """The version that a tag names: without the `v` in front of a number."""
    return _VERSION.sub("", tag, count=1) if _VERSION.match(tag) else tag
