"""Applying: the plan of what an apply will do, decided before anything is done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jx.domain.errors import Refused
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
    shown: str = ""
    """Hash of what a reviewer may see of the manifest: secret values and values drawn at random play no part in it."""


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
    """Ordered steps for one environment. `digest` changes when anything that would be sent or deleted changes, but for the
    values of Secrets: it stands in public places, and a hash of a secret can be guessed."""

    environment: EnvironmentName
    namespace: str
    release: str
    cluster_id: str
    steps: tuple[Step, ...]
    charts: tuple[ChartPin, ...] = ()

    @property
    def digest(self) -> str:
        """`sha256:...`; equal exactly when the same would be done to the same objects, as far as a reviewer may see."""
        rows = [
            [
                step.action,
                str(step.ref),
                step.api_version,
                step.uid,
                step.shown,
            ]
            for step in self.steps
        ]
        whole = json.dumps([self.environment, self.namespace, self.release, self.cluster_id, rows])
        return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"

    def count(self, action: Action) -> int:
        """How many steps do this."""
        return sum(step.action is action for step in self.steps)

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that send or delete something."""
        return tuple(step for step in self.steps if step.action not in {Action.UNCHANGED, Action.KEEP})

    @property
    def has_changes(self) -> bool:
        """Whether anything would be sent or deleted."""
        return bool(self.changes)


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
    """Empty while an apply only means to send it: written before the first request, so that a crash never orphans an object."""
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
class UndoneHunk:
    """A place where the tree applied by hand differs from what was applied before: lines, and one of context on each side."""

    path: str
    before: tuple[str, ...]
    """The line above; empty at the top of the file."""
    skipped: tuple[str, ...]
    applied: tuple[str, ...]
    after: tuple[str, ...]
    """The line below; empty at the end of the file."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody stopped automatic applies: why, since when, and which commit is not to be applied."""

    by: str
    reason: str
    since: datetime
    skips: Revision | None = None
    """The head of the branch when the hold was set: it is not applied again. When the hold ends: `jx.domain.holds`."""
    kind: str = "rescue"
    """`rescue` (set by an apply by hand) or `person` (set by `jx hold`)."""
    applied_tree: str = ""
    """Digest of the tree that was applied by hand."""
    undoes: tuple[UndoneHunk, ...] = ()
    """How the tree applied by hand differs from the one that was applied before it."""


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
    platform_versions: tuple[str, ...] = ()
    """Versions of the platform that were applied here, oldest first: going back to one of them is a revert, not a mistake."""
    version: str = ""
    """For compare-and-swap: what was read; empty where there is none yet. Opaque."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one step: `error` is empty when it was done; `skipped` when it was not tried."""

    step: Step
    live: LiveObject | None = None
    error: str = ""
    skipped: bool = False
    can_retry: bool = False
    """Whether trying again may help."""


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What an apply did."""

    plan: ApplyPlan
    outcomes: tuple[Outcome, ...]
    result: ApplyResult
    ledger_commit: str = ""
    """Empty where nothing changed or the entry waits in the anchor."""
    message: str = ""
    is_healthy: bool | None = None
    """None where nobody waited for it, or the wait was broken off."""
    unhealthy: tuple[str, ...] = ()
    """What is not healthy and why, a line each."""
    refusals: tuple[Refused, ...] = ()
    """Of a dry run: what the guards would say. A run raises them."""
    is_dry_run: bool = False

    @property
    def is_good(self) -> bool:
        """Whether a command may end with success."""
        return self.result is ApplyResult.APPLIED and self.is_healthy is not False and not self.refusals
