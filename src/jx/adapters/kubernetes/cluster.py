"""The cluster port over the Kubernetes API."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from jx.adapters.kubernetes import fences
from jx.adapters.kubernetes.api import NAMESPACES, PODS, Api, Json, Resource
from jx.adapters.kubernetes.discovery import Discovery
from jx.adapters.kubernetes.watching import Change, Target, Watching
from jx.domain.applying import field_ownership
from jx.domain.applying.applying import LiveObject, Step
from jx.domain.applying.locking import Fence
from jx.domain.errors import Invalid, NotFound
from jx.domain.objects.manifests import Capabilities, ObjectRef, api_group
from jx.ports.cluster import Scope

_THREADS = 8
_REVIEWS = Resource("authentication.k8s.io/v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)


class KubernetesCluster:
    """A cluster by its API: any that Kubernetes' own conformance tests would pass."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._discovery = Discovery(api)

    def capabilities(self) -> Capabilities:
        """Version, APIs and identity, read anew."""
        version, _ = self._api.get_version()
        served = self._discovery.read()
        system = self._api.get(NAMESPACES, "", "kube-system")
        return Capabilities(
            version=str(version.get("gitVersion", "")),
            api_versions=served.api_versions,
            kinds=served.kinds,
            cluster_id=str(system["metadata"]["uid"]),
        )

    def live(self, scopes: tuple[Scope, ...]) -> tuple[LiveObject, ...]:
        """What is there: one LIST a scope, eight at a time."""
        wanted = tuple(dict.fromkeys(scopes))
        if not wanted:
            return ()
        resources = self._discovery.find_all((scope.api_version, scope.kind) for scope in wanted)
        lists = tuple(
            (resources[scope.api_version, scope.kind], scope.namespace)
            for scope in wanted
            if (scope.api_version, scope.kind) in resources
        )
        with ThreadPoolExecutor(min(_THREADS, len(lists) or 1)) as pool:
            found = list(pool.map(self._list, lists))
        return tuple(live for objects in found for live in objects)

    def send(
        self, step: Step, *, dry_run: bool = False, force: bool = False, fence: Fence | None = None
    ) -> LiveObject:
        """Server-side apply as the field manager of the step."""
        if step.manifest is None:
            raise Invalid(f"there is nothing to send for {step.ref}")
        manifest = step.manifest
        resource = self._resource(manifest.api_version, manifest.ref)
        body: dict[str, Any] = dict(manifest.body)
        if step.uid:
            body["metadata"] = {**body.get("metadata", {}), "uid": step.uid}
        if fence:
            fences.stamp(body, fence)
        query = {
            "fieldManager": step.manager,
            "force": "true" if force else "false",
            # A dry run says what is misspelt; the run itself must not fail on what the cluster would only have ignored.
            "fieldValidation": "Strict" if dry_run else "Warn",
            "dryRun": "All" if dry_run else "",
        }
        begun = time.monotonic()
        within = fence.limit if fence else None
        namespace = manifest.ref.namespace
        if step.absorbs and not dry_run:
            self._absorb(resource, step)
        try:
            return _live(self._api.apply(resource, namespace, body, query=query, within=within))
        except NotFound:
            self._discovery.read()
            served = self._resource(manifest.api_version, manifest.ref)
            if served == resource:
                raise  # it is the namespace that is not there
        if within:  # both requests together may take as long as one
            within -= timedelta(seconds=time.monotonic() - begun)
        # Its CRD was replaced in between by one that calls the same kind otherwise.
        return _live(self._api.apply(served, namespace, body, query=query, within=within))

    def _absorb(self, resource: Resource, step: Step) -> None:
        """Make what other managers set ours, before the apply that then takes away what we do not say. Stale where the object is
        changed in the same moment."""
        namespace, name = step.ref.namespace, step.ref.name
        there = self._api.get(resource, namespace, name)
        fields = field_ownership.absorbed(there, step.absorbs)
        version = there["metadata"]["resourceVersion"]
        patch = {"metadata": {"managedFields": fields, "resourceVersion": version}}
        self._api.merge(resource, namespace, name, patch)

    def delete(self, step: Step, *, fence: Fence | None = None) -> None:
        """Delete the object of a step, with its uid and resourceVersion as preconditions."""
        resource = self._discovery.find(step.api_version, step.ref.kind)
        if resource is None:
            return  # its kind is gone, and so is the object
        conditions = {"uid": step.uid, "resourceVersion": step.resource_version}
        options: Json = {"propagationPolicy": "Background"}
        options["preconditions"] = {name: value for name, value in conditions.items() if value}
        try:
            self._api.delete(
                resource, step.ref.namespace, step.ref.name, options, within=fence.limit if fence else None
            )
        except NotFound:
            return

    def changes(
        self, refs: tuple[tuple[ObjectRef, str], ...], *, within: timedelta
    ) -> Iterator[LiveObject | None]:
        """The objects now and as they change; the list is read at this call, not when the iterator is first asked."""
        resources = self._discovery.find_all((version, ref.kind) for ref, version in refs)
        grouped: dict[tuple[Resource, str], set[str]] = defaultdict(set)
        for ref, version in refs:
            resource = resources.get((version, ref.kind))
            if resource is not None:
                grouped[resource, ref.namespace if resource.namespaced else ""].add(ref.name)
        targets = [
            Target(resource, namespace, next(iter(names)) if len(names) == 1 else "")
            for (resource, namespace), names in grouped.items()
        ]
        return _chosen(Watching(self._api, targets), {ref for ref, _ in refs}, within)

    def logs(self, namespace: str, pod: str, *, lines: int = 20) -> str:
        """The last lines of those containers of a pod that are not well, or of all where all are."""
        try:
            found = self._api.get(PODS, namespace, pod)
        except NotFound:
            return ""
        names = _containers(found)
        parts = [(name, self._log(namespace, pod, name, lines)) for name in names]
        told = [(name, text) for name, text in parts if text]
        if len(told) == 1:
            return told[0][1]
        return "".join(f"[{name}] {line}\n" for name, text in told for line in text.splitlines())

    def whoami(self) -> str:
        """The user name as the API server sees it; the kubeconfig's where the server cannot tell."""
        try:
            review = self._api.create(
                _REVIEWS, "", {"apiVersion": _REVIEWS.api_version, "kind": _REVIEWS.kind}
            )
        except NotFound:
            return self._api.access.user_name
        user = review.get("status", {}).get("userInfo", {})
        return str(user.get("username") or self._api.access.user_name)

    def _list(self, where: tuple[Resource, str]) -> list[LiveObject]:
        resource, namespace = where
        try:
            items, _ = self._api.list_pages(resource, namespace if resource.namespaced else "")
        except NotFound:
            return []  # its CRD went away a moment ago
        return [_live(item) for item in items]

    def _resource(self, api_version: str, ref: ObjectRef) -> Resource:
        resource = self._discovery.find(api_version, ref.kind)
        if resource is None or resource.api_version != api_version:
            served = f"; it serves {resource.api_version}" if resource else ""
            raise Invalid(
                f"{ref}: the cluster serves no {ref.kind} of {api_version}{served}",
                hint="change the apiVersion" if resource else "install the chart that brings its CRD first",
            )
        if resource.namespaced and not ref.namespace:
            raise Invalid(f"{ref} is to be in a namespace, and none is named")
        return resource

    def _log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        path = PODS.path(namespace, pod, "log")
        for previous in ("", "true"):  # a container that has just been started again has said nothing yet
            query = {"container": container, "tailLines": str(lines), "previous": previous}
            try:
                text = self._api.get_path(path, query=query, accept="*/*").body.decode(errors="replace")
            except (NotFound, Invalid):
                continue
            if text:
                return text
        return ""


def _chosen(watching: Watching, wanted: set[ObjectRef], within: timedelta) -> Iterator[LiveObject | None]:
    for change in watching.changes(within=within):
        if change is None:
            yield None
            continue
        live = _live(change.body)
        if live.ref in wanted:
            yield _seen(change, live)


def _seen(change: Change, live: LiveObject) -> LiveObject | None:
    return None if change.is_deleted else live


def _live(body: Json) -> LiveObject:
    metadata = body.get("metadata") or {}
    ref = ObjectRef(
        group=api_group(str(body.get("apiVersion", ""))),
        kind=str(body.get("kind", "")),
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name", "")),
    )
    return LiveObject(ref, str(metadata.get("uid", "")), str(metadata.get("resourceVersion", "")), body)


def _containers(pod: Json) -> list[str]:
    status = pod.get("status") or {}
    stated = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    unwell = [
        str(item.get("name", "")) for item in stated if not item.get("ready") and not _has_finished(item)
    ]
    spec = pod.get("spec") or {}
    return unwell or [str(item.get("name", "")) for item in spec.get("containers") or ()]


def _has_finished(container: Json) -> bool:
    ended = (container.get("state") or {}).get("terminated") or {}
    return bool(ended) and ended.get("exitCode") == 0
