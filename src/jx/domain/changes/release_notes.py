"""Release notes: what charts say of their own versions, in words that can do nothing.

A chart's words come into pull requests and commits, where a forge reads some of them as orders: `@name` calls people, `#1` and
`fixes #1` are about issues of the repository. So each note is one line of a list, and such signs are cut from what follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jx.domain.changes.wording import Wording
from jx.domain.charts.charts import ChartVersion
from jx.domain.charts.versions import Version
from jx.domain.environments.edits import Edit, key_of, parts_of
from jx.domain.errors import Invalid
from jx.domain.names import AppKey
from jx.domain.texts.yaml_text import read_yaml

_MOST_VERSIONS, _MOST_NOTES, _LONGEST_NOTE = 20, 30, 300
_SIGNS = re.compile(r"([@#!])(?=\w)")
_URL = re.compile(r"https?://[^\s<>()\[\]\"']{1,200}")


def write_notes(name: str, old: str, new: ChartVersion, versions: Iterable[ChartVersion]) -> str:
    """What is said of the versions after `old`, up to and with `new`, newest first; empty where nobody says anything."""
    lines: list[str] = []
    between = [one for one in versions if _is_between(one.version, old, new.version) and one.changes]
    for version in between[:_MOST_VERSIONS]:
        notes = _read_changes(version.changes)
        lines += [f"{name} {_quiet(version.version)}:", *(f"- {note}" for note in notes)] if notes else []
    if len(between) > _MOST_VERSIONS:
        lines.append(f"- … and {len(between) - _MOST_VERSIONS} older versions")
    places = dict.fromkeys(url for url in (new.home, *new.sources) if _URL.fullmatch(url))
    return "\n".join([*lines, *([f"See {' · '.join(places)}"] if places else [])])


def add_notes(words: Wording, edit: Edit, notes: Mapping[AppKey, str]) -> Wording:
    """The words for an edit with the notes of the apps that it upgrades, each in its own commit too."""
    parts = tuple(
        _add(said, notes.get(key) if (key := key_of(part)) else None)
        for said, part in zip(words.parts, parts_of(edit), strict=bool(words.parts))
    )
    keys = dict.fromkeys(key_of(part) for part in parts_of(edit))
    told = [notes[key] for key in keys if key is not None and notes.get(key)]
    return replace(_add(words, "\n\n".join(told)), parts=parts)


def _add(words: Wording, notes: str | None) -> Wording:
    return replace(words, body=f"{words.body}\n\n{notes}") if notes else words


def _is_between(version: str, old: str, new: str) -> bool:
    try:
        return Version(old) < Version(version) <= Version(new)
    except Invalid:
        return version == new


def _read_changes(text: str) -> list[str]:
    try:
        listed = read_yaml(text, allow_duplicates=True)
    except Invalid:
        listed = None
    entries: list[Any] = listed if isinstance(listed, list) else text.splitlines()
    notes = [note for one in entries if (note := _read_change(one))]
    more = len(notes) - _MOST_NOTES
    return notes[:_MOST_NOTES] + ([f"… and {more} more"] if more > 0 else [])


def _read_change(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return _quiet(str(entry if entry is not None else "")).lstrip("- ")
    kind, text = _quiet(str(entry.get("kind") or "")), _quiet(str(entry.get("description") or ""))
    links = [one.get("url") for one in entry.get("links") or () if isinstance(one, Mapping)]
    urls = [url for url in links if isinstance(url, str) and _URL.fullmatch(url)]
    said = f"{kind.capitalize()}: {text}" if kind and text else text
    return f"{said} ({', '.join(urls)})" if said and urls else said


def _quiet(text: str) -> str:
    """One line without control characters, in which nothing calls anybody or anything."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    line = line if len(line) <= _LONGEST_NOTE else f"{line[:_LONGEST_NOTE]}…"
    return _SIGNS.sub("\\1\u200b", line)
