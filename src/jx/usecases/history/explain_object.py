"""Explain an object: why it exists. From ledgers, and for what others made from the cluster. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from jx.domain.applying.applying import LiveObject
from jx.domain.errors import JxError, NotFound
from jx.domain.history.history import HistoryEntry
from jx.domain.history.history_choice import HistoryChoice
from jx.domain.objects.manifests import Capabilities, KindInfo, ObjectRef
from jx.ports.cluster import Cluster, Scope
from jx.usecases.history.blame_object import FindInLedger, Found
from jx.usecases.history.show_history import HistoryRequest, Place, ShowHistory

_LONGEST_CHAIN = 10


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an object exists, or why it does not any more."""

    ref: ObjectRef
    owners: tuple[ObjectRef, ...] = ()
    """What it belongs to, nearest first: controllers made it for them."""
    managers: tuple[str, ...] = ()
    """Who made it, where it is no part of an environment."""
    found: Found | None = None
    """The ledger that has it, or the last of its owners."""
    app: str = ""
    version: str = ""
    created: HistoryEntry | None = None
    changed: HistoryEntry | None = None
    deleted: HistoryEntry | None = None


@dataclass(frozen=True, slots=True)
class ExplainObject:
    """`cluster` is None where there is none to ask: then only what ledgers have can be explained."""

    show_history: ShowHistory
    cluster: Cluster | None = None

    def __call__(
        self, places: tuple[Place, ...], kind: str, name: str, *, namespace: str = ""
    ) -> Explanation:
        """The explanation. NotFound where neither a ledger nor the cluster knows the object, nor ever did."""
        find = FindInLedger(self.show_history.histories)
        found = find(places, kind, name, namespace)
        if found:
            return self._in_ledger(Explanation(found.ref), found)
        live = self._find_live(kind, name, namespace)
        if live is None:
            return self._in_the_past(places, kind, name, namespace)
        managers = dict.fromkeys(
            str(entry.get("manager")) for entry in live.body["metadata"].get("managedFields") or ()
        )
        explained = Explanation(live.ref, tuple(self._owners(live)), tuple(managers))
        if not explained.owners:
            return explained
        last = explained.owners[-1]
        found = find(places, last.kind, last.name, last.namespace)
        return self._in_ledger(explained, found) if found else explained

    def _in_ledger(self, explained: Explanation, found: Found) -> Explanation:
        entries = self._entries((found.place,), found.ref)
        begun = next((e for e in entries if _action(e, found.ref) == "created"), None)
        newest = next((e for e in entries if _action(e, found.ref) == "changed"), None)
        told = entries[0] if entries else None
        app = told.app_of(found.path) if told else ""
        version = _newest_charts(entries).get(app, "")
        return replace(
            explained,
            found=found,
            app=app,
            version=version,
            created=begun,
            changed=newest if newest != begun else None,
        )

    def _in_the_past(self, places: tuple[Place, ...], kind: str, name: str, namespace: str) -> Explanation:
        request = HistoryRequest(places, choice=HistoryChoice(ref=(kind, name, namespace)))
        for entry in self.show_history(request):
            one = next(one for one in entry.objects if one.ref.name == name)
            if one.action == "deleted":
                return Explanation(one.ref, app=one.app, deleted=entry)
        raise NotFound(
            f"neither a ledger nor the cluster knows {kind}/{name}",
            hint="name its namespace with -n, or another kind",
        )

    def _entries(self, places: tuple[Place, ...], ref: ObjectRef) -> tuple[HistoryEntry, ...]:
        return self.show_history(
            HistoryRequest(places, choice=HistoryChoice(ref=(ref.kind, ref.name, ref.namespace)))
        )

    def _find_live(self, kind: str, name: str, namespace: str) -> LiveObject | None:
        if self.cluster is None:
            return None
        try:
            capabilities = self.cluster.capabilities()
        except JxError:
            return None
        for info in _kinds(capabilities, kind):
            for live in self.cluster.live((_scope(info, namespace),)):
                if live.ref.name == name and namespace in {"", live.ref.namespace}:
                    return live
        return None

    def _owners(self, live: LiveObject) -> Iterator[ObjectRef]:
        """What it belongs to, and what that belongs to, as far as the cluster has it."""
        current: LiveObject | None = live
        for _ in range(_LONGEST_CHAIN):
            owners = current.body["metadata"].get("ownerReferences") if current else None
            if not owners:
                return
            owner = next((one for one in owners if one.get("controller")), owners[0])
            version = str(owner.get("apiVersion", ""))
            group = version.rpartition("/")[0]
            ref = ObjectRef(group, str(owner["kind"]), live.ref.namespace, str(owner["name"]))
            yield ref
            assert self.cluster is not None
            there = self.cluster.live((Scope(version, ref.kind, ref.namespace),))
            current = next((one for one in there if one.ref == ref), None)


def _kinds(capabilities: Capabilities, kind: str) -> list[KindInfo]:
    wanted = kind.casefold()
    return [
        info
        for info in capabilities.kinds.values()
        if wanted in {info.kind.casefold(), info.plural.casefold(), f"{info.kind}.{info.group}".casefold()}
    ]


def _scope(info: KindInfo, namespace: str) -> Scope:
    version = f"{info.group}/{info.versions[0]}" if info.group else info.versions[0]
    return Scope(version, info.kind, namespace if info.namespaced else "")


def _action(entry: HistoryEntry, ref: ObjectRef) -> str:
    return next((one.action for one in entry.objects if one.ref == ref), "")


def _newest_charts(entries: tuple[HistoryEntry, ...]) -> dict[str, str]:
    newest = next((entry for entry in entries if entry.is_apply), None)
    return newest.charts if newest else {}
