"""The chain that every write passes after defaulting: each plugin may complete the object or refuse the request.

Webhooks and admission policies are further plugins of this chain.
"""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.errors import ApiError, forbidden, not_found
from jx.adapters.local.kubernetes.store import Store
from jx.adapters.local.kubernetes.types.facts import Obj

Operation: TypeAlias = Literal["CREATE", "UPDATE", "DELETE"]

NAMESPACES = ("", "namespaces")
IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


class Plugin(Protocol):
    """One step of admission."""

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        """The object to store (`new`, or a completed copy); for a delete `new` is the object that goes.

        A refusal is an ApiError. With `request.dry_run` nothing outside of the object may change.
        """


class Judge(Protocol):
    """A last step of admission: it sees the finished object and may only refuse it."""

    def judge(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> None:
        """As `admit`, but without a say in what is stored."""


class NamespaceLifecycle:
    """Nothing is made in a namespace that is missing or going, and some namespaces stay for ever."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        resource = request.served.resource
        if operation == "DELETE" and request.served.collection == NAMESPACES and request.name in IMMORTAL:
            raise forbidden("", "namespaces", request.name, "this namespace may not be deleted")
        if operation != "CREATE" or not resource.namespaced:
            return new
        namespace = self._store.find(NAMESPACES, ("", request.namespace))
        if namespace is None:
            raise not_found("", "namespaces", request.namespace)
        if "deletionTimestamp" in namespace.obj["metadata"]:
            raise _terminating(request)
        return new


def _terminating(request: Request) -> ApiError:
    resource = request.served.resource
    why = f"unable to create new content in namespace {request.namespace} because it is being terminated"
    error = forbidden(resource.group, resource.plural, request.name, why)
    message = f"namespace {request.namespace} is being terminated"
    cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
    return ApiError(error.status, error.reason, error.message, {**error.details, "causes": [cause]})
