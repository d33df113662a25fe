"""A fuse: a process that dies before or after its n-th outside call, and stays dead."""

from __future__ import annotations

from typing import Any


class Crash(BaseException):
    """The process is gone. Nothing of the product catches it."""


class Fuse:
    """Counts outside calls; blows at one of them. A blown fuse lets no further call out, as a dead process makes none."""

    def __init__(self, at: int = 0, *, after: bool = False) -> None:
        self.calls = 0
        self._at = at
        self._after = after
        self._is_blown = False

    def wrap(self, port: Any) -> Any:
        """A port whose calls pass this fuse."""
        return _Fused(port, self)

    def call(self, method: Any, *args: Any, **kwargs: Any) -> Any:
        if self._is_blown:
            raise Crash
        self.calls += 1
        is_here = self.calls == self._at
        if is_here and not self._after:
            self._blow()
        result = method(*args, **kwargs)
        if is_here:
            self._blow()
        return result

    def _blow(self) -> None:
        self._is_blown = True
        raise Crash


class _Fused:
    def __init__(self, port: Any, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._fuse.call(found, *args, **kwargs)
