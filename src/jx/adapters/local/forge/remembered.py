"""What git said of a bare repository, kept as long as it holds: of commits for good, of refs until one may have moved.

Whoever looks after a platform asks for the same heads again and again, and each answer of git is a process or two. Where
branches are is git's own to say, and anybody may move them by git alone; so what is kept of refs holds only while the folders
that git keeps them in are as they were.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

_T = TypeVar("_T")
_Stamp = tuple[tuple[int, int, int], ...]

_SECOND = 1_000_000_000
_FRESH, _FRESH_BY_SECONDS = _SECOND // 20, 2 * _SECOND
"""Nanoseconds: within a tick of the file system's clock a second change may have the time of the first; some tick by seconds."""
_MOST = 2000
"""Answers about commits that are kept."""


class Remembered:
    """Answers about one repository. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: _Stamp = ()
        self._of_refs: dict[object, Any] = {}
        self._of_commits: OrderedDict[object, Any] = OrderedDict()

    def of_refs(self, folder: Path, question: object, ask: Callable[[], _T]) -> _T:
        """What `ask` says of the refs in `folder`; asked again only where one of them may have moved since."""
        stamp = _look(folder)
        with self._lock:
            if stamp and stamp == self._stamp and question in self._of_refs:
                known: _T = self._of_refs[question]
                return known
        answer = ask()
        # What moved while git was asked changes the next stamp, so an answer that is too new for this one is never used.
        if stamp:
            with self._lock:
                if stamp != self._stamp:
                    self._stamp, self._of_refs = stamp, {}
                self._of_refs[question] = answer
        return answer

    def of_commits(self, question: object, ask: Callable[[], _T | None]) -> _T | None:
        """What `ask` says of commits, which never change; None is not kept."""
        with self._lock:
            if question in self._of_commits:
                self._of_commits.move_to_end(question)
                known: _T = self._of_commits[question]
                return known
        answer = ask()
        if answer is not None:
            with self._lock:
                self._of_commits[question] = answer
                if len(self._of_commits) > _MOST:
                    self._of_commits.popitem(last=False)
        return answer


def _look(folder: Path) -> _Stamp:
    """When, and as which files, HEAD, the packed refs and the folders of all others were written last; empty where that was just
    now. Git writes a ref beside its place and moves it there, which its folder shows."""
    try:
        stamp = tuple(_stamps(folder))
    except OSError:  # git removes empty folders
        return ()
    newest = max(mtime for _, mtime, _ in stamp)
    fresh = _FRESH if newest % _SECOND else _FRESH_BY_SECONDS
    return stamp if time.time_ns() - newest > fresh else ()


def _stamps(folder: Path) -> Iterator[tuple[int, int, int]]:
    for name in ("HEAD", "packed-refs", "config"):
        try:
            found = os.stat(folder / name)
        except FileNotFoundError:
            continue
        yield found.st_ino, found.st_mtime_ns, found.st_size
    folders = [str(folder / "refs")]
    while folders:
        path = folders.pop()
        found = os.stat(path)
        yield found.st_ino, found.st_mtime_ns, 0
        with os.scandir(path) as entries:
            folders += sorted(one.path for one in entries if one.is_dir(follow_symlinks=False))
