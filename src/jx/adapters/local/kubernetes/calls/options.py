"""The options that a write may have in its query, and for a delete in its body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes import errors
from jx.adapters.local.kubernetes.calls import exchange
from jx.adapters.local.kubernetes.calls.exchange import Call
from jx.adapters.local.kubernetes.calls.requests import DeleteOptions
from jx.adapters.local.kubernetes.errors import bad_request
from jx.adapters.local.kubernetes.types import decoding
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError

APPLY: Final = "application/apply-patch+yaml"
_GROUP: Final = "meta.k8s.io"
_DELETE: Final = "DeleteOptions"
_DEFINITION: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_LONGEST_MANAGER: Final = 128
_KINDS: Final = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
_STRICTNESS: Final = ("", "Ignore", "Strict", "Warn")
_PROPAGATIONS: Final = ("Foreground", "Background", "Orphan", "nil")


def check_write(call: Call) -> None:
    """Refuse a create, update or patch with options that mean nothing; all mistakes at once."""
    kind = _KINDS.get(call.method)
    if kind is None:
        return
    mistakes = [*_patch_mistakes(call), *_manager_mistakes(call.query.get("fieldManager") or "")]
    mistakes += _dry_run_mistakes([call.query["dryRun"]] if "dryRun" in call.query else [])
    strictness = call.query.get("fieldValidation") or ""
    if strictness not in _STRICTNESS:
        mistakes.append(invalid.unsupported("fieldValidation", strictness, _STRICTNESS))
    _refuse(kind, mistakes)


def of_delete(call: Call) -> tuple[DeleteOptions, bool]:
    """The options of a delete, and whether it is only tried."""
    body = _from_body(call) if call.body.strip() else _from_query(call)
    propagation, orphan = body.get("propagationPolicy"), body.get("orphanDependents")
    grace = body.get("gracePeriodSeconds")
    dry_run = body.get("dryRun") or []
    _refuse(
        "DeleteOptions", [*_propagation_mistakes(propagation, orphan=orphan), *_dry_run_mistakes(dry_run)]
    )
    if orphan is not None:
        propagation = "Orphan" if orphan else "Background"
    conditions: Obj = body.get("preconditions") or {}
    revision, uid = conditions.get("resourceVersion") or "", conditions.get("uid") or ""
    return DeleteOptions(uid, revision, propagation or "", grace), bool(dry_run)


def _from_body(call: Call) -> Obj:
    found = exchange.parse_delete_options(call)
    kind, version = found.get("kind") or _DELETE, found.get("apiVersion") or "v1"
    if kind != _DELETE:
        raise bad_request(
            f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        )
    if problem := decoding.problem_of(found, _DEFINITION):
        raise bad_request(problem)
    return found


def _from_query(call: Call) -> Obj:
    found: Obj = {}
    if "gracePeriodSeconds" in call.query:
        text = call.query["gracePeriodSeconds"]
        try:
            found["gracePeriodSeconds"] = int(text)
        except ValueError as error:
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error
    if "orphanDependents" in call.query:
        found["orphanDependents"] = call.flag("orphanDependents")
    if call.query.get("propagationPolicy"):
        found["propagationPolicy"] = call.query["propagationPolicy"]
    if "dryRun" in call.query:
        found["dryRun"] = [call.query["dryRun"]]
    return found


def _patch_mistakes(call: Call) -> Iterator[FieldError]:
    if call.method != "PATCH":
        return
    if call.content_type == APPLY:
        if not call.query.get("fieldManager"):
            yield invalid.required("fieldManager", "is required for apply patch")
    elif "force" in call.query:
        yield invalid.forbidden("force", "may not be specified for non-apply patch")


def _manager_mistakes(manager: str) -> Iterator[FieldError]:
    if len(manager.encode()) > _LONGEST_MANAGER:
        yield invalid.too_long("fieldManager", _LONGEST_MANAGER)
    for index, character in enumerate(manager):
        if not character.isprintable():
            detail = f"invalid character U+{ord(character):04X} (at position {index})"
            yield invalid.invalid("fieldManager", manager, detail)


def _dry_run_mistakes(values: list[Any]) -> Iterator[FieldError]:
    if any(value != "All" for value in values):
        yield invalid.unsupported("dryRun", values, ("All",))


def _propagation_mistakes(propagation: str | None, *, orphan: bool | None) -> Iterator[FieldError]:
    if propagation is None:
        return
    if orphan is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        yield invalid.invalid("propagationPolicy", propagation, detail)
    elif propagation not in _PROPAGATIONS:
        yield invalid.unsupported("propagationPolicy", propagation, _PROPAGATIONS)


def _refuse(kind: str, mistakes: list[FieldError]) -> None:
    if mistakes:
        causes = [(mistake.reason, mistake.path, mistake.message) for mistake in mistakes]
        raise errors.invalid(_GROUP, kind, "", causes)
