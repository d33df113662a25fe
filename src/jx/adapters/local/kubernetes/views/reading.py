"""Lists: which objects a selection means, now or at an earlier revision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jx.adapters.local.kubernetes.errors import bad_request, expired
from jx.adapters.local.kubernetes.store import Collection, Expired, Store, Stored
from jx.adapters.local.kubernetes.types import selectors
from jx.adapters.local.kubernetes.types.facts import Obj

# Beside its name and namespace, what objects of a kind can be selected by.
_FIELDS = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    ("", "events"): (
        "involvedObject.apiVersion",
        "involvedObject.fieldPath",
        "involvedObject.kind",
        "involvedObject.name",
        "involvedObject.namespace",
        "involvedObject.resourceVersion",
        "involvedObject.uid",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("events.k8s.io", "events"): (
        "regarding.apiVersion",
        "regarding.fieldPath",
        "regarding.kind",
        "regarding.name",
        "regarding.namespace",
        "regarding.resourceVersion",
        "regarding.uid",
        "reason",
        "reportingController",
        "source",
        "type",
    ),
    ("", "namespaces"): ("status.phase",),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "secrets"): ("type",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("", "replicationcontrollers"): ("status.replicas",),
    ("batch", "jobs"): ("status.successful",),
    ("certificates.k8s.io", "certificatesigningrequests"): ("spec.signerName",),
}


def selectable(collection: Collection, paths: Iterable[str] = ()) -> frozenset[str]:
    """The fields that the objects of a collection can be selected by."""
    more = _FIELDS.get(collection, tuple(path.strip(".") for path in paths))
    return frozenset(("metadata.name", "metadata.namespace", *more))


def named(query: Mapping[str, str]) -> str:
    """The one name that a list or watch is about by its field selector; empty where there is none."""
    try:
        terms = selectors.parse_field_terms(query.get("fieldSelector", ""))
    except selectors.SelectorError:
        return ""
    found = [value for field, operator, value in terms if field == "metadata.name" and operator == "="]
    return found[0] if found else ""


def unselectable(collection: Collection, field: str) -> str:
    """What a built-in kind says to a field that it cannot be selected by."""
    if collection == ("batch", "jobs"):
        return f'field label "{field}" not supported for Job'
    if collection in _FIELDS:
        return selectors.not_supported(field)
    return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'


@dataclass(frozen=True)
class Selection:
    """Which objects of a collection are meant."""

    namespace: str = ""
    labels: Callable[[Mapping[str, str]], bool] | None = None
    fields: Callable[[Obj], bool] | None = None

    @staticmethod
    def parse(
        namespace: str,
        labels: str,
        fields: str,
        supported: frozenset[str] | None = None,
        problem: Callable[[str], str] = selectors.not_supported,
    ) -> Selection:
        """From the texts of a request; ApiError 400 where one cannot be read."""
        try:
            return Selection(
                namespace,
                selectors.parse_labels(labels) if labels else None,
                selectors.parse_fields(fields, supported, problem) if fields else None,
            )
        except selectors.SelectorError as error:
            raise bad_request(str(error)) from error

    @property
    def is_partial(self) -> bool:
        """Whether a selector may leave objects out."""
        return self.labels is not None or self.fields is not None

    def holds(self, obj: Obj) -> bool:
        if self.namespace and obj["metadata"].get("namespace") != self.namespace:
            return False
        if self.labels and not self.labels(obj["metadata"].get("labels") or {}):
            return False
        return self.fields is None or self.fields(obj)


def select(entries: Sequence[Stored], selection: Selection) -> list[Stored]:
    """The entries (all of them of the selection's namespace) that a selection means."""
    if not selection.is_partial:
        return list(entries)
    return [stored for stored in entries if selection.holds(stored.obj)]


def entries_at(store: Store, collection: Collection, namespace: str, revision: int) -> list[Stored]:
    """What a collection held at a revision; ApiError 410 where that is forgotten."""
    try:
        changes = store.changes(collection, revision)
    except Expired as error:
        text = f"The resourceVersion for the provided list is too old: {revision}"
        raise expired(text) from error
    held = {
        (one.obj["metadata"].get("namespace", ""), one.obj["metadata"]["name"]): one
        for one in store.entries(collection)
    }
    for change in reversed(changes):
        if change.old is None:
            held.pop(change.key, None)
        else:
            held[change.key] = change.old
    return [held[key] for key in sorted(held) if namespace in ("", key[0])]
