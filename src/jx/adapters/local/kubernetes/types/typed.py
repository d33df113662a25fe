"""Objects read through their types: merge, compare, remove, and the fields that they set.

The rules are those of Kubernetes' structured merge: lists with keys and sets merge by item, granular maps by
key, all else as a whole. No function changes what it is given; results share parts with it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from jx.adapters.local.kubernetes.types.facts import Obj, Schema
from jx.adapters.local.kubernetes.types.fields import FieldSet, Path, key_element, text, value_element
from jx.adapters.local.kubernetes.words import gotext

ABSENT: Final = object()
"""Stands for a value that is not there; None is JSON's null."""

EMPTIED: Final = object()
"""Stands for a container that lost all it had: for its owners it is still there, in the end it is not."""

_ANY: Final = Schema.deduced()
_SCALARS: Final = {"string": (str,), "boolean": (bool,), "integer": (int, float), "number": (int, float)}


class TypeMismatch(Exception):
    """An object that does not fit its type; the message is the real server's."""


class _Misfit(Exception):
    """A TypeMismatch on its way up: who hands it on adds where it was."""

    def __init__(self, detail: str, *path: str) -> None:
        self.detail = detail
        self.reversed_path = [*path]
        super().__init__(detail)


class Comparison(NamedTuple):
    """How a new object differs from an old one."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet

    def __bool__(self) -> bool:
        return any(self)

    def without(self, ignored: FieldSet) -> "Comparison":
        """The differences outside some fields and what lies below them."""
        return Comparison(*(part.without(ignored) for part in self))


def check(value: Any, schema: Schema) -> None:
    """Raises TypeMismatch where a value does not fit its type."""
    try:
        _check(value, schema)
    except _Misfit as misfit:
        path = tuple(reversed(misfit.reversed_path))
        raise TypeMismatch(f"{text(path)}: {misfit.detail}") from None


def field_set(obj: Obj, schema: Schema) -> FieldSet:
    """The fields that an object sets: its leaves, its items, its author's keys."""
    made = FieldSet()
    _collect(obj, schema, made)
    return made


def compare(old: Obj, new: Obj, schema: Schema) -> Comparison:
    """The fields that are removed, changed and added from the old object to the new."""
    comparison = Comparison(FieldSet(), FieldSet(), FieldSet())
    _compare(old, new, schema, (), comparison)
    return comparison


def has_all(live: Any, config: Any, schema: Schema) -> bool:
    """Whether a live value surely is what merging the config into it would give."""
    shape = _shape(schema, config)
    if shape == "scalar" or not config or _is_atomic(schema, shape):
        return same(live, config)
    if shape == "list":
        return isinstance(live, list) and _has_items(live, _list(config), schema)
    if not isinstance(live, dict) or not isinstance(config, dict):
        return False
    return all(
        key in live and has_all(live[key], value, schema.child(key) or _ANY) for key, value in config.items()
    )


def merge(live: Any, config: Any, schema: Schema) -> Any:
    """The live value with all that the config sets; nothing is removed. What stays as it is, is the live one itself."""
    if config is ABSENT or live is ABSENT:
        return live if config is ABSENT else config
    shape = _shape(schema, config)
    if shape == "scalar" or _is_atomic(schema, shape) or (_is_empty(live) and _is_empty(config)):
        return live if same(live, config) else config
    if shape == "list":
        return _merge_lists(_list(live), _list(config), schema)
    if not isinstance(config, dict):
        return live if isinstance(live, dict) else config
    if not isinstance(live, dict):
        return config
    changed = {}
    for key, value in config.items():
        before = live.get(key, ABSENT)
        after = merge(before, value, schema.child(key) or _ANY)
        if after is not before:
            changed[key] = after
    return {**live, **changed} if changed else live


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


def without_emptied(value: Any, *, as_null: bool = False) -> Any:
    """The value without its emptied containers; with `as_null` a null stands for each in its map."""
    if isinstance(value, dict):
        return {
            key: None if child is EMPTIED else without_emptied(child, as_null=as_null)
            for key, child in value.items()
            if as_null or child is not EMPTIED
        }
    if isinstance(value, list):
        return [{} if item is EMPTIED else without_emptied(item, as_null=as_null) for item in value]
    return {} if value is EMPTIED else value


def same(old: Any, new: Any) -> bool:
    """Whether two values are equal as JSON: Python takes true for 1, JSON does not."""
    return old is new or (old == new and _same_kinds(old, new))


def _same_kinds(old: Any, new: Any) -> bool:
    """Whether two equal values have true and false in the same places."""
    if isinstance(old, dict):
        return all(value is new[key] or _same_kinds(value, new[key]) for key, value in old.items())
    if isinstance(old, list):
        return all(value is other or _same_kinds(value, other) for value, other in zip(old, new, strict=True))
    return isinstance(old, bool) is isinstance(new, bool)


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


def _check(value: Any, schema: Schema) -> None:
    if value is None:
        return
    shape = _shape(schema, value)
    if shape == "scalar":
        _check_scalar(value, schema)
    elif shape == "list":
        if not isinstance(value, list):
            raise _Misfit(f"expected list, got {_go(value)}")
        _check_items(value, schema)
    else:
        if not isinstance(value, dict):
            raise _Misfit(f"expected map, got {_go(value)}")
        for key, child in value.items():
            below = schema.child(key)
            if below is None:
                raise _Misfit("field not declared in schema", "f:" + key)
            if type(child) is below.plain:
                continue
            try:
                _check(child, below)
            except _Misfit as misfit:
                misfit.reversed_path.append("f:" + key)
                raise


def _check_scalar(value: Any, schema: Schema) -> None:
    if not schema.scalar or schema.format == "date-time":
        if isinstance(value, dict | list):
            raise _Misfit(f"expected any scalar, got {_go(value)}")
        return
    wanted = _SCALARS.get(schema.scalar, ())
    if isinstance(value, wanted) and (schema.scalar == "boolean" or not isinstance(value, bool)):
        return
    if schema.scalar == "string":
        raise _Misfit(f"expected string, got &value.valueUnstructured{{Value:{gotext.syntax(value)}}}")
    if schema.scalar == "boolean":
        raise _Misfit(f"expected boolean, got {_go(value)}")
    raise _Misfit(f"expected numeric (int or float), got {gotext.type_name(value)}")


def _go(value: Any) -> str:
    """A value as the real server's messages print it."""
    return f"&{{{gotext.plain(value)}}}"


def _check_items(items: Sequence[Any], schema: Schema) -> None:
    seen = set()
    for index, item in enumerate(items):
        element = f"i:{index}"
        if schema.list_type != "atomic":
            try:
                element = item_element(item, schema)
            except TypeMismatch as error:
                raise _Misfit(f"element {index}: {error}") from None
            if element in seen:
                raise _Misfit(f"duplicate entries for key {text((element,))}")
            seen.add(element)
        try:
            _check(item, schema.item())
        except _Misfit as misfit:
            misfit.reversed_path.append(element)
            raise


def _collect(value: Any, schema: Schema, into: FieldSet) -> bool:
    """Adds what a value sets below itself; gives whether it is a leaf, which belongs to its parent's fields."""
    shape = _shape(schema, value)
    if shape == "scalar" or _is_atomic(schema, shape):
        return True
    if shape == "list":
        _collect_items(_list(value), schema, into)
        return False
    for key, child in _map(value).items():
        element = "f:" + key
        type_below = schema.child(key) or _ANY
        if type_below.kind == "scalar":
            into.members.add(element)
            continue
        below = FieldSet()
        is_leaf = _collect(child, type_below, below)
        if is_leaf or child is None or child is EMPTIED or child == {} or not schema.declares(key):
            into.members.add(element)
        if below.members or below.children:
            into.children[element] = below
    return False


def _collect_items(items: Sequence[Any], schema: Schema, into: FieldSet) -> None:
    elements = [item_element(item, schema) for item in items]
    repeated = _repeated(elements)
    for element, item in zip(elements, items, strict=True):
        into.members.add(element)
        below = FieldSet()
        if element not in repeated:
            _collect(item, schema.item(), below)
        if below.members or below.children:
            into.children[element] = below


def _repeated(elements: list[str]) -> set[str]:
    """The elements that stand there more than once."""
    once = set(elements)
    return set() if len(once) == len(elements) else {one for one in once if elements.count(one) > 1}


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
    if old is ABSENT or new is ABSENT:
        part, value = (found.added, new) if old is ABSENT else (found.removed, old)
        part.insert(path)
        _spread(value, schema, part.reach(path), shape)
    elif shape == "list":
        _compare_lists(_list(old), _list(new), schema, path, found)
    else:
        before, after = _map(old), _map(new)
        for key in before.keys() | after.keys():
            below = schema.child(key) or _ANY
            _compare(before.get(key, ABSENT), after.get(key, ABSENT), below, (*path, "f:" + key), found)


def _spread(value: Any, schema: Schema, into: FieldSet, shape: str) -> None:
    """Adds all that came, or went, with a list or map as a whole."""
    if shape != "list":
        for key, child in _map(value).items():
            _spread_one(child, schema.child(key) or _ANY, into, "f:" + key)
        return
    for element, items in _by_element(_list(value), schema).items():
        if len(items) == 1:
            _spread_one(items[0], schema.item(), into, element)
        else:
            into.members.add(element)


def _spread_one(value: Any, schema: Schema, into: FieldSet, element: str) -> None:
    into.members.add(element)
    shape = _shape(schema, value)
    if shape == "scalar" or _is_empty(value) or _is_atomic(schema, shape):
        return
    below = FieldSet()
    _spread(value, schema, below, shape)
    if below.members or below.children:
        into.children[element] = below


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


def _has_items(live: list[Any], config: list[Any], schema: Schema) -> bool:
    elements = [item_element(item, schema) for item in config]
    if len(live) != len(config) or _repeated(elements):
        return False
    return all(
        element == item_element(item, schema) and has_all(item, wanted, schema.item())
        for element, item, wanted in zip(elements, live, config, strict=True)
    )


def _merge_lists(live: list[Any], config: list[Any], schema: Schema) -> list[Any]:
    """Items in the config's order, those of the live list alone where they stood among their neighbours."""
    left = [item_element(item, schema) for item in live]
    right = [item_element(item, schema) for item in config]
    # A repeated live item cannot be told apart: the config's one takes the place of all.
    repeated = _repeated(left)
    old = {element: None if element in repeated else item for element, item in zip(left, live, strict=True)}
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
    is_live = len(merged) == len(live) and all(one is other for one, other in zip(merged, live, strict=True))
    return live if is_live else merged
