"""Chart archives (`.tgz`), read with suspicion and written the same each time."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from jx.domain.errors import Invalid, Problem
from jx.domain.trees import Blob, Tree, is_safe_path

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a chart may cost. Sizes are in bytes."""

    archive: int = 32 * MEGABYTE
    unpacked: int = 256 * MEGABYTE
    files: int = 20_000


DEFAULT_LIMITS = Limits()

_DRIVE = re.compile(r"[A-Za-z]:")


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than so many bytes: a small archive may unpack to a very large one."""

    def __init__(self, inner: io.BufferedIOBase, limit: int) -> None:
        self._inner = inner
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        wanted = self._left + 1 if size < 0 else min(size, self._left + 1)
        data = self._inner.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise _TooLarge
        return data


class _TooLarge(Exception):
    """More came out than may."""


def digest_of(data: bytes) -> str:
    """`sha256:...` of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def unpack(data: bytes, where: str, *, name: str = "", limits: Limits = DEFAULT_LIMITS) -> Tree:
    """The files of a chart archive, relative to its one top folder, which is named as the chart (`name`, where it is given).

    Invalid, with `where` as the place, for anything but plain files and folders, for paths that leave the folder, for more
    bytes or files than the limits, and for what is no archive.
    """
    if len(data) > limits.archive:
        raise _unfit(where, f"it has {len(data):,} bytes, and {limits.archive:,} are allowed")
    files: dict[str, Blob] = {}
    tops: set[str] = set()
    try:
        for path, blob in _members(data, where, limits):
            top, _, rest = path.partition("/")
            tops.add(top)
            files[rest] = blob
            if len(files) > limits.files:
                raise _unfit(where, f"it has more than {limits.files:,} files")
    except _TooLarge as error:
        raise _unfit(where, f"it unpacks to more than {limits.unpacked:,} bytes") from error
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _unfit(where, f"it is no gzipped tar archive ({error})") from error
    if len(tops) != 1 or "Chart.yaml" not in files:
        raise _unfit(where, "it has no single top folder with a Chart.yaml")
    if name and tops != {name}:
        raise _unfit(where, f"its top folder is {tops.pop()!r}, not {name!r}")
    return Tree(files)


def _members(data: bytes, where: str, limits: Limits) -> Iterator[tuple[str, Blob]]:
    # Headers count too: room for one block per file beside the contents.
    room = limits.unpacked + 1024 * limits.files
    with (
        gzip.GzipFile(fileobj=io.BytesIO(data)) as plain,
        tarfile.open(fileobj=_Bounded(plain, room), mode="r|") as archive,
    ):
        for member in archive:
            path = member.name.removeprefix("./")
            if member.isdir() or path in {"", "."}:
                continue
            _check(member, path, where)
            stream = archive.extractfile(member)
            content = stream.read() if stream else b""
            yield path, Blob(content, executable=bool(member.mode & 0o100))


def _check(member: tarfile.TarInfo, path: str, where: str) -> None:
    if not member.isreg():
        kind = "a link" if member.islnk() or member.issym() else "a device or pipe"
        raise _unfit(where, f"{member.name!r} is {kind}; a chart holds plain files only")
    if not is_safe_path(path) or "\\" in path or _DRIVE.match(path):
        raise _unfit(where, f"{member.name!r} is not a path inside the chart")
    if "/" not in path:
        raise _unfit(where, f"{member.name!r} is not in a folder that is named as the chart")


def _unfit(where: str, reason: str) -> Invalid:
    return Invalid(
        f"this is not a chart archive that can be trusted: {where}",
        Problem(where, reason),
        hint="package the chart again with `helm package`, or ask whoever publishes it",
    )


def pack(name: str, tree: Tree) -> bytes:
    """A chart as `.tgz`; the same files give the same bytes, whenever and wherever."""
    whole = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=whole, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        # Chart.yaml first: that is where readers of a stream look for it.
        for path in sorted(tree, key=lambda path: (path != "Chart.yaml", path)):
            blob = tree.files[path]
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(blob.data)
            member.mode = 0o755 if blob.executable else 0o644
            archive.addfile(member, io.BytesIO(blob.data))
    return whole.getvalue()
