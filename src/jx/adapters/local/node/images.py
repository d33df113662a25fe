"""The images that this node has: names, tags and the programs they stand for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from jx.adapters.local.kubernetes.controllers.podstatus import image_id
from jx.domain.errors import Invalid, Problem


@dataclass(frozen=True)
class Image:
    """One image: a name, its tags and the program (`{python}` stands for this interpreter)."""

    name: str
    tags: tuple[str, ...]
    command: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    """By a path in the container, a folder of this machine. Containers of pods with such an image have roots of their own."""


@dataclass(frozen=True)
class Reference:
    """An image as a pod names it."""

    name: str
    tag: str


class Images:
    """The images listed in a JSON file; a changed file counts at once, a missing one lists nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read: tuple[int, int] | None = None
        self._images: dict[str, Image] = {}

    def find(self, image: str) -> Image | None:
        """The image of that name, whether or not it has the tag. Raises Invalid for a file that cannot be read."""
        with self._lock:
            self._refresh()
            return self._images.get(parse_reference(image).name)

    def has(self, image: str) -> bool:
        """Whether both name and tag are listed."""
        found = self.find(image)
        if found is None:
            return False
        named, _, digest = image.partition("@")
        tag = parse_reference(named).tag
        return tag in found.tags and digest in ("", image_id(named).partition("@")[2])

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._read, self._images = None, {}
            return
        state = (stat.st_mtime_ns, stat.st_size)
        if state != self._read:
            self._images = parse_images(self._path.read_bytes(), where=str(self._path))
            self._read = state


def parse_reference(text: str) -> Reference:
    """`name`, `name:tag` or `name:tag@digest`; a registry's port is no tag."""
    rest, _, digest = text.partition("@")
    name, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        name, tag = rest, "latest"
    return Reference(name, digest or tag)


def parse_images(content: bytes, *, where: str) -> dict[str, Image]:
    """The images of a file's content by name. Raises Invalid with all mistakes."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Invalid("the list of images is no JSON", Problem(where, str(error), error.lineno)) from error
    entries = document.get("images") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise Invalid("the list of images has no images", Problem(where, '"images" must be a list'))
    problems = [
        Problem(where, f"images[{number}]: {what}")
        for number, entry in enumerate(entries)
        for what in _mistakes(entry)
    ]
    if problems:
        raise Invalid("the list of images has mistakes", *problems)
    return {entry["name"]: _image(entry) for entry in entries}


def _mistakes(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return ["must be an object"]
    found = []
    if not isinstance(entry.get("name"), str) or not entry["name"]:
        found.append('"name" must be a text')
    for name in ("tags", "command"):
        value = entry.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
            found.append(f'"{name}" must be a list of texts')
    files = entry.get("files", {})
    if not isinstance(files, dict) or not all(
        path.startswith("/") and isinstance(folder, str) for path, folder in files.items()
    ):
        found.append('"files" must be folders of this machine by absolute paths of the container')
    return found


def _image(entry: dict[str, Any]) -> Image:
    command = tuple(part.replace("{python}", sys.executable) for part in entry["command"])
    return Image(entry["name"], tuple(entry["tags"]), command, entry.get("files", {}))
