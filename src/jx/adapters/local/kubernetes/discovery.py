"""Discovery: which groups, versions and resources there are, one by one or all in one answer."""

from __future__ import annotations

from collections.abc import Iterable

from jx.adapters.local.kubernetes import facts
from jx.adapters.local.kubernetes.errors import no_such_path
from jx.adapters.local.kubernetes.facts import Obj, Resource
from jx.adapters.local.kubernetes.registry import Registry, version_rank

GIT_VERSION = "v1.36.0"

_CUSTOM_SUBRESOURCES = {
    "status": (("", "", ""), ("get", "patch", "update")),
    "scale": (("autoscaling", "v1", "Scale"), ("get", "patch", "update")),
}


class Discovery:
    """The documents, made from the registry as it is."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

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
        listed = [entry for resource in found for entry in _entries(resource)]
        group_version = f"{group}/{version}" if group else version
        head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version}
        return {**head, "resources": sorted(listed, key=lambda entry: entry["name"])}

    def aggregated(self, version: str, *, core: bool) -> Obj:
        """The APIGroupDiscoveryList of the core group, or of all others."""
        items = [self._aggregated(name) for name in self._names() if (name == "") is core]
        head = {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}"}
        return {**head, "metadata": {}, "items": items}

    def _names(self) -> list[str]:
        return list(dict.fromkeys(resource.group for resource in self._registry.resources()))

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
        metadata = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
        return {"metadata": metadata, "versions": versions}


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
    }


def _subresources(resource: Resource) -> Iterable[tuple[str, tuple[str, str, str], tuple[str, ...]]]:
    builtin = facts.load().subresources(resource)
    if builtin:
        return [(one.name, (one.group, one.version, one.kind), one.verbs) for one in builtin]
    return [
        (name, kind if kind[2] else resource.gvk, verbs)
        for name, (kind, verbs) in _CUSTOM_SUBRESOURCES.items()
        if name in resource.subresources
    ]


def _entries(resource: Resource) -> list[Obj]:
    entry: Obj = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": sorted(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
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
        "responseKind": _kind(resource.gvk),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": sorted(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    below = [
        {"subresource": name, "responseKind": _kind(gvk), "verbs": sorted(verbs)}
        for name, gvk, verbs in _subresources(resource)
    ]
    if below:
        entry["subresources"] = below
    return entry


def _kind(gvk: tuple[str, str, str]) -> Obj:
    group, version, kind = gvk
    return {"group": group, "version": version, "kind": kind}
