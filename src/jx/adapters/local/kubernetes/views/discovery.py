"""Discovery: which groups, versions and resources there are, one by one or all in one answer."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Final

import orjson

from jx.adapters.local.kubernetes.errors import no_such_path
from jx.adapters.local.kubernetes.registry import Registry, version_rank
from jx.adapters.local.kubernetes.types import facts
from jx.adapters.local.kubernetes.types.facts import Obj, Resource, Subresource

GIT_VERSION = "v1.36.0"

# The order in which the real server tells of its groups.
_ORDER: Final = (
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
)
# Resources that the real server stores in another version than this one.
_STORED: Final = {
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): "admissionregistration.k8s.io/v1beta1",
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings",
    ): "admissionregistration.k8s.io/v1beta1",
    ("apiextensions.k8s.io", "customresourcedefinitions"): "apiextensions.k8s.io/v1beta1",
    ("autoscaling", "horizontalpodautoscalers"): "autoscaling/v2",
    ("events.k8s.io", "events"): "v1",
}
_PROXY_VERBS: Final = ("create", "delete", "get", "patch", "update")
_NOT_STORED: Final = frozenset({("", "componentstatuses")})

_CUSTOM_SUBRESOURCES = {
    "status": (("", "", ""), ("get", "patch", "update")),
    "scale": (("autoscaling", "v1", "Scale"), ("get", "patch", "update")),
}


class Discovery:
    """The documents, made from the registry as it is; the large ones are kept until the custom resources change."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._generation = -1
        self._kept: dict[tuple[str, bool], bytes] = {}

    def core_versions(self, address: str) -> Obj:
        return {
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
        }

    def groups(self) -> Obj:
        groups = [self._group(name) for name in self._names() if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, name: str) -> Obj:
        """ApiError 404 for a group that is not served."""
        if not name or name not in self._names():
            raise no_such_path()
        return {"kind": "APIGroup", "apiVersion": "v1", **self._group(name)}

    def resources(self, group: str, version: str) -> Obj:
        """ApiError 404 for a version that is not served."""
        found = [one for one in self._registry.resources() if one.group == group and one.version == version]
        if not found:
            raise no_such_path()
        listed = [entry for one in sorted(found, key=_plural) for entry in self._entries(one)]
        if group in _ORDER:
            listed.sort(key=lambda entry: entry["name"])
            head = {"kind": "APIResourceList", **({"apiVersion": "v1"} if group else {})}
        else:
            head = {"kind": "APIResourceList", "apiVersion": "v1"}
        group_version = f"{group}/{version}" if group else version
        return {**head, "groupVersion": group_version, "resources": listed}

    def aggregated(self, version: str, *, core: bool) -> bytes:
        """The APIGroupDiscoveryList of the core group, or of all others, as JSON. Each client begins with it."""
        if self._generation != self._registry.generation:
            self._generation = self._registry.generation
            self._kept.clear()
        if (version, core) not in self._kept:
            self._kept[version, core] = orjson.dumps(self._aggregate(version, core=core))
        return self._kept[version, core]

    def _aggregate(self, version: str, *, core: bool) -> Obj:
        items = [self._aggregated(name) for name in self._names() if (name == "") is core]
        head = {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}"}
        return {**head, "metadata": {}, "items": items}

    def _names(self) -> list[str]:
        """The groups: the built-in ones in their own order, then those of custom resources by name."""
        found = {resource.group for resource in self._registry.resources()}
        return [*(name for name in _ORDER if name in found), *sorted(found - set(_ORDER))]

    def _versions(self, group: str) -> list[str]:
        versions = {one.version for one in self._registry.resources() if one.group == group}
        return sorted(versions, key=version_rank)

    def _group(self, name: str) -> Obj:
        versions = [
            {"groupVersion": f"{name}/{version}", "version": version} for version in self._versions(name)
        ]
        return {"name": name, "versions": versions, "preferredVersion": versions[0]}

    def _aggregated(self, group: str) -> Obj:
        versions = [
            {
                "version": version,
                "resources": [
                    _discovered(one)
                    for one in sorted(self._registry.resources(), key=lambda one: one.plural)
                    if one.group == group and one.version == version
                ],
                "freshness": "Current",
            }
            for version in self._versions(group)
        ]
        return {"metadata": {"name": group} if group else {}, "versions": versions}

    def _entries(self, resource: Resource) -> list[Obj]:
        served = self._registry.find(resource.group, resource.version, resource.plural)
        stored = served.custom.storage_version if served and served.custom else _stored_version(resource)
        return _entries(resource, stored)


def version_info() -> Obj:
    """What /version says."""
    major, minor = GIT_VERSION.removeprefix("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
    }


def _verbs(subresource: Subresource) -> tuple[str, ...]:
    """A proxy takes requests of all methods, which OpenAPI tells otherwise."""
    return _PROXY_VERBS if subresource.name == "proxy" else subresource.verbs


def _subresources(resource: Resource) -> Iterable[tuple[str, tuple[str, str, str], tuple[str, ...]]]:
    builtin = facts.load().subresources(resource)
    if builtin:
        return [(one.name, (one.group, one.version, one.kind), _verbs(one)) for one in builtin]
    return [
        (name, kind if kind[2] else resource.gvk, verbs)
        for name, (kind, verbs) in _CUSTOM_SUBRESOURCES.items()
        if name in resource.subresources
    ]


def _plural(resource: Resource) -> str:
    return resource.plural


def _stored_version(resource: Resource) -> str:
    """The group and version in which the real server stores a built-in resource; "" for what is not stored."""
    if "list" not in resource.verbs or (resource.group, resource.plural) in _NOT_STORED:
        return ""
    return _STORED.get((resource.group, resource.plural), resource.api_version)


def _hash(group_version: str, kind: str) -> str:
    """How discovery tells that the form of stored objects has changed."""
    prefix = group_version if "/" in group_version else f"/{group_version}"
    digest = hashlib.sha256(f"{prefix}/{kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _entries(resource: Resource, stored: str) -> list[Obj]:
    is_builtin = resource.group in _ORDER
    entry: Obj = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": sorted(resource.verbs) if is_builtin else list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if stored:
        version = stored if is_builtin else f"{resource.group}/{stored}"
        entry["storageVersionHash"] = _hash(version, resource.kind)
    entries = [entry]
    for name, (group, version, kind), verbs in _subresources(resource):
        below: Obj = {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": kind,
            "verbs": sorted(verbs),
        }
        if (group, version) != (resource.group, resource.version):
            below |= {"group": group, "version": version}
        entries.append(below)
    return entries


def _discovered(resource: Resource) -> Obj:
    entry: Obj = {
        "resource": resource.plural,
        "responseKind": _kind(resource.gvk, resource),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": sorted(resource.verbs) if resource.group in _ORDER else list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    below = [
        {"subresource": name, "responseKind": _kind(gvk, resource), "verbs": sorted(verbs)}
        for name, gvk, verbs in _subresources(resource)
    ]
    if below:
        entry["subresources"] = below
    return entry


def _kind(gvk: tuple[str, str, str], resource: Resource) -> Obj:
    """What kind answers; of built-in resources only what differs from their own group and version is told."""
    group, version, kind = gvk
    if resource.group in _ORDER and (group, version) == (resource.group, resource.version):
        group = version = ""
    return {"group": group, "version": version, "kind": kind}


def is_builtin(path: str) -> bool:
    """Whether a path is below a group of Kubernetes' own."""
    root, _, rest = path.strip("/").partition("/")
    return bool(rest) and (root == "api" or (root == "apis" and rest.partition("/")[0] in _ORDER))
