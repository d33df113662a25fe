"""Veils: what keeps a step of a pipeline from folders that are not its own, and its children from outliving it.

The strongest that this machine has is taken: `bwrap`, else `unshare` with `setpriv`, else none. Paths are the same with and
without: a veil lays an empty folder over what is hidden, shows the step's own folders through it, and shuts what is guarded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["bwrap", "unshare", "none"]

_TRY_SECONDS = 10.0
_SKELETON = "mode=700,size=16m"
"""Empty folders that lie over what is hidden hold little more than the names of what is shown through them."""
_SHARED = "64m"
"""The memory that processes of a step share by name, as much as containers have; it ends with them."""
CLEAR = ("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")
# SIGTERM is for the step: who stands around it must not end before it.
UNASKED = ("env", "--ignore-signal=TERM")
_ASKED = ("env", "--default-signal=TERM")

# What is shown of a hidden folder is reached from within it, where the shell has gone before an empty folder is laid over it. The
# shell stays, as the first process of its own space of processes, so that the step is none that signals cannot end; with it,
# everything ends.
_UNVEIL = """
here=$PWD; hidden=$1; guarded=$2; shift 2
shut() { mount -n -c -o remount,bind,ro "$1" || exit 126; }
if [ -d /dev/shm ]; then mount -n -t tmpfs -o mode=1777,size=SHARED tmpfs /dev/shm || exit 126; fi
while [ "$hidden" -gt 0 ]; do
  cd "$1" && mount -n -t tmpfs -o SKELETON tmpfs "$1" || exit 126
  hidden=$((hidden - 1)); top=$1; shift
  left=$1; shift
  while [ "$left" -gt 0 ]; do
    mkdir -p "$top/$2" && mount -n -c --rbind "./$2" "$top/$2" || exit 126
    if [ "$1" = r ]; then shut "$top/$2"; fi
    shift 2; left=$((left - 1))
  done
done
while [ "$guarded" -gt 0 ]; do
  mount -n -c --rbind "$1" "$1" || exit 126
  shut "$1"; shift; guarded=$((guarded - 1))
done
cd "$here" || exit 126
"$@"
exit $?
""".replace("SKELETON", _SKELETON).replace("SHARED", _SHARED)


@dataclass(frozen=True)
class Shown:
    """What a program finds of the hidden folders, and what it may change of that."""

    written: tuple[Path, ...] = ()
    read: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Veil:
    """How programs are started that may not see the `hidden` folders, nor change the `guarded` ones and jx itself."""

    kind: Kind
    hidden: tuple[Path, ...] = ()
    guarded: tuple[Path, ...] = ()

    def wrap(self, argv: Sequence[str], shown: Shown) -> tuple[str, ...]:
        """The command that runs `argv` where of the hidden folders nothing can be seen but what is `shown`."""
        if self.kind == "none":
            return tuple(argv)
        hidden = outermost(path for path in self.hidden if path.is_dir())
        every = dict.fromkeys(shown.written, False) | dict.fromkeys((*own_folders(), *shown.read), True)
        through = {path: is_read for path, is_read in every.items() if _is_in_any(path, hidden)}
        guarded = [path for path in outermost((*own_folders(), *self.guarded)) if needs_guard(path, hidden)]
        if self.kind == "bwrap":
            return (*_bwrap(hidden, through, guarded), "--", *_ASKED, *argv)
        return (*_unshare(hidden, through, guarded), program_path("setpriv"), *CLEAR, *_ASKED, *argv)


def find_veil(hidden: Sequence[Path], guarded: Sequence[Path] = ()) -> Veil:
    """The strongest that works here, tried by hiding a folder."""
    kinds: tuple[Kind, ...] = ("bwrap", "unshare")
    every, kept = (tuple(path.resolve() for path in paths) for paths in (hidden, guarded))
    for kind in kinds:
        if works(kind):
            return Veil(kind, every, kept)
    return Veil("none", every, kept)


def works(kind: Kind) -> bool:
    """Whether a program runs behind such a veil, sees what is shown, changes what it may, and does not see what is hidden."""
    if not shutil.which(kind):
        return False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        written, read = folder / "written", folder / "read"
        for path in (written, read):
            path.mkdir()
        (folder / "secret").touch()
        test = f'touch "{written}/a" && test -d "{read}" && ! touch "{read}/a" && ! test -e "{folder}/secret"'
        argv = Veil(kind, (folder,)).wrap(["/bin/sh", "-c", test], Shown((written,), (read,)))
        try:
            done = subprocess.run(
                argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=_TRY_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0


def _bwrap(hidden: Sequence[Path], through: Mapping[Path, bool], guarded: Sequence[Path]) -> list[str]:
    argv = [*UNASKED, program_path("bwrap"), "--dev-bind", "/", "/"]
    for path in guarded:
        argv += ["--ro-bind", str(path), str(path)]
    for path in hidden:
        argv += ["--tmpfs", str(path)]
    for path, is_read in through.items():
        argv += ["--ro-bind" if is_read else "--bind", str(path), str(path)]
    if Path("/dev/shm").is_dir():
        argv += ["--tmpfs", "/dev/shm"]
    return [
        *argv,
        "--unshare-pid",
        "--unshare-ipc",
        "--proc",
        "/proc",
        "--die-with-parent",
        "--cap-drop",
        "ALL",
    ]


def _unshare(hidden: Sequence[Path], through: Mapping[Path, bool], guarded: Sequence[Path]) -> list[str]:
    around = [*UNASKED, program_path("unshare"), "--user", "--map-root-user", "--mount", "--ipc", "--pid"]
    words = [str(len(hidden)), str(len(guarded))]
    for top in hidden:
        inner = [(path.relative_to(top), is_read) for path, is_read in through.items() if _is_in(path, top)]
        words += [str(top), str(len(inner))]
        for path, is_read in inner:
            words += ["r" if is_read else "w", str(path)]
    script = ["/bin/sh", "-c", _UNVEIL, "veil", *words, *map(str, guarded)]
    return [*around, "--fork", "--kill-child", "--mount-proc", "--", *script]


def program_path(name: str) -> str:
    """Where it is: a step has another search path than we have."""
    return shutil.which(name) or name


def own_folders() -> tuple[Path, ...]:
    """What this very program is made of: jx itself can be a step."""
    source = Path(__file__).resolve().parents[4]
    return tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix), source)))


def needs_guard(path: Path, hidden: Sequence[Path]) -> bool:
    """Whether a folder is there, could be changed otherwise, and is less than the whole machine."""
    return (
        path != Path(path.anchor)
        and path.is_dir()
        and not _is_in_any(path, hidden)
        and os.access(path, os.W_OK)
    )


def outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Without those that lie in others."""
    every = tuple(dict.fromkeys(paths))
    return tuple(path for path in every if not any(path != each and _is_in(path, each) for each in every))


def _is_in_any(path: Path, folders: Iterable[Path]) -> bool:
    return any(_is_in(path, each) for each in folders)


def _is_in(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
