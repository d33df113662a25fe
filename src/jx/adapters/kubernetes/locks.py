"""The locks port over Leases (`coordination.k8s.io/v1`), so that `kubectl get lease -n jx-anchors` shows who is at what."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jx.adapters.kubernetes.anchors import ensure_namespace
from jx.adapters.kubernetes.api import LEASES, Api, Json
from jx.adapters.kubernetes.fences import Fences, lease_name
from jx.domain.applying.locking import LIMIT, Grip
from jx.domain.errors import Locked, NotFound, Overtaken, Stale
from jx.domain.names import EnvironmentName
from jx.domain.objects.membership import ANCHORS_NAMESPACE
from jx.ports.clock import Clock

_ATTEMPTS = 5
_LOOK_EVERY = timedelta(seconds=1)
_MINUTE_ZERO = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
_TAKEN_FROM = "jenkins.io/taken-from"
_REASON = "jenkins.io/reason"


class KubernetesLocks:
    """Locks of one cluster.

    Clocks of different machines are not compared: a Lease has run out when nobody has renewed it for its duration by the clock of
    whoever looks. A holder that `is_gone` knows to have died has no lock any more; by default nobody knows.
    """

    def __init__(self, api: Api, clock: Clock, *, is_gone: Callable[[str], bool] = lambda _: False) -> None:
        self._api = api
        self._clock = clock
        self._is_gone = is_gone
        self._fences = Fences(api)
        self._mutex = threading.Lock()
        self._looks: dict[EnvironmentName, _Look] = {}

    def acquire(
        self, environment: EnvironmentName, *, holder: str, lease: timedelta, reason: str = ""
    ) -> Grip:
        """Take, wait for, or take over, by compare-and-swap. `leaseTransitions` is the token."""
        for _ in range(_ATTEMPTS):
            try:
                return self._take(environment, holder, lease, reason)
            except Stale:
                continue  # somebody else wrote in between: look who
        raise Locked(
            f"environment {environment} is being locked by many at once", hint="try again in a moment"
        )

    def renew(self, grip: Grip, *, lease: timedelta) -> None:
        """Move the time of the Lease on; nothing else ever writes it while it is ours."""
        for _ in range(_ATTEMPTS):
            found = self._find(grip.environment)
            if found is None or not _is_held_by(found, grip):
                raise _overtaken(grip, found)
            found["spec"] |= self._fresh(grip.holder, lease)
            try:
                self._api.replace(LEASES, ANCHORS_NAMESPACE, found, within=LIMIT)
            except (Stale, NotFound):
                continue
            else:
                return
        raise _overtaken(grip, None)

    def release(self, grip: Grip, *, late: timedelta = timedelta()) -> None:
        """Give the lock back; the Lease stays, with its count of holders."""
        for _ in range(_ATTEMPTS):
            found = self._find(grip.environment)
            if found is None or not _is_held_by(found, grip):
                return
            found["spec"] |= (
                self._fresh(grip.holder, late) if late else {"holderIdentity": "", "leaseDurationSeconds": 1}
            )
            try:
                self._api.replace(LEASES, ANCHORS_NAMESPACE, found, within=LIMIT)
            except NotFound:
                return
            except Stale:
                continue
            else:
                return

    def find_holder(self, environment: EnvironmentName) -> str:
        """As the Lease says, but for a holder that is known to have died."""
        spec = (self._find(environment) or {}).get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        is_over = not holder or self._is_gone(holder) or _expiry(spec) < self._clock.now()
        return "" if is_over else holder

    def enforce(self, grip: Grip) -> bool:
        """By a ValidatingAdmissionPolicy whose parameter is the Lease."""
        return self._fences.enforce(grip)

    def _take(self, environment: EnvironmentName, holder: str, lease: timedelta, reason: str) -> Grip:
        found = self._find(environment)
        if found is None:
            return self._create(environment, holder, lease)
        current = str(found.setdefault("spec", {}).get("holderIdentity") or "")
        settles = timedelta()
        if current and current != holder and not self._is_gone(current):
            settles = LIMIT
            if not reason:
                self._wait_out(environment, found)
                settles = timedelta()
        token = int(found["spec"].get("leaseTransitions") or 0) + 1
        found["spec"] |= self._fresh(holder, lease)
        found["spec"] |= {"acquireTime": found["spec"]["renewTime"], "leaseTransitions": token}
        notes = found["metadata"].setdefault("annotations", {})
        told = {_TAKEN_FROM: current, _REASON: reason}
        notes |= {name: text for name, text in told.items() if text}
        for name in [name for name, text in told.items() if not text]:
            notes.pop(name, None)
        try:
            self._api.replace(LEASES, ANCHORS_NAMESPACE, found)
        except NotFound as error:
            raise Stale("the lease was deleted in between") from error
        return Grip(environment, holder, token, taken_from=current, settles=settles)

    def _wait_out(self, environment: EnvironmentName, found: Json) -> None:
        """Return once the Lease as it was found is over, together with whatever was sent under it. Locked where it still runs, by
        what it says itself; Stale where somebody wrote it while we waited."""
        begun = self._look(environment, found)
        lease = timedelta(seconds=int(found["spec"].get("leaseDurationSeconds") or 0))
        while (left := begun + lease + LIMIT - self._clock.elapsed()) > timedelta():
            if self._clock.now() < _expiry(found["spec"]):
                raise _locked(environment, found["spec"])
            if self._clock.wait(min(left, _LOOK_EVERY)):
                raise _locked(environment, found["spec"])
            again = self._find(environment)
            if again is None or _version(again) != _version(found):
                raise Stale("the lease was written in between")

    def _look(self, environment: EnvironmentName, found: Json) -> timedelta:
        """Since when the Lease has been as it is now, as far as we have seen."""
        with self._mutex:
            look = self._looks.get(environment)
            if look is None or look.version != _version(found):
                look = self._looks[environment] = _Look(_version(found), self._clock.elapsed())
            return look.since

    def _fresh(self, holder: str, lease: timedelta) -> Json:
        seconds = max(math.ceil(lease.total_seconds()), 1)
        return {
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "renewTime": _text(self._clock.now()),
        }

    def _find(self, environment: EnvironmentName) -> Json | None:
        try:
            return self._api.get(LEASES, ANCHORS_NAMESPACE, lease_name(environment))
        except NotFound:
            return None

    def _create(self, environment: EnvironmentName, holder: str, lease: timedelta) -> Grip:
        now = self._clock.now()
        # A Lease that somebody has deleted begins anew: minutes keep its tokens above all that were given before.
        token = max(int((now - _MINUTE_ZERO) / timedelta(minutes=1)), 0)
        body: Json = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {
                "name": lease_name(environment),
                "namespace": ANCHORS_NAMESPACE,
                "labels": {"app.kubernetes.io/managed-by": "jx"},
            },
            "spec": {**self._fresh(holder, lease), "acquireTime": _text(now), "leaseTransitions": token},
        }
        try:
            self._api.create(LEASES, ANCHORS_NAMESPACE, body)
        except NotFound:
            ensure_namespace(self._api, ANCHORS_NAMESPACE)
            self._api.create(LEASES, ANCHORS_NAMESPACE, body)
        return Grip(environment, holder, token)


@dataclass(frozen=True, slots=True)
class _Look:
    """A Lease as it was seen first: its version, and when by our own clock."""

    version: str
    since: timedelta


def _is_held_by(found: Json, grip: Grip) -> bool:
    spec = found.get("spec") or {}
    return spec.get("holderIdentity") == grip.holder and spec.get("leaseTransitions") == grip.token


def _version(found: Json) -> str:
    return str(found["metadata"].get("resourceVersion", ""))


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _expiry(spec: Json) -> datetime:
    with contextlib.suppress(KeyError, ValueError):
        renewed = datetime.fromisoformat(spec["renewTime"])
        return renewed + timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))
    return _MINUTE_ZERO


def _locked(environment: EnvironmentName, spec: Json) -> Locked:
    since = datetime.fromisoformat(spec.get("acquireTime") or spec["renewTime"])
    return Locked(
        f"{spec['holderIdentity']} is applying to environment {environment} since {since:%Y-%m-%d %H:%M:%S} UTC, "
        f"and holds the lock until {_expiry(spec):%H:%M:%S} UTC",
        hint="wait for it and try again: a holder that has died loses the lock by itself; "
        "or take it over by `jx step env apply --take-lock --reason ...`",
    )


def _overtaken(grip: Grip, found: Json | None) -> Overtaken:
    spec = (found or {}).get("spec") or {}
    notes = (found or {}).get("metadata", {}).get("annotations") or {}
    by = str(spec.get("holderIdentity") or "somebody else")
    reason = f": {notes[_REASON]}" if notes.get(_REASON) else ""
    return Overtaken(
        f"{by} has taken over the lock of environment {grip.environment}{reason}; this apply stops",
        hint="look at what they did (`jx get env`), and apply again if it is still to be done",
    )
