"""Compacts Kubernetes' OpenAPI v2 document into the facts that the embedded API server serves.

Usage: python scripts/make_facts.py OPENAPI_V2_JSON_OR_GZ TYPES_JSON

TYPES_JSON is what `testcluster types` prints (see docs/how-to/test-cluster.md): what becomes of fields that are empty.
Only stable versions are kept, as an API server serves by default. The tables below hold what neither of them
tells: short names, categories and the defaults of list keys.
"""

import argparse
import gzip
import json
import re
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src/jx/adapters/local/kubernetes/types/facts.json.gz"

SHORT_NAMES = {
    "": {
        "componentstatuses": ["cs"],
        "configmaps": ["cm"],
        "endpoints": ["ep"],
        "events": ["ev"],
        "limitranges": ["limits"],
        "namespaces": ["ns"],
        "nodes": ["no"],
        "persistentvolumeclaims": ["pvc"],
        "persistentvolumes": ["pv"],
        "pods": ["po"],
        "replicationcontrollers": ["rc"],
        "resourcequotas": ["quota"],
        "serviceaccounts": ["sa"],
        "services": ["svc"],
    },
    "apps": {
        "daemonsets": ["ds"],
        "deployments": ["deploy"],
        "replicasets": ["rs"],
        "statefulsets": ["sts"],
    },
    "apiextensions.k8s.io": {"customresourcedefinitions": ["crd", "crds"]},
    "autoscaling": {"horizontalpodautoscalers": ["hpa"]},
    "batch": {"cronjobs": ["cj"]},
    "certificates.k8s.io": {"certificatesigningrequests": ["csr"]},
    "events.k8s.io": {"events": ["ev"]},
    "networking.k8s.io": {
        "ingresses": ["ing"],
        "ipaddresses": ["ip"],
        "networkpolicies": ["netpol"],
    },
    "policy": {"poddisruptionbudgets": ["pdb"]},
    "scheduling.k8s.io": {"priorityclasses": ["pc"]},
    "storage.k8s.io": {"storageclasses": ["sc"], "volumeattributesclasses": ["vac"]},
}

CATEGORIES = {
    "": {name: ["all"] for name in ("pods", "replicationcontrollers", "services")},
    "apps": {name: ["all"] for name in ("daemonsets", "deployments", "replicasets", "statefulsets")},
    "autoscaling": {"horizontalpodautoscalers": ["all"]},
    "batch": {name: ["all"] for name in ("cronjobs", "jobs")},
    "apiextensions.k8s.io": {"customresourcedefinitions": ["api-extensions"]},
    "apiregistration.k8s.io": {"apiservices": ["api-extensions"]},
    "admissionregistration.k8s.io": {
        name: ["api-extensions"]
        for name in (
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        )
    },
}

KEY_DEFAULTS = {
    ("io.k8s.api.core.v1.ContainerPort", "protocol"): "TCP",
    ("io.k8s.api.core.v1.ServicePort", "protocol"): "TCP",
    ("io.k8s.api.core.v1.LocalObjectReference", "name"): "",
}

Types = dict[str, dict[str, str]]
"""By type and field: `left out` where it is empty, `object` (at least {}), or `= ` and the value that is then written."""

LEFT_OUT, STRUCT, WRITTEN = "left out", "object", "= "

VERBS = {"post": ("create",), "put": ("update",), "connect": ("create", "get")}
STABLE = re.compile(r"v\d+")
REFERENCE = "#/definitions/"


def main() -> None:
    """Writes the package data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("document", type=Path)
    parser.add_argument("types", type=Path)
    paths = parser.parse_args()
    raw = paths.document.read_bytes()
    document = json.loads(gzip.decompress(raw) if paths.document.suffix == ".gz" else raw)
    types: Types = json.loads(paths.types.read_bytes())
    resources = resources_of(document)
    definitions = definitions_of(document, resources, types)
    facts = {
        "version": document["info"]["version"],
        "resources": resources,
        "definitions": definitions,
        "left_out": {
            name: sorted(key for key, what in types.get(name, {}).items() if what == LEFT_OUT)
            for name in definitions
        },
        "always": {
            name: {
                key: json.loads(what.removeprefix(WRITTEN))
                for key, what in types.get(name, {}).items()
                if what.startswith(WRITTEN)
            }
            for name in definitions
        },
    }
    for table in ("left_out", "always"):
        facts[table] = {name: entry for name, entry in facts[table].items() if entry}
    text = json.dumps(facts, separators=(",", ":"), sort_keys=True).encode()
    TARGET.write_bytes(gzip.compress(text, 9, mtime=0))


def definitions_of(document: dict[str, Any], resources: list[dict[str, Any]], types: Types) -> dict[str, Any]:
    """The types that the resources reach, and those of the shared machinery (Status, DeleteOptions ...)."""
    definitions: dict[str, Any] = document["definitions"]
    for (name, key), default in KEY_DEFAULTS.items():
        definitions[name]["properties"][key]["default"] = default
    for name, definition in definitions.items():
        for key, field in definition.get("properties", {}).items():
            what = types.get(name, {}).get(key, "")
            if what == STRUCT and "$ref" in field:
                field["default"] = {}
            elif what.startswith(WRITTEN) and field.get("type") in ("string", "integer", "boolean"):
                field.setdefault("default", json.loads(what.removeprefix(WRITTEN)))
    served = {(resource["group"], resource["version"]) for resource in resources}
    pending = [
        name
        for name, definition in definitions.items()
        if ".apimachinery." in name
        or any(
            (gvk["group"], gvk["version"]) in served
            for gvk in definition.get("x-kubernetes-group-version-kind", ())
        )
    ]
    reached: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += re.findall(r'"#/definitions/([^"]+)"', json.dumps(definitions[name]))
    return {name: definitions[name] for name in sorted(reached)}


def resources_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry per group, version and plural, in the order of the document's paths."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for path, operations in document["paths"].items():
        parsed = parse_path(path)
        if parsed is None:
            continue
        group, version, namespaced, plural, subresource = parsed
        entry = found.setdefault(
            (group, version, plural),
            {"group": group, "version": version, "plural": plural, "verbs": set(), "sub": {}},
        )
        entry["namespaced"] = entry.get("namespaced", False) or namespaced
        if subresource:
            sub = entry["sub"].setdefault(subresource, {"verbs": set()})
            note_operations(sub, operations, document)
        else:
            note_operations(entry, operations, document)
    return [finish(entry) for entry in found.values() if "kind" in entry or entry["sub"]]


def parse_path(path: str) -> tuple[str, str, bool, str, str] | None:
    """Group, version, whether namespaced, plural, subresource; None for what is no resource."""
    match path.strip("/").split("/"):
        case ["api", version, first, *others]:
            group = ""
        case ["apis", group, version, first, *others]:
            pass
        case _:
            return None
    if first == "watch" or not STABLE.fullmatch(version):
        return None
    rest = [first, *others]
    namespaced = rest[:2] == ["namespaces", "{namespace}"] and len(rest) > 2
    if namespaced:
        rest = rest[2:]
    subresource = "/".join(rest[2:])
    if "{path}" in subresource:
        return None
    return group, version, namespaced, rest[0], subresource


def note_operations(entry: dict[str, Any], operations: dict[str, Any], document: dict[str, Any]) -> None:
    """Adds the verbs and kinds that one path shows."""
    for operation in operations.values():
        if not isinstance(operation, dict) or "x-kubernetes-action" not in operation:
            continue
        action = operation["x-kubernetes-action"]
        entry["verbs"].update(VERBS.get(action, (action,)))
        gvk = operation["x-kubernetes-group-version-kind"]
        entry.setdefault("kind", gvk["kind"])
        entry.setdefault("kind_group", gvk["group"])
        entry.setdefault("kind_version", gvk["version"])
        if action == "list":
            reference = operation["responses"]["200"]["schema"]["$ref"].removeprefix(REFERENCE)
            gvks = document["definitions"][reference]["x-kubernetes-group-version-kind"]
            entry["list_kind"] = gvks[0]["kind"]


def finish(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry as it is stored."""
    group, plural = entry["group"], entry["plural"]
    if {"create", "list"} <= entry["verbs"]:
        entry["verbs"].add("watch")
    return {
        "group": group,
        "version": entry["version"],
        "plural": plural,
        "singular": entry["kind"].lower(),
        "kind": entry["kind"],
        "list_kind": entry.get("list_kind", entry["kind"] + "List"),
        "namespaced": entry["namespaced"],
        "verbs": sorted(entry["verbs"]),
        "short_names": SHORT_NAMES.get(group, {}).get(plural, []),
        "categories": CATEGORIES.get(group, {}).get(plural, []),
        "subresources": [
            {
                "name": name,
                "group": sub["kind_group"],
                "version": sub["kind_version"],
                "kind": sub["kind"],
                "verbs": sorted(sub["verbs"]),
            }
            for name, sub in sorted(entry["sub"].items())
            if "kind" in sub
        ],
    }


if __name__ == "__main__":
    main()
