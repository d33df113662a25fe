from __future__ import annotations

from typing import Any

from tests.support.worlds import config_map, secret

from jx.adapters.local.memory_cluster import MemoryCluster
from jx.domain.applying.applying import Action, HookStep, Step
from jx.domain.ledger import diffing
from jx.domain.objects.manifests import Manifest, ref_of


def make_step(action: Action, body: dict[str, Any]) -> Step:
    ref = ref_of(body)
    manifest = None if action is Action.PRUNE else Manifest(ref, "v1", body)
    return Step(action, ref, "v1", 2, "because", manifest)


def send(cluster: MemoryCluster, body: dict[str, Any]) -> None:
    cluster.send(make_step(Action.CREATE, body))


def test_a_new_object_is_all_plus_and_a_pruned_one_all_minus() -> None:
    cluster = MemoryCluster()
    body = config_map("web", {"a": "1"}, namespace="default")
    created = diffing.diff_step(make_step(Action.CREATE, body), None)
    assert created.startswith("# create: ConfigMap/web (namespace default) (because)\n--- /dev/null\n")
    send(cluster, body)
    pruned = diffing.diff_step(make_step(Action.PRUNE, body), cluster.find(ref_of(body)))
    assert pruned.splitlines()[2] == "+++ /dev/null"
    assert '-  a: "1"' in pruned


def test_fields_of_other_managers_are_no_part_of_a_diff() -> None:
    cluster = MemoryCluster()
    body = config_map("web", {"a": "1"}, namespace="default")
    send(cluster, body)
    cluster.put(config_map("web", {"theirs": "2"}, namespace="default"), manager="kubectl-edit")
    text = diffing.diff_step(
        make_step(Action.UPDATE, config_map("web", {"a": "2"}, namespace="default")),
        cluster.find(ref_of(body)),
    )
    lines = [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in {"---", "+++"}]
    assert lines == ['-  a: "1"', '+  a: "2"']


def test_taking_over_shows_the_fields_that_are_about_to_be_set() -> None:
    cluster = MemoryCluster()
    body = config_map("web", {"a": "1", "theirs": "2"}, namespace="default")
    cluster.put(body)
    text = diffing.diff_step(
        make_step(Action.TAKE_OVER, config_map("web", {"a": "2"}, namespace="default")),
        cluster.find(ref_of(body)),
    )
    assert '-  a: "1"\n+  a: "2"\n' in text
    assert "theirs" not in text


def test_a_pruned_secret_shows_no_value() -> None:
    cluster = MemoryCluster()
    body = secret("web", {"password": "hunter22"})
    body["metadata"]["namespace"] = "default"
    body["data"] = {"password": "aHVudGVyMjI="}
    del body["stringData"]
    send(cluster, body)
    text = diffing.diff_step(make_step(Action.PRUNE, body), cluster.find(ref_of(body)))
    assert "<secret:password>" in text
    assert "aHVudGVyMjI=" not in text


def test_what_a_hook_makes_shows_whole_with_its_phase() -> None:
    body = config_map("before", {"a": "1"}, namespace="default")
    text = diffing.diff_hook(HookStep("pre-install", Manifest(ref_of(body), "v1", body)))
    assert text.startswith("# run: ConfigMap/before (namespace default) (pre-install hook)\n--- /dev/null\n")
    assert '+  a: "1"' in text


def test_the_old_side_is_what_was_sent_where_that_is_known() -> None:
    cluster = MemoryCluster()
    body = config_map("web", {"a": "1", "added": "by the server"}, namespace="default")
    send(cluster, body)
    sent, new = (config_map("web", {"a": value}, namespace="default") for value in "12")
    text = diffing.diff_step(make_step(Action.UPDATE, new), cluster.find(ref_of(body)), sent)
    lines = [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in {"---", "+++"}]
    assert lines == ['-  a: "1"', '+  a: "2"']


def test_a_value_of_a_secret_that_git_changes_shows_as_changed_though_neither_side_knows_it() -> None:
    cluster = MemoryCluster()
    old, new = (secret("web", {}) for _ in range(2))
    for body, words in (
        (old, {"word": "b2xk", "same": "c2FtZQ=="}),
        (new, {"word": "bmV3", "same": "c2FtZQ=="}),
    ):
        body["metadata"]["namespace"] = "default"
        body["data"] = words
        del body["stringData"]
    send(cluster, old)
    shown = {**old, "data": {"word": "<secret:word>", "same": "<secret:same>"}}
    text = diffing.diff_step(make_step(Action.UPDATE, new), cluster.find(ref_of(old)), shown)
    assert '-  word: "<secret:word>"' in text
    assert '+  word: "<secret:word, changed>"' in text
    assert ' same: "<secret:same>"' in text
    assert "b2xk" not in text
    assert "bmV3" not in text


def drawing(name: str, digest: str, replicas: int = 1) -> Manifest:
    """A Deployment whose pods have a digest of what its chart draws at random."""

    def body(seen: str) -> dict[str, Any]:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "replicas": replicas,
                "template": {"metadata": {"annotations": {"checksum/secret": seen}}},
            },
        }

    made = body(digest)
    return Manifest(ref_of(made), "apps/v1", made, shown=body("<drawn at random>"))


def test_that_what_is_drawn_at_random_changes_is_told_though_neither_side_may_be_shown() -> None:
    cluster = MemoryCluster()
    before = drawing("web", "aaa")
    send(cluster, dict(before.body))
    live = cluster.find(before.ref)

    def update(manifest: Manifest) -> Step:
        return Step(Action.UPDATE, before.ref, "apps/v1", 2, "because", manifest)

    text = diffing.diff_step(update(drawing("web", "bbb")), live, before.public)
    changed = [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in {"---", "+++"}]
    assert [line.split(": ")[1].strip('"') for line in changed] == [
        "<drawn at random>",
        "<drawn at random, changed>",
    ]
    assert "aaa" not in text
    assert "bbb" not in text
    same = update(drawing("web", "aaa", replicas=2))
    assert "changed>" not in diffing.diff_step(same, live, before.public)
