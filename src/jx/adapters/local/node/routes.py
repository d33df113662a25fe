"""Which address an HTTP request goes to, by the Ingress objects; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from jx.adapters.local.kubernetes.controllers import objects
from jx.adapters.local.kubernetes.controllers.endpoints import find_backends, target_port
from jx.adapters.local.kubernetes.types.facts import Obj

_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True)
class Rule:
    """One path of one Ingress; an empty host stands for the loopback names."""

    host: str
    path: str
    exact: bool
    namespace: str
    service: str
    port: int | str

    @property
    def weight(self) -> tuple[bool, bool, int]:
        """Of the rules that fit a request the heaviest counts: with a host, exact, longest."""
        return (bool(self.host), self.exact, len(self.path))

    def fits(self, host: str, path: str) -> bool:
        return self._fits_host(host) and self._fits_path(path)

    def _fits_host(self, host: str) -> bool:
        if self.host.startswith("*."):
            return host.partition(".")[2] == self.host[2:]
        return host == self.host

    def _fits_path(self, path: str) -> bool:
        if self.exact:
            return path == self.path
        stem = self.path.rstrip("/")
        return path == stem or path.startswith(f"{stem}/")


@dataclass(frozen=True)
class Refusal:
    """Why a request goes nowhere: an HTTP status and a text for a person."""

    status: int
    text: str


@dataclass(frozen=True)
class Target:
    """Where a request goes."""

    address: str
    port: int
    rule: Rule


def rules_of(ingresses: Iterable[Obj]) -> Iterator[Rule]:
    for ingress in ingresses:
        namespace = objects.namespace_of(ingress)
        default = ingress["spec"].get("defaultBackend")
        hosts = set()
        for entry in ingress["spec"].get("rules") or []:
            host = entry.get("host", "")
            hosts.add(host)
            for path in (entry.get("http") or {}).get("paths") or []:
                exact = path.get("pathType") == "Exact"
                yield from _rules(host, path.get("path") or "/", path["backend"], namespace, exact=exact)
        if default:
            for host in hosts or {""}:
                yield from _rules(host, "", default, namespace, exact=False)


def _rules(host: str, path: str, backend: Obj, namespace: str, *, exact: bool) -> Iterator[Rule]:
    service = backend.get("service")
    if service:
        port = service.get("port") or {}
        yield Rule(host, path, exact, namespace, service["name"], port.get("number") or port.get("name", ""))


def host_of(header: str, port: int) -> str | None:
    """The host that a request means: "" for this machine by a loopback name and our port, else the name of an Ingress.

    None for a header that is nobody's: a page of elsewhere must not reach loopback services under its own name.
    """
    name, colon, number = header.lower().rpartition(":")
    if not colon or not number.isdigit():
        name, number = header.lower(), ""
    if name in _LOOPBACK_NAMES or (name.startswith("127.") and name.replace(".", "").isdigit()):
        return "" if number == str(port) or (not number and port == 80) else None
    return name if number in ("", str(port)) else None


def find_rule(rules: Iterable[Rule], host: str, path: str) -> Rule | None:
    return max((rule for rule in rules if rule.fits(host, path)), key=lambda rule: rule.weight, default=None)


def find_target(
    rule: Rule, service: Obj | None, pods: Iterable[Obj], choose: Callable[[int], int]
) -> Target | Refusal:
    """A ready pod of the rule's service; `choose` picks one of so many."""
    name = f"{rule.namespace}/{rule.service}"
    if service is None:
        return Refusal(503, f"service {name} does not exist")
    port = next(
        (
            each
            for each in service["spec"].get("ports") or []
            if rule.port in (each["port"], each.get("name"))
        ),
        None,
    )
    if port is None:
        return Refusal(503, f"service {name} has no port {rule.port}")
    if not service["spec"].get("selector"):
        return Refusal(503, f"service {name} selects no pods")
    found = [
        (objects.status_of(backend.pod)["podIP"], number)
        for backend in find_backends(service, pods)
        if backend.ready and (number := target_port(port, backend.pod)) is not None
    ]
    if not found:
        return Refusal(503, f"no pod of service {name} is ready")
    address, number = found[choose(len(found))]
    return Target(address, number, rule)
