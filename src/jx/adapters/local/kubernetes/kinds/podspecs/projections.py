"""Projected volumes: several sources in one folder."""

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.kinds.podspecs import files, references
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_CONFLICT: Final = "conflicting duplicate paths"
_SHORTEST_TOKEN_SECONDS: Final = 600
_LONGEST_TOKEN_SECONDS: Final = 1 << 32
_SOURCES: Final = ("secret", "configMap", "downwardAPI", "serviceAccountToken")


def mistakes(volume: Obj, path: str) -> Iterator[FieldError]:
    """The mistakes of a `projected` source of a volume."""
    yield from files.mode_mistakes(volume, "defaultMode", path)
    taken: set[str] = set()
    for index, source in enumerate(volume.get("sources") or ()):
        here = f"{path}.sources[{index}]"
        for key in ("secret", "configMap"):
            if source.get(key) is not None:
                yield from _keys(source[key], f"{here}.{key}", path, taken)
        if source.get("downwardAPI") is not None:
            for item in source["downwardAPI"].get("items") or ():
                yield from references.file_mistakes(item, f"{here}.downwardAPI")
                yield from _taking(item.get("path") or "", item.get("path") or "", path, taken)
        if source.get("serviceAccountToken") is not None:
            yield from _token(source["serviceAccountToken"], f"{here}.serviceAccountToken", path)
        if sum(source.get(key) is not None for key in _SOURCES) > 1:
            yield invalid.forbidden(here, "may not specify more than 1 volume type per source")


def _taking(target: str, shown: str, path: str, taken: set[str]) -> Iterator[FieldError]:
    if target and target in taken:
        yield invalid.invalid(path, shown, _CONFLICT)
    taken.add(target)


def _keys(source: Obj, here: str, path: str, taken: set[str]) -> Iterator[FieldError]:
    if not source.get("name"):
        yield invalid.required(f"{here}.name")
    for index, item in enumerate(source.get("items") or ()):
        yield from files.item_mistakes(item, f"{here}.items[{index}]")
        yield from _taking(item.get("path") or "", source.get("name") or "", path, taken)


def _token(source: Obj, here: str, path: str) -> Iterator[FieldError]:
    seconds = source.get("expirationSeconds", 0)
    if seconds < _SHORTEST_TOKEN_SECONDS:
        detail = "may not specify a duration less than 10 minutes"
        yield invalid.invalid(f"{here}.expirationSeconds", seconds, detail)
    if seconds > _LONGEST_TOKEN_SECONDS:
        detail = "may not specify a duration larger than 2^32 seconds"
        yield invalid.invalid(f"{here}.expirationSeconds", seconds, detail)
    # The real server names the volume here, not the source.
    if not source.get("path"):
        yield invalid.required(f"{path}.path")
    else:
        yield from files.file_mistakes(source["path"], f"{path}.path")
