"""What has to be equal at the end of a journey, however often it was interrupted: everything but ids, times and counts."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tests.support.journeys import BOT, World

from jx.domain.applying.applying import Anchor
from jx.domain.changes.changes import PullRequest
from jx.domain.environments.environments import Environment
from jx.domain.ledger import ledger
from jx.domain.names import Person, Repo, Revision
from jx.domain.objects import secrets
from jx.domain.trees import Tree
from jx.ports.repos import Commit

_ONLY_A_SERVER_COUNTS = {"uid", "resourceVersion", "generation", "managedFields"}


def end_state(world: World, *, failures: bool = True) -> dict[str, Any]:
    """The end of a journey. Without `failures`, ledger entries of applies that failed on the way are left out."""
    return {"objects": objects(world), "promotions": _promotions(world)} | {
        str(name): _environment(world, environment, failures=failures)
        for name, environment in world.environments.items()
    }


def objects(world: World) -> dict[str, Any]:
    """What is in the cluster, without what only a server counts and without secret values."""
    found = {}
    for ref, body in world.cluster.objects.items():
        shown = copy.deepcopy(dict(secrets.mask(body)))
        shown["metadata"] = {
            key: value for key, value in shown["metadata"].items() if key not in _ONLY_A_SERVER_COUNTS
        }
        found[str(ref)] = {key: value for key, value in shown.items() if key != "status"}
    return found


def _environment(world: World, environment: Environment, *, failures: bool) -> dict[str, Any]:
    repo = environment.repo
    assert repo is not None
    anchor = world.anchors.find(environment.name)
    commits = world.ledger(environment.name)
    head = world.repos.head(repo, ledger.BRANCH)
    files = world.repos.read(repo, head) if head else Tree()
    pulls = world.forge.list_pulls(repo, state=None)
    return {
        "anchor": anchor and _anchor(world, repo, anchor),
        "is published": anchor is not None and anchor.ledger_head == head,
        "ledger": [
            _entry(commit) for commit in commits if failures or commit.trailers.get("Jx-Result") != "failed"
        ],
        # A run after the CRDs are there renders for a cluster that serves more, and says so.
        "files": {path: files.text(path) for path in files if path != ledger.CAPABILITIES},
        "master": [
            (commit.subject, _whose(world, repo, commit))
            for commit in world.repos.log(repo, world.head(environment.name), limit=1000)
        ],
        "tree": world.tree(environment.name).digest,
        "pulls": [_pull(world.forge.observe(repo, pull.number)) for pull in pulls],
        "statuses": _statuses(world, repo),
        "activities": [
            (one.name, one.status, one.message, [(step.name, step.status) for step in one.steps])
            for one in world.activities.list_all()
            if one.pipeline.startswith(f"{repo.full_name}/")
        ],
    }


def _entry(commit: Commit) -> tuple[object, ...]:
    """An apply with whose it is; of what else happened only what: a hold ends by itself or by a person."""
    trailers = commit.trailers
    if ledger.EVENT in trailers:
        return (trailers[ledger.EVENT],)
    return commit.subject, commit.author, trailers["Jx-Source-Tree"], trailers["Jx-Result"]


ANYBODYS = "jx-promotion"
"""The key of a comment that comes from whoever comes to it first."""


def _whose(world: World, repo: Repo, commit: Commit) -> Person:
    """Whose change a commit is: a promotion is offered by whoever comes to it first."""
    if commit.author != BOT or len(commit.parents) != 2:
        return commit.author
    return world.repos.log(repo, commit.parents[1], limit=1)[0].author


def _promotions(world: World) -> list[object]:
    return [
        (
            one.number,
            str(one.chart),
            one.requester,
            [(leg.environment, leg.state, leg.number) for leg in one.legs],
        )
        for known in world.promotions.list_all()
        for one in known.promotions
    ]


def _anchor(world: World, repo: Repo, anchor: Anchor) -> dict[str, Any]:
    live = world.cluster.objects
    applied = anchor.applied
    return {
        "inventory": [str(item.ref) for item in anchor.inventory],
        "are other objects": [
            str(item.ref)
            for item in anchor.inventory
            if item.ref not in live or live[item.ref]["metadata"]["uid"] != item.uid
        ],
        "applied": applied
        and (applied.source.subject, applied.source.tree_digest, applied.result, applied.is_verified),
        "holds": [
            (_subject(world, repo, hold.skips), hold.applied_tree, hold.undoes) for hold in anchor.holds
        ],
        "pending": anchor.pending,
        "platform": anchor.platform_versions,
    }


def _pull(pull: PullRequest) -> dict[str, Any]:
    return {
        "number": pull.number,
        "title": pull.title,
        "state": pull.state,
        "comments": [
            (
                comment.author if comment.key != ANYBODYS else None,
                comment.key,
                comment.body.partition("\n")[0],
            )
            for comment in pull.comments
        ],
        "checks": [(check.context, check.state) for check in pull.checks],
        "reviews": [(review.author, review.approves) for review in pull.reviews],
    }


def _statuses(world: World, repo: Repo) -> Mapping[tuple[str, str], str]:
    return {
        (_subject(world, repo, revision), context): check.state.value
        for (name, revision, context), check in world.statuses.items()
        if name == repo.full_name
    }


def _subject(world: World, repo: Repo, revision: Revision | None) -> str:
    return world.repos.log(repo, revision, limit=1)[0].subject if revision else ""
