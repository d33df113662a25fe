"""The environment variables of a container and what its pod refers to; pure but for the look-ups that are handed in."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias

from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.types.facts import Obj

FindConfig: TypeAlias = Callable[[str, str], Obj | None]
"""Gives the ConfigMap ("configmap") or Secret ("secret") of a name in the pod's namespace."""

_VARIABLE = re.compile(r"\$(\$|\(([^()]*)\))")
_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['([^']+)'\]$")
_SUFFIXES = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


class MissingReference(Exception):
    """The pod needs a ConfigMap, Secret or key that is not there; the text is the kubelet's."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """`$(NAME)` becomes its value where there is one, `$$` a dollar."""

    def replace(match: re.Match[str]) -> str:
        if match.group(1) == "$":
            return "$"
        return values.get(match.group(2), match.group(0))

    return _VARIABLE.sub(replace, text)


def environment_of(container: Obj, pod: Obj, find: FindConfig, *, ip: str) -> dict[str, str]:
    """All variables of a container: envFrom first, then env, each seeing those before it. Raises MissingReference."""
    values: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        prefix = source.get("prefix", "")
        for kind, field in (("configmap", "configMapRef"), ("secret", "secretRef")):
            if field in source:
                data = _data(kind, source[field], find)
                values.update({f"{prefix}{key}": _text(value) for key, value in data.items()})
    for variable in container.get("env") or []:
        if "valueFrom" in variable:
            value = _value_from(variable["valueFrom"], container, pod, find, ip=ip)
            if value is not None:
                values[variable["name"]] = value
        else:
            values[variable["name"]] = expand(variable.get("value", ""), values)
    return values


def _value_from(source: Obj, container: Obj, pod: Obj, find: FindConfig, *, ip: str) -> str | None:
    for kind, field in (("configmap", "configMapKeyRef"), ("secret", "secretKeyRef")):
        if field in source:
            reference = source[field]
            data = _data(kind, reference, find)
            if reference["key"] in data:
                return _text(data[reference["key"]])
            if reference.get("optional"):
                return None
            what = "ConfigMap" if kind == "configmap" else "Secret"
            place = f"{objects.namespace_of(pod)}/{reference['name']}"
            raise MissingReference(f"couldn't find key {reference['key']} in {what} {place}")
    if "resourceFieldRef" in source:
        return _resource(source["resourceFieldRef"], container, pod)
    return field_of(pod, source["fieldRef"]["fieldPath"], ip=ip)


def field_of(pod: Obj, path: str, *, ip: str) -> str:
    """A field as the downward API gives it."""
    subscript = _SUBSCRIPT.match(path)
    if subscript:
        held: Mapping[str, str] = pod["metadata"].get(subscript.group(1)) or {}
        return held.get(subscript.group(2), "")
    if path in ("metadata.labels", "metadata.annotations"):
        entries = pod["metadata"].get(path.partition(".")[2]) or {}
        return "\n".join(f'{key}="{value}"' for key, value in sorted(entries.items()))
    spec = pod["spec"]
    known = {
        "metadata.name": objects.name_of(pod),
        "metadata.namespace": objects.namespace_of(pod),
        "metadata.uid": objects.uid_of(pod),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": "127.0.0.1",
        "status.hostIPs": "127.0.0.1",
        "status.podIP": ip,
        "status.podIPs": ip,
    }
    return str(known.get(path, ""))


def _resource(reference: Obj, container: Obj, pod: Obj) -> str:
    named = reference.get("containerName", container["name"])
    every = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    chosen = next((each for each in every if each["name"] == named), container)
    kind, _, resource = reference["resource"].partition(".")
    amount = ((chosen.get("resources") or {}).get(kind) or {}).get(resource, "0")
    divisor = quantity(str(reference.get("divisor") or "1")) or Decimal(1)
    return str(math.ceil(quantity(str(amount)) / divisor))


def quantity(text: str) -> Decimal:
    """A resource quantity ("100m", "1Gi", "2e3") as a number."""
    match = re.fullmatch(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)", text)
    if match is None or match.group(2) not in _SUFFIXES:
        return Decimal(0)
    return Decimal(match.group(1)) * _SUFFIXES[match.group(2)]


def _data(kind: str, reference: Obj, find: FindConfig) -> dict[str, str | bytes]:
    found = find(kind, reference["name"])
    if found is None:
        if reference.get("optional"):
            return {}
        raise MissingReference(f'{kind} "{reference["name"]}" not found')
    return data_of(kind, found)


def data_of(kind: str, obj: Obj) -> dict[str, str | bytes]:
    """What a ConfigMap or Secret holds, decoded; text stays text."""
    data: dict[str, str | bytes] = {}
    if kind == "secret":
        data.update({key: base64.b64decode(value or "") for key, value in (obj.get("data") or {}).items()})
        return data
    data.update(obj.get("data") or {})
    data.update({key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()})
    return data


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="surrogateescape")


def missing_volume(pod: Obj, find: FindConfig) -> tuple[str, str] | None:
    """The first volume that cannot be mounted, and what is missing."""
    for volume in pod["spec"].get("volumes") or []:
        for kind, name in _references(volume):
            if find(kind, name) is None:
                return volume["name"], f'{kind} "{name}" not found'
    return None


def _references(volume: Obj) -> Iterable[tuple[str, str]]:
    sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    for source in sources:
        if "configMap" in source and not source["configMap"].get("optional"):
            yield "configmap", source["configMap"]["name"]
        secret = source.get("secret")
        if secret and not secret.get("optional"):
            yield "secret", secret.get("secretName") or secret["name"]
