"""What the server fills in for each of the common kinds.

Functions here complete their argument in place; it is the caller's own copy.
"""

import base64
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from jx.adapters.local.kubernetes.kinds import pods
from jx.adapters.local.kubernetes.types.facts import Obj

Complete: TypeAlias = Callable[[Obj], None]

GENERATED_LENGTH: Final = 5
"""Of what is drawn for a `generateName`."""

_RBAC: Final = "rbac.authorization.k8s.io"
_AFFINITY_SECONDS: Final = 10800
TEMPLATE_GENERATION: Final = "deprecated.daemonset.template.generation"
"""The annotation that counts the changes of a DaemonSet's template."""


def complete(group: str, kind: str, obj: Obj) -> None:
    """Fills in what a kind's author may leave out; kinds without defaults stay as they are."""
    filler = _KINDS.get((group, kind))
    if filler is not None:
        filler(obj)


def _spec(obj: Obj) -> Obj:
    spec: Obj = obj.setdefault("spec", {})
    return spec


def _fill(target: Obj, **defaults: Any) -> None:
    for key, value in defaults.items():
        if target.get(key) is None:
            target[key] = value


def _deployment(obj: Obj) -> None:
    spec = _spec(obj)
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, rollingUpdate={})
        _fill(strategy["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")
    pods.complete_template(spec.get("template"))


def _replica_set(obj: Obj) -> None:
    _fill(_spec(obj), replicas=1)
    pods.complete_template(obj["spec"].get("template"))


def _replication_controller(obj: Obj) -> None:
    labels = ((_spec(obj).get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        _fill(obj["spec"], selector=dict(labels))
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)
    _replica_set(obj)


def _stateful_set(obj: Obj) -> None:
    spec = _spec(obj)
    _fill(spec, podManagementPolicy="OrderedReady", replicas=1, revisionHistoryLimit=10)
    strategy = spec.setdefault("updateStrategy", {})
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, rollingUpdate={})
        _fill(strategy["rollingUpdate"], partition=0)
    _fill(spec, persistentVolumeClaimRetentionPolicy={})
    _fill(spec["persistentVolumeClaimRetentionPolicy"], whenDeleted="Retain", whenScaled="Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.update(apiVersion="v1", kind="PersistentVolumeClaim")
        _claim(claim)
    pods.complete_template(spec.get("template"))


def _daemon_set(obj: Obj) -> None:
    # The internal type counts in a field what the API shows as an annotation; zero is what a caller says who does not say it.
    metadata = obj["metadata"]
    metadata["annotations"] = {TEMPLATE_GENERATION: "0", **(metadata.get("annotations") or {})}
    spec = _spec(obj)
    _fill(spec, revisionHistoryLimit=10)
    strategy = spec.setdefault("updateStrategy", {})
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, rollingUpdate={})
        _fill(strategy["rollingUpdate"], maxUnavailable=1, maxSurge=0)
    pods.complete_template(spec.get("template"))


def _job(obj: Obj) -> None:
    spec = _spec(obj)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec.update(completions=1, parallelism=1)
    limit = 6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1
    replacement = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    _fill(spec, parallelism=1, backoffLimit=limit, completionMode="NonIndexed", suspend=False)
    _fill(spec, podReplacementPolicy=replacement)
    template = spec.setdefault("template", {})
    labels = (template.get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)
    pods.complete_template(template)
    _fill(spec, manualSelector=False)
    _job_policies(spec)


def _job_policies(spec: Obj) -> None:
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for condition in rule.get("onPodConditions") or ():
            _fill(condition, status="True")


def _cron_job(obj: Obj) -> None:
    spec = _spec(obj)
    _fill(spec, concurrencyPolicy="Allow", suspend=False)
    _fill(spec, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    job = spec.setdefault("jobTemplate", {}).setdefault("spec", {})
    pods.complete_template(job.setdefault("template", {}))
    _job_policies(job)


def _affinity(spec: Obj) -> None:
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    if spec["sessionAffinity"] == "ClientIP":
        _fill(spec, sessionAffinityConfig={"clientIP": {"timeoutSeconds": _AFFINITY_SECONDS}})


def _service(obj: Obj) -> None:
    spec = _spec(obj)
    _fill(spec, sessionAffinity="None", type="ClusterIP")
    _affinity(spec)
    for port in spec.get("ports") or ():
        _fill(port, protocol="TCP")
        if port.get("targetPort") in (None, 0, "") and "port" in port:
            port["targetPort"] = port["port"]
    if spec["type"] == "ExternalName":
        return
    _fill(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer") or spec.get("externalIPs"):
        _fill(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _fill(spec, allocateLoadBalancerNodePorts=True)
    if spec["type"] == "LoadBalancer":
        for ingress in ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ():
            if ingress.get("ip"):
                _fill(ingress, ipMode="VIP")


def _endpoints(obj: Obj) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            _fill(port, protocol="TCP")


def _endpoint_slice(obj: Obj) -> None:
    for port in obj.get("ports") or ():
        _fill(port, name="", protocol="TCP")


def _secret(obj: Obj) -> None:
    _fill(obj, type="Opaque")
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _namespace(obj: Obj) -> None:
    metadata = obj.setdefault("metadata", {})
    name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
    # Whose name is drawn gets the label with its first status, and nobody owns it.
    is_drawn = bool(prefix) and name.startswith(prefix) and len(name) == len(prefix) + GENERATED_LENGTH
    if name and not is_drawn:
        labels = metadata["labels"] = dict(metadata.get("labels") or {})
        labels["kubernetes.io/metadata.name"] = metadata["name"]


def _claim(obj: Obj) -> None:
    pods.complete_claim(_spec(obj))
    status = obj.setdefault("status", {})
    _fill(status, phase="Pending")


def _node(obj: Obj) -> None:
    spec, status = _spec(obj), obj.get("status") or {}
    if spec.get("podCIDR"):
        _fill(spec, podCIDRs=[spec["podCIDR"]])
    if status.get("capacity"):
        _fill(status, allocatable=dict(status["capacity"]))


def _flow_schema(obj: Obj) -> None:
    spec = _spec(obj)
    spec["matchingPrecedence"] = spec.get("matchingPrecedence") or 1000


def _volume(obj: Obj) -> None:
    _fill(_spec(obj), persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")
    _fill(obj.setdefault("status", {}), phase="Pending")
    if isinstance(obj["spec"].get("hostPath"), dict):
        _fill(obj["spec"]["hostPath"], type="")


def _binding(obj: Obj) -> None:
    _fill(obj.setdefault("roleRef", {}), apiGroup=_RBAC)
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            _fill(subject, apiGroup=_RBAC)


def _role(obj: Obj) -> None:
    obj.setdefault("rules", None)


def _network_policy(obj: Obj) -> None:
    spec = _spec(obj)
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                _fill(port, protocol="TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _ingress_class(obj: Obj) -> None:
    parameters = _spec(obj).get("parameters")
    if parameters:
        _fill(parameters, scope="Cluster")


_SCALE_UP: Final = (
    {"type": "Pods", "value": 4, "periodSeconds": 15},
    {"type": "Percent", "value": 100, "periodSeconds": 15},
)
_SCALE_DOWN: Final = ({"type": "Percent", "value": 100, "periodSeconds": 15},)


def _autoscaler(obj: Obj) -> None:
    spec = _spec(obj)
    _fill(spec, minReplicas=1)
    if obj.get("apiVersion") == "autoscaling/v1":
        _fill(spec, targetCPUUtilizationPercentage=80)
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behaviour = spec.get("behavior")
    if behaviour is None:
        return
    for key, policies in (("scaleUp", _SCALE_UP), ("scaleDown", _SCALE_DOWN)):
        rules = behaviour[key] = behaviour.get(key) or {}
        _fill(rules, selectPolicy="Max", policies=[dict(policy) for policy in policies])
    _fill(behaviour["scaleUp"], stabilizationWindowSeconds=0)


def _webhooks(obj: Obj) -> None:
    for webhook in obj.get("webhooks") or ():
        _fill(webhook, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
        _fill(webhook, namespaceSelector={}, objectSelector={})
        if obj.get("kind") == "MutatingWebhookConfiguration":
            _fill(webhook, reinvocationPolicy="Never")
        for rule in webhook.get("rules") or ():
            _fill(rule, scope="*")
        service = (webhook.get("clientConfig") or {}).get("service")
        if service:
            _fill(service, port=443)


def _admission_policy(obj: Obj) -> None:
    spec = _spec(obj)
    _fill(spec, failurePolicy="Fail")
    _match_resources(spec.get("matchConstraints"))


def _admission_policy_binding(obj: Obj) -> None:
    _match_resources(_spec(obj).get("matchResources"))


def _match_resources(match: Any) -> None:
    if match:
        _fill(match, matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
        for key in ("resourceRules", "excludeResourceRules"):
            for rule in match.get(key) or ():
                _fill(rule, scope="*")


def _api_service(obj: Obj) -> None:
    service = _spec(obj).get("service")
    if service:
        _fill(service, port=443)


def _storage_class(obj: Obj) -> None:
    _fill(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _priority_class(obj: Obj) -> None:
    _fill(obj, preemptionPolicy="PreemptLowerPriority")


def _csi_driver(obj: Obj) -> None:
    spec = _spec(obj)
    _fill(spec, attachRequired=True, podInfoOnMount=False, storageCapacity=False, requiresRepublish=False)
    _fill(
        spec, fsGroupPolicy="ReadWriteOnceWithFSType", volumeLifecycleModes=["Persistent"], seLinuxMount=False
    )


def _limit_range(obj: Obj) -> None:
    for limit in _spec(obj).get("limits") or ():
        if limit.get("type") == "Container":
            default = {**(limit.get("max") or {}), **(limit.get("default") or {})}
            request = {**(limit.get("min") or {}), **default, **(limit.get("defaultRequest") or {})}
            limit.update(
                {key: value for key, value in (("default", default), ("defaultRequest", request)) if value}
            )


def _custom_definition(obj: Obj) -> None:
    spec = _spec(obj)
    _fill(spec, conversion={"strategy": "None"})
    names = spec.get("names") or {}
    kind = names.get("kind")
    if kind:
        _fill(names, singular=kind.lower(), listKind=f"{kind}List")
    stored = next((one.get("name") for one in spec.get("versions") or () if one.get("storage")), None)
    if stored and not (obj.get("status") or {}).get("storedVersions"):
        obj["status"] = {**(obj.get("status") or {}), "storedVersions": [stored]}
    client = ((spec["conversion"].get("webhook") or {}).get("clientConfig") or {}).get("service")
    if client:
        _fill(client, port=443)


def _token_request(obj: Obj) -> None:
    _fill(_spec(obj), expirationSeconds=3600)


_ADMISSION: Final = "admissionregistration.k8s.io"

_KINDS: Final[Mapping[tuple[str, str], Complete]] = MappingProxyType(
    {
        ("", "Endpoints"): _endpoints,
        ("", "LimitRange"): _limit_range,
        ("", "Namespace"): _namespace,
        ("", "Node"): _node,
        ("", "PersistentVolume"): _volume,
        ("", "PersistentVolumeClaim"): _claim,
        ("", "Pod"): pods.complete_pod,
        ("", "PodTemplate"): lambda obj: pods.complete_template(obj.get("template")),
        ("", "ReplicationController"): _replication_controller,
        ("", "Secret"): _secret,
        ("", "Service"): _service,
        ("apiextensions.k8s.io", "CustomResourceDefinition"): _custom_definition,
        ("apiregistration.k8s.io", "APIService"): _api_service,
        ("apps", "DaemonSet"): _daemon_set,
        ("apps", "Deployment"): _deployment,
        ("apps", "ReplicaSet"): _replica_set,
        ("apps", "StatefulSet"): _stateful_set,
        ("authentication.k8s.io", "TokenRequest"): _token_request,
        ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
        ("batch", "CronJob"): _cron_job,
        ("batch", "Job"): _job,
        ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"): _flow_schema,
        ("networking.k8s.io", "IngressClass"): _ingress_class,
        ("networking.k8s.io", "NetworkPolicy"): _network_policy,
        ("scheduling.k8s.io", "PriorityClass"): _priority_class,
        ("storage.k8s.io", "CSIDriver"): _csi_driver,
        ("storage.k8s.io", "StorageClass"): _storage_class,
        (_ADMISSION, "MutatingAdmissionPolicy"): _admission_policy,
        (_ADMISSION, "MutatingAdmissionPolicyBinding"): _admission_policy_binding,
        (_ADMISSION, "MutatingWebhookConfiguration"): _webhooks,
        (_ADMISSION, "ValidatingAdmissionPolicy"): _admission_policy,
        (_ADMISSION, "ValidatingAdmissionPolicyBinding"): _admission_policy_binding,
        (_ADMISSION, "ValidatingWebhookConfiguration"): _webhooks,
        (_RBAC, "ClusterRole"): _role,
        (_RBAC, "ClusterRoleBinding"): _binding,
        (_RBAC, "Role"): _role,
        (_RBAC, "RoleBinding"): _binding,
    }
)
