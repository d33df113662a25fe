"""Preflight: what an installation needs of a cluster and of git servers, and what was found there, before anything is done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jx.domain.errors import JxError
from jx.domain.objects.membership import ANCHORS_NAMESPACE

OLDEST_KUBERNETES = (1, 24)
"""Server-side apply is as the apply needs it from here on."""

_SKEW_WARNING = timedelta(seconds=10)
_SKEW_LIMIT = timedelta(seconds=60)
"""Half of a lock's lease: beyond that two appliers may disagree on who has it."""


class Verdict(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: of what, how it ended, and what to do where it did not end well."""

    what: str
    verdict: Verdict
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one kind, by its plural; an empty namespace means the cluster."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        name = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {name}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True, slots=True)
class ClusterLook:
    """What a cluster says of itself."""

    server: str
    context: str
    user: str
    version: str
    now: datetime | None
    """By the server's own clock; None where it does not tell."""
    nodes: int
    """Nodes that are ready; 0 where nothing can run, or where nodes may not be listed."""

    @property
    def can_run(self) -> bool:
        """Whether pods have a place to run, so that waiting for health has an end."""
        return self.nodes > 0


def needed_rights(namespaces: Iterable[str]) -> Mapping[str, tuple[Right, ...]]:
    """What the installing account must be allowed to, by what it is for."""
    records = tuple(
        Right(verb, resource, group, ANCHORS_NAMESPACE)
        for resource, group in (("configmaps", ""), ("secrets", ""), ("leases", "coordination.k8s.io"))
        for verb in ("get", "list", "create", "update", "delete")
    )
    objects = tuple(
        Right(verb, resource, group, namespace)
        for namespace in dict.fromkeys(namespaces)
        for resource, group in (
            ("deployments", "apps"), ("services", ""), ("configmaps", ""), ("secrets", ""), ("serviceaccounts", ""),
        )
        for verb in ("list", "create", "patch", "delete")
    )  # fmt: skip
    cluster = (
        *(Right(verb, "namespaces") for verb in ("get", "list", "create", "patch")),
        *(
            Right(verb, "customresourcedefinitions", "apiextensions.k8s.io")
            for verb in ("list", "create", "patch")
        ),
        *(
            Right(verb, "clusterrolebindings", "rbac.authorization.k8s.io")
            for verb in ("list", "create", "patch")
        ),
        Right("*", "*", "*"),
    )
    return {"rights on records": records, "rights in namespaces": objects, "rights on the cluster": cluster}


def judge_rights(what: str, rights: tuple[Right, ...], denied: tuple[Right, ...], user: str) -> Finding:
    """A row for one group of rights."""
    if not denied:
        return Finding(what, Verdict.OK, f"{len(rights)} of {len(rights)}")
    named = ", ".join(str(right) for right in denied[:4]) + (
        f" and {len(denied) - 4} more" if len(denied) > 4 else ""
    )
    whole = Right("*", "*", "*")
    if denied == (whole,):
        return Finding(
            what,
            Verdict.WARNING,
            f"{user or 'this account'} is no cluster-admin",
            "the platform's chart binds its controllers to cluster-admin, which only a cluster-admin may; install as one, or "
            "have the binding made for you",
        )
    return Finding(
        what,
        Verdict.FAILED,
        f"{user or 'this account'} may not {named}",
        f"have a ClusterRole with these verbs bound to {user or 'this account'}, or name another context with --context",
    )


def judge_version(version: str) -> Finding:
    """Whether this Kubernetes is new enough."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    what = "kubernetes version"
    if not found:
        return Finding(what, Verdict.WARNING, f"{version or 'none told'}: cannot be read")
    if (int(found[1]), int(found[2])) < OLDEST_KUBERNETES:
        oldest = ".".join(map(str, OLDEST_KUBERNETES))
        return Finding(what, Verdict.FAILED, version, f"upgrade the cluster to Kubernetes {oldest} or newer")
    return Finding(what, Verdict.OK, version)


def judge_clock(server: datetime | None, here: datetime) -> Finding:
    """Whether two clocks agree well enough for locks, which end by time."""
    what = "clocks"
    if server is None:
        return Finding(what, Verdict.SKIPPED, "the server does not tell its time")
    skew = abs(server - here)
    text = f"{skew.total_seconds():.0f} s apart"
    hint = "set this machine's clock (NTP): locks end by time, and the ledger tells times"
    if skew >= _SKEW_LIMIT:
        return Finding(what, Verdict.FAILED, text, hint)
    if skew >= _SKEW_WARNING:
        return Finding(what, Verdict.WARNING, text, hint)
    return Finding(what, Verdict.OK, text)


def judge_nodes(look: ClusterLook) -> Finding:
    """Whether pods can run."""
    if look.can_run:
        return Finding("nodes", Verdict.OK, f"{look.nodes} ready")
    return Finding(
        "nodes",
        Verdict.WARNING,
        "none is ready: objects are applied, and nobody waits for health",
        "add nodes; merges are applied by `jx step env apply` until the platform's pods can run",
    )


ENGINE_KIND = ("tekton.dev/v1", "PipelineRun")
"""What a cluster has to serve for an engine to be there: its API version and kind."""


def judge_engine(*, is_served: bool) -> Finding:
    """Whether runs can apply what is merged."""
    what, named = "pipelines", " ".join(ENGINE_KIND)
    if is_served:
        return Finding(what, Verdict.OK, f"{named} is served: runs apply what is merged")
    return Finding(
        what,
        Verdict.WARNING,
        f"there is no {named}, so no Tekton: the controllers apply what is merged by themselves",
        "once Tekton Pipelines is installed there: controllers.pipelines: tekton, in env/jx-platform/values.yaml of the dev"
        " repository; to want it as it is: --tekton=false",
    )


def judge_namespace(name: str, phase: str) -> Finding:
    """Whether a namespace can be used; `phase` is empty where it is not there yet."""
    what = f"namespace {name}"
    if phase == "Terminating":
        return Finding(
            what,
            Verdict.FAILED,
            "is being deleted",
            "wait until it is gone, or choose another with --namespace",
        )
    return Finding(what, Verdict.OK, "is there" if phase else "will be made")


def failed(what: str, error: JxError, hint: str = "") -> Finding:
    """A check that ended in an error."""
    return Finding(what, Verdict.FAILED, error.message, error.hint or hint)


def is_passed(findings: Iterable[Finding]) -> bool:
    """Whether nothing stands in the way."""
    return all(finding.verdict is not Verdict.FAILED for finding in findings)
