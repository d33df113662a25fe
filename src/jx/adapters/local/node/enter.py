"""Enters a root of its own and becomes the program of a container there. Run as a file, within namespaces that are its own.

The root has this machine's files but `/tmp`, `/run` and `/dev`, which are fresh, and above them the mounts of the container at
their true paths. This needs the standard library alone, since it is started without the site's packages.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

_RDONLY, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_KEPT_FLAGS = 2 | 4 | 8  # nosuid, nodev, noexec: the namespace may not take them away
_FRESH = ("tmp", "run", "dev")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_LINKS_AT_MOST = 40
_COULD_NOT = 125


def main() -> None:
    """Become the program of the description whose path is the one argument."""
    given: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    root = Path(given["root"])
    try:
        _mount("none", "/", flags=_REC | _PRIVATE)
        _fill(root)
        for path in given["hidden"]:
            if Path(f"{root}{path}").is_dir():
                _mount("tmpfs", f"{root}{path}", kind="tmpfs", data="mode=700,size=16m")
        for path in given["shown"]:
            _show(root, path)
        for path in given["guarded"]:
            _guard(Path(f"{root}{path}"))
        own = [root, *(root / name for name in _FRESH)]
        for each in sorted(given["mounts"], key=lambda each: len(Path(each["target"]).parts)):
            own.append(_lay(root, each, own))
        folder = _place(root, given["folder"], own, is_folder=True)
        os.chroot(root)
        os.chdir(f"/{folder.relative_to(root)}")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.execvp(given["argv"][0], given["argv"])
    except OSError as error:
        sys.stderr.write(f"[the container could not be started: {error}]\n")
        sys.exit(127 if isinstance(error, FileNotFoundError) else _COULD_NOT)


def _fill(root: Path) -> None:
    """All that this machine has at the top, and fresh folders for what no two containers share."""
    _mount("tmpfs", str(root), kind="tmpfs", data="mode=755,size=64m")
    for entry in sorted(Path("/").iterdir()):
        here = root / entry.name
        if entry.is_symlink():
            here.symlink_to(entry.readlink())
        elif entry.name in (*_FRESH, "proc"):
            here.mkdir()
        elif entry.is_dir():
            here.mkdir()
            _mount(str(entry), str(here), flags=_BIND | _REC)
        elif entry.is_file():
            here.touch()
            _mount(str(entry), str(here), flags=_BIND)
    for name in _FRESH:
        (root / name).mkdir(exist_ok=True)
    _mount("tmpfs", str(root / "tmp"), kind="tmpfs", data="mode=1777,size=1g")
    _equip(root / "dev")
    _mount("proc", str(root / "proc"), kind="proc")


def _equip(devices: Path) -> None:
    """What programs expect below `/dev`."""
    for name in _DEVICES:
        if Path("/dev", name).exists():
            (devices / name).touch()
            _bind(f"/dev/{name}", devices / name)
    for name, to in _LINKS.items():
        (devices / name).symlink_to(f"/proc/self/{to}")
    (devices / "shm").mkdir()
    _mount("tmpfs", str(devices / "shm"), kind="tmpfs", data="mode=1777,size=64m")


def _show(root: Path, path: str) -> None:
    """Have a folder of this machine at its own place, where nobody can change it."""
    if Path(path).is_dir() and path != "/":
        target = Path(f"{root}{path}")
        target.mkdir(parents=True, exist_ok=True)
        _bind(path, target)
        _protect(target)


def _guard(target: Path) -> None:
    if target.is_dir():
        _bind(str(target), target)
        _protect(target)


def _lay(root: Path, mount: dict[str, Any], own: list[Path]) -> Path:
    """Mount a volume, or what is at a path of it: no link in the volume leads out of it."""
    volume = Path(mount["source"])
    source = _place(volume, mount.get("subPath", ""), [volume], is_folder=True)
    target = _place(root, mount["target"], own, is_folder=source.is_dir())
    _bind(str(source), target)
    if mount["readOnly"]:
        _protect(target)
    return target


def _place(root: Path, path: str, own: list[Path], *, is_folder: bool) -> Path:
    """Where a path of the container is; made, where it is in what is the container's `own`. No link leads out of the root."""
    found, left = root, [part for part in path.split("/") if part not in ("", ".")]
    links = 0
    while left:
        part = left.pop(0)
        if part == "..":
            found = found if found == root else found.parent
            continue
        step = found / part
        if step.is_symlink():
            links += 1
            if links > _LINKS_AT_MOST:
                raise OSError(f"{path}: too many links")
            to = str(step.readlink())
            found = root if to.startswith("/") else found
            left = [*(each for each in to.split("/") if each not in ("", ".")), *left]
            continue
        if not step.exists():
            every = (root, *own, *_mounted(root))
            nearest = max((each for each in every if each in step.parents), key=_depth)
            if nearest not in own:
                raise PermissionError(f"{path}: this machine has no /{step.relative_to(root)} to lay it over")
            if is_folder or left:
                step.mkdir()
            else:
                step.touch()
        found = step
    return found


def _mounted(root: Path) -> list[Path]:
    """The folders of this machine."""
    return [each for each in root.iterdir() if each.name not in _FRESH and each.is_mount()]


def _depth(path: Path) -> int:
    return len(path.parts)


def _bind(source: str, target: Path) -> None:
    _mount(source, str(target), flags=_BIND | _REC)


def _protect(target: Path) -> None:
    kept = os.statvfs(target).f_flag & _KEPT_FLAGS
    _mount("none", str(target), flags=_BIND | _REMOUNT | _RDONLY | kept)


def _mount(source: str, target: str, *, kind: str = "", flags: int = 0, data: str = "") -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    texts = (source.encode(), target.encode(), kind.encode() or None)
    if libc.mount(*texts, ctypes.c_ulong(flags), data.encode() or None):
        number = ctypes.get_errno()
        raise OSError(number, f"{os.strerror(number)}: {target}")


if __name__ == "__main__":
    main()
