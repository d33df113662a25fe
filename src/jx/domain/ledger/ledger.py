"""The ledger: the rendered manifests of everything that was applied, as commits on the branch `jx-ledger`.

One canonical YAML file per object, one commit per apply. An entry is first kept in the anchor, as a difference to the entry
before it, and published from there; so it is never lost, and publishing it twice is publishing it once.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from jx.domain.applying.applying import (
    Action,
    Anchor,
    ApplyPlan,
    ApplyResult,
    HookOutcome,
    InventoryItem,
    Outcome,
    PendingEntry,
    Source,
)
from jx.domain.errors import Invalid
from jx.domain.ledger.trailers import find_trailers
from jx.domain.names import EnvironmentName, Person
from jx.domain.objects.manifests import Body, Capabilities, ChartPin, ObjectRef
from jx.domain.objects.secrets import mask
from jx.domain.texts.yaml_emitter import emit
from jx.domain.trees import Blob, Tree

BRANCH = "jx-ledger"
CAPABILITIES = "_capabilities.yaml"
"""The cluster's version and APIs, which renders depend on."""
SOURCES = "_sources.yaml"
"""Which template each object was rendered from, by the object's file."""
EVENT = "Jx-Event"
"""The trailer of entries that tell of something else than an apply."""

_LONGEST_NAME = 200
_NO_CHANGE = frozenset({Action.UNCHANGED, Action.KEEP, Action.PRUNE})
_SPACE = re.compile(r"\s+")


def is_by_platform(by: str) -> bool:
    """Whether the platform itself applied: its controllers or a run. Else a person did, by hand."""
    return by == "controller" or by.startswith("run ")


class Happening(StrEnum):
    """What the ledger tells of besides applies."""

    HOLD = "hold"
    RESUME = "hold ended"
    DRIFT = "drift"
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class Entry:
    """One commit of the ledger, as a difference to the one before it."""

    message: str
    author: Person
    at: datetime
    files: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    is_whole: bool = False
    """Whether `files` are all there is: nothing is known of what came before."""


@dataclass(frozen=True, slots=True)
class Story:
    """What an entry tells beside the objects."""

    source: Source
    result: ApplyResult
    by: str
    at: datetime
    reason: str = ""
    """Why it was applied by hand."""
    lock_taken_from: str = ""
    """Who had the lock when a person took it."""
    verified: str = "pending"
    secret_versions: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Of the secrets that were read, by `scheme:path`."""
    secret_writers: tuple[str, ...] = ()
    """Who wrote those since the entry before, in words."""
    is_whole: bool = False
    """Whether to write down everything, since what the branch holds is not what we left there."""


def path_of(ref: ObjectRef) -> str:
    """Where an object stands: `<namespace or _cluster>/<group or core>/<Kind>/<name>.yaml`."""
    name = quote(ref.name, safe="-._~+@,=")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}~{hashlib.sha256(ref.name.encode()).hexdigest()[:12]}"
    return f"{ref.namespace or '_cluster'}/{ref.group or 'core'}/{quote(ref.kind, safe='')}/{name}.yaml"


def text_of(body: Body) -> str:
    """An object's file: canonical, without secret values."""
    return emit(mask(body))


def capabilities_text(capabilities: Capabilities) -> str:
    """The file that records what the render depended on."""
    return emit({"apiVersions": sorted(capabilities.api_versions), "version": capabilities.version})


def sources_text(plan: ApplyPlan) -> str:
    """The file that tells which template each object is rendered from."""
    return emit({path_of(step.ref): step.manifest.source for step in plan.steps if step.manifest})


def make_note(
    environment: EnvironmentName,
    happening: Happening,
    words: str,
    *,
    by: Person,
    at: datetime,
    more: tuple[tuple[str, str], ...] = (),
) -> Entry:
    """The entry of something that happened to an environment, by whom and why: no object changes with it. `more` are further
    trailers."""
    reason = _one_line(words)
    trailers = [("Jx-Environment", environment), (EVENT, happening), *more, ("Jx-Reason", reason)]
    subject = f"{happening.capitalize()}: {reason}"
    return Entry(f"{subject}\n\n" + "\n".join(f"{key}: {value}" for key, value in trailers) + "\n", by, at)


def noted(anchor: Anchor, entry: Entry) -> Anchor:
    """The anchor with an entry that waits to be published; the same again changes nothing."""
    pending = pack(entry)
    if any(one.name == pending.name for one in anchor.pending):
        return anchor
    return replace(anchor, pending=(*anchor.pending, pending))


def make_entry(
    plan: ApplyPlan,
    outcomes: tuple[Outcome, ...],
    story: Story,
    *,
    inventories: tuple[tuple[InventoryItem, ...], tuple[InventoryItem, ...]],
    capabilities: Capabilities,
) -> Entry:
    """The entry of an apply; `inventories` are those before and after it. Steps that failed leave their file as it was."""
    before, after = ({path_of(item.ref) for item in inventory} for inventory in inventories)
    is_whole = not before or story.is_whole
    files = {CAPABILITIES: capabilities_text(capabilities), SOURCES: sources_text(plan)}
    for outcome in outcomes:
        step = outcome.step
        is_done = not outcome.error and not outcome.skipped
        is_new = step.action not in _NO_CHANGE or is_whole
        if step.manifest and is_done and is_new:
            files[path_of(step.ref)] = text_of(step.manifest.public)
    return Entry(
        message=_message(plan, outcomes, story, capabilities),
        author=story.source.author,
        at=story.at,
        files=files,
        removed=tuple(sorted(before - after)),
        is_whole=is_whole,
    )


def tree_of(entry: Entry, base: Tree) -> Tree:
    """All files of the commit, from those of the commit before it."""
    kept = {} if entry.is_whole else dict(base.files)
    for path in entry.removed:
        kept.pop(path, None)
    return Tree(kept | {path: Blob(text.encode()) for path, text in entry.files.items()})


def pack(entry: Entry) -> PendingEntry:
    """The entry as the anchor keeps it."""
    data = {
        "message": entry.message,
        "author": [entry.author.name, entry.author.email, entry.author.login],
        "at": entry.at.isoformat(),
        "files": dict(entry.files),
        "removed": list(entry.removed),
        "isWhole": entry.is_whole,
    }
    text = json.dumps(data, sort_keys=True).encode()
    digest = hashlib.sha256(text).hexdigest()[:8]
    return PendingEntry(f"{entry.at:%Y%m%d%H%M%S}-{digest}", lzma.compress(text))


def unpack(pending: PendingEntry) -> Entry:
    """The entry that `pack` packed, or Invalid."""
    try:
        data: dict[str, Any] = json.loads(lzma.decompress(pending.content))
        return Entry(
            message=data["message"],
            author=Person(*data["author"]),
            at=datetime.fromisoformat(data["at"]),
            files=data["files"],
            removed=tuple(data["removed"]),
            is_whole=data["isWhole"],
        )
    except (lzma.LZMAError, ValueError, KeyError, TypeError) as error:
        raise Invalid(f"the ledger entry {pending.name} in the anchor cannot be read") from error


def is_proof(pending: PendingEntry) -> bool:
    """Whether an entry only tells that a state was proven."""
    return find_trailers(unpack(pending).message).get(EVENT) == Happening.VERIFIED


def _message(plan: ApplyPlan, outcomes: tuple[Outcome, ...], story: Story, capabilities: Capabilities) -> str:
    subject = _one_line(story.source.subject) or f"Apply environment {plan.environment}"
    counts = summarize(outcomes)
    failed = "".join(f"\nFailed: {outcome.step.ref}" for outcome in outcomes if outcome.error)
    trailers = "\n".join(f"{key}: {value}" for key, value in _trailers(plan, story, capabilities))
    return f"{subject}\n\n{counts}{failed}\n\n{trailers}\n"


def _trailers(plan: ApplyPlan, story: Story, capabilities: Capabilities) -> Iterable[tuple[str, str]]:
    source = story.source
    rows = [
        ("Jx-Environment", str(plan.environment)),
        ("Jx-Source-Commit", source.revision or ""),
        ("Jx-Source-Tree", source.tree_digest),
        ("Jx-Pull-Request", source.pull_request),
        *(("Jx-Approved-By", approver) for approver in source.approvers),
        ("Jx-Merge-Note", source.merge_note),
        ("Jx-Plan-Digest", plan.digest),
        *(("Jx-Chart", _chart_words(pin)) for pin in plan.charts),
        *(("Jx-Secret", f"{at}={version}") for at, version in sorted(story.secret_versions.items())),
        *(("Jx-Secret-Written", words) for words in story.secret_writers),
        ("Jx-Cluster", f"{plan.cluster_id} {capabilities.version}"),
        ("Jx-Result", story.result),
        ("Jx-Verified", story.verified),
        ("Jx-Applied-By", story.by),
        ("Jx-Lock-Taken-From", story.lock_taken_from),
        ("Jx-Reason", story.reason),
    ]
    return ((key, text) for key, value in rows if (text := _one_line(value)))


def _chart_words(pin: ChartPin) -> str:
    words = f"{pin.name} {pin.version} {pin.digest}"
    return words if pin.key == pin.name else f"{words} as {pin.key}"


def summarize(outcomes: tuple[Outcome, ...], hooks: tuple[HookOutcome, ...] = ()) -> str:
    """`3 created, 1 updated, 2 pruned, 40 unchanged, 2 hooks run`, and what failed."""
    words = {
        Action.CREATE: "created",
        Action.UPDATE: "updated",
        Action.TAKE_OVER: "taken over",
        Action.REPLACE: "replaced",
        Action.PRUNE: "pruned",
        Action.KEEP: "kept",
        Action.UNCHANGED: "unchanged",
    }
    done = [outcome.step.action for outcome in outcomes if not outcome.error and not outcome.skipped]
    parts = [f"{count} {word}" for action, word in words.items() if (count := done.count(action))]
    ran = sum(not hook.is_skipped and not hook.error for hook in hooks)
    parts += [f"{ran} hook{'' if ran == 1 else 's'} run"] if ran else []
    failed = sum(bool(one.error) for one in outcomes) + sum(bool(one.error) for one in hooks)
    skipped = sum(outcome.skipped for outcome in outcomes)
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{skipped} not tried"] if skipped else []
    return ", ".join(parts) or "nothing to do"


def _one_line(text: str) -> str:
    """No line of somebody else's text may pass for a trailer."""
    return _SPACE.sub(" ", text).strip()
