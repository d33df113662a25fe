"""The HTTP verbs on resources: what a call asks for is read, handed to the verbs, and shown in the form asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import orjson

from jx.adapters.local.kubernetes.calls import exchange, forms, list_options, options
from jx.adapters.local.kubernetes.calls.drafts import Outstanding
from jx.adapters.local.kubernetes.calls.exchange import Call, Response
from jx.adapters.local.kubernetes.calls.forms import Form
from jx.adapters.local.kubernetes.calls.paths import Target
from jx.adapters.local.kubernetes.calls.requests import Request
from jx.adapters.local.kubernetes.errors import (
    ApiError,
    bad_request,
    method_not_allowed,
    unsupported,
    verb_not_allowed,
)
from jx.adapters.local.kubernetes.kinds import kind_warnings
from jx.adapters.local.kubernetes.registry import Served
from jx.adapters.local.kubernetes.store import Stored
from jx.adapters.local.kubernetes.types import protobuf, strictness
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.types.selectors import not_supported
from jx.adapters.local.kubernetes.views import tables
from jx.adapters.local.kubernetes.views.pages import Page, Pages
from jx.adapters.local.kubernetes.views.reading import Selection, entries_at, select, selectable, unselectable
from jx.adapters.local.kubernetes.views.watch import Hub, Shown, Watch, stream
from jx.adapters.local.kubernetes.writes.verbs import Verbs, Written

_PATCHES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    exchange.APPLY: "apply",
}

# The answers of these carry all warnings of the request.
_WARNING_VERBS = frozenset({"create", "update", "patch"})

# These answer a delete with the object itself, all others with a Status.
_GIVE_BACK = frozenset(
    {
        ("", "persistentvolumeclaims"),
        ("", "persistentvolumes"),
        ("", "pods"),
        ("", "podtemplates"),
        ("", "replicationcontrollers"),
        ("", "resourcequotas"),
        ("", "serviceaccounts"),
        ("", "services"),
        ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "resourceclaims"),
        ("resource.k8s.io", "resourceclaimtemplates"),
        ("resource.k8s.io", "resourceslices"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "volumeattachments"),
        ("storage.k8s.io", "volumeattributesclasses"),
    }
)


def request_for(call: Call, served: Served, target: Target) -> Request:
    """The options that all verbs share, read from a call."""
    options.check_write(call)
    return Request(
        served,
        target.namespace if served.resource.namespaced else "",
        target.name,
        target.subresource,
        call.user,
        manager=call.query.get("fieldManager") or _default_manager(call),
        dry_run=bool(call.query.get("dryRun")),
        strictness=call.query.get("fieldValidation") or "Warn",
        warnings=call.draft.warnings,
        draft=call.draft,
    )


def _default_manager(call: Call) -> str:
    agent = call.headers.get("user-agent", "")
    return agent.partition("/")[0][:128] or "unknown"


class Resources:
    """Handlers of get, list, watch, create, update, patch, delete and deletecollection."""

    def __init__(self, verbs: Verbs, hub: Hub) -> None:
        self._verbs = verbs
        self._hub = hub
        self._pages = Pages()
        self._handlers: dict[str, Callable[[Call, Served, Target], Response]] = {
            "get": self.get,
            "list": self.list,
            "watch": self.watch,
            "create": self.create,
            "update": self.update,
            "patch": self.patch,
            "delete": self.delete,
            "deletecollection": self.delete_collection,
        }

    def handle(self, verb: str, call: Call, served: Served, target: Target) -> Response:
        is_known = verb in served.resource.verbs and verb in self._handlers
        if not is_known or (verb in ("update", "patch") and not target.name):
            if served.custom:
                raise verb_not_allowed(served.resource.group, served.resource.plural, verb)
            raise method_not_allowed()
        deprecation = served.custom.deprecation if served.custom else kind_warnings.of_kind(served.gvk)
        if deprecation and deprecation not in call.draft.warnings:
            call.draft.warnings.append(deprecation)
        response = self._handlers[verb](call, served, target)
        if deprecation and verb not in _WARNING_VERBS:
            warning = exchange.Warnings([deprecation]).headers()
            response = replace(response, headers=(*response.headers, *warning))
        return response

    def get(self, call: Call, served: Served, target: Target) -> Response:
        list_options.check_get(call, self._verbs.store.revision)
        stored = self._verbs.get(request_for(call, served, target))
        return self._shown(call, served, stored)

    def list(self, call: Call, served: Served, target: Target) -> Response:
        form = _form_for(call, served, streams=True)
        forms.check_kind(form, served.gvk, is_custom=served.custom is not None, is_list=True)
        page = self._page(call, served, _selection(call, served, target))
        if form.kind == "Table":
            rows = [served.as_version(stored.obj) for stored in page.entries]
            meta = _list_meta(page)
            include = tables.included(call.query.get("includeObject") or "")
            table = tables.table(served, rows, meta, include, self._verbs.time(), form.version)
            body = orjson.dumps(table)
        elif form.kind == "PartialObjectMetadataList":
            items = [_metadata_only(stored, form) for stored in page.entries]
            head = {"kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{form.version}"}
            body = orjson.dumps({**head, "metadata": _list_meta(page), "items": items or None})
        else:
            body = _list_body(served, page)
        return Response(200, *forms.encoded(form, body, indented=call.is_indented))

    def watch(self, call: Call, served: Served, target: Target) -> Response:
        form = _form_for(call, served, streams=True)
        selection = _selection(call, served, target)
        wanted = Watch.parse(call, served, selection)
        show = self._streamed(call, served, form)
        return Response(200, stream=stream(wanted, self._verbs, self._hub, call, show))

    def create(self, call: Call, served: Served, target: Target) -> Response:
        if target.name:
            raise method_not_allowed()
        request = request_for(call, served, target)
        obj = _body(call, request)
        self._check_strictness(call, request, obj)
        return self._written(call, request, self._verbs.create(request, obj))

    def update(self, call: Call, served: Served, target: Target) -> Response:
        request = request_for(call, served, target)
        obj = _body(call, request)
        self._check_strictness(call, request, obj)
        return self._written(call, request, self._verbs.update(request, obj))

    def patch(self, call: Call, served: Served, target: Target) -> Response:
        request = request_for(call, served, target)
        kind = _PATCHES.get(call.content_type, "")
        if not kind or (kind == "strategic" and served.custom):
            if not served.custom:
                raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
            accepted = ", ".join(media for media in _PATCHES if media != exchange.STRATEGIC_MERGE)
            raise unsupported(
                f"the body of the request was in an unknown format - accepted media types include: {accepted}"
            )
        if kind == "apply":
            return self._apply(call, request)
        return self._written(call, request, self._verbs.patch(request, kind, exchange.parse_patch(call)))

    def _check_strictness(self, call: Call, request: Request, obj: Obj) -> None:
        self._verbs.check_strictness(request, obj, _repeated(call, request, obj))

    def _apply(self, call: Call, request: Request) -> Response:
        config = exchange.parse_configuration(call, request.served.resource.kind)
        _check_apply(request, config)
        twice = _repeated(call, request, config)
        if request.strictness == "Strict" and twice and twice[0].startswith("yaml:"):
            raise bad_request(f"error strict decoding YAML: error converting YAML to JSON: {twice[0]}")
        if request.served.custom:
            # Fields that the kind does not have are refused by the apply itself.
            self._verbs.check_strictness(request, {}, twice)
        return self._written(call, request, self._verbs.apply(request, config, force=call.flag("force")))

    def delete(self, call: Call, served: Served, target: Target) -> Response:
        wanted, dry_run = options.of_delete(call)
        request = replace(request_for(call, served, target), dry_run=dry_run)
        deleted = self._verbs.delete(request, wanted)
        resource = served.resource
        if not deleted.gone or served.collection in _GIVE_BACK:
            body = _single(served, deleted.obj)
            return Response(200, *forms.encoded(_form_for(call, served), body, indented=call.is_indented))
        details = {
            "name": request.name,
            "group": resource.group,
            "kind": resource.plural,
            "uid": deleted.obj["metadata"]["uid"],
        }
        details = {key: value for key, value in details.items() if value}
        return exchange.of_object(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )

    def delete_collection(self, call: Call, served: Served, target: Target) -> Response:
        wanted, dry_run = options.of_delete(call)
        selection = _selection(call, served, target)
        with self._verbs.operation():
            page = self._page(call, served, selection)
            common = replace(request_for(call, served, target), dry_run=dry_run)
            requests = [
                replace(common, namespace=meta.get("namespace", ""), name=meta["name"])
                for meta in (stored.obj["metadata"] for stored in page.entries)
            ]
            Outstanding.of_all(partial(self._verbs.check_delete, one, wanted) for one in requests)
            for request in requests:
                self._verbs.delete(request, wanted)
        return Response(200, _list_body(served, page))

    def _page(self, call: Call, served: Served, selection: Selection) -> Page:
        list_options.check_list(call)
        limit, store = call.number("limit"), self._verbs.store
        if token := call.query.get("continue"):
            if call.query.get("resourceVersion", "0") not in ("", "0"):
                raise bad_request("specifying resource version is not allowed when using continue")
            return self._pages.following(token, limit)
        with self._verbs.operation():
            revision = list_options.revision_of_list(call, store.revision)
            if list_options.is_exact(call):
                found = entries_at(store, served.collection, selection.namespace, revision)
            else:
                found, revision = store.entries(served.collection, selection.namespace), store.revision
            entries = select(found, selection)
            return self._pages.first(entries, revision, limit, is_partial=selection.is_partial)

    def _written(self, call: Call, request: Request, written: Written) -> Response:
        shown = self._shown(call, request.served, written.stored, 201 if written.created else 200)
        if not request.warnings:
            return shown
        headers = exchange.Warnings(request.warnings).headers()
        return Response(shown.status, shown.body, shown.content_type, headers)

    def _shown(self, call: Call, served: Served, stored: Stored, status: int = 200) -> Response:
        form = _form_for(call, served)
        forms.check_kind(form, served.gvk, is_custom=served.custom is not None, is_list=False)
        body = self._formed(call, served, stored, form)
        return Response(status, *forms.encoded(form, body, indented=call.is_indented))

    def _formed(
        self, call: Call, served: Served, stored: Stored, form: Form, *, headers: bool = True
    ) -> bytes:
        if form.kind == "Table":
            obj = served.as_version(stored.obj)
            meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            include = tables.included(call.query.get("includeObject") or "")
            shown = tables.table(served, [obj], meta, include, self._verbs.time(), form.version)
            if not headers:
                shown["columnDefinitions"] = None
            return orjson.dumps(shown)
        if form.kind.startswith("PartialObjectMetadata"):
            return orjson.dumps(_metadata_only(stored, form))
        return prefix(served) + served.body_of(stored)[1:]

    def _streamed(self, call: Call, served: Served, form: Form) -> Shown:
        first = True

        def show(stored: Stored) -> bytes:
            nonlocal first
            body = self._formed(call, served, stored, form, headers=first)
            first = False
            return body

        return show


def _repeated(call: Call, request: Request, obj: Obj) -> list[str]:
    """The keys that stand twice in a body, where the caller wants to know and the form can have them."""
    is_text = request.strictness != "Ignore" and call.content_type != protobuf.MEDIA_TYPE
    return strictness.duplicates(call.body, obj) if is_text else []


def prefix(served: Served) -> bytes:
    """The beginning of an object's JSON in a version; the stored body without its brace follows."""
    resource = served.resource
    return f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'.encode()


def _single(served: Served, obj: Obj) -> bytes:
    return orjson.dumps(served.as_version(obj))


def _list_body(served: Served, page: Page) -> bytes:
    resource = served.resource
    head = f'{{"kind":"{resource.list_kind}","apiVersion":"{resource.api_version}","metadata":'.encode()
    meta = {"continue": "", **_list_meta(page)} if served.custom else _list_meta(page)
    # Items of built-in kinds do not repeat their kind, those of custom resources do.
    if served.custom:
        begin = b'{"apiVersion":"%s","kind":"%s",' % (resource.api_version.encode(), resource.kind.encode())
        items = begin + (b"," + begin).join([memoryview(served.body_of(one))[1:] for one in page.entries])
        items = items if page.entries else b""
    elif served.has_one_form:
        items = b",".join([stored.body for stored in page.entries])
    else:
        items = b",".join([served.body_of(stored) for stored in page.entries])
    return b"".join((head, orjson.dumps(meta), b',"items":[', items, b"]}"))


def _list_meta(page: Page) -> Obj:
    meta: Obj = {"resourceVersion": str(page.revision)}
    if page.token:
        meta["continue"] = page.token
        if page.remaining is not None:
            meta["remainingItemCount"] = page.remaining
    return meta


def _form_for(call: Call, served: Served, *, streams: bool = False) -> Form:
    accept = call.headers.get("accept", "").replace(";stream=watch", "")
    return forms.negotiate(accept, routed=served.custom is None, streams=streams)


def _metadata_only(stored: Stored, form: Form) -> Obj:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{form.version}",
        "metadata": stored.obj["metadata"],
    }


def _selection(call: Call, served: Served, target: Target) -> Selection:
    namespace = target.namespace if served.resource.namespaced else ""
    fields, resource = call.query.get("fieldSelector", ""), (served.resource.group, served.resource.plural)
    if target.name:
        fields = f"{fields},metadata.name={target.name}".strip(",")
    return Selection.parse(
        namespace,
        call.query.get("labelSelector", ""),
        fields,
        selectable(resource, served.custom.selectable if served.custom else ()),
        not_supported if served.custom else partial(unselectable, resource),
    )


def _body(call: Call, request: Request) -> Obj:
    """The object of a create or update; of built-in kinds the path may say what a body without kind is."""
    resource = request.served.resource
    obj = exchange.parse_body(call, resource.kind, headed=request.served.custom is not None)
    if request.served.custom:
        return obj
    if not obj.get("kind"):
        obj["kind"] = resource.kind
    if not obj.get("apiVersion"):
        obj["apiVersion"] = resource.api_version
    return obj


def _check_apply(request: Request, config: Obj) -> None:
    resource = request.served.resource
    api_version, kind = config.get("apiVersion") or "", config.get("kind") or ""
    if (api_version, kind) != (resource.api_version, resource.kind):
        group, _, version = api_version.rpartition("/")
        raise bad_request(f"invalid object type: {group}/{version}, Kind={kind}")
