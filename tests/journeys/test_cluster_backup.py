"""The drill: what git does not have of a cluster is lost, or the cluster itself, and comes back from its backup. The embedded API
stands for a cluster by itself, and a real API server where there is one."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.embedded import running_api
from tests.support.foreign import SERVERS, Foreign, server
from tests.support.platform import machine_at

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.activities import KubernetesActivities
from jx.adapters.kubernetes.anchors import KubernetesAnchors
from jx.adapters.kubernetes.api import CONFIG_MAPS, SECRETS, Api
from jx.adapters.kubernetes.build_numbers import KubernetesBuildNumbers
from jx.domain.names import DEV
from jx.domain.runs.activities import Activity, ActivityStatus

pytestmark = pytest.mark.xdist_group("foreign-clusters")

ANCHORS = "jx-anchors"
PIPELINE = "acme/shop/main"


@dataclass
class Saved:
    """A cluster that Jenkins X was installed on, and its backups."""

    foreign: Foreign
    folder: Path

    def jx(self, *words: str, to: Path | None = None) -> str:
        ran = self.foreign.jx("--kubeconfig", str(to or self.foreign.kubeconfig), *words).ok()
        return ran.out

    def restore(self, *words: str, to: Path | None = None, file: str = "whole.jxb") -> str:
        secret = () if file == "open.jxb" else ("--passphrase-file", str(self.folder / "passphrase"))
        return self.jx("restore", str(self.folder / file), *secret, *words, to=to)

    def lose(self) -> None:
        """Somebody deletes all that the cluster remembers."""
        api = self.foreign.api
        for resource in (CONFIG_MAPS, SECRETS):
            for one in api.list_pages(resource, ANCHORS)[0]:
                if (one["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == "jx":
                    api.delete(resource, ANCHORS, one["metadata"]["name"])
        api.delete(SECRETS, "jx", "jx-git")


@pytest.fixture(scope="module", params=SERVERS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    folder = tmp_path_factory.mktemp("saved")
    with server(request.param, folder / "kubernetes") as path, machine_at(folder) as machine:
        foreign = Foreign(machine, path, "saved")
        foreign.jx(*foreign.install_words, "-b", "--no-wait").ok()
        record = Activity("acme-shop-master-1", "acme/shop/master", "1", ActivityStatus.SUCCEEDED)
        KubernetesActivities(foreign.api, namespace="jx").save(record)
        for _ in range(3):
            KubernetesBuildNumbers(foreign.api, namespace="jx").next(PIPELINE)
        (folder / "passphrase").write_text("correct horse battery\n")
        place = Saved(foreign, folder)
        secret = ("--passphrase-file", str(folder / "passphrase"))
        place.jx("backup", str(folder / "whole.jxb"), *secret)
        place.jx("backup", str(folder / "open.jxb"), "--without-secrets")
        yield place
        foreign.api.close()


def test_what_somebody_deleted_comes_back_as_it_was(saved: Saved) -> None:
    api = saved.foreign.api
    before = KubernetesAnchors(api).find(DEV)
    key = api.get(SECRETS, "jx", "jx-git")["data"]
    saved.lose()
    assert KubernetesAnchors(api).find(DEV) is None
    assert "are as they were saved" in saved.restore()
    after = KubernetesAnchors(api).find(DEV)
    assert before
    assert after
    assert (after.inventory, after.applied, after.ledger_head) == (
        before.inventory,
        before.applied,
        before.ledger_head,
    )
    assert api.get(SECRETS, "jx", "jx-git")["data"] == key
    clone = saved.foreign.clone("dev", "clone-dev")
    assert "0 to delete" in saved.foreign.jx("diff", cwd=clone).ok().told


def test_what_is_there_stays_unless_it_is_forced(saved: Saved) -> None:
    api = saved.foreign.api
    saved.jx("hold", "staging", "--reason", "after the backup")
    assert "1 are there and differ" in saved.restore()
    assert "after the backup" in saved.jx("get", "env")
    assert "differ" not in saved.restore("--force")
    assert "after the backup" not in saved.jx("get", "env")
    assert KubernetesAnchors(api).find(DEV)


def test_no_build_number_is_given_again_after_a_restore(saved: Saved) -> None:
    api = saved.foreign.api
    numbers = KubernetesBuildNumbers(api, namespace="jx")
    assert [numbers.next(PIPELINE), numbers.next(PIPELINE), numbers.next("acme/other/main")] == [4, 5, 1]
    for words in ((), ("--force",)):
        saved.restore(*words)
    assert [numbers.next(PIPELINE), numbers.next("acme/other/main")] == [6, 2]
    api.delete(CONFIG_MAPS, "jx", "jx-build-numbers")
    saved.restore()
    assert numbers.next(PIPELINE) == 4, "nobody knows of more than the backup"
    assert numbers.next(PIPELINE, above=6) == 7, "but for the records that there are"


def test_without_secrets_there_are_none_in_the_file(
    saved: Saved,
) -> None:
    packed = (saved.folder / "open.jxb").read_bytes().partition(b"\n")[2]
    (saved.folder / "open.tgz").write_bytes(packed)
    with tarfile.open(saved.folder / "open.tgz") as archive:
        stream = archive.extractfile("objects.json")
        assert stream
        assert {one["kind"] for one in json.load(stream)} == {"ConfigMap", "PipelineActivity"}


def test_another_cluster_is_told_what_was_and_the_next_apply_makes_it_so(
    saved: Saved, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir(mode=0o700)
    with running_api(tmp_path / "other"):
        other = tmp_path / "other" / "admin.kubeconfig"
        assert "1 records wait" in saved.restore(to=other)
        clone = saved.foreign.clone("dev", "clone-other")
        words = (
            "--kubeconfig",
            str(other),
            "step",
            "env",
            "apply",
            "-b",
            "--no-wait",
            "--reason",
            "a new cluster",
        )
        saved.foreign.jx(*words, cwd=clone).ok()
        assert "wait" not in saved.restore(to=other)
        api = Api.connect(kubeconfig.load([other]), SystemClock())
        try:
            records = KubernetesActivities(api, namespace="jx").list_all()
            anchor = KubernetesAnchors(api).find(DEV)
        finally:
            api.close()
    assert [one.name for one in records] == ["acme-shop-master-1"]
    assert anchor
    assert anchor.applied
    assert not anchor.is_begun
