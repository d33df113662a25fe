"""What the server itself writes into objects: names, uids, times, generations; and what callers may not change there."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.definitions import definition_names
from jx.adapters.local.kubernetes.errors import STALE, ApiError, bad_request, conflict
from jx.adapters.local.kubernetes.kinds import object_rules
from jx.adapters.local.kubernetes.kinds.defaults import GENERATED_LENGTH
from jx.adapters.local.kubernetes.types import decoding
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, quantities
from jx.adapters.local.kubernetes.words.invalid import FieldError
from jx.adapters.local.kubernetes.writes import customs

_RANDOM_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_EXTENSIONS = "apiextensions.k8s.io"
_LONGEST_GENERATED = 63 - GENERATED_LENGTH

# OpenAPI does not tell which built-in kinds count the changes of their specification; these do.
_COUNTED_WHEN_CHANGED = frozenset({("storage.k8s.io", "CSIDriver")})
_NEVER_CHANGED = frozenset({("scheduling.k8s.io", "PriorityClass")})
_COUNTED = frozenset(
    {
        ("", "Pod"),
        ("", "PodTemplate"),
        ("", "ReplicationController"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("batch", "CronJob"),
        ("batch", "Job"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        ("networking.k8s.io", "Ingress"),
        ("networking.k8s.io", "IngressClass"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("policy", "PodDisruptionBudget"),
        ("scheduling.k8s.io", "PriorityClass"),
    }
)

# Outside of metadata and status, the parts that count as the specification of kinds that have no `spec`.
_NO_SPECIFICATION = frozenset({"apiVersion", "kind", "metadata", "status"})

# Updates of these must name the revision they are based on.
_CONDITIONAL = frozenset(
    {
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("coordination.k8s.io", "Lease"),
        ("coordination.k8s.io", "LeaseCandidate"),
        ("node.k8s.io", "RuntimeClass"),
        ("policy", "PodDisruptionBudget"),
        ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "CSINode"),
        ("storage.k8s.io", "CSIStorageCapacity"),
        ("storage.k8s.io", "VolumeAttachment"),
        ("storagemigration.k8s.io", "StorageVersionMigration"),
    }
)

# The real server keeps these under other names than their own.
_STORED_AS = {
    ("", "endpoints"): "services/endpoints",
    ("", "nodes"): "minions",
    ("", "replicationcontrollers"): "controllers",
    ("", "services"): "services/specs",
    ("networking.k8s.io", "ingresses"): "ingress",
}
_EXTENSIONS = "apiextensions.k8s.io"

# An update makes these, where they are missing.
_MADE_BY_UPDATE = frozenset(
    {
        ("", "Endpoints"),
        ("", "Event"),
        ("", "LimitRange"),
        ("", "Service"),
        ("coordination.k8s.io", "Lease"),
        ("coordination.k8s.io", "LeaseCandidate"),
        ("events.k8s.io", "Event"),
        ("node.k8s.io", "RuntimeClass"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
    }
)


def timestamp(now: datetime) -> str:
    """Kubernetes' form of a time, in seconds."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def generated_name(prefix: str) -> str:
    """A name for `generateName`; the caller tries again where it is taken."""
    return prefix[:_LONGEST_GENERATED] + "".join(
        secrets.choice(_RANDOM_LETTERS) for _ in range(GENERATED_LENGTH)
    )


def check_identity(request: Request, obj: Obj) -> None:
    """Refuse an object that is not of the kind, namespace or name that the path says."""
    resource = request.served.resource
    if request.served.custom is None:
        _check_kind(request, obj)
    else:
        customs.check_identity(request, obj)
    if resource.namespaced and (obj["metadata"].get("namespace") or "") not in ("", request.namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    name = obj["metadata"].get("name") or ""
    if request.name and not name:
        raise bad_request(
            f"the name of the object ({request.name} based on URL) was undeterminable: name must be provided"
        )
    if request.name and name != request.name:
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({request.name})"
        )


def _check_kind(request: Request, obj: Obj) -> None:
    try:
        decoding.check_kind(request.served.gvk, obj)
    except decoding.Malformed as error:
        raise bad_request(str(error)) from error


def prepare_create(request: Request, obj: Obj, now: str) -> Obj:
    """The object as it will first be stored, before defaults and managers."""
    served = request.served
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_WRITTEN}
    if served.resource.namespaced:
        metadata["namespace"] = request.namespace
    else:
        metadata.pop("namespace", None)
    metadata["name"] = request.name
    metadata["uid"] = request.draft.uid if request.draft else str(uuid.uuid4())
    metadata["creationTimestamp"] = now
    if _counts(request):
        metadata["generation"] = 1
    elif generation := obj["metadata"].get("generation"):
        metadata["generation"] = generation
    created = {**obj, "metadata": metadata}
    if served.has_status and served.resource.kind != "Node":
        created.pop("status", None)
    return _with_stored_version(request, created)


def _with_stored_version(request: Request, obj: Obj) -> Obj:
    if request.served.collection == definition_names.DEFINITIONS:
        return definition_names.with_stored_version(obj)
    return obj


_SERVER_WRITTEN = frozenset(
    {
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    }
)


def without_link(obj: Obj) -> Obj:
    """The object as it is stored: admission still sees the `selfLink` that a request brought, the store never keeps one."""
    if "selfLink" not in obj["metadata"]:
        return obj
    kept = {key: value for key, value in obj["metadata"].items() if key != "selfLink"}
    return {**obj, "metadata": kept}


def check_preconditions(request: Request, old: Obj, new: Obj) -> None:
    """409 where an update is meant for an older state of the object."""
    resource = request.served.resource
    metadata, live = new["metadata"], old["metadata"]
    revision = metadata.get("resourceVersion") or ""
    if revision and not revision.isdigit():
        raise ApiError(500, "", f'strconv.ParseUint: parsing "{revision}": invalid syntax')
    if revision in ("", "0") and (request.served.custom or (resource.group, resource.kind) in _CONDITIONAL):
        mistake = invalid.invalid("metadata.resourceVersion", 0, "must be specified for an update")
        raise invalid_fields(request, [mistake], kind=resource.plural)
    if revision not in ("", "0", live["resourceVersion"]):
        raise conflict(resource.group, resource.plural, request.name, STALE)


def check_uid(request: Request, old: Obj, new: Obj) -> None:
    """409 where an update is meant for another object of that name."""
    uid, live = new["metadata"].get("uid"), old["metadata"]["uid"]
    if uid and uid != live:
        raise uid_conflict(request, uid, live)


def is_made_by_update(request: Request) -> bool:
    """Whether an update makes the object where it is missing."""
    resource = request.served.resource
    return not request.subresource and (resource.group, resource.kind) in _MADE_BY_UPDATE


def check_unborn_update(request: Request, obj: Obj) -> None:
    """409 where an update is meant for an object that is no longer there."""
    if uid := obj["metadata"].get("uid"):
        raise uid_conflict(request, uid, "")


def check_unborn(obj: Obj) -> None:
    """500, as the real server has it, for a create that says which state it is based on."""
    revision = obj["metadata"].get("resourceVersion") or ""
    if revision.isdigit() and int(revision):
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")


def uid_conflict(request: Request, wanted: str, live: str) -> ApiError:
    resource = request.served.resource
    kind = _STORED_AS.get((resource.group, resource.plural), resource.plural)
    group = resource.group if request.served.custom or resource.group == _EXTENSIONS else ""
    place = "/".join(part for part in ("/registry", group, kind, *request.key) if part)
    why = (
        f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {live}"
    )
    return conflict(resource.group, resource.plural, request.name, why)


def prepare_update(request: Request, old: Obj, new: Obj) -> Obj:
    """The new object with everything that this (sub)resource may not change taken from the old one."""
    metadata = dict(new["metadata"])
    live = old["metadata"]
    for key in _KEPT:
        if key in live:
            metadata[key] = live[key]
        else:
            metadata.pop(key, None)
    updated = {**new, "metadata": metadata}
    if request.subresource == "status":
        return _only_status(request, old, updated)
    if request.served.has_status:
        _keep(updated, old, "status")
    if request.served.collection == ("", "namespaces") and request.subresource != "finalize":
        _keep(updated, old, "spec")
    if _counts_on(request) and _specification_changed(request, old, updated):
        metadata["generation"] = live.get("generation", 0) + 1
    return _with_stored_version(request, updated)


_KEPT = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def _only_status(request: Request, old: Obj, new: Obj) -> Obj:
    merged = dict(old)
    _keep(merged, new, "status")
    metadata = new["metadata"]
    if request.served.custom:
        metadata = {**old["metadata"]}
        _keep(metadata, new["metadata"], "managedFields")
    elif request.served.resource.kind not in ("Node", "Namespace", "Pod"):
        metadata = {**metadata}
        _keep(metadata, old["metadata"], "labels")
    return {**merged, "apiVersion": new["apiVersion"], "metadata": metadata}


def _keep(target: Obj, source: Obj, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)


def _counts(request: Request) -> bool:
    if request.subresource == "binding":  # where a pod runs is no wish of its author's
        return False
    resource = request.served.resource
    return request.served.custom is not None or (resource.group, resource.kind) in _COUNTED


def _counts_on(request: Request) -> bool:
    kind = (request.served.resource.group, request.served.resource.kind)
    return kind in _COUNTED_WHEN_CHANGED or (_counts(request) and kind not in _NEVER_CHANGED)


def _specification_changed(request: Request, old: Obj, new: Obj) -> bool:
    ignored = _NO_SPECIFICATION
    if request.served.custom and not request.served.custom.status:
        ignored = ignored - {"status"}
    keys = (old.keys() | new.keys()) - ignored
    if any(old.get(key) != new.get(key) for key in keys):
        return True
    # A Deployment's annotations are passed on to its ReplicaSets.
    is_passed = (request.served.resource.group, request.served.resource.kind) == ("apps", "Deployment")
    return is_passed and old["metadata"].get("annotations") != new["metadata"].get("annotations")


def is_noop(old: Obj, new: Obj) -> bool:
    """Whether a write would change nothing but the times of managers; then it keeps the old revision."""
    if _untimed(old) != _untimed(new):
        return False
    mine, live = new["metadata"], old["metadata"]
    if any(mine.get(key) != live.get(key) for key in mine.keys() | live.keys() if key != "managedFields"):
        return False
    keys = (old.keys() | new.keys()) - {"metadata", "apiVersion"}
    return all(old.get(key) == new.get(key) for key in keys)


def _untimed(obj: Obj) -> list[Obj]:
    entries = obj["metadata"].get("managedFields") or []
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]


def check_update(request: Request, old: Obj, new: Obj, sent: Obj) -> list[FieldError]:
    """Mistakes in the metadata of an update; `sent` is what the caller wants, before what must stay was put back.

    The real server looks at metadata for all kinds alike, and then again by the rules of the kind. Both looks are told.
    """
    metadata, before = new["metadata"], old["metadata"]
    labels = list(object_rules.metadata_mistakes({**metadata, "finalizers": ()}))
    names = list(object_rules.finalizer_form_mistakes(metadata))
    finalizers = [] if _is_extension(request) else list(object_rules.finalizer_mistakes(metadata))
    kept = [*_added_finalizers(before, metadata), *_sealed_mistakes(before, sent["metadata"]), *labels]
    errors = [*labels, *names, *kept, *kept, *finalizers]
    if (request.served.resource.group, request.served.resource.kind) in object_rules.CHECKED_WHOLE:
        errors += [*labels, *names, *finalizers]
    return errors


def _sealed_mistakes(before: Obj, sent: Obj) -> Iterator[FieldError]:
    for key in ("uid", "deletionTimestamp", "deletionGracePeriodSeconds"):
        value = sent.get(key)
        is_kept = key == "deletionTimestamp" and key in before
        if value is not None and value != before.get(key) and not is_kept:
            yield invalid.invalid(f"metadata.{key}", value, invalid.IMMUTABLE)


def _added_finalizers(before: Obj, after: Obj) -> Iterator[FieldError]:
    if "deletionTimestamp" not in before:
        return
    added = set(after.get("finalizers") or ()) - set(before.get("finalizers") or ())
    if added:
        listed = ", ".join(f'"{name}"' for name in sorted(added))
        detail = (
            "no new finalizers can be added if the object is being deleted,"
            f" found new finalizers []string{{{listed}}}"
        )
        yield invalid.forbidden("metadata.finalizers", detail)


def check_create(request: Request, obj: Obj) -> list[FieldError]:
    """Mistakes in the metadata of a new object."""
    metadata, gvk = obj["metadata"], request.served.gvk
    errors: list[FieldError] = []
    if prefix := metadata.get("generateName"):
        problems = object_rules.name_problems(gvk, prefix.removesuffix("-"))
        errors += [invalid.invalid("metadata.generateName", prefix, problem) for problem in problems]
    name = metadata.get("name") or ""
    if name:
        problems = object_rules.name_problems(gvk, name)
        errors += [invalid.invalid("metadata.name", name, problem) for problem in problems]
    else:
        errors.append(invalid.required("metadata.name", "name or generateName is required"))
    errors += object_rules.metadata_mistakes({**metadata, "finalizers": ()})
    errors += object_rules.finalizer_form_mistakes(metadata)
    return errors if _is_extension(request) else [*errors, *object_rules.finalizer_mistakes(metadata)]


def _is_extension(request: Request) -> bool:
    """Of definitions and custom resources nobody asks whose a finalizer is."""
    return request.served.custom is not None or request.served.resource.group == _EXTENSIONS


def invalid_fields(request: Request, errors: list[FieldError], kind: str = "") -> ApiError:
    """The 422 for wrong fields, as the real server words it; `kind` where it is not the object's own."""
    resource = request.served.resource
    return invalid_of(kind or resource.kind, resource.group, request.name, errors)


def invalid_of(kind: str, group: str, name: str, errors: list[FieldError]) -> ApiError:
    """The 422 for wrong fields of an object of that kind."""
    subject = f"{kind}.{group}" if group else kind
    texts = list(dict.fromkeys(str(error) for error in errors))
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {
        "name": name,
        "group": group,
        "kind": kind,
        "causes": [{"reason": e.reason, "message": e.message, "field": e.path} for e in errors],
    }
    details = {key: value for key, value in details.items() if value}
    return ApiError(422, "Invalid", f'{subject} "{name}" is invalid: {text}', details)


def with_first_status(request: Request, obj: Obj) -> Obj:
    """The object with the status that its kind is born with."""
    match (request.served.resource.group, request.served.resource.kind):
        case ("", "Pod"):
            obj["status"] = {"phase": "Pending", "qosClass": _quality(obj["spec"])}
            if obj["spec"].get("schedulingGates"):
                obj["status"]["conditions"] = [_gated(obj["metadata"]["creationTimestamp"])]
        case ("", "Namespace"):
            given = (obj.get("spec") or {}).get("finalizers") or []
            own = [] if "kubernetes" in given else ["kubernetes"]
            obj["spec"] = {"finalizers": [*given, *own]}
            obj["status"] = {"phase": "Active"}
            labels = obj["metadata"].get("labels") or {}
            obj["metadata"]["labels"] = {**labels, "kubernetes.io/metadata.name": obj["metadata"]["name"]}
        case ("", "PersistentVolume"):
            made = obj["metadata"]["creationTimestamp"]
            obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": made}
        case ("", "PersistentVolumeClaim"):
            obj["status"] = {"phase": "Pending"}
        case _:
            pass
    return obj


def _gated(now: str) -> Obj:
    return {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }


def _quality(spec: Obj) -> str:
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    resources = [container.get("resources") or {} for container in containers]
    if spec.get("resources") is not None:
        resources = [spec["resources"]]
    kept = [{kind: _computed(part.get(kind)) for kind in ("requests", "limits")} for part in resources]
    if not any(part["requests"] or part["limits"] for part in kept):
        return "BestEffort"
    if any(part["limits"].keys() != _COMPUTED for part in kept):
        return "Burstable"
    requests, limits = ([part[kind] for part in kept] for kind in ("requests", "limits"))
    totals = [
        {name: sum(one.get(name, 0) for one in parts) for name in _COMPUTED} for parts in (requests, limits)
    ]
    return "Guaranteed" if totals[0] == totals[1] else "Burstable"


_COMPUTED = frozenset({"cpu", "memory"})


def _computed(resources: Obj | None) -> dict[str, Decimal]:
    """The amounts that count for the quality of a pod."""
    found = {name: quantities.parse(text) for name, text in (resources or {}).items() if name in _COMPUTED}
    return {name: amount for name, amount in found.items() if amount > 0}
