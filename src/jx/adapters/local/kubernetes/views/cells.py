"""What the columns of the built-in kinds show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views import cluster_cells, pod_cells, storage_cells, workload_cells
from jx.adapters.local.kubernetes.views.shown import (
    NONE,
    UNKNOWN,
    age,
    age_of,
    labels_text,
    selector_text,
    spec_of,
    status_of,
)

Column: TypeAlias = tuple[str, str, int, str]
"""Name, type, priority (1: only with `-o wide`) and format."""
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
        " ".join(part for part in (info.get("kernelVersion") or UNKNOWN, _architecture(info)) if part),
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _architecture(info: Obj) -> str:
    return f"({info['architecture']})" if info.get("architecture") else ""


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


def _aged(obj: Obj, now: datetime) -> list[Any]:
    return [age_of(obj, now)]


def _binding(obj: Obj, now: datetime) -> list[Any]:
    reference, subjects = obj.get("roleRef") or {}, obj.get("subjects") or ()

    def named(kind: str) -> str:
        found = [one for one in subjects if one.get("kind") == kind]
        return ", ".join(
            f"{one['namespace']}/{one['name']}" if one.get("namespace") else one["name"] for one in found
        )

    role = f"{reference.get('kind')}/{reference.get('name')}"
    return [role, age_of(obj, now), named("User"), named("Group"), named("ServiceAccount")]


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
    ports = [str(port.get("port") or port.get("name") or "*") for port in obj.get("ports") or ()]
    addresses = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    shown = ",".join(addresses[:3]) + (f" + {len(addresses) - 3} more..." if len(addresses) > 3 else "")
    return [
        obj.get("addressType", ""),
        ",".join(ports[:3]) + (f" + {len(ports) - 3} more..." if len(ports) > 3 else "") or "<unset>",
        shown or "<unset>",
        age_of(obj, now),
    ]


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
    shown = ".".join(filter(None, (parameters.get("kind"), parameters.get("apiGroup"))))
    shown = f"{shown}/{parameters.get('name', '')}" if parameters else NONE
    return [spec_of(obj).get("controller", ""), shown, age_of(obj, now)]


def _runtime_class(obj: Obj, now: datetime) -> list[Any]:
    return [obj.get("handler", ""), age_of(obj, now)]


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
    """`Name`, `Name:integer`, `Name:string:name`, and `+Name` for what only the wide form shows."""
    columns = []
    for entry in text.split("|"):
        name, kind, form, *_ = [*entry.strip().split(":"), "", ""]
        columns.append((name.lstrip("+"), kind or "string", int(name.startswith("+")), form))
    return columns


_ADMISSION = "admissionregistration.k8s.io"
_IMAGES = "+Containers|+Images"

LAYOUTS: Mapping[tuple[str, str], tuple[list[Column], Cells]] = {
    ("", "Pod"): (
        _columns("Ready|Status|Restarts|Age|+IP|+Node|+Nominated Node|+Readiness Gates"),
        pod_cells.pod,
    ),
    ("", "Service"): (_columns("Type|Cluster-IP|External-IP|Port(s)|Age|+Selector"), _service),
    ("", "ConfigMap"): (_columns("Data|Age"), _config_map),
    ("", "Secret"): (_columns("Type|Data|Age"), _secret),
    ("", "Namespace"): (_columns("Status|Age"), _namespace),
    ("", "Node"): (
        _columns(
            "Status|Roles|Age|Version|+Internal-IP|+External-IP|+OS-Image|+Kernel-Version|+Container-Runtime"
        ),
        _node,
    ),
    ("", "ServiceAccount"): (_columns("Age"), _aged),
    ("", "Endpoints"): (_columns("Endpoints|Age"), _endpoints),
    ("", "PersistentVolumeClaim"): (
        _columns("Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|+VolumeMode"),
        storage_cells.claim,
    ),
    ("", "PersistentVolume"): (
        _columns(
            "Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|+VolumeMode"
        ),
        storage_cells.volume,
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
        _columns(f"Schedule|Timezone|Suspend:boolean|Active:integer|Last Schedule|Age|{_IMAGES}|+Selector"),
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
        storage_cells.storage_class,
    ),
    ("storage.k8s.io", "VolumeAttributesClass"): (_columns("DriverName|Age"), storage_cells.attributes_class),
    ("storage.k8s.io", "CSIDriver"): (
        _columns(
            "AttachRequired:boolean|PodInfoOnMount:boolean|StorageCapacity:boolean|TokenRequests"
            "|RequiresRepublish:boolean|Modes|Age"
        ),
        storage_cells.driver,
    ),
    ("storage.k8s.io", "CSINode"): (_columns("Drivers:integer|Age"), storage_cells.driver_node),
    ("storage.k8s.io", "VolumeAttachment"): (
        _columns("Attacher:string:name|PV|Node|Attached:boolean|Age"),
        storage_cells.attachment,
    ),
    ("node.k8s.io", "RuntimeClass"): (_columns("Handler|Age"), _runtime_class),
    ("", "PodTemplate"): (_columns("Containers|Images|Pod Labels"), workload_cells.pod_template),
    ("scheduling.k8s.io", "PriorityClass"): (
        _columns("Value:integer|Global-Default:boolean|Age|PreemptionPolicy"),
        _priority_class,
    ),
    ("apiregistration.k8s.io", "APIService"): (_columns("Service|Available|Age"), _api_service),
    (_ADMISSION, "ValidatingAdmissionPolicy"): (
        _columns("Validations:integer|ParamKind|Age"),
        cluster_cells.policy,
    ),
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): (
        _columns("PolicyName|ParamRef|Age"),
        cluster_cells.policy_binding,
    ),
    (_ADMISSION, "MutatingAdmissionPolicy"): (
        _columns("Mutations:integer|ParamKind|Age"),
        cluster_cells.policy,
    ),
    (_ADMISSION, "MutatingAdmissionPolicyBinding"): (
        _columns("PolicyName|ParamRef|Age"),
        cluster_cells.policy_binding,
    ),
    ("certificates.k8s.io", "CertificateSigningRequest"): (
        _columns("Age|SignerName|Requestor|RequestedDuration|Condition"),
        cluster_cells.signing_request,
    ),
    # The real server has no head for an address' age.
    ("networking.k8s.io", "IPAddress"): (_columns("ParentRef"), cluster_cells.address),
    ("networking.k8s.io", "ServiceCIDR"): (_columns("CIDRs|Age"), cluster_cells.address_range),
    ("resource.k8s.io", "ResourceClaim"): (_columns("State|Age"), cluster_cells.device_claim),
    ("resource.k8s.io", "ResourceClaimTemplate"): (_columns("Age"), _aged),
    ("resource.k8s.io", "DeviceClass"): (_columns("Age"), _aged),
    ("resource.k8s.io", "ResourceSlice"): (_columns("Node|Driver|Pool|Age"), cluster_cells.device_slice),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): (
        _columns("PriorityLevel|MatchingPrecedence|DistinguisherMethod|Age|MissingPL"),
        cluster_cells.flow_schema,
    ),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): (
        _columns("Type|NominalConcurrencyShares|Queues|HandSize|QueueLengthLimit|Age"),
        cluster_cells.priority_level,
    ),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): (
        _columns("Webhooks:integer|Age"),
        _webhooks,
    ),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): (
        _columns("Webhooks:integer|Age"),
        _webhooks,
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (_columns("Created At:date"), _created),
    ("rbac.authorization.k8s.io", "Role"): (_columns("Created At:date"), _created),
    ("rbac.authorization.k8s.io", "ClusterRole"): (_columns("Created At:date"), _created),
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
    return _columns(
        "Last Seen|Type|Reason|Object|+Subobject|+Source|Message|+First Seen|+Count|+Name:string:name"
    )


event_cells: Cells = _event
