"""The comment on a pull request: warnings first, a row per app, diffs folded and cut where a forge would not take them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.golden import check_golden
from tests.support.worlds import config_map, definition, deployment

from jx.adapters.local.memory_cluster import MemoryCluster
from jx.domain.applying.applying import Action, ApplyPlan, LiveObject, Step
from jx.domain.applying.plan_text import VersionMove
from jx.domain.changes.change_comment import LONGEST, Told, write_comment
from jx.domain.changes.change_warnings import find_warnings
from jx.domain.errors import Refused
from jx.domain.ledger.diffing import diff_step
from jx.domain.names import EnvironmentName
from jx.domain.objects.manifests import ChartPin, Manifest, ObjectRef, ref_of

Body = dict[str, Any]


class Planned:
    """A plan in the making, and the cluster that it is for."""

    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        self.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "jx"}})
        self.steps: list[Step] = []
        self.live: dict[ObjectRef, LiveObject] = {}

    def step(
        self,
        action: Action,
        *,
        new: Body | None = None,
        old: Body | None = None,
        source: str = "",
        why: str = "because",
    ) -> Planned:
        body = new or old
        assert body is not None
        ref, version = ref_of(body), str(body["apiVersion"])
        if old:
            self.cluster.send(Step(Action.CREATE, ref, version, 2, "", Manifest(ref, version, old)))
            found = self.cluster.find(ref)
            assert found is not None
            self.live[ref] = found
        manifest = Manifest(ref, version, new, source) if new else None
        self.steps.append(Step(action, ref, version, 2, why, manifest))
        return self

    @property
    def plan(self) -> ApplyPlan:
        pins = (ChartPin("redis", "redis", "1.1.0"), ChartPin("web", "web", "2.0.0"))
        return ApplyPlan(EnvironmentName("dev"), "jx", "jx", "cluster", tuple(self.steps), pins)

    def told(self, **more: Any) -> Told:
        return Told(self.plan, self.live, number=7, url="https://git.example/pulls/7", **more)

    def warnings(self, *protected: str) -> Mapping[str, str]:
        return dict(find_warnings(self.plan, self.live, protected))


def claim(name: str) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "jx"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def workload(kind: str, image: str, **spec: Any) -> Body:
    body = deployment("web", image)
    return {
        **body,
        "kind": kind,
        "metadata": {**body["metadata"], "namespace": "jx"},
        "spec": {**body["spec"], **spec},
    }


def encoded(word: str) -> str:
    return base64.b64encode(word.encode()).decode()


def hidden(name: str, word: str) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "data": {"password": encoded(word)},
    }


def placed(body: Body, **labels: str) -> Body:
    return {**body, "metadata": {**body["metadata"], "namespace": "jx", "labels": labels}}


def test_what_a_reviewer_reads(request: pytest.FixtureRequest) -> None:
    planned = Planned()
    planned.step(
        Action.CREATE, new=placed(config_map("redis", {"port": "6379"})), source="redis/templates/a.yaml"
    )
    old, new = (placed(hidden("redis", word)) for word in ("old-and-hidden", "new-and-hidden"))
    planned.step(Action.UPDATE, old=old, new=new, source="redis/templates/s.yaml")
    planned.step(
        Action.UPDATE,
        old=workload("StatefulSet", "web:1", serviceName="web"),
        new=workload("StatefulSet", "web:2", serviceName="web"),
        source="web/templates/web.yaml",
    )
    planned.step(Action.CREATE, new=placed(config_map("own", {"a": "b"})), source="templates/own.yaml")
    planned.step(
        Action.KEEP,
        old=claim("data"),
        why="it holds data; --allow-prune PersistentVolumeClaim/data deletes it",
    )
    planned.step(Action.PRUNE, old=placed(config_map("gone", {"a": "b"}), **{"helm.sh/chart": "old-0.9.0"}))
    text = write_comment(
        planned.told(
            refusals=(Refused("1 object would be deleted"),),
            versions=(VersionMove("old", "0.9.0", ""), VersionMove("redis", "1.0.0", "1.1.0")),
            installed=(ChartPin("old", "old", "0.9.0"),),
            words=("no longer uses secret vault:dev/old:password",),
            notes=("Environment dev is on hold.",),
        )
    )
    assert "-and-hidden" not in text
    assert encoded("old-and-hidden") not in text
    path = Path(__file__).parent / "golden" / "change-comment.md"
    digest = planned.plan.digest
    check_golden(
        path,
        text.replace(digest, "sha256:DIGEST"),
        renew=bool(request.config.getoption("--renew-golden", default=False)),
    )


def test_nothing_to_do_has_neither_table_nor_warning() -> None:
    text = write_comment(Planned().told())
    assert "|" not in text
    assert ">" not in text


def test_a_long_plan_is_cut_below_what_a_forge_takes_and_says_where_the_rest_is() -> None:
    planned = Planned()
    for number in range(60):
        planned.step(Action.CREATE, new=placed(config_map(f"c{number}", {"a": "x" * 3000})))
    text = write_comment(planned.told())
    assert 50_000 < len(text) < LONGEST
    shown = text.count("<details>")
    assert 0 < shown < 60
    assert f"cut here, {60 - shown} objects not shown" in text
    assert "[this pull request](https://git.example/pulls/7): `jx pr diff 7 --env dev`" in text


def test_one_long_object_does_not_hide_the_others() -> None:
    planned = Planned()
    planned.step(Action.CREATE, new=placed(config_map("long", {"a": "x\n" * 80_000})))
    planned.step(Action.CREATE, new=placed(config_map("short", {"a": "b"})))
    text = write_comment(planned.told())
    assert "create ConfigMap/short" in text
    assert len(text) < LONGEST


def test_a_flood_of_words_is_cut_and_the_digest_stays() -> None:
    planned = Planned()
    text = write_comment(
        planned.told(words=tuple(f"needs secret {number} " + "y" * 100 for number in range(2000)))
    )
    assert len(text) < LONGEST
    assert planned.plan.digest in text


def test_what_an_object_says_cannot_end_its_fold() -> None:
    planned = Planned()
    planned.step(Action.CREATE, new=placed(config_map("a", {"a": "`````\n</details>\n**approved**\n`````"})))
    assert "``````diff\n" in write_comment(planned.told())


def test_what_goes_of_two_apps_of_one_chart_is_given_to_neither() -> None:
    planned = Planned()
    planned.step(Action.PRUNE, old=placed(config_map("gone", {"a": "b"}), **{"helm.sh/chart": "old-0.9.0"}))
    both = (ChartPin("one", "old", "0.9.0"), ChartPin("two", "old", "0.9.0"))
    assert "| *no longer rendered* |  |  |  |  | 1 |" in write_comment(planned.told(installed=both))


@pytest.mark.parametrize(
    ("kind", "spec", "words"),
    [
        ("Deployment", {"strategy": {"type": "Recreate"}}, "stops all its pods before new ones start"),
        ("Deployment", {}, ""),
        ("StatefulSet", {"replicas": 1}, "restarts its only pod"),
        ("StatefulSet", {"replicas": 3}, ""),
        ("StatefulSet", {"replicas": 1, "updateStrategy": {"type": "OnDelete"}}, ""),
        ("DaemonSet", {}, "restarts its pod on each node"),
    ],
)
def test_a_new_image_is_downtime_where_pods_are_not_replaced_one_by_one(
    kind: str, spec: Body, words: str
) -> None:
    planned = Planned()
    planned.step(Action.UPDATE, old=workload(kind, "web:1", **spec), new=workload(kind, "web:2", **spec))
    told = planned.warnings().get("Downtime", "")
    assert (words in told) if words else not told


def test_scaling_to_nothing_is_downtime_and_other_scaling_is_not() -> None:
    for replicas, words in ((0, "is scaled to nothing"), (3, "")):
        planned = Planned()
        planned.step(
            Action.UPDATE,
            old=workload("Deployment", "web:1", replicas=2),
            new=workload("Deployment", "web:1", replicas=replicas),
        )
        told = planned.warnings().get("Downtime", "")
        assert (words in told) if words else not told


def test_what_is_made_anew_is_gone_meanwhile_and_takes_its_data_along() -> None:
    planned = Planned()
    planned.step(Action.REPLACE, old=workload("Deployment", "web:1"), new=workload("Deployment", "web:2"))
    planned.step(Action.REPLACE, old=claim("data"), new=claim("data"))
    warnings = planned.warnings()
    assert "is gone until it is made anew" in warnings["Downtime"]
    assert "is deleted and made anew, with data" in warnings["Data at stake"]


def test_kinds_that_the_environment_protects_hold_data_too() -> None:
    planned = Planned()
    planned.step(Action.PRUNE, old=placed(config_map("a", {"a": "b"})))
    assert "Data at stake" not in planned.warnings()
    assert "ConfigMap/a" in planned.warnings("ConfigMap")["Data at stake"]


def test_a_definition_of_a_kind_that_loses_a_version_says_which() -> None:
    planned = Planned()
    old, new = definition("acme.org", "Thing"), definition("acme.org", "Thing")
    version = new["spec"]["versions"][0]
    new["spec"]["versions"] = [{**version, "name": "v9"}]
    planned.step(Action.UPDATE, old=old, new=new)
    told = planned.warnings()["Definitions of kinds (CRDs), for the whole cluster"]
    assert told.startswith("update `CustomResourceDefinition")
    assert f"loses version {version['name']}" in told


def test_a_fold_is_what_the_diff_says() -> None:
    planned = Planned().step(Action.CREATE, new=placed(config_map("a", {"a": "b"})))
    assert diff_step(planned.steps[0], None) in write_comment(planned.told())
