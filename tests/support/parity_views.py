"""What of an answer is compared, where all of it would be too much, or is not there on one of the servers on purpose."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from jx.adapters.local.kubernetes.types import facts

Obj = dict[str, Any]


def look(body: Any, step: Mapping[str, Any], own_name: str) -> Any:
    """What a step says that it looks at; all by default. Groups with the own name in theirs are part of any look."""
    if step.get("names"):
        return names(body)
    if step.get("keys"):
        return sorted(body)
    if known := step.get("checks"):
        return [line for line in body.splitlines() if not line.startswith("[") or _check(line) in known]
    if step.get("served"):
        return served(body, "<ns>.example.org")
    if group := step.get("group"):
        return one_group(body, group.replace(own_name, "<ns>"))
    return body


def _check(line: str) -> str:
    """`ping` of `[+]ping ok`."""
    return line[3:].partition(" ")[0]


def names(body: Any) -> Any:
    """A list by the names of its items."""
    if not isinstance(body, dict) or "items" not in body:
        return body
    found = [item["metadata"]["name"] for item in body["items"]]
    return {"kind": body["kind"], "metadata": body["metadata"], "names": found}


def digests(body: Obj, path: str) -> Obj:
    """A digest of each entry of a table in a document, descriptions aside; of the types that the embedded server has."""
    table: Any = body
    for key in path.split("."):
        table = table[key]
    known = facts.load().definitions
    return {
        name: hashlib.sha256(json.dumps(_undescribed(entry), sort_keys=True).encode()).hexdigest()[:12]
        for name, entry in sorted(table.items())
        if name in known
    }


def _undescribed(value: Any) -> Any:
    """A type without what is left out on purpose: descriptions, defaults, and lists of the values that a text may be."""
    if isinstance(value, list):
        return [_undescribed(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: _undescribed(child)
        for key, child in value.items()
        if key not in ("description", "default", "enum", "properties")
    }
    match kept.get("allOf"):
        case [only] if list(only) == ["$ref"]:
            # Only a field with a description needs the longer form.
            kept = {**{key: child for key, child in kept.items() if key != "allOf"}, **only}
    if isinstance(value.get("properties"), dict):
        kept["properties"] = {name: _undescribed(child) for name, child in value["properties"].items()}
    return kept


def served(body: Any, own_group: str) -> Any:
    """A discovery document without the groups, versions and resources that the embedded server leaves out."""
    if not isinstance(body, dict):
        return body
    match body.get("kind"):
        case "APIGroupList":
            return {
                **body,
                "groups": [_group(one) for one in body["groups"] if _serves(one["name"], own_group)],
            }
        case "APIGroup":
            return _group(body)
        case "APIResourceList":
            group, _, version = body["groupVersion"].rpartition("/")
            return {
                **body,
                "resources": [one for one in body["resources"] if _has(group, version, one["name"])],
            }
        case "APIGroupDiscoveryList":
            items = [one for one in body["items"] if _serves(one["metadata"].get("name", ""), own_group)]
            return {**body, "items": [_discovered(one) for one in items]}
        case _:
            return body


def _serves(group: str, own_group: str) -> bool:
    return group == own_group or any(one.group == group for one in facts.load().resources)


def _versions(group: str) -> set[str]:
    return {one.version for one in facts.load().resources if one.group == group}


def _group(group: Obj) -> Obj:
    known = _versions(group["name"])
    if not known:
        return group
    return {**group, "versions": [one for one in group["versions"] if one["version"] in known]}


def _has(group: str, version: str, name: str) -> bool:
    plural, _, subresource = name.partition("/")
    found = [
        one
        for one in facts.load().resources
        if (one.group, one.version, one.plural) == (group, version, plural)
    ]
    return not _versions(group) or any(not subresource or subresource in one.subresources for one in found)


def _discovered(item: Obj) -> Obj:
    group = item["metadata"].get("name", "")
    known = _versions(group)
    if not known:
        return item
    return {**item, "versions": list(_known_versions(item["versions"], group, known))}


def _known_versions(versions: list[Obj], group: str, known: set[str]) -> Iterator[Obj]:
    for version in versions:
        if version["version"] not in known:
            continue
        name = version["version"]
        resources = [_known_subresources(one, group, name) for one in version["resources"]]
        yield {**version, "resources": [one for one in resources if _has(group, name, one["resource"])]}


def _known_subresources(resource: Obj, group: str, version: str) -> Obj:
    if "subresources" not in resource:
        return resource
    kept = [
        one
        for one in resource["subresources"]
        if _has(group, version, f"{resource['resource']}/{one['subresource']}")
    ]
    made = {**resource, "subresources": kept}
    return made if kept else {key: value for key, value in made.items() if key != "subresources"}


def one_group(body: Any, name: str) -> Any:
    """One group of a discovery document."""
    if body.get("kind") == "APIGroupList":
        return {**body, "groups": [one for one in body["groups"] if one["name"] == name]}
    return {**body, "items": [one for one in body["items"] if one["metadata"].get("name") == name]}
