"""What the columns of the built-in kinds show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from jx.adapters.local.kubernetes import workload_cells
from jx.adapters.local.kubernetes.facts import Obj
from jx.adapters.local.kubernetes.shown import (
    NONE,
    UNKNOWN,
    age,
    age_of,
    labels_text,
    selector_text,
    spec_of,
    status_of,
)

Column: TypeAlias = tuple[str, str, int]
"""Name, type and priority (1: only with `-o wide`)."""
View: TypeAlias = Callable[[Obj], list[Any]]
Cells: TypeAlias = Callable[[Obj, datetime], list[Any]]


def _created(obj: Obj, _: datetime) -> list[Any]:
    return [obj["metadata"].get("creationTimestamp") or UNKNOWN]


def _service(obj: Obj, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    ports = [
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in spec.get("ports") or ()
    ]
    return [
        spec.get("type", ""),
        spec.get("clusterIP") or NONE,
        _external(obj),
        ",".join(ports) or NONE,
        age_of(obj, now),
        labels_text(spec.get("selector")),
    ]


def _external(service: Obj) -> str:
    spec = spec_of(service)
    addresses = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ExternalName":
            return spec.get("externalName") or NONE
        case "LoadBalancer":
            given = _load_balancer(service)
            return ",".join([*filter(None, [given]), *addresses]) or "<pending>"
        case _:
            return ",".join(addresses) or NONE


def _load_balancer(obj: Obj) -> str:
    ingress = (status_of(obj).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(one.get("ip") or one.get("hostname") or "" for one in ingress)


def _ingress(obj: Obj, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    shown = ",".join(hosts[:3]) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    ports = "80, 443" if spec.get("tls") else "80"
    return [spec.get("ingressClassName") or NONE, shown or "*", _load_balancer(obj), ports, age_of(obj, now)]


def _node(obj: Obj, now: datetime) -> list[Any]:
    status, info = status_of(obj), status_of(obj).get("nodeInfo") or {}
    ready = next(
        (one["status"] for one in status.get("conditions") or () if one["type"] == "Ready"), "Unknown"
    )
    state = {"True": "Ready", "False": "NotReady"}.get(ready, "Unknown")
    if spec_of(obj).get("unschedulable"):
        state += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))
    addresses = {one["type"]: one["address"] for one in status.get("addresses") or ()}
    return [
        state,
        ",".join(roles) or NONE,
        age_of(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _event(obj: Obj, now: datetime) -> list[Any]:
    about, source = obj.get("involvedObject") or {}, obj.get("source") or {}
    series = obj.get("series") or {}
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime")
    count = series.get("count") or obj.get("count") or 1
    component = source.get("component") or obj.get("reportingComponent") or ""
    origin = ", ".join(part for part in (component, source.get("host")) if part)
    return [
        age(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        origin,
        (obj.get("message") or "").strip(),
        age(first, now),
        count,
        obj["metadata"]["name"],
    ]


def _namespace(obj: Obj, now: datetime) -> list[Any]:
    return [status_of(obj).get("phase", ""), age_of(obj, now)]


def _config_map(obj: Obj, now: datetime) -> list[Any]:
    return [len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age_of(obj, now)]


def _secret(obj: Obj, now: datetime) -> list[Any]:
    return [obj.get("type", ""), len(obj.get("data") or ()), age_of(obj, now)]


def _account(obj: Obj, now: datetime) -> list[Any]:
    return [len(obj.get("secrets") or ()), age_of(obj, now)]


def _binding(obj: Obj, now: datetime) -> list[Any]:
    reference, subjects = obj.get("roleRef") or {}, obj.get("subjects") or ()

    def named(kind: str) -> str:
        found = [one for one in subjects if one.get("kind") == kind]
        return ", ".join(
            f"{one['namespace']}/{one['name']}" if one.get("namespace") else one["name"] for one in found
        )

    role = f"{reference.get('kind')}/{reference.get('name')}"
    return [role, age_of(obj, now), named("User"), named("Group"), named("ServiceAccount")]


def _claim(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    state = "Terminating" if "deletionTimestamp" in obj["metadata"] else status.get("phase", "")
    bound = bool(spec.get("volumeName"))
    return [
        state,
        spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        age_of(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def _volume(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    claim = spec.get("claimRef") or {}
    state = "Terminating" if "deletionTimestamp" in obj["metadata"] else status.get("phase", "")
    return [
        (spec.get("capacity") or {}).get("storage", ""),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        state,
        f"{claim['namespace']}/{claim['name']}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason", ""),
        age_of(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def _modes(modes: Sequence[str] | None) -> str:
    short = {
        "ReadWriteOnce": "RWO",
        "ReadOnlyMany": "ROX",
        "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }
    return ",".join(short.get(mode, mode) for mode in modes or ())


def _endpoints(obj: Obj, now: datetime) -> list[Any]:
    pairs = [
        f"{address['ip']}:{port['port']}" if port else address["ip"]
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or (None,)
        for address in subset.get("addresses") or ()
    ]
    shown = ",".join(pairs[:3]) + (f" + {len(pairs) - 3} more..." if len(pairs) > 3 else "")
    return [shown or NONE, age_of(obj, now)]


def _slice(obj: Obj, now: datetime) -> list[Any]:
    ports = [str(port.get("port", "*")) for port in obj.get("ports") or ()]
    addresses = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    shown = ",".join(addresses[:3]) + (f" + {len(addresses) - 3} more..." if len(addresses) > 3 else "")
    return [obj.get("addressType", ""), ",".join(ports) or "<unset>", shown or "<unset>", age_of(obj, now)]


def _policy(obj: Obj, now: datetime) -> list[Any]:
    selector = spec_of(obj).get("podSelector")
    return [selector_text(selector), age_of(obj, now)]


def _budget(obj: Obj, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    return [
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        status_of(obj).get("disruptionsAllowed", 0),
        age_of(obj, now),
    ]


def _scaler(obj: Obj, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    target = spec.get("scaleTargetRef") or {}
    lowest = spec.get("minReplicas")
    return [
        f"{target.get('kind')}/{target.get('name')}",
        _targets(spec, status),
        str(lowest) if lowest is not None else "<unset>",
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        age_of(obj, now),
    ]


def _targets(spec: Obj, status: Obj) -> str:
    current = {
        ((one.get("resource") or {}).get("name")): one.get("resource")
        for one in status.get("currentMetrics") or ()
    }
    shown = []
    for metric in spec.get("metrics") or ():
        resource = metric.get("resource")
        if not resource:
            continue
        now = ((current.get(resource["name"]) or {}).get("current") or {}).get("averageUtilization")
        wanted = (resource.get("target") or {}).get("averageUtilization")
        shown.append(f"{resource['name']}: {'<unknown>' if now is None else f'{now}%'}/{wanted}%")
    return ", ".join(shown) or NONE


def _lease(obj: Obj, now: datetime) -> list[Any]:
    return [spec_of(obj).get("holderIdentity", ""), age_of(obj, now)]


def _class(obj: Obj, now: datetime) -> list[Any]:
    parameters = spec_of(obj).get("parameters") or {}
    shown = ".".join(filter(None, (parameters.get("kind"), parameters.get("apiGroup")))) or NONE
    return [spec_of(obj).get("controller", ""), shown, age_of(obj, now)]


def _storage_class(obj: Obj, now: datetime) -> list[Any]:
    return [
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        age_of(obj, now),
    ]


def _priority_class(obj: Obj, now: datetime) -> list[Any]:
    return [
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        age_of(obj, now),
        obj.get("preemptionPolicy", ""),
    ]


def _webhooks(obj: Obj, now: datetime) -> list[Any]:
    return [len(obj.get("webhooks") or ()), age_of(obj, now)]


def _revision(obj: Obj, now: datetime) -> list[Any]:
    owner = next((ref for ref in obj["metadata"].get("ownerReferences") or () if ref.get("controller")), None)
    group = owner["apiVersion"].partition("/")[0] if owner and "/" in owner["apiVersion"] else ""
    shown = f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}" if owner else NONE
    return [shown, obj.get("revision", 0), age_of(obj, now)]


def _quota(obj: Obj, now: datetime) -> list[Any]:
    hard, used = status_of(obj).get("hard") or {}, status_of(obj).get("used") or {}
    parts = {key: f"{key}: {used.get(key, '0')}/{value}" for key, value in sorted(hard.items())}
    requests = ", ".join(text for key, text in parts.items() if not key.startswith("limits."))
    limits = ", ".join(text for key, text in parts.items() if key.startswith("limits."))
    return [requests, limits, age_of(obj, now)]


def _api_service(obj: Obj, now: datetime) -> list[Any]:
    service = spec_of(obj).get("service")
    ready = next((one for one in status_of(obj).get("conditions") or () if one["type"] == "Available"), None)
    shown = f"{service['namespace']}/{service['name']}" if service else "Local"
    available = "Unknown" if ready is None else ready["status"]
    return [shown, available, age_of(obj, now)]


def _columns(text: str) -> list[Column]:
    """`Name`, `Name:integer`, and `+Name` for what only the wide form shows."""
    columns = []
    for entry in text.split("|"):
        name, _, kind = entry.strip().partition(":")
        columns.append((name.lstrip("+"), kind or "string", int(name.startswith("+"))))
    return columns


_IMAGES = "+Containers|+Images"

LAYOUTS: Mapping[tuple[str, str], tuple[list[Column], Cells]] = {
    ("", "Pod"): (
        _columns("Ready|Status|Restarts|Age|+IP|+Node|+Nominated Node|+Readiness Gates"),
        workload_cells.pod,
    ),
    ("", "Service"): (_columns("Type|Cluster-IP|External-IP|Port(s)|Age|+Selector"), _service),
    ("", "ConfigMap"): (_columns("Data|Age"), _config_map),
    ("", "Secret"): (_columns("Type|Data:integer|Age"), _secret),
    ("", "Namespace"): (_columns("Status|Age"), _namespace),
    ("", "Node"): (
        _columns(
            "Status|Roles|Age|Version|+Internal-IP|+External-IP|+OS-Image|+Kernel-Version|+Container-Runtime"
        ),
        _node,
    ),
    ("", "ServiceAccount"): (_columns("Secrets|Age"), _account),
    ("", "Endpoints"): (_columns("Endpoints|Age"), _endpoints),
    ("", "PersistentVolumeClaim"): (
        _columns("Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|+VolumeMode"),
        _claim,
    ),
    ("", "PersistentVolume"): (
        _columns(
            "Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|+VolumeMode"
        ),
        _volume,
    ),
    ("", "ReplicationController"): (
        _columns(f"Desired:integer|Current:integer|Ready:integer|Age|{_IMAGES}|+Selector"),
        workload_cells.replica_set,
    ),
    ("", "ResourceQuota"): (_columns("Request|Limit|Age"), _quota),
    ("apps", "Deployment"): (
        _columns(f"Ready|Up-to-date|Available|Age|{_IMAGES}|+Selector"),
        workload_cells.deployment,
    ),
    ("apps", "ReplicaSet"): (
        _columns(f"Desired:integer|Current:integer|Ready:integer|Age|{_IMAGES}|+Selector"),
        workload_cells.replica_set,
    ),
    ("apps", "StatefulSet"): (_columns(f"Ready|Age|{_IMAGES}"), workload_cells.stateful_set),
    ("apps", "DaemonSet"): (
        _columns(
            "Desired:integer|Current:integer|Ready:integer|Up-to-date:integer|Available:integer|Node Selector|Age"
            f"|{_IMAGES}|+Selector"
        ),
        workload_cells.daemon_set,
    ),
    ("apps", "ControllerRevision"): (_columns("Controller|Revision|Age"), _revision),
    ("batch", "Job"): (_columns(f"Status|Completions|Duration|Age|{_IMAGES}|+Selector"), workload_cells.job),
    ("batch", "CronJob"): (
        _columns(f"Schedule|Timezone|Suspend|Active:integer|Last Schedule|Age|{_IMAGES}|+Selector"),
        workload_cells.cron_job,
    ),
    ("networking.k8s.io", "Ingress"): (_columns("Class|Hosts|Address|Ports|Age"), _ingress),
    ("networking.k8s.io", "IngressClass"): (_columns("Controller|Parameters|Age"), _class),
    ("networking.k8s.io", "NetworkPolicy"): (_columns("Pod-Selector|Age"), _policy),
    ("policy", "PodDisruptionBudget"): (
        _columns("Min Available|Max Unavailable|Allowed Disruptions:integer|Age"),
        _budget,
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): (
        _columns("Reference|Targets|MinPods|MaxPods|Replicas|Age"),
        _scaler,
    ),
    ("coordination.k8s.io", "Lease"): (_columns("Holder|Age"), _lease),
    ("discovery.k8s.io", "EndpointSlice"): (_columns("AddressType|Ports|Endpoints|Age"), _slice),
    ("storage.k8s.io", "StorageClass"): (
        _columns("Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age"),
        _storage_class,
    ),
    ("scheduling.k8s.io", "PriorityClass"): (
        _columns("Value:integer|Global-Default:boolean|Age|PreemptionPolicy"),
        _priority_class,
    ),
    ("apiregistration.k8s.io", "APIService"): (_columns("Service|Available|Age"), _api_service),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): (
        _columns("Webhooks:integer|Age"),
        _webhooks,
    ),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): (
        _columns("Webhooks:integer|Age"),
        _webhooks,
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (_columns("Created At"), _created),
    ("rbac.authorization.k8s.io", "Role"): (_columns("Created At"), _created),
    ("rbac.authorization.k8s.io", "ClusterRole"): (_columns("Created At"), _created),
    ("rbac.authorization.k8s.io", "RoleBinding"): (
        _columns("Role|Age|+Users|+Groups|+ServiceAccounts"),
        _binding,
    ),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (
        _columns("Role|Age|+Users|+Groups|+ServiceAccounts"),
        _binding,
    ),
}


def event_columns() -> list[Column]:
    """Events have a name that nobody wants to read, so it comes last."""
    return _columns("Last Seen|Type|Reason|Object|+Subobject|+Source|Message|+First Seen|+Count|+Name")


event_cells: Cells = _event
