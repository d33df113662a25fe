"""What may stand in pods and lasting workloads, and what may change of them; in the real server's words and order."""

import re
from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes.kinds import claim_rules, object_rules
from jx.adapters.local.kubernetes.kinds.podspecs import specs, updates
from jx.adapters.local.kubernetes.types import internal_types, selectors
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

_NOT_NEGATIVE: Final = "must be greater than or equal to 0"
_SELECTOR: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"
_APPS: Final = "io.k8s.api.apps.v1."
_PERCENT: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)
_UNMATCHED: Final = "`selector` does not match template `labels`"
_POD_MANAGEMENT: Final = ("OrderedReady", "Parallel")
_RETENTIONS: Final = ("Retain", "Delete")
_STATEFUL_FREE: Final = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def pod(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """Pods."""
    return specs.create_mistakes(obj) if old is None else updates.mistakes(obj, old)


def ephemeral_containers(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """Pods whose containers for looking around are changed."""
    return updates.ephemeral_mistakes(obj, old or {})


def pod_template(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """PodTemplates."""
    return specs.template_mistakes(obj.get("template") or {}, "template")


def not_negative(owner: Obj, path: str, *keys: str) -> Iterator[FieldError]:
    """Numbers that have to be zero or more."""
    for key in keys:
        value = owner.get(key)
        if value is not None and value < 0:
            yield invalid.invalid(f"{path}.{key}", value, _NOT_NEGATIVE)


def immutable(obj: Obj, old: Obj, path: str, definition: str = "") -> Iterator[FieldError]:
    """A field that stays as it is; `definition` is its type's name, where it is no scalar."""
    after, before = (_get(one, path) for one in (obj, old))
    if after != before:
        shown = internal_types.printed(after, definition) if definition else after
        yield invalid.invalid(path, shown, invalid.IMMUTABLE)


def _get(obj: Any, path: str) -> Any:
    for key in path.split("."):
        obj = obj.get(key) if isinstance(obj, dict) else None
    return obj


def printed_selector(selector: Obj | None) -> invalid.Printed:
    """A LabelSelector as messages show it."""
    return internal_types.printed(selector, _SELECTOR)


def matches(selector: Obj | None, labels: Obj | None) -> bool | None:
    """Whether a selector takes labels; None where it cannot be read."""
    for one in (selector or {}).get("matchExpressions") or ():
        if one.get("operator") in ("In", "NotIn"):
            if not one.get("values"):
                return None
        elif one.get("values"):
            return None
    if list(object_rules.selector_mistakes(selector, "")):
        return None
    try:
        return selectors.matches_label_selector(selector, labels or {})
    except selectors.SelectorError:
        return None


def _selector_mistakes(spec: Obj, kind: str, detail: str = "invalid label selector") -> Iterator[FieldError]:
    """The selector, and the template where the selector can be read."""
    selector = spec.get("selector")
    if selector is None:
        yield invalid.required("spec.selector")
    yield from object_rules.selector_mistakes(selector, "spec.selector")
    is_empty = not ((selector or {}).get("matchLabels") or (selector or {}).get("matchExpressions"))
    if selector is not None and is_empty:
        yield invalid.invalid(
            "spec.selector", printed_selector(selector), f"empty selector is invalid for {kind}"
        )
    labels = _labels(spec)
    found = matches(selector, labels)
    if found is None:
        yield invalid.invalid("spec.selector", printed_selector(selector), detail)
    elif not found and not (selector is not None and is_empty):
        yield invalid.invalid("spec.template.metadata.labels", labels, _UNMATCHED)


def _labels(spec: Obj) -> Obj | None:
    labels: Obj | None = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    return labels


def _lasting(spec: Obj, kind: str) -> Iterator[FieldError]:
    """What the pods of a lasting workload may not be."""
    own = (spec.get("template") or {}).get("spec") or {}
    if own.get("restartPolicy") != "Always":
        path = "spec.template.spec.restartPolicy"
        yield invalid.unsupported(path, own.get("restartPolicy") or "", ("Always",))
    if own.get("activeDeadlineSeconds") is not None:
        path = "spec.template.spec.activeDeadlineSeconds"
        yield invalid.forbidden(path, f"activeDeadlineSeconds in {kind} is not Supported")


def _replicated(spec: Obj) -> Iterator[FieldError]:
    found = list(_selector_mistakes(spec, "deployment"))
    yield from found
    if matches(spec.get("selector"), _labels(spec)) is not None:
        yield from specs.template_mistakes(spec.get("template") or {}, "spec.template")
        yield from _lasting(spec, "ReplicaSet")


def share_mistakes(value: Any, path: str) -> Iterator[FieldError]:
    """A number of pods, or a percentage."""
    if isinstance(value, str):
        if not re.fullmatch("[0-9]+%", value):
            yield invalid.invalid(path, value, _PERCENT)
    elif value is not None and value < 0:
        yield invalid.invalid(path, value, _NOT_NEGATIVE)


def _at_most_all(value: Any, path: str) -> Iterator[FieldError]:
    if isinstance(value, str) and re.fullmatch("[0-9]+%", value) and int(value[:-1]) > 100:
        yield invalid.invalid(path, value, "must not be greater than 100%")


def _amount(value: Any) -> int:
    if isinstance(value, str):
        return int(value.removesuffix("%")) if re.fullmatch("[0-9]+%?", value) else 0
    return value or 0


def deployment(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """Deployments."""
    spec = obj.get("spec") or {}
    yield from not_negative(spec, "spec", "replicas")
    yield from _replicated(spec)
    yield from _deployment_strategy(spec.get("strategy") or {}, "spec.strategy")
    yield from not_negative(
        spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"
    )
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        detail = "must be greater than minReadySeconds"
        yield invalid.invalid("spec.progressDeadlineSeconds", deadline, detail)
    if old is not None:
        yield from immutable(obj, old, "spec.selector", _SELECTOR)


def _deployment_strategy(strategy: Obj, path: str) -> Iterator[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    here = f"{path}.rollingUpdate"
    if kind == "Recreate":
        if rolling is not None:
            yield invalid.forbidden(here, "may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate":
        unavailable, surge = ((rolling or {}).get(key) for key in ("maxUnavailable", "maxSurge"))
        yield from share_mistakes(unavailable, f"{here}.maxUnavailable")
        yield from share_mistakes(surge, f"{here}.maxSurge")
        if not _amount(unavailable) and not _amount(surge):
            detail = "may not be 0 when `maxSurge` is 0"
            yield invalid.invalid(f"{here}.maxUnavailable", unavailable, detail)
        yield from _at_most_all(unavailable, f"{here}.maxUnavailable")
    else:
        shown = internal_types.printed(strategy, f"{_APPS}DeploymentStrategy")
        yield invalid.unsupported(path, shown, ("Recreate", "RollingUpdate"))


def replica_set(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """ReplicaSets."""
    spec = obj.get("spec") or {}
    yield from not_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from _replicated(spec)
    if old is not None:
        yield from immutable(obj, old, "spec.selector", _SELECTOR)


def replication_controller(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """ReplicationControllers."""
    spec = obj.get("spec") or {}
    yield from not_negative(spec, "spec", "minReadySeconds")
    if not spec.get("selector"):
        yield invalid.required("spec.selector")
    yield from not_negative(spec, "spec", "replicas")
    template = spec.get("template")
    if template is None:
        yield invalid.required("spec.template")
        return
    labels = _labels(spec)
    if any((labels or {}).get(key) != value for key, value in (spec.get("selector") or {}).items()):
        yield invalid.invalid("spec.template.metadata.labels", labels, _UNMATCHED)
    yield from specs.template_mistakes(template, "spec.template")
    yield from _lasting(spec, "ReplicationController")


def daemon_set(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """DaemonSets."""
    spec = obj.get("spec") or {}
    if old is not None:
        yield from immutable(obj, old, "spec.selector", _SELECTOR)
    selector = spec.get("selector")
    yield from object_rules.selector_mistakes(selector, "spec.selector")
    labels = _labels(spec)
    if matches(selector, labels) is False:
        yield invalid.invalid("spec.template.metadata.labels", labels, _UNMATCHED)
    if selector is not None and not (selector.get("matchLabels") or selector.get("matchExpressions")):
        detail = "empty selector is invalid for daemonset"
        yield invalid.invalid("spec.selector", printed_selector(selector), detail)
    yield from specs.template_mistakes(spec.get("template") or {}, "spec.template")
    yield from _lasting(spec, "DaemonSet")
    yield from not_negative(spec, "spec", "minReadySeconds")
    yield from _daemon_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    yield from not_negative(spec, "spec", "revisionHistoryLimit")


def _daemon_strategy(strategy: Obj, path: str) -> Iterator[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "OnDelete":
        return
    if kind != "RollingUpdate":
        shown = internal_types.printed(strategy, f"{_APPS}DaemonSetUpdateStrategy")
        yield invalid.unsupported(path, shown, ("RollingUpdate", "OnDelete"))
        return
    here = f"{path}.rollingUpdate"
    if rolling is None:
        yield invalid.required(here)
        return
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    for rule in (share_mistakes, _at_most_all):
        yield from rule(unavailable, f"{here}.maxUnavailable")
        yield from rule(surge, f"{here}.maxSurge")
    if _amount(unavailable) and _amount(surge):
        yield invalid.invalid(f"{here}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif not _amount(unavailable) and not _amount(surge):
        yield invalid.required(f"{here}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def stateful_set(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """StatefulSets."""
    spec = obj.get("spec") or {}
    management = spec.get("podManagementPolicy") or ""
    if management not in _POD_MANAGEMENT:
        detail = f"must be '{_POD_MANAGEMENT[0]}' or '{_POD_MANAGEMENT[1]}'"
        yield invalid.invalid("spec.podManagementPolicy", management, detail)
    yield from _stateful_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for key in ("whenDeleted", "whenScaled"):
        if retention.get(key) not in _RETENTIONS:
            path = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
            yield invalid.unsupported(path, retention.get(key) or "", _RETENTIONS)
    claims = spec.get("volumeClaimTemplates") or []
    for index, claim in enumerate(claims) if old is None else ():
        yield from claim_rules.spec_mistakes(
            claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec"
        )
    yield from not_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from not_negative(spec.get("ordinals") or {}, "spec.ordinals", "start")
    yield from _stateful_names(spec) if old is None else ()
    yield from _selector_mistakes(spec, "statefulset", "")
    if matches(spec.get("selector"), _labels(spec)) is not None:
        yield from specs.template_mistakes(_with_claims(spec, claims), "spec.template")
    yield from _lasting(spec, "StatefulSet")
    if old is not None:
        yield from _stateful_change(spec, old.get("spec") or {})


def _stateful_names(spec: Obj) -> Iterator[FieldError]:
    name = spec.get("serviceName")
    for problem in names.label_problems(name) if name else ():
        yield invalid.invalid("spec.serviceName", name, problem)


def _with_claims(spec: Obj, claims: list[Obj]) -> Obj:
    """The template as its pods will have it: each claim is a volume, and names are the set's own to give."""
    template = dict(spec.get("template") or {})
    own = {
        key: value
        for key, value in (template.get("spec") or {}).items()
        if key not in ("hostname", "subdomain")
    }
    named = [(claim.get("metadata") or {}).get("name") or "" for claim in claims]
    added = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in dict.fromkeys(named)]
    kept = [volume for volume in own.get("volumes") or () if volume.get("name") not in named]
    return {**template, "spec": {**own, "volumes": [*added, *kept]}}


def _stateful_strategy(strategy: Obj, path: str) -> Iterator[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    here = f"{path}.rollingUpdate"
    if kind == "OnDelete":
        if rolling is not None:
            shown = internal_types.printed(rolling, f"{_APPS}RollingUpdateStatefulSetStrategy")
            yield invalid.invalid(here, shown, "only allowed for updateStrategy 'RollingUpdate'")
    elif kind != "RollingUpdate":
        shown = internal_types.printed(strategy, f"{_APPS}StatefulSetUpdateStrategy")
        yield invalid.invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")
    elif rolling is not None:
        yield from not_negative(rolling, here, "partition")


def _stateful_change(after: Obj, before: Obj) -> Iterator[FieldError]:
    def fixed(spec: Obj) -> Obj:
        kept = {key: value for key, value in spec.items() if key not in _STATEFUL_FREE}
        kept["volumeClaimTemplates"] = [
            {key: value for key, value in claim.items() if key != "status"}
            for claim in spec.get("volumeClaimTemplates") or ()
        ]
        return kept

    if fixed(after) != fixed(before):
        listed = ", ".join(f"'{key}'" for key in _STATEFUL_FREE[:-1])
        detail = (
            f"updates to statefulset spec for fields other than {listed} and 'minReadySeconds' are forbidden"
        )
        yield invalid.forbidden("spec", detail)
