"""Lists: which objects a selection means, in pages that all show one state."""

from __future__ import annotations

import base64
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from jx.adapters.local.kubernetes import selectors
from jx.adapters.local.kubernetes.errors import ApiError, bad_request, expired
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.store import Collection, Stored

_KEPT_LISTS = 64


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
    ("", "namespaces"): ("status.phase",),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "secrets"): ("type",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("", "replicationcontrollers"): ("status.replicas",),
    ("batch", "jobs"): ("status.successful",),
    ("certificates.k8s.io", "certificatesigningrequests"): ("spec.signerName",),
}


def selectable(collection: Collection) -> frozenset[str]:
    """The fields that the objects of a collection can be selected by."""
    return frozenset(("metadata.name", "metadata.namespace", *_FIELDS.get(collection, ())))


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


@dataclass(frozen=True)
class Page:
    """A part of a list; `token` leads to the next part, "" on the last one."""

    entries: Sequence[Stored]
    revision: int
    token: str = ""
    remaining: int | None = None


class Pages:
    """Lists that are given out in parts. The rest of a list is kept, so that all its parts show the same revision."""

    def __init__(self) -> None:
        self._lists: OrderedDict[str, tuple[list[Stored], int, bool]] = OrderedDict()

    def first(self, entries: list[Stored], revision: int, limit: int, *, is_partial: bool) -> Page:
        if not limit or len(entries) <= limit:
            return Page(entries, revision)
        name = secrets.token_hex(8)
        self._lists[name] = (entries, revision, is_partial)
        while len(self._lists) > _KEPT_LISTS:
            self._lists.popitem(last=False)
        return self._page(name, 0, limit)

    def following(self, token: str, limit: int) -> Page:
        """The part that a token leads to; 410 where the list is no longer kept, 400 for a foreign token."""
        try:
            name, start = orjson.loads(base64.urlsafe_b64decode(token.encode() + b"=="))
        except ValueError as error:
            raise bad_request(f"continue key is not valid: {error}") from error
        if name not in self._lists:
            raise _too_old()
        return self._page(name, int(start), limit)

    def _page(self, name: str, start: int, limit: int) -> Page:
        entries, revision, is_partial = self._lists[name]
        end = start + limit if limit else len(entries)
        if end >= len(entries):
            return Page(entries[start:], revision)
        token = base64.urlsafe_b64encode(orjson.dumps([name, end])).decode().rstrip("=")
        return Page(entries[start:end], revision, token, None if is_partial else len(entries) - end)


def _too_old() -> ApiError:
    return expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list"
        " without the continue parameter, or use the continue token in this response to retrieve the remainder of the"
        " results. Continuing with the provided token results in an inconsistent list - objects that were created,"
        " modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
