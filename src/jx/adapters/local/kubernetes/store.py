"""Where objects live: all of them in memory, each committed change in SQLite first, and the last changes for watches."""

from __future__ import annotations

import bisect
import sqlite3
import sys
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import orjson

from jx.adapters.local.kubernetes.errors import ApiError
from jx.adapters.local.kubernetes.types.facts import Obj

Collection: TypeAlias = tuple[str, str]
"""Group and plural: all versions of a resource are stored together."""

Key: TypeAlias = tuple[str, str]
"""Namespace ("" for cluster-scoped objects) and name."""

ChangeType: TypeAlias = Literal["ADDED", "MODIFIED", "DELETED"]

# Of what the store of a real cluster takes in one request.
_LARGEST = 3 * 512 * 1024

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  grp TEXT NOT NULL, plural TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  revision INTEGER NOT NULL, api_version TEXT NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (grp, plural, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO counters VALUES ('revision', 0);
"""
_PUT = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_REMOVE = "DELETE FROM objects WHERE grp = ? AND plural = ? AND namespace = ? AND name = ?"
# Objects tell their revisions; only that of a removal must be kept apart.
_COUNT = "UPDATE counters SET value = ? WHERE name = 'revision'"
_COUNTED = "SELECT value FROM counters WHERE name = 'revision'"


# Of each collection: enough for thousands of usual objects, and for some of the largest.
_HISTORY_BYTES = 8 * 1024 * 1024
# So many changes of a collection are likely to be looked at by all who follow it.
_FRESH = 64


class Expired(Exception):
    """The changes since this revision are no longer kept; list again."""


class Stored:
    """An object at a revision. `body` is its JSON without kind and apiVersion, so that any version can be prefixed."""

    __slots__ = ("_api_version", "_kind", "_obj", "body", "revision")

    def __init__(self, obj: Obj, body: bytes, revision: int) -> None:
        self._obj: Obj | None = obj
        self._kind, self._api_version = sys.intern(obj["kind"]), sys.intern(obj["apiVersion"])
        self.body = body
        self.revision = revision

    @property
    def obj(self) -> Obj:
        """The object; never change it."""
        made = self._obj
        if made is None:
            made = self._obj = {
                "kind": self._kind,
                "apiVersion": self._api_version,
                **orjson.loads(self.body),
            }
        return made

    def pack(self) -> None:
        """Keep the JSON only, a tenth in memory; the object is read from it when it is asked for."""
        self._obj = None


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change; `old` is what was there before."""

    type: ChangeType
    collection: Collection
    key: Key
    new: Stored
    old: Stored | None


class Store:
    """All objects under one revision counter. Not thread-safe: the API holds its lock around every call.

    Stored objects are never changed in place; whoever changes one puts a new one.
    A write that returned survives the death of the process. One process at a time: OSError where another has the
    file open, or where it is damaged.
    """

    def __init__(
        self, path: Path | None, *, history: int = 4096, history_bytes: int = _HISTORY_BYTES
    ) -> None:
        self._history, self._history_bytes = history, history_bytes
        self._database = _open_database(path)
        self._objects: defaultdict[Collection, dict[Key, Stored]] = defaultdict(dict)
        self._keys: dict[Collection, list[Key]] = {}
        self._changes: defaultdict[Collection, deque[Change]] = defaultdict(deque)
        self._bytes: defaultdict[Collection, int] = defaultdict(int)
        self._floors: dict[Collection, int] = {}
        self.revision = 0
        self._load()
        self._first = self.revision

    def close(self) -> None:
        self._database.close()

    def collections(self) -> list[Collection]:
        """The collections that hold an object."""
        return [collection for collection, objects in self._objects.items() if objects]

    def find(self, collection: Collection, key: Key) -> Stored | None:
        return self._objects[collection].get(key)

    def entries(self, collection: Collection, namespace: str = "") -> list[Stored]:
        """The objects in the order of their keys, of one namespace or of all for ""."""
        objects = self._objects[collection]
        keys = self._keys.get(collection)
        if keys is None:
            keys = self._keys[collection] = sorted(objects)
        if not namespace:
            return [objects[key] for key in keys]
        first = bisect.bisect_left(keys, (namespace, ""))
        last = bisect.bisect_left(keys, (namespace + "\0", ""))
        return [objects[key] for key in keys[first:last]]

    def put(self, collection: Collection, key: Key, obj: Obj) -> Change:
        """Commit an object (it now belongs to the store) under the next revision."""
        objects = self._objects[collection]
        old = objects.get(key)
        new = self._numbered(obj)
        if len(new.body) > _LARGEST:
            raise ApiError(500, "", "etcdserver: request is too large")
        self._commit(_PUT, (*collection, *key, new.revision, obj["apiVersion"], obj["kind"], new.body))
        self.revision = new.revision
        objects[key] = new
        if old is None and (keys := self._keys.get(collection)) is not None:
            bisect.insort(keys, key)
        return self._record(Change("ADDED" if old is None else "MODIFIED", collection, key, new, old))

    def remove(self, collection: Collection, key: Key, last: Obj | None = None) -> Change:
        """Commit the removal of an object; `last` is its final state where that differs from the stored one."""
        old = self._objects[collection][key]
        final = last if last is not None else old.obj
        new = self._numbered({**final, "metadata": dict(final["metadata"])})
        # Where it ends between these two, a number is skipped.
        self._commit(_COUNT, (new.revision,))
        self._commit(_REMOVE, (*collection, *key))
        self.revision = new.revision
        del self._objects[collection][key]
        if (keys := self._keys.get(collection)) is not None:
            del keys[bisect.bisect_left(keys, key)]
        return self._record(Change("DELETED", collection, key, new, old))

    def changes(self, collection: Collection, since: int) -> list[Change]:
        """The changes after a revision, in order; Expired where some of them are forgotten."""
        if since < max(self._floors.get(collection, 0), self._first):
            raise Expired
        changes = self._changes[collection]
        if not changes or changes[-1].new.revision <= since:
            return []
        newest: list[Change] = []
        for change in reversed(changes):
            if change.new.revision <= since:
                break
            newest.append(change)
        newest.reverse()
        return newest

    def oldest(self, collection: Collection) -> int:
        """The oldest revision from which changes are known."""
        return max(self._floors.get(collection, 0), self._first)

    def last_change(self, collection: Collection) -> int:
        """The newest revision at which this collection may have changed."""
        changes = self._changes[collection]
        return changes[-1].new.revision if changes else self._first

    def _commit(self, statement: str, row: tuple[object, ...]) -> None:
        try:
            self._database.execute(statement, row)
        except sqlite3.Error as error:
            raise ApiError(500, "InternalError", f"Internal error occurred: {error}") from error

    def _numbered(self, obj: Obj) -> Stored:
        revision = self.revision + 1
        obj["metadata"]["resourceVersion"] = str(revision)
        return Stored(obj, encode(obj), revision)

    def _record(self, change: Change) -> Change:
        """Remember a change, and forget the oldest ones that are too many or too large together."""
        collection = change.collection
        changes = self._changes[collection]
        changes.append(change)
        if len(changes) > _FRESH:
            _pack(changes[-_FRESH - 1])
        self._bytes[collection] += len(change.new.body)
        while len(changes) > self._history or (
            self._bytes[collection] > self._history_bytes and len(changes) > 1
        ):
            forgotten = changes.popleft()
            self._floors[collection] = forgotten.new.revision
            self._bytes[collection] -= len(forgotten.new.body)
        return change

    def _load(self) -> None:
        self.revision = self._database.execute(_COUNTED).fetchone()[0]
        rows: Iterator[tuple[str, str, str, str, int, str, str, bytes]]
        rows = self._database.execute("SELECT * FROM objects")
        for group, plural, namespace, name, revision, api_version, kind, body in rows:
            obj = {"kind": kind, "apiVersion": api_version, **orjson.loads(body)}
            self._objects[(group, plural)][(namespace, name)] = Stored(obj, body, revision)
            self.revision = max(self.revision, revision)


def _pack(change: Change) -> None:
    """Make what a change left behind small; what is still there is `new` of a change that has no successor."""
    if change.old is not None:
        change.old.pack()
    if change.type == "DELETED":
        change.new.pack()


def encode(obj: Obj) -> bytes:
    """The JSON of an object without kind and apiVersion."""
    return orjson.dumps({key: value for key, value in obj.items() if key not in {"kind", "apiVersion"}})


def _open_database(path: Path | None) -> sqlite3.Connection:
    database = sqlite3.connect(
        str(path) if path else ":memory:", check_same_thread=False, timeout=1, isolation_level=None
    )
    try:
        # Memory is the truth for readers, so there may be one process only.
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(_SCHEMA)
    except sqlite3.OperationalError as error:
        database.close()
        raise OSError(f"{path} cannot be opened: {error}; does another API server use it?") from error
    except sqlite3.DatabaseError as error:
        database.close()
        raise OSError(f"{path} is damaged: {error}") from error
    return database
