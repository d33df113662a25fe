"""What a process tells the shell, one table."""

from __future__ import annotations

from jx.domain import errors

DONE, FAILED, USAGE, REFUSED, NOT_FOUND, INVALID, TRY_AGAIN, DIFFERENT, FAULT, INTERRUPTED = (
    0,
    1,
    2,
    3,
    4,
    5,
    10,
    11,
    70,
    130,
)

_CODES: dict[type[errors.JxError], int] = {
    errors.Invalid: INVALID,
    errors.NotFound: NOT_FOUND,
    errors.Refused: REFUSED,
    errors.Retryable: TRY_AGAIN,
    errors.Failed: FAILED,
    errors.Usage: USAGE,
}


def code_of(error: errors.JxError) -> int:
    """The exit code of an error: its own class's, or that of the nearest class above."""
    return next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), FAILED)
