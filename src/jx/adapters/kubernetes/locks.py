"""The locks port over Leases (`coordination.k8s.io/v1`), so that `kubectl get lease -n jx-anchors` shows who is at what."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import LEASES, Api, Json
from jx.domain.errors import Locked, NotFound, Stale
from jx.domain.membership import ANCHORS_NAMESPACE
from jx.domain.names import EnvironmentName
from jx.ports.clock import Clock

_ATTEMPTS = 5


class KubernetesLocks:
    """Locks of one cluster. Times are those of the holders' clocks: keep leases longer than clocks differ.

    A holder that `is_gone` knows to have died has no lock any more, however long its lease; by default nobody knows.
    """

    def __init__(self, api: Api, clock: Clock, *, is_gone: Callable[[str], bool] = lambda _: False) -> None:
        self._api = api
        self._clock = clock
        self._is_gone = is_gone

    def acquire(self, environment: EnvironmentName, *, holder: str, lease: timedelta) -> None:
        """Take, renew or take over, by compare-and-swap. `leaseTransitions` counts the holders, for fencing."""
        for _ in range(_ATTEMPTS):
            try:
                self._try(environment, holder, lease)
            except Stale:
                continue  # somebody else wrote in between: look who
            else:
                return
        raise Locked(
            f"environment {environment} is being locked by many at once", hint="try again in a moment"
        )

    def release(self, environment: EnvironmentName, *, holder: str) -> None:
        """Give the lock back; the Lease stays, with its count of holders."""
        for _ in range(_ATTEMPTS):
            found = self._find(environment)
            if found is None or found["spec"].get("holderIdentity") != holder:
                return
            found["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
            try:
                self._api.replace(LEASES, ANCHORS_NAMESPACE, found)
            except NotFound:
                return
            except Stale:
                continue
            else:
                return

    def _try(self, environment: EnvironmentName, holder: str, lease: timedelta) -> None:
        now = self._clock.now()
        fresh = {"holderIdentity": holder, "leaseDurationSeconds": max(math.ceil(lease.total_seconds()), 1)}
        fresh |= {"renewTime": _text(now)}
        found = self._find(environment)
        if found is None:
            self._create(environment, {**fresh, "acquireTime": _text(now), "leaseTransitions": 0})
            return
        spec = found.setdefault("spec", {})
        current = str(spec.get("holderIdentity") or "")
        if current == holder:
            spec |= fresh
        else:
            if current and now < _expiry(spec) and not self._is_gone(current):
                raise _locked(environment, spec)
            taken = int(spec.get("leaseTransitions") or 0) + 1
            spec |= {**fresh, "acquireTime": _text(now), "leaseTransitions": taken}
        try:
            self._api.replace(LEASES, ANCHORS_NAMESPACE, found)
        except NotFound as error:
            raise Stale("the lease was deleted in between") from error

    def _find(self, environment: EnvironmentName) -> Json | None:
        try:
            return self._api.get(LEASES, ANCHORS_NAMESPACE, _name(environment))
        except NotFound:
            return None

    def _create(self, environment: EnvironmentName, spec: Json) -> None:
        body: Json = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {
                "name": _name(environment),
                "namespace": ANCHORS_NAMESPACE,
                "labels": {"app.kubernetes.io/managed-by": "jx"},
            },
            "spec": spec,
        }
        try:
            self._api.create(LEASES, ANCHORS_NAMESPACE, body)
        except NotFound:
            ensure_namespace(self._api, ANCHORS_NAMESPACE)
            self._api.create(LEASES, ANCHORS_NAMESPACE, body)


def _name(environment: EnvironmentName) -> str:
    return f"jx-apply-{environment}"


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _expiry(spec: Json) -> datetime:
    renewed = datetime.fromisoformat(spec["renewTime"])
    return renewed + timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))


def _locked(environment: EnvironmentName, spec: Json) -> Locked:
    since = datetime.fromisoformat(spec.get("acquireTime") or spec["renewTime"])
    return Locked(
        f"{spec['holderIdentity']} is applying to environment {environment} since {since:%Y-%m-%d %H:%M:%S} UTC, "
        f"and holds the lock until {_expiry(spec):%H:%M:%S} UTC",
        hint="wait for it and try again; a holder that has died loses the lock by itself",
    )
