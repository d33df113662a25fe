"""Applying: the plan of what an apply will do, decided before anything is done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jx.domain.manifests import Body, ChartPin, Manifest, ObjectRef
from jx.domain.names import EnvironmentName, Person, Repo, Revision


class Action(StrEnum):
    """What happens to one object."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    TAKE_OVER = "take over"
    PRUNE = "prune"
    KEEP = "keep"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class LiveObject:
    """An object as the cluster has it, with managedFields."""

    ref: ObjectRef
    uid: str
    resource_version: str
    body: Body

    def __hash__(self) -> int:
        return hash((self.ref, self.uid, self.resource_version))


@dataclass(frozen=True, slots=True)
class Step:
    """One object, what is done to it, in which wave (lower first), and why."""

    action: Action
    ref: ObjectRef
    api_version: str
    wave: int
    reason: str
    manifest: Manifest | None = None
    """What is sent; None for prune, keep."""
    uid: str = ""
    resource_version: str = ""
    """Of the live object that the decision was made on; preconditions of deletes."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is applied: a commit of the environment's repository, or a folder by its digest."""

    repo: Repo | None
    revision: Revision | None
    """None for a folder whose files are no commit."""
    tree_digest: str
    author: Person
    """The person whose change it is."""
    subject: str = ""
    pull_request: str = ""
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """Ordered steps for one environment. `digest` changes when anything that would be sent or deleted changes."""

    environment: EnvironmentName
    namespace: str
    release: str
    cluster_id: str
    steps: tuple[Step, ...]
    charts: tuple[ChartPin, ...] = ()

    @property
    def digest(self) -> str:
        """`sha256:...`; equal exactly when the same would be done to the same objects. Bodies enter it as hashes only."""
        rows = [
            [
                step.action,
                str(step.ref),
                step.api_version,
                step.uid,
                body_hash(step.manifest.body) if step.manifest else "",
            ]
            for step in self.steps
        ]
        whole = json.dumps([self.environment, self.namespace, self.release, self.cluster_id, rows])
        return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"

    def count(self, action: Action) -> int:
        """How many steps do this."""
        return sum(step.action is action for step in self.steps)

    @property
    def has_changes(self) -> bool:
        """Whether anything would be sent or deleted."""
        return any(step.action not in {Action.UNCHANGED, Action.KEEP} for step in self.steps)


def body_hash(body: Body) -> str:
    """`sha256:...` over the canonical JSON of an object."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """An object that we applied: what identifies it, and the two digests that make an unchanged one cost nothing.

    `sent` is the hash of what we sent. `observed` is the digest of what the answer to it said: uid, our own Apply entry of
    managedFields, and the live values at its paths in live order.
    """

    ref: ObjectRef
    api_version: str
    uid: str
    sent: str
    observed: str


class ApplyResult(StrEnum):
    """How an apply ended."""

    APPLIED = "applied"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class Applied:
    """The last apply of an environment, as its anchor remembers it."""

    source: Source
    plan_digest: str
    result: ApplyResult
    at: datetime
    by: str
    """Who applied: `controller`, or the account of a person who applied by hand."""
    charts: tuple[ChartPin, ...] = ()
    """By these a promotion knows what the environment runs."""
    is_verified: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody stopped automatic applies: why, since when, and which commit is not to be applied."""

    by: str
    reason: str
    since: datetime
    skips: Revision | None = None
    """The head of the branch when the hold was set: it is not applied again. The hold ends when the branch's tree equals what was
    applied by hand, or with `jx resume`."""
    kind: str = "rescue"
    """`rescue` (set by an apply by hand) or `person` (set by `jx hold`)."""


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """A ledger entry that could not be pushed yet: an opaque, compressed text, oldest first."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the cluster itself remembers of an environment; the ledger branch is its published history."""

    environment: EnvironmentName
    repo: Repo | None
    cluster_id: str
    namespace: str
    release: str
    inventory: tuple[InventoryItem, ...] = ()
    applied: Applied | None = None
    ledger_head: str = ""
    holds: tuple[Hold, ...] = ()
    pending: tuple[PendingEntry, ...] = ()
    version: str = ""
    """For compare-and-swap: what was read; empty where there is none yet. Opaque."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one step: `error` is empty when it was done; `skipped` when it was not tried."""

    step: Step
    live: LiveObject | None = None
    error: str = ""
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What an apply did."""

    plan: ApplyPlan
    outcomes: tuple[Outcome, ...]
    result: ApplyResult
    ledger_commit: str = ""
    """Empty where nothing changed or the entry waits in the anchor."""
    message: str = ""
