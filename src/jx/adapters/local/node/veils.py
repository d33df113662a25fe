"""Veils: what keeps a step of a pipeline from folders that are not its own, and its children from outliving it.

The strongest that this machine has is taken: `bwrap`, else `unshare` with `setpriv`, else none. Paths are the same with and
without: a veil only lays an empty folder over what is hidden, and shows the step's own folders through it.
"""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["bwrap", "unshare", "none"]

_TRY_SECONDS = 10.0
_SHOWN_AT_MOST = 7
"""A plain shell has no more descriptors than 3 to 9."""
_CLEAR = ("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")
# SIGTERM is for the step: who stands around it must not end before it.
_UNASKED = ("env", "--ignore-signal=TERM")
_ASKED = ("env", "--default-signal=TERM")

# Folders that are shown stay reachable by their descriptors while the empty folders are laid over them. The shell stays, as the
# first process of its own space of processes, so that the step is none that signals cannot end; with it, everything ends.
_UNVEIL = """
hidden=$1; masked=$2; count=$3; shift 3
fd=3
while [ "$fd" -lt $((count + 3)) ]; do
  eval "exec $fd<\\"\\$$((fd - 2))\\""; fd=$((fd + 1))
done
IFS=:
for path in $hidden; do mount -n -t tmpfs -o mode=700 tmpfs "$path" || exit 126; done
unset IFS
fd=3
while [ "$count" -gt 0 ]; do
  mkdir -p "$1" && mount -n -c --rbind "/proc/self/fd/$fd" "$1" || exit 126
  eval "exec $fd<&-"; fd=$((fd + 1)); count=$((count - 1)); shift
done
IFS=:
for path in $masked; do mount -n -t tmpfs -o mode=700 tmpfs "$path" || exit 126; done
unset IFS
cd "$PWD" || exit 126
"$@"
exit $?
"""


@dataclass(frozen=True)
class Veil:
    """How programs are started that may not see the `hidden` folders."""

    kind: Kind
    hidden: tuple[Path, ...] = ()

    def wrap(
        self, argv: Sequence[str], *, shown: Sequence[Path], masked: Sequence[Path] = ()
    ) -> tuple[str, ...]:
        """The command that runs `argv` where of the hidden folders nothing can be seen but what is `shown`, and of that not what
        is `masked`. OSError where that is more than can be shown."""
        hidden = tuple(path for path in self.hidden if path.is_dir())
        through = tuple(path for path in (*_own(), *shown) if any(_is_in(path, each) for each in hidden))
        if self.kind == "none":
            return tuple(argv)
        if self.kind == "bwrap":
            return (*_bwrap(hidden, through, masked), "--", *_ASKED, *argv)
        if len(through) > _SHOWN_AT_MOST:
            raise OSError(errno.EMFILE, f"more than {_SHOWN_AT_MOST} folders to be shown to a step")
        return (*_unshare(hidden, through, masked), _program("setpriv"), *_CLEAR, *_ASKED, *argv)


def find_veil(hidden: Sequence[Path]) -> Veil:
    """The strongest that works here, tried by hiding a folder."""
    kinds: tuple[Kind, ...] = ("bwrap", "unshare")
    every = tuple(path.resolve() for path in hidden)
    for kind in kinds:
        if works(kind):
            return Veil(kind, every)
    return Veil("none", every)


def works(kind: Kind) -> bool:
    """Whether a program runs behind such a veil, sees what is shown, and does not see what is hidden."""
    if not shutil.which(kind):
        return False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        shown = folder / "shown"
        shown.mkdir()
        (folder / "secret").touch()
        test = f'test -d "{shown}" && ! test -e "{folder}/secret"'
        argv = Veil(kind, (folder,)).wrap(["/bin/sh", "-c", test], shown=[shown])
        try:
            done = subprocess.run(
                argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=_TRY_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0


def _bwrap(hidden: Sequence[Path], through: Sequence[Path], masked: Sequence[Path]) -> list[str]:
    argv = [*_UNASKED, _program("bwrap"), "--dev-bind", "/", "/"]
    for path in hidden:
        argv += ["--tmpfs", str(path)]
    for path in through:
        argv += ["--bind", str(path), str(path)]
    for path in masked:
        argv += ["--tmpfs", str(path)]
    return [*argv, "--unshare-pid", "--proc", "/proc", "--die-with-parent", "--cap-drop", "ALL"]


def _unshare(hidden: Sequence[Path], through: Sequence[Path], masked: Sequence[Path]) -> list[str]:
    around = [*_UNASKED, _program("unshare"), "--user", "--map-root-user", "--mount", "--pid"]
    lists = [":".join(map(str, paths)) for paths in (hidden, masked)]
    script = ["/bin/sh", "-c", _UNVEIL, "veil", *lists, str(len(through))]
    return [*around, "--fork", "--kill-child", "--mount-proc", "--", *script, *map(str, through)]


def _program(name: str) -> str:
    """Where it is: a step has another search path than we have."""
    return shutil.which(name) or name


def _own() -> tuple[Path, ...]:
    """What this very program is made of: jx itself can be a step."""
    source = Path(__file__).resolve().parents[4]
    return tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix), source)))


def _is_in(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
