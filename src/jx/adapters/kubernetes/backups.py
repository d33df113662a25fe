"""ports.platforms.Backups of a platform on a cluster: what no repository has, as one file.

That is what jx itself has written there and no environment declares: anchors with their inventories, promotions, the record of
who wrote secrets, snapshots, logins of the platform, counters of builds, secrets of the cluster's own store, PipelineActivities.
Objects that environments declare come back by an apply.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import orjson

from jx.adapters.files import sealed
from jx.adapters.files.writing import write_whole
from jx.adapters.kubernetes.activities import PIPELINE_ACTIVITIES
from jx.adapters.kubernetes.anchors import ANCHOR_LABEL, KubernetesAnchors, ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS, NAMESPACES, SECRETS, Api, Json, Resource
from jx.adapters.kubernetes.build_numbers import NAME as BUILD_NUMBERS
from jx.adapters.kubernetes.build_numbers import with_highest
from jx.adapters.kubernetes.watchdogs import LABEL as WATCHDOG_LABEL
from jx.domain.errors import NotFound, Stale, Usage
from jx.domain.names import EnvironmentName
from jx.domain.objects.membership import PART_OF
from jx.ports.platforms import Saved
from jx.ports.secrets import SecretStore

_OURS: Final = "app.kubernetes.io/managed-by=jx"
_OBJECTS: Final = "objects.json"
_STORE: Final = "secret-store.json"
_KINDS: Final = {one.kind: one for one in (SECRETS, CONFIG_MAPS, PIPELINE_ACTIVITIES)}
"""In the order in which they are written: what anchors refer to is there before them."""


@dataclass(frozen=True, slots=True)
class ClusterBackups:
    """Backups of the platform of one cluster. `store` is asked for only where its values are wanted."""

    api: Api
    namespace: str
    store: Callable[[], SecretStore]

    def save(self, name: str, file: Path, *, passphrase: str, with_keys: bool) -> Saved:
        """Without a passphrase the file holds no Secret and no value."""
        if with_keys and not passphrase:
            raise Usage("values of secrets are saved with a passphrase only", hint="--passphrase-file FILE")
        if not file.parent.is_dir():
            raise NotFound(f"there is no folder {file.parent}", hint=f"mkdir -p {file.parent}")
        objects = list(self._read(with_secrets=bool(passphrase)))
        if not any(_environment(one) for one in objects):
            raise NotFound(f"nothing is installed on the cluster at {name}", hint="jx install --ng")
        files = {_OBJECTS: (orjson.dumps(objects), 0o600)}
        if with_keys:
            files[_STORE] = (json.dumps(self._read_store()).encode(), 0o600)
        about = {"cluster": {"id": _cluster_id(self.api), "server": name, "namespace": self.namespace}}
        write_whole(file, sealed.seal(sealed.pack(about, files), passphrase))
        return Saved(name, len(objects), has_keys=with_keys)

    def restore(self, file: Path, *, passphrase: str, force: bool) -> Saved:
        """Writes what is not there; what is there and is another stays, unless `force` is given. So it can be repeated, and what
        has no place yet (records, whose kind the platform brings) comes the next time."""
        about, files = sealed.unpack(sealed.unseal(file, passphrase), file)
        if "cluster" not in about or _OBJECTS not in files:
            raise Usage(f"{file} is the backup of an embedded platform", hint="leave the cluster out")
        objects = sorted(orjson.loads(files[_OBJECTS][0]), key=lambda one: [*_KINDS].index(one["kind"]))
        counts = {"written": 0, "same": 0, "kept": 0, "waiting": 0}
        for body in objects:
            counts[self._write(body, force=force)] += 1
        for body in objects:
            if environment := _environment(body):
                self._adopt(environment)
        stored = self._write_store(json.loads(files[_STORE][0]), force=force) if _STORE in files else 0
        return Saved(
            str(about["cluster"]["server"]),
            counts["written"] + counts["same"] + stored,
            has_keys=_STORE in files,
            kept=counts["kept"],
            waiting=counts["waiting"],
        )

    def _read(self, *, with_secrets: bool) -> Iterator[Json]:
        for resource in (SECRETS, CONFIG_MAPS) if with_secrets else (CONFIG_MAPS,):
            items, _ = self.api.list_pages(resource, query={"labelSelector": _OURS})
            yield from (_plain(one, resource) for one in items if _is_kept(one))
        yield from self._find(CONFIG_MAPS, self.namespace, BUILD_NUMBERS)
        try:
            records, _ = self.api.list_pages(PIPELINE_ACTIVITIES, self.namespace)
        except NotFound:
            records = []
        yield from (_plain(one, PIPELINE_ACTIVITIES) for one in records)

    def _find(self, resource: Resource, namespace: str, name: str) -> Iterator[Json]:
        try:
            yield _plain(self.api.get(resource, namespace, name), resource)
        except NotFound:
            return

    def _write(self, body: Json, *, force: bool) -> str:
        """Write one object: `written`, `same`, `kept`, or `waiting` for its kind."""
        resource, metadata = _KINDS[body["kind"]], body["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        try:
            there = self.api.get(resource, namespace, name)
        except NotFound:
            there = None
        if there is not None and name == BUILD_NUMBERS:
            body, force = with_highest(body, there), True
        if there is not None and _plain(there, resource) == body:
            return "same"
        if there is not None and not force:
            return "kept"
        try:
            if there is None or there.get("immutable"):
                self._create(resource, body, instead=there is not None)
            else:
                version = {"resourceVersion": there["metadata"]["resourceVersion"]}
                self.api.replace(resource, namespace, {**body, "metadata": {**metadata, **version}})
        except NotFound:
            if resource is PIPELINE_ACTIVITIES:
                return "waiting"
            raise
        except Stale:  # somebody else wrote it just now: theirs is newer
            return "kept"
        return "written"

    def _create(self, resource: Resource, body: Json, *, instead: bool) -> None:
        namespace = body["metadata"]["namespace"]
        if instead:
            self.api.delete(resource, namespace, body["metadata"]["name"])
        ensure_namespace(self.api, namespace)
        self.api.create(resource, namespace, body)

    def _adopt(self, environment: EnvironmentName) -> None:
        """On another cluster nothing of what the anchor tells of is there: the next apply sends it all."""
        anchors, mine = KubernetesAnchors(self.api), _cluster_id(self.api)
        anchor = anchors.find(environment)
        if anchor is not None and anchor.cluster_id != mine:
            anchors.save(replace(anchor, cluster_id=mine, is_begun=True))

    def _read_store(self) -> dict[str, dict[str, str]]:
        store = self.store()
        paths = tuple(one.path for one in store.list_under())
        found = store.read(paths, purpose="backup")
        return {path: dict(secret.values) for path, secret in found.items()}

    def _write_store(self, saved: dict[str, dict[str, str]], *, force: bool) -> int:
        """Write the values of paths that have none; with `force` of all that have others."""
        store, count = self.store(), 0
        there = store.read(tuple(saved), purpose="restore")
        for path, values in saved.items():
            found = there.get(path)
            if found is not None and (dict(found.values) == values or not force):
                continue
            store.write(path, values, version=found.version if found else "", purpose="restore")
            count += 1
        return count


def _is_kept(body: Json) -> bool:
    """Whether an object is ours and no environment declares it. A watchdog's orders end with it."""
    labels = body["metadata"].get("labels") or {}
    return PART_OF not in labels and WATCHDOG_LABEL not in labels


def _plain(body: Json, resource: Resource) -> Json:
    """An object without what its server wrote."""
    kept = {key: value for key, value in body["metadata"].items() if key in _METADATA}
    rest = {key: value for key, value in body.items() if key not in ("metadata", "status")}
    return {**rest, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": kept}


_METADATA: Final = frozenset({"name", "namespace", "labels", "annotations"})


def _environment(body: Json) -> EnvironmentName | None:
    """Whose anchor an object is."""
    labels = body["metadata"].get("labels") or {}
    is_anchor = body["kind"] == CONFIG_MAPS.kind and ANCHOR_LABEL in labels
    return EnvironmentName(labels[ANCHOR_LABEL]) if is_anchor else None


def _cluster_id(api: Api) -> str:
    return str(api.get(NAMESPACES, "", "kube-system")["metadata"]["uid"])
