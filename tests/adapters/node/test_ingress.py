"""The router leads requests to ready pods, and says why where it does not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.node import RealWorld, expose, ingress, server
from tests.support.workloads import service

from jx.adapters.local.node import routes


def test_a_host_of_an_ingress_leads_to_its_service_with_and_without_the_port(world: RealWorld) -> None:
    host = "web.127.0.0.1.nip.io"
    expose(world, host=host)
    world.apply(server())
    world.until_ready()
    assert world.seen(host=host)["host"] == host
    assert world.seen(host=f"{host}:{world.cluster.ingress.port}")["ip"].startswith("127.")
    assert world.ask()[0] == 404


def test_a_body_is_passed_on_up_to_the_limit(world: RealWorld) -> None:
    expose(world)
    world.apply(server())
    world.until_ready()
    assert world.ask(method="POST", body=b"x" * 100_000) == (200, b"x" * 100_000)
    status, text = world.ask(method="POST", body=b"x" * (10 * 1024 * 1024 + 1))
    assert (status, text) == (413, b"the body is larger than 10485760 bytes\n")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1:1", "127.0.0.1"])
def test_a_host_that_no_ingress_has_is_unknown(world: RealWorld, host: str) -> None:
    expose(world)
    assert world.ask(host=host)[0] == 404


def test_a_service_that_is_missing_or_has_no_ready_pod_is_said_so(world: RealWorld) -> None:
    world.apply(ingress())
    world.until(lambda: world.get("Ingress", "web").get("status", {}).get("loadBalancer", {}).get("ingress"))
    assert world.ask() == (503, b"service default/web does not exist\n")
    world.apply(service())
    assert world.ask() == (503, b"no pod of service default/web is ready\n")


def rule(path: str, *, exact: bool = False, host: str = "", service: str = "s") -> routes.Rule:
    return routes.Rule(host, path, exact, "default", service, 80)


@pytest.mark.parametrize(
    ("path", "service"),
    [("/", "root"), ("/hook", "exact"), ("/hook/x", "long"), ("/hooks", "root"), ("/hook/x/y", "long")],
)
def test_the_most_precise_path_counts(path: str, service: str) -> None:
    rules = [
        rule("/", service="root"),
        rule("/hook", exact=True, service="exact"),
        rule("/hook/", service="prefix"),
        rule("/hook/x", service="long"),
    ]
    found = routes.find_rule(rules, "", path)
    assert found is not None
    assert found.service == service


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("127.0.0.1:80", None),
        ("127.0.0.1:8080", ""),
        ("localhost:8080", ""),
        ("[::1]:8080", ""),
        ("Hook.example:8080", "hook.example"),
        ("hook.example", "hook.example"),
        ("hook.example:1", None),
    ],
)
def test_only_our_own_port_and_loopback_names_mean_this_machine(header: str, host: str | None) -> None:
    assert routes.host_of(header, 8080) == host


def test_a_default_backend_takes_what_no_path_takes() -> None:
    backend = {"service": {"name": "rest", "port": {"number": 80}}}
    made: dict[str, Any] = ingress(path="/only", kind="Exact")
    made["metadata"]["namespace"] = "default"
    made["spec"]["defaultBackend"] = backend
    rules = list(routes.rules_of([made]))
    found = routes.find_rule(rules, "", "/else")
    assert found is not None
    assert found.service == "rest"
