"""Random histories: what several managers do to a few objects, as scripts that `parity` can play."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.parity import Case, Obj

_MANAGERS = ("alice", "bob", "carol", "kubectl")
_NAMES = ("a", "b")
_STEPS = 30


@dataclass(frozen=True)
class Kind:
    """One kind of object: where it is, what begins a whole one, and what parts it may have."""

    plural: str
    head: Obj
    part: Callable[[random.Random], Obj]
    whole: Callable[[random.Random], Obj]
    has_status: bool = False
    status: Callable[[random.Random], Obj] = lambda _: {}
    is_strategic: bool = True
    before: tuple[Obj, ...] = ()


def history(seed: int) -> Case:
    """The script of a seed."""
    chance = random.Random(seed)
    kind = chance.choice(KINDS)
    script = [*kind.before, *_steps(kind, chance)]
    script += [{"get": f"{kind.plural}/{name}"} for name in _NAMES]
    return Case(f"history {seed}: {kind.plural}", tuple(script))


def _steps(kind: Kind, chance: random.Random) -> Iterator[Obj]:
    for _ in range(_STEPS):
        make = chance.choices(
            (_apply, _create, _update, _merge, _json, _strategic, _delete, _get),
            (10, 2, 5, 5, 4, 4 if kind.is_strategic else 0, 1, 1),
        )[0]
        step = make(kind, chance)
        if chance.random() < 0.1 and not {"get", "delete"} & step.keys():
            step["query"] = {**step.get("query", {}), "dryRun": "All"}
        yield step


def _place(kind: Kind, chance: random.Random) -> str:
    return f"{kind.plural}/{chance.choices(_NAMES, (3, 1))[0]}"


def _manager(chance: random.Random) -> str:
    return chance.choice(_MANAGERS)


def _metadata(chance: random.Random, name: str = "") -> Obj:
    made: Obj = {"name": name} if name else {}
    for key in ("labels", "annotations"):
        if chance.random() < 0.4:
            made[key] = _some(chance, {"one": ("x", "y"), "two": ("x", "y"), "example.org/three": ("", "z")})
    if chance.random() < 0.1:
        made["finalizers"] = _few(chance, ("example.org/one", "example.org/two"))
    return made


def _some(chance: random.Random, choices: dict[str, Sequence[Any]], share: float = 0.5) -> Obj:
    """Some of the keys, each with one of its values."""
    return {
        key: copy.deepcopy(chance.choice(values))
        for key, values in choices.items()
        if chance.random() < share
    }


def _few(chance: random.Random, values: Sequence[Any]) -> list[Any]:
    return copy.deepcopy(chance.sample(values, chance.randint(0, len(values))))


def _object(kind: Kind, chance: random.Random, place: str, content: Obj) -> Obj:
    return {**kind.head, "metadata": _metadata(chance, place.rpartition("/")[2]), **content}


def _apply(kind: Kind, chance: random.Random) -> Obj:
    place = _place(kind, chance)
    if kind.has_status and chance.random() < 0.15:
        body = {**kind.head, "metadata": {"name": place.rpartition("/")[2]}, **kind.status(chance)}
        return {"apply": f"{place}/status", "manager": _manager(chance), "body": body}
    content = kind.part(chance) if chance.random() < 0.6 else kind.whole(chance)
    step: Obj = {"apply": place, "manager": _manager(chance), "body": _object(kind, chance, place, content)}
    if chance.random() < 0.5:
        step["force"] = True
    return step


def _create(kind: Kind, chance: random.Random) -> Obj:
    place = _place(kind, chance)
    body = _object(kind, chance, place, kind.whole(chance))
    return {"post": kind.plural, "manager": _manager(chance), "body": body}


def _update(kind: Kind, chance: random.Random) -> Obj:
    place = _place(kind, chance)
    if kind.has_status and chance.random() < 0.2:
        body = _object(kind, chance, place, {**kind.whole(chance), **kind.status(chance)})
        return {"put": f"{place}/status", "manager": _manager(chance), "body": body}
    body = _object(kind, chance, place, kind.whole(chance))
    if chance.random() < 0.1:
        body["metadata"]["resourceVersion"] = "1"
    if chance.random() < 0.05:
        body["metadata"]["managedFields"] = [{}]
    return {"put": place, "manager": _manager(chance), "body": body}


def _patch_body(kind: Kind, chance: random.Random) -> Obj:
    body = kind.part(chance)
    metadata = _metadata(chance)
    if metadata:
        body["metadata"] = metadata
    return body


def _merge(kind: Kind, chance: random.Random) -> Obj:
    place = _place(kind, chance)
    if kind.has_status and chance.random() < 0.15:
        return {"merge": f"{place}/status", "manager": _manager(chance), "body": kind.status(chance)}
    body = _holed(_patch_body(kind, chance), chance)
    return {"merge": place, "manager": _manager(chance), "body": body}


def _holed(value: Any, chance: random.Random) -> Any:
    """The value with some members of its maps set to null."""
    if not isinstance(value, dict):
        return value
    return {key: None if chance.random() < 0.12 else _holed(child, chance) for key, child in value.items()}


def _strategic(kind: Kind, chance: random.Random) -> Obj:
    body = _directed(_holed(_patch_body(kind, chance), chance), chance)
    return {"strategic": _place(kind, chance), "manager": _manager(chance), "body": body}


def _directed(value: Any, chance: random.Random) -> Any:
    """The value with some directives of strategic merge patches."""
    if isinstance(value, dict):
        made = {key: _directed(child, chance) for key, child in value.items()}
        if chance.random() < 0.04:
            made["$patch"] = chance.choice(("replace", "delete", "merge"))
        if chance.random() < 0.03 and any(isinstance(child, dict | list) for child in value.values()):
            made["$retainKeys"] = sorted(key for key in made if not key.startswith("$"))
        return made
    if isinstance(value, list) and value and isinstance(value[0], dict):
        items = [_directed(item, chance) for item in value]
        if chance.random() < 0.1:
            items[-1] = {**items[-1], "$patch": "delete"}
        return items
    return value


def _json(kind: Kind, chance: random.Random) -> Obj:
    operations = [_operation(kind, chance) for _ in range(chance.randint(1, 2))]
    return {"json": _place(kind, chance), "manager": _manager(chance), "body": operations}


def _operation(kind: Kind, chance: random.Random) -> Obj:
    content = {"metadata": _metadata(chance), **kind.whole(chance)}
    paths = list(_paths(content, ""))
    path, value = chance.choice(paths)
    match chance.choices(("add", "replace", "remove", "test", "copy", "move"), (6, 4, 4, 1, 1, 1))[0]:
        case "remove":
            return {"op": "remove", "path": path}
        case "copy" | "move" as name:
            return {"op": name, "from": path, "path": chance.choice(paths)[0]}
        case name:
            return {"op": name, "path": path, "value": value}


def _paths(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            here = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            yield here, child
            yield from _paths(child, here)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield f"{path}/{index}", child
            yield f"{path}/-", child
            yield from _paths(child, f"{path}/{index}")


def _delete(kind: Kind, chance: random.Random) -> Obj:
    return {"delete": _place(kind, chance)}


def _get(kind: Kind, chance: random.Random) -> Obj:
    return {"get": _place(kind, chance)}


# Kinds


def _config_map(chance: random.Random) -> Obj:
    made: Obj = {}
    if chance.random() < 0.8:
        made["data"] = _some(chance, {"k1": ("1", "2", ""), "k2": ("1", "2"), "k3": ("1", "2")})
    if chance.random() < 0.2:
        made["binaryData"] = {"b1": "AQ==", **_some(chance, {"b1": ("AA==", "AQ=="), "k1": ("AA==",)})}
    if chance.random() < 0.03:
        made["immutable"] = chance.choice((True, False))
    return made


def _secret(chance: random.Random) -> Obj:
    made: Obj = {}
    if chance.random() < 0.7:
        made["data"] = _some(chance, {"k1": ("AA==", "AQ==", ""), "k2": ("AA==",), "k3": ("YQ==",)})
    if chance.random() < 0.4:
        made["stringData"] = _some(chance, {"k1": ("a", "b", ""), "k4": ("a", "b")})
    if chance.random() < 0.1:
        made["type"] = chance.choice(("Opaque", "example.org/other"))
    return made


_PORTS = (
    {"containerPort": 80},
    {"containerPort": 80, "protocol": "UDP"},
    {"containerPort": 81, "name": "web"},
    {"containerPort": 81, "protocol": "TCP"},
)
_RESOURCES: tuple[Obj, ...] = (
    {"requests": {"cpu": "1000m"}},
    {"requests": {"cpu": 1, "memory": "1024Mi"}},
    {"limits": {"memory": "1Gi"}},
    {},
)


def _container(chance: random.Random, name: str) -> Obj:
    made: Obj = {"name": name, "image": chance.choice(("i:1", "i:2", "i"))}
    made |= _some(
        chance, {"command": (["x"], ["y", "z"], []), "resources": _RESOURCES, "tty": (True, False)}, 0.25
    )
    if chance.random() < 0.4:
        ports = {(one["containerPort"], one.get("protocol", "TCP")): one for one in _few(chance, _PORTS)}
        made["ports"] = list(ports.values())
    if chance.random() < 0.4:
        values = ({"name": "A", "value": "1"}, {"name": "A"}, {"name": "B", "value": "2"}, _FIELD)
        made["env"] = list({one["name"]: one for one in _few(chance, values)}.values())
    if chance.random() < 0.2:
        made["livenessProbe"] = chance.choice(({"httpGet": {"port": 80}}, {"exec": {"command": ["x"]}}))
    return made


_FIELD = {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
_TOLERATIONS = ({"operator": "Exists"}, {"key": "k", "effect": "NoSchedule"})
_LABELS = {"app": "a"}


def _pod_spec(chance: random.Random) -> Obj:
    names = chance.choice((("one",), ("one", "two"), ("two", "one")))
    made: Obj = {"containers": [_container(chance, name) for name in names]}
    made |= _some(
        chance,
        {
            "nodeSelector": ({"a": "b"}, {"a": "c", "d": "e"}, {}),
            "tolerations": ([], list(_TOLERATIONS), list(_TOLERATIONS[1:])),
            "volumes": (
                [{"name": "v"}],
                [{"name": "v", "emptyDir": {}}, {"name": "w", "secret": {"secretName": "s"}}],
            ),
            "hostNetwork": (False,),
            "serviceAccountName": ("x",),
            "terminationGracePeriodSeconds": (5, 30),
            "securityContext": ({}, {"runAsUser": 0}, {"fsGroup": 5}),
        },
        0.15,
    )
    return made


def _deployment_part(chance: random.Random) -> Obj:
    spec = _some(
        chance,
        {
            "replicas": (0, 1, 2, 3),
            "paused": (True, False),
            "minReadySeconds": (0, 5),
            "revisionHistoryLimit": (0, 10),
            "strategy": (
                {"type": "Recreate"},
                {"type": "RollingUpdate"},
                {"rollingUpdate": {"maxSurge": 1}},
                {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%", "maxSurge": 0}},
            ),
        },
        0.3,
    )
    if chance.random() < 0.6:
        spec["template"] = {"metadata": {"labels": dict(_LABELS)}, "spec": _pod_spec(chance)}
        if chance.random() < 0.3:
            spec["template"]["metadata"]["annotations"] = {"at": chance.choice("12")}
    return {"spec": spec}


def _deployment(chance: random.Random) -> Obj:
    made = _deployment_part(chance)
    made["spec"].setdefault("template", {"metadata": {"labels": dict(_LABELS)}, "spec": _pod_spec(chance)})
    made["spec"]["selector"] = {"matchLabels": dict(_LABELS)}
    return made


def _deployment_status(chance: random.Random) -> Obj:
    condition = {"type": "Available", "status": chance.choice(("True", "False")), "reason": "x"}
    return {
        "status": _some(
            chance,
            {
                "replicas": (0, 2),
                "observedGeneration": (1, 2),
                "conditions": ([condition], []),
                "readyReplicas": (0, 1),
            },
        )
    }


def _service_part(chance: random.Random) -> Obj:
    spec = _some(
        chance,
        {
            "selector": ({"a": "b"}, {"c": "d"}, {}),
            "type": ("ClusterIP", "NodePort"),
            "sessionAffinity": ("None", "ClientIP"),
            "externalTrafficPolicy": ("Local", "Cluster"),
            "publishNotReadyAddresses": (True, False),
            "externalIPs": (["192.0.2.1"], []),
        },
        0.25,
    )
    if chance.random() < 0.6:
        spec["ports"] = chance.choice(
            (
                [{"port": 80}],
                [{"port": 80, "targetPort": "web"}],
                [{"port": 80, "name": "a"}, {"port": 81, "name": "b", "targetPort": 8081}],
                [{"port": 81, "name": "b"}, {"port": 81, "protocol": "UDP", "name": "c"}],
            )
        )
    return {"spec": copy.deepcopy(spec)}


def _service(chance: random.Random) -> Obj:
    made = _service_part(chance)
    made["spec"].setdefault("ports", [{"port": 80}])
    return made


_TEXT = {"type": "string"}
_DEFINITION: Obj = {
    "metadata": {"name": "things.$ns.example.org"},
    "spec": {
        "group": "$ns.example.org",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "size": {"type": "integer", "default": 3, "minimum": 0},
                                    "text": {"type": "string", "nullable": True},
                                    "amount": {"x-kubernetes-int-or-string": True},
                                    "set": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
                                    "atomic": {"type": "array", "items": _TEXT},
                                    "keyed": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["name", "kind"],
                                        "items": {
                                            "type": "object",
                                            "required": ["name"],
                                            "properties": {
                                                "name": _TEXT,
                                                "kind": {"type": "string", "default": "k"},
                                                "value": {"type": "integer"},
                                                "more": {"type": "array", "items": _TEXT},
                                            },
                                        },
                                    },
                                    "map": {"type": "object", "additionalProperties": _TEXT},
                                    "whole": {
                                        "type": "object",
                                        "x-kubernetes-map-type": "atomic",
                                        "properties": {"a": _TEXT, "b": _TEXT},
                                    },
                                    "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                },
                            },
                            "status": {
                                "type": "object",
                                "properties": {"phase": _TEXT, "list": {"type": "array", "items": _TEXT}},
                            },
                        },
                    }
                },
            }
        ],
    },
}
_KEYED = (
    {"name": "a"},
    {"name": "a", "kind": "other", "value": 1},
    {"name": "b", "value": 2, "more": ["x"]},
    {"name": "b", "value": 3},
)


def _thing(chance: random.Random) -> Obj:
    spec = _some(
        chance,
        {
            "size": (1, 2, 3),
            "text": ("a", "b", None, ""),
            "amount": (1, "1", "50%"),
            "set": (["a"], ["b", "a"], ["c"], []),
            "atomic": (["a"], ["b", "a"], []),
            "map": ({"a": "1"}, {"a": "2", "b": "1"}, {}),
            "whole": ({"a": "1"}, {"a": "1", "b": "2"}, {}),
            "open": ({"a": [1, {"b": None}]}, {"c": {"d": True}}, {}, {"a": "x"}),
            "unknown": (1,),
        },
        0.3,
    )
    if chance.random() < 0.5:
        keyed = {(one["name"], one.get("kind", "k")): one for one in _few(chance, _KEYED)}
        spec["keyed"] = list(keyed.values())
    return {"spec": spec} if spec or chance.random() < 0.5 else {}


def _thing_status(chance: random.Random) -> Obj:
    return {"status": _some(chance, {"phase": ("x", "y"), "list": (["a"], ["a", "b"], [])}, 0.7)}


def _head(api_version: str, kind: str) -> Obj:
    return {"apiVersion": api_version, "kind": kind}


KINDS = (
    Kind("configmaps", _head("v1", "ConfigMap"), _config_map, _config_map),
    Kind("secrets", _head("v1", "Secret"), _secret, _secret),
    Kind(
        "deployments",
        _head("apps/v1", "Deployment"),
        _deployment_part,
        _deployment,
        has_status=True,
        status=_deployment_status,
    ),
    Kind("services", _head("v1", "Service"), _service_part, _service),
    Kind(
        "/apis/$ns.example.org/v1/namespaces/$ns/things",
        {"apiVersion": "$ns.example.org/v1", "kind": "Thing"},
        _thing,
        _thing,
        has_status=True,
        status=_thing_status,
        is_strategic=False,
        before=(
            {"post": "customresourcedefinitions", "body": _DEFINITION, "unseen": True},
            {"established": "things.$ns.example.org"},
        ),
    ),
)
"""What histories are about."""
