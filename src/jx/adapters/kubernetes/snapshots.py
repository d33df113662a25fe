"""ports.snapshots.Snapshots: a ConfigMap that names the Secrets in which the snapshot lies, in a namespace of no environment."""

from __future__ import annotations

import contextlib

import orjson

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import CONFIG_MAPS, SECRETS, Api, Json
from jx.adapters.kubernetes.blobs import BlobRef, Blobs
from jx.domain.errors import Invalid, NotFound
from jx.domain.ledger.snapshots import Snapshot, parse_snapshot, snapshot_to_data
from jx.domain.names import EnvironmentName
from jx.domain.objects.membership import RESCUE_NAMESPACE

LABEL = "jenkins.io/snapshot"
PLAN = "jenkins.io/plan"
TYPE = "jenkins.io/snapshot"
_MANAGED = {"app.kubernetes.io/managed-by": "jx"}
_KEY = "snapshot.json"


class KubernetesSnapshots:
    """Snapshots of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def find(self, environment: EnvironmentName, plan_digest: str) -> Snapshot | None:
        body = self._find(environment, plan_digest)
        if body is None:
            return None
        content = self._blobs(environment, plan_digest).read(_ref(body))
        if content is None:
            raise Invalid(
                "a part of the snapshot of the last verified state is gone",
                hint="go back by the ledger: jx step env apply --from-ledger",
            )
        return parse_snapshot(orjson.loads(content))

    def has(self, environment: EnvironmentName, plan_digest: str) -> bool:
        body = self._find(environment, plan_digest)
        parts = _ref(body).parts if body else ()
        return bool(parts) and set(parts) <= set(self._blobs(environment, plan_digest).list_parts())

    def save(self, snapshot: Snapshot) -> None:
        """The parts first, then what names them, then the parts that nothing names any more go."""
        ensure_namespace(self._api, RESCUE_NAMESPACE)
        environment, plan = snapshot.environment, snapshot.plan_digest
        there = self._find(environment, plan)
        old = _ref(there) if there else BlobRef()
        blobs = self._blobs(environment, plan)
        ref = blobs.write(
            orjson.dumps(snapshot_to_data(snapshot)),
            old=old,
            base=str(there["metadata"]["resourceVersion"]) if there else "",
            prefix=_name(environment, plan),
            kind=TYPE,
        )
        body = _body(snapshot, ref)
        if there is None:
            self._api.create(CONFIG_MAPS, RESCUE_NAMESPACE, body)
        elif there.get("data") != body["data"]:
            body["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"]
            self._api.replace(CONFIG_MAPS, RESCUE_NAMESPACE, body)
        blobs.sweep(frozenset(ref.parts), gone=frozenset(old.parts) - frozenset(ref.parts))

    def keep_only(self, environment: EnvironmentName, plan_digest: str) -> None:
        """What names the parts first; parts that a crash left go with the next call."""
        kept = _short(plan_digest)
        query = {"labelSelector": f"{LABEL}={environment}"}
        for resource in (CONFIG_MAPS, SECRETS):
            for one in self._api.list_pages(resource, RESCUE_NAMESPACE, query=query)[0]:
                if one["metadata"]["labels"].get(PLAN) != kept:
                    with contextlib.suppress(NotFound):
                        self._api.delete(resource, RESCUE_NAMESPACE, one["metadata"]["name"])

    def _find(self, environment: EnvironmentName, plan_digest: str) -> Json | None:
        try:
            return self._api.get(CONFIG_MAPS, RESCUE_NAMESPACE, _name(environment, plan_digest))
        except NotFound:
            return None

    def _blobs(self, environment: EnvironmentName, plan_digest: str) -> Blobs:
        return Blobs(self._api, RESCUE_NAMESPACE, _labels(environment, plan_digest))


def _short(plan_digest: str) -> str:
    return plan_digest.rpartition(":")[2][:12]


def _name(environment: EnvironmentName, plan_digest: str) -> str:
    return f"snapshot-{environment}-{_short(plan_digest)}"


def _labels(environment: EnvironmentName, plan_digest: str) -> dict[str, str]:
    return {**_MANAGED, LABEL: environment, PLAN: _short(plan_digest)}


def _body(snapshot: Snapshot, ref: BlobRef) -> Json:
    facts = {"planDigest": snapshot.plan_digest, "digest": snapshot.digest}
    text = orjson.dumps({**facts, "blob": ref.to_data()}, option=orjson.OPT_INDENT_2).decode()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": _name(snapshot.environment, snapshot.plan_digest),
            "namespace": RESCUE_NAMESPACE,
            "labels": _labels(snapshot.environment, snapshot.plan_digest),
        },
        "data": {_KEY: text + "\n"},
    }


def _ref(body: Json) -> BlobRef:
    try:
        return BlobRef.of_data(orjson.loads((body.get("data") or {}).get(_KEY) or "{}").get("blob") or {})
    except orjson.JSONDecodeError:
        return BlobRef()
