"""What a pod's spec is completed with, wherever it stands: in a Pod or in a workload's template.

Functions here complete their argument in place; it is the caller's own copy.
"""

from typing import Any, Final

from jx.adapters.local.kubernetes.types import amounts
from jx.adapters.local.kubernetes.types.facts import Obj

_WHOLE: Final = ("cpu", "memory")
_OF_DISKS: Final[dict[str, Obj]] = {
    "rbd": {"keyring": "/etc/ceph/keyring", "pool": "rbd", "user": "admin"},
    "iscsi": {"iscsiInterface": "default"},
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "kind": "Shared", "readOnly": False},
    "scaleIO": {"fsType": "xfs", "storageMode": "ThinProvisioned"},
}
_FILE_MODE: Final = 420  # 0644
_TOKEN_SECONDS: Final = 3600
_VOLUMES_WITH_MODE: Final = ("secret", "configMap", "downwardAPI", "projected")
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


def complete_pod(pod: Obj) -> None:
    """A Pod itself: its spec, and what templates do not get."""
    spec = pod.setdefault("spec", {})
    complete_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in _dicts(spec.get("initContainers")) + _dicts(spec.get("containers")):
        _request_limits(container)
        if spec.get("hostNetwork"):
            _open_on_host(container)
    _request_whole(spec)
    # Only here, not in templates: the API has no negative grace for pods.
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    _complete_addresses(pod.get("status") or {})


def complete_template(template: Any) -> None:
    """A workload's pod template."""
    if isinstance(template, dict):
        complete_spec(template.setdefault("spec", {}))


def complete_spec(spec: Obj) -> None:
    """A pod's spec."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("schedulerName", "default-scheduler")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for volume in _dicts(spec.get("volumes")):
        _complete_volume(volume)
    for key in _CONTAINERS:
        for container in _dicts(spec.get(key)):
            complete_container(container)


def complete_container(container: Obj) -> None:
    """One container."""
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("imagePullPolicy", pull_policy(container.get("image") or ""))
    for port in _dicts(container.get("ports")):
        port.setdefault("protocol", "TCP")
    for key in _PROBES:
        if isinstance(container.get(key), dict):
            _complete_probe(container[key])
    lifecycle = container.get("lifecycle") or {}
    for key in ("postStart", "preStop"):
        _complete_http(lifecycle.get(key))
    for variable in _dicts(container.get("env")):
        _complete_source(variable.get("valueFrom"))


def pull_policy(image: str) -> str:
    """Always for an image that may move: no tag, or `latest`, and no digest."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if not digest and tag in ("", "latest") else "IfNotPresent"


def complete_claim(claim: Obj) -> None:
    """The spec of a PersistentVolumeClaim."""
    claim.setdefault("volumeMode", "Filesystem")


def _dicts(items: Any) -> list[Obj]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _request_limits(container: Obj) -> None:
    """What is limited and not requested is requested at its limit."""
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    if limits:
        resources["requests"] = {**limits, **(resources.get("requests") or {})}


def _open_on_host(container: Obj) -> None:
    for port in _dicts(container.get("ports")):
        if not port.get("hostPort") and port.get("containerPort"):
            port["hostPort"] = port["containerPort"]


def _request_whole(spec: Obj) -> None:
    """A pod that is limited as a whole requests what its containers do, or its limit."""
    resources = spec.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return
    asked = amounts.of_containers(spec, "requests")
    shown = {name: amounts.shown(asked[name], limits.get(name, "")) for name in _WHOLE if name in asked}
    capped = {name: limits[name] for name in limits if name in _WHOLE or name.startswith("hugepages-")}
    resources["requests"] = {**capped, **shown, **(resources.get("requests") or {})}


def _complete_addresses(status: Obj) -> None:
    """The first of a pod's addresses stands twice, and the older field says which it is."""
    address, several = status.get("podIP"), status.get("podIPs") or []
    if address and (not several or several[0].get("ip") != address):
        status["podIPs"] = [{"ip": address}]
    elif several and not address:
        status["podIP"] = several[0].get("ip") or ""


def _complete_probe(probe: Obj) -> None:
    for key, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        probe[key] = probe.get(key) or value
    _complete_http(probe)
    if isinstance(probe.get("grpc"), dict):
        probe["grpc"].setdefault("service", "")


def _complete_http(handler: Any) -> None:
    action = handler.get("httpGet") if isinstance(handler, dict) else None
    if isinstance(action, dict):
        action["path"] = action.get("path") or "/"
        action["scheme"] = action.get("scheme") or "HTTP"


def _complete_source(source: Any) -> None:
    if not isinstance(source, dict):
        return
    if isinstance(source.get("fieldRef"), dict):
        source["fieldRef"].setdefault("apiVersion", "v1")
    if isinstance(source.get("resourceFieldRef"), dict):
        source["resourceFieldRef"].setdefault("divisor", "0")


def _complete_volume(volume: Obj) -> None:
    if not volume.keys() - {"name"}:
        volume["emptyDir"] = {}
    for key in _VOLUMES_WITH_MODE:
        if isinstance(volume.get(key), dict):
            volume[key].setdefault("defaultMode", _FILE_MODE)
    for item in _dicts((volume.get("downwardAPI") or {}).get("items")):
        _complete_source(item)
    if isinstance(volume.get("image"), dict):
        image = volume["image"]
        image.setdefault("pullPolicy", pull_policy(image.get("reference") or ""))
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")
    _complete_projected(volume)
    _complete_network_disks(volume)
    claim = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if isinstance(claim, dict):
        complete_claim(claim.setdefault("spec", {}))


def _complete_network_disks(volume: Obj) -> None:
    for key, values in _OF_DISKS.items():
        if isinstance(volume.get(key), dict):
            volume[key] = {**values, **volume[key]}


def _complete_projected(volume: Obj) -> None:
    for source in _dicts((volume.get("projected") or {}).get("sources")):
        for item in _dicts((source.get("downwardAPI") or {}).get("items")):
            _complete_source(item)
        if isinstance(source.get("serviceAccountToken"), dict):
            source["serviceAccountToken"].setdefault("expirationSeconds", _TOKEN_SECONDS)
