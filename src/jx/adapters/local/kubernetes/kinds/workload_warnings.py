"""What the real server warns of in workloads that it accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from jx.adapters.local.kubernetes.kinds.defaults import TEMPLATE_GENERATION
from jx.adapters.local.kubernetes.kinds.podspecs import warnings
from jx.adapters.local.kubernetes.types.facts import Gvk, Obj

Rule: TypeAlias = Callable[[Obj, Obj | None], list[str]]

_NAMED: Final = "this is used in Pod names and hostnames, which can result in surprising behavior"
_NEGATIVE_LIMIT: Final = (
    "spec.revisionHistoryLimit: a negative value retains all historical revisions;"
    " a value >= 0 is recommended"
)
_MOST_COMPLETIONS, _MOST_PARALLEL = 100_000, 10_000
_MANY_INDEXES: Final = (
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might"
    " not be able to track completedIndexes when a big number of indexes fail"
)


def of(gvk: Gvk, obj: Obj, old: Obj | None) -> list[str]:
    """The warnings for an object that is created (`old` is None) or updated."""
    rule = _KINDS.get((gvk[0], gvk[2]))
    return rule(obj, old) if rule else []


def _is_counted(obj: Obj, old: Obj | None) -> bool:
    return old is None or obj["metadata"].get("generation") != old["metadata"].get("generation")


def _name(obj: Obj, old: Obj | None) -> list[str]:
    return [] if old is not None else warnings.of_name(obj["metadata"].get("name") or "", _NAMED)


def _pod(obj: Obj, old: Obj | None) -> list[str]:
    return warnings.of_pod(obj) if old is None else []


def _replicated(obj: Obj, old: Obj | None) -> list[str]:
    if not _is_counted(obj, old):
        return []
    return [*_name(obj, old), *warnings.of_template((obj.get("spec") or {}).get("template"), "spec.template")]


def _pod_template(obj: Obj, old: Obj | None) -> list[str]:
    return warnings.of_template(obj.get("template"), "template") if _is_counted(obj, old) else []


def _daemon_set(obj: Obj, old: Obj | None) -> list[str]:
    after, before = ((one or {}).get("metadata", {}).get("annotations") or {} for one in (obj, old))
    if after.get(TEMPLATE_GENERATION) == before.get(TEMPLATE_GENERATION):
        return []
    return warnings.of_template((obj.get("spec") or {}).get("template"), "spec.template")


def _stateful_set(obj: Obj, old: Obj | None) -> list[str]:
    spec = obj.get("spec") or {}
    found = warnings.of_template(spec.get("template"), "spec.template") if _is_counted(obj, old) else []
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        path = f"spec.volumeClaimTemplates[{index}]{'' if old is None else '.Spec'}"
        found += warnings.of_claim(claim.get("spec") or {}, path)
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        found.append(_NEGATIVE_LIMIT)
    return found


def _job(obj: Obj, old: Obj | None) -> list[str]:
    if not _is_counted(obj, old):
        return []
    return [*_name(obj, old), *_job_spec(obj.get("spec") or {}, "spec")]


def _job_spec(spec: Obj, path: str) -> list[str]:
    found = []
    is_large = (spec.get("completions") or 0) > _MOST_COMPLETIONS
    if (
        spec.get("completionMode") == "Indexed"
        and is_large
        and (spec.get("parallelism") or 0) > _MOST_PARALLEL
    ):
        found.append(f"{path}: {_MANY_INDEXES}")
    return found + warnings.of_template(spec.get("template"), f"{path}.template")


def _cron_job(obj: Obj, old: Obj | None) -> list[str]:
    spec = obj.get("spec") or {}
    found = []
    if _is_counted(obj, old):
        template = (spec.get("jobTemplate") or {}).get("spec") or {}
        found = [*_name(obj, old), *_job_spec(template, "spec.jobTemplate.spec")]
    if old is not None and "TZ" in (spec.get("schedule") or ""):
        page = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"
        found.append(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see"
            f" {page} for more details"
        )
    return found


_KINDS: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {
        ("", "Pod"): _pod,
        ("", "PodTemplate"): _pod_template,
        ("", "ReplicationController"): _replicated,
        ("apps", "DaemonSet"): _daemon_set,
        ("apps", "Deployment"): _replicated,
        ("apps", "ReplicaSet"): _replicated,
        ("apps", "StatefulSet"): _stateful_set,
        ("batch", "CronJob"): _cron_job,
        ("batch", "Job"): _job,
    }
)
