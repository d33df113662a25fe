"""Scripts of API requests, run on an API server, and their answers in a form in which two servers can be compared."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import select
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import yaml
from tests.support import parity_views

from jx.adapters.files.clock import SystemClock
from jx.adapters.kubernetes import kubeconfig
from jx.adapters.kubernetes.streams import LineStream
from jx.adapters.kubernetes.transport import Request, Transport
from jx.adapters.local.kubernetes.types import facts

Obj = dict[str, Any]
Step = Mapping[str, Any]

_VERBS = ("get", "watch", "post", "put", "delete", "apply", "merge", "json", "strategic")
_PATCHES = {
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}
_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.05
_LONGEST_SHOWN = 10_000
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True)
class Case:
    """A named script. `differs` says why the embedded server answers otherwise, where it does so on purpose."""

    name: str
    steps: tuple[Step, ...]
    differs: str = ""


def load(folder: Path) -> list[Case]:
    """The cases of all files of a folder, in order; keys that begin with `_` only hold anchors."""
    cases: list[Case] = []
    for path in sorted(folder.glob("*.yaml")):
        content: Obj = yaml.safe_load(path.read_text()) or {}
        for name, script in content.items():
            if not name.startswith("_"):
                cases.append(_case(f"{path.stem}: {name}", script))
    return cases


def _case(name: str, script: Any) -> Case:
    if isinstance(script, list):
        return Case(name, tuple(script))
    return Case(name, tuple(script["steps"]), script["differs"])


@dataclass(frozen=True)
class Answer:
    """What a comparison looks at."""

    step: str
    status: int
    warnings: tuple[str, ...]
    body: Any

    def plain(self) -> Obj:
        """The answer as JSON can hold it."""
        return {"step": self.step, "status": self.status, "warnings": list(self.warnings), "body": self.body}


class Player:
    """Runs cases on the server that a kubeconfig names, each in a namespace of its own."""

    def __init__(self, path: Path) -> None:
        self._transport = Transport(kubeconfig.load([path]), SystemClock())
        self._pause = threading.Event()

    def close(self) -> None:
        self._transport.close()

    def play(self, case: Case) -> list[Answer]:
        """All answers of a case; what it made is deleted again, as far as it is in its namespace or named after it."""
        run = _Run(self, f"p-{secrets.token_hex(4)}")
        run.begin()
        try:
            return [answer for step in case.steps for answer in run.take(step)]
        finally:
            run.end()

    def send(self, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        response = self._transport.request(request)
        return response.status, response.headers, response.body

    def stream(self, request: Request) -> LineStream | tuple[int, Mapping[str, str], bytes]:
        found = self._transport.stream(request)
        if isinstance(found, LineStream):
            return found
        return found.status, found.headers, found.body

    def pauses(self) -> Iterator[None]:
        """Waits between looks at something that is to come; AssertionError when it does not."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < end:
            yield
            self._pause.wait(_PAUSE_SECONDS)
        raise AssertionError("waited in vain")


@dataclass
class _Run:
    """A case on its way: its namespace, what it has saved, and the order in which ids and versions appeared."""

    player: Player
    namespace: str
    saved: dict[str, str] = field(default_factory=dict)
    seen: dict[str, dict[str, str]] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.saved["ns"] = self.namespace
        self._call("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        for _ in self.player.pauses():
            path = f"/api/v1/namespaces/{self.namespace}/"
            found = [
                self._call("GET", path + one)[0]
                for one in ("serviceaccounts/default", "configmaps/kube-root-ca.crt")
            ]
            if found == [200, 200]:
                return

    def end(self) -> None:
        for path in reversed(self.made):
            self._call("DELETE", path)
        self._call("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def take(self, step: Step) -> Iterator[Answer]:
        """Do a step; yields its answer where it is one to compare."""
        if "established" in step:
            self._await_definition(self._filled(step["established"]))
            return
        if "define" in step:
            yield from self._define(step)
            return
        verb = next(one for one in _VERBS if one in step)
        place = str(self._filled(step[verb]))
        path, query = self._address(place)
        request = self._request(verb, path, query, self._filled(dict(step)))
        label = f"{verb} {step[verb]}"
        if verb == "watch":
            yield self._watched(label, request, int(step.get("events", 1)))
            return
        status, headers, body = self._repeated(request, step)
        if (
            request.method == "POST"
            and status == 201
            and not path.startswith(f"/api/v1/namespaces/{self.namespace}/")
        ):
            self._remember(path, body)
        if verb == "apply" and status == 201:
            self._remember(path, body, named=True)
        self._save(step, body)
        if not step.get("unseen"):
            yield Answer(label, status, self._warnings(headers), self._shown(step, body, headers))

    def _define(self, step: Step) -> Iterator[Answer]:
        """`{define: things, schema: ...}`: a definition, and where it is accepted the wait until it is served."""
        plural, path = str(step["define"]), _DEFINITIONS
        (answer,) = self.take({"post": path, "body": _definition(plural, step), **_options(step)})
        yield Answer(f"define {plural}", answer.status, answer.warnings, answer.body)
        if answer.status == 201 and step.get("awaited", True):
            self._await_definition(f"{plural}.{self.namespace}.example.org")

    def _repeated(self, request: Request, step: Step) -> tuple[int, Mapping[str, str], bytes]:
        wanted = self._filled(step.get("until"))
        if wanted is None:
            return self.player.send(request)
        for _ in self.player.pauses():
            found = self.player.send(request)
            if found[0] == wanted or (isinstance(wanted, str) and wanted.encode() in found[2]):
                return found
        raise AssertionError("the pauses end by an error")

    def _remember(self, path: str, body: bytes, *, named: bool = False) -> None:
        base = path.partition("?")[0]
        if f"/namespaces/{self.namespace}/" not in base:
            name = json.loads(body)["metadata"].get("name")
            if name:
                self.made.append(base if named else f"{base}/{name}")

    def _request(self, verb: str, path: str, query: tuple[tuple[str, str], ...], step: Step) -> Request:
        method = "PATCH" if verb in _PATCHES else "GET" if verb == "watch" else verb.upper()
        headers = {"User-Agent": "tester/1.0", **{str(k): str(v) for k, v in step.get("headers", {}).items()}}
        if user := step.get("as"):
            headers["Impersonate-User"] = user
        body = self._body(step, path) if "body" in step else None
        if body is not None:
            headers.setdefault("Content-Type", _PATCHES.get(verb, "application/json"))
        more = {**({"fieldManager": "tester"} if verb == "apply" else {}), **step.get("query", {})}
        if manager := step.get("manager"):
            more["fieldManager"] = manager
        if step.get("force"):
            more["force"] = "true"
        if verb == "watch":
            more["watch"] = "true"
        pairs = (*query, *((key, str(value)) for key, value in more.items()))
        return Request(method, path, pairs, body, headers)

    def _body(self, step: Step, path: str) -> bytes:
        body = step["body"]
        if isinstance(body, str):
            return body.encode()
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if isinstance(metadata, dict) and metadata.get("generateName"):
            self.prefixes.append(metadata["generateName"])
        is_whole = any(verb in step for verb in ("post", "put", "apply"))
        if is_whole and isinstance(body, dict) and not step.get("bare"):
            body = {**_head_at(path), **body}
        return json.dumps(body).encode()

    def _address(self, place: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        path, _, query = place.partition("?")
        if path.startswith("@"):
            version, _, rest = path[1:].partition("/")
            path = f"/apis/{self.namespace}.example.org/{version}/namespaces/{self.namespace}/{rest}"
        elif not path.startswith("/"):
            version, plural, rest = _PLACE.fullmatch(path).groups("")  # type: ignore[union-attr]
            path = _path_of(version + plural, rest, self.namespace)
        return path, tuple(parse_qsl(query, keep_blank_values=True))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str):
            for name in sorted(self.saved, key=len, reverse=True):
                value = value.replace(f"${name}", self.saved[name])
            return value
        if isinstance(value, dict) and value.keys() == {"times"}:
            text, count = value["times"]
            return str(text) * int(count)
        if isinstance(value, dict):
            return {self._filled(key): self._filled(child) for key, child in value.items()}
        if isinstance(value, list):
            return [self._filled(child) for child in value]
        return value

    def _save(self, step: Step, body: bytes) -> None:
        for name, place in step.get("save", {}).items():
            found = json.loads(body)
            for key in place.split("."):
                found = found[int(key)] if isinstance(found, list) else found[key]
            self.saved[name] = str(found)

    def _watched(self, label: str, request: Request, count: int) -> Answer:
        found = self.player.stream(request)
        if isinstance(found, tuple):
            status, headers, body = found
            return Answer(label, status, self._warnings(headers), self._comparable(body, headers))
        events: list[Any] = []
        with contextlib.closing(found):
            end = time.monotonic() + _PATIENCE_SECONDS
            while len(events) < count and not found.has_ended and time.monotonic() < end:
                if not found.has_buffered:
                    select.select([found], [], [], _PATIENCE_SECONDS)
                events += [self._normal(json.loads(line)) for line in found.read()]
        return Answer(label, 200, (), events[:count])

    def _await_definition(self, name: str) -> None:
        path = f"{_DEFINITIONS}/{name}"
        for _ in self.player.pauses():
            conditions = json.loads(self._call("GET", path)[2]).get("status", {}).get("conditions") or ()
            if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
                break
        definition = json.loads(self._call("GET", path)[2])
        version = next(one["name"] for one in definition["spec"]["versions"] if one["served"])
        listed = f"/apis/{definition['spec']['group']}/{version}/{definition['spec']['names']['plural']}"
        for _ in self.player.pauses():
            if self._call("GET", listed)[0] == 200:
                return

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, Mapping[str, str], bytes]:
        content = None if body is None else json.dumps(body).encode()
        return self.player.send(Request(method, path, (), content, {"Content-Type": "application/json"}))

    # What two servers can agree about

    def _warnings(self, headers: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(
            self._text(one) for one in re.findall(r'299 - "((?:[^"\\]|\\.)*)"', headers.get("warning", ""))
        )

    def _shown(self, step: Step, body: bytes, headers: Mapping[str, str]) -> Any:
        """The answer's body, or what the step looks at of it."""
        if step.get("indented"):
            read = json.loads(body)
            plain = json.dumps(read, indent=2, ensure_ascii=False)
            return {"is_indented": body.decode().rstrip() == plain, "body": self._normal(read)}
        if step.get("lines"):
            return [self._normal(json.loads(line)) for line in body.splitlines()]
        if (place := step.get("digests")) and body.startswith(b"{"):
            return parity_views.digests(json.loads(body), place)
        shown = self._comparable(body, headers)
        if step.get("unordered"):
            return _unordered(shown)
        return parity_views.look(shown, self._filled(step), self.namespace)

    def _comparable(self, body: bytes, headers: Mapping[str, str]) -> Any:
        if not headers.get("content-type", "").startswith("application/json"):
            return self._text(body.decode())
        return self._normal(json.loads(body)) if body else None

    def _normal(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._normal(child) for child in value]
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, dict):
            return value
        made = {self._text(key): self._normal(child) for key, child in value.items()}
        made |= {key: _sorted(made[key]) for key in _UNORDERED if isinstance(made.get(key), list)}
        if any(one.get("reason") == "FieldManagerConflict" for one in made.get("causes") or ()):
            made["causes"] = _sorted(made["causes"])
        if revision := value.get("resourceVersion"):
            is_list = "uid" not in value and "name" not in value
            made["resourceVersion"] = "<rv>" if is_list else self._numbered("rv", revision)
        if value.get("continue"):
            made["continue"] = "<token>"
        for key, mark in _GIVEN.items():
            if key in value and value[key] != "None":
                made[key] = mark
        return self._document(made)

    def _document(self, made: Obj) -> Obj:
        """Answers of some kinds have more that differs by chance."""
        if made.get("kind") == "Table" and "rows" in made:
            return {**made, **_plain_table(made)}
        if "serverAddressByClientCIDRs" in made:
            return {**made, "serverAddressByClientCIDRs": "<addresses>"}
        if made.get("kind") == "APIResourceList" and "<ns>" in made["groupVersion"]:
            return {**made, "resources": [_without_hash(resource) for resource in made["resources"]]}
        return made

    def _text(self, text: str) -> str:
        if text.startswith("-----BEGIN CERTIFICATE"):
            return "<certificate>"
        if len(text) > _LONGEST_SHOWN:
            return f"<{len(text)} characters>"
        text = _PATCHED.sub(_ordered, text.replace(self.namespace, "<ns>"))
        text = _UUID.sub(lambda found: self._numbered("uid", found[0]), text)
        for prefix in self.prefixes:
            text = re.sub(rf"{re.escape(prefix)}{_RANDOM}", f"{prefix}<random>", text)
        text = _MOUNT.sub(r"\1<random>", text)
        text = _CURRENT.sub(r"\1<rv>", text)
        text = _OLDEST.sub(r"\1(<rv>)", text)
        text = _REVISION.sub(lambda found: found[1] + self._numbered("rv", found[2]), text)
        text = _RECORDED.sub(lambda found: found[1] + self._numbered("rv", found[2]), text)
        for name, value in self.saved.items():
            if name.startswith("rv"):
                text = re.sub(rf"\b{re.escape(value)}\b", self._numbered("rv", value), text)
        return _ADDRESS.sub("<address>", _TIME.sub("<time>", text))

    def _numbered(self, kind: str, value: str) -> str:
        known = self.seen.setdefault(kind, {})
        return known.setdefault(value, f"<{kind} {len(known) + 1}>")


def _plain_table(table: Obj) -> Obj:
    """Its rows without ages; what the columns say of themselves is left out on purpose."""
    columns = [
        {key: value for key, value in column.items() if key != "description"}
        for column in table["columnDefinitions"] or ()
    ]
    return {"rows": [_without_ages(row) for row in table["rows"] or ()], "columnDefinitions": columns or None}


def _without_ages(row: Obj) -> Obj:
    cells = [
        _CLUSTER_ADDRESS.sub("<ip>", _AGE.sub("<age>", cell)) if isinstance(cell, str) else cell
        for cell in row["cells"]
    ]
    return {**row, "cells": cells}


def _without_hash(resource: Obj) -> Obj:
    """A resource whose group has a random name, and with it its hash."""
    return {**resource, "storageVersionHash": "<hash>"} if "storageVersionHash" in resource else resource


def _sorted(items: list[Any]) -> list[Any]:
    """Items whose order means nothing (the real server draws it by chance, or by times) in a stable one."""
    return sorted(items, key=lambda one: json.dumps(one, sort_keys=True))


def _unordered(body: Obj) -> Obj:
    """A refusal whose mistakes the real server tells in the order of a map."""
    causes = _sorted(body["details"]["causes"])
    subject = body["message"].partition(" is invalid: ")[0]
    told = ", ".join(sorted(f"{cause['field']}: {cause['message']}" for cause in causes))
    return {
        **body,
        "message": f"{subject} is invalid: [{told}]",
        "details": {**body["details"], "causes": causes},
    }


def _ordered(found: re.Match[str]) -> str:
    """The object that a refused patch would have made, with its keys in order."""
    try:
        obj = json.loads(json.loads(f'"{found[1]}"'))
    except ValueError:
        return found[0]
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    if isinstance(metadata, dict) and isinstance(managers := metadata.get("managedFields"), list):
        # They stand in the order of their times, whose seconds may pass between the two servers' answers.
        metadata["managedFields"] = sorted(managers, key=lambda one: _TIMES.sub("", json.dumps(one)))
    text = json.dumps(_masked(obj), sort_keys=True, separators=(",", ":"))
    return f"Invalid value: {json.dumps(text)}: "


_PLACE = re.compile(r"((?:[a-z0-9.]+/)?v\w+:)?([^/]+)(?:/(.*))?")


def _masked(value: Any) -> Any:
    """A value without what a server gives as it likes."""
    if isinstance(value, list):
        return [_masked(child) for child in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _GIVEN[key] if key in _GIVEN and child != "None" else _masked(child)
        for key, child in value.items()
    }


_PATCHED = re.compile(r'Invalid value: "(\{.*\})": ')
_AGE = re.compile(r"^(\d+[ydhms])+$|(?<=\()(\d+[ydhms])+(?= ago\))")
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]{5}"
_TIMES = re.compile(r'"time": "[^"]*"')
_MOUNT = re.compile(rf"(kube-api-access-){_RANDOM}")
_CURRENT = re.compile(r"(Too large resource version: \d+, current: )\d+")
_OLDEST = re.compile(r"(too old resource version: \d+ )\(\d+\)")
_ADDRESS = re.compile(r"127\.0\.0\.1:\d{4,5}")
_CLUSTER_ADDRESS = re.compile(r"^1(0|27)\.96\.\d+\.\d+$")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_REVISION = re.compile(r'(\\?"resourceVersion\\?":\\?"|resourceVersion: ")(\d+)')
_RECORDED = re.compile(r"(ResourceVersion in record \()(\d+)")
_UNORDERED = ("managedFields", "nonResourceRules", "resourceRules")
_GIVEN = {"clusterIP": "<ip>", "clusterIPs": ["<ip>"], "nodePort": "<port>", "healthCheckNodePort": "<port>"}


def _head_at(path: str) -> Obj:
    """The apiVersion and kind of what stands at a path, where that can be told."""
    parts = path.strip("/").split("/")
    root, group, version, *rest = ["api", "", *parts[1:], ""] if parts[0] == "api" else [*parts, "", ""]
    rest = [part for part in rest if part]
    if rest and rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    if root not in ("api", "apis") or not rest or len(rest) > 2:
        return {}
    if group.endswith(".example.org"):
        return {"apiVersion": f"{group}/{version}", "kind": _kind_of(rest[0])}
    for one in facts.load().resources:
        if (one.group, one.version, one.plural) == (group, version, rest[0]):
            return {"apiVersion": one.api_version, "kind": one.kind}
    return {}


def _kind_of(plural: str) -> str:
    return plural.removesuffix("s").capitalize()


def _options(step: Step) -> Step:
    return {key: step[key] for key in ("query", "unordered") if key in step}


def _definition(plural: str, step: Step) -> Obj:
    """A whole CustomResourceDefinition: `schema` and `version` are of its only version, `spec` adds to the rest."""
    version = {"name": "v1", "served": True, "storage": True, **step.get("version", {})}
    if "schema" in step:
        version["schema"] = {"openAPIV3Schema": step["schema"]}
    names = {"plural": plural, "kind": _kind_of(plural), **step.get("names", {})}
    spec = {"group": "$ns.example.org", "scope": "Namespaced", "names": names}
    spec |= {"versions": step.get("versions", [version]), **step.get("spec", {})}
    return {"metadata": {"name": f"{plural}.$ns.example.org", **step.get("metadata", {})}, "spec": spec}


def _path_of(plural: str, rest: str, namespace: str) -> str:
    """`deployments/web` or `apps/v1:deployments/web`."""
    group_version, _, plural = plural.rpartition(":")
    found = [
        one
        for one in facts.load().resources
        if one.plural == plural and (not group_version or one.api_version == group_version)
    ]
    stable = [one for one in found if "alpha" not in one.version and "beta" not in one.version]
    resource = (stable or found)[0]
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    place = f"{root}/namespaces/{namespace}/{plural}" if resource.namespaced else f"{root}/{plural}"
    return f"{place}/{rest}" if rest else place
