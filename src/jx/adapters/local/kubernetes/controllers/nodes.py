"""The one node of the embedded cluster: its object, and the loopback addresses of its pods."""

from __future__ import annotations

import os
import platform
import threading
import zlib
from collections.abc import Iterable

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import NODES, Cluster, Place, which
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.views.discovery import GIT_VERSION

PODS_AT_MOST = 2000
_SLICES = 32 * 256
_NOT_READY = "node.kubernetes.io/not-ready"


class PodAddresses:
    """Hands out loopback addresses 127.64-95.x.1-254, none twice before all others were used.

    Several platforms of one machine share the range: each begins at a place of its own, computed from `seed`.
    """

    def __init__(self, seed: str) -> None:
        self._slice = zlib.crc32(seed.encode()) % _SLICES
        self._next = 1
        self._lock = threading.Lock()
        self._taken: set[str] = set()

    @property
    def cidr(self) -> str:
        return f"127.{64 + self._slice // 256}.{self._slice % 256}.0/24"

    def take(self, address: str) -> None:
        """Keep an address that a pod already has."""
        with self._lock:
            self._taken.add(address)

    def release(self, address: str) -> None:
        with self._lock:
            self._taken.discard(address)

    def allocate(self) -> str:
        with self._lock:
            while True:
                number = self._slice + self._next // 255
                last = self._next % 255
                self._next = (self._next + 1) % (255 * _SLICES)
                address = f"127.{64 + number // 256 % 32}.{number % 256}.{last}"
                if last and address not in self._taken:
                    self._taken.add(address)
                    return address


class Nodes:
    """Keeps the Node object there and ready."""

    name = "nodes"

    def __init__(self, cluster: Cluster, node: str, cidr: str) -> None:
        self._cluster = cluster
        self._node = node
        self._cidr = cidr

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        if which(event) == NODES and event.type == "DELETED" and objects.name_of(event.obj) == self._node:
            yield ("", self._node)

    def reconcile(self, namespace: str, name: str) -> float | None:
        wanted = node_object(name, self._cidr, self._cluster.timestamp())
        current = self._cluster.cache.get(NODES, "", name)
        if current is None:
            current = self._cluster.create(
                NODES, {key: value for key, value in wanted.items() if key != "status"}
            )
        taints = current["spec"].get("taints") or []
        if any(taint["key"] == _NOT_READY for taint in taints):
            left = [taint for taint in taints if taint["key"] != _NOT_READY]
            current = self._cluster.patch(NODES, current, {"spec": {"taints": left or None}})
        self._cluster.set_status(NODES, current, wanted["status"])
        return None


def node_object(name: str, cidr: str, now: str) -> Obj:
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    capacity = {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{_memory_kibibytes()}Ki",
        "ephemeral-storage": "100Gi",
        "pods": str(PODS_AT_MOST),
    }
    conditions = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": machine,
                "node-role.kubernetes.io/control-plane": "",
            },
        },
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": name},
            ],
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": message,
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
                for kind, status, reason, message in conditions
            ],
            "nodeInfo": {
                "architecture": machine,
                "bootID": "",
                "containerRuntimeVersion": "jx://1",
                "kernelVersion": platform.release(),
                "kubeProxyVersion": "",
                "kubeletVersion": GIT_VERSION,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": platform.system(),
                "systemUUID": "",
            },
        },
    }


def _memory_kibibytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
