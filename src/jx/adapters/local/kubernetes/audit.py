"""Audit log: who asked the API for what and how it was answered, in the form of Kubernetes' own (audit.k8s.io/v1), a line each.

Reads are told without bodies; writes with what was sent and what came of it. Values of Secrets are in it only as HMACs, by a key
that is thrown away with the process: they tell whether two are the same, and nothing to who reads the file. Tokens are not in it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from jx.adapters.files.appending import AppendedFile
from jx.adapters.local.kubernetes.calls import forms, paths
from jx.adapters.local.kubernetes.calls.exchange import Call, Response
from jx.adapters.local.kubernetes.calls.paths import Target
from jx.adapters.local.kubernetes.types import bodies, protobuf

_READS: Final = frozenset({"get", "list", "watch"})
_MOST_BYTES: Final = 256 * 1024 * 1024
"""The file is put aside when it is this long; one older file is kept."""
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_TOKENS: Final = frozenset({("authentication.k8s.io", "tokenreviews"), ("", "serviceaccounts/token")})


class AuditLog:
    """The log in one file, which only its owner reads."""

    def __init__(self, file: Path) -> None:
        """OSError where the file cannot be written."""
        self._file = AppendedFile(file, _MOST_BYTES)
        self._key = secrets.token_bytes(32)

    def tell(self, call: Call, response: Response, *, received: datetime) -> None:
        """Write down one request and its answer; a stream when it begins. OSError where that cannot be written."""
        target = paths.parse(call.path)
        verb = _verb(call, target)
        event: dict[str, Any] = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": str(uuid.uuid4()),
            "stage": "ResponseStarted" if response.stream else "ResponseComplete",
            "requestURI": _uri(call),
            "verb": verb,
            "user": {"username": call.user.name, "uid": call.user.uid, "groups": list(call.user.groups)},
            "userAgent": call.headers.get("user-agent", ""),
            "responseStatus": {"metadata": {}, "code": response.status},
            "requestReceivedTimestamp": _time(received),
            "stageTimestamp": _time(datetime.now(UTC)),
        }
        if target:
            event["objectRef"] = _object_ref(target)
            if response.stream is None and verb not in _READS and not _is_about_tokens(target):
                event |= self._bodies(
                    call, response, is_secret=(target.group, target.plural) == ("", "secrets")
                )
                _name(event)
        self._file.append(orjson.dumps(event) + b"\n")

    def close(self) -> None:
        """Nothing is written after this."""
        self._file.close()

    def _bodies(self, call: Call, response: Response, *, is_secret: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"level": "RequestResponse"}
        for name, value in (("requestObject", _sent(call)), ("responseObject", _answered(response))):
            if value is not None:
                found[name] = self._veiled(value) if is_secret else value
        return found

    def _veiled(self, value: Any) -> Any:
        """A Secret, or a patch of one, without its values."""
        if isinstance(value, list):
            return [self._hashed(one) for one in value]
        if not isinstance(value, Mapping):
            return value
        shown = dict(value)
        for field in ("data", "stringData"):
            if isinstance(shown.get(field), Mapping):
                shown[field] = {key: self._hashed(one) for key, one in shown[field].items()}
        metadata = shown.get("metadata")
        noted = (metadata or {}).get("annotations") if isinstance(metadata, Mapping) else None
        if isinstance(noted, Mapping) and _LAST_APPLIED in noted:
            hidden = {**noted, _LAST_APPLIED: self._hashed(noted[_LAST_APPLIED])}
            shown["metadata"] = {**(metadata or {}), "annotations": hidden}
        if isinstance(shown.get("items"), list):
            shown["items"] = [self._veiled(one) for one in shown["items"]]
        return shown

    def _hashed(self, value: Any) -> str:
        data = value.encode() if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return f"hmac-sha256:{hmac.new(self._key, data, hashlib.sha256).hexdigest()}"


def _verb(call: Call, target: Target | None) -> str:
    if target is None:
        return "get" if call.method == "HEAD" else call.method.lower()
    watches = target.is_watch or (call.flag("watch") and call.method == "GET" and not target.name)
    return paths.verb_of(call.method, target, watch=watches) or call.method.lower()


def _uri(call: Call) -> str:
    return f"{call.path}?{urlencode(call.query)}" if call.query else call.path


def _object_ref(target: Target) -> dict[str, str]:
    named = {
        "resource": target.plural,
        "namespace": target.namespace,
        "name": target.name,
        "apiGroup": target.group,
        "apiVersion": target.version,
        "subresource": target.subresource,
    }
    return {name: value for name, value in named.items() if value}


def _name(event: dict[str, Any]) -> None:
    """Of an object that is made, its name: the path does not tell it."""
    answer = event.get("responseObject")
    metadata = answer.get("metadata") if isinstance(answer, Mapping) else None
    if event["verb"] == "create" and isinstance(metadata, Mapping) and metadata.get("name"):
        event["objectRef"].setdefault("name", metadata["name"])


def _is_about_tokens(target: Target) -> bool:
    resource = f"{target.plural}/{target.subresource}" if target.subresource else target.plural
    return (target.group, resource) in _TOKENS


def _sent(call: Call) -> Any:
    """None for what is no object."""
    if not call.body:
        return None
    try:
        if call.content_type == protobuf.MEDIA_TYPE:
            return protobuf.decode(call.body)
        return bodies.read_yaml(call.body)
    except (bodies.Unreadable, protobuf.Unreadable):
        return None


def _answered(response: Response) -> Any:
    if response.content_type.partition(";")[0] != forms.JSON:
        return None
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return None


def _time(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
