"""How a webhook is called: where it is, over TLS, with a time limit; and what can go wrong, in the real server's words."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import uuid
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from jx.adapters.local.kubernetes.admission import webhook_trust
from jx.adapters.local.kubernetes.types.facts import Obj

_VERSIONS: Final = ("v1", "v1beta1")
_MAX_ANSWER: Final = 3 * 1024 * 1024
_STATUS: Final = {
    401: "Unauthorized",
    403: "unknown",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    503: "the server is currently unable to handle the request",
}


class CallFailed(Exception):
    """A webhook that could not be asked; the text is what follows `failed calling webhook "name": `."""


@dataclass(frozen=True)
class Place:
    """Where a webhook listens: what its certificate must say, and where to connect to (`problem`: why nowhere)."""

    url: str
    server_name: str
    address: tuple[str, int] | None
    problem: str = ""


@dataclass(frozen=True)
class Review:
    """One question to one webhook."""

    webhook: str
    place: Place
    authority: str
    """`caBundle`, as the configuration has it: PEM in base64; "" for the system's authorities."""
    version: str
    """Of AdmissionReview: v1 or v1beta1; "" where the webhook speaks none of them."""
    seconds: int
    asked: Obj
    is_mutating: bool

    @property
    def key(self) -> str:
        who = orjson.dumps([self.webhook, self.place.url, self.is_mutating, self.version])
        return hashlib.sha256(who + orjson.dumps(self.asked)).hexdigest()

    def ask(self) -> Obj | CallFailed:
        """The webhook's `response`, or why there is none."""
        try:
            return self._response()
        except CallFailed as failure:
            return failure

    def _response(self) -> Obj:
        if not self.version:
            known = ", ".join(_VERSIONS)
            raise CallFailed(
                f"could not create admission objects: webhook does not accept known AdmissionReview versions ({known})"
            )
        uid = str(uuid.uuid4())
        review = {
            "kind": "AdmissionReview",
            "apiVersion": f"admission.k8s.io/{self.version}",
            "request": {"uid": uid, **self.asked},
        }
        answer = _parsed(_posted(self, orjson.dumps(review)))
        if problem := _problem(answer, uid, self.version, is_mutating=self.is_mutating):
            raise CallFailed(f"received invalid webhook response: {problem}")
        response: Obj = answer["response"]
        return response


def _posted(review: Review, body: bytes) -> bytes:
    place = review.place
    target = f"{place.url}?timeout={review.seconds}s"
    begin = f'failed to call webhook: Post "{target}": '
    if place.address is None:
        raise CallFailed(begin + place.problem)
    parts = urlsplit(target)
    connection = http.client.HTTPSConnection(parts.netloc, timeout=review.seconds)
    try:
        connection.sock = webhook_trust.secure(
            place.address, name=place.server_name, authority=review.authority, seconds=review.seconds
        )
        headers = {"Content-Type": "application/json", "Accept": "application/json, */*"}
        connection.request("POST", f"{parts.path or '/'}?{parts.query}", body, headers)
        response = connection.getresponse()
        content = response.read(_MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise CallFailed(begin + _transport_problem(error, place)) from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        raise CallFailed(f"failed to call webhook: {_refusal(response.status, content)}")
    return content


def _transport_problem(error: Exception, place: Place) -> str:
    host, port = place.address or ("", 0)
    if isinstance(error, TimeoutError):
        return "context deadline exceeded"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {_certificate_problem(error, place)}"
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {host}:{port}: connect: connection refused"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(error, ssl.SSLError):
        return f"tls: {error.reason or error}"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError):
        return "EOF"
    return str(error)


def _certificate_problem(error: ssl.SSLCertVerificationError, place: Place) -> str:
    if "ostname mismatch" in error.verify_message or "IP address mismatch" in error.verify_message:
        return f"certificate is not valid for any names, but wanted to match {place.server_name}"
    if "expired" in error.verify_message:
        return "certificate has expired or is not yet valid"
    return "certificate signed by unknown authority"


def _refusal(status: int, content: bytes) -> str:
    if status in _STATUS:
        return _STATUS[status]
    text = content[:2048].decode(errors="replace").strip()
    if status >= 500:
        return f'an error on the server ("{text}") has prevented the request from succeeding'
    return "the server rejected our request for an unknown reason"


def _parsed(content: bytes) -> Obj:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        detail = f"couldn't get version/kind; json parse error: {error}"
        raise CallFailed(f"failed to call webhook: {detail}") from error
    if not isinstance(answer, dict):
        raise CallFailed("failed to call webhook: couldn't get version/kind; json parse error: no object")
    return answer


def _problem(answer: Obj, uid: str, version: str, *, is_mutating: bool) -> str:
    response: Any = answer.get("response")
    if not isinstance(response, dict):
        return "webhook response was absent"
    if version == "v1beta1":
        return ""
    if response.get("uid") != uid:
        return f'expected response.uid="{uid}", got "{response.get("uid") or ""}"'
    if (answer.get("apiVersion"), answer.get("kind")) != ("admission.k8s.io/v1", "AdmissionReview"):
        got = f"{answer.get('apiVersion') or ''}, Kind={answer.get('kind') or ''}"
        return f"expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {got}"
    return _patch_problem(response, is_mutating=is_mutating)


def _patch_problem(response: Obj, *, is_mutating: bool) -> str:
    patch, kind = response.get("patch"), response.get("patchType")
    if not is_mutating:
        if patch:
            return "validating webhook may not return response.patch"
        return "validating webhook may not return response.patchType" if kind is not None else ""
    if patch and kind is None:
        return "webhook returned response.patch but not response.patchType"
    if not patch and kind is not None:
        return "webhook returned response.patchType but not response.patch"
    return f'webhook returned invalid response.patchType of "{kind}"' if kind == "" else ""
