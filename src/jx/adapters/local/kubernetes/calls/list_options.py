"""The options that a list, a watch or a get may have in its query, refused in the real server's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes import errors
from jx.adapters.local.kubernetes.calls.exchange import Call
from jx.adapters.local.kubernetes.errors import ApiError, bad_request
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_MATCH: Final = "resourceVersionMatch"
_EXACT: Final = "Exact"
_NOT_OLDER: Final = "NotOlderThan"
_WITH_CONTINUE: Final = f"{_MATCH} is forbidden when continue is provided"


def check_list(call: Call) -> None:
    """Refuse options of a list that contradict each other."""
    call.number("limit")
    call.number("timeoutSeconds")
    _refuse(list(_list_mistakes(call)))


def _list_mistakes(call: Call) -> Iterator[FieldError]:
    match, version = call.query.get(_MATCH) or "", call.query.get("resourceVersion") or ""
    if match:
        if not version:
            yield invalid.forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided")
        if call.query.get("continue"):
            yield invalid.forbidden(_MATCH, _WITH_CONTINUE)
        if match not in (_EXACT, _NOT_OLDER):
            yield invalid.unsupported(_MATCH, match, (_EXACT, _NOT_OLDER, ""))
        if match == _EXACT and version == "0":
            yield invalid.forbidden(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"')
    if "sendInitialEvents" in call.query:
        yield invalid.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")


def check_watch(call: Call) -> None:
    """Refuse options of a watch that contradict each other."""
    call.number("timeoutSeconds")
    _refuse(list(_watch_mistakes(call)))


def _watch_mistakes(call: Call) -> Iterator[FieldError]:
    match, has_initial = call.query.get(_MATCH) or "", "sendInitialEvents" in call.query
    if has_initial and match != _NOT_OLDER:
        detail = f"sendInitialEvents requires setting {_MATCH} to {_NOT_OLDER}"
        yield invalid.forbidden(_MATCH, detail)
    if match and not has_initial:
        detail = f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided"
        yield invalid.forbidden(_MATCH, detail)
    if match not in ("", _NOT_OLDER):
        yield invalid.unsupported(_MATCH, match, (_NOT_OLDER,))
    if call.query.get("continue"):
        yield invalid.forbidden(_MATCH, _WITH_CONTINUE)


def _refuse(mistakes: list[FieldError]) -> None:
    if mistakes:
        causes = [(mistake.reason, mistake.path, mistake.message) for mistake in mistakes]
        raise errors.invalid("meta.k8s.io", "ListOptions", "", causes)


def is_exact(call: Call) -> bool:
    """Whether a list is wanted as it was at its revision."""
    return call.query.get(_MATCH) == _EXACT


def revision_of_list(call: Call, newest: int) -> int:
    """The revision that a list is to be at or after; 0 for any."""
    version = call.query.get("resourceVersion") or "0"
    if not version.isdigit():
        raise bad_request(f"invalid resource version: {_problem(version)}")
    return _not_newer(int(version), newest)


def check_get(call: Call, newest: int) -> None:
    """Refuse a get that wants an object at no revision, or at one that is yet to come."""
    version = call.query.get("resourceVersion") or "0"
    if not version.isdigit():
        raise ApiError(500, "", _problem(version))
    _not_newer(int(version), newest)


def _problem(version: str) -> str:
    text = f'strconv.ParseUint: parsing "{version}": invalid syntax'
    return f'resourceVersion: Invalid value: "{version}": {text}'


def _not_newer(wanted: int, newest: int) -> int:
    if wanted <= newest:
        return wanted
    text = f"Timeout: Too large resource version: {wanted}, current: {newest}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    raise ApiError(504, "Timeout", text, {"causes": [cause], "retryAfterSeconds": 1})
