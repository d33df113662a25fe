"""Guards: what a plan may not do unless a person says so. Each refusal has its numbers, its objects and the flag past it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from jx.domain.applying import replacing
from jx.domain.applying.applying import Action, Anchor, ApplyPlan, LiveObject, Step
from jx.domain.charts.apps import OLD_PLATFORM_CHART, PLATFORM_CHART
from jx.domain.charts.versions import Version
from jx.domain.environments.environments import Requirements
from jx.domain.errors import Invalid, Refused
from jx.domain.names import EnvironmentName, Repo
from jx.domain.objects.manifests import ChartPin, ObjectRef

_SHOWN = 10
"""How many objects a message names."""


class Guard(StrEnum):
    """The names that `--allow` takes."""

    EMPTY_RENDER = "empty-render"
    DELETIONS = "deletions"
    FOREIGN_OBJECTS = "foreign-objects"
    OTHER_CLUSTER = "other-cluster"
    PLATFORM_DOWNGRADE = "platform-downgrade"
    LEDGER_MOVED = "ledger-moved"
    REPLACE = "replace"
    SECRETS = "missing-secrets"
    """Apply without the store of secrets: what comes from secrets stays as it is in the cluster. Not about the plan."""
    CONFLICTS = "conflicts"
    """Take fields over from other field managers. Not about the plan: the API server decides what is a conflict."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a person said may be done nevertheless."""

    guards: frozenset[Guard] = frozenset()
    prunes: frozenset[str] = frozenset()
    """Objects that hold data and may be pruned: `PersistentVolumeClaim/data-redis-0`."""
    reviewed: str = ""
    """Only the plan with this digest may be applied; empty: any."""
    redraws: frozenset[str] = frozenset()
    """Apps whose charts draw anew what they draw at random."""


class EmptyRender(Refused):
    """Nothing was rendered, though something was installed or is to be."""


class TooManyDeletions(Refused):
    """The plan deletes more than the budget of `jx-requirements.yml`; `refs` are the objects."""

    def __init__(self, message: str, refs: tuple[ObjectRef, ...], *, hint: str, flag: str) -> None:
        super().__init__(message, hint=hint, flag=flag)
        self.refs = refs


class ForeignObjects(Refused):
    """The plan would change objects that somebody else manages; `owners` says who, by object."""

    def __init__(
        self, message: str, owners: tuple[tuple[ObjectRef, str], ...], *, hint: str, flag: str
    ) -> None:
        super().__init__(message, hint=hint, flag=flag)
        self.owners = owners


class ImmutableFields(Refused):
    """Fields that cannot be changed in place, of objects that nobody said may be deleted and made anew; `refs` are they."""

    def __init__(self, message: str, refs: tuple[ObjectRef, ...], *, hint: str, flag: str = "") -> None:
        super().__init__(message, hint=hint, flag=flag)
        self.refs = refs


class StoredVersionsGone(Refused):
    """A CRD would lose a version in which the cluster still stores objects."""


class OtherCluster(Refused):
    """The environment was last applied to another cluster, namespace or release, or from another repository."""


class DataLeftBehind(Refused):
    """An object that holds data would be made anew in another namespace; `refs` are those that stay behind."""

    def __init__(self, message: str, refs: tuple[ObjectRef, ...], *, hint: str, flag: str) -> None:
        super().__init__(message, hint=hint, flag=flag)
        self.refs = refs


class PlatformDowngrade(Refused):
    """The platform would go back to a version that never ran here."""


class LedgerMoved(Refused):
    """The ledger branch is not where the anchor left it."""


class NotTheReviewedPlan(Refused):
    """The plan is another one than the one that was reviewed."""


class SeveralRefusals(Refused):
    """More than one guard said no; `refusals` are they."""

    def __init__(self, refusals: tuple[Refused, ...]) -> None:
        lines = "\n".join(f"- {refusal.message}" for refusal in refusals)
        hints = "\n".join(refusal.hint for refusal in refusals if refusal.hint)
        flags = " ".join(dict.fromkeys(refusal.flag for refusal in refusals if refusal.flag))
        super().__init__(f"{len(refusals)} guards refuse this plan:\n{lines}", hint=hints, flag=flags)
        self.refusals = refusals


@dataclass(frozen=True, slots=True)
class Review:
    """All that the guards look at."""

    plan: ApplyPlan
    rendered: int
    """How many objects the charts gave."""
    apps: int
    """How many apps the environment declares."""
    anchor: Anchor | None = None
    repo: Repo | None = None
    """Where the files come from."""
    foreign: tuple[tuple[ObjectRef, str], ...] = ()
    requirements: Requirements = field(default_factory=Requirements)
    allowed: Allowed = field(default_factory=Allowed)
    live: Mapping[ObjectRef, LiveObject] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    """Apps that were applied last and are declared no more."""

    @property
    def is_one_app_gone(self) -> bool:
        """Whether the plan takes away one app, as `jx delete app` does. A list that was lost takes away more than one, and the
        platform itself is no app like others: without it, nothing brings it back."""
        return len(self.removed) == 1 and not self._is_platform_gone

    @property
    def _is_platform_gone(self) -> bool:
        ran_here = self.anchor is not None and bool(self.anchor.platform_versions)
        return ran_here and not platform_version(self.plan.charts)


def findings(review: Review) -> tuple[Refused, ...]:
    """Everything that the guards have against a plan, allowed guards left out."""
    checks = (
        (Guard.OTHER_CLUSTER, _check_place),
        (Guard.OTHER_CLUSTER, _check_moves),
        (Guard.EMPTY_RENDER, _check_render),
        (Guard.DELETIONS, _check_deletions),
        (Guard.FOREIGN_OBJECTS, _check_foreign),
        (Guard.PLATFORM_DOWNGRADE, _check_platform),
    )
    found = [check(review) for guard, check in checks if guard not in review.allowed.guards]
    found += [_check_immutable(review), _check_data(review), _check_versions(review), _check_reviewed(review)]
    return tuple(refusal for refusal in found if refusal is not None)


def enforce(refusals: tuple[Refused, ...]) -> None:
    """Raise the refusal, or all of them as one."""
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise SeveralRefusals(refusals)


def ledger_moved(environment: EnvironmentName, *, branch_head: str, anchor_head: str) -> LedgerMoved:
    """The refusal for a ledger branch that somebody else wrote, or that another cluster left behind."""
    ours = f"the cluster remembers {anchor_head[:12]}" if anchor_head else "the cluster remembers none"
    return LedgerMoved(
        f"the ledger of environment {environment} is at {branch_head[:12] or 'no commit'}, but {ours};"
        " nothing was applied, pruned or published",
        hint="look at the branch jx-ledger. If this is a new cluster, or you know who wrote it, go on from there with"
        f" {_flag(Guard.LEDGER_MOVED)}",
        flag=_flag(Guard.LEDGER_MOVED),
    )


def _flag(guard: Guard) -> str:
    return f"--allow {guard}"


def _check_render(review: Review) -> Refused | None:
    installed = len(review.anchor.inventory) if review.anchor else 0
    is_last_app_gone = review.is_one_app_gone and not review.apps
    takes_away = any(step.action is Action.PRUNE for step in review.plan.steps)
    if review.rendered or is_last_app_gone or not (takes_away or review.apps):
        return None
    return EmptyRender(
        f"the charts of environment {review.plan.environment} rendered nothing, while it declares {review.apps} apps and"
        f" {installed} objects are installed",
        hint=f"look at env/ in the repository; if everything is to go, {_flag(Guard.EMPTY_RENDER)}",
        flag=_flag(Guard.EMPTY_RENDER),
    )


def _check_deletions(review: Review) -> Refused | None:
    refs = tuple(step.ref for step in review.plan.steps if step.action is Action.PRUNE)
    total = len(review.anchor.inventory) if review.anchor else 0
    share = len(refs) / total if total else 0.0
    limits = review.requirements
    is_share_fine = len(refs) <= 3 or share <= limits.max_deletion_share or review.is_one_app_gone
    if len(refs) <= limits.max_deletions and is_share_fine:
        return None
    return TooManyDeletions(
        f"{len(refs)} of {total} objects ({share:.0%}) would be deleted; the budget is {limits.max_deletions} objects and"
        f" {limits.max_deletion_share:.0%}: {_list(refs)}",
        refs,
        hint=f"if they are to go, {_flag(Guard.DELETIONS)}; the budget stands in jx-requirements.yml",
        flag=_flag(Guard.DELETIONS),
    )


def _check_foreign(review: Review) -> Refused | None:
    if not review.foreign:
        return None
    shown = "; ".join(f"{ref} belongs to {owner}" for ref, owner in review.foreign[:_SHOWN])
    return ForeignObjects(
        f"{len(review.foreign)} objects are managed by somebody else: {shown}{_more(len(review.foreign))}",
        review.foreign,
        hint=f"rename ours, remove theirs, or take them over with {_flag(Guard.FOREIGN_OBJECTS)}",
        flag=_flag(Guard.FOREIGN_OBJECTS),
    )


def _check_immutable(review: Review) -> Refused | None:
    if Guard.REPLACE in review.allowed.guards:
        return None
    names = review.requirements.replace
    stuck = [one for one in _replacements(review) if not replacing.is_permitted(one, names)]
    if not stuck:
        return None
    return ImmutableFields(
        f"{_told(stuck)}; nobody said that {'it' if len(stuck) == 1 else 'they'} may be deleted and made anew",
        tuple(step.ref for step in stuck),
        hint=f"put the old value back, or allow it: once with {_flag(Guard.REPLACE)}, always with annotation"
        f' {replacing.REPLACE}: "true" in the chart, or with apply.replace: [{stuck[0].ref.kind}/{stuck[0].ref.name}] in'
        " jx-requirements.yml",
        flag=_flag(Guard.REPLACE),
    )


def _check_data(review: Review) -> Refused | None:
    """What holds data is not deleted to be made anew, whatever anybody allowed."""
    found = [
        (step, what)
        for step in _replacements(review)
        if step.ref in review.live
        and (
            what := replacing.takes_data_along(
                step.ref, review.live[step.ref].body, review.requirements.protect
            )
        )
    ]
    if not found:
        return None
    return ImmutableFields(
        f"{_told([step for step, _ in found])}; deleting it would delete {found[0][1]}, so it is never replaced",
        tuple(step.ref for step, _ in found),
        hint="put the old value back, or bring the data over to an object with another name",
    )


def _replacements(review: Review) -> list[Step]:
    return [step for step in review.plan.steps if step.action is Action.REPLACE]


def _told(steps: list[Step]) -> str:
    told = "; ".join(f"{step.ref}: {step.reason}" for step in steps[:_SHOWN])
    return told + _more(len(steps))


def _check_versions(review: Review) -> Refused | None:
    """The API server would say no, but only in mid-apply."""
    for step in review.plan.changes:
        live = review.live.get(step.ref)
        if step.ref.kind != "CustomResourceDefinition" or step.manifest is None or live is None:
            continue
        kept = {
            version.get("name") for version in (step.manifest.body.get("spec") or {}).get("versions") or ()
        }
        stored = (live.body.get("status") or {}).get("storedVersions") or ()
        gone = [version for version in stored if version not in kept]
        if gone and kept:
            return StoredVersionsGone(
                f"{step.ref} would lose version {', '.join(gone)}, in which the cluster still stores objects of it",
                hint="keep the version in the CRD, write all its objects anew (kubectl get, then kubectl replace), take the"
                " version out of status.storedVersions, and drop it then",
            )
    return None


def other_repository(anchor: Anchor, repo: Repo | None) -> OtherCluster | None:
    """The refusal where an environment's files come from another repository than before: nothing of it may be touched then,
    its ledger least of all."""
    move = _move_of_repository(anchor, repo)
    return _elsewhere(anchor.environment, move) if move else None


def _check_place(review: Review) -> Refused | None:
    anchor, plan = review.anchor, review.plan
    if anchor is None:
        return None
    moves = [
        f"{what} {old} -> {new}"
        for what, old, new in (
            ("cluster", anchor.cluster_id, plan.cluster_id),
            ("namespace", anchor.namespace, plan.namespace),
            ("release", anchor.release, plan.release),
        )
        if old and old != new
    ]
    moves += _move_of_repository(anchor, review.repo)
    return _elsewhere(plan.environment, moves) if moves else None


def _check_moves(review: Review) -> Refused | None:
    """Data does not follow an app into another namespace: it would begin empty there."""
    made = {
        (step.ref.group, step.ref.kind, step.ref.name): step.ref
        for step in review.plan.steps
        if step.action is Action.CREATE and step.ref.kind in {"StatefulSet", "PersistentVolumeClaim"}
    }
    moves = [
        (step.ref, made[step.ref.group, step.ref.kind, step.ref.name])
        for step in review.plan.steps
        if step.action in {Action.PRUNE, Action.KEEP}
        and (step.ref.group, step.ref.kind, step.ref.name) in made
    ]
    if not moves:
        return None
    told = ", ".join(f"{old} -> {new.namespace}" for old, new in moves[:_SHOWN])
    return DataLeftBehind(
        f"{len(moves)} objects with data would move to another namespace, and their data would not: {told}",
        tuple(old for old, _ in moves),
        hint=f"bring the data over first; if it is not needed, {_flag(Guard.OTHER_CLUSTER)}",
        flag=_flag(Guard.OTHER_CLUSTER),
    )


def _move_of_repository(anchor: Anchor, repo: Repo | None) -> list[str]:
    if anchor.repo is None or repo is None or _is_same_repo(anchor.repo, repo):
        return []
    return [f"repository {anchor.repo.url} -> {repo.url}"]


def _elsewhere(environment: EnvironmentName, moves: list[str]) -> OtherCluster:
    return OtherCluster(
        f"environment {environment} was last applied elsewhere: {', '.join(moves)}",
        hint="check the kube context, --namespace and the folder; if the environment has really moved,"
        f" {_flag(Guard.OTHER_CLUSTER)}",
        flag=_flag(Guard.OTHER_CLUSTER),
    )


def _is_same_repo(one: Repo, other: Repo) -> bool:
    """The same repository has other addresses inside and outside of a cluster: its full name decides."""
    return one.is_same(other) or one.full_name == other.full_name


def _check_platform(review: Review) -> Refused | None:
    ran_before = review.anchor.platform_versions if review.anchor else ()
    if not ran_before:
        return None
    new, old = platform_version(review.plan.charts), ran_before[-1]
    if not new or new in ran_before or not _is_older(new, old):
        return None
    return PlatformDowngrade(
        f"the platform would go back from {old} to {new}, which never ran here (known: {', '.join(ran_before)})",
        hint=f"propose a version that ran here, or {_flag(Guard.PLATFORM_DOWNGRADE)}",
        flag=_flag(Guard.PLATFORM_DOWNGRADE),
    )


def platform_version(charts: Iterable[ChartPin]) -> str:
    """The version of the platform's own chart among these; empty where it is none of them."""
    names = {PLATFORM_CHART, OLD_PLATFORM_CHART}
    return next((pin.version for pin in charts if pin.name in names), "")


def _is_older(new: str, old: str) -> bool:
    try:
        return Version(new) < Version(old)
    except Invalid:
        return False


def _check_reviewed(review: Review) -> Refused | None:
    wanted = review.allowed.reviewed
    if not wanted or wanted == review.plan.digest:
        return None
    return NotTheReviewedPlan(
        f"the plan is now {review.plan.digest}, the reviewed one was {wanted}: the files, the charts or the cluster have changed",
        hint="look at the new plan with --dry-run, then pass its digest to --reviewed",
    )


def _list(refs: tuple[ObjectRef, ...]) -> str:
    return ", ".join(str(ref) for ref in refs[:_SHOWN]) + _more(len(refs))


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""
