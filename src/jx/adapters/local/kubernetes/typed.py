"""Objects read through their types: merge, compare, remove, and the fields that they set.

The rules are those of Kubernetes' structured merge: lists with keys and sets merge by item, granular maps by
key, all else as a whole. No function changes what it is given; results share parts with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from jx.adapters.local.kubernetes import gotext
from jx.adapters.local.kubernetes.facts import Obj, Schema
from jx.adapters.local.kubernetes.fields import FieldSet, Path, key_element, text, value_element

ABSENT: Final = object()
"""Stands for a value that is not there; None is JSON's null."""

EMPTIED: Final = object()
"""Stands for a container that lost all it had: for its owners it is still there, in the end it is not."""

_ANY: Final = Schema.deduced()
_SCALARS: Final = {"string": (str,), "boolean": (bool,), "integer": (int, float), "number": (int, float)}


class TypeMismatch(Exception):
    """An object that does not fit its type; the message is the real server's."""


class Comparison(NamedTuple):
    """How a new object differs from an old one."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet

    def without(self, ignored: FieldSet) -> "Comparison":
        """The differences outside some fields and what lies below them."""
        return Comparison(*(part.without(ignored) for part in self))


def check(value: Any, schema: Schema, path: Path = (), *, duplicates: bool = False) -> None:
    """Raises TypeMismatch where a value does not fit its type; `duplicates` lets items repeat."""
    shape = _shape(schema, value)
    if value is None:
        return
    if shape == "scalar":
        _check_scalar(value, schema, path)
    elif shape == "list":
        if not isinstance(value, list):
            raise TypeMismatch(f"{text(path)}: expected list, got {_go(value)}")
        _check_items(value, schema, path, duplicates=duplicates)
    else:
        if not isinstance(value, dict):
            raise TypeMismatch(f"{text(path)}: expected map, got {_go(value)}")
        for key, child in value.items():
            below = schema.child(key)
            here = (*path, "f:" + key)
            if below is None:
                raise TypeMismatch(f"{text(here)}: field not declared in schema")
            check(child, below, here, duplicates=duplicates)


def field_set(obj: Obj, schema: Schema) -> FieldSet:
    """The fields that an object sets: its leaves, its items, its author's keys."""
    made = FieldSet()
    _collect(obj, schema, (), made)
    return made


def compare(old: Obj, new: Obj, schema: Schema) -> Comparison:
    """The fields that are removed, changed and added from the old object to the new."""
    comparison = Comparison(FieldSet(), FieldSet(), FieldSet())
    _compare(old, new, schema, (), comparison)
    return comparison


def merge(live: Any, config: Any, schema: Schema) -> Any:
    """The live value with all that the config sets; nothing is removed."""
    if config is ABSENT or live is ABSENT:
        return live if config is ABSENT else config
    shape = _shape(schema, config)
    if shape == "scalar" or _is_atomic(schema, shape) or (_is_empty(live) and _is_empty(config)):
        return config
    if shape == "list":
        return _merge_lists(_list(live), _list(config), schema)
    if not isinstance(config, dict):
        return live if isinstance(live, dict) else config
    if not isinstance(live, dict):
        return config
    merged = dict(live)
    for key, value in config.items():
        merged[key] = merge(live.get(key, ABSENT), value, schema.child(key) or _ANY)
    return merged


def remove(value: Any, fields: FieldSet, schema: Schema) -> Any:
    """The value without some fields; a container that ends up empty becomes EMPTIED."""
    shape = _shape(schema, value)
    if shape == "scalar":
        return value
    if not value or _is_atomic(schema, shape):
        return EMPTIED
    if shape == "list":
        return _remove_items(_list(value), fields, schema)
    kept: Obj = {}
    for key, child in _map(value).items():
        element = "f:" + key
        if element in fields.members:
            continue
        below = fields.children.get(element)
        kept[key] = remove(child, below, schema.child(key) or _ANY) if below else child
    return kept or EMPTIED


def without_emptied(value: Any) -> Any:
    """The value without its emptied containers."""
    if isinstance(value, dict):
        return {key: without_emptied(child) for key, child in value.items() if child is not EMPTIED}
    if isinstance(value, list):
        return [{} if item is EMPTIED else without_emptied(item) for item in value]
    return {} if value is EMPTIED else value


def same(old: Any, new: Any) -> bool:
    """Whether two values are equal as JSON: Python takes true for 1, JSON does not."""
    if isinstance(old, bool) is not isinstance(new, bool) or old != new:
        return False
    if isinstance(old, dict):
        return all(same(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        return all(same(*pair) for pair in zip(old, new, strict=True))
    return True


def item_element(item: Any, schema: Schema) -> str:
    """The path element of a list's item.

    Raises TypeMismatch for an item that cannot have one.
    """
    return _set_element(item) if schema.list_type == "set" else _keyed_element(item, schema)


def _set_element(item: Any) -> str:
    if isinstance(item, dict):
        raise TypeMismatch("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise TypeMismatch("not supported: associative list with lists as elements")
    if item is None:
        raise TypeMismatch("associative list without keys has an element that's an explicit null")
    return value_element(item)


def _keyed_element(item: Any, schema: Schema) -> str:
    if item is None:
        raise TypeMismatch("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise TypeMismatch("associative list with keys may not have non-map elements")
    keys = {}
    for name in schema.map_keys:
        if name in item:
            keys[name] = item[name]
        elif (below := schema.item().child(name)) is not None and below.default is not None:
            keys[name] = below.default
    if not keys:
        names = " ".join(f'"{name}"' for name in schema.map_keys)
        raise TypeMismatch(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return key_element(keys)


def _shape(schema: Schema, value: Any) -> str:
    """What the value is to be treated as: scalar, list or map."""
    if schema.kind == "any":
        return "list" if isinstance(value, list) else "map" if _is_map(value) else "scalar"
    return schema.kind if schema.kind in ("scalar", "list") else "map"


def _is_map(value: Any) -> bool:
    return value is None or value is EMPTIED or isinstance(value, dict)


def _is_atomic(schema: Schema, shape: str) -> bool:
    if shape == "list":
        return schema.list_type == "atomic"
    return shape == "map" and schema.map_type == "atomic"


def _is_empty(value: Any) -> bool:
    return value is ABSENT or value is EMPTIED or value is None or value in ({}, [])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _check_scalar(value: Any, schema: Schema, path: Path) -> None:
    if not schema.scalar or schema.format == "date-time":
        if isinstance(value, dict | list):
            raise TypeMismatch(f"{text(path)}: expected any scalar, got {_go(value)}")
        return
    wanted = _SCALARS.get(schema.scalar, ())
    if isinstance(value, wanted) and (schema.scalar == "boolean" or not isinstance(value, bool)):
        return
    if schema.scalar == "string":
        raise TypeMismatch(
            f"{text(path)}: expected string, got &value.valueUnstructured{{Value:{gotext.syntax(value)}}}"
        )
    if schema.scalar == "boolean":
        raise TypeMismatch(f"{text(path)}: expected boolean, got {_go(value)}")
    raise TypeMismatch(f"{text(path)}: expected numeric (int or float), got {gotext.type_name(value)}")


def _go(value: Any) -> str:
    """A value as the real server's messages print it."""
    return f"&{{{gotext.plain(value)}}}"


def _check_items(items: Sequence[Any], schema: Schema, path: Path, *, duplicates: bool) -> None:
    seen = set()
    for index, item in enumerate(items):
        element = f"i:{index}"
        if schema.list_type != "atomic":
            try:
                element = item_element(item, schema)
            except TypeMismatch as error:
                raise TypeMismatch(f"{text(path)}: element {index}: {error}") from None
            if element in seen and not duplicates:
                raise TypeMismatch(f"{text(path)}: duplicate entries for key {text((element,))}")
            seen.add(element)
        check(item, schema.item(), (*path, element), duplicates=duplicates)


def _collect(value: Any, schema: Schema, path: Path, into: FieldSet) -> None:
    shape = _shape(schema, value)
    if shape == "scalar" or _is_atomic(schema, shape):
        into.insert(path)
    elif shape == "list":
        _collect_items(_list(value), schema, path, into)
    else:
        for key, child in _map(value).items():
            here = (*path, "f:" + key)
            _collect(child, schema.child(key) or _ANY, here, into)
            if child is None or child is EMPTIED or child == {} or not schema.declares(key):
                into.insert(here)


def _collect_items(items: Sequence[Any], schema: Schema, path: Path, into: FieldSet) -> None:
    elements = [item_element(item, schema) for item in items]
    for element, item in zip(elements, items, strict=True):
        if elements.count(element) == 1:
            _collect(item, schema.item(), (*path, element), into)
        into.insert((*path, element))


def _compare(old: Any, new: Any, schema: Schema, path: Path, found: Comparison) -> None:
    if same(old, new):
        return
    shape = _shape(schema, old if new is ABSENT else new)
    if old is not ABSENT and new is not ABSENT and (before := _shape(schema, old)) != shape:
        # The kind of value changed: what lay below the old one is gone, and what is below the new one came.
        _compare_below(old, None, schema, path, found, shape=before)
        old = None
    _compare_below(old, new, schema, path, found, shape=shape)


def _compare_below(old: Any, new: Any, schema: Schema, path: Path, found: Comparison, *, shape: str) -> None:
    both_empty = _is_empty(old) and _is_empty(new)
    if shape == "scalar" or _is_atomic(schema, shape) or both_empty:
        _insert_difference(old, new, path, found)
        return
    if shape == "list":
        _compare_lists(_list(old), _list(new), schema, path, found)
    else:
        before, after = _map(old), _map(new)
        for key in before.keys() | after.keys():
            below = schema.child(key) or _ANY
            _compare(before.get(key, ABSENT), after.get(key, ABSENT), below, (*path, "f:" + key), found)
    if old is ABSENT:
        found.added.insert(path)
    elif new is ABSENT:
        found.removed.insert(path)


def _insert_difference(old: Any, new: Any, path: Path, found: Comparison) -> None:
    if old is ABSENT:
        found.added.insert(path)
    elif new is ABSENT:
        found.removed.insert(path)
    elif not same(old, new):
        found.modified.insert(path)


def _compare_lists(old: list[Any], new: list[Any], schema: Schema, path: Path, found: Comparison) -> None:
    before, after = _by_element(old, schema), _by_element(new, schema)
    for element in {**before, **after}:
        here = (*path, element)
        olds, news = before.get(element, []), after.get(element, [])
        if len(olds) <= 1 and len(news) <= 1:
            _compare(olds[0] if olds else ABSENT, news[0] if news else ABSENT, schema.item(), here, found)
        elif len(olds) >= 2 and len(news) >= 2:
            if not same(olds, news):
                found.modified.insert(here)
        elif len(olds) >= 2:
            if news:
                _compare(ABSENT, news[0], schema.item(), here, found)
            found.removed.insert(here)
        else:
            if olds:
                _compare(olds[0], ABSENT, schema.item(), here, found)
            found.added.insert(here)


def _by_element(items: list[Any], schema: Schema) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for item in items:
        grouped.setdefault(item_element(item, schema), []).append(item)
    return grouped


def _remove_items(items: list[Any], fields: FieldSet, schema: Schema) -> Any:
    kept = []
    for item in items:
        element = item_element(item, schema)
        if element in fields.members:
            continue
        below = fields.children.get(element)
        kept.append(remove(item, below, schema.item()) if below else item)
    return kept or EMPTIED


def _merge_lists(live: list[Any], config: list[Any], schema: Schema) -> list[Any]:
    """Items in the config's order, those of the live list alone where they stood among their neighbours."""
    left = [item_element(item, schema) for item in live]
    right = [item_element(item, schema) for item in config]
    # A repeated live item cannot be told apart: the config's one takes the place of all.
    old = {
        element: item if left.count(element) == 1 else None for element, item in zip(left, live, strict=True)
    }
    new = dict(zip(right, config, strict=True))
    shared = [element for element in right if element in old]
    merged: list[Any] = []
    placed: set[str] = set()

    def place(element: str) -> None:
        placed.add(element)
        merged.append(merge(old.get(element, ABSENT), new[element], schema.item()))
        if shared and shared[0] == element:
            shared.pop(0)

    i = j = 0
    while i < len(left) or j < len(right):
        at = left[i] if i < len(left) else None
        wanted = right[j] if j < len(right) else None
        if at is not None and at not in new:
            merged.append(live[i])
            i += 1
            continue
        if at is not None and wanted not in (None, at) and shared and shared[0] != at:
            i += 1
            continue
        if at is not None and (at == wanted or at in placed):
            i += 1
        if wanted is not None:
            place(wanted)
            j += 1
    return merged
