"""References to fields and resources of the pod itself."""

import re
from collections.abc import Iterator
from typing import Final

from jx.adapters.local.kubernetes.kinds.podspecs import files
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names
from jx.adapters.local.kubernetes.words.invalid import FieldError

OF_VARIABLES: Final = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
OF_VOLUMES: Final = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_OF_PODS: Final = frozenset(
    {*OF_VARIABLES, *OF_VOLUMES, "spec.restartPolicy", "spec.schedulerName", "spec.host", "status.phase"}
)
_SUBSCRIPTED: Final = re.compile(r"(.+?)\['(.*)'\]")

_AMOUNTS: Final = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_HUGE_PAGES: Final = ("limits.hugepages-", "requests.hugepages-")
_SIZES: Final = (
    "1",
    *(f"1{unit}" for unit in ("k", "M", "G", "T", "P", "E")),
    *(f"1{unit}i" for unit in "KMGTPE"),
)


def field_mistakes(reference: Obj, supported: tuple[str, ...], path: str) -> Iterator[FieldError]:
    """A `fieldRef`."""
    field = reference.get("fieldPath") or ""
    if not reference.get("apiVersion"):
        yield invalid.required(f"{path}.apiVersion")
        return
    if not field:
        yield invalid.required(f"{path}.fieldPath")
        return
    problem = _field_problem(reference["apiVersion"], field)
    if problem:
        yield invalid.invalid(f"{path}.fieldPath", field, f"error converting fieldPath: {problem}")
        return
    found = _SUBSCRIPTED.fullmatch(field)
    if found:
        key = found[2].lower() if found[1] == "metadata.annotations" else found[2]
        for problem in names.label_key_problems(key):
            yield invalid.invalid(path, key, problem)
        return
    field = "spec.nodeName" if field == "spec.host" else field
    if field not in supported:
        yield invalid.unsupported(f"{path}.fieldPath", field, supported)


def _field_problem(version: str, field: str) -> str:
    if version != "v1":
        return f"unsupported pod version: {version}"
    found = _SUBSCRIPTED.fullmatch(field)
    if found:
        if found[1] in ("metadata.annotations", "metadata.labels"):
            return ""
        return f"field label does not support subscript: {field}"
    return "" if field in _OF_PODS else f"field label not supported: {field}"


def resource_mistakes(reference: Obj, path: str, *, in_volume: bool) -> Iterator[FieldError]:
    """A `resourceFieldRef`; in a volume it has to say of which container."""
    resource = reference.get("resource") or ""
    if in_volume and not reference.get("containerName"):
        yield invalid.required(f"{path}.containerName")
    elif not resource:
        yield invalid.required(f"{path}.resource")
    elif resource not in _AMOUNTS and not resource.startswith(_HUGE_PAGES):
        yield invalid.unsupported(f"{path}.resource", resource, _AMOUNTS)
    divisor = reference.get("divisor", "0")
    if divisor == "0":
        return
    supported, what = _divisors(resource)
    if supported and divisor not in supported:
        listed = " and ".join(supported) if len(supported) == 2 else ", ".join(supported)
        detail = f"only divisor's values {listed} are supported with the {what} resource"
        yield invalid.invalid(f"{path}.divisor", resource, detail)


def _divisors(resource: str) -> tuple[tuple[str, ...], str]:
    name = resource.partition(".")[2]
    if resource in _AMOUNTS and name == "cpu":
        return ("1m", "1"), "cpu"
    if resource in _AMOUNTS:
        return _SIZES, "local ephemeral storage" if name == "ephemeral-storage" else "memory"
    return (_SIZES, "hugepages") if resource.startswith(_HUGE_PAGES) else ((), "")


def file_mistakes(item: Obj, path: str) -> Iterator[FieldError]:
    """A field of the pod that becomes a file."""
    target = item.get("path") or ""
    if not target:
        yield invalid.required(f"{path}.path")
    yield from files.file_mistakes(target, f"{path}.path")
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if field is not None:
        yield from field_mistakes(field, OF_VOLUMES, f"{path}.fieldRef")
        if resource is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            yield invalid.invalid(path, "resource", detail)
    elif resource is not None:
        yield from resource_mistakes(resource, f"{path}.resourceFieldRef", in_volume=True)
    else:
        yield invalid.required(path, "one of fieldRef and resourceFieldRef is required")
    yield from files.mode_mistakes(item, "mode", path)
