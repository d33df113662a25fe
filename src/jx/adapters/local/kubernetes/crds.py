"""CustomResourceDefinitions: accepted, served, and cleaned up after."""

from __future__ import annotations

from jx.adapters.local.kubernetes import custom_rules
from jx.adapters.local.kubernetes.admission import Operation
from jx.adapters.local.kubernetes.deletion import CLEANUP
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.invalid import FieldError
from jx.adapters.local.kubernetes.metadata import invalid_fields
from jx.adapters.local.kubernetes.registry import Registry
from jx.adapters.local.kubernetes.requests import DeleteOptions, Request
from jx.adapters.local.kubernetes.store import Change, Collection
from jx.adapters.local.kubernetes.verbs import Verbs

DEFINITIONS: Collection = ("apiextensions.k8s.io", "customresourcedefinitions")
_MANAGER = "kube-apiserver"


class DefinitionRules:
    """An admission plugin: a definition that could not be served is refused, all mistakes at once."""

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if request.served.collection != DEFINITIONS or operation == "DELETE" or request.subresource:
            return new
        if errors := _mistakes(new):
            raise invalid_fields(request, errors)
        return _completed(new)


def _mistakes(definition: Obj) -> list[FieldError]:
    spec = definition.get("spec") or {}
    names, versions = spec.get("names") or {}, spec.get("versions") or []
    required = "Required value"
    errors = [
        FieldError(f"spec.{path}", required, "FieldValueRequired")
        for path, value in (
            ("group", spec.get("group")),
            ("scope", spec.get("scope")),
            ("names.plural", names.get("plural")),
            ("names.kind", names.get("kind")),
            ("versions", versions),
        )
        if not value
    ]
    if errors:
        return errors
    name, expected = definition["metadata"].get("name"), f"{names['plural']}.{spec['group']}"
    if name != expected:
        message = f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group'
        errors.append(FieldError("metadata.name", message))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        message = "Invalid value: must have exactly one version marked as storage version"
        errors.append(FieldError("spec.versions", message))
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}].schema.openAPIV3Schema"
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not schema:
            errors.append(FieldError(path, "Required value: schemas are required", "FieldValueRequired"))
        else:
            errors += custom_rules.faults(
                schema, "spec.validation.openAPIV3Schema" if len(versions) == 1 else path
            )
    return errors


def _completed(definition: Obj) -> Obj:
    spec = dict(definition["spec"])
    names = dict(spec["names"])
    names["singular"] = names.get("singular") or names["kind"].lower()
    names["listKind"] = names.get("listKind") or f"{names['kind']}List"
    spec["names"] = names
    spec["conversion"] = spec.get("conversion") or {"strategy": "None"}
    return {**definition, "spec": spec}


class Definitions:
    """A reactor: what a definition names is served before its status says that it is Established."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def resume(self) -> None:
        """Serve what was served before the last stop, and finish what a crash left undone."""
        for stored in self._verbs.store.entries(DEFINITIONS):
            self._verbs.registry.serve_custom(stored.obj)
        for stored in self._verbs.store.entries(DEFINITIONS):
            self._tend(stored.obj)

    def react(self, change: Change) -> None:
        if change.collection == DEFINITIONS:
            if change.type == "DELETED":
                self._verbs.registry.stop_custom(change.new.obj["metadata"]["name"])
            elif change.old is None or change.old.obj["spec"] != change.new.obj["spec"]:
                self._verbs.registry.serve_custom(change.new.obj)
                self._tend(change.new.obj)
            elif "deletionTimestamp" in change.new.obj["metadata"]:
                self._tend(change.new.obj)
            return
        if change.type == "DELETED":
            group, plural = change.collection
            definition = self._verbs.store.find(DEFINITIONS, ("", f"{plural}.{group}"))
            if definition and "deletionTimestamp" in definition.obj["metadata"]:
                self._finish(definition.obj)

    def _tend(self, definition: Obj) -> None:
        if "deletionTimestamp" in definition["metadata"]:
            self._clean_up(definition)
            return
        status = self._accepted(definition)
        if status != definition.get("status"):
            request = self._request(definition, subresource="status")
            self._verbs.rewrite(request, lambda live: {**live, "status": status})

    def _accepted(self, definition: Obj) -> Obj:
        spec, before = definition["spec"], definition.get("status") or {}
        taken = _kind_taken(self._verbs.registry, definition)
        now = self._verbs.now()
        if taken:
            names = _condition("NamesAccepted", "False", "KindConflict", taken)
            established = _condition("Established", "False", "NotAccepted", "not all names are accepted")
            self._verbs.registry.stop_custom(definition["metadata"]["name"])
        else:
            names = _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found")
            established = _condition(
                "Established", "True", "InitialNamesAccepted", "the initial names have been accepted"
            )
        storage = next(version["name"] for version in spec["versions"] if version.get("storage"))
        stored = list(before.get("storedVersions") or ())
        return {
            **before,
            "acceptedNames": {} if taken else spec["names"],
            "conditions": [
                _since(condition, before.get("conditions") or (), now) for condition in (names, established)
            ],
            "storedVersions": stored if storage in stored else [*stored, storage],
        }

    def _clean_up(self, definition: Obj) -> None:
        spec = definition["spec"]
        collection = (spec["group"], spec["names"]["plural"])
        store = self._verbs.store
        for stored in store.entries(collection):
            meta = stored.obj["metadata"]
            if "deletionTimestamp" in meta:
                continue
            served = self._verbs.registry.of_collection(collection)
            request = Request(served, meta.get("namespace", ""), meta["name"], manager=_MANAGER)
            if store.find(collection, request.key):
                self._verbs.delete(request, DeleteOptions(propagation="Background"))
        self._finish(definition)

    def _finish(self, definition: Obj) -> None:
        spec = definition["spec"]
        if self._verbs.store.entries((spec["group"], spec["names"]["plural"])):
            return
        live = self._verbs.store.find(DEFINITIONS, ("", definition["metadata"]["name"]))
        if live is None or CLEANUP not in (live.obj["metadata"].get("finalizers") or ()):
            return
        self._verbs.rewrite(self._request(definition), _without_cleanup)

    def _request(self, definition: Obj, *, subresource: str = "") -> Request:
        served = self._verbs.registry.get(*DEFINITIONS)
        name = definition["metadata"]["name"]
        return Request(served, name=name, subresource=subresource, manager=_MANAGER)


def _kind_taken(registry: Registry, definition: Obj) -> str:
    spec = definition["spec"]
    for resource in registry.resources():
        same = resource.group == spec["group"] and resource.plural != spec["names"]["plural"]
        if same and resource.kind == spec["names"]["kind"]:
            return f'"{resource.kind}" is already in use'
    return ""


def _condition(kind: str, status: str, reason: str, message: str) -> Obj:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _since(condition: Obj, before: list[Obj] | tuple[Obj, ...], now: str) -> Obj:
    same = (
        old for old in before if old["type"] == condition["type"] and old["status"] == condition["status"]
    )
    since = next((old["lastTransitionTime"] for old in same), now)
    # The real server writes the time between status and reason; JSON does not mind, people who read YAML do.
    return {
        "lastTransitionTime": since,
        "message": condition["message"],
        "reason": condition["reason"],
        "status": condition["status"],
        "type": condition["type"],
    }


def _without_cleanup(live: Obj) -> Obj:
    kept = [name for name in live["metadata"]["finalizers"] if name != CLEANUP]
    return {**live, "metadata": {**live["metadata"], "finalizers": kept}}
