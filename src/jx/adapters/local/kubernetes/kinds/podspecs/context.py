"""What the parts of a pod's spec must know of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jx.adapters.local.kubernetes.types.facts import Obj

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")
"""All lists of containers, in the order in which the real server goes through them."""


@dataclass(frozen=True)
class Context:
    """Facts of one pod's spec. `volumes` are the ones without a mistake; `name` is "" in a template."""

    volumes: Mapping[str, Obj]
    claims: frozenset[str]
    grace_seconds: int | None
    restart_policy: str
    has_host_users: bool
    os: str
    name: str
    is_pod: bool


def of_spec(spec: Obj, volumes: Mapping[str, Obj], *, name: str, is_pod: bool) -> Context:
    """The context of a spec."""
    return Context(
        volumes=volumes,
        claims=frozenset(one["name"] for one in spec.get("resourceClaims") or () if one.get("name")),
        grace_seconds=spec.get("terminationGracePeriodSeconds"),
        restart_policy=spec.get("restartPolicy") or "",
        has_host_users=spec.get("hostUsers") is not False,
        os=(spec.get("os") or {}).get("name") or "",
        name=name,
        is_pod=is_pod,
    )


def containers(spec: Obj, path: str) -> Iterator[tuple[Obj, str]]:
    """All containers of a spec with their paths."""
    for key in CONTAINER_LISTS:
        for index, container in enumerate(spec.get(key) or ()):
            yield container, f"{path}.{key}[{index}]"


def text(value: Any) -> str:
    """A text that may be missing."""
    return value or ""
