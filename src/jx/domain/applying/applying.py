"""Applying: the plan of what an apply will do, decided before anything is done."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from jx.domain.applying.drawn_groups import DrawnGroup
from jx.domain.errors import Refused
from jx.domain.names import EnvironmentName, Person, Repo, Revision
from jx.domain.objects import secret_parts
from jx.domain.objects.manifests import Body, ChartPin, Manifest, ObjectRef
from jx.domain.objects.ordering import Wave
from jx.domain.objects.secret_parts import SECRETS_MANAGER, Parts
from jx.domain.objects.secrets import values_of

MANAGER = "jx"
"""The field manager of every apply, and of nothing else."""


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
    body: Body = field(repr=False)

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
    group: int = 0
    """Explicit wave: comes before `wave`. Steps of one group, wave and stage are done together."""
    stage: int = 0
    """Within a wave: how many steps of it are waited for, one behind the other."""
    needs: tuple[ObjectRef, ...] = ()
    """Objects that have to be healthy before this one is sent, or gone before this one is deleted."""
    manager: str = MANAGER
    """The field manager that sends it."""
    held: Body | None = None
    """Fields that are given up, at their live values: what a co-owner has to hold before this is sent."""
    sent: str = ""
    """What the inventory remembers of it: the hash of what was rendered, and of what was left out of it."""
    parts: Parts | None = None
    """Its halves, where the object holds what comes from secrets."""
    absorbs: tuple[str, ...] = ()
    """Field managers whose fields become ours: of the tool that this object is adopted from."""

    def __hash__(self) -> int:
        return hash((self.action, self.ref, self.uid, self.shown))

    @property
    def turn(self) -> tuple[bool, int, int, int]:
        """Sorts steps into what is done together: everything is sent before anything is deleted."""
        return self.wave >= Wave.PRUNE_GATES, self.group, self.wave, self.stage


def sends_of(step: Step) -> tuple[Step, ...]:
    """The requests that send an object, in order: one, or those of its halves.

    The half of `jx-secrets` comes first, so that no field is ever without an owner. The first time the object comes whole, since
    half of it may not be valid, and since what we own already is no conflict then; after that the other manager gets its fields.
    """
    if step.parts is None or step.manifest is None:
        return (step,)
    own = replace(step, manifest=replace(step.manifest, body=step.parts.own))
    if step.parts.secret is None:
        return (own,)
    secret = replace(step, manager=SECRETS_MANAGER, manifest=replace(step.manifest, body=step.parts.secret))
    return (step, secret, own) if step.parts.is_first else (secret, own)


class DeletePolicy(StrEnum):
    """When the object of a hook is deleted."""

    BEFORE = "before-hook-creation"
    SUCCEEDED = "hook-succeeded"
    FAILED = "hook-failed"


@dataclass(frozen=True, slots=True)
class HookStep:
    """One run of one hook."""

    phase: str
    """`pre-install`, `post-upgrade` ..."""
    manifest: Manifest
    weight: int = 0
    policies: frozenset[DeletePolicy] = frozenset({DeletePolicy.BEFORE})
    shown: str = ""
    """Hash of what a reviewer may see of it."""
    app: str = ""
    """The app whose chart it is of; empty for the environment's own."""

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref

    @property
    def occasion(self) -> str:
        """`install` or `upgrade`."""
        return self.phase.partition("-")[2]

    @property
    def is_before(self) -> bool:
        """Whether it runs before the objects are sent."""
        return self.phase.startswith("pre-")

    @property
    def is_awaited(self) -> bool:
        """Whether it has an end to wait for. All other kinds are done when they are there."""
        return (self.ref.group, self.ref.kind) in {("batch", "Job"), ("", "Pod")}


@dataclass(frozen=True, slots=True)
class HookOutcome:
    """What came of a hook: `error` is empty when it was done; `is_skipped` when it was not tried."""

    step: HookStep
    error: str = ""
    is_skipped: bool = False
    left: LiveObject | None = None
    """What it leaves in the cluster; None where it was deleted."""

    def __hash__(self) -> int:
        return hash((self.step, self.error, self.is_skipped))


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
    merge_note: str = ""
    """How it was merged, where that was held to no plan: against the rules, or by another client than jx."""


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
    hooks: tuple[HookStep, ...] = ()
    """What runs around it, in order; empty where nothing changes that has any."""
    secrets: frozenset[str] = field(default_factory=frozenset, repr=False)
    """Values that were put in place of references."""
    hook_digests: tuple[tuple[str, str], ...] = ()
    """Of the hooks of each app, as they are rendered now: whether they run or not."""

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
        rows += [
            [hook.phase, str(hook.ref), hook.manifest.api_version, "", hook.shown] for hook in self.hooks
        ]
        whole = json.dumps([self.environment, self.namespace, self.release, self.cluster_id, rows])
        return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """All that is wanted, objects and then the hooks that run."""
        objects = (step.manifest for step in self.steps if step.manifest)
        return (*objects, *(hook.manifest for hook in self.hooks))

    @property
    def touched(self) -> tuple[Manifest, ...]:
        """What would be sent, and the hooks that run."""
        objects = (step.manifest for step in self.changes if step.manifest)
        return (*objects, *(hook.manifest for hook in self.hooks))

    @property
    def secret_values(self) -> frozenset[str]:
        """Every value of a Secret that would be sent, and of every other masked field: what no text may show."""
        masked = frozenset(text for one in self.manifests for text in secret_parts.texts_of(one))
        return values_of(one.body for one in self.manifests) | masked | self.secrets

    def count(self, action: Action) -> int:
        """How many steps do this."""
        return sum(step.action is action for step in self.steps)

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that send or delete something."""
        return tuple(step for step in self.steps if step.action not in {Action.UNCHANGED, Action.KEEP})

    @property
    def has_changes(self) -> bool:
        """Whether anything would be sent, deleted or run."""
        return bool(self.changes or self.hooks)


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
    secret_sent: str = ""
    """Of the half that manager `jx-secrets` sends; empty where there is none."""
    secret_observed: str = ""
    marked: str = ""
    """Hash of what was sent with markers in place of secrets."""


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
    """The head of the branch when the hold was set: it is not applied again. Its end: `jx.domain.environments.holds`."""
    kind: str = "rescue"
    """`rescue` (set by an apply by hand) or `person` (set by `jx hold`)."""
    applied_tree: str = ""
    """Digest of the tree that was applied by hand."""
    undoes: tuple[UndoneHunk, ...] = ()
    """How the tree applied by hand differs from the one that was applied before it."""
    until: datetime | None = None
    """When it ends by itself; only a person's hold has an end."""


@dataclass(frozen=True, slots=True)
class DriftNote:
    """What the controllers found changed behind our back when they last looked: how many objects, since when, and one of them."""

    objects: int
    since: datetime
    words: str


@dataclass(frozen=True, slots=True)
class KnownGood:
    """The last state that is verified: its apply ended, everything was healthy, and CI/CD worked in it."""

    plan_digest: str
    """Of the apply that made it, which its ledger entry names."""
    source: Source
    at: datetime
    version: str = ""
    """Of the platform."""


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """A ledger entry that could not be pushed yet: an opaque, compressed text, oldest first."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class HookRecord:
    """What is known of an environment's hooks."""

    pending: tuple[tuple[str, str], ...] = ()
    """App and occasion (`install`, `upgrade`) of hooks that have begun to run and are not known to have ended well."""
    seen: tuple[tuple[str, str], ...] = ()
    """App and digest of the hooks that it had when an apply last ended well."""
    left: tuple[InventoryItem, ...] = ()
    """Objects that hooks have made, as far as they were not deleted again. Never pruned."""


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
    hooks: HookRecord = HookRecord()
    drawn: tuple[DrawnGroup, ...] = ()
    """What charts have drawn at random: kept, so that it stays."""
    version: str = ""
    """For compare-and-swap: what was read; empty where there is none yet. Opaque."""
    drift: DriftNote | None = None
    verified: KnownGood | None = None
    """What an automatic way back goes to, and nothing else."""
    is_begun: bool = False
    """Whether an apply has begun to change things and its end is not recorded: `applied` does not say all that there is then."""
    token: int = 0
    """Of the lock's holder who applied last."""


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
    hooks: tuple[HookOutcome, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether a command may end with success."""
        return self.result is ApplyResult.APPLIED and self.is_healthy is not False and not self.refusals
