"""How much containers and pods ask for, and may have."""

from collections.abc import Iterable, Iterator
from typing import Final

from jx.adapters.local.kubernetes.kinds.podspecs.context import Context
from jx.adapters.local.kubernetes.types.amounts import of_containers, parsed, shown
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import invalid, names, quantities
from jx.adapters.local.kubernetes.words.invalid import FieldError

_HUGE: Final = "hugepages-"
_NATIVE: Final = "kubernetes.io/"
_REQUESTS: Final = "requests."
_CONTAINER: Final = frozenset({"cpu", "memory", "ephemeral-storage"})
_STANDARD: Final = frozenset(
    {
        *_CONTAINER,
        *(f"{kind}.{name}" for kind in ("requests", "limits") for name in _CONTAINER),
        "configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "requests.storage",
        "resourcequotas", "secrets", "services", "services.loadbalancers", "services.nodeports", "storage",
    }
)  # fmt: skip
_POD_LEVEL: Final = ("cpu", "memory")


def mistakes(resources: Obj, path: str, around: Context, *, of_pod: bool = False) -> Iterator[FieldError]:
    """The mistakes of `resources`, of a container or of a whole pod."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, amount in sorted(limits.items()):
        yield from _amount_mistakes(name, amount, f"{path}.limits[{name}]", of_pod=of_pod)
        yield from _huge_mistakes(name, amount, f"{path}.limits[{name}]")
    for name, amount in sorted(requests.items()):
        yield from _amount_mistakes(name, amount, f"{path}.requests[{name}]", of_pod=of_pod)
        yield from _limit_mistakes(name, amount, limits.get(name), path)
        yield from _huge_mistakes(name, amount, f"{path}.requests[{name}]")
    named = {*limits, *requests}
    if any(name.startswith(_HUGE) for name in named) and not named & {*_POD_LEVEL}:
        yield invalid.forbidden(path, "HugePages require cpu or memory")
    yield from _claim_mistakes(resources.get("claims") or (), f"{path}.claims", around)


def is_extended(name: str) -> bool:
    """Whether a resource is one that somebody has added to nodes, such as a device."""
    if "/" not in name or _NATIVE in name or name.startswith(_REQUESTS):
        return False
    return not names.label_key_problems(_REQUESTS + name)


def _amount_mistakes(name: str, amount: str, path: str, *, of_pod: bool) -> Iterator[FieldError]:
    problems = list(_name_problems(name, of_pod=of_pod))
    for problem in problems:
        yield invalid.invalid(path, name, problem)
    if of_pod and not problems and name not in _POD_LEVEL and not name.startswith(_HUGE):
        yield invalid.unsupported(path, name, ("cpu", _HUGE, "memory"))
    value = quantities.parse(amount)
    if value < 0:
        yield invalid.invalid(path, amount, "must be greater than or equal to 0")
    if is_extended(name) and value % 1:
        yield invalid.invalid(path, amount, "must be an integer")


def _name_problems(name: str, *, of_pod: bool) -> Iterator[str]:
    qualified = names.label_key_problems(name)
    yield from qualified
    if not qualified and "/" not in name and name not in _STANDARD and not _is_huge(name):
        yield "must be a standard resource type or fully qualified"
    if of_pod:
        return
    if "/" not in name:
        if name not in _CONTAINER and not name.startswith(_HUGE):
            yield "must be a standard resource for containers"
    elif _NATIVE not in name and not is_extended(name):
        yield "doesn't follow extended resource name standard"


def _is_huge(name: str) -> bool:
    return name.startswith((_HUGE, _REQUESTS + _HUGE))


def _limit_mistakes(name: str, amount: str, limit: str | None, path: str) -> Iterator[FieldError]:
    exactly = name.startswith(_HUGE) or ("/" in name and _NATIVE not in name)
    if limit is None:
        if exactly:
            yield invalid.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
        return
    wanted, most = quantities.parse(amount), quantities.parse(limit)
    if exactly and wanted != most:
        yield invalid.invalid(f"{path}.requests", amount, f"must be equal to {name} limit of {limit}")
    elif wanted > most:
        detail = f"must be less than or equal to {name} limit of {limit}"
        yield invalid.invalid(f"{path}.requests", amount, detail)


def _huge_mistakes(name: str, amount: str, path: str) -> Iterator[FieldError]:
    if not name.startswith(_HUGE):
        return
    try:
        size = quantities.parse(name.removeprefix(_HUGE))
    except ValueError:
        size = quantities.parse("0")
    if size <= 0 or size % 1 or quantities.parse(amount) % size:
        yield invalid.invalid(path, amount, f"{amount} is not positive integer multiple of {name}")


def _claim_mistakes(claims: Iterable[Obj], path: str, around: Context) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, claim in enumerate(claims):
        here, name, part = f"{path}[{index}]", claim.get("name") or "", claim.get("request") or ""
        key = f"{name}/{part}" if part else name
        if not name:
            yield invalid.required(here)
        elif name in taken or key in taken or (not part and any(one.startswith(f"{name}/") for one in taken)):
            yield invalid.duplicate(here, key)
        taken.add(key)
        if name not in around.claims:
            listed = ": " + ", ".join(sorted(around.claims)) if around.claims else " which is empty"
            error = invalid.not_found(here, name)
            detail = f"must be one of the names in pod.spec.resourceClaims{listed}"
            yield FieldError(here, f"{error.message}: {detail}", error.reason)


def pod_mistakes(spec: Obj, path: str, around: Context) -> Iterator[FieldError]:
    """The mistakes of what a pod asks for as a whole."""
    resources, here = spec.get("resources"), f"{path}.resources"
    if resources is None:
        return
    if around.os == "windows":
        yield invalid.forbidden(here, "may not be set for a windows pod")
        return
    if resources.get("claims"):
        yield invalid.forbidden(f"{here}.claims", "claims may not be set for Resources at pod-level")
    yield from mistakes(resources, here, around, of_pod=True)
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for name, total in sorted(of_containers(spec, "requests").items()):
        if name in requests and total > quantities.parse(requests[name]):
            detail = f"must be greater than or equal to aggregate container requests of {shown(total, requests[name])}"
            yield invalid.invalid(f"{here}.requests[{name}]", requests[name], detail)
    for index, container in enumerate(spec.get("containers") or ()):
        own = (container.get("resources") or {}).get("limits") or {}
        for name, most in sorted(parsed(own).items()):
            if name in limits and most > quantities.parse(limits[name]):
                where = f"{here}.containers[{index}][{name}].limits"
                detail = f"must be less than or equal to pod limits of {limits[name]}"
                yield invalid.invalid(where, own[name], detail)
