"""Tree: the files of a repository at one revision, as an immutable value."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from jx.domain.errors import Invalid, NotFound, Problem

# One search for a whole path: every file of every Tree is looked at. An empty path is an empty part.
_UNSAFE_PART = re.compile(r"(?:\A|/)(?:|\.|\.\.|\.git)(?:/|\Z)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of one file, and whether it is executable."""

    data: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """Files by path (`env/Chart.yaml`; no leading slash, no `..`). Symlinks are no part of a Tree: readers refuse them.

    Two trees are equal exactly when their digests are.
    """

    files: Mapping[str, Blob] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in self.files:
            if not is_safe_path(path):
                raise Invalid(
                    "a path leaves the repository", Problem(path, "paths are relative and never hold '..'")
                )
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and dict(self.files) == dict(other.files)

    def __contains__(self, path: str) -> bool:
        return path in self.files

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __reduce__(self) -> tuple[type[Tree], tuple[dict[str, Blob]]]:
        return Tree, (dict(self.files),)

    @property
    def digest(self) -> str:
        """`sha256:...` over paths, modes and contents."""
        whole = hashlib.sha256()
        for path, blob in self.files.items():
            data = hashlib.sha256(blob.data).hexdigest()
            whole.update(f"{path}\0{int(blob.executable)}\0{data}\n".encode())
        return f"sha256:{whole.hexdigest()}"

    def text(self, path: str) -> str:
        """The file as UTF-8 text; NotFound, or Invalid where it is not text."""
        blob = self.files.get(path)
        if blob is None:
            raise NotFound(f"there is no file {path}")
        try:
            return blob.data.decode()
        except UnicodeDecodeError as error:
            byte, line = blob.data[error.start], blob.data.count(b"\n", 0, error.start) + 1
            problem = Problem(path, f"the byte 0x{byte:02x} is none of a text in UTF-8", line)
            raise Invalid(f"{path} is not UTF-8 text", problem) from error

    def find_text(self, path: str) -> str | None:
        """The file as UTF-8 text, or None where there is none."""
        return self.text(path) if path in self.files else None

    def under(self, folder: str) -> Tree:
        """The files below a folder, their paths relative to it; empty where there are none."""
        prefix = folder.rstrip("/") + "/"
        return Tree(
            {path[len(prefix) :]: blob for path, blob in self.files.items() if path.startswith(prefix)}
        )

    def put(self, path: str, content: str | bytes) -> Tree:
        """With this file written; its mode stays what it was."""
        data = content.encode() if isinstance(content, str) else content
        old = self.files.get(path)
        return Tree({**self.files, path: Blob(data, executable=old.executable if old else False)})

    def remove(self, *paths: str) -> Tree:
        """Without these files; a path that is not there is no error."""
        return Tree({path: blob for path, blob in self.files.items() if path not in paths})

    def graft(self, folder: str, other: Tree) -> Tree:
        """With all files of another tree put below a folder."""
        prefix = folder.rstrip("/") + "/" if folder else ""
        return Tree({**self.files, **{prefix + path: blob for path, blob in other.files.items()}})


def is_safe_path(path: str) -> bool:
    """Whether a path is relative, without `.`, `..` or empty parts, and not inside any `.git`, as git itself has it."""
    return "\0" not in path and _UNSAFE_PART.search(path) is None


def merge_trees(base: Tree, ours: Tree, theirs: Tree) -> tuple[Tree, tuple[str, ...]]:
    """Three-way, file by file: `ours` with what `theirs` changed since `base`, and the paths that both changed differently.

    Lines within one file are not merged here; git does that when it really merges.
    """
    merged = dict(ours.files)
    conflicts = []
    for path in sorted({*base.files, *theirs.files}):
        old, new, mine = base.files.get(path), theirs.files.get(path), ours.files.get(path)
        if old == new or mine == new:
            continue
        if mine != old:
            conflicts.append(path)
        elif new is None:
            del merged[path]
        else:
            merged[path] = new
    return Tree(merged), tuple(conflicts)
