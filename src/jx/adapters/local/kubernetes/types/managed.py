"""Who owns which field: server-side apply, and the managers of plain updates.

Both give a new object with its `metadata.managedFields`; neither changes what it is given. An apply does not
fill in defaults: normalise its result; where only times of managers differ then, there is nothing to write.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from jx.adapters.local.kubernetes.types import typed
from jx.adapters.local.kubernetes.types.facts import Obj, Schema
from jx.adapters.local.kubernetes.types.fields import FieldSet, text

Cause: TypeAlias = tuple[str, str, str, str, str, str]
"""manager, apiVersion, subresource, field path, time, operation."""

MAX_UPDATE_MANAGERS: Final = 10
BEFORE_FIRST_APPLY: Final = "before-first-apply"
ANCIENT_CHANGES: Final = "ancient-changes"
KUBECTL: Final = "kubectl"
SCALE: Final = "scale"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_META: Final = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
)
_STRIPPED: Final = FieldSet(
    ("f:apiVersion",), ("f:kind",), ("f:metadata",), *(("f:metadata", "f:" + name) for name in _META)
)


class ApplyConflict(Exception):
    """Another manager owns fields that this apply would change (HTTP 409, reason Conflict)."""

    def __init__(self, causes: list[Cause]) -> None:
        self.causes = causes
        super().__init__(_conflict_message(causes))

    def status_causes(self) -> list[Obj]:
        """The causes as a Status' details hold them."""
        return [
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {_print_manager(cause)}",
                "field": cause[3],
            }
            for cause in self.causes
        ]


class ApplyRefused(Exception):
    """An apply that cannot be tried: HTTP 400, or 500 (as the real server) where the config misfits its type."""

    def __init__(self, status_code: int, message: str) -> None:
        self.status_code = status_code
        self.message = message
        super().__init__(message)


class _Manager(NamedTuple):
    """What tells two entries of managedFields apart; an applier's version does not."""

    name: str
    operation: str
    api_version: str
    subresource: str


class _Entry(NamedTuple):
    fields: FieldSet
    api_version: str
    time: str = ""


_Managers: TypeAlias = dict[_Manager, _Entry]


def apply(  # noqa: PLR0913
    live: Obj | None,
    config: Obj,
    *,
    manager: str,
    force: bool,
    schema: Schema,
    api_version: str,
    now: str,
    subresource: str = "",
    ignore: FieldSet | None = None,
) -> Obj:
    """The object after a server-side apply, with its metadata.managedFields.

    `ignore` are fields that the endpoint resets and nobody comes to own through it; None takes the usual
    ones: `status` for the object itself, all but `status` for that subresource. Raises ApplyConflict
    (unless forced) and ApplyRefused.
    """
    _refuse_misfits(config, schema, api_version)
    base = _without_managers(live or {})
    managers = _read_managers(live)
    ignored = _resets(ignore, subresource, schema)
    if not managers and live is not None:
        before = _Manager(BEFORE_FIRST_APPLY, "Update", api_version, subresource)
        fields = _created(base, schema).without(ignored) - _STRIPPED
        if fields:
            managers[before] = _Entry(fields, api_version, now)
    me = _Manager(manager or "unknown", "Apply", "", subresource)
    last = managers.get(me)
    own = typed.field_set(config, schema).without(ignored)
    managers[me] = _Entry(own, api_version, last.time if last else "")
    is_same = last is not None and last.fields <= own and typed.has_all(base, config, schema)
    merged = base
    if not is_same:
        merged = typed.merge(base, config, schema)
        if last and last.fields:
            merged = _prune(merged, last.fields, managers, schema)
        comparison = typed.compare(base, merged, schema).without(ignored)
        # Custom objects have no type in the real server that would drop a null.
        merged = typed.without_emptied(merged, as_null=not schema.ref)
        if not force:
            _refuse_conflicts(me, managers, comparison, base, schema)
        _take_over(me, managers, comparison)
        is_same = typed.same(base, merged)
    own = own - _STRIPPED
    if own:
        time = managers[me].time if is_same else _time_of(me, last, now)
        managers[me] = managers[me]._replace(fields=own, time=time)
    else:
        del managers[me]
    return _with_managers(_with_last_applied(me, merged, config), managers)


def update(  # noqa: PLR0913
    live: Obj | None,
    new: Obj,
    *,
    manager: str,
    schema: Schema,
    api_version: str,
    now: str,
    subresource: str = "",
    operation: str = "Update",
    ignore: FieldSet | None = None,
) -> Obj:
    """The object of a create, update or patch, with the managers that follow from it.

    Give `new` as it will be stored (defaults filled in). An update that sends `managedFields: [{}]` resets
    them. An object that does not fit its type keeps the live one's managers.
    """
    managers = _read_managers(live) if subresource else _sent_or_live(live, new)
    after = _without_managers(new)
    if not managers and live is not None:
        return after
    before = _without_managers(live) if live is not None else schema.zero()
    try:
        comparison = typed.compare(before, after, schema).without(_resets(ignore, subresource, schema))
    except typed.TypeMismatch:
        return _with_managers(after, managers)
    me = _Manager(manager or "unknown", operation, api_version, subresource)
    _take_over(None, managers, comparison)
    own = (comparison.modified | comparison.added) - _STRIPPED
    if own:
        last = managers.get(me)
        fields = own | last.fields if last else own
        managers[me] = _Entry(fields, api_version, _time_of(me, last, now))
    return _with_managers(after, _cap(managers))


def _time_of(me: _Manager, last: _Entry | None, now: str) -> str:
    """The time of a change. A scale's is not told; of who changes by scale alone the real server knows none."""
    if me.subresource == SCALE:
        return last.time if last else ""
    return now


def _created(obj: Obj, schema: Schema) -> FieldSet:
    comparison = typed.compare(schema.zero(), obj, schema)
    return comparison.modified | comparison.added


def _refuse_misfits(config: Obj, schema: Schema, api_version: str) -> None:
    metadata = config.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    if "managedFields" in metadata and metadata["managedFields"] is not None:
        raise ApplyRefused(400, "metadata.managedFields must be nil")
    if config.get("apiVersion") != api_version:
        raise ApplyRefused(
            400,
            "Incorrect version specified in apply patch. Specified patch version: "
            f"{config.get('apiVersion')}, expected: {api_version}",
        )
    try:
        typed.check(config, schema)
    except typed.TypeMismatch as error:
        where = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        group = "" if "/" in api_version else "/"
        kind = f"{group}{api_version}, Kind={config.get('kind', '')}"
        raise ApplyRefused(500, f"failed to create typed patch object ({where}; {kind}): {error}") from error


def _resets(ignore: FieldSet | None, subresource: str, schema: Schema) -> FieldSet:
    """The fields that nobody comes to own through an endpoint."""
    if ignore is not None:
        return ignore
    if subresource == "status":
        named = [key for key in schema.fields if key not in ("apiVersion", "kind", "metadata", "status")]
        return FieldSet(*(("f:" + key,) for key in named))
    if not subresource and schema.declares("status"):
        return FieldSet(("f:status",))
    return FieldSet()


def _prune(merged: Obj, last: FieldSet, managers: _Managers, schema: Schema) -> Obj:
    """The merged object without what this manager applied last time and nobody owns now."""
    before = last.with_named_parents(schema)
    pruned = _rest(merged, before, schema)
    owned = FieldSet()
    for entry in managers.values():
        owned = owned | entry.fields
    everything = typed.field_set(merged, schema).with_named_parents(schema)
    stays = typed.field_set(pruned, schema).with_named_parents(schema) | owned.with_named_parents(schema)
    pruned = _rest(merged, everything - stays, schema)
    # What fell with its parent, but was never this manager's, comes back.
    gone = everything - typed.field_set(pruned, schema).with_named_parents(schema)
    return _rest(merged, gone & before, schema)


def _rest(obj: Obj, fields: FieldSet, schema: Schema) -> Obj:
    rest = typed.remove(obj, fields, schema)
    return rest if isinstance(rest, dict) else {}


def _refuse_conflicts(
    me: _Manager, managers: _Managers, comparison: typed.Comparison, live: Obj, schema: Schema
) -> None:
    changed = comparison.modified | comparison.added
    owned = {other: entry.fields & changed for other, entry in managers.items() if other != me}
    if not any(owned.values()):
        return
    allowed = _applied_before(me, live, schema)
    causes: list[Cause] = []
    for other in sorted(owned):
        entry = managers[other]
        causes += [
            (other.name, entry.api_version, other.subresource, text(path), entry.time, other.operation)
            for path in owned[other]
            if path not in allowed
        ]
    if causes:
        raise ApplyConflict(causes)


def _applied_before(me: _Manager, live: Obj, schema: Schema) -> FieldSet:
    """What kubectl's client-side apply set and nobody changed: its server-side apply may take these over."""
    last = _last_applied(live) if me.name == KUBECTL else ""
    if not last:
        return FieldSet()
    try:
        before = json.loads(last)
        if before.get("apiVersion") != live.get("apiVersion"):
            return FieldSet()
        differences = typed.compare(before, live, schema)
        return (
            typed.field_set(before, schema) - differences.modified - differences.added - differences.removed
        )
    except (ValueError, AttributeError, typed.TypeMismatch):
        return FieldSet()


def _with_last_applied(me: _Manager, merged: Obj, config: Obj) -> Obj:
    """The object with kubectl's annotation brought up to date, where it has one and kubectl applies."""
    if me.name != KUBECTL or not _last_applied(merged):
        return merged
    metadata = dict(config.get("metadata") or {})
    if metadata.get("annotations") is not None:
        metadata["annotations"] = {k: v for k, v in metadata["annotations"].items() if k != LAST_APPLIED}
    dumped = json.dumps({**config, "metadata": metadata}, sort_keys=True, separators=(",", ":")) + "\n"
    annotations = {**merged["metadata"]["annotations"], LAST_APPLIED: dumped}
    return {**merged, "metadata": {**merged["metadata"], "annotations": annotations}}


def _last_applied(obj: Obj) -> str:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(LAST_APPLIED) or "")


def _take_over(me: _Manager | None, managers: _Managers, comparison: typed.Comparison) -> None:
    """The other managers lose the fields that changed or went; who has none left goes."""
    is_touched = bool(comparison)
    changed = comparison.modified | comparison.added
    for manager, entry in list(managers.items()):
        fields = entry.fields
        if manager != me and is_touched:
            fields = fields - changed - comparison.removed
            managers[manager] = entry._replace(fields=fields)
        if not fields:
            del managers[manager]


def _cap(managers: _Managers) -> _Managers:
    """Merges the oldest updaters into one entry per version, where there are too many."""
    updaters = sorted(
        (manager for manager in managers if manager.operation == "Update"),
        key=lambda manager: (managers[manager].time, manager),
    )
    excess = len(updaters) - MAX_UPDATE_MANAGERS
    first: dict[str, _Manager] = {}
    for manager in updaters:
        if excess <= 0:
            break
        entry = managers[manager]
        if entry.api_version not in first:
            first[entry.api_version] = manager
            continue
        bucket = _Manager(ANCIENT_CHANGES, "Update", entry.api_version, "")
        if bucket not in managers:
            managers[bucket] = managers.pop(first[entry.api_version])
        merged = managers[bucket].fields | entry.fields
        managers[bucket] = entry._replace(fields=merged)
        if manager != bucket:
            del managers[manager]
        excess -= 1
    return managers


def _without_managers(obj: Obj) -> Obj:
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


def _sent_or_live(live: Obj | None, new: Obj) -> _Managers:
    """The managers that an update sends, those of the live object where it sends none."""
    sent = (new.get("metadata") or {}).get("managedFields")
    if sent is not None and (sent == [] or sent == [{}]):
        return {}
    return _read_managers(new) or _read_managers(live)


def _read_managers(obj: Obj | None) -> _Managers:
    """The stored managers; none where they cannot be read."""
    managers: _Managers = {}
    for stored in ((obj or {}).get("metadata") or {}).get("managedFields") or ():
        if not _is_readable(stored):
            return {}
        try:
            fields = FieldSet.from_json(stored.get("fieldsV1") or {})
        except (ValueError, TypeError):
            return {}
        api_version = stored["apiVersion"]
        operation = stored["operation"]
        manager = _Manager(
            stored.get("manager", ""),
            operation,
            "" if operation == "Apply" else api_version,
            stored.get("subresource", ""),
        )
        managers[manager] = _Entry(fields, api_version, stored.get("time") or "")
    return managers


def _is_readable(stored: Any) -> bool:
    return (
        isinstance(stored, Mapping)
        and stored.get("operation") in ("Apply", "Update")
        and bool(stored.get("apiVersion"))
        and stored.get("fieldsType") == "FieldsV1"
    )


def _with_managers(obj: Obj, managers: _Managers) -> Obj:
    stored = []
    for manager, entry in sorted(
        managers.items(),
        key=lambda item: (
            item[0].operation,
            item[1].time,
            item[0].name,
            item[1].api_version,
            item[0].subresource,
        ),
    ):
        one = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": entry.api_version,
            "time": entry.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": entry.fields.to_json(),
            "subresource": manager.subresource,
        }
        stored.append({key: value for key, value in one.items() if value or key == "fieldsV1"})
    if not stored:
        return obj
    return {**obj, "metadata": {**(obj.get("metadata") or {}), "managedFields": stored}}


def _print_manager(cause: Cause) -> str:
    name, api_version, subresource, _, _, operation = cause
    printed = f'"{name}"'
    if subresource:
        printed += f' with subresource "{subresource}"'
    return f"{printed} using {api_version}" if operation == "Update" else printed


def _conflict_message(causes: list[Cause]) -> str:
    if len(causes) == 1:
        cause = causes[0]
        return f"Apply failed with 1 conflict: conflict with {_print_manager(cause)}: {cause[3]}"
    lines: list[str] = []
    for printed in dict.fromkeys(_print_manager(cause) for cause in causes):
        lines.append(f"conflicts with {printed}:")
        lines += [f"- {cause[3]}" for cause in causes if _print_manager(cause) == printed]
    return f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
