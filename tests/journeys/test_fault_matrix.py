"""The fault matrix: versions of the platform's chart, merged by the normal route, that break one thing each. Each comes back by
itself; without a watchdog it stays broken.

`make test` plays a few; JX_FAULT_MATRIX=1 plays all.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.broken_platforms import ROWS, Row, offer
from tests.support.platform import Machine, Ran, eventually, install, machine_at

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.anchors import KubernetesAnchors
from jx.adapters.kubernetes.api import PODS, Api, Resource
from jx.adapters.kubernetes.watchdogs import LABEL, KubernetesWatchdogs
from jx.adapters.local.node.folders import PodFolder
from jx.domain.applying.applying import Anchor
from jx.domain.environments.watchdogs import Phase, Watch
from jx.domain.names import DEV
from jx.domain.objects.membership import RESCUE_NAMESPACE

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("fault-matrix"), pytest.mark.timeout(300)]

DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment")
QUOTAS = Resource("v1", "resourcequotas", "ResourceQuota")
FROM_STORE = """apiVersion: v1
kind: Secret
metadata: {name: proof}
stringData: {password: "vault:dev/proof:password"}
"""
"""Something that the secret store is needed for."""
PIPELINE = "dana/environment-local-dev/master"
DEADLINE = 5
"""Seconds; what is broken proves itself never."""
_ALL = os.environ.get("JX_FAULT_MATRIX", "") not in {"", "0"}
PLAYED = ROWS if _ALL else ROWS[1:2]


@dataclass
class Place:
    """An embedded platform whose new versions have little time to prove themselves."""

    machine: Machine
    api: Api

    def jx(self, *words: str, user: str = "") -> Ran:
        return self.machine.jx(*words, user=user)

    @property
    def anchor(self) -> Anchor:
        anchor = KubernetesAnchors(self.api).find(DEV)
        assert anchor
        return anchor

    @property
    def watch(self) -> Watch | None:
        return KubernetesWatchdogs(self.api, namespace="jx").find(DEV)

    def spec(self) -> dict[str, Any]:
        """What runs the platform, as it is to be."""
        found = self.api.list_pages(DEPLOYMENTS, "jx")[0]
        return {one["metadata"]["name"]: one["spec"] for one in found}

    def await_verified(self) -> None:
        """Until what is applied has proven itself."""

        def is_so() -> bool:
            anchor = self.anchor
            good, applied = anchor.verified, anchor.applied
            return bool(good and applied and good.plan_digest == applied.plan_digest)

        eventually(is_so, seconds=90)

    def is_crashing(self) -> bool:
        """Whether a pod of the platform falls again and again, and nothing else is there in its place."""
        pods = self.api.list_pages(
            PODS, "jx", query={"labelSelector": "app.kubernetes.io/component=controllers"}
        )[0]
        return len(pods) == 1 and "CrashLoopBackOff" in str(pods[0].get("status"))

    def merge(self, version: str) -> str:
        """Ann asks for a version of the platform, its owner approves it, and Bob merges it."""
        pull = self.jx("upgrade", "platform", "--version", version, user="ann").ok().pull
        self.machine.approve(pull)
        self.jx("pr", "merge", pull, user="bob").ok()
        return pull

    def await_phase(self, phase: Phase, number: str = "") -> Watch:
        """Until the watchdog that was started after that of this number has come so far."""

        def is_so() -> bool:
            watch = self.watch
            return bool(watch and watch.orders.number != number and watch.phase is phase)

        eventually(is_so, seconds=90)
        watch = self.watch
        assert watch
        return watch

    def kill_watchdog(self) -> None:
        """Its process, as a node that runs out of memory does; it is started again in place."""
        query = {"labelSelector": f"{LABEL}={DEV}"}
        alive = [
            pod
            for pod in self.api.list_pages(PODS, RESCUE_NAMESPACE, query=query)[0]
            if not pod["metadata"].get("deletionTimestamp")
        ]
        pods = self.machine.platform() / "kubernetes" / "pods"
        record = PodFolder.of(pods, alive[0]).record("watchdog")
        os.kill(int(record.read_text().split()[0]), signal.SIGKILL)

    def merge_return(self) -> None:
        """Merge the pull request that the controllers opened after the return."""
        found: list[str] = []

        def is_there() -> bool:
            listed = self.jx("pr", "list").out
            found[:] = re.findall(r"^#(\d+)\s+dev\s+open\s+jx-bot\s+Go back to", listed, re.MULTILINE)
            return bool(found)

        eventually(is_there, seconds=90)
        self.machine.approve(found[0])
        self.jx("pr", "merge", found[0], user="bob").ok()
        eventually(lambda: not self.anchor.holds, seconds=90)
        self.jx("get", "env", "dev", "--wait").ok()
        self.await_verified()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with machine_at(tmp_path_factory.mktemp("matrix")) as machine:
        install(machine)
        api = Api.connect(kubeconfig.load([machine.kubeconfig()]), SystemClock())
        place = Place(machine, api)
        machine.shell("echo hunter22 | jx edit secret dev/proof --from-file password=-").ok()
        set_deadline(place, DEADLINE)
        yield place
        api.close()


def set_deadline(place: Place, seconds: int) -> None:
    """By a push of the platform's owner."""
    clone = place.machine.clone(f"clone-{seconds}")
    settings = clone / "jx-requirements.yml"
    text = re.sub(r"\n  watchdogSeconds: .*", "", settings.read_text())
    settings.write_text(text.replace("apply:", f"apply:\n  watchdogSeconds: {seconds}", 1))
    (clone / "env" / "templates" / "proof.yaml").write_text(FROM_STORE)
    script = f"""eval "$(jx local env)"; git add -A; git commit -qam 'Prove in {seconds} s'; git push -q"""
    place.machine.shell(script, cwd=clone).ok()
    place.jx("get", "env", "--wait").ok()
    place.await_verified()


def number_of(place: Place) -> str:
    watch = place.watch
    return watch.orders.number if watch else ""


@pytest.mark.parametrize("row", PLAYED, ids=lambda row: row.name.replace(" ", "-"))
def test_what_breaks_ci_cd_comes_back_by_itself(place: Place, row: Row) -> None:
    before, number = place.spec(), number_of(place)
    offer(place.machine.platform(), row)
    place.merge(row.version)
    place.await_phase(Phase.WATCHING, number)
    place.kill_watchdog()
    watch = place.await_phase(Phase.RETURNED, number)
    assert f"did not prove itself within {DEADLINE} s" in watch.words
    assert place.spec() == before
    (hold,) = place.anchor.holds
    assert hold.by == "watchdog"
    assert "watchdog" in place.jx("get", "env").ok().out
    place.merge_return()
    assert place.spec() == before
    assert "CI/CD works" in place.jx("step", "verify", "install").ok().out


@pytest.mark.skipif(not _ALL, reason="JX_FAULT_MATRIX=1 plays all rows")
def test_a_machine_that_is_started_anew_while_the_watchdog_watches_keeps_it_from_nothing(
    place: Place,
) -> None:
    """The API server, its node and the watchdog are gone at once, in the middle of the upgrade."""
    before, number = place.spec(), number_of(place)
    row = ROWS[0]
    offer(place.machine.platform(), row)
    place.merge(row.version)
    place.await_phase(Phase.WATCHING, number)
    place.jx("local", "stop").ok()
    place.jx("local", "start").ok()
    place.await_phase(Phase.RETURNED, number)
    assert place.spec() == before
    place.merge_return()
    assert "CI/CD works" in place.jx("step", "verify", "install").ok().out


@pytest.mark.skipif(not _ALL, reason="JX_FAULT_MATRIX=1 plays all rows")
def test_a_watchdog_that_cannot_start_keeps_everything_as_it_is(place: Place) -> None:
    before, number = place.spec(), number_of(place)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": RESCUE_NAMESPACE},
        "spec": {"hard": {"pods": "0"}},
    }
    place.api.create(QUOTAS, RESCUE_NAMESPACE, quota)
    row = ROWS[0]
    offer(place.machine.platform(), row)
    place.merge(row.version)

    def is_told() -> bool:
        return "exceeded quota" in place.jx("get", "build", "logs", PIPELINE, "--no-tail").out

    eventually(is_told, seconds=90)
    assert place.spec() == before
    place.api.delete(QUOTAS, RESCUE_NAMESPACE, "none")
    place.await_phase(Phase.RETURNED, number)
    place.merge_return()
    assert place.spec() == before


def test_without_a_watchdog_it_stays_broken_until_a_person_goes_back_to_what_was_verified(
    place: Place,
) -> None:
    """The control: the same version, and nobody who watches."""
    set_deadline(place, 0)
    before, number = place.spec(), number_of(place)
    row = ROWS[0]
    offer(place.machine.platform(), row)
    place.merge(row.version)
    eventually(place.is_crashing, seconds=90)
    assert number_of(place) == number
    assert not place.anchor.holds
    assert place.spec() != before
    clone = place.machine.clone("rescue")
    words = ("step", "env", "apply", "--from-ledger", "verified", "--reason", "the controllers do not start")
    told = place.machine.jx(*words, cwd=clone).ok().told
    assert "controllers: 0 of 1 replicas are ready; instead: this machine applies" in told
    assert "values of secrets: 1 from the snapshot" in told
    assert place.spec() == before
    assert "CI/CD works" in told
