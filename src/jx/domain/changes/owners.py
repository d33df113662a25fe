"""Owners: who may approve a change of which file, by `OWNERS` and `OWNERS_ALIASES` as Kubernetes writes them.

A file is spoken for by the nearest `OWNERS` above it and by all further up, until one says `no_parent_owners`. Always read from
the base branch: a pull request that makes its author an owner is judged by those it would add to. People are users of the forge;
case plays no part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jx.domain.layouts.sections import Mistakes, Section, open_section
from jx.domain.trees import Tree

FILE = "OWNERS"
ALIASES = "OWNERS_ALIASES"
_EVERY = re.compile("")
_VENDORED = "env/charts/"
"""Charts of others bring lists of their own people along, who are nobody here."""


@dataclass(frozen=True, slots=True)
class Filter:
    """People for the files of a folder whose path below it matches."""

    pattern: re.Pattern[str]
    approvers: frozenset[str] = frozenset()
    reviewers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Folder:
    """One `OWNERS` file. `stops`: those further up do not speak for what is below here."""

    filters: tuple[Filter, ...] = ()
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Owners:
    """All `OWNERS` files of a commit, by folder; the repository itself is the empty one."""

    folders: Mapping[str, Folder] = field(default_factory=dict, hash=False)

    def approvers(self, path: str) -> frozenset[str]:
        """Logins in lower case that may approve a change of a file; empty where no file speaks for it."""
        return frozenset(login for one in self._speaking(path) for login in one.approvers)

    def reviewers(self, path: str) -> frozenset[str]:
        """Logins that may say of a file that it looks good: approvers among them."""
        return frozenset(login for one in self._speaking(path) for login in one.approvers | one.reviewers)

    def is_named(self, login: str) -> bool:
        """Whether any file of the repository names somebody."""
        every = (one for folder in self.folders.values() for one in folder.filters)
        return any(login.lower() in one.approvers | one.reviewers for one in every)

    def _speaking(self, path: str) -> Iterable[Filter]:
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            found = self.folders.get(folder)
            if found is None:
                continue
            below = path[len(folder) :].lstrip("/")
            yield from (one for one in found.filters if one.pattern.search(below))
            if found.stops:
                return


@dataclass(frozen=True, slots=True)
class Need:
    """Files that wait for one of the same people. Nobody named: anybody who may write to the repository."""

    files: tuple[str, ...]
    approvers: frozenset[str]

    def __str__(self) -> str:
        return f"{', '.join(self.files)} by {' or '.join(sorted(self.approvers)) or 'anybody else who may write here'}"


def list_needs(
    able: Mapping[str, frozenset[str]], approved: Iterable[str], writers: Iterable[str]
) -> tuple[Need, ...]:
    """What files, each with its approvers, still need after `approved` have approved, of whom `writers` may write there."""
    given, wrote = {one.lower() for one in approved}, {one.lower() for one in writers}
    waiting: dict[frozenset[str], list[str]] = {}
    for path, people in sorted(able.items()):
        if people.isdisjoint(given) if people else not given & wrote:
            waiting.setdefault(people, []).append(path)
    return tuple(Need(tuple(paths), people) for people, paths in waiting.items())


def read_owners(tree: Tree) -> Owners:
    """The owners of a commit; Invalid with every mistake of every file, since half a list would let the wrong people in."""
    mistakes = Mistakes()
    aliases = _read_aliases(tree, mistakes)
    folders = {}
    for path in tree:
        folder, _, name = path.rpartition("/")
        if name == FILE and not path.startswith(_VENDORED):
            folders[folder] = _read_folder(open_section(tree, path, mistakes), aliases)
    mistakes.check("the lists of owners have mistakes", hint="nobody can approve until they are mended")
    return Owners(folders)


def _read_aliases(tree: Tree, mistakes: Mistakes) -> dict[str, frozenset[str]]:
    section = open_section(tree, ALIASES, mistakes).section("aliases")
    names = [key.text for key, _ in section.node.entries] if section.node else []
    return {name.lower(): frozenset(login.lower() for login in section.texts(name)) for name in names}


def _read_folder(top: Section, aliases: Mapping[str, frozenset[str]]) -> Folder:
    filters = [_read_people(top, _EVERY, aliases)]
    section = top.section("filters")
    for key, _ in section.node.entries if section.node else ():
        try:
            pattern = re.compile(key.text)
        except re.error as error:
            section.mistake(f"{key.text} is no regular expression: {error}", key.text)
            continue
        filters.append(_read_people(section.section(key.text), pattern, aliases))
    return Folder(tuple(filters), top.section("options").boolean("no_parent_owners"))


def _read_people(section: Section, pattern: re.Pattern[str], aliases: Mapping[str, frozenset[str]]) -> Filter:
    def people(key: str) -> frozenset[str]:
        found: set[str] = set()
        for name in section.texts(key):
            found |= aliases.get(name.lower(), frozenset({name.lower()}))
        return frozenset(found)

    return Filter(pattern, people("approvers"), people("reviewers"))
