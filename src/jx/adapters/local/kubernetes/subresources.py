"""What hangs below objects: status, scale, binding, eviction, logs and tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jx.adapters.local.kubernetes.access.accounts import Accounts
from jx.adapters.local.kubernetes.calls import exchange
from jx.adapters.local.kubernetes.calls.exchange import Call, Response
from jx.adapters.local.kubernetes.calls.paths import Target
from jx.adapters.local.kubernetes.calls.requests import DeleteOptions, Request
from jx.adapters.local.kubernetes.errors import (
    ApiError,
    bad_request,
    conflict,
    method_not_allowed,
    no_such_path,
    not_found,
    verb_not_allowed,
)
from jx.adapters.local.kubernetes.lifecycles import disruptions
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.resources import Resources, request_for
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views import logs
from jx.adapters.local.kubernetes.writes import bindings, scales
from jx.adapters.local.kubernetes.writes.metadata import check_preconditions
from jx.adapters.local.kubernetes.writes.verbs import Verbs

# Subresources whose body is the object itself.
_WHOLE = frozenset({"status", "finalize", "approval", "ephemeralcontainers", "resize"})
_SUCCESS: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}


class Subresources:
    """Handlers of all subresources."""

    def __init__(
        self,
        verbs: Verbs,
        resources: Resources,
        accounts: Accounts,
        log_source: Callable[[], logs.LogSource | None],
    ) -> None:
        self._verbs = verbs
        self._resources = resources
        self._accounts = accounts
        self._log_source = log_source

    def handle(self, verb: str, call: Call, served: Served, target: Target) -> Response:
        if target.subresource not in served.resource.subresources:
            raise _not_there(served, target)
        if target.subresource in _WHOLE:
            if verb not in ("get", "update", "patch"):
                raise _not_allowed(served, verb)
            return self._resources.handle(verb, call, served, target)
        match target.subresource, verb:
            case "scale", _:
                return self._scale(verb, call, served, target)
            case "log", "get":
                return self._log(call, served, target)
            case "binding", "create":
                return self._bind(call, served, target, exchange.parse_body(call, "Binding"))
            case "eviction", "create":
                return self._evict(call, served, target)
            case "token", "create":
                review = self._accounts.request_token(
                    target.namespace, target.name, exchange.parse_body(call, "TokenRequest")
                )
                return exchange.of_object(review, 201)
            case _:
                raise ApiError(
                    501, "NotImplemented", f"{target.subresource} is not available in this cluster"
                )

    def bind(self, call: Call, served: Served, target: Target) -> Response:
        """POST of a Binding beside pods, as schedulers once did."""
        body = exchange.parse_body(call, "Binding")
        pods = self._verbs.registry.get("", "pods")
        return self._bind(
            call, pods, replace(target, plural="pods", name=body["metadata"].get("name", "")), body
        )

    def _bind(self, call: Call, served: Served, target: Target, binding: Obj) -> Response:
        request = replace(request_for(call, served, target), subresource="binding")
        bindings.check(target.name, binding)
        node, now = binding["target"]["name"], self._verbs.now()
        conditions = {key: binding["metadata"].get(key) for key in ("uid", "resourceVersion")}

        def bound(pod: Obj) -> Obj:
            check_preconditions(request, pod, {"metadata": {k: v for k, v in conditions.items() if v}})
            return bindings.bound(pod, node, now, binding)

        self._verbs.overwrite(request, bound)
        return exchange.of_object({**_SUCCESS, "code": 201}, 201)

    def _evict(self, call: Call, served: Served, target: Target) -> Response:
        eviction = exchange.parse_body(call, "Eviction")
        if eviction["metadata"].get("name") != target.name:
            raise bad_request("name in URL does not match name in Eviction object")
        wanted = eviction.get("deleteOptions") or {}
        conditions = wanted.get("preconditions") or {}
        options = DeleteOptions(
            conditions.get("uid") or "",
            conditions.get("resourceVersion") or "",
            wanted.get("propagationPolicy") or "",
            wanted.get("gracePeriodSeconds"),
        )
        request = replace(request_for(call, served, target), subresource="")
        if wanted.get("dryRun"):
            request = replace(request, dry_run=True)
        budget = disruptions.spent(self._verbs.store, self._verbs.get(request).obj, self._verbs.now())
        if budget is not None:
            self._spend(request, budget)
        self._verbs.delete(request, options)
        return exchange.of_object({**_SUCCESS, "code": 201}, 201)

    def _spend(self, request: Request, budget: Obj) -> None:
        """Write the status of a budget that one pod fewer may go from."""
        spending = Request(
            self._verbs.registry.get(*disruptions.BUDGETS),
            request.namespace,
            budget["metadata"]["name"],
            "status",
            manager="kube-apiserver",
            dry_run=request.dry_run,
        )
        self._verbs.rewrite(spending, lambda live: {**live, "status": budget["status"]})

    def _log(self, call: Call, served: Served, target: Target) -> Response:
        request = request_for(call, served, target)
        pod = served.as_version(self._verbs.get(request).obj)

        def is_over() -> bool:
            live = self._verbs.store.find(served.collection, request.key)
            return live is None or (live.obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")

        return logs.respond(call, pod, self._log_source(), is_over)

    def _scale(self, verb: str, call: Call, served: Served, target: Target) -> Response:
        request = request_for(call, served, target)
        if verb == "get":
            return exchange.of_object(scales.of(served, self._verbs.get(request).obj))
        if verb not in ("update", "patch"):
            raise _not_allowed(served, verb)
        if call.content_type == exchange.APPLY:
            config = scales.applied(served, exchange.parse_configuration(call, "Scale"))
            written = self._verbs.apply(request, config, force=call.flag("force"))
            return exchange.of_object(scales.of(served, written.stored.obj))

        def scaled(live: Obj) -> Obj:
            shown = scales.of(served, live, is_known=False)
            wanted = scales.wanted(verb, call, shown)
            revision = wanted["metadata"].get("resourceVersion")
            if revision and revision != live["metadata"]["resourceVersion"]:
                why = "the object has been modified; please apply your changes to the latest version and try again"
                raise conflict(served.resource.group, served.resource.plural, target.name, why)
            if served.custom is None:
                scales.check(target.name, wanted)
            return scales.scaled(served, live, (wanted.get("spec") or {}).get("replicas", 0))

        written = self._verbs.rewrite(request, scaled)
        return exchange.of_object(scales.of(served, written.stored.obj))


def _not_there(served: Served, target: Target) -> ApiError:
    resource = served.resource
    return not_found(resource.group, resource.plural, target.name) if served.custom else no_such_path()


def _not_allowed(served: Served, verb: str) -> ApiError:
    resource = served.resource
    return verb_not_allowed(resource.group, resource.plural, verb) if served.custom else method_not_allowed()
