"""Values that somebody gives along: `--values` files, and `--set` over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jx.domain.texts import values
from jx.domain.texts.values import Setting
from jx.domain.texts.yaml_text import read_mapping


@dataclass(frozen=True, slots=True)
class ValuesFile:
    """A `--values` file: its name for messages, its text."""

    name: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class GivenValues:
    """Later files win over earlier ones, and `--set` texts over all files."""

    files: tuple[ValuesFile, ...] = ()
    settings: tuple[str, ...] = field(default=(), repr=False)

    def merge(self) -> dict[str, Any]:
        """All together, as of an app that has none yet; Invalid for what cannot be read."""
        merged = self._merge_files()
        for one in self._read_settings():
            merged = values.put(merged, one.path, one.value)
        return merged

    def over(self, existing: Mapping[str, Any]) -> tuple[Setting, ...]:
        """What is to be set where there are values already, for these to be merged over them as Helm does with `-f`: an empty
        mapping changes no mapping. Invalid for what cannot be read."""
        leaves = values.iter_leaves(self._merge_files())
        files = [Setting(path, value) for path, value in leaves if not _is_nothing_new(existing, path, value)]
        return (*files, *self._read_settings())

    def _merge_files(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for file in self.files:
            merged = values.merge(merged, read_mapping(file.text, file.name))
        return merged

    def _read_settings(self) -> Iterable[Setting]:
        return [setting for text in self.settings for setting in values.parse_set(text)]


def _is_nothing_new(existing: Mapping[str, Any], path: values.ValuePath, value: object) -> bool:
    there = values.find(existing, path)[1]
    return isinstance(value, Mapping) and (there is None or isinstance(there, Mapping))
