"""CustomResourceDefinitions: accepted, served, and cleaned up after."""

from __future__ import annotations

from jx.adapters.local.kubernetes.calls.admission import Operation
from jx.adapters.local.kubernetes.calls.requests import DeleteOptions, Request
from jx.adapters.local.kubernetes.definitions import definition_names, definition_rules
from jx.adapters.local.kubernetes.definitions.definition_names import DEFINITIONS
from jx.adapters.local.kubernetes.errors import forbidden
from jx.adapters.local.kubernetes.store import Change, Store
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.deletion import CLEANUP
from jx.adapters.local.kubernetes.writes.verbs import Verbs

_MANAGER = "kube-apiserver"


class DefinitionRules:
    """An admission plugin: warns of formats that nobody checks; nothing is made of a definition that goes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        custom = request.served.custom
        if custom and operation == "CREATE":
            definition = self._store.find(DEFINITIONS, ("", custom.definition))
            if definition and "deletionTimestamp" in definition.obj["metadata"]:
                resource = request.served.resource
                why = "create not allowed while custom resource definition is terminating"
                raise forbidden(resource.group, resource.plural, request.name, why)
        is_definition = request.served.collection == DEFINITIONS and not request.subresource
        if is_definition and operation != "DELETE":
            known = definition_rules.unknown_formats(old) if old else []
            found = [form for form in definition_rules.unknown_formats(new) if form not in known]
            request.warnings.extend(f'unrecognized format "{form}"' for form in found)
        return new


class Definitions:
    """A reactor: what a definition names is served as soon as its status says that its names are accepted."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs

    def resume(self) -> None:
        """Serve what was served before the last stop, and finish what a crash left undone."""
        for stored in self._verbs.store.entries(DEFINITIONS):
            self._serve(stored.obj)
        for stored in self._verbs.store.entries(DEFINITIONS):
            self._tend(stored.obj)

    def react(self, change: Change) -> None:
        if change.collection == DEFINITIONS:
            self._follow(change)
            return
        if change.type == "DELETED":
            group, plural = change.collection
            definition = self._verbs.store.find(DEFINITIONS, ("", f"{plural}.{group}"))
            if definition and "deletionTimestamp" in definition.obj["metadata"]:
                self._finish(definition.obj)

    def _follow(self, change: Change) -> None:
        new, old = change.new.obj, change.old.obj if change.old else None
        if change.type == "DELETED":
            self._verbs.registry.stop_custom(new["metadata"]["name"])
            self._tend_others(new)
            return
        if old is None or old["spec"] != new["spec"] or old.get("status") != new.get("status"):
            self._serve(new)
        self._tend(new)
        if old is not None and _accepted(old) != _accepted(new):
            self._tend_others(new)

    def _serve(self, definition: Obj) -> None:
        if definition_names.is_served(definition):
            self._verbs.registry.serve_custom(definition)
        else:
            self._verbs.registry.stop_custom(definition["metadata"]["name"])

    def _tend(self, definition: Obj) -> None:
        if "deletionTimestamp" in definition["metadata"]:
            self._clean_up(definition)
            return
        status = definition_names.status_of(definition, self._others(definition), self._verbs.now())
        if status != definition.get("status"):
            request = self._request(definition, subresource="status")
            self._verbs.rewrite(request, lambda live: {**live, "status": status})

    def _others(self, definition: Obj) -> list[Obj]:
        """The definitions of the same group; itself not among them."""
        found = [stored.obj for stored in self._verbs.store.entries(DEFINITIONS)]
        name, group = definition["metadata"]["name"], definition["spec"]["group"]
        return [one for one in found if one["spec"]["group"] == group and one["metadata"]["name"] != name]

    def _tend_others(self, definition: Obj) -> None:
        """Names that are free again may be what another one waits for."""
        for other in self._others(definition):
            if not definition_names.is_true(other.get("status") or {}, "NamesAccepted"):
                self._tend(other)

    def _clean_up(self, definition: Obj) -> None:
        spec, status = definition["spec"], definition.get("status") or {}
        if CLEANUP not in (definition["metadata"].get("finalizers") or ()):
            return
        if not definition_names.is_true(status, "Established"):
            self._finish(definition)
            return
        text = "CustomResource deletion is in progress"
        going = definition_names.condition("Terminating", "InstanceDeletionInProgress", text, holds=True)
        made = definition_names.with_condition(status, going, self._verbs.now())
        if made != status:
            request = self._request(definition, subresource="status")
            self._verbs.rewrite(request, lambda live: {**live, "status": made})
            return
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


def _accepted(definition: Obj) -> Obj:
    accepted: Obj = (definition.get("status") or {}).get("acceptedNames") or {}
    return accepted


def _without_cleanup(live: Obj) -> Obj:
    kept = [name for name in live["metadata"]["finalizers"] if name != CLEANUP]
    return {**live, "metadata": {**live["metadata"], "finalizers": kept}}
