"""Worlds: a cluster, repositories, charts and a clock in memory, and the use-cases wired to them.

A world is checked when it is built: an app whose chart nobody offers is a mistake of the test, not a result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import yaml

from jx.adapters.local.counting_generator import CountingGenerator
from jx.adapters.local.fixed_clock import FixedClock
from jx.adapters.local.memory_anchors import MemoryAnchors, MemoryLocks
from jx.adapters.local.memory_catalog import MemoryCatalog, make_chart
from jx.adapters.local.memory_cluster import MemoryCluster
from jx.adapters.local.memory_records import MemoryReporter
from jx.adapters.local.memory_renderer import MemoryRenderer
from jx.adapters.local.memory_repos import MemoryRepos
from jx.adapters.local.memory_secret_log import MemorySecretLog
from jx.adapters.local.memory_secrets import MemorySecrets
from jx.domain.applying.applying import Anchor, ApplyReport, Source
from jx.domain.charts.charts import ChartRef
from jx.domain.layouts import umbrella
from jx.domain.ledger import diffing, ledger
from jx.domain.names import EnvironmentName, Person, Repo, Revision
from jx.domain.objects.manifests import ObjectRef
from jx.domain.objects.references import Scheme
from jx.domain.trees import Blob, Tree
from jx.ports.repos import Commit, Draft
from jx.usecases.applying.apply_environment import ApplyEnvironment, ApplyRequest
from jx.usecases.applying.await_health import AwaitHealth
from jx.usecases.applying.await_needs import AwaitNeeds
from jx.usecases.applying.send_plan import SendPlan
from jx.usecases.planning.plan_environment import PlanEnvironment, Planned, PlanRequest
from jx.usecases.planning.record_secrets import RecordSecrets
from jx.usecases.planning.render_environment import RenderEnvironment
from jx.usecases.planning.resolve_secrets import ResolveSecrets

REPOSITORY = "https://charts.example.com"
ANN = Person("Ann Lee", "ann@example.com", "ann")
BOB = Person("Bob Ray", "bob@example.com", "bob")
DEV = EnvironmentName("dev")
DEV_REPO = Repo("memory://acme/environment-jx-dev")

Wrap = Callable[[Any], Any]


def tree_of(files: Mapping[str, str]) -> Tree:
    """A tree from texts."""
    return Tree({path: Blob(text.encode()) for path, text in files.items()})


def environment_tree(
    apps: Mapping[str, str],
    *,
    name: str = "dev",
    namespace: str = "jx",
    values: Mapping[str, Any] | None = None,
    apply: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
) -> Tree:
    """An environment's repository: apps by chart name and version."""
    dependencies = [
        {"name": app, "version": version, "repository": REPOSITORY} for app, version in apps.items()
    ]
    chart = {"apiVersion": "v2", "name": "env", "version": "0.0.1", "dependencies": dependencies}
    settings = {"environment": name, "namespace": namespace, "release": "jenkins-x"} | dict(apply or {})
    texts = {
        "env/Chart.yaml": yaml.safe_dump(chart, sort_keys=False),
        "env/values.yaml": yaml.safe_dump(dict(values or {})),
        "jx-requirements.yml": yaml.safe_dump({"apply": settings}),
    }
    return tree_of(texts | dict(files or {}))


def deployment(name: str, image: str, *, replicas: int = 1) -> dict[str, Any]:
    """A Deployment without a namespace, as charts have it."""
    labels = {"app": name}
    pod = {"containers": [{"name": name, "image": image}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def config_map(name: str, data: Mapping[str, str], **metadata: Any) -> dict[str, Any]:
    """A ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": dict(data),
    }


def secret(name: str, data: Mapping[str, str]) -> dict[str, Any]:
    """A Secret with plain values."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(data)}


def definition(group: str, kind: str, *, scope: str = "Namespaced") -> dict[str, Any]:
    """A CustomResourceDefinition."""
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "scope": scope,
            "versions": [{"name": "v1", "served": True, "storage": True}],
        },
    }


def ref(kind: str, name: str, namespace: str = "jx", group: str = "") -> ObjectRef:
    """An object's identity; Deployments need no group."""
    return ObjectRef("apps" if kind == "Deployment" else group, kind, namespace, name)


def recording(log: MemorySecretLog | None = None) -> RecordSecrets:
    """Who writes secrets: ann, always."""
    return RecordSecrets(log or MemorySecretLog(), lambda: "ann", FixedClock(), MemoryReporter())


@dataclass
class World:
    """Everything outside, in memory. `apply_head` is what the controller does, `apply_by_hand` what a person does."""

    clock: FixedClock = field(default_factory=FixedClock)
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    anchors: MemoryAnchors = field(default_factory=MemoryAnchors)
    catalog: MemoryCatalog = field(default_factory=MemoryCatalog)
    renderer: Any = field(default_factory=MemoryRenderer)
    reporter: MemoryReporter = field(default_factory=MemoryReporter)
    repo: Repo = DEV_REPO
    secrets: MemorySecrets = field(default_factory=MemorySecrets)
    generator: CountingGenerator = field(default_factory=CountingGenerator)
    secret_log: MemorySecretLog = field(default_factory=MemorySecretLog)

    def __post_init__(self) -> None:
        self.repos = MemoryRepos(self.clock.now)
        self.repos.create(self.repo)
        self.locks = MemoryLocks(self.clock.now)
        self._holders = 0

    # Arrange

    def offer(self, name: str, version: str, *objects: Mapping[str, Any], **files: str) -> None:
        """Put a chart into the catalog; `files` are further templates, by name without `.yaml`."""
        texts = {
            f"templates/{number:02d}.yaml": json.dumps(body, indent=1) for number, body in enumerate(objects)
        }
        texts |= {f"templates/{file}.yaml": text for file, text in files.items()}
        self.catalog.add(make_chart(name, version, texts, repository=REPOSITORY))

    def commit(self, tree: Tree, subject: str = "Change it", author: Person = ANN) -> Revision:
        """Push to master. Each app's chart has to be on offer."""
        dependencies = yaml.safe_load(tree.text("env/Chart.yaml")).get("dependencies") or []
        for one in dependencies:
            self.catalog.resolve(ChartRef(one["name"], one["repository"], one["version"]))
        self.clock.move(timedelta(minutes=1))
        base = self.repos.head(self.repo, "master")
        return self.repos.write(self.repo, "master", base=base, draft=Draft(tree, subject, author))

    # Act

    def use_case(self, wrap: Wrap = lambda port: port) -> ApplyEnvironment:
        """The use-case on this world; `wrap` goes around each port."""
        cluster, clock, reporter = wrap(self.cluster), wrap(self.clock), self.reporter
        await_health = AwaitHealth(cluster, clock, reporter)
        return ApplyEnvironment(
            plan=PlanEnvironment(wrap(self.catalog), self._render(wrap), cluster, reporter),
            send=SendPlan(cluster, AwaitNeeds(cluster, await_health), reporter, workers=1),
            await_health=await_health,
            anchors=wrap(self.anchors),
            locks=wrap(self.locks),
            repos=wrap(self.repos),
            clock=clock,
            reporter=reporter,
        )

    @property
    def record(self) -> RecordSecrets:
        """Who writes secrets."""
        return RecordSecrets(self.secret_log, self.cluster.whoami, self.clock, self.reporter)

    def _render(self, wrap: Wrap) -> RenderEnvironment:
        stores = {Scheme.VAULT: wrap(self.secrets)}
        resolve = ResolveSecrets(stores, self.generator, self.reporter, self.record)
        return RenderEnvironment(wrap(self.renderer), self.reporter, resolve)

    def request_head(self, **changes: Any) -> ApplyRequest:
        """What the controller asks for: the head of master."""
        head = self.repos.head(self.repo, "master")
        assert head is not None, "commit something first"
        commit = self.repos.log(self.repo, head, limit=1)[0]
        tree = self.repos.read(self.repo, head)
        source = Source(self.repo, head, tree.digest, commit.author, commit.subject, pull_request="")
        return replace(ApplyRequest(tree, source, self._holder()), **changes)

    def request_by_hand(self, tree: Tree, person: Person = BOB, **changes: Any) -> ApplyRequest:
        """What a person asks for who stands in a clone with uncommitted or unpushed files."""
        source = Source(self.repo, None, tree.digest, person, "")
        return replace(ApplyRequest(tree, source, self._holder(), by_hand=True), **changes)

    def apply_head(self, **changes: Any) -> ApplyReport:
        return self.use_case()(self.request_head(**changes))

    def apply_by_hand(self, tree: Tree, **changes: Any) -> ApplyReport:
        return self.use_case()(self.request_by_hand(tree, **changes))

    def diff_head(self) -> str:
        """What applying the head would change."""
        planned = self.check_head()
        return diffing.render_diff(planned.plan, planned.live)

    def check_head(self) -> Planned:
        """What a check plans for the head, which never has a secret in hand."""
        request = self.request_head()
        spec = umbrella.read(request.tree)
        plan = PlanEnvironment(
            self.catalog, RenderEnvironment(self.renderer, self.reporter), self.cluster, self.reporter
        )
        return plan(PlanRequest(spec, request.tree, self.anchors.find(spec.name), repo=self.repo))

    def _holder(self) -> str:
        self._holders += 1
        return f"holder-{self._holders}"

    # Look

    @property
    def anchor(self) -> Anchor:
        anchor = self.anchors.find(DEV)
        assert anchor is not None
        return anchor

    def get(self, kind: str, name: str, namespace: str = "jx", group: str = "") -> dict[str, Any] | None:
        """A live object's body."""
        live = self.cluster.find(ref(kind, name, namespace, group))
        return dict(live.body) if live else None

    def ledger_commits(self) -> tuple[Commit, ...]:
        """The ledger's commits, oldest first."""
        head = self.repos.head(self.repo, ledger.BRANCH)
        return tuple(reversed(self.repos.log(self.repo, head))) if head else ()

    def ledger_files(self) -> dict[str, str]:
        head = self.repos.head(self.repo, ledger.BRANCH)
        if head is None:
            return {}
        tree = self.repos.read(self.repo, head)
        return {path: tree.text(path) for path in tree}
