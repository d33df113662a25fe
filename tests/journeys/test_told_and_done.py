"""What the comment on a pull request tells is what the apply of its merge does, by the API server's own log: each operation on
each field of each object. An app is added, upgraded and deleted, and added again over what was kept of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support.places import Place, make_place
from tests.support.told import Log, Operations, Told, differences
from tests.support.worlds import ANN, config_map, definition, deployment, secret

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.api import Api
from jx.adapters.local.kubernetes.serve import Server
from jx.adapters.local.memory_forge import MemoryForge
from jx.domain.changes import CheckState
from jx.domain.environments import Environment
from jx.domain.trees import Tree
from jx.ports.forge import MergeRequest, Offer
from jx.ports.repos import Draft
from jx.usecases.check_change import CheckChange
from jx.usecases.plan_change import PlanChange
from jx.usecases.plan_environment import PlanEnvironment
from jx.usecases.render_environment import RenderEnvironment

Body = dict[str, Any]


def stateful_set(image: str) -> Body:
    """With a claim, within which the API server adds defaults although the list is ours as a whole."""
    body = copy.deepcopy(deployment("db", image))
    spec = body["spec"]["template"]["spec"]
    spec["hostNetwork"] = False  # a zero, which the API server does not keep
    spec["containers"][0]["env"] = [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    ]
    spec["containers"][0]["resources"] = {"limits": {"cpu": "1000m", "memory": "0.5Gi"}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    body["kind"] = "StatefulSet"
    body["spec"] |= {
        "serviceName": "db",
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    return body


def job(name: str, *, policy: str) -> Body:
    """A hook."""
    notes = {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": policy}
    return config_map(name, {"of": name}, annotations=notes)


def role(*verbs: str) -> Body:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}]
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader"}}
    return {**kind, "rules": rules}


@dataclass
class Tour:
    """An environment on an API with an audit log, and a forge beside it."""

    place: Place
    log: Path
    told: Told = field(default_factory=Told)
    done: Log = field(default_factory=lambda: Log({"kubernetes-admin"}))
    at: int = 0

    def __post_init__(self) -> None:
        world = self.place.world
        self.forge = MemoryForge(world.repos, ANN)
        self.forge.adopt(world.repo)
        world.commit(self.place.tree(), "Begin")

    def merge(self, tree: Tree) -> tuple[Operations, Operations]:
        """Offer these files, read the comment, merge, apply, read the log."""
        world, repo = self.place.world, self.place.world.repo
        base = world.repos.head(repo, "master")
        assert base is not None
        branch = f"change-{self.at}"
        world.repos.replace(repo, branch, base=base, draft=Draft(tree, "Change it", ANN))
        number = self.forge.propose(repo, Offer(branch, "master", "Change it", "")).number
        plan = PlanEnvironment(
            world.catalog, RenderEnvironment(world.renderer, world.reporter), world.cluster, world.reporter
        )
        change = PlanChange(world.repos, world.anchors, plan)
        check = CheckChange(world.repos, self.forge, change)(
            Environment(self.place.name, self.place.name, repo), number
        )
        pull = self.forge.observe(repo, number)
        (comment,) = pull.comments
        assert check is not None
        assert check.state is CheckState.SUCCESS, comment.body
        assert "cut here" not in comment.body
        self.forge.merge(repo, MergeRequest(number, pull.head))
        self.done.read(self._lines(), count=False)
        report = self.place.apply()
        assert report.is_good, report.message or report.outcomes
        return self.told.read(comment.body), self.done.read(self._lines())

    def _lines(self) -> list[bytes]:
        with self.log.open("rb") as log:
            log.seek(self.at)
            lines = log.readlines()
            self.at = log.tell()
        return lines


@pytest.fixture
def tour(tmp_path: Path) -> Iterator[Tour]:
    log = tmp_path / "audit.log"
    with Server(tmp_path / "kubernetes", audit_log=log) as server:
        api = Api.connect(kubeconfig.load([server.kubeconfig]), SystemClock())
        yield Tour(make_place(api), log)
        api.close()


def whats(operations: Operations) -> dict[str, str]:
    return {f"{one.kind}/{one.name}": operation.what for one, operation in operations.items()}


def test_each_field_that_is_told_is_what_the_api_server_was_asked_for_and_no_other(tour: Tour) -> None:
    world, place = tour.place.world, tour.place
    crd = definition("example.com", "Widget")
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": schema}
    world.offer(
        "shop", "1.0.0", stateful_set("db:1"), config_map("old", {"a": "1"}), secret("db", {"password": "hunter22"}),
        role("get"), crd, job("before", policy="hook-succeeded"),
    )  # fmt: skip
    world.offer(
        "shop", "1.1.0", stateful_set("db:2"), config_map("new", {"a": "1"}),
        secret("db", {"password": "hunter23", "more": "hunter24"}), role("get", "list"), crd,
        job("before", policy="hook-succeeded"), job("again", policy="before-hook-creation"),
    )  # fmt: skip
    name = "shop"
    told, done = tour.merge(place.tree(**{name: "1.0.0"}))
    assert (tour.told.problems, differences(told, done)) == ([], [])
    assert set(whats(told).values()) == {"create", "run"}
    told, done = tour.merge(place.tree(**{name: "1.1.0"}))
    assert (tour.told.problems, differences(told, done)) == ([], [])
    assert whats(told) == {
        "StatefulSet.apps/db": "change",
        "ConfigMap/old": "delete",
        "ConfigMap/new": "create",
        "Secret/db": "change",
        "Role.rbac.authorization.k8s.io/reader": "change",
        "ConfigMap/before": "run",
        "ConfigMap/again": "run",
    }
    image = {"spec.template.spec.containers[name=db].image"}
    assert next(one.fields for of, one in told.items() if of.kind == "StatefulSet.apps") == image
    told, done = tour.merge(place.tree())
    assert (tour.told.problems, differences(told, done)) == ([], [])
    assert set(whats(told).values()) == {"delete"}
    told, done = tour.merge(place.tree(**{name: "1.1.0"}))
    assert (tour.told.problems, differences(told, done)) == ([], [])
