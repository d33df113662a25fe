"""What a container is asked: probes and hooks of its life."""

import re
from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes.kinds.podspecs.context import Context
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_SCHEMES: Final = ("HTTP", "HTTPS")
_HEADER: Final = re.compile("[-A-Za-z0-9]+")
_HEADER_TEXT: Final = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', "
    "regex used for validation is '[-A-Za-z0-9]+')"
)
_SECONDS: Final = (
    "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
)  # fmt: skip


def port_mistakes(value: Any, path: str) -> Iterator[FieldError]:
    """A port is a number from 1 to 65535, or a name."""
    if isinstance(value, str):
        for problem in port_name_problems(value):
            yield invalid.invalid(path, value, problem)
    else:
        yield from port_number_mistakes(value or 0, path)


def port_number_mistakes(value: int, path: str) -> Iterator[FieldError]:
    """A port that has no name."""
    if not 1 <= value <= 65535:
        yield invalid.invalid(path, value, "must be between 1 and 65535, inclusive")


def port_name_problems(name: str) -> list[str]:
    """What is wrong with a port's name."""
    problems = ["must be no more than 15 characters"] if len(name) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", name):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", name):
        problems.append("must contain at least one letter (a-z)")
    if "--" in name:
        problems.append("must not contain consecutive hyphens")
    if name[:1] == "-" or name[-1:] == "-":
        problems.append("must not begin or end with a hyphen")
    return problems


def probe_mistakes(container: Obj, path: str, around: Context) -> Iterator[FieldError]:
    """The mistakes of all probes of a container."""
    for key in PROBES:
        probe, here = container.get(key), f"{path}.{key}"
        if probe is None:
            continue
        yield from _handler_mistakes(probe, here, around)
        for field in _SECONDS:
            value = probe.get(field) or 0
            if value < 0:
                yield invalid.invalid(f"{here}.{field}", value, "must be greater than or equal to 0")
        grace = probe.get("terminationGracePeriodSeconds")
        if grace is not None and grace <= 0:
            yield invalid.invalid(f"{here}.terminationGracePeriodSeconds", grace, "must be greater than 0")
        if key == "readinessProbe":
            if grace is not None:
                detail = "must not be set for readinessProbes"
                yield invalid.invalid(f"{here}.terminationGracePeriodSeconds", grace, detail)
        elif probe.get("successThreshold", 1) != 1:
            yield invalid.invalid(f"{here}.successThreshold", probe["successThreshold"], "must be 1")


def lifecycle_mistakes(lifecycle: Obj, path: str, around: Context) -> Iterator[FieldError]:
    """The mistakes of a container's hooks."""
    for key in ("postStart", "preStop"):
        if lifecycle.get(key) is not None:
            yield from _handler_mistakes(lifecycle[key], f"{path}.{key}", around)


def _handler_mistakes(handler: Obj, path: str, around: Context) -> Iterator[FieldError]:
    given = [key for key in _HANDLERS if handler.get(key) is not None]
    if not given:
        yield invalid.required(path, "must specify a handler type")
    for key in given[:1]:
        yield from _action_mistakes(key, handler[key], f"{path}.{key}", around)
    for extra in given[1:]:
        yield invalid.forbidden(f"{path}.{extra}", "may not specify more than 1 handler type")


def _action_mistakes(kind: str, action: Obj, path: str, around: Context) -> Iterator[FieldError]:
    match kind:
        case "exec":
            if not action.get("command"):
                yield invalid.required(f"{path}.command")
        case "httpGet":
            yield from _http_mistakes(action, path)
        case "tcpSocket":
            yield from port_mistakes(action.get("port"), f"{path}.port")
        case "grpc":
            yield from port_number_mistakes(action.get("port") or 0, f"{path}.port")
        case _:
            seconds, grace = action.get("seconds") or 0, around.grace_seconds
            if grace is not None and not 0 <= seconds <= grace:
                detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                yield invalid.invalid(path, seconds, detail)


def _http_mistakes(action: Obj, path: str) -> Iterator[FieldError]:
    if not action.get("path"):
        yield invalid.required(f"{path}.path")
    yield from port_mistakes(action.get("port"), f"{path}.port")
    if action.get("scheme") not in _SCHEMES:
        yield invalid.unsupported(f"{path}.scheme", action.get("scheme") or "", _SCHEMES)
    for header in action.get("httpHeaders") or ():
        if not _HEADER.fullmatch(header.get("name") or ""):
            yield invalid.invalid(f"{path}.httpHeaders", header.get("name") or "", _HEADER_TEXT)
