"""What may stand in Jobs and CronJobs, and what may change of them. In the real server's words and order."""

import copy
import itertools
import re
import zoneinfo
from collections.abc import Iterator
from typing import Any, Final

from jx.adapters.local.kubernetes.kinds import object_rules
from jx.adapters.local.kubernetes.kinds.podspecs import specs
from jx.adapters.local.kubernetes.kinds.workload_rules import (
    immutable,
    matches,
    not_negative,
    printed_selector,
)
from jx.adapters.local.kubernetes.types import internal_types
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names, schedules
from jx.adapters.local.kubernetes.words.invalid import FieldError

_BATCH: Final = "io.k8s.api.batch.v1."
_SELECTOR: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"
_TEMPLATE: Final = "io.k8s.api.core.v1.PodTemplateSpec"
UID_LABEL: Final = "batch.kubernetes.io/controller-uid"
NAME_LABEL: Final = "batch.kubernetes.io/job-name"
OLD_UID_LABEL: Final = "controller-uid"
OLD_NAME_LABEL: Final = "job-name"
_MODES: Final = ("NonIndexed", "Indexed")
_ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS: Final = ("In", "NotIn")
_STATUSES: Final = ("False", "True", "Unknown")
_REPLACEMENTS: Final = ("Failed", "TerminatingOrFailed")
_CONCURRENCIES: Final = ("Allow", "Forbid", "Replace")
_MOST_RULES, _MOST_SUCCESS_RULES, _MOST_CODES, _MOST_PATTERNS = 20, 20, 255, 20
_MOST_PARALLEL: Final = 100_000
_LONGEST_MANAGER: Final = 63
_LONGEST_CRON_NAME: Final = 52
_PATH: Final = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_ZONE_PART: Final = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")


def job(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """Jobs; the real server looks at an update as it looks at a new one, and then once more."""
    spec = obj.get("spec") or {}
    yield from _generated_mistakes(obj, spec)
    yield from _whole_mistakes(spec)
    count = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and count > 0:
        host = f"{obj['metadata'].get('name') or ''}-{count - 1}"
        if names.label_problems(host):
            detail = f"will not able to create pod with invalid DNS label: {host}"
            yield invalid.invalid("metadata.name", obj["metadata"].get("name") or "", detail)
    if old is not None:
        yield from object_rules.metadata_mistakes(obj["metadata"])
        yield from _whole_mistakes(spec)
        yield from _changes(obj, old)


def _generated_mistakes(obj: Obj, spec: Obj) -> Iterator[FieldError]:
    """A job's pods are found by its own identity, unless its author takes that on."""
    selector = spec.get("selector")
    if spec.get("manualSelector") or selector is None:
        return
    uid, name = obj["metadata"].get("uid") or "", obj["metadata"].get("name") or ""
    expected = {OLD_UID_LABEL: uid, OLD_NAME_LABEL: name, UID_LABEL: uid, NAME_LABEL: name}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    path = "spec.template.metadata.labels"
    for key, value in expected.items():
        if key not in labels:
            yield invalid.required(f"{path}[{key}]", f"must be '{value}'")
        elif labels[key] != value:
            yield invalid.invalid(f"{path}[{key}]", labels[key], f"must be '{value}'")
    if matches(selector, expected) is False:
        yield invalid.invalid("spec.selector", printed_selector(selector), "`selector` not auto-generated")


def _whole_mistakes(spec: Obj) -> Iterator[FieldError]:
    yield from spec_mistakes(spec, "spec")
    selector = spec.get("selector")
    if selector is None:
        yield invalid.required("spec.selector")
    yield from object_rules.selector_mistakes(selector, "spec.selector")
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if matches(selector, labels) is False:
        detail = "`selector` does not match template `labels`"
        yield invalid.invalid("spec.template.metadata.labels", labels, detail)


def spec_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    """The mistakes of a job's spec, wherever it stands."""
    yield from not_negative(
        spec,
        path,
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    )
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield invalid.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if spec.get("managedBy") is not None:
        yield from _manager_mistakes(spec["managedBy"], f"{path}.managedBy")
    yield from _mode_mistakes(spec, path)
    if spec.get("podFailurePolicy") is not None:
        yield from _failure_mistakes(spec, f"{path}.podFailurePolicy")
    if spec.get("successPolicy") is not None:
        yield from _success_mistakes(spec, f"{path}.successPolicy")
    yield from _replacement_mistakes(spec, f"{path}.podReplacementPolicy")
    template = spec.get("template") or {}
    yield from specs.template_mistakes(template, f"{path}.template")
    yield from _restart_mistakes(spec, template, f"{path}.template.spec.restartPolicy")


def _restart_mistakes(spec: Obj, template: Obj, path: str) -> Iterator[FieldError]:
    restart = (template.get("spec") or {}).get("restartPolicy") or ""
    if restart in ("", "Always"):
        yield invalid.required(path, 'valid values: "OnFailure", "Never"')
    elif restart not in ("OnFailure", "Never"):
        yield invalid.unsupported(path, restart, ("OnFailure", "Never"))
    elif spec.get("podFailurePolicy") is not None and restart != "Never":
        detail = 'only "Never" is supported when podFailurePolicy is specified'
        yield invalid.invalid(path, restart, detail)


def _manager_mistakes(manager: str, path: str) -> Iterator[FieldError]:
    domain, _, rest = manager.partition("/")
    if not manager:
        yield invalid.required(path)
    elif not domain or not rest:
        yield invalid.invalid(path, manager, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        for problem in names.subdomain_problems(domain):
            yield invalid.invalid(path, domain, problem)
        if not re.fullmatch(_PATH, rest):
            yield invalid.invalid(path, rest, f"Invalid path (regex used for validation is '{_PATH}')")
    if len(manager) > _LONGEST_MANAGER:
        yield invalid.too_long(path, _LONGEST_MANAGER)


def _mode_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    mode, completions = spec.get("completionMode"), spec.get("completions")
    if mode is not None and mode not in _MODES:
        yield invalid.unsupported(f"{path}.completionMode", mode, _MODES)
    if mode == "Indexed":
        if completions is None:
            yield invalid.required(f"{path}.completions", "when completion mode is Indexed")
        yield from _most(
            spec, "parallelism", _MOST_PARALLEL, path, f"{_MOST_PARALLEL} when completion mode is Indexed"
        )
        if completions is not None:
            yield from _most(spec, "maxFailedIndexes", completions, path, "completions")
        yield from _most(spec, "maxFailedIndexes", _MOST_PARALLEL, path, str(_MOST_PARALLEL))
    if mode in (None, "NonIndexed"):
        for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(key) is not None:
                yield invalid.invalid(f"{path}.{key}", spec[key], "requires indexed completion mode")


def _most(spec: Obj, key: str, limit: int, path: str, what: str) -> Iterator[FieldError]:
    if spec.get(key) is not None and spec[key] > limit:
        yield invalid.invalid(f"{path}.{key}", spec[key], f"must be less than or equal to {what}")


def _quoted(values: tuple[str, ...]) -> str:
    return "[" + " ".join(f'"{value}"' for value in values) + "]"


def _failure_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    rules = spec["podFailurePolicy"].get("rules") or []
    own = (spec.get("template") or {}).get("spec") or {}
    known = {one.get("name") for key in ("containers", "initContainers") for one in own.get(key) or ()}
    if len(rules) > _MOST_RULES:
        yield invalid.too_many(f"{path}.rules", len(rules), _MOST_RULES)
    for index, rule in enumerate(rules):
        here, action = f"{path}.rules[{index}]", rule.get("action") or ""
        if not action:
            yield invalid.required(f"{here}.action", f"valid values: {_quoted(_ACTIONS)}")
        elif action == "FailIndex":
            if spec.get("backoffLimitPerIndex") is None:
                detail = "requires the backoffLimitPerIndex to be set"
                yield invalid.invalid(f"{here}.action", action, detail)
        elif action not in _ACTIONS:
            yield invalid.unsupported(f"{here}.action", action, _ACTIONS)
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
        if codes is not None:
            yield from _code_mistakes(codes, f"{here}.onExitCodes", known)
        yield from _condition_mistakes(conditions, f"{here}.onPodConditions")
        if codes is not None and conditions:
            yield _without_value(here, "specifying both OnExitCodes and OnPodConditions is not supported")
        if codes is None and not conditions:
            yield _without_value(here, "specifying one of OnExitCodes and OnPodConditions is required")


def _without_value(path: str, detail: str) -> FieldError:
    return FieldError(path, f"Invalid value: {detail}")


def _code_mistakes(codes: Obj, path: str, known: set[Any]) -> Iterator[FieldError]:
    operator, values = codes.get("operator") or "", codes.get("values") or []
    if not operator:
        yield invalid.required(f"{path}.operator", f"valid values: {_quoted(_OPERATORS)}")
    elif operator not in _OPERATORS:
        yield invalid.unsupported(f"{path}.operator", operator, _OPERATORS)
    container = codes.get("containerName")
    if container is not None and container not in known:
        detail = "must be one of the container or initContainer names in the pod template"
        yield invalid.invalid(f"{path}.containerName", container, detail)
    if not values:
        yield invalid.invalid(f"{path}.values", codes.get("values"), "at least one value is required")
    elif len(values) > _MOST_CODES:
        yield invalid.too_many(f"{path}.values", len(values), _MOST_CODES)
    for index, value in enumerate(values):
        here = f"{path}.values[{index}]"
        if operator == "In" and value == 0:
            yield invalid.invalid(here, value, "must not be 0 for the In operator")
        if value in values[:index]:
            yield invalid.duplicate(here, value)
    if any(left > right for left, right in itertools.pairwise(values)):
        yield invalid.invalid(f"{path}.values", values, "must be ordered")


def _condition_mistakes(conditions: list[Obj], path: str) -> Iterator[FieldError]:
    if len(conditions) > _MOST_PATTERNS:
        yield invalid.too_many(path, len(conditions), _MOST_PATTERNS)
    for index, condition in enumerate(conditions):
        here, kind = f"{path}[{index}]", condition.get("type") or ""
        status = condition.get("status") or ""
        for problem in names.label_key_problems(kind):
            yield invalid.invalid(f"{here}.type", kind, problem)
        if not status:
            yield invalid.required(f"{here}.status", f"valid values: {_quoted(_STATUSES)}")
        elif status not in _STATUSES:
            yield invalid.unsupported(f"{here}.status", status, _STATUSES)


def _success_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    if spec.get("completionMode") != "Indexed":
        shown = internal_types.printed(spec["successPolicy"], f"{_BATCH}SuccessPolicy")
        yield invalid.invalid(path, shown, "requires indexed completion mode")
        return
    rules, completions = spec["successPolicy"].get("rules") or [], spec.get("completions") or 0
    if not rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        yield invalid.required(f"{path}.rules", detail)
    if len(rules) > _MOST_SUCCESS_RULES:
        yield invalid.too_many(f"{path}.rules", len(rules), _MOST_SUCCESS_RULES)
    for index, rule in enumerate(rules):
        here, count, indexes = (
            f"{path}.rules[{index}]",
            rule.get("succeededCount"),
            rule.get("succeededIndexes"),
        )
        if count is None and indexes is None:
            detail = "at least one of succeededCount or succeededIndexes must be specified"
            yield invalid.required(here, detail)
        total = 0
        try:
            total = count_indexes(indexes or "", completions)
        except ValueError as error:
            detail = f"error parsing succeededIndexes: {error}"
            yield invalid.invalid(f"{here}.succeededIndexes", indexes, detail)
        if count is None:
            continue
        yield from not_negative(rule, here, "succeededCount")
        for limit, what in (
            (completions, "specified completions"),
            (total if indexes is not None else count, "indexes in the specified succeededIndexes field"),
        ):
            if count > limit:
                detail = f"must be less than or equal to {limit} (the number of {what})"
                yield invalid.invalid(f"{here}.succeededCount", count, detail)


def count_indexes(text: str, completions: int) -> int:
    """How many indexes `1,3-5` are; raises ValueError, with the real server's text, where it cannot be read."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        first, end = _interval(part, completions)
        if last >= first:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        total += end - first + 1
        last = end
    return total


def _interval(part: str, completions: int) -> tuple[int, int]:
    limits = part.split("-")
    if len(limits) > 2:
        detail = "violates the requirement that an index interval can have at most two parts separated by '-'"
        raise ValueError(f'the fragment "{part}" {detail}')
    found = []
    for limit in limits:
        if not re.fullmatch(r"[-+]?\d+", limit):
            raise ValueError(f'cannot convert string to integer for index: "{limit}"')
        if int(limit) >= completions:
            raise ValueError(f'too large index: "{limit}"')
        found.append(int(limit))
    if len(found) > 1 and found[0] >= found[1]:
        raise ValueError(f"non-increasing order, previous: {found[0]}, current: {found[1]}")
    return found[0], found[-1]


def _replacement_mistakes(spec: Obj, path: str) -> Iterator[FieldError]:
    policy = spec.get("podReplacementPolicy")
    supported = ("Failed",) if spec.get("podFailurePolicy") is not None else _REPLACEMENTS
    if policy is not None and policy not in supported:
        yield invalid.unsupported(path, policy, supported)


def _changes(obj: Obj, old: Obj) -> Iterator[FieldError]:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    if spec.get("completionMode") != "Indexed":
        yield from immutable(obj, old, "spec.completions")
    elif spec.get("completions") not in (None, before.get("completions"), spec.get("parallelism")):
        detail = "can only be modified in tandem with spec.parallelism"
        yield invalid.invalid("spec.completions", spec["completions"], detail)
    yield from immutable(obj, old, "spec.selector", _SELECTOR)
    yield from _template_changes(spec, before, old.get("status") or {})
    yield from immutable(obj, old, "spec.completionMode")
    yield from immutable(obj, old, "spec.podFailurePolicy", f"{_BATCH}PodFailurePolicy")
    for key in ("backoffLimitPerIndex", "managedBy"):
        yield from immutable(obj, old, f"spec.{key}")
    yield from immutable(obj, old, "spec.successPolicy", f"{_BATCH}SuccessPolicy")


_SCHEDULING: Final = ("nodeSelector", "tolerations", "schedulingGates")


def _template_changes(spec: Obj, before: Obj, status: Obj) -> Iterator[FieldError]:
    after, was = spec.get("template") or {}, copy.deepcopy(before.get("template") or {})
    conditions = status.get("conditions") or ()
    is_suspended = any(one["type"] == "Suspended" and one["status"] == "True" for one in conditions)
    is_idle = (not status.get("startTime") or is_suspended) and not status.get("active")
    may_move = bool(before.get("suspend")) and is_idle
    if may_move:
        _take_scheduling(was, after)
    if before.get("suspend") and may_move:
        pod, old_pod = after.get("spec") or {}, was.get("spec") or {}
        _take_resources(old_pod, pod)
        if pod != old_pod:
            shown = internal_types.printed(pod, "io.k8s.api.core.v1.PodSpec")
            yield invalid.invalid("spec.template.spec", shown, invalid.IMMUTABLE)
    elif after != was:
        yield invalid.invalid("spec.template", internal_types.printed(after, _TEMPLATE), invalid.IMMUTABLE)


def _take_scheduling(was: Obj, after: Obj) -> None:
    """A suspended job may still be told where to run."""
    pod, old_pod = after.get("spec") or {}, was.setdefault("spec", {})
    for key in _SCHEDULING:
        _take(old_pod, pod, key)
    nodes = (pod.get("affinity") or {}).get("nodeAffinity")
    affinity = {key: value for key, value in (old_pod.get("affinity") or {}).items() if key != "nodeAffinity"}
    if nodes is not None:
        affinity["nodeAffinity"] = nodes
    if affinity or "affinity" in pod:
        old_pod["affinity"] = affinity
    else:
        old_pod.pop("affinity", None)
    for key in ("annotations", "labels"):
        _take(was.setdefault("metadata", {}), after.get("metadata") or {}, key)


def _take_resources(old_pod: Obj, pod: Obj) -> None:
    for key in ("containers", "initContainers"):
        now, then = pod.get(key) or [], old_pod.get(key) or []
        if len(now) == len(then):
            for container, old in zip(now, then, strict=True):
                if container.get("name") == old.get("name"):
                    _take(old, container, "resources")


def _take(target: Obj, source: Obj, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)


def cron_job(obj: Obj, old: Obj | None) -> Iterator[FieldError]:
    """CronJobs."""
    spec, before = obj.get("spec") or {}, (old or {}).get("spec") or {}
    yield from _schedule_mistakes(spec, before)
    yield from not_negative(spec, "spec", "startingDeadlineSeconds")
    if old is None or spec.get("timeZone") != before.get("timeZone"):
        yield from _zone_mistakes(spec.get("timeZone"))
    concurrency = spec.get("concurrencyPolicy") or ""
    if concurrency not in _CONCURRENCIES:
        yield invalid.unsupported("spec.concurrencyPolicy", concurrency, _CONCURRENCIES)
    template = (spec.get("jobTemplate") or {}).get("spec") or {}
    path = "spec.jobTemplate.spec"
    yield from spec_mistakes(template, path)
    if template.get("selector") is not None:
        detail = "`selector` will be auto-generated"
        yield invalid.invalid(f"{path}.selector", printed_selector(template["selector"]), detail)
    if template.get("manualSelector"):
        yield invalid.unsupported(f"{path}.manualSelector", value=True, supported=("nil", "false"))
    yield from not_negative(spec, "spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    name = obj["metadata"].get("name") or ""
    if old is None and len(name) > _LONGEST_CRON_NAME:
        detail = f"must be no more than {_LONGEST_CRON_NAME} characters"
        yield invalid.invalid("metadata.name", name, detail)


def _schedule_mistakes(spec: Obj, before: Obj) -> Iterator[FieldError]:
    path, schedule = "spec.schedule", spec.get("schedule") or ""
    if not schedule:
        yield invalid.required(path)
        return
    try:
        schedules.parse_schedule(schedule)
    except schedules.ScheduleError as error:
        yield invalid.invalid(path, schedule, str(error))
    if "TZ" not in schedule:
        return
    if "TZ" not in (before.get("schedule") or ""):
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield invalid.invalid(path, schedule, detail)
    elif spec.get("timeZone") is not None:
        detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        yield invalid.invalid(path, schedule, detail)


def _zone_mistakes(zone: str | None) -> Iterator[FieldError]:
    path, unknown = "spec.timeZone", f"unknown time zone {zone}"
    if zone is None:
        return
    if not zone:
        yield invalid.invalid(path, zone, "timeZone must be nil or non-empty string")
        return
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not _ZONE_PART.fullmatch(part):
            yield invalid.invalid(path, zone, unknown)
            return
    if zone.lower() == "local":
        detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        yield invalid.invalid(path, zone, detail)
    if zone not in ("UTC", "Local") and not _is_zone(zone):
        yield invalid.invalid(path, zone, unknown)


def _is_zone(zone: str) -> bool:
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
