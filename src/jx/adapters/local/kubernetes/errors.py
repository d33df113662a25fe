"""The one error of the embedded API: an HTTP status with Kubernetes' reason, message and details."""

from __future__ import annotations

import json
from typing import Any


class ApiError(Exception):
    """A refusal; becomes a `v1` Status on the wire. `status` is the HTTP code, `reason` Kubernetes' word for it."""

    def __init__(self, status: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        self.status = status
        self.reason = reason
        self.message = message
        self.details: dict[str, Any] = details or {}
        self._has_details = details is not None
        super().__init__(message)

    def body(self) -> dict[str, Any]:
        """The `v1` Status object."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.status,
        }
        if not self._has_details:
            del status["details"]
        if not self.reason:
            del status["reason"]
        return status


def of_resource(plural: str, group: str) -> str:
    """How Kubernetes' messages name a resource: `pods`, `deployments.apps`."""
    return f"{plural}.{group}" if group else plural


def not_found(group: str, plural: str, name: str) -> ApiError:
    details = _details(group, plural, name)
    return ApiError(404, "NotFound", f'{of_resource(plural, group)} "{name}" not found', details)


def unfit_patch(shown: str, problem: str) -> ApiError:
    """422 for a patch that makes something else of an object than its kind can be."""
    message = f"Invalid value: {json.dumps(shown, ensure_ascii=False)}: {problem}"
    cause = {"reason": "FieldValueInvalid", "message": message, "field": "patch"}
    return ApiError(422, "Invalid", f' "" is invalid: patch: {message}', {"causes": [cause]})


class NoSuchPath(ApiError):
    """A path where nothing is served; on the wire a line of text, as from any web server."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "the server could not find the requested resource")


def no_such_resource() -> ApiError:
    """Nothing is served at a path below one of Kubernetes' own groups."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def no_such_path() -> ApiError:
    return NoSuchPath()


def already_exists(group: str, plural: str, name: str, *, is_going: bool = False) -> ApiError:
    message = f'{of_resource(plural, group)} "{name}" already exists'
    if is_going:
        message = f"object is being deleted: {message}"
    return ApiError(409, "AlreadyExists", message, _details(group, plural, name))


def conflict(group: str, plural: str, name: str, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {of_resource(plural, group)} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(group, plural, name))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def forbidden(group: str, plural: str, name: str, why: str) -> ApiError:
    subject = f'{of_resource(plural, group)} "{name}"' if name else of_resource(plural, group)
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", _details(group, plural, name))


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def invalid(group: str, kind: str, name: str, causes: list[tuple[str, str, str]]) -> ApiError:
    """422 for wrong fields; each cause is (reason, path, message)."""
    texts = [f"{path}: {message}" if path else message for _, path, message in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(group, kind, name)
    details["causes"] = [{"reason": why, "message": message, "field": path} for why, path, message in causes]
    return ApiError(422, "Invalid", f'{of_resource(kind, group)} "{name}" is invalid: {text}', details)


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def unsupported(message: str) -> ApiError:
    return ApiError(415, "UnsupportedMediaType", message)


def verb_not_allowed(group: str, plural: str, verb: str) -> ApiError:
    """A verb that the resource does not have."""
    message = f'{verb} is not supported on resources of kind "{of_resource(plural, group)}"'
    return ApiError(405, "MethodNotAllowed", message, _details(group, plural, ""))


def method_not_allowed() -> ApiError:
    return ApiError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
    )


def _details(group: str, kind: str, name: str) -> dict[str, Any]:
    details = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in details.items() if value}
