"""Custom resources on their way in: read as the server reads them, refused in its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jx.adapters.local.kubernetes import errors
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.definitions import embedded_resources
from jx.adapters.local.kubernetes.errors import bad_request
from jx.adapters.local.kubernetes.registry import Custom
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

_LARGEST_COUNT = 2**31 - 1
_STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


def check_identity(request: Request, obj: Obj) -> None:
    """Refuse an object of another kind or version, or with metadata that are none."""
    resource, kind = request.served.resource, obj.get("kind") or ""
    api_version = obj.get("apiVersion") or ""
    if problem := embedded_resources.metadata_problem(obj.get("metadata")):
        raise bad_request(_unfit(request, problem))
    if api_version != resource.api_version:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version"
            f" ({resource.api_version})"
        )
    if kind != resource.kind:
        mistake = invalid.invalid("kind", kind, f"must be {resource.kind}")
        cause = (mistake.reason, mistake.path, mistake.message)
        raise errors.invalid(resource.group, kind, obj["metadata"].get("name") or "", [cause])


def shaped(request: Request, custom: Custom, obj: Obj, *, keeps_nulls: bool = False) -> Obj:
    """The object in its canonical form: unknown fields dropped, defaults filled in."""
    try:
        return custom.validator.shape(obj, keeps_nulls=keeps_nulls)
    except ValueError as error:
        raise bad_request(_unfit(request, str(error))) from error


def unknown_fields(request: Request, custom: Custom, obj: Obj) -> list[str]:
    """What strict callers are told of fields that nobody knows."""
    try:
        return [f'unknown field "{path}"' for path in custom.validator.unknown(obj)]
    except ValueError as error:
        raise bad_request(_unfit(request, str(error))) from error


def warnings(new: Obj, old: Obj | None) -> list[str]:
    """What callers are told of finalizers that anybody might use."""
    before = (old or {}).get("metadata", {}).get("finalizers") or ()
    return [
        f'metadata.finalizers: "{name}": prefer a domain-qualified finalizer name to avoid accidental conflicts'
        " with other finalizer writers"
        for name in sorted(new["metadata"].get("finalizers") or ())
        if name not in before and "/" not in name and name not in _STANDARD_FINALIZERS
    ]


def _unfit(request: Request, problem: str) -> str:
    resource = request.served.resource
    return (
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {problem}'
    )


def mistakes(request: Request, custom: Custom, new: Obj, old: Obj | None) -> list[FieldError]:
    """All mistakes of a create or an update, outside of its metadata."""
    is_status = request.subresource == "status"
    found = custom.validator.validate_status(new, old) if is_status else custom.validator.validate(new, old)
    verdict = custom.rules.judge(new, old, found)
    request.warnings.extend(str(warning) for warning in verdict.warnings)
    scale = list(_scale_mistakes(new, custom.scale)) if custom.scale else []
    return [*found, *scale, *verdict.errors]


def _scale_mistakes(obj: Obj, scale: Obj) -> Iterator[FieldError]:
    for key in ("specReplicasPath", "statusReplicasPath"):
        path, value = scale[key], _at(obj, scale[key])
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if value < 0:
            yield invalid.invalid(path, value, "should be a non-negative integer")
        elif value > _LARGEST_COUNT:
            yield invalid.invalid(path, value, f"should be less than or equal to {_LARGEST_COUNT}")


def _at(obj: Obj, path: str) -> Any:
    value: Any = obj
    for name in path.strip(".").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
