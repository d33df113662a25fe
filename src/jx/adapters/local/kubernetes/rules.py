"""The rules of the built-in kinds: what is required, what fits, what may not change."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from jx.adapters.local.kubernetes import (
    admission_rules,
    changes,
    invalid,
    names,
    object_rules,
    pod_rules,
    selectors,
    service_rules,
)
from jx.adapters.local.kubernetes.facts import Gvk, Obj
from jx.adapters.local.kubernetes.invalid import FieldError

Rule: TypeAlias = Callable[[Obj], Iterator[FieldError]]

_DATA_LIMIT: Final = 1024 * 1024
_NOT_NEGATIVE: Final = "must be greater than or equal to 0"
_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"


def mistakes(gvk: Gvk, obj: Obj, old: Obj | None) -> list[FieldError]:
    """All mistakes of a create (`old` is None) or an update, outside of metadata."""
    found = [] if old is None else changes.mistakes(gvk, obj, old)
    rule = _KINDS.get((gvk[0], gvk[2]))
    return found + list(rule(obj)) if rule else found


# Workloads


def _not_negative(obj: Obj, path: str, *keys: str) -> Iterator[FieldError]:
    for key in keys:
        value = obj.get(key)
        if value is not None and value < 0:
            yield invalid.invalid(f"{path}.{key}", value, _NOT_NEGATIVE)


def _selector_mistakes(spec: Obj, kind: str) -> Iterator[FieldError]:
    selector = spec.get("selector")
    if selector is None:
        yield invalid.required("spec.selector")
        return
    yield from object_rules.label_mistakes(selector.get("matchLabels"), "spec.selector.matchLabels")
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        yield from _expression_mistakes(expression, f"spec.selector.matchExpressions[{index}]")
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield invalid.invalid("spec.selector", selector, f"empty selector is invalid for {kind}")
        return
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    try:
        matches = selectors.matches_label_selector(selector, labels)
    except selectors.SelectorError:
        return
    if not matches:
        detail = "`selector` does not match template `labels`"
        yield invalid.invalid("spec.template.metadata.labels", labels, detail)


def _expression_mistakes(expression: Obj, path: str) -> Iterator[FieldError]:
    operator, values = expression.get("operator", ""), expression.get("values")
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            yield invalid.required(f"{path}.values", detail)
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield invalid.forbidden(f"{path}.values", detail)
    else:
        yield invalid.invalid(f"{path}.operator", operator, "not a valid selector operator")
    for problem in names.label_key_problems(expression.get("key", "")):
        yield invalid.invalid(f"{path}.key", expression.get("key", ""), problem)


def _template_mistakes(
    spec: Obj, path: str = "spec.template", restarts: tuple[str, ...] = ("Always",)
) -> Iterator[FieldError]:
    template = spec.get("template") or {}
    yield from object_rules.label_mistakes((template.get("metadata") or {}).get("labels"), f"{path}.labels")
    claims = tuple(
        (claim.get("metadata") or {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ()
    )
    yield from pod_rules.spec_mistakes(template.get("spec") or {}, f"{path}.spec", restarts, claims)


def _deployment(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _not_negative(spec, "spec", "replicas")
    yield from _selector_mistakes(spec, "deployment")
    yield from _template_mistakes(spec)
    strategy = spec.get("strategy") or {}
    kinds = ("Recreate", "RollingUpdate")
    if strategy.get("type") not in kinds:
        yield invalid.unsupported("spec.strategy.type", strategy.get("type", ""), kinds)
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate") is not None:
        detail = "may not be specified when strategy `type` is 'Recreate'"
        yield invalid.forbidden("spec.strategy.rollingUpdate", detail)
    yield from _not_negative(
        spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"
    )
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield invalid.invalid(
            "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"
        )


def _replica_set(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _not_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from _selector_mistakes(spec, "deployment")
    yield from _template_mistakes(spec)


def _stateful_set(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _not_negative(spec, "spec", "replicas", "minReadySeconds")
    kinds = ("OrderedReady", "Parallel")
    if spec.get("podManagementPolicy") not in kinds:
        detail = f"must be '{kinds[0]}' or '{kinds[1]}'"
        yield invalid.invalid("spec.podManagementPolicy", spec.get("podManagementPolicy", ""), detail)
    yield from _selector_mistakes(spec, "statefulset")
    yield from _template_mistakes(spec)


def _daemon_set(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    yield from _selector_mistakes(spec, "daemonset")
    yield from _template_mistakes(spec)
    yield from _not_negative(spec, "spec", "minReadySeconds", "revisionHistoryLimit")


def _job_spec(spec: Obj, path: str) -> Iterator[FieldError]:
    yield from _not_negative(
        spec,
        path,
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    )
    yield from _template_mistakes(spec, f"{path}.template", ("OnFailure", "Never"))


def _job(obj: Obj) -> Iterator[FieldError]:
    yield from _job_spec(obj.get("spec") or {}, "spec")


def _cron_job(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    schedule = spec.get("schedule", "")
    fields = schedule.split()
    if not schedule:
        yield invalid.required("spec.schedule")
    elif not schedule.startswith("@") and len(fields) != 5:
        detail = f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
        yield invalid.invalid("spec.schedule", schedule, detail)
    kinds = ("Allow", "Forbid", "Replace")
    if spec.get("concurrencyPolicy") not in kinds:
        yield invalid.unsupported("spec.concurrencyPolicy", spec.get("concurrencyPolicy", ""), kinds)
    if len((obj.get("metadata") or {}).get("name", "")) > 52:
        detail = "must be no more than 52 characters"
        yield invalid.invalid("metadata.name", obj["metadata"]["name"], detail)
    yield from _job_spec((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec")


def _pod(obj: Obj) -> Iterator[FieldError]:
    yield from pod_rules.spec_mistakes(obj.get("spec") or {}, "spec")


# Network


def _ingress(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield invalid.invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")
    if spec.get("defaultBackend"):
        yield from _backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules") or ()):
        here = f"spec.rules[{index}]"
        host = rule.get("host", "")
        for problem in names.subdomain_problems(host.removeprefix("*.")) if host else ():
            yield invalid.invalid(f"{here}.host", host, problem)
        if rule.get("http") is not None and not rule["http"].get("paths"):
            yield invalid.required(f"{here}.http.paths")
        for at, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield from _ingress_path(path, f"{here}.http.paths[{at}]")


def _ingress_path(path: Obj, here: str) -> Iterator[FieldError]:
    kind = path.get("pathType")
    if not kind:
        yield invalid.required(f"{here}.pathType", "pathType must be specified")
    elif kind not in ("Exact", "ImplementationSpecific", "Prefix"):
        yield invalid.unsupported(f"{here}.pathType", kind, ("Exact", "ImplementationSpecific", "Prefix"))
    text = path.get("path", "")
    if (kind in ("Exact", "Prefix") or text) and not text.startswith("/"):
        yield invalid.invalid(f"{here}.path", text, "must be an absolute path")
    yield from _backend(path.get("backend") or {}, f"{here}.backend")


def _backend(backend: Obj, here: str) -> Iterator[FieldError]:
    service = backend.get("service")
    if service is None:
        if backend.get("resource") is None:
            yield invalid.required(here, "resource or service backend is required")
        return
    if not service.get("name"):
        yield invalid.required(f"{here}.service.name")
    port = service.get("port") or {}
    if not port.get("name") and not port.get("number"):
        yield invalid.required(f"{here}.service.port", "port name or number is required")
    yield from pod_rules.port_mistakes(port.get("number") or 1, f"{here}.service.port.number")


# Data

_KEYS_OF_TYPE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
        "kubernetes.io/dockercfg": (".dockercfg",),
        "kubernetes.io/tls": ("tls.crt", "tls.key"),
        "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    }
)


def _secret(obj: Obj) -> Iterator[FieldError]:
    data = obj.get("data") or {}
    yield from _data_mistakes(data, "data")
    if sum(len(value) * 3 // 4 for value in data.values()) > _DATA_LIMIT:
        yield invalid.too_long("data", _DATA_LIMIT)
    kind = obj.get("type", "")
    for key in _KEYS_OF_TYPE.get(kind, ()):
        if key not in data:
            yield invalid.required(f"data[{key}]")
    if kind == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        yield invalid.required("data[username]")
        yield invalid.required("data[password]")
    account = "kubernetes.io/service-account.name"
    if kind == "kubernetes.io/service-account-token" and not (obj["metadata"].get("annotations") or {}).get(
        account
    ):
        yield invalid.required(f"metadata.annotations[{account}]")


def _config_map(obj: Obj) -> Iterator[FieldError]:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    yield from _data_mistakes(data, "data")
    for key in data.keys() & binary.keys():
        yield invalid.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    yield from _data_mistakes(binary, "binaryData")
    size = sum(len(value.encode()) for value in data.values()) + sum(
        len(value) * 3 // 4 for value in binary.values()
    )
    if size > _DATA_LIMIT:
        yield invalid.too_long("", _DATA_LIMIT)


def _data_mistakes(data: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for key in data:
        for problem in names.config_key_problems(key):
            yield invalid.invalid(f"{path}[{key}]", key, problem)


def _claim(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    if not spec.get("accessModes"):
        yield invalid.required("spec.accessModes", "at least 1 access mode is required")
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        yield invalid.required("spec.resources[storage]")


# Rights


def _role(obj: Obj) -> Iterator[FieldError]:
    for index, rule in enumerate(obj.get("rules") or ()):
        here = f"rules[{index}]"
        if not rule.get("verbs"):
            yield invalid.required(f"{here}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            yield invalid.required(f"{here}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield invalid.required(f"{here}.resources", "resource rules must supply at least one resource")


def _binding(obj: Obj) -> Iterator[FieldError]:
    role = obj.get("roleRef") or {}
    if role.get("apiGroup") != _RBAC:
        yield invalid.unsupported("roleRef.apiGroup", role.get("apiGroup", ""), (_RBAC,))
    kinds = ("ClusterRole",) if obj.get("kind") == "ClusterRoleBinding" else ("Role", "ClusterRole")
    if role.get("kind") not in kinds:
        yield invalid.unsupported("roleRef.kind", role.get("kind", ""), kinds)
    if not role.get("name"):
        yield invalid.required("roleRef.name")
    for index, subject in enumerate(obj.get("subjects") or ()):
        here = f"subjects[{index}]"
        if not subject.get("name"):
            yield invalid.required(f"{here}.name")
        kind = subject.get("kind", "")
        if kind not in ("ServiceAccount", "User", "Group"):
            yield invalid.unsupported(f"{here}.kind", kind, ("ServiceAccount", "User", "Group"))
        if (
            kind == "ServiceAccount"
            and not subject.get("namespace")
            and obj.get("kind") == "ClusterRoleBinding"
        ):
            yield invalid.required(f"{here}.namespace")


# Others


def _autoscaler(obj: Obj) -> Iterator[FieldError]:
    spec = obj.get("spec") or {}
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if low < 1:
        yield invalid.invalid("spec.minReplicas", low, "must be greater than or equal to 1")
    if high < 1:
        yield invalid.invalid("spec.maxReplicas", high, "must be greater than 0")
    elif high < low:
        yield invalid.invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for key in ("kind", "name"):
        if not target.get(key):
            yield invalid.required(f"spec.scaleTargetRef.{key}")


_KINDS: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {
        ("", "ConfigMap"): _config_map,
        ("", "PersistentVolumeClaim"): _claim,
        ("", "Pod"): _pod,
        ("", "Secret"): _secret,
        ("", "Service"): service_rules.service,
        ("apps", "DaemonSet"): _daemon_set,
        ("apps", "Deployment"): _deployment,
        ("apps", "ReplicaSet"): _replica_set,
        ("apps", "StatefulSet"): _stateful_set,
        ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
        ("batch", "CronJob"): _cron_job,
        ("batch", "Job"): _job,
        ("networking.k8s.io", "Ingress"): _ingress,
        (_ADMISSION, "MutatingWebhookConfiguration"): admission_rules.webhooks,
        (_ADMISSION, "ValidatingWebhookConfiguration"): admission_rules.webhooks,
        (_ADMISSION, "ValidatingAdmissionPolicy"): admission_rules.policy,
        (_ADMISSION, "ValidatingAdmissionPolicyBinding"): admission_rules.binding,
        (_RBAC, "ClusterRole"): _role,
        (_RBAC, "ClusterRoleBinding"): _binding,
        (_RBAC, "Role"): _role,
        (_RBAC, "RoleBinding"): _binding,
    }
)
