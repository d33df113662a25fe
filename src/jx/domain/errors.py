"""The errors of jx, one tree.

    JxError                  what the message says happened; `hint` is what to do next
    ├── Invalid              files or values are wrong; `problems` lists every mistake with its place    exit 5
    ├── NotFound             a thing that was named does not exist                                        exit 4
    ├── Refused              a guard said no; nothing was changed                                         exit 3
    │   ├── Held             somebody put this environment on hold
    │   └── Immutable        a field cannot be changed in place
    ├── Retryable            trying again may help                                                        exit 10
    │   ├── Stale            the base has moved (a compare-and-swap was lost)
    │   ├── Locked           somebody else is at it
    │   │   └── Overtaken    it was ours, and somebody else has it by now
    │   └── Unavailable      a server cannot be reached or is overloaded
    ├── Failed               the work was tried and did not succeed                                       exit 1
    │   ├── Conflict         another field manager owns a field
    │   └── Forbidden        no permission: which verb on which resource, or which right
    └── Usage                the request contradicts itself                                               exit 2

Whether to retry is the type, never the text. An error carries its facts as attributes; no message ever holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it is (file, and line where known, 1-based) and what it is."""

    where: str
    what: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}" if self.line else self.where
        return f"{place}: {self.what}" if place else self.what


class JxError(Exception):
    """Anything that jx tells a person; `hint` says what to do next and may be empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.about = ""
        """Which one it is about, of several things that were asked for at once: the path of a secret. Empty: all of them."""

    def tell_before(self, words: str) -> None:
        """Have the message tell, too, what had been done before it came to this."""
        self.message = f"{self.message}\n{words}"
        self.args = (self.message,)


class Invalid(JxError):
    """Files or values are wrong; all mistakes at once."""

    def __init__(self, message: str, *problems: Problem, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class NotFound(JxError):
    """A thing that was named does not exist."""


class Refused(JxError):
    """A guard said no, and nothing was changed; `flag` passes it where a person may."""

    def __init__(self, message: str, *, hint: str = "", flag: str = "") -> None:
        super().__init__(message, hint=hint)
        self.flag = flag


class Held(Refused):
    """This environment is on hold."""


class Immutable(Refused):
    """A field cannot be changed in place; `fields` are their paths, where the server tells."""

    def __init__(self, message: str, *, hint: str = "", fields: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.fields = fields


class Retryable(JxError):
    """Trying again may help."""


class Stale(Retryable):
    """The base has moved: read again, decide again, write again."""


class Locked(Retryable):
    """Somebody else is at it."""


class Overtaken(Locked):
    """The lock was ours, and somebody else has it by now: nothing more may be sent."""


class Unavailable(Retryable):
    """A server cannot be reached, or asks to be left alone for a while."""


class Failed(JxError):
    """The work was tried and did not succeed."""


@dataclass(frozen=True, slots=True)
class OwnedField:
    """A field of an object that somebody else sets: its path as the server prints it, who, since when."""

    path: str
    manager: str
    since: str = ""


class Conflict(Failed):
    """Another field manager owns a field that we want to set; `fields` are all of them, where the server tells."""

    def __init__(self, message: str, *, hint: str = "", fields: tuple[OwnedField, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.fields = fields


class Forbidden(Failed):
    """No permission; the message names the verb and the resource, or the right."""


class Usage(JxError):
    """The request contradicts itself or lacks something."""


@contextmanager
def about(what: str) -> Iterator[None]:
    """Errors of this one of several things know it. A server that is down is about all of them."""
    try:
        yield
    except JxError as error:
        error.about = "" if isinstance(error, Unavailable) else what
        raise
