"""Which of the names that a CustomResourceDefinition asks for it gets, and what its status says of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from jx.adapters.local.kubernetes.store import Collection
from jx.adapters.local.kubernetes.types.facts import Obj

DEFINITIONS: Final[Collection] = ("apiextensions.k8s.io", "customresourcedefinitions")
_KINDS: Final = ("kind", "listKind")


def status_of(definition: Obj, others: Iterable[Obj], now: str) -> Obj:
    """The status of a definition beside the others of its group; as it is where there is nothing to decide."""
    status: Obj = definition.get("status") or {}
    wanted, had = definition["spec"]["names"], status.get("acceptedNames") or {}
    if wanted == had:
        return _established(status, now)
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        taken = (other.get("status") or {}).get("acceptedNames") or {}
        resources |= {
            taken.get("plural") or "",
            taken.get("singular") or "",
            *(taken.get("shortNames") or ()),
        }
        kinds |= {taken.get("kind") or "", taken.get("listKind") or ""}
    given, conflict = _decided(wanted, had, resources, kinds)
    reason, message = conflict or ("NoConflicts", "no conflicts found")
    accepted = condition("NamesAccepted", reason, message, holds=not conflict)
    made = with_condition({**status, "acceptedNames": given}, accepted, now)
    if not is_true(made, "Established"):
        text = "not all names are accepted" if conflict else "the initial names have been accepted"
        reason = "NotAccepted" if conflict else "Installing"
        made = with_condition(made, condition("Established", reason, text, holds=False), now)
    return _established(made, now)


def _decided(
    wanted: Obj, had: Obj, resources: set[str], kinds: set[str]
) -> tuple[Obj, tuple[str, str] | None]:
    """The names that a definition has from now on, and the last reason why one is not given."""
    given, conflict = dict(had), None
    for key in ("plural", "singular", "shortNames", *_KINDS):
        used = kinds if key in _KINDS else resources
        if problem := _problem(wanted.get(key), had.get(key), used):
            conflict = (f"{key[:1].upper()}{key[1:]}Conflict", problem)
        elif key in wanted:
            given[key] = wanted[key]
        else:
            given.pop(key, None)
    given.pop("categories", None)
    if wanted.get("categories"):
        given["categories"] = wanted["categories"]
    return given, conflict


def _problem(wanted: Any, had: Any, used: set[str]) -> str:
    if wanted == had:
        return ""
    if isinstance(wanted, str):
        return f'"{wanted}" is already in use' if wanted in used else ""
    texts = [
        f'"{name}" is already in use' for name in wanted or () if name not in (had or ()) and name in used
    ]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]" if texts else ""


def _established(status: Obj, now: str) -> Obj:
    if not is_true(status, "NamesAccepted") or is_true(status, "Established"):
        return status
    text = "the initial names have been accepted"
    return with_condition(status, condition("Established", "InitialNamesAccepted", text, holds=True), now)


def condition(kind: str, reason: str, message: str, *, holds: bool) -> Obj:
    """A condition without its time."""
    return {"message": message, "reason": reason, "status": "True" if holds else "False", "type": kind}


def with_condition(status: Obj, new: Obj, now: str) -> Obj:
    """The status with a condition set; its time changes with its status only."""
    conditions = list(status.get("conditions") or ())
    for index, old in enumerate(conditions):
        if old["type"] == new["type"]:
            since = old["lastTransitionTime"] if old["status"] == new["status"] else now
            conditions[index] = {"lastTransitionTime": since, **new}
            return {**status, "conditions": conditions}
    return {**status, "conditions": [*conditions, {"lastTransitionTime": now, **new}]}


def is_true(status: Obj, kind: str) -> bool:
    """Whether a condition holds."""
    return any(one["type"] == kind and one["status"] == "True" for one in status.get("conditions") or ())


def is_served(definition: Obj) -> bool:
    """Whether requests for its resource are answered."""
    status: Obj = definition.get("status") or {}
    return is_true(status, "NamesAccepted") or is_true(status, "Established")


def with_stored_version(definition: Obj) -> Obj:
    """The definition with its storage version among those in which objects may be stored."""
    storage = next(
        (
            version.get("name")
            for version in (definition.get("spec") or {}).get("versions") or ()
            if version.get("storage")
        ),
        None,
    )
    stored = (definition.get("status") or {}).get("storedVersions") or []
    if storage is None or storage in stored:
        return definition
    return {
        **definition,
        "status": {**(definition.get("status") or {}), "storedVersions": [*stored, storage]},
    }
