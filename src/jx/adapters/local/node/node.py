"""The node: gives each pod of our images to real processes, and sees to it that none is left over or doubled."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from jx.adapters.files.kept_logs import keep, read_about
from jx.adapters.local.kubernetes.api import Api, ApiError, WatchEvent
from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.cluster import (
    CONFIG_MAPS,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    VOLUME_CLAIMS,
    Cluster,
    which,
)
from jx.adapters.local.kubernetes.controllers.events import Recorder
from jx.adapters.local.kubernetes.controllers.loop import Loop
from jx.adapters.local.kubernetes.controllers.nodes import PodAddresses
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.node import processes
from jx.adapters.local.node.folders import Account, PodFolder, remove_tree
from jx.adapters.local.node.images import Images
from jx.adapters.local.node.pods import Pod, Settings, Tools
from jx.adapters.local.node.rooted import RootedPod, is_rooted
from jx.adapters.local.node.steps import StepsPod, is_of_steps
from jx.adapters.local.node.veils import Veil, find_veil
from jx.domain.errors import Invalid

logger = logging.getLogger(__name__)

Key: TypeAlias = tuple[str, str, str]
"""Namespace, name and uid of a pod: a new pod of an old name is another pod."""

_CONFIGS = {"configmap": CONFIG_MAPS, "secret": SECRETS}
FORCED_GRACE_SECONDS = 2.0
REPORT_AGAIN_SECONDS = 1.0
KEPT_LOGS = "kept-logs"
"""Below the cluster's folder: logs of pods of steps that are gone."""


class Node:
    """An extension of the API server, and its source of logs."""

    def __init__(
        self,
        api: Api,
        folder: Path,
        *,
        images: Images,
        addresses: PodAddresses,
        settings: Settings | None = None,
    ) -> None:
        self.cluster = Cluster(api, "kubelet")
        self._api = api
        self._pods_folder = folder / "pods"
        self._claims_folder = folder / "claims"
        self._logs_folder = folder / KEPT_LOGS
        self._images = images
        self._addresses = addresses
        self._settings = settings or Settings()
        self._veil: Veil | None = None
        self._tools = Tools(
            images=images,
            recorder=Recorder(self.cluster, "kubelet"),
            settings=self._settings,
            find_config=lambda kind, namespace, name: self.cluster.cache.get(_CONFIGS[kind], namespace, name),
            account_of=self._account_of,
            claim_folder=self._claim_folder,
            find_veil=lambda: self.veil,
        )
        self._pods: dict[str, Pod] = {}
        self._tokens: dict[tuple[str, str], str] = {}
        self._loop: Loop[Key] = Loop("node", self._work)
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def veil(self) -> Veil:
        """What keeps steps of pipelines from what is hidden; found out when it is first asked for."""
        if self._veil is None:
            self._veil = find_veil(self._settings.hidden, self._settings.guarded)
        return self._veil

    def use_veil(self, veil: Veil) -> None:
        """Take this one from now on."""
        self._veil = veil

    def is_real(self, pod: Obj) -> bool:
        """Whether this node runs the pod; false where the list of images cannot be read (which is logged)."""
        if is_of_steps(pod):
            return True
        try:
            return is_rooted(pod, self._images) or any(
                self._images.find(each["image"]) is not None for each in pod["spec"]["containers"]
            )
        except Invalid as error:
            logger.error("%s: %s", error.message, "; ".join(map(str, error.problems)))
            return False

    def open(self, namespace: str, pod: str, container: str, *, previous: bool) -> Path | None:
        """The log of a container, or of its run before this one; None where there is none."""
        found = self.cluster.cache.get(PODS, namespace, pod)
        if found is None:
            return None
        log = PodFolder.of(self._pods_folder, found).log(container, previous=previous)
        return log if log.exists() else None

    def start(self) -> None:
        """Kill what a former life has left behind, then run what the cluster asks for."""
        self._pods_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._unsubscribe = self.cluster.open(self._hear)
        wanted = {objects.uid_of(pod): pod for pod in self.cluster.cache.all(PODS)}
        for path in self._pods_folder.iterdir():
            folder = PodFolder(path)
            for record in folder.records():
                if processes.kill_leftover(record):
                    logger.warning("killed %s of pod %s, left by a former life", record.name, path.name)
            if path.name not in wanted:
                self._keep_logs(path.name)
                folder.remove()
        for pod in wanted.values():
            self._revise(pod)
            self._loop.add(_key(pod))
        self._api.log_source = self
        self._loop.start()

    def stop(self) -> None:
        """End all processes; their pods are started again by the next start."""
        self._unsubscribe()
        self._loop.stop()
        running = [process for pod in self._pods.values() for process in pod.processes()]
        with_steps = [pod for pod in self._pods.values() if isinstance(pod, StepsPod) and pod.processes()]
        for pod in self._pods.values():
            pod.terminate(None, self._settings.stop_seconds)  # what is around some programs hears nothing
        processes.stop_all(running, self._settings.stop_seconds, now=time.monotonic)
        for pod in with_steps:
            pod.end_strays()
        self._pods.clear()

    def _hear(self, event: WatchEvent) -> None:
        kind = which(event)
        if kind == PODS:
            self._loop.add(_key(event.obj))
            if event.old and objects.uid_of(event.old) != objects.uid_of(event.obj):
                self._loop.add(_key(event.old))
        elif kind == VOLUME_CLAIMS and event.type == "DELETED":
            remove_tree(self._claims_folder / objects.uid_of(event.obj))
        elif kind == SERVICE_ACCOUNTS and event.type == "DELETED":
            self._tokens.pop((objects.namespace_of(event.obj), objects.name_of(event.obj)), None)
        elif kind in (CONFIG_MAPS, SECRETS):
            for pod in self.cluster.cache.all(PODS, objects.namespace_of(event.obj)):
                if objects.uid_of(pod) in self._pods:
                    self._loop.add(_key(pod))

    def _work(self, key: Key) -> float | None:
        namespace, name, uid = key
        pod = self.cluster.cache.get(PODS, namespace, name)
        if pod is None or objects.uid_of(pod) != uid:
            return self._end_forced(uid)
        if pod["spec"].get("nodeName") != objects.NODE_NAME:
            return None
        if uid not in self._pods and not self.is_real(pod):
            return None
        if objects.is_deleting(pod):
            return self._end(pod)
        if objects.status_of(pod).get("phase") in objects.TERMINAL_PHASES:
            held = self._pods.get(uid)
            return held.terminate(None, FORCED_GRACE_SECONDS) if held else None
        held = self._pods.get(uid) or self._take(pod, key)
        wait = held.tend(pod)
        try:
            self.cluster.set_status(PODS, pod, held.status(pod, self.cluster.now()))
        except ApiError as error:
            if error.status < 500:
                raise
            # A webhook that fails closed keeps nobody from tending to the pod: what came of it is written later.
            logger.warning("pod %s: %s", name, error)
            return REPORT_AGAIN_SECONDS if wait is None else min(wait, REPORT_AGAIN_SECONDS)
        return wait

    def _revise(self, pod: Obj) -> None:
        """Take back what a former life said of a pod: its processes do not run now, so nobody is to be led to it."""
        over = objects.is_deleting(pod) or objects.status_of(pod).get("phase") in objects.TERMINAL_PHASES
        if pod["spec"].get("nodeName") == objects.NODE_NAME and not over and self.is_real(pod):
            held = self._take(pod, _key(pod))
            try:
                self.cluster.set_status(PODS, pod, held.status(pod, self.cluster.now()))
            except ApiError as error:  # one pod must not keep the whole node from starting
                logger.error("pod %s: %s", objects.name_of(pod), error)

    def _take(self, pod: Obj, key: Key) -> Pod:
        folder = PodFolder.of(self._pods_folder, pod)
        folder.make()
        ip = "127.0.0.1" if pod["spec"].get("hostNetwork") else objects.status_of(pod).get("podIP")
        kind = StepsPod if is_of_steps(pod) else RootedPod if is_rooted(pod, self._images) else Pod
        held = kind(pod, folder, ip or self._addresses.allocate(), self._tools, lambda: self._loop.add(key))
        self._pods[key[2]] = held
        return held

    def _end(self, pod: Obj) -> float | None:
        uid = objects.uid_of(pod)
        held = self._pods.get(uid)
        grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        wait = held.terminate(pod, grace) if held else None
        if wait is not None:
            return wait
        try:
            self.cluster.set_status(
                PODS, pod, held.status(pod, self.cluster.now()) if held else pod["status"]
            )
        except ApiError as error:
            if error.status != 404:
                raise
        self._keep_logs(uid)
        self.cluster.delete(PODS, pod, grace_seconds=0)
        self._drop(uid)
        return None

    def _end_forced(self, uid: str) -> float | None:
        held = self._pods.get(uid)
        wait = held.terminate(None, FORCED_GRACE_SECONDS) if held else None
        if wait is None:
            self._drop(uid)
        return wait

    def _drop(self, uid: str) -> None:
        held = self._pods.pop(uid, None)
        if held is not None:
            self._addresses.release(held.ip)
        self._keep_logs(uid)
        PodFolder(self._pods_folder / uid).remove()

    def _keep_logs(self, uid: str) -> None:
        """Of pods of steps, whoever ran them: people look at logs of runs long after somebody has cleared the runs away."""
        logs = self._pods_folder / uid / "logs"
        about = read_about(logs)
        if about is None:
            return
        try:
            keep(self._logs_folder, uid, logs, about)
        except OSError as error:
            logger.warning("logs of pod %s are not kept: %s", uid, error)

    def _account_of(self, pod: Obj) -> Account | None:
        if pod["spec"].get("automountServiceAccountToken") is False:
            return None
        namespace = objects.namespace_of(pod)
        place = (namespace, pod["spec"].get("serviceAccountName") or "default")
        account = self.cluster.cache.get(SERVICE_ACCOUNTS, *place)
        if account is None or account.get("automountServiceAccountToken") is False:
            return None
        if is_of_steps(pod) or is_rooted(pod, self._images):
            token = self._api.token_for_run(pod)
        else:
            if place not in self._tokens:
                self._tokens[place] = self._api.token_for(*place)
            token = self._tokens[place]
        return Account(token, self._api.pki.authority_pem, namespace)

    def _claim_folder(self, pod: Obj, name: str) -> Path:
        claim = self.cluster.cache.get(VOLUME_CLAIMS, objects.namespace_of(pod), name)
        return self._claims_folder / (objects.uid_of(claim) if claim else objects.uid_of(pod))


def _key(pod: Obj) -> Key:
    return (objects.namespace_of(pod), objects.name_of(pod), objects.uid_of(pod))
