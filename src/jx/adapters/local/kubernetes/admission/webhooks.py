"""Admission webhooks: who is asked about a write, what becomes of the answers, and of those that do not answer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import orjson

from jx.adapters.local.kubernetes.admission import conditions
from jx.adapters.local.kubernetes.admission.matching import GROUP, Attributes, Matcher
from jx.adapters.local.kubernetes.admission.webhook_calls import CallFailed, Place, Review
from jx.adapters.local.kubernetes.calls.admission import Operation, Plugin
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.errors import ApiError, bad_request
from jx.adapters.local.kubernetes.registry import Registry, Served
from jx.adapters.local.kubernetes.store import Collection, Store
from jx.adapters.local.kubernetes.types import patches
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.holdings import SERVICES

MUTATING: Final[Collection] = (GROUP, "mutatingwebhookconfigurations")
VALIDATING: Final[Collection] = (GROUP, "validatingwebhookconfigurations")
_SLICES: Final[Collection] = ("discovery.k8s.io", "endpointslices")
_PODS: Final[Collection] = ("", "pods")
_SERVICE_OF_SLICE: Final = "kubernetes.io/service-name"
# A webhook cannot change what an object is, or what only the server writes.
_FIXED: Final = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
)

IsPlayed: TypeAlias = Callable[[Obj], bool]
Shape: TypeAlias = Callable[[Request, Obj], Obj]


@dataclass(frozen=True)
class _Invocation:
    """A webhook that a request is meant for."""

    webhook: Obj
    served: Served

    @property
    def name(self) -> str:
        return str(self.webhook["name"])


class Webhooks:
    """What mutating and validating webhooks share: which are meant, where they are, how they are asked."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.store = store
        self._matcher = Matcher(store, registry)
        self.is_played: IsPlayed = lambda _pod: False
        """Tells pods that nothing runs: a webhook of theirs is left out, and the caller is warned."""

    def meant(self, collection: Collection, attributes: Attributes) -> Iterator[_Invocation]:
        """The webhooks that a request is meant for, in their order."""
        if attributes.request.draft is None or attributes.is_exempt:
            return
        for stored in self.store.entries(collection):
            for webhook in stored.obj.get("webhooks") or ():
                if invocation := self.invocation(webhook, attributes):
                    yield invocation

    def invocation(self, webhook: Obj, attributes: Attributes) -> _Invocation | None:
        """How a webhook is to be asked of a request; None where it is not meant, ApiError where that cannot be told."""
        policy = webhook.get("matchPolicy") or "Equivalent"
        served = self._matcher.served_as(webhook.get("rules") or (), attributes, policy)
        if served is None or not self._matcher.selects(webhook, attributes):
            return None
        listed = webhook.get("matchConditions") or ()
        if listed:
            try:
                if not conditions.hold(listed, conditions.variables_of(attributes, served)):
                    return None
            except conditions.Undecided as error:
                if webhook.get("failurePolicy") == "Ignore":
                    return None
                raise _internal(str(error)) from error
        return _Invocation(webhook, served)

    def reviews(
        self, invocations: Sequence[_Invocation], attributes: Attributes, *, is_mutating: bool
    ) -> list[Review]:
        """The questions to webhooks, without those that nothing can answer."""
        found = []
        for invocation in invocations:
            webhook = invocation.webhook
            _check_dry_run(invocation, attributes.request)
            client = webhook["clientConfig"]
            place = self._place(client)
            if place is None:
                attributes.request.warnings.append(
                    f'admission webhook "{invocation.name}" is not asked: its pods are only played here'
                )
                continue
            versions = [
                one for one in webhook.get("admissionReviewVersions") or () if one in ("v1", "v1beta1")
            ]
            found.append(
                Review(
                    invocation.name,
                    place,
                    client.get("caBundle") or "",
                    versions[0] if versions else "",
                    webhook.get("timeoutSeconds") or 10,
                    attributes.asked(invocation.served),
                    is_mutating,
                )
            )
        return found

    def _place(self, client: Obj) -> Place | None:
        """Where a webhook is; None where only played pods would answer."""
        if client.get("url"):
            parts = urlsplit(client["url"])
            host = parts.hostname or ""
            return Place(client["url"], host, (host, parts.port or 443))
        wanted = client["service"]
        namespace, name, port = wanted["namespace"], wanted["name"], wanted.get("port") or 443
        server_name = f"{name}.{namespace}.svc"
        url = f"https://{server_name}:{port}{wanted.get('path') or '/'}"
        service = self.store.find(SERVICES, (namespace, name))
        if service is None:
            return Place(url, server_name, None, f'service "{name}" not found')
        spec = service.obj["spec"]
        if spec.get("type") == "ExternalName":
            return Place(url, server_name, (spec["externalName"], port))
        ports = [one for one in spec.get("ports") or () if one.get("port") == port]
        if not ports:
            return Place(url, server_name, None, f'no service port {port} found for service "{name}"')
        found = list(self._endpoints(namespace, name, ports[0].get("name") or ""))
        real = [address for address, is_played in found if not is_played]
        if real:
            return Place(url, server_name, real[0])
        if found:
            return None
        return Place(url, server_name, None, f'no endpoints available for service "{name}"')

    def _endpoints(
        self, namespace: str, service: str, port_name: str
    ) -> Iterator[tuple[tuple[str, int], bool]]:
        """The ready addresses of a service, and whether only a played pod is there."""
        for stored in self.store.entries(_SLICES, namespace):
            each = stored.obj
            if (each["metadata"].get("labels") or {}).get(_SERVICE_OF_SLICE) != service:
                continue
            ports = [
                one["port"]
                for one in each.get("ports") or ()
                if (one.get("name") or "") == port_name and one.get("port")
            ]
            for endpoint in each.get("endpoints") or ():
                if ports and (endpoint.get("conditions") or {}).get("ready", True):
                    yield (endpoint["addresses"][0], ports[0]), self._only_played(namespace, endpoint)

    def _only_played(self, namespace: str, endpoint: Obj) -> bool:
        reference = endpoint.get("targetRef") or {}
        if reference.get("kind") != "Pod":
            return False
        pod = self.store.find(_PODS, (namespace, reference.get("name") or ""))
        return pod is not None and self.is_played(pod.obj)


class MutatingWebhooks:
    """An admission plugin: webhooks that complete objects. `before` are the plugins that run again on what they change."""

    def __init__(self, webhooks: Webhooks, shape: Shape, before: Sequence[Plugin]) -> None:
        self._webhooks = webhooks
        self._shape = shape
        self._before = tuple(before)

    def admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        if not self._webhooks.store.entries(MUTATING) or request.draft is None:
            return new
        attributes = Attributes.of(operation, request, new, old)
        made, again = self._round(attributes, lambda _webhook: True)
        if made is None or made is new:
            return new
        for plugin in self._before:
            made = plugin.admit(operation, request, made, old)
        if again:
            once_more = Attributes(operation, request, made, old)
            made, _ = self._round(once_more, lambda webhook: webhook in again)
        assert made is not None
        return made

    def _round(self, attributes: Attributes, is_due: Callable[[Obj], bool]) -> tuple[Obj | None, list[Obj]]:
        """The object after all webhooks that are due, and those that want to see what later ones changed."""
        operation, request, old = attributes.operation, attributes.request, attributes.old
        made = attributes.new
        seen: list[Obj] = []
        again: list[Obj] = []
        for stored in self._webhooks.store.entries(MUTATING):
            for webhook in stored.obj.get("webhooks") or ():
                current = Attributes(operation, request, made, old)
                if current.is_exempt or not is_due(webhook):
                    continue
                invocation = self._webhooks.invocation(webhook, current)
                if invocation is None:
                    continue
                changed = self._changed(invocation, current)
                if changed is not None and changed != made:
                    made, again = changed, list(seen)
                if webhook.get("reinvocationPolicy") == "IfNeeded":
                    seen.append(webhook)
        return made, again

    def _changed(self, invocation: _Invocation, attributes: Attributes) -> Obj | None:
        reviews = self._webhooks.reviews([invocation], attributes, is_mutating=True)
        for response in _answers(reviews, [invocation], attributes.request):
            operations = _operations(invocation, response)
            if not operations:
                continue
            if attributes.new is None or attributes.request.subresource == "scale":
                raise _internal(
                    f'admission webhook "{invocation.name}" attempted to modify the object,'
                    " which is not supported for this operation"
                )
            return self._patched(attributes, invocation, operations)
        return attributes.new

    def _patched(self, attributes: Attributes, invocation: _Invocation, operations: Any) -> Obj:
        obj, request = attributes.new or {}, attributes.request
        try:
            shown = orjson.loads(orjson.dumps(invocation.served.as_version(obj)))
            made = patches.json_patch(shown, operations)
        except patches.PatchError as error:
            raise _internal(error.message) from error
        if not isinstance(made.get("metadata"), dict):
            raise _internal(f'admission webhook "{invocation.name}" removed the metadata')
        kept = {key: obj["metadata"][key] for key in _FIXED if key in obj["metadata"]}
        others = {key: value for key, value in made["metadata"].items() if key not in _FIXED}
        head = {"kind": obj["kind"], "apiVersion": obj["apiVersion"]}
        return self._shape(request, {**made, **head, "metadata": {**others, **kept}})


class ValidatingWebhooks:
    """A judge: webhooks that see the finished object. All are asked at once; the first refusal counts."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def judge(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> None:
        attributes = Attributes.of(operation, request, new, old)
        invocations = list(self._webhooks.meant(VALIDATING, attributes))
        if invocations:
            reviews = self._webhooks.reviews(invocations, attributes, is_mutating=False)
            for _ in _answers(reviews, invocations, request):
                pass


def _check_dry_run(invocation: _Invocation, request: Request) -> None:
    if request.dry_run and invocation.webhook.get("sideEffects") not in ("None", "NoneOnDryRun"):
        raise bad_request(f'admission webhook "{invocation.name}" does not support dry run')


def _answers(
    reviews: Sequence[Review], invocations: Sequence[_Invocation], request: Request
) -> Iterator[Obj]:
    """The responses that allow the request; raises Outstanding before they are known, ApiError for a refusal."""
    if not reviews:
        return
    assert request.draft is not None
    lenient = {one.name for one in invocations if one.webhook.get("failurePolicy") == "Ignore"}
    for review, answer in zip(reviews, request.draft.answers_to(reviews), strict=True):
        if isinstance(answer, CallFailed):
            if review.webhook not in lenient:
                raise _internal(f'failed calling webhook "{review.webhook}": {answer}')
            continue
        request.warnings.extend(str(text) for text in answer.get("warnings") or ())
        if not answer.get("allowed"):
            raise _denied(review.webhook, answer.get("status") or {})
        yield answer


def _operations(invocation: _Invocation, response: Obj) -> Any:
    if not response.get("patch"):
        return []
    try:
        return orjson.loads(base64.b64decode(response["patch"], validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        detail = f"received undecodable patch in webhook response: {error}"
        if invocation.webhook.get("failurePolicy") == "Ignore":
            return []
        raise _internal(f'failed calling webhook "{invocation.name}": {detail}') from error


def _denied(webhook: str, status: Obj) -> ApiError:
    message = f'admission webhook "{webhook}" denied the request'
    reason = status.get("reason") or ""
    if status.get("message"):
        message += f": {status['message']}"
    else:
        message += f": {reason}" if reason else " without explanation"
    return ApiError(max(status.get("code") or 0, 400), reason, message, status.get("details") or {})


def _internal(message: str) -> ApiError:
    text = f"Internal error occurred: {message}"
    return ApiError(500, "InternalError", text, {"causes": [{"message": message}]})
