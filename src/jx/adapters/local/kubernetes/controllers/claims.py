"""PersistentVolumeClaims: bound to a volume made for them, as a default storage class would."""

from __future__ import annotations

from collections.abc import Iterable

from jx.adapters.local.kubernetes.api import WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import VOLUME_CLAIMS, VOLUMES, Cluster, Place, which
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.types.facts import Obj


class Claims:
    """Binds one claim; a deleted claim's volume goes with it."""

    name = "claims"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._recorder = Recorder(cluster, "persistentvolume-controller")

    def keys(self, event: WatchEvent) -> Iterable[Place]:
        if which(event) == VOLUME_CLAIMS:
            yield (objects.namespace_of(event.obj), objects.name_of(event.obj))

    def reconcile(self, namespace: str, name: str) -> float | None:
        claim = self._cluster.cache.get(VOLUME_CLAIMS, namespace, name)
        self._remove_left_over(namespace, name, claim)
        if claim is None or objects.is_deleting(claim) or objects.status_of(claim).get("phase") == "Bound":
            return None
        volume = claim["spec"].get("volumeName") or f"pvc-{objects.uid_of(claim)}"
        self._cluster.create_missing(VOLUMES, _volume(volume, claim))
        made = self._cluster.cache.get(VOLUMES, "", volume)
        if made is not None:
            self._cluster.set_status(VOLUMES, made, {"phase": "Bound"})
        bound = claim
        if not claim["spec"].get("volumeName"):
            bound = self._cluster.patch(VOLUME_CLAIMS, claim, {"spec": {"volumeName": volume}})
        status = {
            "phase": "Bound",
            "accessModes": claim["spec"].get("accessModes") or [],
            "capacity": {"storage": _size(claim)},
        }
        self._cluster.set_status(VOLUME_CLAIMS, bound, status)
        self._recorder.normal(claim, "ProvisioningSucceeded", f"Successfully provisioned volume {volume}")
        return None

    def _remove_left_over(self, namespace: str, name: str, claim: Obj | None) -> None:
        for volume in self._cluster.cache.all(VOLUMES):
            reference = volume["spec"].get("claimRef") or {}
            if (reference.get("namespace"), reference.get("name")) != (namespace, name):
                continue
            gone = claim is None or objects.uid_of(claim) != reference.get("uid")
            if gone and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
                self._cluster.delete(VOLUMES, volume)


def _size(claim: Obj) -> str:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", "1Gi"))


def _volume(name: str, claim: Obj) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": _size(claim)},
            "accessModes": claim["spec"].get("accessModes") or ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": claim["spec"].get("storageClassName") or "standard",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "name": objects.name_of(claim),
                "namespace": objects.namespace_of(claim),
                "uid": objects.uid_of(claim),
            },
            "hostPath": {"path": f"/{name}"},
        },
    }
