"""The anchor ports over the Kubernetes API: one ConfigMap per environment, which is also the parent of its ApplySet (KEP-3659).

The ConfigMap's resourceVersion is what is compared and swapped. The inventory lies beside it in Secrets, since a hash of what was
sent could be used to guess a secret; so do ledger entries that could not be pushed yet, and what charts have drawn at random.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from jx import __version__
from jx.adapters.kubernetes.api import CONFIG_MAPS, LEASES, NAMESPACES, Api, Json
from jx.adapters.kubernetes.blobs import BlobRef, Blobs
from jx.adapters.kubernetes.fences import Fences, lease_name
from jx.domain.applying.applying import Anchor
from jx.domain.errors import Forbidden, Invalid, NotFound, Refused, Stale
from jx.domain.ledger.anchor_records import anchor_to_data, parse_anchor
from jx.domain.names import EnvironmentName
from jx.domain.objects.membership import ANCHORS_NAMESPACE, APPLYSET_ID, applyset_id, parent_name

FORMAT = 1
ANCHOR_LABEL = "jenkins.io/anchor"
INVENTORY_TYPE = "jenkins.io/inventory"
PENDING_TYPE = "jenkins.io/pending"
DRAWN_TYPE = "jenkins.io/drawn"

_KEY = "anchor.json"
_PACKED_KEY = "anchor.json.gz"
_LARGE = 100_000
_READS = 5
_TOOLING = "applyset.kubernetes.io/tooling"
_TAKE_OVER = "jenkins.io/hand-over-to"
_MANAGED = {"app.kubernetes.io/managed-by": "jx"}


@dataclass(frozen=True, slots=True)
class _Record:
    """An anchor as its ConfigMap has it: inventory and pending entries by reference."""

    data: Mapping[str, Any]
    inventory: BlobRef = BlobRef()
    pending: tuple[tuple[str, BlobRef], ...] = ()
    drawn: BlobRef = BlobRef()

    @property
    def parts(self) -> frozenset[str]:
        refs = (self.inventory, self.drawn, *(ref for _, ref in self.pending))
        return frozenset(part for ref in refs for part in ref.parts)


class KubernetesAnchors:
    """Anchors of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def find(self, environment: EnvironmentName) -> Anchor | None:
        """The anchor; read again where somebody else replaced its inventory in between."""
        for attempt in range(1, _READS + 1):
            body = self._find(environment)
            if body is None:
                return None
            if _is_another_tools(body):
                return Anchor(environment, None, "", "", "", version=_version(body))
            anchor = self._complete(body, environment, is_last=attempt == _READS)
            if anchor is not None:
                return anchor
        raise AssertionError("the last attempt returns")

    def list_all(self) -> tuple[Anchor, ...]:
        """All anchors, by name."""
        items, _ = self._api.list_pages(CONFIG_MAPS, ANCHORS_NAMESPACE, query={"labelSelector": ANCHOR_LABEL})
        names = sorted(EnvironmentName(item["metadata"]["labels"][ANCHOR_LABEL]) for item in items)
        return tuple(anchor for name in names if (anchor := self.find(name)) is not None)

    def save(self, anchor: Anchor) -> Anchor:
        """Blobs first, then the compare-and-swap, then the blobs that are no longer referred to are deleted."""
        old = self._find(anchor.environment)
        if (_version(old) if old is not None else "") != anchor.version:
            raise _stale(anchor.environment)
        if old is None:
            ensure_namespace(self._api, ANCHORS_NAMESPACE)
        before = _Record({}) if old is None or _is_another_tools(old) else _read(old)
        blobs = self._blobs(anchor.environment)
        after = _write_blobs(blobs, anchor, before)
        saved = self._swap(anchor, _body(anchor, after))
        blobs.sweep(after.parts, gone=before.parts - after.parts)
        return replace(anchor, version=_version(saved))

    def remove(self, environment: EnvironmentName) -> None:
        """Forget an environment: the anchor first, then what lies beside it, its lock too."""
        blobs = self._blobs(environment)
        parts = blobs.list_parts()
        with contextlib.suppress(NotFound):
            self._api.delete(CONFIG_MAPS, ANCHORS_NAMESPACE, parent_name(environment))
        blobs.delete(parts)
        with contextlib.suppress(NotFound):
            self._api.delete(LEASES, ANCHORS_NAMESPACE, lease_name(environment))
        with contextlib.suppress(NotFound, Forbidden):
            Fences(self._api).take_down(environment)

    def _find(self, environment: EnvironmentName) -> Json | None:
        try:
            return self._api.get(CONFIG_MAPS, ANCHORS_NAMESPACE, parent_name(environment))
        except NotFound:
            return None

    def _complete(self, body: Json, environment: EnvironmentName, *, is_last: bool) -> Anchor | None:
        """The whole anchor; None where a blob is missing and reading again may help. One that stays missing is lost: without an
        inventory nothing is pruned."""
        record = _read(body)
        blobs = self._blobs(environment)
        inventory, drawn = (
            blobs.read(ref) if ref.parts else b"[]" for ref in (record.inventory, record.drawn)
        )
        pending = [(name, blobs.read(ref)) for name, ref in record.pending]
        if not is_last and None in (inventory, drawn, *(content for _, content in pending)):
            return None
        data = {
            **record.data,
            "inventory": _parse(inventory or b"[]", body),
            "drawn": _parse(drawn or b"[]", body),
            "pending": [
                {"name": name, "content": base64.b64encode(content).decode()}
                for name, content in pending
                if content is not None
            ],
        }
        return parse_anchor(data, version=_version(body))

    def _swap(self, anchor: Anchor, body: Json) -> Json:
        try:
            if not anchor.version:
                return self._api.create(CONFIG_MAPS, ANCHORS_NAMESPACE, body)
            body["metadata"]["resourceVersion"] = anchor.version
            return self._api.replace(CONFIG_MAPS, ANCHORS_NAMESPACE, body)
        except (Stale, NotFound) as error:
            raise _stale(anchor.environment) from error

    def _blobs(self, environment: EnvironmentName) -> Blobs:
        return Blobs(self._api, ANCHORS_NAMESPACE, {**_MANAGED, ANCHOR_LABEL: environment})


def ensure_namespace(api: Api, name: str) -> None:
    """A namespace, made where it is not there."""
    try:
        api.get(NAMESPACES, "", name)
    except NotFound:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": _MANAGED}}
        with contextlib.suppress(Stale):  # somebody else was faster
            api.create(NAMESPACES, "", body)


def _write_blobs(blobs: Blobs, anchor: Anchor, before: _Record) -> _Record:
    data = anchor_to_data(anchor)
    items, _, groups = data.pop("inventory"), data.pop("pending"), data.pop("drawn")
    inventory, drawn = (
        blobs.write(
            orjson.dumps(content),
            old=old,
            base=anchor.version,
            prefix=f"jx-{what}-{anchor.environment}",
            kind=kind,
        )
        if content
        else BlobRef()
        for content, old, what, kind in (
            (items, before.inventory, "inventory", INVENTORY_TYPE),
            (groups, before.drawn, "drawn", DRAWN_TYPE),
        )
    )
    known = dict(before.pending)
    pending = tuple(
        (
            entry.name,
            blobs.write(
                entry.content,
                old=known.get(entry.name, BlobRef()),
                base=f"{anchor.version} {entry.name}",
                prefix=f"jx-pending-{anchor.environment}",
                kind=PENDING_TYPE,
            ),
        )
        for entry in anchor.pending
    )
    return _Record(data, inventory, pending, drawn)


def _body(anchor: Anchor, record: _Record) -> Json:
    refs = [item.ref for item in anchor.inventory]
    kinds = {f"{ref.kind}.{ref.group}" if ref.group else ref.kind for ref in refs}
    spaces = {ref.namespace for ref in refs} - {"", ANCHORS_NAMESPACE}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": parent_name(anchor.environment),
            "namespace": ANCHORS_NAMESPACE,
            "labels": {
                **_MANAGED,
                ANCHOR_LABEL: anchor.environment,
                APPLYSET_ID: applyset_id(anchor.environment),
            },
            "annotations": {
                _TOOLING: f"jx/v{__version__}",
                "applyset.kubernetes.io/contains-group-kinds": _joined(kinds),
                "applyset.kubernetes.io/additional-namespaces": _joined(spaces),
            },
        },
        **_content(record),
    }


def _joined(words: Iterable[str]) -> str:
    return ",".join(sorted(words))


def _content(record: _Record) -> Json:
    whole = {
        **record.data,
        "format": FORMAT,
        "inventory": record.inventory.to_data(),
        "pending": [{"name": name, **ref.to_data()} for name, ref in record.pending],
        "drawn": record.drawn.to_data(),
    }
    text = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"
    if len(text) > _LARGE:
        return {"binaryData": {_PACKED_KEY: base64.b64encode(gzip.compress(text, mtime=0)).decode()}}
    return {"data": {_KEY: text.decode()}}


def _read(body: Json) -> _Record:
    packed = (body.get("binaryData") or {}).get(_PACKED_KEY)
    text = gzip.decompress(base64.b64decode(packed)) if packed else (body.get("data") or {}).get(_KEY)
    if text is None:
        raise _unreadable(body, f"it has no {_KEY}")
    data = _parse(text, body)
    if not isinstance(data, dict) or not isinstance(data.get("format"), int):
        raise _unreadable(body, "it says no format")
    if data["format"] > FORMAT:
        raise Refused(
            f"{_where(body)} was written by a newer jx (format {data['format']}, this one knows {FORMAT})",
            hint="use the jx that your platform runs, or a newer one",
        )
    inventory = BlobRef.of_data(data.pop("inventory", None) or {})
    pending = tuple((str(item["name"]), BlobRef.of_data(item)) for item in data.pop("pending", None) or ())
    drawn = BlobRef.of_data(data.pop("drawn", None) or {})
    return _Record(data, inventory, pending, drawn)


def _is_another_tools(body: Json) -> bool:
    """Whether the parent is that of another tool, and may become ours. Refused where nobody said that it may."""
    notes = body["metadata"].get("annotations") or {}
    tool = str(notes.get(_TOOLING) or "")
    if not tool or tool.partition("/")[0] == "jx":
        return False
    if notes.get(_TAKE_OVER) == "jx":
        return True
    command = f"kubectl annotate configmap {body['metadata']['name']} -n {ANCHORS_NAMESPACE} {_TAKE_OVER}=jx"
    raise Refused(
        f"{_where(body)} is the parent of an ApplySet of {tool}: its members are managed by that",
        hint=f"hand it over, with all its members, by `{command}`; "
        "then everything is sent once and nothing is pruned",
    )


def _parse(text: str | bytes, body: Json) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _unreadable(body, "it is not JSON") from error


def _unreadable(body: Json, why: str) -> Invalid:
    return Invalid(
        f"{_where(body)} cannot be read as an anchor: {why}",
        hint="restore it from a backup, or delete it: the next apply then sends everything and prunes nothing",
    )


def _version(body: Json) -> str:
    return str(body["metadata"]["resourceVersion"])


def _where(body: Json) -> str:
    return f"ConfigMap/{body['metadata']['name']} (namespace {body['metadata'].get('namespace', '')})"


def _stale(environment: EnvironmentName) -> Stale:
    return Stale(
        f"what the cluster remembers of environment {environment} was changed in between",
        hint="read again and decide again",
    )
