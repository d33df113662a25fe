"""The verbs: what happens to an object between a caller's request and the store."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

from jx.adapters.local.kubernetes.calls.admission import Judge, Operation, Plugin
from jx.adapters.local.kubernetes.calls.requests import DeleteOptions, Request
from jx.adapters.local.kubernetes.definitions import definition_names, definition_rules, schemas
from jx.adapters.local.kubernetes.errors import (
    ApiError,
    already_exists,
    bad_request,
    conflict,
    not_found,
    unfit_patch,
)
from jx.adapters.local.kubernetes.kinds import kind_warnings, normalise, preparation, workload_warnings
from jx.adapters.local.kubernetes.registry import Registry
from jx.adapters.local.kubernetes.store import Change, Collection, Store, Stored, encode
from jx.adapters.local.kubernetes.types import decoding, managed, patches, unstructured
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.words import gotext, invalid
from jx.adapters.local.kubernetes.words.invalid import FieldError
from jx.adapters.local.kubernetes.writes import customs, deletion, metadata, scales

Clock: TypeAlias = Callable[[], datetime]
Reactor: TypeAlias = Callable[[Change], None]
Rewrite: TypeAlias = Callable[[Obj], Obj]


@dataclass(frozen=True)
class Written:
    """The outcome of a write: the object as stored (or as it would be, for a dry run)."""

    stored: Stored
    created: bool = False


@dataclass(frozen=True)
class Deleted:
    """The outcome of a delete: the object's last state, and whether it is gone or only marked."""

    obj: Obj
    gone: bool


def utc_now() -> datetime:
    return datetime.now(UTC)


class Verbs:
    """All verbs on all resources. `operation` is the one lock; reactors see each change once the request is through."""

    def __init__(self, store: Store, registry: Registry, *, clock: Clock = utc_now) -> None:
        self.store = store
        self.registry = registry
        self.plugins: list[Plugin] = []
        """They complete an object, or refuse it, before its fields are checked."""
        self.judges: list[Judge] = []
        """They see the object as it will be stored."""
        self.reactors: list[Reactor] = []
        self.listeners: list[Reactor] = []
        self._clock = clock
        self._lock = threading.RLock()
        self._depth = 0
        self._pending: deque[Change] = deque()

    @contextmanager
    def operation(self) -> Iterator[None]:
        """Hold the lock; at the end of the outermost operation the reactors (namespaces, garbage, …) do their part."""
        with self._lock:
            self._depth += 1
            try:
                yield
            finally:
                try:
                    if self._depth == 1:
                        self._react()
                finally:
                    self._depth -= 1

    def now(self) -> str:
        return metadata.timestamp(self._clock())

    def time(self) -> datetime:
        return self._clock()

    # Reading

    def get(self, request: Request) -> Stored:
        with self._lock:
            return self._live(request)

    # Writing

    def create(self, request: Request, obj: Obj) -> Written:
        """POST: 409 where the name is taken; a `generateName` is completed until it is free."""
        metadata.check_identity(request, obj)
        name = obj["metadata"].get("name") or ""
        prefix = obj["metadata"].get("generateName") or ""
        metadata.check_unborn(obj)
        with self.operation():
            if name or not prefix:
                return self._create(replace(request, name=name), obj, _managed_create)
            generated = self._generated_name(request, prefix)
            named = {**obj, "metadata": {**obj["metadata"], "name": generated}}
            return self._create(replace(request, name=generated), named, _managed_create)

    def update(self, request: Request, obj: Obj) -> Written:
        """PUT: 409 where the object has changed since the given resourceVersion; some kinds are made where missing."""
        metadata.check_identity(request, obj)
        with self.operation():
            if metadata.is_made_by_update(request) and not self.store.find(
                request.served.collection, request.key
            ):
                metadata.check_unborn_update(request, obj)
                return self._create(replace(request, by_write=True), obj, _managed_create)
            live = self._live(request)
            metadata.check_uid(request, live.obj, obj)
            return self._update(request, live, obj)

    def patch(self, request: Request, kind: str, change: Any) -> Written:
        """JSON patch (`json`), JSON merge patch (`merge`) or strategic merge patch (`strategic`)."""
        with self.operation():
            live = self._live(request)
            try:
                patched = _patched(request, request.served.as_version(live.obj), kind, change)
            except patches.PatchError as error:
                raise _patch_error(error) from error
            self._check_patched(request, kind, change, patched)
            metadata.check_identity(request, patched)
            return self._update(request, live, patched)

    def _check_patched(self, request: Request, kind: str, change: Any, patched: Obj) -> None:
        """Refuse a patch whose result is no object of the kind, or has fields that the kind does not have."""
        problem = ""
        if kind == "strategic":
            problem = unstructured.problem(patched, request.served.schema)
        if not request.served.custom and not problem:
            try:
                decoding.check_kind(request.served.gvk, patched)
                decoding.check(request.served.gvk, patched, request.served.schema)
            except decoding.Malformed as error:
                problem = error.problem
        elif request.served.custom:
            problem = decoding.metadata_problem(patched, "")
        if not problem:
            in_order = orjson.loads(orjson.dumps(patched, option=orjson.OPT_SORT_KEYS))
            problem = self._strictness_problem(request, in_order)
        if problem:
            shown = gotext.plain(change) if kind == "strategic" else orjson.dumps(patched).decode()
            raise unfit_patch(shown, problem)
        if patched.get("metadata") is None:
            patched["metadata"] = {}

    def rewrite(self, request: Request, change: Rewrite) -> Written:
        """Replace an object by a function of its newest state."""
        with self.operation():
            live = self._live(request)
            return self._update(request, live, change(request.served.as_version(live.obj)))

    def overwrite(self, request: Request, change: Rewrite) -> Written:
        """As `rewrite`, but as it stands: no defaults, no managers, no rules. For what the server itself is told to change."""
        with self.operation():
            live = self._live(request)
            new = change(request.served.as_version(live.obj))
            if request.dry_run:
                return Written(Stored(new, encode(new), live.revision))
            stored = request.served.as_stored(new)
            return Written(self._commit(self.store.put(request.served.collection, request.key, stored)).new)

    def apply(self, request: Request, config: Obj, *, force: bool) -> Written:
        """Server-side apply."""
        with self.operation():
            found = self.store.find(request.served.collection, request.key)
            if found is None:
                return self._apply_new(request, config, force=force)
            live = request.served.as_version(found.obj)
            merged = self._merged(request, live, config, force=force)
            metadata.check_identity(request, merged)
            if config["metadata"].get("resourceVersion"):
                metadata.check_preconditions(request, live, config)
            return self._replace(request, found, merged, _managed_already)

    def delete(self, request: Request, options: DeleteOptions) -> Deleted:
        """DELETE: gone at once, or marked while finalizers or a pod's grace hold the object."""
        with self.operation():
            live = self._live(request)
            self._check_delete(request, live.obj, options)
            collection, key = request.served.collection, request.key
            left = deletion.marked(request, live.obj, options, self.time())
            is_held = deletion.is_held(left)
            if request.dry_run:
                return Deleted(left, gone=not is_held)
            is_changed = not metadata.is_noop(live.obj, left)
            if is_changed:
                left = self._commit(self.store.put(collection, key, left)).new.obj
            if is_held:
                return Deleted(left, gone=False)
            return Deleted(self._commit(self.store.remove(collection, key)).new.obj, gone=True)

    def check_delete(self, request: Request, options: DeleteOptions) -> None:
        """Whether a delete would be admitted; raises what the delete would raise."""
        with self.operation():
            self._check_delete(request, self._live(request).obj, options)

    def changes(self, collection: Collection, since: int) -> list[Change]:
        """What happened to a collection after a revision; `Expired` where that is forgotten."""
        with self._lock:
            return self.store.changes(collection, since)

    def check_strictness(self, request: Request, obj: Obj, found: Sequence[str] = ()) -> None:
        """Refuse, or warn of, fields that the kind does not have, and what else was `found` in the body."""
        problem = self._strictness_problem(request, obj, found)
        if problem:
            resource = request.served.resource
            what = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
            raise bad_request(f"{what}: {problem}")

    def _strictness_problem(self, request: Request, obj: Obj, found: Sequence[str] = ()) -> str:
        """What a strict caller is to be told; who wants warnings gets them."""
        if request.strictness == "Ignore":
            return ""
        unknown = [*found, *_unknown_fields(request, obj)]
        if unknown and request.strictness == "Strict":
            return f"strict decoding error: {', '.join(unknown)}"
        request.warnings.extend(unknown)
        return ""

    # Steps

    def _live(self, request: Request) -> Stored:
        found = self.store.find(request.served.collection, request.key)
        if found is None:
            resource = request.served.resource
            raise not_found(resource.group, resource.plural, request.name)
        return found

    def _create(self, request: Request, obj: Obj, manage: Manage) -> Written:
        now = self._time_of(request)
        is_applied = manage is _managed_already
        new = self.shape(request, metadata.prepare_create(request, obj, now), is_applied=is_applied)
        # What plugins add belongs to no manager, as in the real server.
        new = self._admit("CREATE", request, _settled(request, manage(request, None, new, now)), None)
        new = preparation.for_create(request.served.gvk, new)
        errors = [*metadata.check_create(request, new), *_mistakes(request, new, None)]
        if errors:
            raise metadata.invalid_fields(request, errors)
        _warn(request, new, None)
        new = metadata.with_first_status(request, new)
        self._judge("CREATE", request, new, None)
        new = metadata.without_link(new)
        collection, key = request.served.collection, request.key
        if found := self.store.find(collection, key):
            raise already_exists(
                request.served.resource.group,
                request.served.resource.plural,
                request.name,
                is_going="deletionTimestamp" in found.obj["metadata"],
            )
        if request.dry_run:
            if revision := obj["metadata"].get("resourceVersion"):
                new["metadata"]["resourceVersion"] = revision
            return Written(Stored(new, encode(new), self.store.revision), created=True)
        stored = self._commit(self.store.put(collection, key, request.served.as_stored(new))).new
        return Written(stored, created=True)

    def _update(self, request: Request, live: Stored, obj: Obj) -> Written:
        metadata.check_preconditions(request, live.obj, obj)
        return self._replace(request, live, obj, _managed_update)

    def _replace(self, request: Request, live: Stored, obj: Obj, manage: Manage) -> Written:
        old = request.served.as_version(live.obj)
        shaped = self._shaped(request, obj, is_applied=manage is _managed_already)
        made = metadata.prepare_update(request, old, shaped)
        made = _settled(request, manage(request, old, made, self._time_of(request)))
        new = self._admit("UPDATE", request, made, old)
        if new is not made:
            new = metadata.prepare_update(request, old, new)
        new = preparation.for_update(request.served.gvk, new, old, request.subresource)
        errors = [*metadata.check_update(request, old, new, obj), *_mistakes(request, new, old)]
        if errors:
            raise metadata.invalid_fields(request, [invalid.as_sent(error, obj) for error in errors])
        _warn(request, new, old)
        self._judge("UPDATE", request, new, old)
        if _changes_nothing(request, live, old, new):
            return Written(live)
        new = metadata.without_link(new)
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        if request.dry_run:
            return Written(Stored(new, encode(new), live.revision))
        collection, key = request.served.collection, request.key
        new = request.served.as_stored(new)
        if "deletionTimestamp" in new["metadata"] and not deletion.is_held(new):
            # Watchers are shown what was stored before the last finalizer went.
            self._commit(self.store.remove(collection, key))
            return Written(Stored(new, encode(new), live.revision))
        return Written(self._commit(self.store.put(collection, key, new)).new)

    def _apply_new(self, request: Request, config: Obj, *, force: bool) -> Written:
        resource = request.served.resource
        if request.subresource:
            raise not_found(resource.group, resource.plural, request.name)
        if uid := config["metadata"].get("uid"):
            why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            raise conflict(resource.group, resource.plural, request.name, why)
        merged = self._merged(request, None, config, force=force)
        metadata.check_identity(request, config)
        return self._create(replace(request, by_write=True), merged, _managed_already)

    def _merged(self, request: Request, live: Obj | None, config: Obj, *, force: bool) -> Obj:
        served = request.served
        try:
            return managed.apply(
                live,
                config,
                manager=request.manager,
                force=force,
                schema=served.schema,
                api_version=served.resource.api_version,
                now=self._time_of(request),
                subresource=request.subresource,
            )
        except managed.ApplyConflict as error:
            raise ApiError(409, "Conflict", str(error), {"causes": error.status_causes()}) from error
        except managed.ApplyRefused as error:
            raise ApiError(
                error.status_code, "BadRequest" if error.status_code == 400 else "", error.message
            ) from error

    def shape(self, request: Request, obj: Obj, *, is_applied: bool = False) -> Obj:
        """The object in its canonical form: unknown fields dropped, defaults filled in."""
        custom = request.served.custom
        if custom:
            # What is read from a body loses nulls; what an apply has put together does not.
            return customs.shaped(request, custom, obj, keeps_nulls=is_applied)
        try:
            return normalise.default(request.served.gvk, obj)
        except decoding.Malformed as error:
            raise bad_request(str(error)) from error

    def _shaped(self, request: Request, obj: Obj, *, is_applied: bool) -> Obj:
        """In shape, with an empty list of managers kept: it is a wish to have them cleared."""
        made = self.shape(request, obj, is_applied=is_applied)
        if obj["metadata"].get("managedFields") == []:
            made["metadata"]["managedFields"] = []
        return made

    def _admit(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> Obj:
        for plugin in self.plugins:
            new = plugin.admit(operation, request, new, old)
        return new

    def _judge(self, operation: Operation, request: Request, new: Obj, old: Obj | None) -> None:
        for judge in self.judges:
            judge.judge(operation, request, new, old)

    def _check_delete(self, request: Request, live: Obj, options: DeleteOptions) -> None:
        deletion.check_preconditions(request, live, options)
        self._admit("DELETE", request, live, live)
        self._judge("DELETE", request, live, live)

    def _time_of(self, request: Request) -> str:
        """Now; for a request that is tried again the time of its first attempt."""
        draft = request.draft
        if draft is None:
            return self.now()
        draft.time = draft.time or self.now()
        return draft.time

    def _generated_name(self, request: Request, prefix: str) -> str:
        draft = request.draft
        name = (draft.generated_name if draft else "") or metadata.generated_name(prefix)
        while self.store.find(request.served.collection, replace(request, name=name).key):
            name = metadata.generated_name(prefix)
        if draft:
            draft.generated_name = name
        return name

    def _commit(self, change: Change) -> Change:
        self._pending.append(change)
        for listener in tuple(self.listeners):
            listener(change)
        return change

    def _react(self) -> None:
        while self._pending:
            change = self._pending.popleft()
            for reactor in self.reactors:
                reactor(change)


Manage: TypeAlias = Callable[[Request, Obj | None, Obj, str], Obj]


def _managed_update(request: Request, old: Obj | None, new: Obj, now: str) -> Obj:
    if request.subresource == "scale":
        # A Scale has no replicas where there are none, so nobody comes to own them.
        seen = scales.without_zero(request.served, new)
        found = _managed(request, scales.without_zero(request.served, old or {}), seen, now)
        metadata = {**new["metadata"], "managedFields": found["metadata"].get("managedFields") or []}
        return {**new, "metadata": metadata}
    return _managed(request, old, new, now)


def _managed(request: Request, old: Obj | None, new: Obj, now: str) -> Obj:
    return managed.update(
        old,
        new,
        manager=request.manager,
        schema=request.served.schema,
        api_version=request.served.resource.api_version,
        now=now,
        subresource=request.subresource,
    )


_managed_create = _managed_update


def _managed_already(request: Request, old: Obj | None, new: Obj, now: str) -> Obj:
    """An apply has settled the managers while it merged."""
    return {**new, "metadata": dict(new["metadata"])}


def _warn(request: Request, new: Obj, old: Obj | None) -> None:
    if request.served.custom:
        request.warnings.extend(customs.warnings(new, old))
    elif not request.subresource:
        request.warnings.extend(workload_warnings.of(request.served.gvk, new, old))
        request.warnings.extend(kind_warnings.of_object(request.served.gvk, new, old))


def _settled(request: Request, obj: Obj) -> Obj:
    return obj if request.served.custom else normalise.settle(request.served.gvk, obj)


def _changes_nothing(request: Request, live: Stored, old: Obj, new: Obj) -> bool:
    """Whether an update leaves an object as it is."""
    if request.served.custom:
        # Defaults that are younger than the object are stored with the first write after them.
        return metadata.is_noop(live.obj, request.served.as_stored(new))
    return metadata.is_noop(old, new) or metadata.without_link(new) == old


def _unknown_fields(request: Request, obj: Obj) -> list[str]:
    custom = request.served.custom
    if custom:
        return customs.unknown_fields(request, custom, obj)
    return schemas.unknown_fields(request.served.schema, obj)


def _mistakes(request: Request, new: Obj, old: Obj | None) -> list[FieldError]:
    custom = request.served.custom
    if custom:
        return customs.mistakes(request, custom, new, old)
    if request.served.collection == definition_names.DEFINITIONS:
        if request.subresource:
            return definition_rules.status_mistakes(new)
        return definition_rules.mistakes(new, old)
    return normalise.validate(request.served.gvk, new, old, request.subresource)


def _patched(request: Request, obj: Obj, kind: str, change: Any) -> Obj:
    if kind == "json":
        return patches.json_patch(obj, change)
    if kind == "merge":
        return patches.merge_patch(obj, change)
    merged = patches.strategic_merge(obj, change, request.served.schema)
    return {**merged, "apiVersion": obj["apiVersion"], "kind": obj["kind"]}


def _patch_error(error: patches.PatchError) -> ApiError:
    match error.status_code:
        case 422:
            return ApiError(422, "Invalid", error.message, {})
        case 400:
            return ApiError(400, "BadRequest", error.message)
        case code:
            return ApiError(code, "", error.message)
