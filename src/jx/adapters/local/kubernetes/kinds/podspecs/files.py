"""Paths and modes of files in volumes."""

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_MODES: Final = range(0o1000)
_MODE: Final = "must be a number between 0 and 0777 (octal), both inclusive"


def mode_mistakes(owner: Obj, key: str, path: str) -> Iterator[FieldError]:
    """The permissions of a file."""
    mode = owner.get(key)
    if mode is not None and mode not in _MODES:
        yield invalid.invalid(f"{path}.{key}", mode, _MODE)


def backstep_mistakes(target: str, path: str) -> Iterator[FieldError]:
    """A path that does not climb."""
    if ".." in target.split("/"):
        yield invalid.invalid(path, target, "must not contain '..'")


def descending_mistakes(target: str, path: str) -> Iterator[FieldError]:
    """A path below a folder."""
    if target.startswith("/"):
        yield invalid.invalid(path, target, "must be a relative path")
    yield from backstep_mistakes(target, path)


def file_mistakes(target: str, path: str) -> Iterator[FieldError]:
    """A path of a file that is written into a volume."""
    yield from descending_mistakes(target, path)
    if target.startswith("..") and not target.startswith("../"):
        yield invalid.invalid(path, target, "must not start with '..'")


def item_mistakes(item: Obj, path: str) -> Iterator[FieldError]:
    """A key that becomes a file."""
    for key in ("key", "path"):
        if not item.get(key):
            yield invalid.required(f"{path}.{key}")
    yield from file_mistakes(item.get("path") or "", f"{path}.path")
    yield from mode_mistakes(item, "mode", path)
