"""The three older patch types: JSON patch, JSON merge patch and strategic merge patch.

None of them changes what it is given.
"""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jx.adapters.local.kubernetes.types.bodies import json_name
from jx.adapters.local.kubernetes.types.facts import Obj, Schema
from jx.adapters.local.kubernetes.words import gotext

REJECTED: Final = "the server rejected our request due to an error in our request"

_DIRECTIVE: Final = "$patch"
_RETAIN_KEYS: Final = "$retainKeys"
_DELETE_FROM: Final = "$deleteFromPrimitiveList/"
_ORDER: Final = "$setElementOrder/"
_DEDUCED: Final = Schema.deduced()


class PatchError(Exception):
    """A patch that cannot be read (400), does not fit the object (422), or is no strategic merge patch (500)."""

    def __init__(self, status_code: int, message: str) -> None:
        self.status_code = status_code
        self.message = message
        super().__init__(message)


def json_patch(obj: Obj, ops: Any) -> Obj:
    """RFC 6902.

    Raises PatchError: 400 for what is no patch, 422 for one that does not fit (a missing path, a failed test).
    """
    if not isinstance(ops, list):
        found = json_name(ops)
        raise PatchError(
            400,
            f"error decoding patch: json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp",
        )
    for op in ops:
        if not isinstance(op, dict):
            into = "Go value of type handlers.jsonPatchOp"
            raise PatchError(400, f"error decoding patch: json: cannot unmarshal {json_name(op)} into {into}")
    patched: Any = copy.deepcopy(obj)
    for op in ops:
        try:
            patched = _operate(patched, op)
        except (LookupError, ValueError, TypeError) as error:
            raise PatchError(422, REJECTED) from error
    if not isinstance(patched, dict):
        raise PatchError(422, REJECTED)
    return patched


def merge_patch(obj: Obj, patch: Any) -> Obj:
    """RFC 7386: null removes, objects merge, all else replaces. Raises PatchError."""
    if patch is None:
        raise PatchError(400, "Invalid JSON Patch")
    if not isinstance(patch, dict):
        raise PatchError(400, f"error decoding patch: {_no_map(patch)}")
    merged: Obj = _merge(obj, patch)
    return merged


def strategic_merge(obj: Obj, patch: Any, schema: Schema) -> Obj:
    """Kubernetes' own: lists merge by key, and directives ($patch, $retainKeys ...) tell the rest.

    Raises PatchError.
    """
    if not isinstance(patch, dict):
        raise PatchError(400, _no_map(patch))
    return _merge_map(copy.deepcopy(obj), copy.deepcopy(patch), schema)


def _no_map(value: Any) -> str:
    return f"json: cannot unmarshal {json_name(value)} into Go value of type map[string]interface {{}}"


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        # As in the real server: what replaces an object stays as it is, what replaces all else loses its members that are null.
        return copy.deepcopy(patch) if isinstance(target, dict) else _without_nulls(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return value


# JSON patch


def _operate(doc: Any, op: Mapping[str, Any]) -> Any:
    path = _pointer(op["path"])
    match op["op"]:
        case "add":
            return _add(doc, path, copy.deepcopy(op["value"]))
        case "remove":
            return _take(doc, path)[0]
        case "replace":
            return _replace(doc, path, copy.deepcopy(op["value"]))
        case "move":
            doc, value = _take(doc, _pointer(op["from"]))
            return _add(doc, path, value)
        case "copy":
            return _add(doc, path, copy.deepcopy(_found(doc, _pointer(op["from"]))))
        case "test":
            return _tested(doc, path, op.get("value"))
        case unknown:
            raise ValueError(f"unexpected kind: {unknown}")


def _found(doc: Any, path: list[str]) -> Any:
    """What a path leads to; as in the real server a key that an object does not have leads to null."""
    if not path:
        return doc
    parent = _get(doc, path[:-1])
    return parent.get(path[-1]) if isinstance(parent, dict) else _get(parent, path[-1:])


def _pointer(text: str) -> list[str]:
    """The keys of a JSON pointer; what stands before the first slash is not looked at, as in the real server."""
    if not text:
        return []
    _, slash, rest = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is no JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in rest.split("/")]


def _index(part: str, length: int) -> int:
    if not re.fullmatch(r"-?(0|[1-9]\d*)", part):
        raise ValueError(f"{part!r} is no index")
    index = int(part)
    index = index + length if index < 0 else index
    if not 0 <= index < length:
        raise IndexError(f"index {part} is out of bounds")
    return index


def _get(doc: Any, path: Sequence[str]) -> Any:
    for part in path:
        doc = doc[_index(part, len(doc))] if isinstance(doc, list) else doc[part]
    return doc


def _add(doc: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _get(doc, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(last, len(parent) + 1), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise TypeError("there is nothing to add to")
    return doc


def _replace(doc: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _get(doc, path[:-1]), path[-1]
    parent[_index(last, len(parent)) if isinstance(parent, list) else last] = value
    return doc


def _take(doc: Any, path: Sequence[str]) -> tuple[Any, Any]:
    if not path:
        return None, doc
    parent, last = _get(doc, path[:-1]), path[-1]
    return doc, parent.pop(_index(last, len(parent)) if isinstance(parent, list) else last)


def _tested(doc: Any, path: Sequence[str], wanted: Any) -> Any:
    try:
        found = _get(doc, path)
    except LookupError:
        if wanted is not None:
            raise
        found = None
    if found != wanted or isinstance(found, bool) is not isinstance(wanted, bool):
        raise ValueError("test failed")
    return doc


# Strategic merge patch


def _merge_map(original: Obj, patch: Obj, schema: Schema) -> Obj:
    if _DIRECTIVE in patch:
        return _directed(patch)
    _retain_keys(original, patch)
    for key in [key for key in patch if key.startswith(_ORDER)]:
        _merge_ordered(original, patch, key, schema)
    for key, value in patch.items():
        if key.startswith(_DELETE_FROM):
            name = key.removeprefix(_DELETE_FROM)
            if isinstance(original.get(name), list) and isinstance(value, list):
                original[name] = [item for item in original[name] if item not in value]
            continue
        if value is None:
            original.pop(key, None)
            continue
        below = schema.child(key) or _DEDUCED
        if isinstance(value, dict) and isinstance(original.get(key), dict):
            replaces = "replace" in below.patch_strategy
            original[key] = value if replaces else _merge_map(original[key], value, below)
        elif isinstance(value, list) and isinstance(original.get(key), list):
            original[key] = _merge_list(original[key], value, below)
        else:
            original[key] = _without_directives(value)
            if original[key] is None:
                del original[key]
    return original


def _directed(patch: Obj) -> Obj:
    directive = patch.pop(_DIRECTIVE)
    if directive == "replace":
        return patch
    if directive == "delete":
        return {}
    whole = {_DIRECTIVE: directive, **patch}
    raise PatchError(500, f"unknown patch type: {directive} in map: {gotext.plain(whole)}")


def _retain_keys(original: Obj, patch: Obj) -> None:
    if _RETAIN_KEYS not in patch:
        return
    kept = patch.pop(_RETAIN_KEYS)
    if not isinstance(kept, list):
        raise PatchError(500, "invalid patch format of retainKeys")
    for key, value in patch.items():
        if value is not None and not key.startswith((_DELETE_FROM, _ORDER)) and key not in kept:
            raise PatchError(500, "invalid patch format of retainKeys")
    for key in original.keys() - set(kept):
        del original[key]


def _merge_ordered(original: Obj, patch: Obj, key: str, schema: Schema) -> None:
    """Merges the list that a `$setElementOrder` speaks of and puts it in that order."""
    name = key.removeprefix(_ORDER)
    order = patch.pop(key)
    changes = patch.pop(name, None)
    below = schema.child(name) or _DEDUCED
    if not isinstance(order, list) or not isinstance(changes, list | None):
        raise PatchError(500, "invalid patch format of setElementOrder list")
    _refuse_other_order(changes or [], order, below.merge_key)
    live = original.get(name)
    if changes is None and live is None:
        return
    if live is None:
        merged = _without_directives(changes) or []
    else:
        merged = live if changes is None else _merge_list(live, changes, below)
    original[name] = _in_order(merged, order, live or [], below.merge_key)


def _refuse_other_order(changes: list[Any], order: list[Any], merge_key: str) -> None:
    """The patched items must stand in the order that the patch declares."""
    if not changes or not order:
        return
    wanted = [_identity(item, merge_key) for item in order]
    at = 0
    for item in changes:
        if isinstance(item, dict) and _DIRECTIVE in item:
            continue
        identity = _identity(item, merge_key)
        while at < len(wanted) and wanted[at] != identity:
            at += 1
        if at == len(wanted):
            given, declared = gotext.plain(changes), gotext.plain(order)
            told = f"The order in patch list:\n{given}\n doesn't match $setElementOrder list:\n{declared}\n"
            raise PatchError(500, told)
        at += 1


def _merge_list(original: list[Any], patch: list[Any], schema: Schema) -> list[Any]:
    if "merge" not in schema.patch_strategy:
        return patch
    if not original and not patch:
        return original
    kinds = {type(item) for item in (*original, *patch)}
    if list in kinds:
        raise PatchError(500, "lists of lists are not supported")
    if dict not in kinds:
        merged = list(dict.fromkeys([*original, *patch]))
        return _in_order(merged, patch, original, "")
    if len(kinds) > 1:
        raise PatchError(500, "list element types are not identical")
    if not schema.merge_key:
        raise PatchError(500, f"cannot merge lists without merge key for {schema.ref}")
    live = list(original)
    kept, changes = _apply_special_items(live, patch, schema.merge_key)
    merged = _merge_items(kept, changes, schema)
    return _in_order(merged, changes, kept, schema.merge_key)


def _apply_special_items(
    original: list[Any], patch: list[Any], merge_key: str
) -> tuple[list[Any], list[Any]]:
    """The list without the items that the patch deletes, and the patch's plain items."""
    changes = []
    replaces = False
    for item in patch:
        match item.get(_DIRECTIVE):
            case None:
                changes.append(item)
            case "delete":
                gone = _identity(item, merge_key)
                original = [live for live in original if _identity(live, merge_key) != gone]
            case "replace":
                replaces = True
            case "merge":
                raise PatchError(500, "merging lists cannot yet be specified in the patch")
            case unknown:
                raise PatchError(500, f"unknown patch type: {unknown} in map: {gotext.plain(item)}")
    return ([], changes) if replaces else (original, changes)


def _merge_items(original: list[Any], changes: list[Any], schema: Schema) -> list[Any]:
    merged = list(original)
    for item in changes:
        wanted = _identity(item, schema.merge_key)
        for at, live in enumerate(merged):
            if _identity(live, schema.merge_key) == wanted:
                merged[at] = _merge_map(live, item, schema.item())
                break
        else:
            # As in the real server, which reads no directives in what it adds to a list: they are fields that nobody knows.
            merged.append(item)
    return merged


def _in_order(merged: list[Any], order: list[Any], live: list[Any], merge_key: str) -> list[Any]:
    """Items of `order` in its order; the others keep their place before what stood after them in `live`."""
    places = {_identity(item, merge_key): at for at, item in enumerate(order)}
    before = {_identity(item, merge_key): at for at, item in enumerate(live)}
    named = sorted(
        (item for item in merged if _identity(item, merge_key) in places),
        key=lambda item: places[_identity(item, merge_key)],
    )
    others = [item for item in merged if _identity(item, merge_key) not in places]
    result: list[Any] = []
    while named and others:
        other, one = (before.get(_identity(queue[0], merge_key)) for queue in (others, named))
        first = others if other is not None and one is not None and other < one else named
        result.append(first.pop(0))
    return result + named + others


def _identity(item: Any, merge_key: str) -> Any:
    if not merge_key:
        return (type(item).__name__, item)
    if not isinstance(item, dict) or merge_key not in item:
        raise PatchError(500, f"map: {gotext.plain(item)} does not contain declared merge key: {merge_key}")
    return (type(item[merge_key]).__name__, item[merge_key])


def _without_directives(value: Any) -> Any:
    """A value that is new to the object: without nulls and `$patch`; None where it deletes itself."""
    if isinstance(value, dict):
        if _DIRECTIVE in value:
            return None
        # As in the real server, other directives stay: they are fields that nobody knows.
        kept = {key: _without_directives(child) for key, child in value.items()}
        return {key: child for key, child in kept.items() if child is not None}
    if isinstance(value, list):
        items = ((item, _without_directives(item)) for item in value)
        return [made for item, made in items if made is not None or item is None]
    return value
