"""What Services hold of what there is once: addresses and node ports, kept up with the store instead of counted for each."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from jx.adapters.local.kubernetes.store import Collection, Expired, Store
from jx.adapters.local.kubernetes.types.facts import Obj

SERVICES: Final[Collection] = ("", "services")


class Holdings:
    """The cluster addresses and node ports of all Services as they are stored now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = -1
        self._addresses: set[str] = set()
        self._ports: set[int] = set()

    @property
    def addresses(self) -> Set[str]:
        self._keep_up()
        return self._addresses

    @property
    def ports(self) -> Set[int]:
        self._keep_up()
        return self._ports

    def _keep_up(self) -> None:
        try:
            changes = self._store.changes(SERVICES, self._seen)
        except Expired:
            self._addresses, self._ports = set(), set()
            for stored in self._store.entries(SERVICES):
                self._add(stored.obj)
        else:
            for change in changes:
                if change.old is not None:
                    self._addresses.difference_update(_addresses_of(change.old.obj))
                    self._ports.difference_update(ports_of(change.old.obj["spec"]))
                if change.type != "DELETED":
                    self._add(change.new.obj)
        self._seen = self._store.revision

    def _add(self, service: Obj) -> None:
        self._addresses.update(_addresses_of(service))
        self._ports.update(ports_of(service["spec"]))


def ports_of(spec: Obj) -> set[int]:
    """The node ports of a Service, that of its health check too."""
    numbers = {port.get("nodePort") for port in spec.get("ports") or ()} | {spec.get("healthCheckNodePort")}
    return {number for number in numbers if number}


def _addresses_of(service: Obj) -> list[str]:
    return service["spec"].get("clusterIPs") or []
