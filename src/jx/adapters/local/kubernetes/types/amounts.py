"""How much pods and claims ask for, resource by resource."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias

from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import quantities

Amounts: TypeAlias = dict[str, Decimal]


def parsed(source: Mapping[str, str] | None) -> Amounts:
    """The amounts of a resource list."""
    return {name: quantities.parse(text) for name, text in (source or {}).items()}


def added(left: Mapping[str, Decimal], right: Mapping[str, Decimal], *, sign: int = 1) -> Amounts:
    """The sum, or with `sign=-1` the difference."""
    return {
        name: left.get(name, Decimal(0)) + sign * right.get(name, Decimal(0))
        for name in dict.fromkeys((*left, *right))
    }


def shown(amount: Decimal, like: str) -> str:
    """An amount as the server writes it, in thousands or in powers of 1024 as another one is written."""
    if like.endswith("i") and amount:
        return quantities.canonical(f"{amount / 1024:f}Ki")
    return quantities.canonical(f"{amount:f}")


def of_pod(pod: Obj, kind: str) -> Amounts:
    """The `requests` or `limits` of a whole pod: its containers together, or more where it takes that to begin."""
    spec = pod.get("spec") or {}
    total = of_containers(spec, kind)
    overhead = parsed(spec.get("overhead"))
    whole = parsed((spec.get("resources") or {}).get(kind))
    return added({**total, **whole}, overhead) if overhead else {**total, **whole}


def of_containers(spec: Obj, kind: str) -> Amounts:
    """What the containers of a pod's spec ask for (or may have), as `of_pod`."""
    total = _total(spec.get("containers") or (), kind)
    sidecars: Amounts = {}
    most: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = parsed((container.get("resources") or {}).get(kind))
        if container.get("restartPolicy") == "Always":
            total, sidecars = added(total, own), added(sidecars, own)
            own = sidecars
        else:
            own = added(own, sidecars)
        most = _combined(most, own, max)
    return _combined(total, most, max)


def _total(containers: Iterable[Obj], kind: str) -> Amounts:
    total: Amounts = {}
    for container in containers:
        total = added(total, parsed((container.get("resources") or {}).get(kind)))
    return total


def _combined(left: Amounts, right: Amounts, choose: Callable[[Decimal, Decimal], Decimal]) -> Amounts:
    return {
        name: choose(left.get(name, Decimal(0)), right.get(name, Decimal(0)))
        for name in dict.fromkeys((*left, *right))
    }
