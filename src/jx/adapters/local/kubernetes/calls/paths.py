"""What a URL of the API means."""

from __future__ import annotations

from dataclasses import dataclass, replace

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Target:
    """The resource, object or subresource that a path names."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    is_watch: bool = False
    """Whether the path itself asks for a watch, as paths once did."""


def parse(path: str) -> Target | None:
    """The target of a path below /api/v1 or /apis/group/version; None for any other path."""
    segments = path.strip("/").split("/")
    if segments[0] == "api" and len(segments) > 2:
        group, version, rest = "", segments[1], segments[2:]
    elif segments[0] == "apis" and len(segments) > 3:
        group, version, rest = segments[1], segments[2], segments[3:]
    else:
        return None
    if rest[0] == "watch" and len(rest) > 1:
        inner = parse("/".join([*segments[: -len(rest)], *rest[1:]]))
        return replace(inner, is_watch=True) if inner else None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    elif rest[0] == "namespaces" and len(rest) > 1:
        return Target(group, version, "namespaces", rest[1], rest[1], "/".join(rest[2:]))
    return Target(
        group,
        version,
        rest[0],
        namespace,
        rest[1] if len(rest) > 1 else "",
        "/".join(rest[2:]),
    )


def verb_of(method: str, target: Target, *, watch: bool) -> str:
    """The Kubernetes verb of a method on a target; "" for methods that mean nothing here."""
    if method in ("GET", "HEAD"):
        if watch:
            return "watch"
        return "get" if target.name else "list"
    verb = _VERBS.get(method, "")
    return "deletecollection" if verb == "delete" and not target.name else verb
