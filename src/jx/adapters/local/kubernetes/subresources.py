"""What hangs below objects: status, scale, binding, eviction, logs and tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from jx.adapters.local.kubernetes import (
    bindings,
    decoding,
    disruptions,
    exchange,
    invalid,
    logs,
    metadata,
    patches,
)
from jx.adapters.local.kubernetes.accounts import Accounts
from jx.adapters.local.kubernetes.errors import (
    ApiError,
    bad_request,
    conflict,
    method_not_allowed,
    no_such_path,
    not_found,
    unfit_patch,
    verb_not_allowed,
)
from jx.adapters.local.kubernetes.exchange import Call, Response
from jx.adapters.local.kubernetes.facts import Obj, Schema
from jx.adapters.local.kubernetes.metadata import check_preconditions
from jx.adapters.local.kubernetes.paths import Target
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.requests import DeleteOptions
from jx.adapters.local.kubernetes.resources import Resources, request_for
from jx.adapters.local.kubernetes.verbs import Verbs

# Subresources whose body is the object itself.
_WHOLE = frozenset({"status", "finalize", "approval", "ephemeralcontainers", "resize"})
_SCALE = "io.k8s.api.autoscaling.v1.Scale"
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
        wanted = eviction.get("deleteOptions") or {}
        conditions = wanted.get("preconditions") or {}
        options = DeleteOptions(
            conditions.get("uid") or "",
            conditions.get("resourceVersion") or "",
            wanted.get("propagationPolicy") or "",
            wanted.get("gracePeriodSeconds"),
        )
        request = replace(request_for(call, served, target), subresource="")
        disruptions.check_eviction(self._verbs.store, self._verbs.get(request).obj)
        self._verbs.delete(request, options)
        return exchange.of_object({**_SUCCESS, "code": 201}, 201)

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
            return exchange.of_object(scale_of(served, self._verbs.get(request).obj))
        if verb not in ("update", "patch"):
            raise _not_allowed(served, verb)
        if call.content_type == exchange.APPLY:
            config = _applied_scale(served, exchange.parse_configuration(call, "Scale"))
            written = self._verbs.apply(request, config, force=call.flag("force"))
            return exchange.of_object(scale_of(served, written.stored.obj))

        def scaled(live: Obj) -> Obj:
            shown = scale_of(served, live, is_known=False)
            wanted = _wanted_scale(verb, call, shown)
            revision = wanted["metadata"].get("resourceVersion")
            if revision and revision != live["metadata"]["resourceVersion"]:
                why = "the object has been modified; please apply your changes to the latest version and try again"
                raise conflict(served.resource.group, served.resource.plural, target.name, why)
            if served.custom is None:
                _check_scale(target.name, wanted)
            return _set(live, _paths(served)[0], (wanted.get("spec") or {}).get("replicas", 0))

        written = self._verbs.rewrite(request, scaled)
        return exchange.of_object(scale_of(served, written.stored.obj))


def _not_there(served: Served, target: Target) -> ApiError:
    resource = served.resource
    return not_found(resource.group, resource.plural, target.name) if served.custom else no_such_path()


def _not_allowed(served: Served, verb: str) -> ApiError:
    resource = served.resource
    return verb_not_allowed(resource.group, resource.plural, verb) if served.custom else method_not_allowed()


def scale_of(served: Served, obj: Obj, *, is_known: bool = True) -> Obj:
    """The Scale of an object; ApiError 500 where a custom one that `is_known` does not say how many it wants."""
    spec_path, status_path, selector_path = _paths(served)
    if is_known and served.custom and _get(obj, spec_path) is None:
        problem = f'the spec replicas field "{spec_path}" does not exist'
        text = f"Internal error occurred: {problem}"
        raise ApiError(500, "InternalError", text, {"causes": [{"message": problem}]})
    meta = obj["metadata"]
    kept = {
        key: meta[key]
        for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if key in meta
    }
    status: Obj = {"replicas": _get(obj, status_path) or 0}
    selector = _get(obj, selector_path) if selector_path else None
    if text := selector if isinstance(selector, str) else _selector_text(selector):
        status["selector"] = text
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": kept,
        "spec": {"replicas": _get(obj, spec_path) or 0},
        "status": status,
    }


def _wanted_scale(verb: str, call: Call, shown: Obj) -> Obj:
    if verb == "update":
        return exchange.parse_body(call, "Scale")
    change: Any = exchange.parse_patch(call)
    try:
        if call.content_type == "application/json-patch+json":
            wanted = patches.json_patch(shown, change)
        elif call.content_type == "application/strategic-merge-patch+json":
            wanted = patches.strategic_merge(shown, change, Schema.deduced())
        else:
            wanted = patches.merge_patch(shown, change)
    except patches.PatchError as error:
        raise bad_request(error.message) from error
    if problem := decoding.problem_of(wanted, _SCALE):
        raise unfit_patch(orjson.dumps(wanted).decode(), problem)
    return wanted


def _applied_scale(served: Served, scale: Obj) -> Obj:
    """What an apply of a Scale says of the object that it scales."""
    api_version, kind = scale.get("apiVersion") or "", scale.get("kind") or ""
    if (api_version, kind) != ("autoscaling/v1", "Scale"):
        group, _, version = api_version.rpartition("/")
        raise bad_request(f"invalid object type: {group}/{version}, Kind={kind}")
    _check_scale(scale["metadata"].get("name") or "", scale)
    head = {"apiVersion": served.resource.api_version, "kind": served.resource.kind}
    made: Obj = {**head, "metadata": scale["metadata"]}
    replicas = (scale.get("spec") or {}).get("replicas")
    return made if replicas is None else _set(made, _paths(served)[0], replicas)


def _check_scale(name: str, scale: Obj) -> None:
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if isinstance(replicas, int) and replicas < 0:
        mistake = invalid.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise metadata.invalid_of("Scale", "autoscaling", name, [mistake])


def _paths(served: Served) -> tuple[str, str, str]:
    scale = served.custom.scale if served.custom else None
    if scale:
        return scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath", "")
    return ".spec.replicas", ".status.replicas", ".spec.selector"


def _get(obj: Obj, path: str) -> Any:
    value: Any = obj
    for key in path.strip(".").split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _set(obj: Obj, path: str, value: Any) -> Obj:
    key, _, rest = path.strip(".").partition(".")
    return {**obj, key: _set(obj.get(key) or {}, rest, value) if rest else value}


def _selector_text(selector: Any) -> str:
    if not isinstance(selector, dict):
        return ""
    if not {"matchLabels", "matchExpressions"} & selector.keys():
        selector = {"matchLabels": selector}
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or ():
        values = ",".join(sorted(one.get("values") or ()))
        match one["operator"]:
            case "In" | "NotIn" as operator:
                parts.append(f"{one['key']} {operator.lower()} ({values})")
            case "Exists":
                parts.append(one["key"])
            case _:
                parts.append(f"!{one['key']}")
    return ",".join(parts)
