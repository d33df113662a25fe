"""Check a rescue: what it will meet, what answers, and what is used in place of what does not. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from jx.domain.applying.applying import Anchor
from jx.domain.environments.environments import EnvironmentSpec
from jx.domain.errors import JxError
from jx.domain.names import Repo
from jx.domain.objects import health
from jx.domain.objects.health import State
from jx.domain.objects.references import Scheme
from jx.ports.anchor import Locks
from jx.ports.cluster import Cluster, Scope
from jx.ports.repos import Repos
from jx.ports.secrets import SecretStore


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rescue may need, how it is, and what is done about it."""

    what: str
    state: str
    instead: str = ""
    """What is used in its place; empty where it answers."""


@dataclass(frozen=True, slots=True)
class CheckRescue:
    """Nothing here stops a rescue: it says beforehand what it goes without."""

    cluster: Cluster
    locks: Locks
    repos: Repos
    stores: Mapping[Scheme, SecretStore]

    def __call__(
        self, spec: EnvironmentSpec, anchor: Anchor | None, *, repo: Repo | None, branch: str
    ) -> tuple[Finding, ...]:
        """What was found, in the order in which a person asks. Unavailable and Forbidden of the cluster itself are raised."""
        namespace = anchor.namespace if anchor and anchor.namespace else spec.namespace
        return tuple(self._find_all(spec, anchor, namespace, repo, branch))

    def _find_all(
        self, spec: EnvironmentSpec, anchor: Anchor | None, namespace: str, repo: Repo | None, branch: str
    ) -> Iterator[Finding]:
        yield Finding("cluster", self.cluster.capabilities().version)
        yield Finding("environment", f"{spec.name} in namespace {namespace}")
        if anchor is None:
            yield Finding("anchor", "none: this cluster has never seen the environment", "nothing is pruned")
        holder = self.locks.find_holder(spec.name)
        waits = "it is waited for; --take-lock takes it from them" if holder else ""
        yield Finding("lock", f"held by {holder}" if holder else "free", waits)
        yield from self._find_pods(namespace)
        yield self._ask(
            "git server",
            lambda: bool(repo and self.repos.head(repo, branch)),
            "the clone; a hold until you can push",
        )
        if Scheme.VAULT in self.stores:
            instead = "the snapshot and the live objects"
            yield self._ask("secret store", lambda: self.stores[Scheme.VAULT].check(), instead)
        yield Finding("chart repositories", "not asked", "the ledger: nothing is rendered")

    def _find_pods(self, namespace: str) -> Iterator[Finding]:
        """The workloads of CI/CD, which a rescue does not need."""
        found = {
            one.ref.name: health.assess(one.body)
            for one in self.cluster.live((Scope("apps/v1", "Deployment", namespace),))
        }
        for name, what in (("jx-webhooks", "webhooks"), ("jx-controllers", "controllers")):
            there = found.get(name)
            is_fine = there is not None and there.state is State.CURRENT
            words = there.message if there else "not there"
            yield Finding(what, words, "" if is_fine else "this machine applies")

    def _ask(self, what: str, ask: Callable[[], object], instead: str) -> Finding:
        try:
            ask()
        except JxError as error:
            return Finding(what, f"down: {error.message}", instead)
        return Finding(what, "answers")
