"""What was told of a change and what was done by it, both as operations on fields of objects: the one read from the text of a
pull request, the other from the audit log of the API server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

Leaves = dict[str, Any]
"""Values by the path of their field."""

MANAGERS = ("jx", "jx-secrets")
_WORDS = {
    "create": "create",
    "update": "change",
    "take over": "change",
    "replace": "replace",
    "prune": "delete",
}
_HEAD = re.compile(
    r"# (create|update|take over|replace|prune|run): (\S+?)/(\S+)(?: \(namespace (\S+?)\))? \((.*)\)$"
)
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_FENCE = re.compile(r"^`{4,}(?:diff)?\n", re.MULTILINE)
_IDENTITY = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})
_NAMED_BY = (
    "name",
    "containerPort",
    "port",
    "mountPath",
    "devicePath",
    "key",
    "ip",
    "type",
    "topologyKey",
    "uid",
)
_OURS = frozenset({"jx-anchors", "jx-rescue", "jx-build-numbers"})
_LOCKS = "jx-fence"
"""The lock's own policies, which keep late requests off."""
_ASIDE = frozenset(
    {"leases", "pipelineactivities", "pipelineruns", "promotions", "tokenreviews", "subjectaccessreviews"}
)


@dataclass(frozen=True, order=True)
class Object:
    """Which object."""

    kind: str
    """With its group."""
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass
class Operation:
    """What happens to an object: create, change, replace, delete or run, and to which of its fields."""

    what: str
    fields: set[str] = field(default_factory=set)
    """Empty for a delete: all of them go."""
    by_server: set[str] = field(default_factory=set)
    """Fields that nobody sent: defaults."""
    left_out: set[str] = field(default_factory=set)
    """Fields that were sent and change nothing: a zero (`false`, `0`, an empty text or list) that the server does not keep, or
    what it had set itself as a default."""


Operations = dict[Object, Operation]


class Told:
    """The texts that pull requests told, one after the other: each is about what the ones before it left."""

    def __init__(self) -> None:
        self._texts: dict[Object, list[str]] = {}
        self.problems: list[str] = []

    def read(self, text: str) -> Operations:
        """What a comment, or the diff that stands for a long one, says that will happen."""
        found: Operations = {}
        for head, lines in _parts(_FENCE.sub("", text)):
            word, kind, name, namespace, _ = head
            one = Object(kind, namespace or "", name)
            if word == "run":
                found.setdefault(one, Operation("run")).fields |= set(leaves(_load(_patched([], lines))))
                continue
            found[one] = self._one(one, _WORDS[word], lines)
        return found

    def _one(self, one: Object, what: str, lines: list[str]) -> Operation:
        before = self._texts.get(one, [])
        try:
            after = _patched([] if what == "create" else before, lines)
        except ValueError as error:
            self.problems.append(f"{one}: {error}")
            return Operation(what)
        if what == "delete":
            self._texts.pop(one, None)
            return Operation(what)
        self._texts[one] = [line.replace(", changed>", ">") for line in after]
        new = leaves(_load(after))
        old = leaves(_load(before)) if what == "change" else {}
        return Operation(what, _differing(old, new))


def _parts(text: str) -> Iterator[tuple[tuple[str, str, str, str | None, str], list[str]]]:
    head, lines = None, list[str]()
    for line in text.split("\n"):
        match = _HEAD.match(line)
        if match or (lines and line and not line.startswith(("@@", "+", "-", " "))):
            if head:
                yield head, lines
            head, lines = None, []
        if match:
            word, kind, name, namespace, why = match.groups()
            head = (word, kind, name, namespace, why)
        elif head and line.startswith(("@@", "+", "-", " ")):
            lines.append(line)
    if head:
        yield head, lines


def _patched(before: Sequence[str], diff: Sequence[str]) -> list[str]:
    """The text after a unified diff. ValueError where the diff is about another text."""
    after, at = list[str](), 0
    for line in diff:
        if line.startswith(("--- ", "+++ ")) and not after and at == 0:
            continue
        hunk = _HUNK.match(line)
        if hunk:
            start = max(int(hunk[1]) - 1, 0) if hunk[2] != "0" else int(hunk[1])
            after += before[at:start]
            at = start
        elif line[0] == "+":
            after.append(line[1:])
        else:
            if at >= len(before) or before[at] != line[1:]:
                raise ValueError(f"the diff is not about what was told before: {line!r}")
            after += [line[1:]] if line[0] == " " else []
            at += 1
    return after + list(before[at:])


def _load(lines: Sequence[str]) -> Any:
    return yaml.load("\n".join(lines), Loader=_Loader) or {}


class _Loader(yaml.CSafeLoader):
    """Texts stay texts, times too."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _differing(old: Leaves, new: Leaves) -> set[str]:
    return {path for path in old.keys() | new.keys() if _at(old, path) != _at(new, path)}


def _at(found: Leaves, path: str) -> tuple[bool, Any]:
    return path in found, found.get(path)


def leaves(value: Any, path: str = "") -> Leaves:
    """The fields of an object by path, but for its identity; elements of lists by their names where all have one."""
    return {at: one for at, one in _leaves(value, path) if at not in _IDENTITY}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, one in value.items():
            yield from _leaves(one, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        for name, one in zip(_element_names(value), value, strict=True):
            yield from _leaves(one, f"{path}[{name}]")
    else:
        yield path, value


def _element_names(elements: Sequence[Mapping[str, Any]]) -> list[str]:
    for key in _NAMED_BY:
        names = [f"{key}={one[key]}" for one in elements if key in one]
        if len(set(names)) == len(elements):
            return names
    return [str(number) for number in range(len(elements))]


def _owned(value: Any, fields: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a value that `fieldsV1` of a manager names."""
    if not fields:
        yield from _leaves(value, path)
        return
    names = (
        _element_names(value) if isinstance(value, list) and value and isinstance(value[0], Mapping) else []
    )
    for word, below in fields.items():
        kind, _, name = word.partition(":")
        if kind == "f" and isinstance(value, Mapping) and name in value:
            yield from _owned(value[name], below, f"{path}.{name}" if path else name)
        elif kind == "k" and isinstance(value, list):
            keys = json.loads(name)
            for at, one in zip(names, value, strict=False):
                if all(one.get(key) == wanted for key, wanted in keys.items()):
                    yield from _owned(one, below, f"{path}[{at}]")
        elif kind == "v" or (kind == "." and not value):
            yield path, value


class Log:
    """The audit log of an API server, from its first line on: who did what, and what became of objects."""

    def __init__(self, is_ours: Iterable[str]) -> None:
        """`is_ours` are the users whose writes count; others' are only remembered."""
        self._users = frozenset(is_ours)
        self._states: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        self._asked: dict[tuple[str, str, str, str], Leaves] = {}
        """What was asked for last, of each object."""

    def read(self, lines: Iterable[str | bytes], *, count: bool = True) -> Operations:
        """What the writes in these lines did, in all."""
        befores: dict[tuple[str, str, str, str], dict[str, Any] | None] = {}
        verbs: dict[tuple[str, str, str, str], list[str]] = {}
        last: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        asked: dict[tuple[str, str, str, str], Leaves] = {}
        for line in lines:
            event = json.loads(line)
            if not _is_write(event):
                continue
            where = event["objectRef"]
            namespace = "" if where["resource"] == "namespaces" else where.get("namespace", "")
            key = (where.get("apiGroup", ""), where["resource"], namespace, where.get("name", ""))
            before = self._states.get(key)
            last.setdefault(key, before or {})
            after = None if event["verb"] == "delete" else event.get("responseObject") or before
            if after is None:
                self._states.pop(key, None)
            else:
                self._states[key] = last[key] = after
            if count and self._is_counted(event):
                befores.setdefault(key, before)
                verbs.setdefault(key, []).append("delete" if event["verb"] == "delete" else "send")
                if event["verb"] != "delete":
                    asked.setdefault(key, {}).update(leaves(_content(event.get("requestObject") or {})))
        found: Operations = {}
        for key, words in verbs.items():
            one, is_gone = _object(key, last[key]), key not in self._states
            found[one] = _done(befores[key], last[key], words, is_gone=is_gone)
            _explain(
                found[one], befores[key] or {}, last[key], (self._asked.get(key, {}), asked.get(key, {}))
            )
            self._asked[key] = asked.get(key, {})
        return found

    def _is_counted(self, event: Mapping[str, Any]) -> bool:
        where = event["objectRef"]
        is_ours = where.get("namespace") in _OURS or where.get("name") in _OURS
        is_aside = is_ours or where["resource"] in _ASIDE or where.get("name", "").startswith(_LOCKS)
        return event["user"]["username"] in self._users and not is_aside


def _is_write(event: Mapping[str, Any]) -> bool:
    where = event.get("objectRef") or {}
    return (
        event["verb"] in {"create", "update", "patch", "delete"}
        and event.get("stage") == "ResponseComplete"
        and event["responseStatus"]["code"] < 300
        and "dryRun=All" not in event["requestURI"]
        and not where.get("subresource")
        and "review" not in where.get("resource", "")
    )


def _object(key: tuple[str, str, str, str], state: Mapping[str, Any]) -> Object:
    group, resource, namespace, name = key
    kind = str(state.get("kind") or resource)
    return Object(f"{kind}.{group}" if group else kind, namespace, name)


def _done(before: Leaves | None, last: Leaves, verbs: Sequence[str], *, is_gone: bool) -> Operation:
    if is_gone and before is not None:
        return Operation("delete")
    new, everything = owned_leaves(last), leaves(_content(last))
    if before is None or "delete" in verbs:
        what = "run" if is_gone else "create" if before is None else "replace"
        return Operation(what, set(new), set(everything) - set(new))
    changed = _differing(owned_leaves(before), new)
    return Operation("change", changed, _differing(leaves(_content(before)), everything) - changed)


def _explain(
    done: Operation, before: Mapping[str, Any], last: Mapping[str, Any], asked: tuple[Leaves, Leaves]
) -> None:
    """Set apart what the server did by itself: defaults within what we own, and zeros that it does not keep."""
    kept, there, (earlier, now) = leaves(_content(last)), leaves(_content(before)), asked
    added = {path for path in done.fields if path in kept and path not in now}
    done.fields -= added
    done.by_server |= added
    zeros = {
        path for path, value in now.items() if path not in kept and value in (None, False, 0, "", [], {})
    }
    defaults = {
        path for path, value in now.items() if path not in earlier and _at(there, path) == (True, value)
    }
    done.left_out = zeros | defaults


def owned_leaves(body: Mapping[str, Any]) -> Leaves:
    """What our managers set of an object, as the API server has noted it."""
    found: Leaves = {}
    for entry in body.get("metadata", {}).get("managedFields") or ():
        if (
            entry.get("manager") in MANAGERS
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ):
            found |= dict(_owned(_content(body), entry.get("fieldsV1") or {}))
    return {path: value for path, value in found.items() if path not in _IDENTITY}


def _content(body: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what the server keeps about it."""
    kept = {key: value for key, value in body.items() if key != "status"}
    metadata = {
        key: value
        for key, value in body.get("metadata", {}).items()
        if key in ("labels", "annotations", "name", "namespace", "finalizers", "ownerReferences")
    }
    return kept | {"metadata": metadata}


def differences(told: Operations, done: Operations) -> list[str]:
    """Where they are not the same, a line for each object and field."""
    found = []
    for one in sorted(told.keys() | done.keys()):
        said, did = told.get(one), done.get(one)
        if said is None or did is None:
            found.append(
                f"{one}: told {said.what if said else 'nothing'}, done {did.what if did else 'nothing'}"
            )
        elif said.what != did.what and said.what != "run":
            found.append(f"{one}: told {said.what}, done {did.what}")
        elif said.what != "delete":
            missing = said.fields - did.fields - did.left_out
            found += [f"{one}: {path}: told, not done" for path in sorted(missing)]
            found += [f"{one}: {path}: done, not told" for path in sorted(did.fields - said.fields)]
    return found
