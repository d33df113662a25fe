"""ports.snapshots.Snapshots: a ConfigMap that names the Secrets in which the snapshot lies, in a namespace of no environment."""

from __future__ import annotations

import contextlib

import orjson

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS, Api, Json
from jx.adapters.kubernetes.blobs import BlobRef, Blobs
from jx.domain.errors import Invalid, NotFound, Stale
from jx.domain.membership import RESCUE_NAMESPACE
from jx.domain.names import EnvironmentName
from jx.domain.snapshots import Snapshot, parse_snapshot, snapshot_to_data

LABEL = "jenkins.io/snapshot"
TYPE = "jenkins.io/snapshot"
_MANAGED = {"app.kubernetes.io/managed-by": "jx"}
_KEY = "snapshot.json"


class KubernetesSnapshots:
    """Snapshots of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def find(self, environment: EnvironmentName) -> Snapshot | None:
        body = self._find(environment)
        if body is None:
            return None
        content = self._blobs(environment).read(_ref(body))
        if content is None:
            raise Invalid(
                "a part of the snapshot of the last verified state is gone",
                hint="go back by the ledger: jx step env apply --from-ledger",
            )
        return parse_snapshot(orjson.loads(content))

    def save(self, snapshot: Snapshot) -> None:
        """The parts first, then what names them, then the parts of the one before go."""
        ensure_namespace(self._api, RESCUE_NAMESPACE)
        environment = snapshot.environment
        there = self._find(environment)
        old = _ref(there) if there else BlobRef()
        blobs = self._blobs(environment)
        ref = blobs.write(
            orjson.dumps(snapshot_to_data(snapshot)),
            old=old,
            base=str(there["metadata"]["resourceVersion"]) if there else "",
            prefix=f"snapshot-{environment}",
            kind=TYPE,
        )
        body = _body(snapshot, ref)
        if there is None:
            self._api.create(CONFIG_MAPS, RESCUE_NAMESPACE, body)
        elif there.get("data") != body["data"]:
            body["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"]
            self._api.replace(CONFIG_MAPS, RESCUE_NAMESPACE, body)
        blobs.sweep(frozenset(ref.parts), gone=frozenset(old.parts) - frozenset(ref.parts))

    def remove(self, environment: EnvironmentName) -> None:
        with contextlib.suppress(NotFound, Stale):
            self._api.delete(CONFIG_MAPS, RESCUE_NAMESPACE, _name(environment))
        blobs = self._blobs(environment)
        blobs.delete(blobs.list_parts())

    def _find(self, environment: EnvironmentName) -> Json | None:
        try:
            return self._api.get(CONFIG_MAPS, RESCUE_NAMESPACE, _name(environment))
        except NotFound:
            return None

    def _blobs(self, environment: EnvironmentName) -> Blobs:
        return Blobs(self._api, RESCUE_NAMESPACE, {**_MANAGED, LABEL: environment})


def _name(environment: EnvironmentName) -> str:
    return f"snapshot-{environment}"


def _body(snapshot: Snapshot, ref: BlobRef) -> Json:
    facts = {"planDigest": snapshot.plan_digest, "digest": snapshot.digest}
    text = orjson.dumps({**facts, "blob": ref.to_data()}, option=orjson.OPT_INDENT_2).decode()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": _name(snapshot.environment),
            "namespace": RESCUE_NAMESPACE,
            "labels": {**_MANAGED, LABEL: snapshot.environment},
        },
        "data": {_KEY: text + "\n"},
    }


def _ref(body: Json) -> BlobRef:
    try:
        return BlobRef.of_data(orjson.loads((body.get("data") or {}).get(_KEY) or "{}").get("blob") or {})
    except orjson.JSONDecodeError:
        return BlobRef()
