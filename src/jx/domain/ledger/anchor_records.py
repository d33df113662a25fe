"""Anchor records: an Anchor as plain JSON data and back, for whatever stores anchors. `version` stays out: the store has its
own word for it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jx.domain.applying.applying import (
    Anchor,
    Applied,
    ApplyResult,
    DriftNote,
    Hold,
    HookRecord,
    InventoryItem,
    KnownGood,
    PendingEntry,
    Source,
    UndoneHunk,
)
from jx.domain.applying.drawn_groups import DrawnGroup
from jx.domain.errors import Invalid
from jx.domain.names import EnvironmentName, Person, Repo, Revision
from jx.domain.objects.drawn_places import Place
from jx.domain.objects.manifests import ChartPin, ObjectRef


def anchor_to_data(anchor: Anchor) -> dict[str, Any]:
    """Everything but `version`, as JSON values."""
    return {
        "environment": anchor.environment,
        "repo": anchor.repo.url if anchor.repo else None,
        "clusterId": anchor.cluster_id,
        "namespace": anchor.namespace,
        "release": anchor.release,
        "inventory": [_item_to_data(item) for item in anchor.inventory],
        "applied": _applied_to_data(anchor.applied) if anchor.applied else None,
        "ledgerHead": anchor.ledger_head,
        "holds": [hold_to_data(hold) for hold in anchor.holds],
        "pending": [
            {"name": entry.name, "content": base64.b64encode(entry.content).decode()}
            for entry in anchor.pending
        ],
        "drawn": [_group_to_data(group) for group in anchor.drawn],
        "platformVersions": list(anchor.platform_versions),
        "token": anchor.token,
        "isBegun": anchor.is_begun,
        "drift": _drift_to_data(anchor.drift) if anchor.drift else None,
        "verified": _good_to_data(anchor.verified) if anchor.verified else None,
        "hooks": {
            "pending": dict(anchor.hooks.pending),
            "seen": dict(anchor.hooks.seen),
            "left": [_item_to_data(item) for item in anchor.hooks.left],
        },
    }


def parse_anchor(data: Mapping[str, Any], *, version: str = "") -> Anchor:
    """An Anchor from its data, or Invalid. Fields that an older jx did not write take their defaults."""
    try:
        return Anchor(
            environment=EnvironmentName(data["environment"]),
            repo=Repo(data["repo"]) if data.get("repo") else None,
            cluster_id=data.get("clusterId", ""),
            namespace=data.get("namespace", ""),
            release=data.get("release", ""),
            inventory=tuple(_parse_item(item) for item in data.get("inventory") or ()),
            applied=_parse_applied(data["applied"]) if data.get("applied") else None,
            ledger_head=data.get("ledgerHead", ""),
            holds=tuple(parse_hold(hold) for hold in data.get("holds") or ()),
            pending=tuple(
                PendingEntry(entry["name"], base64.b64decode(entry["content"]))
                for entry in data.get("pending") or ()
            ),
            platform_versions=tuple(data.get("platformVersions") or ()),
            token=int(data.get("token") or 0),
            is_begun=bool(data.get("isBegun")),
            drift=_parse_drift(data["drift"]) if data.get("drift") else None,
            verified=_parse_good(data["verified"]) if data.get("verified") else None,
            hooks=_parse_hooks(data.get("hooks") or {}),
            drawn=tuple(_parse_group(row) for row in data.get("drawn") or ()),
            version=version,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid(
            f"the anchor of environment {data.get('environment', '?')} cannot be read ({error!r})",
            hint="it was written by another version of jx or changed by hand; `jx doctor` shows it",
        ) from error


def _parse_hooks(data: Mapping[str, Any]) -> HookRecord:
    left = tuple(_parse_item(item) for item in data.get("left") or ())
    pending, seen = (tuple((data.get(key) or {}).items()) for key in ("pending", "seen"))
    return HookRecord(pending, seen, left)


def _group_to_data(group: DrawnGroup) -> list[Any]:
    rows = [
        [ref.group, ref.kind, ref.namespace, ref.name, list(path), list(values)]
        for (ref, path), values in sorted(
            (((place.ref, place.path), values) for place, values in group.values.items()), key=str
        )
    ]
    return [group.app, rows]


def _parse_group(row: list[Any]) -> DrawnGroup:
    app, rows = row
    return DrawnGroup(
        app,
        {
            Place(ObjectRef(group, kind, namespace, name), tuple(path)): tuple(values)
            for group, kind, namespace, name, path, values in rows
        },
    )


def _item_to_data(item: InventoryItem) -> list[str]:
    ref = item.ref
    return [
        ref.group,
        ref.kind,
        ref.namespace,
        ref.name,
        item.api_version,
        item.uid,
        item.sent,
        item.observed,
        *([item.secret_sent, item.secret_observed, item.marked] if item.secret_sent else []),
    ]


def _parse_item(row: list[str]) -> InventoryItem:
    group, kind, namespace, name, *facts = row
    return InventoryItem(ObjectRef(group, kind, namespace, name), *facts)


def _applied_to_data(applied: Applied) -> dict[str, Any]:
    return {
        "source": source_to_data(applied.source),
        "planDigest": applied.plan_digest,
        "result": applied.result.value,
        "at": applied.at.isoformat(),
        "by": applied.by,
        "charts": [[pin.key, pin.name, pin.version, pin.repository, pin.digest] for pin in applied.charts],
        "isVerified": applied.is_verified,
        "message": applied.message,
    }


def _parse_applied(data: Mapping[str, Any]) -> Applied:
    return Applied(
        source=parse_source(data["source"]),
        plan_digest=data["planDigest"],
        result=ApplyResult(data["result"]),
        at=datetime.fromisoformat(data["at"]),
        by=data["by"],
        charts=tuple(ChartPin(*row) for row in data["charts"]),
        is_verified=data["isVerified"],
        message=data["message"],
    )


def source_to_data(source: Source) -> dict[str, Any]:
    """A Source as JSON values."""
    return {
        "repo": source.repo.url if source.repo else None,
        "revision": source.revision,
        "treeDigest": source.tree_digest,
        "author": [source.author.name, source.author.email, source.author.login],
        "subject": source.subject,
        "pullRequest": source.pull_request,
        "approvers": list(source.approvers),
        "mergeNote": source.merge_note,
    }


def parse_source(data: Mapping[str, Any]) -> Source:
    """A Source from its data."""
    return Source(
        repo=Repo(data["repo"]) if data["repo"] else None,
        revision=Revision(data["revision"]) if data["revision"] else None,
        tree_digest=data["treeDigest"],
        author=Person(*data["author"]),
        subject=data["subject"],
        pull_request=data["pullRequest"],
        approvers=tuple(data["approvers"]),
        merge_note=data.get("mergeNote", ""),
    )


def _good_to_data(good: KnownGood) -> dict[str, Any]:
    return {
        "planDigest": good.plan_digest,
        "source": source_to_data(good.source),
        "at": good.at.isoformat(),
        "version": good.version,
    }


def _parse_good(data: Mapping[str, Any]) -> KnownGood:
    at = datetime.fromisoformat(data["at"])
    return KnownGood(data["planDigest"], parse_source(data["source"]), at, data["version"])


def _drift_to_data(drift: DriftNote) -> dict[str, Any]:
    return {"objects": drift.objects, "since": drift.since.isoformat(), "words": drift.words}


def _parse_drift(data: Mapping[str, Any]) -> DriftNote:
    return DriftNote(int(data["objects"]), datetime.fromisoformat(data["since"]), data["words"])


def hold_to_data(hold: Hold) -> dict[str, Any]:
    """A Hold as JSON values."""
    return {
        "by": hold.by,
        "reason": hold.reason,
        "since": hold.since.isoformat(),
        "skips": hold.skips,
        "kind": hold.kind,
        "appliedTree": hold.applied_tree,
        "until": hold.until.isoformat() if hold.until else None,
        "undoes": [
            {
                "path": hunk.path,
                "before": list(hunk.before),
                "skipped": list(hunk.skipped),
                "applied": list(hunk.applied),
                "after": list(hunk.after),
            }
            for hunk in hold.undoes
        ],
    }


def parse_hold(data: Mapping[str, Any]) -> Hold:
    """A Hold from its data."""
    return Hold(
        by=data["by"],
        reason=data["reason"],
        since=datetime.fromisoformat(data["since"]),
        skips=Revision(data["skips"]) if data.get("skips") else None,
        kind=data.get("kind", "rescue"),
        applied_tree=data.get("appliedTree", ""),
        until=datetime.fromisoformat(data["until"]) if data.get("until") else None,
        undoes=tuple(
            UndoneHunk(
                hunk["path"],
                tuple(hunk["before"]),
                tuple(hunk["skipped"]),
                tuple(hunk["applied"]),
                tuple(hunk["after"]),
            )
            for hunk in data.get("undoes") or ()
        ),
    )
