"""Folders: a folder on this machine, as a Tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from jx.domain.names import Person, Repo, Revision
from jx.domain.trees import Tree


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder's files, and what git says of it where it lies in a clone."""

    path: str
    """Absolute."""
    tree: Tree
    """From the top of the clone (or the folder itself outside of git): what git tracks, as it is on disk. Ignored files,
    untracked ones and `.git` are left out."""
    subfolder: str = ""
    """The folder that was named, relative to the top of the clone."""
    origin: Repo | None = None
    """The remote `origin`."""
    branch: str = ""
    head: Revision | None = None
    is_dirty: bool = False
    """Whether tracked files differ from `head`."""
    author: Person = Person("unknown")
    """Of the head commit; the configured git user where the clone is dirty."""
    user: Person = Person("unknown")
    """The configured git user."""
    subject: str = ""
    untracked: tuple[str, ...] = ()
    """Files that git would take but does not know yet: they are not in the tree."""


class Folders(Protocol):
    """Folders of this machine."""

    def read(self, path: str) -> Folder:
        """The folder, or the clone it lies in. NotFound where it is neither in a clone nor a chart; Invalid for symlinks."""
        ...

    def look(self, path: str, *patterns: str) -> Folder:
        """A folder with only those files, relative to it, that a pattern names (`jenkins-x*.yml`, `**/pipeline.yaml`): as they
        are on disk, whether or not git knows them; `.git` is left out. Outside of git it has no history. NotFound without the
        folder; Invalid for symlinks, and for files above 1 MiB."""
        ...

    def write(self, path: str, tree: Tree) -> None:
        """Write a tree into a new or empty folder; Refused where the folder holds anything."""
        ...

    def put(self, path: str, name: str, text: str) -> None:
        """Write one file of a folder, whole or not at all. NotFound without the folder."""
        ...
