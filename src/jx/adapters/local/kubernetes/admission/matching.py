"""Which requests a webhook or a policy is meant for, and how it sees them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from jx.adapters.local.kubernetes.calls.admission import NAMESPACES, Operation
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.registry import Registry, Served
from jx.adapters.local.kubernetes.store import Store
from jx.adapters.local.kubernetes.types import selectors
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.scales import of as scale_of

GROUP: Final = "admissionregistration.k8s.io"
_EXEMPT: Final = frozenset(
    {
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    }
)
_SCALE: Final = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
_OPTIONS: Final = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


@dataclass(frozen=True)
class Attributes:
    """A request as admission sees it; `new` is None for a delete, `old` for a create."""

    operation: Operation
    request: Request
    new: Obj | None
    old: Obj | None

    @staticmethod
    def of(operation: Operation, request: Request, new: Obj, old: Obj | None) -> Attributes:
        return Attributes(operation, request, None if operation == "DELETE" else new, old)

    @property
    def is_exempt(self) -> bool:
        """Whether the request is about admission itself, which must not lock itself out."""
        resource = self.request.served.resource
        return resource.group == GROUP and resource.plural in _EXEMPT

    @cached_property
    def is_namespace(self) -> bool:
        return self.request.served.collection == NAMESPACES

    @cached_property
    def namespace(self) -> str:
        """The request's namespace; that of a namespace is itself."""
        return self.request.name if self.is_namespace else self.request.namespace

    def asked(self, served: Served) -> Obj:
        """The AdmissionRequest, with the objects in a served version; without its uid."""
        request, resource = self.request, self.request.served.resource
        is_scale = request.subresource == "scale"
        shown: Obj = {
            "kind": _SCALE if is_scale else _kind(served),
            "resource": _resource(served),
            "requestKind": _SCALE if is_scale else _kind(request.served),
            "requestResource": _resource(request.served),
            "name": request.name,
            "namespace": self.namespace,
            "operation": self.operation,
            "userInfo": _user(request),
            "object": _seen(served, self.new, is_scale=is_scale),
            "oldObject": _seen(served, self.old, is_scale=is_scale),
            "dryRun": request.dry_run,
            "options": _options(self.operation, request),
        }
        if request.subresource:
            shown["subResource"] = shown["requestSubResource"] = request.subresource
        if not resource.namespaced and not self.is_namespace:
            del shown["namespace"]
        return {key: value for key, value in shown.items() if value != ""}


def _seen(served: Served, obj: Obj | None, *, is_scale: bool) -> Obj | None:
    if obj is None:
        return None
    return scale_of(served, obj) if is_scale else served.as_version(obj)


def _kind(served: Served) -> Obj:
    group, version, kind = served.gvk
    return {"group": group, "version": version, "kind": kind}


def _resource(served: Served) -> Obj:
    resource = served.resource
    return {"group": resource.group, "version": resource.version, "resource": resource.plural}


def _user(request: Request) -> Obj:
    user = request.user
    shown: Obj = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        shown["uid"] = user.uid
    if user.extra:
        shown["extra"] = {key: list(values) for key, values in user.extra.items()}
    return shown


def _options(operation: Operation, request: Request) -> Obj:
    options: Obj = {"kind": _OPTIONS[operation], "apiVersion": "meta.k8s.io/v1"}
    if request.dry_run:
        options["dryRun"] = ["All"]
    if operation != "DELETE":
        options |= {"fieldManager": request.manager, "fieldValidation": request.strictness}
    return options


class Matcher:
    """Answers for rules and selectors as webhooks and policies have them."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    def served_as(self, rules: Sequence[Obj], attributes: Attributes, policy: str) -> Served | None:
        """The version in which rules speak of a request's resource; None where they do not mean it.

        With the policy `Equivalent`, rules for another version of the resource mean it, too.
        """
        own = attributes.request.served
        if any(_means(rule, attributes, own) for rule in rules):
            return own
        if policy != "Equivalent":
            return None
        others = [
            served
            for served in self._registry.versions_of(own.collection)
            if served.resource.version != own.resource.version
        ]
        return next(
            (other for rule in rules for other in others if _means(rule, attributes, other)),
            None,
        )

    def selects(self, source: Obj, attributes: Attributes) -> bool:
        """Whether `namespaceSelector` and `objectSelector` let a request in."""
        wanted = source.get("namespaceSelector")
        if wanted and attributes.namespace:
            labels = self._namespace_labels(attributes)
            if not selectors.matches_label_selector(wanted, labels):
                return False
        wanted = source.get("objectSelector")
        if not wanted:
            return True
        return any(
            selectors.matches_label_selector(wanted, obj["metadata"].get("labels") or {})
            for obj in (attributes.new, attributes.old)
            if obj is not None
        )

    def namespace_of(self, attributes: Attributes) -> Obj | None:
        """The namespace that the object is in."""
        if attributes.is_namespace or not attributes.namespace:
            return None
        found = self._store.find(NAMESPACES, ("", attributes.namespace))
        return found.obj if found else None

    def _namespace_labels(self, attributes: Attributes) -> Obj:
        if attributes.is_namespace and attributes.new is not None:
            labels: Obj = attributes.new["metadata"].get("labels") or {}
            return labels
        found = self._store.find(NAMESPACES, ("", attributes.namespace))
        return (found.obj["metadata"].get("labels") or {}) if found else {}


def _means(rule: Obj, attributes: Attributes, served: Served) -> bool:
    resource = served.resource
    return (
        _is_listed(rule.get("operations"), attributes.operation)
        and _is_listed(rule.get("apiGroups"), resource.group)
        and _is_listed(rule.get("apiVersions"), resource.version)
        and _names(rule.get("resources") or (), resource.plural, attributes.request.subresource)
        and _in_scope(rule.get("scope") or "*", attributes)
        and (not rule.get("resourceNames") or attributes.request.name in rule["resourceNames"])
    )


def _is_listed(items: Iterable[str] | None, wanted: str) -> bool:
    return any(item in ("*", wanted) for item in items or ())


def _names(items: Iterable[str], plural: str, subresource: str) -> bool:
    return any(
        name in ("*", plural) and below in ("*", subresource)
        for name, _, below in (item.partition("/") for item in items)
    )


def _in_scope(scope: str, attributes: Attributes) -> bool:
    is_namespaced = attributes.request.served.resource.namespaced
    return scope == "*" or (scope == "Namespaced") is is_namespaced
