"""Errors of the Kubernetes API as errors of jx; the one place where a status code, a reason or a cause gets its meaning.

The server's own words are passed on, except for Secrets: there they may quote a value, so only places and reasons are told.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import RemoteDisconnected
from types import MappingProxyType
from typing import Any

import orjson

from jx.adapters.kubernetes.access import ClientCertificate, ClusterAccess
from jx.domain.errors import (
    Conflict,
    Forbidden,
    Immutable,
    Invalid,
    JxError,
    NotFound,
    Overtaken,
    OwnedField,
    Problem,
    Refused,
    Stale,
    Unavailable,
)

_NO_RIGHT = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) (?:resource|path) "(?P<resource>[^"]*)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?:.* in the namespace "(?P<namespace>[^"]*)")?'
)
_ESCALATION = "attempting to grant RBAC permissions not currently held"
_TOO_LARGE = re.compile(
    r"request is too large|request entity too large|(must have at most|may not be more than) \d{6,} (bytes|characters)"
    r"|larger than max",
    re.IGNORECASE,
)
_IMMUTABLE = re.compile(
    r"field is immutable|may not be changed|may not change once set|updates to \S+ spec for fields other than"
    r"|cannot be changed|is immutable when|immutable field"
)
_FULL = re.compile(r"database or disk is full|no space left on device|database space exceeded")
"""May be told of Secrets, too: there is no value in it."""
_POLICY = re.compile(r"denied request|denied the request|exceeded quota|must specify|violates PodSecurity")
FENCED = "jx-fence: a newer apply"
"""What our own policy says, and no other."""
_OWNER = re.compile(r'conflict with "(?P<name>[^"]*)"(?: with subresource "[^"]*")?(?P<rest>.*)')
_SINCE = re.compile(r" at (?P<time>\d{4}-\S+)$")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried, for messages: `verb` as RBAC names it, and on what."""

    verb: str
    thing: str
    """`Deployment.apps/shop (namespace jx)`, or a path."""
    server: str
    is_secret: bool = False


def translate(attempt: Attempt, status: int, body: bytes) -> JxError:
    """The error that an answer of that status (400 and above) means."""
    answer = _Answer.parse(attempt, status, body)
    if status == 413 or (status != 409 and _TOO_LARGE.search(answer.message)):
        return _too_large(attempt, answer)
    if status >= 500:
        return _broken(attempt, answer)
    return _MEANINGS.get(status, _refused_or_invalid)(attempt, answer)


def unreachable(access: ClusterAccess, error: Exception) -> Unavailable:
    """No answer at all."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    where = f" (context {access.context_name})" if access.context_name else ""
    hint = "is the cluster up and the network there? `kubectl cluster-info` tells, and `jx local start` starts an embedded one"
    if isinstance(access.auth, ClientCertificate) and isinstance(error, RemoteDisconnected | ssl.SSLError):
        hint = f"it may not know the authority of the client certificate of user {access.user_name!r}: renew the kubeconfig"
    return Unavailable(f"the Kubernetes API at {access.host}{where} cannot be reached: {reason}", hint=hint)


def untrusted(access: ClusterAccess, error: ssl.SSLCertVerificationError) -> Invalid:
    """The server shows a certificate that does not fit the kubeconfig."""
    return Invalid(
        f"the certificate of {access.host} is not to be trusted: {error.verify_message}",
        hint=f"check certificate-authority and tls-server-name of context {access.context_name!r}, or renew the kubeconfig",
    )


def no_api(attempt: Attempt) -> Unavailable:
    """What answered is no Kubernetes API."""
    return Unavailable(
        f"{attempt.server} answered with something else than a Kubernetes object ({attempt.verb} {attempt.thing})",
        hint="a proxy or a login page may stand in between; check the server of the kubeconfig",
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """A `Status` object, or whatever text came instead. `message` is for matching, `text` for people."""

    reason: str
    message: str
    causes: tuple[Mapping[str, Any], ...]
    text: str

    @staticmethod
    def parse(attempt: Attempt, status: int, body: bytes) -> _Answer:
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            content = None
        if not isinstance(content, dict):
            message = body[:300].decode(errors="replace").strip()
            return _Answer(
                "", message, (), f"status {status}" if attempt.is_secret else message or f"status {status}"
            )
        details = content.get("details") or {}
        causes = tuple(cause for cause in details.get("causes") or () if isinstance(cause, dict))
        reason, message = str(content.get("reason") or ""), str(content.get("message") or "")
        text = message or f"status {status}"
        if attempt.is_secret:
            places = ", ".join(str(cause.get("field")) for cause in causes if cause.get("field"))
            full = _FULL.search(message)
            text = f"status {status} {reason}".strip() + (f" at {places}" if places else "")
            text = f"{text}: {full[0]}" if full else text
        return _Answer(reason, message, causes, text)


def _unknown(attempt: Attempt, _: _Answer) -> JxError:
    return Forbidden(
        f"{attempt.server} does not accept the credentials (tried to {attempt.verb} {attempt.thing})",
        hint="log in again or renew the kubeconfig; `kubectl auth whoami` shows as whom you are known",
    )


def _missing(attempt: Attempt, answer: _Answer) -> JxError:
    return NotFound(f"{attempt.thing}: {answer.text}")


def _expired(attempt: Attempt, answer: _Answer) -> JxError:
    return Stale(f"{attempt.thing}: {answer.text}", hint="read again")


def _throttled(attempt: Attempt, answer: _Answer) -> JxError:
    return Unavailable(
        f"{attempt.server} asks to be left alone for a while: {answer.text}", hint="try again later"
    )


def _forbidden(attempt: Attempt, answer: _Answer) -> JxError:
    right = _NO_RIGHT.search(answer.message)
    if right:
        resource = f"{right['resource']}.{right['group']}" if right["group"] else right["resource"]
        where = f" in namespace {right['namespace']}" if right["namespace"] else ""
        subject = f"{right['user'] or 'nobody'} may not {right['verb']} {resource}{where}"
        return Forbidden(
            f"{attempt.thing}: {subject}",
            hint=f"have a Role with verb {right['verb']} on {resource}{where} bound to {right['user']!r}",
        )
    if _ESCALATION in answer.message:
        return Forbidden(
            f"{attempt.thing}: {answer.text}",
            hint="nobody may grant rights that they do not have: apply with an account that has them, or has the verb `escalate`",
        )
    if any(cause.get("reason") == "NamespaceTerminating" for cause in answer.causes):
        return Refused(
            f"{attempt.thing}: {answer.text}", hint="wait until the namespace is gone, then repeat"
        )
    if answer.message and "anonymous" not in answer.message:
        return Refused(
            f"the cluster refused to {attempt.verb} {attempt.thing}: {answer.text}",
            hint="an admission rule or a quota of the cluster says no; change the object or the rule",
        )
    return Forbidden(f"may not {attempt.verb} {attempt.thing}: {answer.text}")


def _conflict(attempt: Attempt, answer: _Answer) -> JxError:
    owned = [cause for cause in answer.causes if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        found = tuple(map(_owned_field, owned))
        fields = "; ".join(_in_words(one) for one in found[:10])
        more = f"; and {len(owned) - 10} more" if len(owned) > 10 else ""
        return Conflict(
            f"{attempt.thing} has fields of other managers: {fields}{more}",
            hint="ways out: take the field (apply with force), yield it (leave it out of chart and values), "
            "or share it (set the value that it has now)",
            fields=found,
        )
    return Stale(
        f"{attempt.thing}: {answer.text or 'somebody else changed it'}", hint="read again and decide again"
    )


def _owned_field(cause: Mapping[str, Any]) -> OwnedField:
    field = str(cause.get("field") or "a field")
    owner = _OWNER.search(str(cause.get("message") or ""))
    if owner is None:
        return OwnedField(field, "")
    since = _SINCE.search(owner["rest"])
    return OwnedField(field, owner["name"], since["time"] if since else "")


def _in_words(one: OwnedField) -> str:
    since = f" since {one.since}" if one.since else ""
    return f"{one.path} is managed by {one.manager!r}{since}" if one.manager else one.path


def _too_large(attempt: Attempt, answer: _Answer) -> Refused:
    return Refused(
        f"{attempt.thing} is too large for the cluster: {answer.text}",
        hint="an object may have about 1 MiB, ConfigMaps and Secrets exactly 1,048,576 bytes; split it",
    )


def _broken(attempt: Attempt, answer: _Answer) -> Unavailable:
    if "failed calling webhook" in answer.message:
        hint = "an admission webhook of the cluster does not answer: repair its service, or remove its webhook configuration"
    else:
        hint = "try again; `kubectl get --raw /readyz?verbose` tells what the server lacks"
    return Unavailable(f"{attempt.server} could not {attempt.verb} {attempt.thing}: {answer.text}", hint=hint)


def _refused_or_invalid(attempt: Attempt, answer: _Answer) -> JxError:
    if any(cause.get("field") == "metadata.uid" for cause in answer.causes):
        # An object has one uid for life, and we only ever send one that we have read: this is another object by now.
        return Stale(
            f"{attempt.thing} is another object than before: it was deleted and made anew",
            hint="read again and decide again",
        )
    if FENCED in answer.message:
        return Overtaken(
            f"{attempt.thing} was not changed: {answer.message[answer.message.index(FENCED) :]}",
            hint="look at what they did (`jx get env`), and apply again if it is still to be done",
        )
    if _IMMUTABLE.search(answer.message):
        named = (str(cause.get("field")) for cause in answer.causes if cause.get("field"))
        fields = tuple(dict.fromkeys(named))
        return Immutable(
            f"{attempt.thing} cannot be changed in place: {answer.text}",
            hint=f"{', '.join(fields) or 'the field'} is immutable: put the old value back, or have the object deleted and made"
            " anew",
            fields=fields,
        )
    if _POLICY.search(answer.message):
        return Refused(
            f"the cluster refused to {attempt.verb} {attempt.thing}: {answer.text}",
            hint="an admission rule of the cluster says no; change the object or the rule",
        )
    problems = tuple(
        Problem(
            str(cause.get("field") or attempt.thing),
            str(cause.get("reason") if attempt.is_secret else cause.get("message") or cause.get("reason")),
        )
        for cause in answer.causes
    )
    return Invalid(f"the cluster finds {attempt.thing} invalid: {answer.text}", *problems)


_MEANINGS: Mapping[int, Callable[[Attempt, _Answer], JxError]] = MappingProxyType(
    {401: _unknown, 403: _forbidden, 404: _missing, 409: _conflict, 410: _expired, 429: _throttled}
)
