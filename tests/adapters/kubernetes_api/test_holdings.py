"""Addresses and node ports: held by one Service, free again when it is gone."""

from __future__ import annotations

import pytest

from jx.adapters.local.kubernetes.api import Api, ApiError
from jx.adapters.local.kubernetes.store import Store
from jx.adapters.local.kubernetes.types.facts import Obj
from jx.adapters.local.kubernetes.writes.holdings import SERVICES, Holdings


def _service(name: str, **spec: object) -> Obj:
    ports = [{"port": 80, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": ports, **spec},
    }


def test_what_a_service_holds_is_refused_to_others_until_it_is_gone() -> None:
    api = Api.open(None)
    services = api.resource("", "services")
    node_port = [{"port": 80, "nodePort": 30123}]
    first = _service("first", type="NodePort", ports=node_port, clusterIP="10.96.7.7")
    api.create(services, "default", first, manager="test")
    for held, words in (
        ({"clusterIP": "10.96.7.7"}, "already allocated"),
        ({"type": "NodePort", "ports": node_port}, "already allocated"),
    ):
        with pytest.raises(ApiError, match=words):
            api.create(services, "default", _service("second", **held), manager="test")
    api.delete(services, "default", "first")
    second = {**first, "metadata": {"name": "second"}}
    made = api.create(services, "default", second, manager="test")
    assert made["spec"]["clusterIP"] == "10.96.7.7"
    assert made["spec"]["ports"][0]["nodePort"] == 30123
    api.close()


def test_services_that_come_and_go_never_share_an_address() -> None:
    api = Api.open(None)
    services = api.resource("", "services")
    for number in range(30):
        api.create(services, "default", _service(f"s-{number}"), manager="test")
        if number % 3 == 0:
            api.delete(services, "default", f"s-{number}")
    addresses = [service["spec"]["clusterIP"] for service in api.list(services)]
    assert len(addresses) == len(set(addresses))
    api.close()


def test_holdings_are_right_when_more_has_changed_than_is_remembered() -> None:
    store = Store(None, history=2)
    holdings = Holdings(store)
    for number in range(4):
        spec = {"clusterIPs": [f"10.96.0.{number}"], "ports": [{"nodePort": 30000 + number}]}
        store.put(SERVICES, ("a", str(number)), {**_service(str(number)), "spec": spec})
        if number == 0:
            assert set(holdings.addresses) == {"10.96.0.0"}
    store.remove(SERVICES, ("a", "0"))
    assert set(holdings.addresses) == {"10.96.0.1", "10.96.0.2", "10.96.0.3"}
    assert set(holdings.ports) == {30001, 30002, 30003}
    store.close()
